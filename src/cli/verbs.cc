// SPDX-License-Identifier: Apache-2.0
#include "cli/verbs.h"

#include <algorithm>
#include <array>
#include <string>

namespace rtt::cli {
namespace {

constexpr Flag kTrustKey{"trust-key", Takes::kList, "FILE", "trust this public key for this run"};
constexpr auto kGlobalFlags = std::to_array<Flag>({
    {"C", Takes::kText, "DIR", "use the workspace of this folder"},
    {"json", Takes::kNothing, "", "print one JSON document (NDJSON for log and audit)"},
    {"quiet", Takes::kNothing, "", "print nothing but errors"},
    {"color", Takes::kText, "WHEN", "auto, always or never"},
    {"yes", Takes::kNothing, "", "agree to what the verb would ask"},
    {"help", Takes::kNothing, "", "show the verb's page"},
});

constexpr auto kPaths = std::to_array<Positional>({{"paths", Arity::kMany, Names::kPath}});
constexpr auto kToSign = std::to_array<Positional>({{"paths", Arity::kMany, Names::kPathOrPlan}});
constexpr auto kScanFlags =
    std::to_array<Flag>({{"all", Takes::kNothing, "", "list every symbol, not only what is new"}});
constexpr auto kPlanFlags = std::to_array<Flag>({
    {"check", Takes::kNothing, "", "write nothing; exit 4 if changes are pending"},
    {"explain", Takes::kNothing, "", "why each route was chosen and what was rejected"},
    {"reset", Takes::kNothing, "", "drop wiring that a quick connect put in place"},
    kTrustKey,
});
constexpr auto kApplyPositionals = std::to_array<Positional>({{"plan", Arity::kOptional, Names::kPlan}});
constexpr auto kTrustFlags = std::to_array<Flag>({kTrustKey});
constexpr auto kApplyFlags = std::to_array<Flag>({
    kTrustKey,
    {"canary", Takes::kNumber, "PCT",
     "wire PCT percent of the routes first, and the rest when they prove well"},
    {"window", Takes::kText, "SPAN", "watch a canary for this long (30s)"},
});
constexpr auto kSeq = std::to_array<Positional>({{"seq", Arity::kNumber}});
constexpr auto kCallPositionals =
    std::to_array<Positional>({{"saddr", Arity::kOne, Names::kSymbol}, {"arguments", Arity::kPairs}});
constexpr auto kCallFlags = std::to_array<Flag>({
    {"deadline", Takes::kNumber, "MS", "give up after this many milliseconds (30000)"},
    {"repeat", Takes::kNumber, "N", "call N times on one open link and show the latencies"},
});
constexpr auto kFilter = std::to_array<Positional>({{"filter", Arity::kOptional, Names::kText}});
constexpr auto kLsFlags =
    std::to_array<Flag>({{"watch", Takes::kNothing, "", "show again whenever the list changes"}});
constexpr auto kTapPositionals = std::to_array<Positional>(
    {{"route", Arity::kOptional, Names::kText}, {"to", Arity::kOptional, Names::kText}});
constexpr auto kTapFlags = std::to_array<Flag>({
    {"flight", Takes::kText, "SPAN", "every route, for this long: 5s, 2m"},
    {"for", Takes::kText, "SPAN", "stop after this long (else on Ctrl-C)"},
    {"tools", Takes::kNothing, "", "MCP tools in place of routes, once a second"},
});
constexpr Flag kOfRoute{"route", Takes::kText, "ROUTE", "only what touched this route: ADDRESS or 'A -> B'"};
constexpr Flag kOfWho{"who", Takes::kText, "WHO", "only what this key, client or endpoint did"};
constexpr Flag kOfAction{"action", Takes::kText, "ACTION", "only this action: apply, call, refused, …"};
constexpr auto kLogFlags = std::to_array<Flag>({
    {"since", Takes::kText, "T", "from this time on: 10m, 2h, 3d or an RFC 3339 time"},
    {"limit", Takes::kNumber, "N", "at most the last N lines"},
    kOfRoute,
    kOfWho,
    kOfAction,
});
constexpr auto kAuditFlags = std::to_array<Flag>({
    {"verify", Takes::kNothing, "", "check every record's hash and its place in the chain"},
    {"show", Takes::kNumber, "SEQ", "one record, whole"},
    {"diff", Takes::kNothing, "", "with --show: the routes and views that the commit added and removed"},
    {"prove", Takes::kNumber, "SEQ", "that a record stands in the journal, checkable without rtt"},
    {"receipt", Takes::kNumber, "N", "one call's receipt and what proves it"},
    {"export", Takes::kNothing, "", "every record with its payload, as NDJSON"},
    {"since", Takes::kText, "T", "from this time on: 10m, 2h, 3d or an RFC 3339 time"},
    {"limit", Takes::kNumber, "N", "at most the last N records"},
    kOfRoute,
    kOfWho,
    kOfAction,
});
constexpr auto kDriverPath = std::to_array<Positional>({{"path", Arity::kOne, Names::kPath}});
constexpr auto kDriverTestFlags = std::to_array<Flag>({
    {"wire", Takes::kText, "WIRE", "of a program without a driver.json: json (default) or line"},
    {"saddr", Takes::kText, "SADDR", "the address links are opened for"},
    {"params", Takes::kText, "JSON", "the parameters they are opened with"},
    {"payload", Takes::kText, "TEXT", "what is sent to it"},
});
constexpr auto kChaosFlags = std::to_array<Flag>({
    {"cases", Takes::kText, "FILE", "the cases (chaos/cases.yaml of the workspace)"},
    {"runs", Takes::kNumber, "N", "play them all N times (1)"},
    {"seed", Takes::kNumber, "S", "strike at the same moments as the run that printed S"},
});
constexpr auto kCode = std::to_array<Positional>({{"code", Arity::kOptional, Names::kCode}});
constexpr auto kKeysNewFlags =
    std::to_array<Flag>({{"label", Takes::kText, "TEXT", "a name people recognise the key by"}});
constexpr auto kKey = std::to_array<Positional>({{"key", Arity::kOne, Names::kKey}});
constexpr auto kRevokeFlags =
    std::to_array<Flag>({{"reason", Takes::kText, "TEXT", "why, for those who read the list"}});
constexpr auto kRoute = std::to_array<Positional>({{"route", Arity::kRoute, Names::kSymbol}});
constexpr auto kQuickFlags = std::to_array<Flag>({
    {"plan", Takes::kNothing, "", "write the plan and leave the wiring as it is"},
});
constexpr auto kFiles = std::to_array<Positional>({{"files", Arity::kMany, Names::kPath}});
constexpr auto kImportFlags = std::to_array<Flag>({
    {"user", Takes::kNothing, "", "read the clients' files of this user, not of this project"},
    {"only", Takes::kList, "NAME", "only this server of the file"},
    {"plain", Takes::kList, "NAME", "keep this variable's value in the manifest instead of the secret store"},
    {"secret-arg", Takes::kList, "ARG", "an argument that is a secret: its place, its option, or `url`"},
    {"ca-file", Takes::kText, "FILE", "servers over https: trust these certificates instead of the system's"},
    {"plain-http", Takes::kNothing, "", "http:// to another machine is meant"},
});
constexpr auto kLoginFlags = std::to_array<Flag>({
    {"scope", Takes::kText, "SCOPE", "ask for this scope instead of what the server wants"},
    {"client-id", Takes::kText, "ID",
     "be known as ID, registered beforehand, or the address of its metadata"},
    {"client-secret-from", Takes::kText, "FILE", "the secret of that ID is in this file, or in ${VARIABLE}"},
    {"no-browser", Takes::kNothing, "", "print the address, open no browser"},
    {"plain-http", Takes::kNothing, "", "http:// to another machine is meant"},
    {"logout", Takes::kNothing, "", "forget the login"},
});
constexpr auto kNameAndWords = std::to_array<Positional>({{"name"}, {"words", Arity::kSome}});
constexpr auto kAddFlags = std::to_array<Flag>({
    {"env", Takes::kList, "NAME[=VALUE]", "a variable for the program; without a value, the one it has here"},
    {"header", Takes::kList, "'NAME: VALUE'", "with a URL: a header of each request"},
    {"cwd", Takes::kText, "DIR", "the program's folder, the workspace if not given"},
    {"plain", Takes::kList, "NAME", "keep this variable's value in the manifest instead of the secret store"},
    {"secret-arg", Takes::kList, "ARG", "an argument that is a secret: its place, its option, or `url`"},
    {"ca-file", Takes::kText, "FILE", "with a URL: trust these certificates instead of the system's"},
    {"plain-http", Takes::kNothing, "", "with a URL: http:// to another machine is meant"},
});
constexpr auto kServersMany = std::to_array<Positional>({{"names", Arity::kMany, Names::kServer}});
constexpr auto kServersSome = std::to_array<Positional>({{"names", Arity::kSome, Names::kServer}});
constexpr auto kServer = std::to_array<Positional>({{"name", Arity::kOne, Names::kServer}});
constexpr auto kSandboxFlags = std::to_array<Flag>({
    {"no-network", Takes::kNothing, "", "no sockets"},
    {"read-only", Takes::kList, "DIR",
     "of files, only what is below DIR may be read (and what programs need)"},
    {"write", Takes::kList, "DIR", "only what is below DIR may be read and written"},
    {"off", Takes::kNothing, "", "what the user may, as without RTT"},
});
constexpr auto kServeFlags = std::to_array<Flag>({
    {"as", Takes::kText, "CLIENT", "serve as rtt://client/agent/CLIENT"},
    {"name-mode", Takes::kText, "MODE", "plain, conflict or prefixed (else what panel.yaml says)"},
    {"meta", Takes::kNothing, "", "offer search, describe and call in place of the tools"},
    {"no-provenance", Takes::kNothing, "", "results without where they come from"},
    {"http", Takes::kText, "ADDR:PORT", "over HTTP at this address, until it is ended"},
    {"allow-remote", Takes::kNothing, "", "with --http: listen where other machines reach it"},
    {"origin", Takes::kList, "ORIGIN", "with --http: pages of this origin may ask"},
    {"token-file", Takes::kText, "FILE", "with --http: take the token from FILE"},
    {"no-token", Takes::kNothing, "", "with --http: ask for no token"},
});
constexpr auto kMcpLsFlags = std::to_array<Flag>(
    {{"as", Takes::kText, "CLIENT", "what rtt://client/agent/CLIENT sees, and what is hidden"}});
constexpr auto kClients = std::to_array<Positional>({{"clients", Arity::kMany, Names::kText}});
constexpr Flag kAllClients{"all", Takes::kNothing, "", "every client found here"};
constexpr auto kConnectFlags = std::to_array<Flag>({
    kAllClients,
    {"write", Takes::kNothing, "", "change the clients' files (asks first)"},
    {"project", Takes::kNothing, "", "the project's own file, which others may share"},
    {"single", Takes::kNothing, "", "one entry `rtt` for all servers"},
});
constexpr auto kDisconnectFlags = std::to_array<Flag>({kAllClients});
constexpr auto kLogsFlags =
    std::to_array<Flag>({{"lines", Takes::kNumber, "N", "at most the last N lines (200)"}});
constexpr auto kCommand = std::to_array<Positional>({{"command", Arity::kMany}});
constexpr auto kRunFlags = std::to_array<Flag>({
    {"provider", Takes::kText, "PROVIDER", "whose view; without it the one whose command this is"},
    {"env", Takes::kText, "ENV", "with the overlays of this environment"},
    {"dry-run", Takes::kNothing, "", "run nothing; say what the command would see"},
});
constexpr auto kWords = std::to_array<Positional>({{"words", Arity::kMany}});

constexpr auto kViewsMany = std::to_array<Positional>({{"providers", Arity::kMany, Names::kView}});
constexpr auto kViewsSome = std::to_array<Positional>({{"providers", Arity::kSome, Names::kView}});
constexpr auto kProvidersSome = std::to_array<Positional>({{"providers", Arity::kSome, Names::kProvider}});
constexpr auto kViewOrPath = std::to_array<Positional>({{"sources", Arity::kMany, Names::kViewOrPath}});
constexpr auto kViewFile = std::to_array<Positional>({{"file", Arity::kOne, Names::kPath}});
constexpr auto kViewLsFlags =
    std::to_array<Flag>({{"all", Takes::kNothing, "", "every provider RTT knows, too"}});
constexpr auto kViewMountFlags =
    std::to_array<Flag>({{"env", Takes::kText, "ENV", "with the overlays of this environment"}});
constexpr auto kViewImportFlags =
    std::to_array<Flag>({{"from", Takes::kText, "PROVIDER", "only this provider's files"}});

constexpr auto kDirs = std::to_array<Positional>({{"dirs", Arity::kMany, Names::kPath}});
constexpr auto kDir = std::to_array<Positional>({{"dir", Arity::kOptional, Names::kPath}});
constexpr Flag kPrefer{"prefer", Takes::kText, "PROVIDER",
                       "where copies differ, this provider's is the one kept"};
constexpr auto kDedupeFlags = std::to_array<Flag>({
    {"report", Takes::kNothing, "", "each copy, and how it differs"},
    kPrefer,
});
constexpr auto kMigrateFlags = std::to_array<Flag>({
    kPrefer,
    {"dry-run", Takes::kNothing, "", "say what would be done and change nothing"},
    {"undo", Takes::kNothing, "", "put everything back as it was"},
});

constexpr auto kVerbs = std::to_array<Verb>({
    {.name = "up",
     .what = "from nothing to a served workspace, in at most three questions",
     .service = "up",
     .consent = Consent::kAlways,
     .deadline_ms = 600'000},
    {.name = "init",
     .what = "make a workspace here and sign what the folder holds",
     .service = "init",
     .consent = Consent::kAlways},
    {.name = "scan",
     .what = "find symbols and show what is new",
     .service = "scan",
     .flags = kScanFlags,
     .deadline_ms = 600'000},
    {.name = "sign",
     .what = "sign new and changed symbols, configuration and overlays",
     .service = "sign",
     .positionals = kToSign,
     .consent = Consent::kAlways},
    {.name = "plan",
     .what = "compare wanted and present wiring, and sign the difference",
     .service = "plan",
     .flags = kPlanFlags,
     .deadline_ms = 600'000},
    {.name = "apply",
     .what = "make the planned wiring real, or put everything back",
     .service = "apply",
     .positionals = kApplyPositionals,
     .flags = kApplyFlags,
     .where = Where::kPanel,
     .deadline_ms = 300'000},
    {.name = "rollback",
     .what = "return to the wiring of an earlier commit",
     .service = "rollback",
     .positionals = kSeq,
     .where = Where::kPanel,
     .deadline_ms = 300'000},
    {.name = "undo",
     .what = "return to the wiring before the last commit",
     .service = "undo",
     .where = Where::kPanel,
     .deadline_ms = 300'000},
    {.name = "qc",
     .what = "connect a consumer to another provider at once",
     .service = "qc",
     .positionals = kRoute,
     .flags = kQuickFlags,
     .where = Where::kPanel,
     .deadline_ms = 300'000},
    {.name = "call",
     .what = "call a provider and print its answer",
     .service = "call",
     .positionals = kCallPositionals,
     .flags = kCallFlags,
     .runs = Runs::kCall,
     .where = Where::kPanel},
    {.name = "ls symbols",
     .what = "symbols in force",
     .service = "ls.symbols",
     .positionals = kFilter,
     .flags = kLsFlags},
    {.name = "ls routes",
     .what = "the committed wiring and its state",
     .service = "ls.routes",
     .positionals = kFilter,
     .flags = kLsFlags,
     .where = Where::kPanelIfUp},
    {.name = "ls agents",
     .what = "agents and the tools they want",
     .service = "ls.agents",
     .positionals = kFilter,
     .flags = kLsFlags},
    {.name = "ls drivers",
     .what = "drivers and their processes",
     .service = "ls.drivers",
     .positionals = kFilter,
     .flags = kLsFlags,
     .where = Where::kPanelIfUp},
    {.name = "ls keys",
     .what = "keys known here and whom they belong to",
     .service = "ls.keys",
     .positionals = kFilter,
     .flags = kLsFlags},
    {.name = "ls plans",
     .what = "plans made here",
     .service = "ls.plans",
     .positionals = kFilter,
     .flags = kLsFlags},
    {.name = "ls views",
     .what = "what providers are shown",
     .service = "ls.views",
     .positionals = kFilter,
     .flags = kLsFlags},
    {.name = "tap",
     .what = "what routes carry, four times a second",
     .service = "tap",
     .positionals = kTapPositionals,
     .flags = kTapFlags,
     .where = Where::kPanel,
     .output = Output::kLines,
     .deadline_ms = -1},
    {.name = "status",
     .what = "is the panel up, and what does it run",
     .service = "status",
     .where = Where::kPanelIfUp},
    {.name = "doctor", .what = "look for what is wrong with this machine or workspace", .service = "doctor"},
    {.name = "log",
     .what = "what happened, newest last",
     .service = "log",
     .flags = kLogFlags,
     .output = Output::kLines},
    {.name = "audit",
     .what = "the journal: records, proof, export",
     .service = "audit",
     .flags = kAuditFlags,
     .output = Output::kLines},
    {.name = "check",
     .what = "for CI: signatures, policy, pins and plan against the committed files",
     .service = "check",
     .flags = kTrustFlags,
     .deadline_ms = 600'000},
    {.name = "lint", .what = "check authored files for mistakes", .service = "lint", .positionals = kPaths},
    {.name = "explain",
     .what = "what an error code means",
     .service = "explain",
     .positionals = kCode,
     .runs = Runs::kLocal},
    {.name = "registry verify",
     .what = "read every stored object and compare it with its hash",
     .service = "registry.verify",
     .deadline_ms = 600'000},
    {.name = "registry rebuild",
     .what = "write the index again from the objects",
     .service = "registry.rebuild",
     .deadline_ms = 600'000},
    {.name = "keys new",
     .what = "make a signing key for this user",
     .service = "keys.new",
     .flags = kKeysNewFlags},
    {.name = "keys ls", .what = "keys known here and whom they belong to", .service = "ls.keys"},
    {.name = "keys trust",
     .what = "accept a key for this repository",
     .service = "keys.trust",
     .positionals = kKey,
     .consent = Consent::kAlways},
    {.name = "keys revoke",
     .what = "stop believing a key, for everybody who shares this folder",
     .service = "keys.revoke",
     .positionals = kKey,
     .flags = kRevokeFlags,
     .consent = Consent::kAlways},
    {.name = "policy why",
     .what = "the rule that allows or denies a route",
     .service = "policy.why",
     .positionals = kRoute},
    {.name = "panel start",
     .what = "start this workspace's panel",
     .service = "panel.start",
     .where = Where::kPanel},
    {.name = "panel stop",
     .what = "stop the panel; open links go on",
     .service = "panel.stop",
     .where = Where::kPanelIfUp},
    {.name = "panel run",
     .what = "be the panel, in the foreground",
     .service = "panel.run",
     .runs = Runs::kPanelRun},
    {.name = "down",
     .what = "stop the panel and everything it started",
     .service = "down",
     .where = Where::kPanelIfUp},
    {.name = "eject",
     .what = "give AI clients plain entries of their own back",
     .service = "eject",
     .consent = Consent::kAlways},
    {.name = "run",
     .what = "run a command that sees a provider's view, with nothing of it in the project",
     .service = "run",
     .positionals = kCommand,
     .flags = kRunFlags,
     .runs = Runs::kPrivateRun},
    {.name = "dedupe",
     .what = "which agents, skills, rules and commands providers have copies of; exit 4 if any",
     .service = "dedupe",
     .positionals = kDirs,
     .flags = kDedupeFlags},
    {.name = "migrate",
     .what = "make one of the copies that providers have, and show it to all of them",
     .service = "migrate",
     .positionals = kDir,
     .flags = kMigrateFlags,
     .consent = Consent::kAlways,
     .deadline_ms = 600'000},
    {.name = "view ls",
     .what = "what each provider is shown, and how",
     .service = "view.ls",
     .flags = kViewLsFlags},
    {.name = "view mount",
     .what = "show a provider this workspace's agents, skills, rules and commands",
     .service = "view.mount",
     .positionals = kProvidersSome,
     .flags = kViewMountFlags,
     .deadline_ms = 300'000},
    {.name = "view unmount",
     .what = "show a provider nothing any more",
     .service = "view.unmount",
     .positionals = kViewsSome,
     .deadline_ms = 300'000},
    {.name = "view diff",
     .what = "what would be shown otherwise, and what somebody changed; exit 4 if anything",
     .service = "view.diff",
     .positionals = kViewsMany},
    {.name = "view pull",
     .what = "take what was edited in providers' files into the workspace",
     .service = "view.pull",
     .positionals = kViewOrPath,
     .consent = Consent::kAlways,
     .deadline_ms = 300'000},
    {.name = "view import",
     .what = "take a provider's own agents, skills, rules and commands into the workspace",
     .service = "view.import",
     .positionals = kFiles,
     .flags = kViewImportFlags,
     .consent = Consent::kAlways},
    {.name = "view why",
     .what = "which item, overlays and provider a shown file comes from",
     .service = "view.why",
     .positionals = kViewFile},
    {.name = "mcp ls",
     .what = "MCP servers of this workspace",
     .service = "mcp.ls",
     .flags = kMcpLsFlags,
     .where = Where::kPanelIfUp},
    {.name = "mcp import",
     .what = "take MCP servers into the workspace, secrets kept out",
     .service = "mcp.import",
     .positionals = kFiles,
     .flags = kImportFlags,
     .consent = Consent::kAlways,
     .deadline_ms = 600'000},
    {.name = "mcp add",
     .what = "take one MCP server that no client's file names",
     .service = "mcp.add",
     .positionals = kNameAndWords,
     .flags = kAddFlags,
     .consent = Consent::kAlways,
     .deadline_ms = 600'000},
    {.name = "mcp rm",
     .what = "take servers out of the workspace",
     .service = "mcp.rm",
     .positionals = kServersSome,
     .consent = Consent::kAlways},
    {.name = "mcp diff",
     .what = "how servers differ from what was accepted",
     .service = "mcp.diff",
     .positionals = kServersMany,
     .deadline_ms = 300'000},
    {.name = "mcp pin",
     .what = "take what servers list that have nothing taken yet",
     .service = "mcp.pin",
     .positionals = kServersMany,
     .deadline_ms = 300'000},
    {.name = "mcp accept",
     .what = "accept what a server offers now",
     .service = "mcp.accept",
     .positionals = kServersSome,
     .consent = Consent::kAlways,
     .deadline_ms = 300'000},
    {.name = "mcp sandbox",
     .what = "what a server may reach",
     .service = "mcp.sandbox",
     .positionals = kServer,
     .flags = kSandboxFlags,
     .consent = Consent::kAlways},
    {.name = "mcp login",
     .what = "log in to a server over HTTP, in a browser",
     .service = "mcp.login",
     .positionals = kServer,
     .flags = kLoginFlags,
     .consent = Consent::kAlways,
     .deadline_ms = 300'000},
    {.name = "mcp serve",
     .what = "be the MCP server an AI client starts",
     .service = "mcp.serve",
     .positionals = kServersMany,
     .flags = kServeFlags,
     .runs = Runs::kServe},
    {.name = "mcp connect",
     .what = "have AI clients use these servers through RTT",
     .service = "mcp.connect",
     .positionals = kClients,
     .flags = kConnectFlags,
     .consent = Consent::kWithWrite},
    {.name = "mcp disconnect",
     .what = "put AI clients' configuration back as it was",
     .service = "mcp.disconnect",
     .positionals = kClients,
     .flags = kDisconnectFlags,
     .consent = Consent::kAlways},
    {.name = "mcp logs",
     .what = "what a server printed on stderr",
     .service = "mcp.logs",
     .positionals = kServer,
     .flags = kLogsFlags,
     .where = Where::kPanelIfUp},
    {.name = "mcp restart",
     .what = "restart servers",
     .service = "mcp.restart",
     .positionals = kServersSome,
     .where = Where::kPanel,
     .deadline_ms = 120'000},
    {.name = "driver test",
     .what = "whether a driver keeps to the driver protocol",
     .service = "driver.test",
     .positionals = kDriverPath,
     .flags = kDriverTestFlags,
     .deadline_ms = 120'000},
    {.name = "chaos run",
     .what = "break a live copy of this workspace in every named way and judge what holds",
     .service = "chaos",
     .flags = kChaosFlags,
     .deadline_ms = 86'400'000},
    {.name = "completion bash",
     .what = "a completion script for bash",
     .service = "completion",
     .runs = Runs::kLocal},
    {.name = "completion zsh",
     .what = "a completion script for zsh",
     .service = "completion",
     .runs = Runs::kLocal},
    {.name = "completion fish",
     .what = "a completion script for fish",
     .service = "completion",
     .runs = Runs::kLocal},
    {.name = "driver-host",
     .what = "a driver's process; the panel starts it",
     .service = "driver-host",
     .positionals = kWords,
     .runs = Runs::kDriverHost,
     .listed = Listed::kHidden},
    {.name = "__complete",
     .what = "candidates for the shell",
     .service = "__complete",
     .positionals = kWords,
     .runs = Runs::kLocal,
     .listed = Listed::kHidden},
});

std::string shown(const Positional& positional) {
  std::string name(positional.field);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  if (name.ends_with('S') && (positional.arity == Arity::kMany || positional.arity == Arity::kSome))
    name.pop_back();
  switch (positional.arity) {
    case Arity::kOne:
    case Arity::kNumber:
      return name;
    case Arity::kOptional:
      return "[" + name + "]";
    case Arity::kMany:
      return "[" + name + "]...";
    case Arity::kSome:
      return name + "...";
    case Arity::kRoute:
      return "A B";
    case Arity::kPairs:
      return "[JSON | KEY=VALUE...]";
  }
  return name;
}

}  // namespace

std::span<const Verb> verbs() { return kVerbs; }
std::span<const Flag> global_flags() { return kGlobalFlags; }

const Verb* find_verb(std::string_view name) {
  const auto at =
      std::find_if(kVerbs.begin(), kVerbs.end(), [&](const Verb& verb) { return verb.name == name; });
  return at == kVerbs.end() ? nullptr : &*at;
}

bool is_group(std::string_view word) {
  return std::any_of(kVerbs.begin(), kVerbs.end(), [&](const Verb& verb) {
    return verb.name.size() > word.size() && verb.name.starts_with(word) && verb.name[word.size()] == ' ';
  });
}

const Flag* find_flag(const Verb& verb, std::string_view name) {
  for (const Flag& flag : verb.flags) {
    if (flag.name == name) return &flag;
  }
  for (const Flag& flag : kGlobalFlags) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

std::string usage(const Verb& verb) {
  std::string line = "rtt " + std::string(verb.name);
  for (const Positional& positional : verb.positionals) line += " " + shown(positional);
  for (const Flag& flag : verb.flags) {
    line += " [--" + std::string(flag.name);
    if (flag.takes != Takes::kNothing) line += " " + std::string(flag.value);
    line += flag.takes == Takes::kList ? "]..." : "]";
  }
  return line;
}

}  // namespace rtt::cli
