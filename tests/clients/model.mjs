// SPDX-License-Identifier: Apache-2.0
// Plays a model on loopback for two clients, streamed: codex speaks the Responses API, opencode Chat Completions. Asked
// with tools, its first answer calls `add_note` of the server `notes` with TEXT; once the result is in the conversation
// it says so. Every line it prints is one JSON array: what it was offered, and what the call gave back.
// Usage: node model.mjs TEXT
import { createServer } from "node:http";

const text = process.argv[2];
const limit = 16 << 20; // bytes of one request
const tell = (...words) => console.log(JSON.stringify(words));
const isAddNote = (name) => /notes_+add_note$/.test(name);

// Tools of an MCP server come flat ("mcp__notes__add_note") or in a namespace; the call names them as they came.
function responsesTools(tools) {
  return tools.flatMap(({ name = "", tools: inner }) =>
    inner ? inner.map((one) => ({ name: one.name, namespace: name })) : [{ name }]);
}

function responses(asked, send) {
  const tools = responsesTools(asked.tools ?? []);
  const whole = ({ namespace, name }) => (namespace ? `${namespace}__${name}` : name);
  const tool = tools.find((one) => isAddNote(whole(one)));
  const returned = asked.input.find((item) => item.type === "function_call_output");
  tell("offered", ...tools.map(whole));
  if (returned) tell("returned", returned.output);
  const item = tool && !returned
    ? { type: "function_call", id: "f1", call_id: "c1", arguments: JSON.stringify({ text }), ...tool }
    : { type: "message", role: "assistant", id: "m1", content: [{ type: "output_text", text: "done" }] };
  const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2, input_tokens_details: null, output_tokens_details: null };
  const event = (type, data) => send({ type, ...data }, type);
  event("response.created", { response: { id: "r1" } });
  event("response.output_item.done", { item });
  event("response.completed", { response: { id: "r1", usage } });
}

function completions(asked, send) {
  const tools = (asked.tools ?? []).map((one) => one.function.name);
  const tool = tools.find(isAddNote);
  const returned = asked.messages.find((message) => message.role === "tool");
  if (tools.length > 0) tell("offered", ...tools);
  if (returned) tell("returned", returned.content);
  const calls = tool && !returned;
  const delta = calls
    ? { role: "assistant", tool_calls: [{ index: 0, id: "c1", type: "function", function: { name: tool, arguments: JSON.stringify({ text }) } }] }
    : { role: "assistant", content: "done" };
  const chunk = (choice) => send({ id: "r1", object: "chat.completion.chunk", created: 0, model: asked.model, choices: [{ index: 0, ...choice }] });
  chunk({ delta, finish_reason: null });
  chunk({ delta: {}, finish_reason: calls ? "tool_calls" : "stop" });
  send("[DONE]");
}

const apis = { "/v1/responses": responses, "/v1/chat/completions": completions };

createServer((request, response) => {
  const api = apis[request.url];
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (chunk) => {
    body += chunk;
    if (body.length > limit) request.destroy();
  });
  request.on("end", () => {
    if (request.method !== "POST" || !api) {
      tell("asked for", request.method, request.url);
      return response.writeHead(404).end();
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    api(JSON.parse(body), (data, type) =>
      response.write(`${type ? `event: ${type}\n` : ""}data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`));
    response.end();
  });
}).listen(0, "127.0.0.1", function () {
  tell("port", this.address().port);
});
