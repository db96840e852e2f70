// SPDX-License-Identifier: Apache-2.0
// What the clients are to be shown, read from the workspace's own files and not by RTT: they are written such that a
// line of front matter is a plain text or a JSON string.
import { readdirSync, readFileSync } from "node:fs";

function read(file) {
  const [, front, text] = /^---\n(.*?)\n---\n(.*)$/s.exec(readFileSync(file, "utf8")) ?? [null, "", readFileSync(file, "utf8")];
  const value = (key) => {
    const line = new RegExp(`^${key}: *(.*)$`, "m").exec(front)?.[1];
    return line?.startsWith('"') ? JSON.parse(line) : line;
  };
  const tools = [...front.matchAll(/rtt:\/\/([a-z]+)\/tool\/([a-z_]+)/g)].map(([, server, tool]) => ({ server, tool }));
  return { name: value("name"), description: value("description"), text: text.trim(), tools };
}
const files = (folder) => readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile()).map((one) => `${one.parentPath}/${one.name}`);
const items = (folder, name) => files(folder).filter((file) => name.test(file)).sort().map(read);

export function readSource(folder) {
  return {
    agents: items(`${folder}/agents`, /\.md$/),
    skills: items(`${folder}/skills`, /SKILL\.md$/),
    rules: read(`${folder}/rules/main.md`).text,
    other: items(`${folder}/rules`, /migrations\.md$/),
    commands: items(`${folder}/commands`, /\.md$/),
    servers: ["diary", "notes"],
    tools: ["add_note", "count_notes"],
  };
}
