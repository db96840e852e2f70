// SPDX-License-Identifier: Apache-2.0
// The protocol's own clients on the four official servers, directly and through `rtt mcp serve`: both inspectors on the
// command line and both SDKs' client classes. Every answer must be the same but for `_meta` (where RTT says where a result
// came from) and the order of a list (RTT sorts). Last a fault is planted, so that "the same" is known to be able to fail.
// Usage: compare.mjs RTT WORKSPACE; run.sh starts it. Prints one line a comparison, exits 1 if one differs.
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify, isDeepStrictEqual } from "node:util";

const [rtt, workspace] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "node_modules");
const data = join(workspace, "data");
const run = promisify(execFile);
const server = (name, ...args) => [process.execPath, join(modules, "@modelcontextprotocol", `server-${name}`, "dist/index.js"), ...args];
const direct = {
  everything: server("everything"),
  filesystem: server("filesystem", data),
  memory: server("memory"),
  thinking: server("sequential-thinking"),
};
const environment = { ...process.env, MEMORY_FILE_PATH: join(data, "memory.jsonl") };
const tool = (name, args = {}) => ["tools/call", name, args];
// Nothing here leaves a trace that a later call would see, or takes a time or a random choice into its answer. A tool that
// no list names is not among them: RTT refuses it by the protocol's error, these servers by a result in words of their own.
const calls = {
  everything: [
    ["tools/list"], ["resources/list"], ["prompts/list"], tool("echo", { message: "hi" }), tool("get-sum", { a: 2, b: 3 }),
    tool("get-tiny-image"), tool("get-structured-content", { location: "Chicago" }),
    tool("get-annotated-message", { messageType: "error", includeImage: "true" }), tool("echo"),
  ],
  filesystem: [
    ["tools/list"], tool("read_text_file", { path: join(data, "a.txt") }), tool("list_directory", { path: data }),
    tool("read_text_file", { path: "/etc/passwd" }), tool("get_file_info", { path: join(data, "none") }),
  ],
  memory: [["tools/list"], tool("read_graph"), tool("search_nodes", { query: "kept" })],
  thinking: [["tools/list"], tool("sequentialthinking", { thought: "one", nextThoughtNeeded: "false", thoughtNumber: "1", totalThoughts: "1" })],
};

// inspector(FILE): asks as a person would at a prompt; null if it could not say.
const inspector = (...program) => async (command, [method, name, args], cwd) => {
  const words = [...program, "--cli", ...command, "--method", method];
  if (name) words.push("--tool-name", name);
  for (const [key, value] of Object.entries(args ?? {})) words.push("--tool-arg", `${key}=${value}`);
  try {
    const { stdout } = await run(process.execPath, words, { cwd, env: environment, timeout: 60_000, maxBuffer: 1 << 26 });
    return JSON.parse(stdout.slice(stdout.indexOf("{")));
  } catch (error) {
    // Its words for a refusal; where it runs and which command it started are no part of the answer.
    const said = `${error.stdout ?? ""}${error.stderr ?? error}`.split("\n").find((line) => /error/i.test(line));
    return { failed: said ?? String(error) };
  }
};
const sdk = (load) => async (command, [method, name, args], cwd) => {
  const { Client, StdioClientTransport } = await load();
  const client = new Client({ name: "compare", version: "1.0.0" }, { capabilities: {} });
  const [program, ...rest] = command;
  await client.connect(new StdioClientTransport({ command: program, args: rest, cwd, env: environment, stderr: "ignore" }));
  try {
    if (method === "tools/list") return await client.listTools();
    if (method === "resources/list") return await client.listResources();
    if (method === "prompts/list") return await client.listPrompts();
    return await client.callTool({ name, arguments: typed(name, args) });
  } catch (error) {
    return { failed: error.message, code: error.code };
  } finally {
    await client.close();
  }
};
// The inspectors type arguments by the tool's schema; the SDKs send what they are given.
const typed = (name, args) =>
  name === "sequentialthinking" ? { thought: args.thought, nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1 }
  : name === "get-annotated-message" ? { ...args, includeImage: true } : args;
const clients = {
  "inspector 0.15": inspector(join(modules, "inspector-0/cli/build/cli.js")),
  "inspector 2.12": inspector(join(modules, "inspector-2/clients/launcher/build/index.js")),
  "sdk v1": sdk(async () => ({
    ...(await import(join(modules, "sdk-1/dist/esm/client/index.js"))),
    ...(await import(join(modules, "sdk-1/dist/esm/client/stdio.js"))),
  })),
  "sdk v2": sdk(async () => ({ ...(await import(join(modules, "sdk-2/dist/index.mjs"))), ...(await import(join(modules, "sdk-2/dist/stdio.mjs"))) })),
};

const listed = new Set(["tools", "resources", "prompts"]);
const key = (item) => item.uri ?? item.name;
function plain(value, name) {
  if (Array.isArray(value)) {
    const items = value.map((item) => plain(item));
    return listed.has(name) ? items.sort((a, b) => (key(a) < key(b) ? -1 : 1)) : items;
  }
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).filter(([k]) => k !== "_meta").map(([k, v]) => [k, plain(v, k)]));
}

rmSync(data, { recursive: true, force: true });
mkdirSync(data, { recursive: true });
writeFileSync(join(data, "a.txt"), "a file\n");
const tree = Object.fromEntries(Object.entries(direct).map(([name, [command, ...args]]) =>
  [name, { command, args, ...(name === "memory" && { env: { MEMORY_FILE_PATH: environment.MEMORY_FILE_PATH } }) }]));
writeFileSync(join(workspace, ".mcp.json"), JSON.stringify({ mcpServers: tree }));
await run(rtt, ["up", "--yes", "-C", workspace]);

const asked = async (ask, name, call) => plain(await ask(direct[name], call, data));
const served = async (ask, name, call) => plain(await ask([rtt, "mcp", "serve", name], call, workspace));
let same = 0, different = 0;
function check(holds, what, details) {
  holds ? same++ : different++;
  console.log(`${holds ? "ok   " : "FAIL "} ${what}`);
  if (!holds) for (const [side, value] of Object.entries(details)) console.log(`  ${side} ${JSON.stringify(value).slice(0, 600)}`);
}
for (const [label, ask] of Object.entries(clients)) {
  for (const name of Object.keys(calls)) {
    for (const call of calls[name]) {
      const before = await asked(ask, name, call), through = await served(ask, name, call);
      check(isDeepStrictEqual(before, through), `${label}: ${name} ${call.slice(0, 2).join(" ")}`, { before, through });
    }
  }
  const before = await asked(ask, "everything", tool("echo", { message: "hi" }));
  const through = await served(ask, "everything", tool("echo", { message: "hI" }));
  check(!isDeepStrictEqual(before, through), `${label}: one letter changed is seen`, { before, through });
}
console.log(`${same} passed, ${different} failed`);
process.exit(different > 0 ? 1 : 0);
