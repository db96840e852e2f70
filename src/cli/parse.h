// SPDX-License-Identifier: Apache-2.0
// parse: words of the command line to a verb and its arguments as JSON, or the error that helps.
//
// `--flag value`, `--flag=value`, `-C DIR`, `-CDIR`, and `--` (every later word is taken as it is). Flags may
// stand before, between and after words (of `run`: before its command); global flags also before the verb. A
// mistyped verb or flag is answered with the nearest real one.
//
// Owns: its strings.   Thread: any (pure).   Fails: kUnknownVerb, kUnknownFlag, kBadArgument, kBadRoute.
// Limits: kWordsMax words.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/verbs.h"
#include "text/json.h"

namespace rtt::cli {

inline constexpr std::size_t kWordsMax = 10'000;

enum class Colour : std::uint8_t { kAuto, kAlways, kNever };
enum class Wants : std::uint8_t { kRun, kVersion, kOverview, kPage };

struct Command {
  const Verb* verb = nullptr;  // for Wants::kRun, and for kPage when a verb was named
  std::string page;            // first word: which page --help shows
  Wants wants = Wants::kRun;
  text::Json args = text::Json(text::JsonObject{});
  std::vector<std::string> raw;  // Runs::kDriverHost and __complete: the words after the verb, untouched
  std::string directory;         // -C, or empty
  Colour colour = Colour::kAuto;
  bool json = false;
  bool quiet = false;
  bool yes = false;
};

// Output flags are read even when the rest is wrong, so that an error answers in the form that was asked for.
struct OutputFlags {
  bool json = false;
  Colour colour = Colour::kAuto;
};
OutputFlags output_flags(const std::vector<std::string>& words);

Result<Command> parse(const std::vector<std::string>& words);

// "key=value" words or one JSON object: a value that reads as JSON is that, anything else a string.
Result<text::Json> parse_pairs(const std::vector<std::string>& words);

}  // namespace rtt::cli
