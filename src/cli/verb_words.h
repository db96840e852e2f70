// SPDX-License-Identifier: Apache-2.0
// The positionals and flags of the verbs, which verbs.cc puts together.
//
// Thread: any (constants).   Fails: never.   Limits: none.
#pragma once

#include <array>

#include "cli/verbs.h"

namespace rtt::cli::words {

inline constexpr Flag kTrustKey{"trust-key", Takes::kList, "FILE", "trust this public key for this run"};
inline constexpr auto kGlobalFlags = std::to_array<Flag>({
    {"C", Takes::kText, "DIR", "use the workspace of this folder"},
    {"json", Takes::kNothing, "", "print one JSON document (NDJSON for log and audit)"},
    {"quiet", Takes::kNothing, "", "print nothing but errors"},
    {"color", Takes::kText, "WHEN", "auto, always or never"},
    {"yes", Takes::kNothing, "", "agree to what the verb would ask"},
    {"help", Takes::kNothing, "", "show the verb's page"},
});

inline constexpr auto kPaths = std::to_array<Positional>({{"paths", Arity::kMany, Names::kPath}});
inline constexpr auto kToSign = std::to_array<Positional>({{"paths", Arity::kMany, Names::kPathOrPlan}});
inline constexpr auto kScanFlags =
    std::to_array<Flag>({{"all", Takes::kNothing, "", "list every symbol, not only what is new"}});
inline constexpr auto kPlanFlags = std::to_array<Flag>({
    {"check", Takes::kNothing, "", "write nothing; exit 4 if changes are pending"},
    {"explain", Takes::kNothing, "", "why each route was chosen and what was rejected"},
    {"reset", Takes::kNothing, "", "drop wiring that a quick connect put in place"},
    kTrustKey,
});
inline constexpr auto kApplyPositionals =
    std::to_array<Positional>({{"plan", Arity::kOptional, Names::kPlan}});
inline constexpr auto kTrustFlags = std::to_array<Flag>({kTrustKey});
inline constexpr auto kApplyFlags = std::to_array<Flag>({
    kTrustKey,
    {"canary", Takes::kNumber, "PCT",
     "wire PCT percent of the routes first, and the rest when they prove well"},
    {"window", Takes::kText, "SPAN", "watch a canary (30s), or all that is added, for this long"},
});
inline constexpr auto kSeq = std::to_array<Positional>({{"seq", Arity::kNumber}});
inline constexpr auto kCallPositionals =
    std::to_array<Positional>({{"saddr", Arity::kOne, Names::kSymbol}, {"arguments", Arity::kPairs}});
inline constexpr auto kCallFlags = std::to_array<Flag>({
    {"deadline", Takes::kNumber, "MS", "give up after this many milliseconds (30000)"},
    {"repeat", Takes::kNumber, "N", "call N times on one open link and show the latencies"},
});
inline constexpr auto kFilter = std::to_array<Positional>({{"filter", Arity::kOptional, Names::kText}});
inline constexpr auto kLsFlags =
    std::to_array<Flag>({{"watch", Takes::kNothing, "", "show again whenever the list changes"}});
inline constexpr auto kTapPositionals = std::to_array<Positional>(
    {{"route", Arity::kOptional, Names::kText}, {"to", Arity::kOptional, Names::kText}});
inline constexpr auto kTapFlags = std::to_array<Flag>({
    {"flight", Takes::kText, "SPAN", "every route, for this long: 5s, 2m"},
    {"for", Takes::kText, "SPAN", "stop after this long (else on Ctrl-C)"},
    {"tools", Takes::kNothing, "", "MCP tools in place of routes, once a second"},
});
inline constexpr Flag kOfRoute{"route", Takes::kText, "ROUTE",
                               "only what touched this route: ADDRESS or 'A -> B'"};
inline constexpr Flag kOfWho{"who", Takes::kText, "WHO", "only what this key, client or endpoint did"};
inline constexpr Flag kOfAction{"action", Takes::kText, "ACTION",
                                "only this action: apply, call, refused, …"};
inline constexpr auto kLogFlags = std::to_array<Flag>({
    {"since", Takes::kText, "T", "from this time on: 10m, 2h, 3d or an RFC 3339 time"},
    {"limit", Takes::kNumber, "N", "at most the last N lines"},
    kOfRoute,
    kOfWho,
    kOfAction,
});
inline constexpr auto kAuditFlags = std::to_array<Flag>({
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
inline constexpr auto kDriverPath = std::to_array<Positional>({{"path", Arity::kOne, Names::kPath}});
inline constexpr auto kDriverTestFlags = std::to_array<Flag>({
    {"wire", Takes::kText, "WIRE", "of a program without a driver.json: json (default) or line"},
    {"saddr", Takes::kText, "SADDR", "the address links are opened for"},
    {"params", Takes::kText, "JSON", "the parameters they are opened with"},
    {"payload", Takes::kText, "TEXT", "what is sent to it"},
});
inline constexpr auto kChaosFlags = std::to_array<Flag>({
    {"cases", Takes::kText, "FILE", "the cases (chaos/cases.yaml of the workspace)"},
    {"runs", Takes::kNumber, "N", "play them all N times (1)"},
    {"seed", Takes::kNumber, "S", "strike at the same moments as the run that printed S"},
});
inline constexpr auto kCode = std::to_array<Positional>({{"code", Arity::kOptional, Names::kCode}});
inline constexpr auto kKeysNewFlags =
    std::to_array<Flag>({{"label", Takes::kText, "TEXT", "a name people recognise the key by"}});
inline constexpr auto kKey = std::to_array<Positional>({{"key", Arity::kOne, Names::kKey}});
inline constexpr auto kRevokeFlags =
    std::to_array<Flag>({{"reason", Takes::kText, "TEXT", "why, for those who read the list"}});
inline constexpr auto kRoute = std::to_array<Positional>({{"route", Arity::kRoute, Names::kSymbol}});
inline constexpr auto kQuickFlags = std::to_array<Flag>({
    {"plan", Takes::kNothing, "", "write the plan and leave the wiring as it is"},
});
inline constexpr auto kFiles = std::to_array<Positional>({{"files", Arity::kMany, Names::kPath}});
inline constexpr auto kImportFlags = std::to_array<Flag>({
    {"user", Takes::kNothing, "", "read the clients' files of this user, not of this project"},
    {"only", Takes::kList, "NAME", "only this server of the file"},
    {"plain", Takes::kList, "NAME", "keep this variable's value in the manifest instead of the secret store"},
    {"secret-arg", Takes::kList, "ARG", "an argument that is a secret: its place, its option, or `url`"},
    {"ca-file", Takes::kText, "FILE", "servers over https: trust these certificates instead of the system's"},
    {"plain-http", Takes::kNothing, "", "http:// to another machine is meant"},
});
inline constexpr auto kLoginFlags = std::to_array<Flag>({
    {"scope", Takes::kText, "SCOPE", "ask for this scope instead of what the server wants"},
    {"client-id", Takes::kText, "ID",
     "be known as ID, registered beforehand, or the address of its metadata"},
    {"client-secret-from", Takes::kText, "FILE", "the secret of that ID is in this file, or in ${VARIABLE}"},
    {"no-browser", Takes::kNothing, "", "print the address, open no browser"},
    {"plain-http", Takes::kNothing, "", "http:// to another machine is meant"},
    {"logout", Takes::kNothing, "", "forget the login"},
});
inline constexpr auto kNameAndWords = std::to_array<Positional>({{"name"}, {"words", Arity::kSome}});
inline constexpr auto kAddFlags = std::to_array<Flag>({
    {"env", Takes::kList, "NAME[=VALUE]", "a variable for the program; without a value, the one it has here"},
    {"header", Takes::kList, "'NAME: VALUE'", "with a URL: a header of each request"},
    {"cwd", Takes::kText, "DIR", "the program's folder, the workspace if not given"},
    {"plain", Takes::kList, "NAME", "keep this variable's value in the manifest instead of the secret store"},
    {"secret-arg", Takes::kList, "ARG", "an argument that is a secret: its place, its option, or `url`"},
    {"ca-file", Takes::kText, "FILE", "with a URL: trust these certificates instead of the system's"},
    {"plain-http", Takes::kNothing, "", "with a URL: http:// to another machine is meant"},
});
inline constexpr auto kServersMany = std::to_array<Positional>({{"names", Arity::kMany, Names::kServer}});
inline constexpr auto kServersSome = std::to_array<Positional>({{"names", Arity::kSome, Names::kServer}});
inline constexpr auto kServer = std::to_array<Positional>({{"name", Arity::kOne, Names::kServer}});
inline constexpr auto kSandboxFlags = std::to_array<Flag>({
    {"no-network", Takes::kNothing, "", "no sockets"},
    {"read-only", Takes::kList, "DIR",
     "of files, only what is below DIR may be read (and what programs need)"},
    {"write", Takes::kList, "DIR", "only what is below DIR may be read and written"},
    {"off", Takes::kNothing, "", "what the user may, as without RTT"},
});
inline constexpr auto kServeFlags = std::to_array<Flag>({
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
inline constexpr auto kMcpLsFlags = std::to_array<Flag>(
    {{"as", Takes::kText, "CLIENT", "what rtt://client/agent/CLIENT sees, and what is hidden"}});
inline constexpr auto kClients = std::to_array<Positional>({{"clients", Arity::kMany, Names::kText}});
inline constexpr Flag kAllClients{"all", Takes::kNothing, "", "every client found here"};
inline constexpr auto kConnectFlags = std::to_array<Flag>({
    kAllClients,
    {"write", Takes::kNothing, "", "change the clients' files (asks first)"},
    {"project", Takes::kNothing, "", "the project's own file, which others may share"},
    {"single", Takes::kNothing, "", "one entry `rtt` for all servers"},
});
inline constexpr auto kDisconnectFlags = std::to_array<Flag>({kAllClients});
inline constexpr auto kLogsFlags =
    std::to_array<Flag>({{"lines", Takes::kNumber, "N", "at most the last N lines (200)"}});
inline constexpr auto kCommand = std::to_array<Positional>({{"command", Arity::kMany}});
inline constexpr auto kRunFlags = std::to_array<Flag>({
    {"provider", Takes::kText, "PROVIDER", "whose view; without it the one whose command this is"},
    {"env", Takes::kText, "ENV", "with the overlays of this environment"},
    {"dry-run", Takes::kNothing, "", "run nothing; say what the command would see"},
});
inline constexpr auto kWords = std::to_array<Positional>({{"words", Arity::kMany}});

inline constexpr auto kViewsMany = std::to_array<Positional>({{"providers", Arity::kMany, Names::kView}});
inline constexpr auto kViewsSome = std::to_array<Positional>({{"providers", Arity::kSome, Names::kView}});
inline constexpr auto kProvidersSome =
    std::to_array<Positional>({{"providers", Arity::kSome, Names::kProvider}});
inline constexpr auto kViewOrPath =
    std::to_array<Positional>({{"sources", Arity::kMany, Names::kViewOrPath}});
inline constexpr auto kViewFile = std::to_array<Positional>({{"file", Arity::kOne, Names::kPath}});
inline constexpr auto kViewLsFlags =
    std::to_array<Flag>({{"all", Takes::kNothing, "", "every provider RTT knows, too"}});
inline constexpr auto kViewMountFlags =
    std::to_array<Flag>({{"env", Takes::kText, "ENV", "with the overlays of this environment"}});
inline constexpr auto kViewImportFlags =
    std::to_array<Flag>({{"from", Takes::kText, "PROVIDER", "only this provider's files"}});

inline constexpr auto kDirs = std::to_array<Positional>({{"dirs", Arity::kMany, Names::kPath}});
inline constexpr auto kDir = std::to_array<Positional>({{"dir", Arity::kOptional, Names::kPath}});
inline constexpr Flag kPrefer{"prefer", Takes::kText, "PROVIDER",
                              "where copies differ, this provider's is the one kept"};
inline constexpr auto kDedupeFlags = std::to_array<Flag>({
    {"report", Takes::kNothing, "", "each copy, and how it differs"},
    kPrefer,
});
inline constexpr auto kMigrateFlags = std::to_array<Flag>({
    kPrefer,
    {"dry-run", Takes::kNothing, "", "say what would be done and change nothing"},
    {"undo", Takes::kNothing, "", "put everything back as it was"},
});

}  // namespace rtt::cli::words
