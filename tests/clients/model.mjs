// SPDX-License-Identifier: Apache-2.0
// Plays a model on loopback for codex (Responses API, streamed): its first answer calls the tool add_note, its second
// says what came back. Prints what it was offered and what the call returned.
import { createServer } from "node:http";

const event = (type, data) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2, input_tokens_details: null, output_tokens_details: null };

// Tools may come flat ("mcp__notes__add_note") or inside a namespace; the call must name them the same way.
function find(tools, path = []) {
  for (const tool of tools ?? []) {
    if (tool.tools) {
      const inner = find(tool.tools, [...path, tool.name]);
      if (inner) return inner;
    } else if ((tool.name ?? "").endsWith("add_note")) {
      return { name: tool.name, namespace: path.at(-1) };
    }
  }
}

createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    if (request.method !== "POST") return response.writeHead(404).end();
    const asked = JSON.parse(body);
    const tool = find(asked.tools);
    const returned = (asked.input ?? []).find((item) => item.type === "function_call_output");
    console.log("offered", JSON.stringify((asked.tools ?? []).map((t) => [t.name, (t.tools ?? []).map((u) => u.name)])));
    let item = { type: "message", role: "assistant", id: "m1", content: [{ type: "output_text", text: "done" }] };
    if (returned) {
      console.log("called", "kept by codex:", JSON.stringify(returned.output).match(/\b\d+\b(?=[^\d]*$)/)?.[0], JSON.stringify(returned.output));
    } else if (tool) {
      item = { type: "function_call", id: "f1", call_id: "c1", arguments: JSON.stringify({ text: "kept by codex" }), ...tool };
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(event("response.created", { response: { id: "r1" } }));
    response.write(event("response.output_item.done", { item }));
    response.end(event("response.completed", { response: { id: "r1", usage } }));
  });
}).listen(0, "127.0.0.1", function () {
  console.log("port", this.address().port);
});
