// SPDX-License-Identifier: Apache-2.0
// The server that the protocol's conformance suite expects behind what it tests, on the TypeScript SDK v1: over stdio
// for RTT to stand in front of, or with `--http PORT` over the SDK's own HTTP, to see what the suite says of it directly.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import * as types from "@modelcontextprotocol/sdk/types.js";

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
const WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";
const text = (said) => ({ type: "text", text: said });
const image = { type: "image", data: PNG, mimeType: "image/png" };
const embedded = (uri, said) => ({ type: "resource", resource: { uri, mimeType: "text/plain", text: said } });
const object = (properties = {}, required = []) => ({ type: "object", properties, required });
const string = { type: "string" };
const user = (content) => ({ role: "user", content });

const defaults = object({
  name: { type: "string", default: "John Doe" },
  age: { type: "integer", default: 30 },
  score: { type: "number", default: 95.5 },
  status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
  verified: { type: "boolean", default: true },
});
const titled = (words, ordinal) => words.map((word, i) => ({ const: word, title: `${["First", "Second", "Third"][i]} ${ordinal}` }));
const enums = object({
  untitledSingle: { type: "string", enum: ["option1", "option2", "option3"] },
  titledSingle: { type: "string", oneOf: titled(["value1", "value2", "value3"], "Option") },
  legacyEnum: { type: "string", enum: ["opt1", "opt2", "opt3"], enumNames: ["Option One", "Option Two", "Option Three"] },
  untitledMulti: { type: "array", items: { type: "string", enum: ["option1", "option2", "option3"] } },
  titledMulti: { type: "array", items: { anyOf: titled(["value1", "value2", "value3"], "Choice") } },
});
const schema2020 = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  $defs: {
    address: { $anchor: "addressDef", type: "object", properties: { street: string, city: string } },
  },
  properties: { name: string, address: { $ref: "#/$defs/address" }, contactMethod: { type: "string", enum: ["phone", "email"] }, phone: string, email: string },
  allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
  if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
  then: { required: ["phone"] },
  else: { required: ["email"] },
  additionalProperties: false,
};

// name -> [what it does, its input schema, handler(arguments, extra) -> content or a whole result]
const asked = async (extra, message, requestedSchema) => {
  const answer = await extra.sendRequest({ method: "elicitation/create", params: { message, requestedSchema } }, types.ElicitResultSchema);
  return `action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`;
};
const tools = {
  test_simple_text: ["Says something.", object(), () => [text("This is a simple text response for testing.")]],
  test_image_content: ["Shows an image.", object(), () => [image]],
  test_audio_content: ["Plays a sound.", object(), () => [{ type: "audio", data: WAV, mimeType: "audio/wav" }]],
  test_embedded_resource: ["Embeds a resource.", object(), () => [embedded("test://embedded-resource", "This is an embedded resource content.")]],
  test_multiple_content_types: ["Says, shows and embeds.", object(), () => [
    text("Multiple content types test:"), image,
    { type: "resource", resource: { uri: "test://mixed-content-resource", mimeType: "application/json", text: '{"test":"data","value":123}' } },
  ]],
  test_tool_with_logging: ["Logs while it works.", object(), async (_, extra) => {
    for (const data of ["Tool execution started", "Tool processing data", "Tool execution completed"]) {
      await extra.sendNotification({ method: "notifications/message", params: { level: "info", data } });
      await pause(50);
    }
    return [text("Tool with logging executed successfully")];
  }],
  test_tool_with_progress: ["Tells its progress.", object(), async (_, extra) => {
    const progressToken = extra._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined) await extra.sendNotification({ method: "notifications/progress", params: { progressToken, progress, total: 100 } });
      await pause(50);
    }
    return [text("Tool with progress executed successfully")];
  }],
  test_error_handling: ["Always fails.", object(), () => ({ isError: true, content: [text("This tool intentionally returns an error for testing")] })],
  test_sampling: ["Asks the client's model.", object({ prompt: string }, ["prompt"]), async ({ prompt }, extra) => {
    const answer = await extra.sendRequest({ method: "sampling/createMessage", params: { messages: [user(text(prompt))], maxTokens: 100 } }, types.CreateMessageResultSchema);
    return [text(`LLM response: ${answer.content.text ?? ""}`)];
  }],
  test_elicitation: ["Asks the user.", object({ message: string }, ["message"]), async ({ message }, extra) =>
    [text(`User response: ${await asked(extra, message, object({ username: { type: "string", description: "User's response" }, email: { type: "string", description: "User's email address" } }, ["username", "email"]))}`)]],
  test_elicitation_sep1034_defaults: ["Asks the user, with defaults.", object(), async (_, extra) => [text(`Elicitation completed: ${await asked(extra, "Please review and update the form fields with defaults", defaults)}`)]],
  test_elicitation_sep1330_enums: ["Asks the user to choose.", object(), async (_, extra) => [text(`Elicitation completed: ${await asked(extra, "Please select options from the enum fields", enums)}`)]],
  test_reconnection: ["Closes its stream while it works.", object(), async (_, extra) => {
    await pause(100);
    extra.closeSSEStream?.();
    await pause(100);
    return [text("Reconnection test completed successfully.")];
  }],
  json_schema_2020_12_tool: ["Tool with JSON Schema 2020-12 features", schema2020, () => [text("taken")]],
};

const resources = {
  "test://static-text": { mimeType: "text/plain", text: "This is the content of the static text resource." },
  "test://static-binary": { mimeType: "image/png", blob: PNG },
  "test://watched-resource": { mimeType: "text/plain", text: "Watched resource content" },
};
const argument = (name) => ({ name, description: `the ${name}`, required: true });
const prompts = {
  test_simple_prompt: [[], () => [user(text("This is a simple prompt for testing."))]],
  test_prompt_with_arguments: [[argument("arg1"), argument("arg2")], (given) => [user(text(`Prompt with arguments: arg1='${given.arg1}', arg2='${given.arg2}'`))]],
  test_prompt_with_embedded_resource: [[argument("resourceUri")], (given) => [
    user(embedded(given.resourceUri, "Embedded resource content for testing.")), user(text("Please process the embedded resource above."))]],
  test_prompt_with_image: [[], () => [user(image), user(text("Please analyze the image above."))]],
};

const unknown = (what) => { throw new types.McpError(types.ErrorCode.InvalidParams, `unknown: ${what}`); };

function serve() {
  const server = new Server({ name: "rtt-conformance-fixture", version: "1.0.0" }, {
    capabilities: { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true }, prompts: { listChanged: true }, logging: {}, completions: {} },
  });
  const on = (schema, handler) => server.setRequestHandler(schema, handler);
  on(types.ListToolsRequestSchema, () => ({ tools: Object.entries(tools).map(([name, [description, inputSchema]]) => ({ name, description, inputSchema })) }));
  on(types.CallToolRequestSchema, async ({ params }, extra) => {
    const [, , run] = tools[params.name] ?? unknown(params.name);
    const result = await run(params.arguments ?? {}, extra);
    return Array.isArray(result) ? { content: result } : result;
  });
  on(types.ListResourcesRequestSchema, () => ({ resources: Object.entries(resources).map(([uri, { mimeType }]) => ({ uri, name: uri.slice(7), description: `the resource ${uri}`, mimeType })) }));
  on(types.ListResourceTemplatesRequestSchema, () => ({ resourceTemplates: [{ uriTemplate: "test://template/{id}/data", name: "template", description: "data of an id", mimeType: "application/json" }] }));
  on(types.ReadResourceRequestSchema, ({ params: { uri } }) => {
    const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
    if (id) return { contents: [{ uri, mimeType: "application/json", text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) }] };
    return { contents: [{ uri, ...(resources[uri] ?? unknown(uri)) }] };
  });
  on(types.SubscribeRequestSchema, () => ({}));
  on(types.UnsubscribeRequestSchema, () => ({}));
  on(types.SetLevelRequestSchema, () => ({}));
  on(types.ListPromptsRequestSchema, () => ({ prompts: Object.entries(prompts).map(([name, [args]]) => ({ name, description: `the prompt ${name}`, arguments: args })) }));
  on(types.GetPromptRequestSchema, ({ params }) => {
    const [, say] = prompts[params.name] ?? unknown(params.name);
    return { messages: say(params.arguments ?? {}) };
  });
  on(types.CompleteRequestSchema, ({ params }) => {
    const values = ["test", "paris", "park", "party"].filter((word) => word.startsWith(params.argument.value));
    return { completion: { values, total: values.length, hasMore: false } };
  });
  return server;
}

// What was sent on a stream, for clients that come back to it.
class Kept {
  events = [];
  async storeEvent(stream, message) {
    this.events.push({ stream, message });
    return `${stream}_${this.events.length - 1}`;
  }
  async getStreamIdForEventId(id) { return id.slice(0, id.lastIndexOf("_")); }
  async replayEventsAfter(id, { send }) {
    const stream = await this.getStreamIdForEventId(id);
    for (let i = Number(id.slice(id.lastIndexOf("_") + 1)) + 1; i < this.events.length; ++i) {
      if (this.events[i].stream === stream && this.events[i].message.jsonrpc) await send(`${stream}_${i}`, this.events[i].message);
    }
    return stream;
  }
}

async function serveHttp(port) {
  const sessions = new Map();
  const http = createServer(async (request, response) => {
    const id = request.headers["mcp-session-id"];
    let transport = sessions.get(id);
    if (!transport && id !== undefined) return response.writeHead(404).end();
    if (!transport) {
      const own = http.address().port;
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID, eventStore: new Kept(), retryInterval: 500, enableDnsRebindingProtection: true,
        allowedHosts: [`localhost:${own}`, `127.0.0.1:${own}`],
        allowedOrigins: [`http://localhost:${own}`, `http://127.0.0.1:${own}`],
        onsessioninitialized: (made) => sessions.set(made, transport),
        onsessionclosed: (made) => sessions.delete(made),
      });
      await serve().connect(transport);
    }
    await transport.handleRequest(request, response);
  });
  http.listen(port, "127.0.0.1", () => console.log(JSON.stringify({ url: `http://127.0.0.1:${http.address().port}/mcp` })));
}

const at = process.argv.indexOf("--http");
if (at > 0) await serveHttp(Number(process.argv[at + 1]));
else await serve().connect(new StdioServerTransport());
