// SPDX-License-Identifier: Apache-2.0
// Shows five AI clients one workspace's view in every layout that RTT has, and asks each what it has: by its own
// commands, and by running it once on a model that is played here (model.mjs), which starts every agent, reads every
// skill and calls every server. Each must have all that its view holds, and must say and ask byte for byte the same
// as on plain files. One line a client and layout, a last line with the counts; exit 1 where something is missing.
// Last an agent's file is taken away, which must be seen. A client must leave its view and the project as they are.
// Usage: node matrix.mjs RTT FOLDER; FOLDER is there, empty, and becomes the clients' whole world. CLIENTS and LAYOUTS
// choose some by name.
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { clients, ripgrep } from "./clients.mjs";
import { asText, difference } from "./compare.mjs";
import { layouts } from "./layouts.mjs";
import { startModel, toolNames } from "./model.mjs";
import { world } from "./programs.mjs";
import { readSource } from "./source.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const [rtt, work] = process.argv.slice(2);
const { start, must } = world(work);
const question = "matrix-question";
const source = readSource(`${here}workspace`);
const every = source.servers.flatMap((server) => source.tools.map((tool) => ({ server, tool })));

function write(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

// The text of all strings in a value, each decoded.
function strings(value) {
  if (typeof value === "string") return value;
  if (value === null || typeof value !== "object") return "";
  return Object.values(value).map(strings).join("\n");
}

// What a client has of the source: [what, how many of it, of how many].
function counts(client, { listed, model }) {
  const [asked, answered] = [strings(model.client[0]), strings(model.client.at(-1))];
  const said = listed.map(({ out, err }) => out + err).join("\n");
  const has = (what) => !client.lacks.includes(what);
  const known = ({ name, description }) => asked.includes(name) && asked.includes(description);
  const request = (name) => model.agents.get(name)?.[0];
  const limited = ({ name, tools }) => { // to the tools of servers that its file names
    const may = has("tools of agents") && tools.length > 0 ? tools : every;
    const offered = toolNames(request(name)), names = (list) => list.map(({ server, tool }) => client.tool(server, tool));
    return request(name) && names(every).every((tool) => offered.includes(tool) === names(may).includes(tool));
  };
  const count = (what, list, holds) => [what, list.filter(holds).length, list.length];
  return [
    count("agents", source.agents, known),
    count("their texts", source.agents, ({ name, text }) => strings(request(name)).includes(text)),
    count("their tools", source.agents, limited),
    count("skills", source.skills, known),
    count("read", source.skills, ({ text }) => answered.includes(text)),
    count("rules", [{ text: source.rules }, ...(has("other rules") ? source.other : [])],
      ({ text, description }) => asked.includes(text) || (description && asked.includes(description))), // the text, or when to read it
    count("commands", has("commands") ? source.commands.slice(0, 1) : [], ({ text }) => asked.includes(text.replace("$ARGUMENTS", question))),
    count("tools", every, ({ server, tool }) => toolNames(model.client.at(-1)).includes(client.tool(server, tool))),
    count("servers called", source.servers, (server) => answered.includes(`${server}: 0 notes are kept`)),
    ...(client.connected ? [["connected", new Set(said.match(client.connected)).size, source.servers.length]] : []),
  ];
}

async function ask(client, layout, project) {
  for (const [path, text] of Object.entries(client.home(project))) if (text !== undefined) write(`${work}/home/${path}`, text);
  const command = [...(layout.prefix?.(client.name) ?? []), ...client.program];
  const listed = [];
  for (const args of client.lists) listed.push(await start([...command, ...args], project, client.env));
  const turn = [
    ...source.agents.map(({ name }) => client.agent(name)),
    ...source.skills.map(({ name }) => client.skill(name)),
    ...source.servers.map((server) => [client.tool(server, "count_notes"), {}]),
  ];
  const before = client.before?.(every.map(({ server, tool }) => client.tool(server, tool)));
  const model = await startModel({ question, turns: before ? [before, turn] : [turn] });
  const [args, env] = client.run(model.url, question);
  const ran = await start([...command, ...args], project, { ...client.env, ...env });
  model.close();
  return { listed, ran, model };
}

async function makeProject(client) {
  const project = `${work}/${client.name}`;
  cpSync(`${here}workspace`, project, { recursive: true });
  const servers = source.servers.map((name) => [name, { command: process.execPath, args: [`${project}/servers/notes.mjs`, name] }]);
  write(`${project}/.mcp.json`, JSON.stringify({ mcpServers: Object.fromEntries(servers) }));
  await must(["git", "init", "-q"], project);
  await must(["rtt", "up", "--yes"], project);
  rmSync(`${project}/.mcp.json`);
  await must(["git", "add", "."], project);
  await must(["git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "all"], project);
  return project;
}

// One client in one layout: its line, and whether all is as it should be.
async function judge(client, layout, project, before) {
  const whyNot = await layout.prepare(client.name, project, must);
  if (whyNot) {
    console.log(`--    ${client.name.padEnd(8)}  ${layout.name.padEnd(15)}  not here: ${whyNot}`);
    await layout.clear(client.name, project, must);
    return {};
  }
  const seen = await ask(client, layout, project);
  const rows = counts(client, seen);
  const text = asText(seen, [[project, "PROJECT"], [work, "WORK"]]);
  write(`${work}/out/${client.name}.${layout.name.replaceAll(" ", "-")}.json`, text);
  const troubles = rows.filter(([, has, of]) => has !== of).map(([what, has, of]) => `${what}: ${has} of ${of}`);
  if (seen.ran.code !== 0) troubles.push(`it ended with ${seen.ran.code}: ${seen.ran.err.slice(-300)}`);
  const differs = before && layout.compared !== false ? difference(before, text) : undefined;
  if (differs) troubles.push(`differs from ${layouts[0].name}, ${differs}`);
  if (layout.shown !== false) {
    const { code, out } = await start(["rtt", "view", "diff"], project);
    if (code !== 0) troubles.push(`the client changed what it is shown: ${out.trim()}`);
  }
  await layout.clear(client.name, project, must);
  const left = await must(["git", "status", "--porcelain", "--untracked-files=all"], project);
  if (left !== "") troubles.push(`left in the project: ${left.trim()}`);
  const cells = rows.map(([what, has, of]) => (of === 0 ? `${what} -` : `${what} ${has}/${of}`)).join("  ");
  const good = layout.fault ? troubles.some((trouble) => layout.fault.test(trouble)) : troubles.length === 0;
  console.log([`${good ? "ok  " : "FAIL"}  ${client.name.padEnd(8)}  ${layout.name.padEnd(15)}  ${cells}`,
    ...(layout.fault && good ? [] : troubles).map((trouble) => `      ${trouble}`)].join("\n"));
  return { good, text };
}

async function main() {
  mkdirSync(`${work}/home`);
  mkdirSync(`${work}/run`, { mode: 0o700 });
  mkdirSync(`${work}/bin`);
  symlinkSync(rtt, `${work}/bin/rtt`);
  symlinkSync(ripgrep, `${work}/bin/rg`);
  const some = (all, names) => all.filter(({ name }) => !names || names.split(",").includes(name));
  const left = some(clients, process.env.CLIENTS);
  let passed = 0, failed = 0;
  const worker = async () => {
    for (let client = left.shift(); client; client = left.shift()) {
      const project = await makeProject(client);
      let before;
      for (const layout of some(layouts, process.env.LAYOUTS)) {
        const { good, text } = await judge(client, layout, project, before);
        before ??= text;
        if (good !== undefined) good ? passed++ : failed++;
      }
      await must(["rtt", "down"], project);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}
process.exitCode = await main();
