// SPDX-License-Identifier: Apache-2.0
// `rtt __complete WORDS…`: what may stand in place of the last word, one candidate a line.
//
// A shell calls this at every press of TAB: it never prints an error, never starts a panel, and gives nothing
// where files are meant, so that the shell completes those itself.
#include <algorithm>

#include "cli/dispatch.h"

namespace rtt::cli {
namespace {

using text::Json;

// What the words before the cursor have fixed so far.
struct Typed {
  std::string group;
  const Verb* verb = nullptr;
  std::size_t positionals = 0;
  const Flag* open_flag = nullptr;  // takes the word at the cursor as its value
  Place place;
};

Typed read_typed(const std::vector<std::string>& words, const Place& place) {
  Typed typed{.place = place};
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (typed.open_flag != nullptr) {
      if (typed.open_flag->name == "C") typed.place = {.directory = word, .search = "exactly"};
      typed.open_flag = nullptr;
    } else if (word.size() > 1 && word[0] == '-') {
      const std::string name = word == "-C" ? "C" : word.substr(std::min<std::size_t>(2, word.size()));
      const bool has_value = word.find('=') != std::string::npos;
      static constexpr Verb kNone{};
      const Flag* flag = find_flag(typed.verb != nullptr ? *typed.verb : kNone, name);
      if (flag != nullptr && flag->takes != Takes::kNothing && !has_value) typed.open_flag = flag;
    } else if (typed.verb != nullptr) {
      ++typed.positionals;
    } else if (!typed.group.empty()) {
      typed.verb = find_verb(typed.group + " " + word);
    } else if (is_group(word)) {
      typed.group = word;
    } else {
      typed.verb = find_verb(word);
    }
  }
  return typed;
}

struct Source {
  Names names;
  std::string_view service, list, field;
  std::string_view flag{};  // set in the ask
};
constexpr Source kSources[] = {{Names::kSymbol, "ls.symbols", "symbols", "saddr"},
                               {Names::kServer, "mcp.ls", "servers", "name"},
                               {Names::kKey, "ls.keys", "keys", "key_id"},
                               {Names::kPlan, "ls.plans", "plans", "plan_id"},
                               {Names::kView, "ls.views", "views", "provider"},
                               {Names::kViewOrPath, "ls.views", "views", "provider"},
                               {Names::kProvider, "view.ls", "known", "name", "all"}};

std::vector<std::string> names_from_service(const Session& session, Names names, const Place& place) {
  std::vector<std::string> found;
  for (const Source& source : kSources) {
    if (source.names != names) continue;
    const auto service = session.ports.service(
        {.where = Where::kInProcess, .verb = std::string(source.service), .place = place});
    if (!service) return found;
    Json args = text::JsonObject{};
    if (!source.flag.empty()) args.set(source.flag, true);
    const auto reply = (*service)->ask({.verb = std::string(source.service),
                                        .args = std::move(args),
                                        .directory = place.directory,
                                        .search = place.search,
                                        .deadline_ms = kWatchMs},
                                       [](const Json&) {});
    if (!reply) return found;
    for (const Json& row : items(reply->body, source.list)) {
      std::string name(row.string_or(source.field));
      if (names == Names::kSymbol) name = name.substr(0, name.find('@'));
      found.push_back(std::move(name));
    }
  }
  return found;
}

std::vector<std::string> verb_words(const std::string& group) {
  std::vector<std::string> words;
  for (const Verb& verb : verbs()) {
    if (verb.listed == Listed::kHidden) continue;
    if (group.empty()) {
      words.emplace_back(verb.name.substr(0, verb.name.find(' ')));
    } else if (verb.name.starts_with(group + " ")) {
      words.emplace_back(verb.name.substr(group.size() + 1));
    }
  }
  return words;
}

std::vector<std::string> flag_words(const Verb* verb) {
  std::vector<std::string> words;
  for (const Flag& flag : global_flags())
    words.push_back(flag.name == "C" ? "-C" : "--" + std::string(flag.name));
  if (verb != nullptr) {
    for (const Flag& flag : verb->flags) words.push_back("--" + std::string(flag.name));
  }
  return words;
}

const Positional* positional_at(const Verb& verb, std::size_t index) {
  if (verb.positionals.empty()) return nullptr;
  const Positional& last = verb.positionals.back();
  if (index < verb.positionals.size()) return &verb.positionals[index];
  const bool repeats =
      last.arity == Arity::kMany || last.arity == Arity::kSome || (last.arity == Arity::kRoute && index < 2);
  return repeats ? &last : nullptr;
}

std::vector<std::string> candidates(const Session& session, const Typed& typed, const std::string& current) {
  if (typed.open_flag != nullptr) {
    return typed.open_flag->name == "color" ? std::vector<std::string>{"auto", "always", "never"}
                                            : std::vector<std::string>{};
  }
  if (current.starts_with("--color=")) return {"--color=auto", "--color=always", "--color=never"};
  if (current.starts_with('-')) return flag_words(typed.verb);
  if (typed.verb == nullptr) return verb_words(typed.group);
  const Positional* positional = positional_at(*typed.verb, typed.positionals);
  if (positional == nullptr) return {};
  if (positional->names == Names::kCode) {
    std::vector<std::string> codes;
    for (const CodeInfo& info : all_codes()) codes.push_back(code_name(info.code));
    return codes;
  }
  return names_from_service(session, positional->names, typed.place);
}

}  // namespace

int run_complete(const Session& session) {
  const auto& words = session.command.raw;
  const std::string current = words.empty() ? "" : words.back();
  std::vector<std::string> found = candidates(session, read_typed(words, session.place), current);
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  for (const std::string& one : found) {
    if (one.starts_with(current)) session.screen.out(printable(one) + "\n");
  }
  return 0;
}

}  // namespace rtt::cli
