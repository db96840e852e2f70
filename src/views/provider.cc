// SPDX-License-Identifier: Apache-2.0
#include "views/provider.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "model/limits.h"

namespace rtt::views {
namespace {

using enum Value;
using mcp::ClientForm;
using mcp::Sse;
using mcp::Stated;
using mcp::Variables;

template <typename T, std::size_t N>
constexpr std::array<T, N> list(T (&&values)[N]) {
  return std::to_array(std::move(values));
}

// Agents.
constexpr auto kNamed = list<Field>({{"name", "name"}, {"description", "description"}});
constexpr auto kNamedModel =
    list<Field>({{"name", "name"}, {"description", "description"}, {"model", "model", kModel}});
constexpr auto kNamedTools = list<Field>({{"name", "name"},
                                          {"description", "description"},
                                          {"tools", "tools", kTools},
                                          {"model", "model", kModel}});
constexpr auto kClaudeAgent = list<Field>({{"name", "name"},
                                           {"description", "description"},
                                           {"tools", "tools", kToolsLine},
                                           {"model", "model", kModel},
                                           {"skills", "skills", kSkills}});
constexpr auto kOpenCodeAgent = list<Field>({{"description", "description"},
                                             {"model", "model", kModel},
                                             {"tools", "tools", kToolsMap},
                                             {"permissions", "permission", kAsIs}});
constexpr auto kOpenCodeMode =
    list<Fixed>({{.key = "mode", .value = "subagent", .with_globs = "subagent", .absent = "all"}});
constexpr auto kVibeAgent = list<Field>({{"name", "display_name"}, {"description", "description"}});
constexpr auto kVibeType =
    list<Fixed>({{.key = "agent_type", .value = "subagent", .with_globs = "subagent", .absent = "agent"}});

// Skills: the open standard's keys.
constexpr auto kSkill = list<Field>({{"name", "name"},
                                     {"description", "description"},
                                     {"license", "license"},
                                     {"compatibility", "compatibility"},
                                     {"allowed-tools", "allowed-tools"},
                                     {"metadata", "metadata", kAsIs}});
constexpr FileForm kSkillForm{.syntax = Syntax::kFront, .fields = kSkill, .required = "description"};

// Rules beside the project's own.
constexpr auto kPaths = list<Field>({{"globs", "paths", kWords}});
constexpr auto kDescribedPaths = list<Field>({{"description", "description"}, {"globs", "paths", kWords}});
constexpr auto kCursorRule = list<Field>({{"description", "description"}, {"globs", "globs", kRawLine}});
constexpr auto kCursorAlways =
    list<Fixed>({{.key = "alwaysApply", .value = "true", .with_globs = "false", .absent = "false"}});
constexpr auto kCopilotRule = list<Field>({{"description", "description"}, {"globs", "applyTo", kWordsLine}});
constexpr auto kCopilotAlways = list<Fixed>({{.key = "applyTo", .value = "**", .with_globs = ""}});
constexpr auto kDevinRule = list<Field>({{"description", "description"}, {"globs", "globs", kWordsLine}});
constexpr auto kDevinTrigger = list<Fixed>({{.key = "trigger", .value = "always_on", .with_globs = "glob"}});
constexpr auto kKiroRule = list<Field>({{"globs", "fileMatchPattern", kWords}});
constexpr auto kKiroInclusion =
    list<Fixed>({{.key = "inclusion", .value = "always", .with_globs = "fileMatch", .absent = "always"}});
constexpr FileForm kGithubRules{.syntax = Syntax::kFront,
                                .path = ".github/instructions/*.instructions.md",
                                .fields = kCopilotRule,
                                .fixed = kCopilotAlways};
constexpr FileForm kOneFile{.none = "has one file of rules, the project's own"};

// Commands.
constexpr auto kDescribed = list<Field>({{"description", "description"}});
constexpr auto kHinted = list<Field>({{"description", "description"}, {"argument_hint", "argument-hint"}});
constexpr auto kClaudeCommand = list<Field>({{"description", "description"},
                                             {"argument_hint", "argument-hint"},
                                             {"tools", "allowed-tools", kToolsLine},
                                             {"model", "model", kModel}});
constexpr auto kModelCommand = list<Field>({{"description", "description"}, {"model", "model", kModel}});
constexpr auto kPrompt = list<Field>({{"description", "description"},
                                      {"argument_hint", "argument-hint"},
                                      {"tools", "tools", kTools},
                                      {"model", "model", kModel}});
constexpr FileForm kGithubPrompts{.syntax = Syntax::kFront,
                                  .path = ".github/prompts/*.prompt.md",
                                  .fields = kPrompt,
                                  .arguments = Arguments::kInput};
constexpr FileForm kGithubAgents{.syntax = Syntax::kFront,
                                 .path = ".github/agents/*.agent.md",
                                 .fields = kNamedTools,
                                 .required = "description"};

// Models by which a provider's own are known. One of another vendor would make a client fail.
constexpr auto kClaudeModels = list<std::string_view>({"inherit", "opus*", "sonnet*", "haiku*", "claude-*"});
constexpr auto kOpenAiModels = list<std::string_view>({"gpt-*", "codex-*", "o1*", "o3*", "o4*"});
constexpr auto kGeminiModels = list<std::string_view>({"inherit", "gemini-*"});
constexpr auto kInheritModel = list<std::string_view>({"inherit"});
constexpr auto kPathModels = list<std::string_view>({"*/*", "*/*/*"});
constexpr auto kCursorModels =
    list<std::string_view>({"inherit", "fast", "claude-*", "gpt-*", "gemini-*", "composer*"});
constexpr auto kGithubModels =
    list<std::string_view>({"GPT-*", "gpt-*", "Claude *", "claude-*", "Gemini *", "gemini-*"});
constexpr auto kQwenModels = list<std::string_view>({"inherit", "qwen*"});
constexpr auto kKiroModels = list<std::string_view>({"auto", "claude-*"});

// Commands that are not called like the provider.
constexpr auto kAntigravityPrograms = list<std::string_view>({"agy"});
constexpr auto kCursorPrograms = list<std::string_view>({"cursor-agent"});
constexpr auto kDevinPrograms = list<std::string_view>({"windsurf"});
constexpr auto kKiroPrograms = list<std::string_view>({"kiro-cli"});
constexpr auto kVsCodePrograms = list<std::string_view>({"code", "code-insiders", "codium"});
constexpr auto kZedPrograms = list<std::string_view>({"zeditor"});

constexpr ToolWords kMcpUnderscores{"mcp__", "__"};

// Names of agents, as the clients' own checks have them.
constexpr Names kSlug{.bytes = "abcdefghijklmnopqrstuvwxyz0123456789-_",
                      .not_first = "_",
                      .rule = "of a-z, 0-9, - and _, and not with _ first"};
constexpr auto kQwenWords =
    list<std::string_view>({"config", "default", "main", "model", "self", "system", "tool", "user"});
constexpr Names kQwenNames{.bytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_",
                           .not_first = "-_",
                           .not_last = "-_",
                           .bytes_min = 2,
                           .bytes_max = 50,
                           .reserved = kQwenWords,
                           .rule =
                               "of 2 to 50 letters, digits, - and _, with neither - nor _ first or "
                               "last, and none of its own words such as `main`"};

// OpenCode writes this file at its start and gives up where it cannot.
constexpr std::string_view kOpenCodeIgnore =
    "node_modules\npackage.json\npackage-lock.json\nbun.lock\n.gitignore\n";

constexpr auto kProviders = list<Provider>({
    {.name = "antigravity",
     .product = "Antigravity",
     .programs = kAntigravityPrograms,
     .agent = {.syntax = Syntax::kFront,
               .path = ".agents/agents/*.md",
               .fields = kNamedModel,
               .required = "description"},
     .skills = ".agents/skills",
     .rules = {.syntax = Syntax::kPlain, .path = ".agents/rules/*.md"},
     .main_rules = "AGENTS.md",
     .command = {.syntax = Syntax::kFront,
                 .path = ".agents/workflows/*.md",
                 .fields = kDescribed,
                 .arguments = Arguments::kNone},
     .servers = {.path = ".agents/mcp_config.json", .dialect = {.url = "serverUrl"}},
     .models = kInheritModel},
    {.name = "claude",
     .product = "Claude Code",
     .agent = {.syntax = Syntax::kFront,
               .path = ".claude/agents/*.md",
               .fields = kClaudeAgent,
               .required = "description"},
     .skills = ".claude/skills",
     .rules = {.syntax = Syntax::kFront, .path = ".claude/rules/*.md", .fields = kPaths},
     .main_rules = "CLAUDE.md",
     .command = {.syntax = Syntax::kFront, .path = ".claude/commands/*.md", .fields = kClaudeCommand},
     .servers = {.path = ".mcp.json",
                 .dialect = {.variables = Variables::kDefaults, .sse = Sse::kType, .type = Stated::kYes}},
     .tools = kMcpUnderscores,
     .models = kClaudeModels},
    {.name = "cline",
     .product = "Cline",
     .agent = {.syntax = Syntax::kFront,
               .path = ".cline/agents/*.yaml",
               .also = ".cline/agents/*.yml",
               .fields = kNamed,
               .required = "description"},
     .skills = ".cline/skills",
     .rules = {.syntax = Syntax::kFront, .path = ".clinerules/*.md", .fields = kDescribedPaths},
     .main_rules = "AGENTS.md",
     .command = {.syntax = Syntax::kPlain,
                 .path = ".clinerules/workflows/*.md",
                 .arguments = Arguments::kNone},
     .servers = {.none = "reads MCP servers from the user's folder only"}},
    {.name = "codex",
     .product = "Codex",
     .agent = {.syntax = Syntax::kToml,
               .path = ".codex/agents/*.toml",
               .fields = kNamedModel,
               .text_key = "developer_instructions",
               .required = "description"},
     .skills = ".agents/skills",
     .rules = kOneFile,
     .main_rules = "AGENTS.md",
     .command = {.none = "reads commands from the user's folder only"},
     .servers = {.path = ".codex/config.toml",
                 .dialect = {.form = ClientForm::kCodexToml,
                             .variables = Variables::kNamed,
                             .sse = Sse::kNever,
                             .cwd = Stated::kYes}},
     .models = kOpenAiModels,
     .trust = {".codex/config.toml", R"(projects.*.trust_level = "trusted")"}},
    {.name = "copilot",
     .product = "GitHub Copilot",
     .agent = kGithubAgents,
     .skills = ".github/skills",
     .rules = kGithubRules,
     .main_rules = ".github/copilot-instructions.md",
     .command = kGithubPrompts,
     .servers = {.path = ".github/mcp.json",
                 .dialect = {.variables = Variables::kBraces,
                             .sse = Sse::kType,
                             .type = Stated::kYes,
                             .cwd = Stated::kYes}},
     .tools = {"", "/"},
     .models = kGithubModels,
     .trust = {".copilot/config.json", R"({"trusted_folders": [*]})"}},
    {.name = "cursor",
     .product = "Cursor",
     .programs = kCursorPrograms,
     .agent = {.syntax = Syntax::kFront, .path = ".cursor/agents/*.md", .fields = kNamedModel},
     .skills = ".cursor/skills",
     .rules = {.syntax = Syntax::kFront,
               .path = ".cursor/rules/*.mdc",
               .fields = kCursorRule,
               .fixed = kCursorAlways},
     .main_rules = "AGENTS.md",
     .command = {.syntax = Syntax::kFront,
                 .path = ".cursor/commands/*.md",
                 .fields = kDescribed,
                 .arguments = Arguments::kNone},
     .servers = {.path = ".cursor/mcp.json",
                 .dialect = {.variables = Variables::kEnvBraces,
                             .sse = Sse::kType,
                             .type = Stated::kYes,
                             .workspace = "${workspaceFolder}",
                             .home = "${userHome}"}},
     .models = kCursorModels},
    {.name = "devin",
     .product = "Devin",
     .programs = kDevinPrograms,
     .agent = {.syntax = Syntax::kFront, .path = ".devin/agents/*/AGENT.md", .fields = kNamed},
     .skills = ".devin/skills",
     .rules = {.syntax = Syntax::kFront,
               .path = ".devin/rules/*.md",
               .fields = kDevinRule,
               .fixed = kDevinTrigger},
     .main_rules = "AGENTS.md",
     .command = {.none = "has skills in the place of commands"},
     .servers = {.path = ".devin/mcp_config.json",
                 .dialect = {.variables = Variables::kEnvBraces, .url = "serverUrl"}}},
    {.name = "gemini",
     .product = "Gemini CLI",
     .agent = {.syntax = Syntax::kFront,
               .path = ".gemini/agents/*.md",
               .fields = kNamedTools,
               .names = kSlug,
               .required = "description"},
     .skills = ".gemini/skills",
     .rules = kOneFile,
     .main_rules = "GEMINI.md",
     .command = {.syntax = Syntax::kToml,
                 .path = ".gemini/commands/*.toml",
                 .fields = kDescribed,
                 .text_key = "prompt",
                 .arguments = Arguments::kBraces},
     .servers = {.path = ".gemini/settings.json",
                 .dialect = {.variables = Variables::kDollar,
                             .sse = Sse::kUrl,
                             .cwd = Stated::kYes,
                             .url = "httpUrl"}},
     .tools = {"mcp_", "_"},
     .models = kGeminiModels,
     .trust = {".gemini/trustedFolders.json", R"({*: "TRUST_FOLDER"})"}},
    {.name = "kiro",
     .product = "Kiro",
     .programs = kKiroPrograms,
     .agent = {.syntax = Syntax::kJson,
               .path = ".kiro/agents/*.json",
               .fields = kNamedTools,
               .text_key = "prompt"},
     .skills = ".kiro/skills",
     .rules = {.syntax = Syntax::kFront,
               .path = ".kiro/steering/*.md",
               .fields = kKiroRule,
               .fixed = kKiroInclusion},
     .main_rules = "AGENTS.md",
     .command = {.syntax = Syntax::kPlain, .path = ".kiro/prompts/*.md", .arguments = Arguments::kNone},
     .servers = {.path = ".kiro/settings/mcp.json", .dialect = {.variables = Variables::kBraces}},
     .tools = {"@", "/"},
     .models = kKiroModels},
    {.name = "opencode",
     .product = "OpenCode",
     .agent = {.syntax = Syntax::kFront,
               .path = ".opencode/agents/*.md",
               .also = ".opencode/agent/*.md",
               .fields = kOpenCodeAgent,
               .fixed = kOpenCodeMode},
     .skills = ".opencode/skills",
     .rules = {.syntax = Syntax::kPlain, .path = ".opencode/rules/*.md"},
     .main_rules = "AGENTS.md",
     .rules_key = "instructions",
     .command = {.syntax = Syntax::kFront,
                 .path = ".opencode/commands/*.md",
                 .also = ".opencode/command/*.md",
                 .fields = kModelCommand},
     .servers = {.path = "opencode.json",
                 .dialect = {.form = ClientForm::kOpenCode, .variables = Variables::kBraceEnv},
                 .mark = "$schema",
                 .mark_value = R"("https://opencode.ai/config.json")"},
     .tools = {"", "_"},
     .models = kPathModels,
     .companion = {".opencode/", ".opencode/.gitignore", kOpenCodeIgnore}},
    {.name = "qwen",
     .product = "Qwen Code",
     .agent = {.syntax = Syntax::kFront,
               .path = ".qwen/agents/*.md",
               .fields = kNamedTools,
               .names = kQwenNames,
               .required = "description"},
     .skills = ".qwen/skills",
     .rules = {.syntax = Syntax::kFront, .path = ".qwen/rules/*.md", .fields = kDescribedPaths},
     .main_rules = "QWEN.md",
     .command = {.syntax = Syntax::kFront,
                 .path = ".qwen/commands/*.md",
                 .fields = kHinted,
                 .arguments = Arguments::kBraces},
     .servers = {.path = ".qwen/settings.json",
                 .dialect = {.variables = Variables::kDollar,
                             .sse = Sse::kUrl,
                             .cwd = Stated::kYes,
                             .url = "httpUrl"},
                 .mark = "$version",  // it writes a file of another version, or of none, anew at its start
                 .mark_value = "4"},
     .tools = kMcpUnderscores,
     .models = kQwenModels},
    {.name = "vibe",
     .product = "Mistral Vibe",
     .agent = {.syntax = Syntax::kToml,
               .path = ".vibe/agents/*.toml",
               .fields = kVibeAgent,
               .fixed = kVibeType,
               .text_key = "system_prompt_id",
               .text_path = ".vibe/prompts/*.md"},
     .skills = ".vibe/skills",
     .rules = kOneFile,
     .main_rules = "AGENTS.md",
     .command = {.none = "has skills in the place of commands"},
     .servers =
         {.path = ".vibe/config.toml",
          .dialect = {.form = ClientForm::kVibeToml, .variables = Variables::kApiKey, .sse = Sse::kNever}}},
    {.name = "vscode",
     .product = "VS Code",
     .programs = kVsCodePrograms,
     .agent = kGithubAgents,
     .skills = ".github/skills",
     .rules = kGithubRules,
     .main_rules = ".github/copilot-instructions.md",
     .command = kGithubPrompts,
     .servers = {.path = ".vscode/mcp.json",
                 .dialect = {.form = ClientForm::kServers,
                             .variables = Variables::kEnvBraces,
                             .sse = Sse::kType,
                             .type = Stated::kYes,
                             .cwd = Stated::kYes,
                             .workspace = "${workspaceFolder}",
                             .home = "${userHome}"}},
     .tools = {"", "/"},
     .models = kGithubModels},
    {.name = "zed",
     .product = "Zed",
     .programs = kZedPrograms,
     .agent = {.none = "has no agents of a project"},
     .skills = ".agents/skills",
     .rules = kOneFile,
     .main_rules = ".rules",
     .command = {.none = "has no commands of a project"},
     .servers = {.path = ".zed/settings.json", .dialect = {.form = ClientForm::kContextServers}}},
});

}  // namespace

std::span<const Provider> providers() { return kProviders; }

const Provider* find_provider(std::string_view name) {
  const auto at = std::ranges::lower_bound(providers(), name, {}, &Provider::name);
  return at != providers().end() && at->name == name ? &*at : nullptr;
}

const FileForm& skill_form() { return kSkillForm; }

std::string path_for(std::string_view path, std::string_view name) {
  const std::size_t star = path.find('*');
  RTT_ASSERT(star != std::string_view::npos);
  std::string out;
  out.reserve(path.size() + name.size());
  return out.append(path.substr(0, star)).append(name).append(path.substr(star + 1));
}

bool Names::allow(std::string_view name) const {
  if (name.size() < bytes_min || name.size() > bytes_max) return false;
  if (!bytes.empty() && name.find_first_not_of(bytes) != name.npos) return false;
  if (not_first.contains(name.front()) || not_last.contains(name.back())) return false;
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  return std::ranges::find(reserved, lower) == reserved.end();
}

bool is_file_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  // `__proto__` is a member every object of JavaScript has, and clients put names into objects.
  return !name.empty() && name.size() <= limits::kNameBytesMax && name != "__proto__" && fits(name[0]) &&
         std::ranges::all_of(name, [&](char c) { return fits(c) || c == '.' || c == '-'; });
}

}  // namespace rtt::views
