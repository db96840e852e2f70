// SPDX-License-Identifier: Apache-2.0
// Error: what went wrong, where, why, and what to do next.
//
// One value type for every operating error of the program, from a parser to a driver host. Programmer errors
// are not errors of this kind: they are RTT_ASSERT. The code is stable (printed as RTT0412, listed by `rtt
// explain`), decides the exit status, and crosses the panel socket unchanged, so a script sees the same
// answer whichever process failed. An error keeps the chain of what it caused, innermost last.
//
// Owns: its strings.   Thread: any (a value).   Fails: never.   Limits: kErrorCausesMax causes are kept.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rtt {

// Exit statuses of the command line (docs/cli/exit-status.md).
enum class Exit : std::uint8_t {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kRefused = 3,
  kPending = 4,
  kRolledBack = 5,
  kNoPanel = 6,
  kCorrupt = 7,
  kGatewayLost = 75,
};

// Numbers are stable for ever: never reuse one. Hundreds: 1 usage, 2 input text, 3 workspace and files,
// 4 trust and policy, 5 plan, 6 journal and apply, 7 panel and lanes, 8 drivers and MCP, 9 the machine.
enum class Code : std::uint16_t {
  kUnknownVerb = 101,
  kUnknownFlag = 102,
  kBadArgument = 103,
  kNeedsConsent = 104,
  kNotFound = 105,
  kAmbiguous = 106,
  kBadRoute = 107,

  kJsonSyntax = 201,
  kJsonDuplicateKey = 202,
  kJsonDepth = 203,
  kJsonNumber = 204,
  kJsonEncoding = 205,
  kTooLarge = 206,
  kYamlSyntax = 207,
  kBadAddress = 208,
  kBadVersion = 209,
  kUnknownKey = 210,
  kBadShape = 211,
  kBadFrontMatter = 212,
  kTomlSyntax = 213,
  kPatchFailed = 214,

  kNoWorkspace = 301,
  kBadWorkspace = 302,
  kDuplicateDefinition = 303,
  kEscapes = 304,
  kNotRegular = 305,
  kBadConfig = 306,
  kNameClash = 307,

  kUnsigned = 401,
  kUnknownSigner = 402,
  kRevokedSigner = 403,
  kBadSignature = 404,
  kChangedUnsigned = 405,
  kTampered = 406,
  kDenied = 412,
  kNoPrivateKey = 413,
  kDrift = 414,
  kSecretMissing = 415,
  kForeignPlan = 416,
  kNeedsLogin = 417,
  kEditConflict = 418,

  kNoProvider = 501,
  kTypeMismatch = 502,
  kVersionMeet = 503,
  kCapabilityMeet = 504,
  kPinUnmet = 505,
  kQosUnmet = 506,
  kCycle = 507,
  kSchemaMismatch = 508,
  kDirection = 509,
  kStalePlan = 510,
  kRuleConflict = 511,
  kPlanTooLarge = 512,

  kJournalDamaged = 601,
  kTornTail = 602,
  kNotACommit = 603,
  kRolledBack = 604,
  kNack = 605,
  kApplyBusy = 606,

  kPanelDown = 701,
  kPanelProtocol = 702,
  kFrame = 703,
  kLost = 704,
  kDeadline = 705,
  kBusy = 706,
  kCancelled = 707,
  kNotOwner = 708,

  kDriverStart = 801,
  kDriverProtocol = 802,
  kDriverFailed = 803,
  kToolFailed = 804,
  kServerStart = 805,
  kServerProtocol = 806,
  kServerGone = 807,
  kUnknownTool = 808,
  kServerDown = 809,

  kIo = 901,
  kNoSpace = 902,
  kPermission = 903,
  kLimit = 904,
  kInternal = 905,
  kCryptoFailed = 906,
};

struct CodeInfo {
  Code code;
  Exit exit;
  std::string_view title;    // short, lower case: "policy denies the route"
  std::string_view explain;  // one or two sentences for `rtt explain`: when it happens and what helps
};

// Every code once, sorted by number.
std::span<const CodeInfo> all_codes();
const CodeInfo& code_info(Code code);
Exit exit_status(Code code);
std::string code_name(Code code);  // "RTT0412"

inline constexpr std::size_t kErrorCausesMax = 8;

struct Error {
  Code code = Code::kInternal;
  std::string message;  // what failed, on which object, why; no trailing full stop
  std::string where;    // "file:line:column", a route, an address, or empty
  std::string hint;     // the next command to try, or empty
  std::vector<std::string> causes{};

  // The same error seen from one floor up: `context` becomes the message, the old message its first cause.
  [[nodiscard]] Error in(std::string context) &&;
  [[nodiscard]] Error at(std::string new_where) &&;
  [[nodiscard]] Error hinting(std::string new_hint) &&;

  friend bool operator==(const Error&, const Error&) = default;
};

}  // namespace rtt
