// SPDX-License-Identifier: Apache-2.0
// Plays a model on loopback in the APIs of five clients, and keeps what it is asked. Whoever is asked QUESTION is the
// client itself: its first requests with tools are answered with the calls of TURNS (those whose tool it offers), one turn
// a request, the next ones with "done". Of the other requests those that hold the text `the work of NAME` are of the
// agent NAME, which a call started; "done" waits for all of them, because some clients end without their agents.
import { createServer } from "node:http";

const limits = { bytes: 16 << 20, requests: 64, wait_ms: 10_000 }; // of a body; of a model's life; for agents

const flat = (tools = []) =>
  tools.flatMap((tool) =>
    tool.functionDeclarations ?? (tool.type === "namespace" ? tool.tools.map((one) => ({ ...one, namespace: tool.name })) : [tool.function ?? tool]));
const whole = ({ namespace, name }) => (namespace ? `${namespace}__${name}` : name);
export const toolNames = (request) => flat(request?.tools).map(whole);
const event = (data) => `${data.type ? `event: ${data.type}\n` : ""}data: ${data === "[DONE]" ? data : JSON.stringify(data)}\n\n`;

// What each API makes of an answer, which is calls or, without any, the word "done".
function responses(calls) {
  const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2, input_tokens_details: null, output_tokens_details: null };
  const items = calls.map(({ tool, args }, i) => ({
    type: "function_call", id: `f${i}`, call_id: `c${i}`, name: tool.name, arguments: JSON.stringify(args),
    ...(tool.namespace ? { namespace: tool.namespace } : {}),
  }));
  const said = { type: "message", role: "assistant", id: "m1", content: [{ type: "output_text", text: "done" }] };
  return [
    { type: "response.created", response: { id: "r1" } },
    ...(items.length > 0 ? items : [said]).map((item) => ({ type: "response.output_item.done", item })),
    { type: "response.completed", response: { id: "r1", usage } },
  ];
}
function completions(calls) {
  const chunk = (choice) => ({ id: "r1", object: "chat.completion.chunk", created: 0, model: "test", choices: [{ index: 0, ...choice }] });
  const tool_calls = calls.map(({ tool, args }, index) => ({
    index, id: `c${index}`, type: "function", function: { name: tool.name, arguments: JSON.stringify(args) },
  }));
  const delta = { role: "assistant", ...(calls.length > 0 ? { tool_calls } : { content: "done" }) };
  return [chunk({ delta, finish_reason: null }), chunk({ delta: {}, finish_reason: calls.length > 0 ? "tool_calls" : "stop" }), "[DONE]"];
}
function gemini(calls) {
  const parts = calls.map(({ tool, args }) => ({ functionCall: { name: tool.name, args } }));
  return [{ candidates: [{ content: { role: "model", parts: calls.length > 0 ? parts : [{ text: "done" }] }, finishReason: "STOP", index: 0 }] }];
}
const apis = { "/responses": responses, "/chat/completions": completions, ":streamGenerateContent": gemini, ":generateContent": gemini };

// {url, client: its bodies in order, agents: name -> bodies, close()}. A turn: [[a tool's name or a regex, arguments], …].
export async function startModel({ question, turns }) {
  const kept = { client: [], agents: new Map() };
  const started = turns.flat().map(([, args]) => /the work of (\S+)/.exec(JSON.stringify(args).replace(/"/g, " "))?.[1]).filter(Boolean);
  let wake = () => {};
  const allAsked = async () => {
    const stop = Date.now() + limits.wait_ms;
    while (started.some((name) => !kept.agents.has(name)) && Date.now() < stop)
      await new Promise((resolve) => (wake = resolve, setTimeout(resolve, stop - Date.now()).unref()));
  };
  async function answer(asked, text) {
    const tools = flat(asked.tools);
    if (text.includes(question)) {
      if (tools.length === 0) return []; // a title, a summary
      const turn = turns[kept.client.length];
      kept.client.push(asked);
      if (!turn) return (await allAsked(), []);
      return turn.flatMap(([name, args]) =>
        tools.filter((tool) => name.test?.(whole(tool)) ?? name === whole(tool)).slice(0, 1).map((tool) => ({ tool, args })));
    }
    const name = started.find((one) => text.includes(`the work of ${one}`));
    if (name) kept.agents.set(name, [...(kept.agents.get(name) ?? []), asked]);
    wake();
    const end = tools.find((tool) => tool.name === "complete_task"); // how gemini's agents end
    return end ? [{ tool: end, args: { result: "done" } }] : [];
  }
  let requests = 0;
  const server = createServer((request, response) => {
    const path = new URL(request.url, "http://localhost").pathname;
    const api = Object.keys(apis).find((end) => path.endsWith(end));
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk) => {
      body += chunk;
      if (body.length > limits.bytes) request.destroy();
    });
    request.on("end", async () => {
      if (request.method !== "POST" || !api || ++requests > limits.requests) return response.writeHead(404).end();
      const asked = JSON.parse(body);
      const events = apis[api](await answer(asked, body));
      const streamed = api === ":streamGenerateContent" || asked.stream === true;
      response.writeHead(200, { "content-type": streamed ? "text/event-stream" : "application/json" });
      if (streamed) return response.end(events.map(event).join(""));
      if (api === ":generateContent") return response.end(JSON.stringify(events[0]));
      const { delta, ...choice } = events[0].choices[0];
      response.end(JSON.stringify({ ...events[0], object: "chat.completion", choices: [{ ...choice, message: delta, finish_reason: "stop" }] }));
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { ...kept, url: `http://127.0.0.1:${server.address().port}`, close: () => (server.close(), server.closeAllConnections()) };
}
