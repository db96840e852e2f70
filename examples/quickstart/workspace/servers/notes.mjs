// SPDX-License-Identifier: Apache-2.0
// A small MCP server (stdio, no dependencies) as a developer of one would edit it: the quickstart changes its schema,
// and then its code, between two starts and shows that RTT notices.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const notes = [];
// What is data beside the code may change without it, as with a server that asks a service for its tools.
const tools = JSON.parse(readFileSync(new URL("notes.tools.json", import.meta.url)));

const text = (value) => ({ content: [{ type: "text", text: String(value) }] });
const handlers = {
  initialize: (params) => ({
    protocolVersion: params.protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: "notes", version: "1.0.0" },
  }),
  ping: () => ({}),
  "tools/list": () => ({ tools }),
  "tools/call": ({ name, arguments: given }) => {
    if (name === "add_note") return text(notes.push(given.text));
    if (name === "count_notes") return text(notes.length);
    throw new Error(`no tool ${name}`);
  },
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const message = JSON.parse(line);
  if (message.id === undefined) return;
  const reply = { jsonrpc: "2.0", id: message.id };
  try {
    const handler = handlers[message.method];
    if (handler) reply.result = handler(message.params ?? {});
    else reply.error = { code: -32601, message: `no method ${message.method}` };
  } catch (error) {
    reply.error = { code: -32603, message: error.message };
  }
  process.stdout.write(JSON.stringify(reply) + "\n");
});
