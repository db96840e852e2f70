// SPDX-License-Identifier: Apache-2.0
// The server that the protocol's conformance suite expects behind what it tests, on the TypeScript SDK v1: over stdio
// for RTT to stand in front of, or with `--http PORT` over the SDK's own HTTP, to see what the suite says of it directly.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import * as types from "@modelcontextprotocol/sdk/types.js";
import { completion, contents, lists, prompts, tools } from "./content.mjs";

const unknown = (what) => { throw new types.McpError(types.ErrorCode.InvalidParams, `unknown: ${what}`); };

function serve() {
  const server = new Server({ name: "rtt-conformance-fixture", version: "1.0.0" }, {
    capabilities: { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true }, prompts: { listChanged: true }, logging: {}, completions: {} },
  });
  const on = (schema, handler) => server.setRequestHandler(schema, handler);
  on(types.ListToolsRequestSchema, () => ({ tools: lists.tools() }));
  on(types.CallToolRequestSchema, async ({ params }, extra) => {
    const [, , run] = tools[params.name] ?? unknown(params.name);
    const result = await run(params.arguments ?? {}, {
      progressToken: extra._meta?.progressToken,
      ask: (method, asked) => extra.sendRequest({ method, params: asked }, types.ClientResultSchema),
      tell: (method, told) => extra.sendNotification({ method, params: told }),
      closeStream: () => extra.closeSSEStream?.(),
    });
    return Array.isArray(result) ? { content: result } : result;
  });
  on(types.ListResourcesRequestSchema, () => ({ resources: lists.resources() }));
  on(types.ListResourceTemplatesRequestSchema, () => ({ resourceTemplates: lists.templates() }));
  on(types.ReadResourceRequestSchema, ({ params: { uri } }) => contents(uri) ?? unknown(uri));
  on(types.SubscribeRequestSchema, () => ({}));
  on(types.UnsubscribeRequestSchema, () => ({}));
  on(types.SetLevelRequestSchema, () => ({}));
  on(types.ListPromptsRequestSchema, () => ({ prompts: lists.prompts() }));
  on(types.GetPromptRequestSchema, ({ params }) => {
    const [, say] = prompts[params.name] ?? unknown(params.name);
    return { messages: say(params.arguments ?? {}) };
  });
  on(types.CompleteRequestSchema, ({ params }) => completion(params.argument.value));
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
