// SPDX-License-Identifier: Apache-2.0
// The verb table: what each verb is called, takes, asks and needs. Parser, help, completion and dispatch read
// it, so a flag exists in one place only. docs/cli/<first word>.md is its long form; a test holds the two
// together.
//
// Thread: any (constants).   Fails: never.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "cli/run.h"

namespace rtt::cli {

enum class Arity : std::uint8_t {
  kOne,       // exactly one word
  kOptional,  // none or one
  kMany,      // any number: a list
  kSome,      // at least one: a list
  kNumber,    // exactly one whole number
  kRoute,     // `A B` or 'A -> B': fields from, to
  kPairs,     // one JSON object, or key=value words: field arguments
};
// What a word names, for completion and did-you-mean.
enum class Names : std::uint8_t {
  kText,
  kPath,
  kSymbol,
  kServer,
  kKey,
  kPlan,
  kPathOrPlan,
  kCode,
  kView,
  kViewOrPath,
  kProvider
};

struct Positional {
  std::string_view field;  // in args
  Arity arity = Arity::kOne;
  Names names = Names::kText;
};

enum class Takes : std::uint8_t { kNothing, kText, kNumber, kList };
struct Flag {
  std::string_view name;  // without dashes; the field in args has `_` for `-`
  Takes takes = Takes::kNothing;
  std::string_view value;  // placeholder, e.g. "FILE"
  std::string_view what;   // one line
};

enum class Consent : std::uint8_t { kNever, kAlways, kWithWrite };
enum class Runs : std::uint8_t { kService, kLocal, kCall, kServe, kPanelRun, kPrivateRun, kDriverHost };
enum class Output : std::uint8_t { kDocument, kLines };  // kLines: NDJSON under --json
enum class Listed : std::uint8_t { kYes, kHidden };

struct Verb {
  std::string_view name;     // "plan", "mcp import"
  std::string_view what;     // one line
  std::string_view service;  // api::Ask verb and the schema's middle part: "mcp.import"
  std::span<const Positional> positionals{};
  std::span<const Flag> flags{};
  Runs runs = Runs::kService;
  Where where = Where::kInProcess;
  Consent consent = Consent::kNever;
  Output output = Output::kDocument;
  std::int64_t deadline_ms = 60'000;
  Listed listed = Listed::kYes;
};

std::span<const Verb> verbs();         // in the order help shows them
std::span<const Flag> global_flags();  // every verb takes these
const Verb* find_verb(std::string_view name);
[[nodiscard]] bool is_group(std::string_view word);              // "mcp", "keys", …: the first of two words
const Flag* find_flag(const Verb& verb, std::string_view name);  // of the verb or global
// "rtt mcp import [FILE]... [--only NAME]..."
std::string usage(const Verb& verb);

}  // namespace rtt::cli
