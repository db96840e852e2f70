// SPDX-License-Identifier: Apache-2.0
// The same server on the TypeScript SDK v2, which speaks protocol 2026-07-28 (and 2025-11-25 to who asks for it): over
// stdio, or with `--http PORT` over the SDK's own HTTP. What a tool asks of its client is answered on the next try of its
// call: it is played again with the answers so far, which requestState carries, signed.
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { localhostHostValidation, localhostOriginValidation, toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler, createRequestStateCodec, inputRequired, MissingRequiredClientCapabilityError, ProtocolError, Server } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { completion, contents, lists, object, prompts, string, text, tools, user } from "./content.mjs";

const states = createRequestStateCodec({ key: randomBytes(32) });
const capabilities = (ctx) => ctx.mcpReq.envelope?.["io.modelcontextprotocol/clientCapabilities"] ?? {};
const elicit = (message, field) => ({ method: "elicitation/create", params: { mode: "form", message, requestedSchema: object({ [field]: string }, [field]) } });
const sample = (question) => ({ method: "sampling/createMessage", params: { messages: [user(text(question))], maxTokens: 100 } });
const roots = { method: "roots/list", params: {} };
const usable = (answer) => answer !== null && typeof answer === "object";

// A tool that wants all of `wanted` before it says `say(answers)`.
const wants = (wanted, say, state) => ["Wants input first.", object(), async (_, { ctx }) => {
  const given = ctx.mcpReq.inputResponses ?? {};
  if (Object.keys(wanted).every((name) => usable(given[name]))) return [text(say(given))];
  return inputRequired({ inputRequests: wanted, ...(state ? { requestState: await states.mint({ state }) } : {}) });
}];
const modern = {
  test_input_required_result_elicitation: wants({ user_name: elicit("What is your name?", "name") }, (given) => `Hello, ${given.user_name.content?.name}!`),
  test_input_required_result_sampling: wants({ capital_question: sample("What is the capital of France?") }, (given) => `The model says: ${given.capital_question.content?.text}`),
  test_input_required_result_list_roots: wants({ client_roots: roots }, (given) => `${given.client_roots.roots?.length} roots`),
  test_input_required_result_request_state: wants({ confirm: elicit("Please confirm", "ok") }, () => "state-ok", "kept"),
  test_input_required_result_tampered_state: wants({ confirm: elicit("Please confirm", "ok") }, () => "state-ok", "kept"),
  test_input_required_result_multiple_inputs: wants({ user_name: elicit("What is your name?", "name"), greeting: sample("Generate a greeting"), client_roots: roots }, () => "all inputs came", "kept"),
  test_input_required_result_multi_round: ["Wants input twice.", object(), async (_, { ctx }) => {
    const round = ctx.mcpReq.requestState()?.round ?? 0, given = ctx.mcpReq.inputResponses ?? {};
    if (round === 2 && usable(given.step2)) return [text("both rounds done")];
    const next = round >= 1 && usable(given.step1) ? 2 : 1;
    return inputRequired({
      inputRequests: next === 2 ? { step2: elicit("Step 2: What is your favorite color?", "color") } : { step1: elicit("Step 1: What is your name?", "name") },
      requestState: await states.mint({ round: next }),
    });
  }],
  test_input_required_result_capabilities: ["Wants what the client can give.", object(), (_, { ctx }) => {
    const can = capabilities(ctx), wanted = {};
    if (can.sampling) wanted.sampled = sample("Say something");
    if (can.elicitation) wanted.elicited = elicit("Say something", "said");
    return inputRequired({ inputRequests: wanted, requestState: "none" });
  }],
  test_streaming_elicitation: ["Tells its progress, then wants input.", object(), async (_, call) => {
    if (call.progressToken !== undefined) await call.tell("notifications/progress", { progressToken: call.progressToken, progress: 1, total: 2 });
    return [text(JSON.stringify(await call.ask("elicitation/create", elicit("Go on?", "yes").params)))];
  }],
  test_missing_capability: ["Needs a client with a model.", object(), (_, { ctx }) => {
    if (!capabilities(ctx).sampling) throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { sampling: {} } });
    return [text("it has one")];
  }],
  test_logging_tool: ["Logs while it works.", object(), async (_, call) => {
    await call.tell("notifications/message", { level: "info", data: "logged" });
    return [text("logged")];
  }],
  test_x_mcp_header: ["Has an argument that is mirrored in a header.", object({ region: { ...string, "x-mcp-header": "Region" } }), ({ region }) => [text(`region ${region}`)]],
};
const asking = { test_input_required_result_prompt: [[], (_, ctx) => {
  const given = ctx.mcpReq.inputResponses?.user_context;
  return usable(given) ? [user(text(`In the context of ${given.content?.context}`))] : undefined;
}] };

class Wanted extends Error {
  constructor(request) { super("input is wanted"); this.request = request; }
}
const unknown = (what, data) => { throw new ProtocolError(-32602, `unknown: ${what}`, data); };

async function call({ params }, ctx) {
  const [, , run] = { ...tools, ...modern }[params.name] ?? unknown(params.name);
  const state = ctx.mcpReq.requestState(), answers = Array.isArray(state?.answers) ? state.answers : [];
  if (state?.answers && ctx.mcpReq.inputResponses?.next) answers.push(ctx.mcpReq.inputResponses.next);
  let asks = 0;
  try {
    const result = await run(params.arguments ?? {}, {
      ctx,
      progressToken: ctx.mcpReq._meta?.progressToken,
      ask: (method, wanted) => { if (asks < answers.length) return answers[asks++]; throw new Wanted({ method, params: wanted }); },
      tell: (method, told) => (method === "notifications/message" ? ctx.mcpReq.log(told.level, told.data) : ctx.mcpReq.notify({ method, params: told })),
    });
    return Array.isArray(result) ? { content: result } : result;
  } catch (error) {
    if (!(error instanceof Wanted)) throw error;
    return inputRequired({ inputRequests: { next: error.request }, requestState: await states.mint({ answers }) });
  }
}

function serve() {
  const server = new Server({ name: "rtt-conformance-fixture", version: "2.0.0" }, {
    capabilities: { tools: {}, resources: {}, prompts: {}, logging: {}, completions: {} },
    requestState: { verify: async (given, ctx) => (given === "none" ? {} : states.verify(given, ctx)) },
  });
  const on = (method, handler) => server.setRequestHandler(method, handler);
  on("tools/list", () => ({ tools: lists.tools(modern) }));
  on("tools/call", call);
  on("resources/list", () => ({ resources: lists.resources() }));
  on("resources/templates/list", () => ({ resourceTemplates: lists.templates() }));
  on("resources/read", ({ params: { uri } }) => contents(uri) ?? unknown(uri, { uri }));
  on("prompts/list", () => ({ prompts: lists.prompts(asking) }));
  on("prompts/get", ({ params }, ctx) => {
    const [, say] = { ...prompts, ...asking }[params.name] ?? unknown(params.name);
    const messages = say(params.arguments ?? {}, ctx);
    return messages ? { messages } : inputRequired({ inputRequests: { user_context: elicit("What context should the prompt use?", "context") } });
  });
  on("completion/complete", ({ params }) => completion(params.argument.value));
  return server;
}

const at = process.argv.indexOf("--http");
if (at > 0) {
  const host = localhostHostValidation(), origin = localhostOriginValidation();
  const handle = toNodeHandler(createMcpHandler(serve));
  const http = createServer((request, response) => { if (host(request, response) && origin(request, response)) return handle(request, response); });
  http.listen(Number(process.argv[at + 1]), "127.0.0.1", () => console.log(JSON.stringify({ url: `http://127.0.0.1:${http.address().port}/mcp` })));
} else {
  serveStdio(serve);
}
