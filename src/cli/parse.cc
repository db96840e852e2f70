// SPDX-License-Identifier: Apache-2.0
#include "cli/parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "model/saddr.h"

namespace rtt::cli {
namespace {

using text::Json;

std::string field_name(std::string_view flag) {
  std::string field(flag);
  std::replace(field.begin(), field.end(), '-', '_');
  return field;
}

std::string page_hint(std::string_view verb) {
  return fmt::format("rtt {} --help", verb.substr(0, verb.find(' ')));
}

Result<std::int64_t> whole_number(std::string_view word, std::string_view what, std::string_view verb) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size() || value < 0) {
    return fail(Code::kBadArgument, fmt::format("{} is not a whole number: {}", what, word), {},
                page_hint(verb));
  }
  return value;
}

std::unexpected<Error> unknown_verb(const std::string& wrong) {
  std::vector<std::string> names;
  for (const Verb& verb : verbs()) {
    if (verb.listed == Listed::kHidden) continue;
    names.emplace_back(verb.name);
    names.emplace_back(verb.name.substr(0, verb.name.find(' ')));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  const auto near = model::nearest(wrong, names);
  return fail(Code::kUnknownVerb, "no such command: " + wrong, {}, near ? "rtt " + *near : "rtt --help");
}

std::unexpected<Error> unknown_second(const std::string& group, const std::string& wrong) {
  std::vector<std::string> names;
  std::string all;
  for (const Verb& verb : verbs()) {
    if (!verb.name.starts_with(group + " ")) continue;
    names.emplace_back(verb.name.substr(group.size() + 1));
    all += (all.empty() ? "" : ", ") + names.back();
  }
  if (wrong.empty()) {
    return fail(Code::kBadArgument, fmt::format("`rtt {}` is followed by one of: {}", group, all), {},
                fmt::format("rtt {} --help", group));
  }
  const auto near = model::nearest(wrong, names);
  return fail(Code::kUnknownVerb, fmt::format("no such command: {} {} (there is: {})", group, wrong, all), {},
              near ? fmt::format("rtt {} {}", group, *near) : fmt::format("rtt {} --help", group));
}

std::unexpected<Error> unknown_flag(const Verb* verb, const std::string& wrong) {
  std::vector<std::string> names;
  if (verb != nullptr) {
    for (const Flag& flag : verb->flags) names.push_back("--" + std::string(flag.name));
  }
  for (const Flag& flag : global_flags()) {
    if (flag.name != "C") names.push_back("--" + std::string(flag.name));
  }
  const std::string prefix = verb == nullptr ? "rtt" : "rtt " + std::string(verb->name);
  const auto near = model::nearest(wrong, names);
  return fail(Code::kUnknownFlag, fmt::format("{} takes no flag {}", prefix, wrong), {},
              near ? prefix + " " + *near : (verb == nullptr ? "rtt --help" : page_hint(verb->name)));
}

// Reads the words one by one; the state that grows while doing so.
class Reader {
 public:
  explicit Reader(const std::vector<std::string>& words) : words_(words) {}

  Result<Command> read() {
    while (next_ < words_.size()) {
      const std::string& word = words_[next_++];
      if (untouched()) {
        command_.raw.push_back(word);
      } else if (literal_ || in_command() || word.size() < 2 || word[0] != '-' || word == "->") {
        RTT_TRY(take_word(word));
      } else if (word == "--") {
        literal_ = true;
      } else {
        RTT_TRY(take_flag(word));
      }
    }
    return finish();
  }

 private:
  [[nodiscard]] bool untouched() const {
    return command_.verb != nullptr &&
           (command_.verb->runs == Runs::kDriverHost || command_.verb->name == "__complete");
  }
  // Flags behind a command's name are the command's.
  [[nodiscard]] bool in_command() const {
    return command_.verb != nullptr && command_.verb->runs == Runs::kPrivateRun && !positionals_.empty();
  }

  Status take_word(const std::string& word) {
    if (command_.verb != nullptr) {
      positionals_.push_back(word);
      return {};
    }
    if (!group_.empty()) {
      command_.verb = find_verb(group_ + " " + word);
      if (command_.verb == nullptr) return unknown_second(group_, word);
      return {};
    }
    command_.verb = find_verb(word);
    command_.page = word;
    if (command_.verb != nullptr) return {};
    if (word == "help") {
      command_.wants = Wants::kOverview;
      help_word_ = true;
      return {};
    }
    if (!is_group(word)) return unknown_verb(word);
    group_ = word;
    return {};
  }

  Status take_flag(const std::string& word) {
    if (word.starts_with("-C")) return take_directory(word);
    if (word == "-h") return take_known(global("help"), {});
    if (word == "-V" || word == "--version") {
      command_.wants = Wants::kVersion;
      return {};
    }
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    std::optional<std::string> value;
    if (equals != std::string::npos) value = word.substr(equals + 1);
    const Flag* flag = nullptr;
    if (name.starts_with("--") && name != "--C") {
      flag = command_.verb != nullptr ? find_flag(*command_.verb, name.substr(2)) : global(name.substr(2));
    }
    if (flag == nullptr) return unknown_flag(command_.verb, name);
    if (flag->takes == Takes::kNothing && value) {
      return fail(Code::kBadArgument, fmt::format("{} takes no value", name), {}, hint());
    }
    if (flag->takes != Takes::kNothing && !value) {
      if (next_ == words_.size()) {
        return fail(Code::kBadArgument, fmt::format("{} needs a value: {} {}", name, name, flag->value), {},
                    hint());
      }
      value = words_[next_++];
    }
    return take_known(flag, value.value_or(""));
  }

  Status take_directory(const std::string& word) {
    std::string directory = word.substr(2);
    if (directory.empty()) {
      if (next_ == words_.size()) return fail(Code::kBadArgument, "-C needs a folder: -C DIR", {}, hint());
      directory = words_[next_++];
    }
    if (directory.empty()) return fail(Code::kBadArgument, "-C needs a folder: -C DIR", {}, hint());
    command_.directory = std::move(directory);
    return {};
  }

  static const Flag* global(std::string_view name) {
    for (const Flag& flag : global_flags()) {
      if (flag.name == name) return &flag;
    }
    return nullptr;
  }

  Status take_known(const Flag* flag, const std::string& value) {
    if (flag->name == "json") {
      command_.json = true;
    } else if (flag->name == "quiet") {
      command_.quiet = true;
    } else if (flag->name == "yes") {
      command_.yes = true;
    } else if (flag->name == "help") {
      help_ = true;
    } else if (flag->name == "color") {
      return take_colour(value);
    } else {
      return take_own(*flag, value);
    }
    return {};
  }

  Status take_colour(const std::string& value) {
    if (value == "auto") {
      command_.colour = Colour::kAuto;
    } else if (value == "always") {
      command_.colour = Colour::kAlways;
    } else if (value == "never") {
      command_.colour = Colour::kNever;
    } else {
      const auto near = model::nearest(value, {"auto", "always", "never"});
      return fail(Code::kBadArgument, fmt::format("--color is auto, always or never, not {}", value), {},
                  "--color " + near.value_or("auto"));
    }
    return {};
  }

  Status take_own(const Flag& flag, const std::string& value) {
    const std::string field = field_name(flag.name);
    const bool again = command_.args.find(field) != nullptr;
    if (again && flag.takes != Takes::kList && flag.takes != Takes::kNothing) {
      return fail(Code::kBadArgument, fmt::format("--{} is given twice", flag.name), {}, hint());
    }
    switch (flag.takes) {
      case Takes::kNothing:
        command_.args.set(field, true);
        break;
      case Takes::kText:
        command_.args.set(field, value);
        break;
      case Takes::kNumber: {
        RTT_TRY_SET(const std::int64_t number,
                    whole_number(value, fmt::format("--{}", flag.name), command_.verb->name));
        command_.args.set(field, number);
        break;
      }
      case Takes::kList: {
        Json list = again ? *command_.args.find(field) : Json(text::JsonArray{});
        list.push(value);
        command_.args.set(field, std::move(list));
        break;
      }
    }
    return {};
  }

  [[nodiscard]] std::string hint() const {
    return command_.page.empty() ? "rtt --help" : page_hint(command_.page);
  }

  Result<Command> finish() {
    if (command_.wants == Wants::kVersion) return std::move(command_);
    if (help_word_) {  // `rtt help plan` is `rtt plan --help`
      command_.page = command_.verb == nullptr ? group_ : command_.page;
      command_.wants = command_.page.empty() ? Wants::kOverview : Wants::kPage;
      return std::move(command_);
    }
    if (help_ || (command_.verb == nullptr && group_.empty())) {
      command_.wants = command_.page.empty() ? Wants::kOverview : Wants::kPage;
      return std::move(command_);
    }
    if (command_.verb == nullptr) return unknown_second(group_, "");
    RTT_TRY(place_words());
    return std::move(command_);
  }

  Status place_words() {
    std::size_t used = 0;
    for (const Positional& positional : command_.verb->positionals) {
      if (command_.verb->runs == Runs::kDriverHost || command_.verb->name == "__complete") return {};
      RTT_TRY(place(positional, used));
    }
    if (used < positionals_.size()) {
      return fail(
          Code::kBadArgument,
          fmt::format("`rtt {}` does not take another word: {}", command_.verb->name, positionals_[used]), {},
          usage(*command_.verb));
    }
    return {};
  }

  Status place(const Positional& positional, std::size_t& used) {
    const std::size_t left = positionals_.size() - used;
    const bool needs_one = positional.arity == Arity::kOne || positional.arity == Arity::kNumber ||
                           positional.arity == Arity::kSome || positional.arity == Arity::kRoute;
    if (needs_one && left == 0) {
      return fail(Code::kBadArgument, fmt::format("`rtt {}` needs more words", command_.verb->name), {},
                  usage(*command_.verb));
    }
    const std::vector<std::string> rest(positionals_.begin() + static_cast<std::ptrdiff_t>(used),
                                        positionals_.end());
    switch (positional.arity) {
      case Arity::kOptional:
        if (left == 0) return {};
        [[fallthrough]];
      case Arity::kOne:
        command_.args.set(positional.field, positionals_[used++]);
        return {};
      case Arity::kNumber: {
        RTT_TRY_SET(const std::int64_t number, whole_number(rest[0], positional.field, command_.verb->name));
        command_.args.set(positional.field, number);
        ++used;
        return {};
      }
      case Arity::kMany:
      case Arity::kSome: {
        Json list{text::JsonArray{}};
        for (const std::string& word : rest) list.push(word);
        command_.args.set(positional.field, std::move(list));
        used = positionals_.size();
        return {};
      }
      case Arity::kPairs: {
        RTT_TRY_SET(Json object, parse_pairs(rest));
        command_.args.set(positional.field, std::move(object));
        used = positionals_.size();
        return {};
      }
      case Arity::kRoute:
        used = positionals_.size();
        return place_route(rest);
    }
    return {};
  }

  Status place_route(const std::vector<std::string>& rest) {
    if (rest.size() == 2 && rest[1] != "-" && rest[1] != "->") {
      command_.args.set("from", rest[0]);
      command_.args.set("to", rest[1]);
      return {};
    }
    if (rest.size() == 3 && rest[1] == "->") {
      command_.args.set("from", rest[0]);
      command_.args.set("to", rest[2]);
      return {};
    }
    if (rest.size() > 2) {
      return fail(Code::kBadRoute, "a route is two addresses: A B, or one quoted word 'A -> B'", {},
                  usage(*command_.verb));
    }
    std::string whole = rest[0];
    if (rest.size() == 2) whole += " " + rest[1];
    RTT_TRY_SET(const model::RouteText route, model::split_route(whole));
    command_.args.set("from", route.from);
    command_.args.set("to", route.to);
    return {};
  }

  const std::vector<std::string>& words_;
  std::size_t next_ = 0;
  Command command_;
  std::string group_;
  std::vector<std::string> positionals_;
  bool literal_ = false;
  bool help_ = false;
  bool help_word_ = false;
};

}  // namespace

OutputFlags output_flags(const std::vector<std::string>& words) {
  OutputFlags flags;
  for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    const bool last = i + 1 == words.size();
    if (words[i] == "--json") flags.json = true;
    if (words[i] == "--color=always" || (!last && words[i] == "--color" && words[i + 1] == "always")) {
      flags.colour = Colour::kAlways;
    }
    if (words[i] == "--color=never" || (!last && words[i] == "--color" && words[i + 1] == "never")) {
      flags.colour = Colour::kNever;
    }
  }
  return flags;
}

Result<Command> parse(const std::vector<std::string>& words) {
  if (words.size() > kWordsMax) return fail(Code::kLimit, fmt::format("more than {} words", kWordsMax));
  return Reader(words).read();
}

Result<Json> parse_pairs(const std::vector<std::string>& words) {
  const std::string hint = "rtt call SADDR '{\"key\":\"value\"}', or rtt call SADDR key=value";
  if (words.empty()) return Json(text::JsonObject{});
  if (words.size() == 1 && (words[0].starts_with('{') || words[0].starts_with('['))) {
    auto object = text::parse_json(words[0], {.source_name = "arguments"});
    if (!object) {
      return fail(Code::kBadArgument, "the arguments are not JSON: " + object.error().message,
                  object.error().where, hint);
    }
    if (!object->is_object())
      return fail(Code::kBadArgument, "the arguments are not one JSON object", {}, hint);
    return object;
  }
  Json object{text::JsonObject{}};
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(Code::kBadArgument, "not key=value: " + word, {}, hint);
    }
    const std::string key = word.substr(0, equals);
    const std::string value = word.substr(equals + 1);
    if (object.find(key) != nullptr)
      return fail(Code::kBadArgument, "the argument is given twice: " + key, {}, hint);
    auto guess = text::parse_json(value);
    object.set(key, guess ? std::move(*guess) : Json(value));
  }
  return object;
}

}  // namespace rtt::cli
