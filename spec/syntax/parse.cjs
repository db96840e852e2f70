// SPDX-License-Identifier: Apache-2.0
// parse.cjs FILE...: names every place of a TLA+ module that the grammar does not know; exit 1 if there is one. It sees
// syntax alone: no undefined name, no wrong arity.
const fs = require('fs');
const Parser = require('web-tree-sitter');

function* broken(node) {
  if (node.type === 'ERROR' || node.isMissing) yield node;
  else for (const child of node.children) yield* broken(child);
}

(async () => {
  await Parser.init();
  const parser = new Parser();
  parser.setLanguage(await Parser.Language.load(require.resolve('@tlaplus/tree-sitter-tlaplus/tree-sitter-tlaplus.wasm')));
  let found = 0;
  for (const file of process.argv.slice(2)) {
    for (const node of broken(parser.parse(fs.readFileSync(file, 'utf8')).rootNode)) {
      const at = node.startPosition;
      console.log(`${file}:${at.row + 1}:${at.column + 1}: ${JSON.stringify(node.text.slice(0, 60))}`);
      found += 1;
    }
  }
  process.exit(found === 0 ? 0 : 1);
})();
