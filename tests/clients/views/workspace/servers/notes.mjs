// SPDX-License-Identifier: Apache-2.0
// An MCP server (stdio, no dependencies) that keeps notes under the name it is started with.
import { createInterface } from "node:readline";

const [name] = process.argv.slice(2);
const notes = [];
const tools = [
  { name: "add_note", description: "Keeps a note.", inputSchema: { type: "object", properties: { text: { type: "string" } }, required: ["text"] } },
  { name: "count_notes", description: "How many notes are kept.", inputSchema: { type: "object", properties: {} } },
];
const text = (words) => ({ content: [{ type: "text", text: words }] });
const handlers = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name, version: "1.0.0" } }),
  ping: () => ({}),
  "tools/list": () => ({ tools }),
  "tools/call": (asked) => {
    if (asked.name === "add_note") notes.push(asked.arguments.text);
    else if (asked.name !== "count_notes") throw new Error(`no tool ${asked.name}`);
    return text(`${name}: ${notes.length} notes are kept`);
  },
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  const reply = { jsonrpc: "2.0", id };
  try {
    if (!handlers[method]) reply.error = { code: -32601, message: `no method ${method}` };
    else reply.result = handlers[method](params ?? {});
  } catch (error) {
    reply.error = { code: -32603, message: error.message };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
});
