// SPDX-License-Identifier: Apache-2.0
#include "chaos/cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "model/document.h"
#include "model/saddr.h"
#include "text/yaml.h"

namespace rtt::chaos {
namespace {

using model::Document;
using model::Key;
using model::Need;
using model::Shape;
using text::Json;

struct Known {
  std::string_view word;
  Action action;
  std::array<Target::Kind, 3> hits;
  std::size_t hit_count;
  [[nodiscard]] bool can_hit(Target::Kind kind) const {
    return std::find(hits.begin(), hits.begin() + hit_count, kind) != hits.begin() + hit_count;
  }
};
constexpr auto kProcess = std::array{Target::Kind::kPanel, Target::Kind::kConnector, Target::Kind::kRoute};
constexpr auto kLane = std::array{Target::Kind::kRoute, Target::Kind::kRoute, Target::Kind::kRoute};
constexpr auto kKnown = std::to_array<Known>({
    {"SIGKILL", Action::kKill, kProcess, 2},
    {"SIGSTOP", Action::kStop, kProcess, 3},
    {"sleep", Action::kSleep, kLane, 1},
    {"corrupt", Action::kCorrupt, kLane, 1},
    {"clock", Action::kClock, kProcess, 1},
    {"full", Action::kFull, kProcess, 2},
});

constexpr auto kKeys = std::to_array<Key>({{"name", Shape::kText, Need::kRequired},
                                           {"action", Shape::kText, Need::kRequired},
                                           {"target", Shape::kText, Need::kRequired},
                                           {"window", Shape::kObject},
                                           {"every_ms", Shape::kInteger},
                                           {"latency_ms", Shape::kInteger},
                                           {"jump_ms", Shape::kInteger},
                                           {"within_ms", Shape::kInteger}});
constexpr auto kWindowKeys = std::to_array<Key>({{"start_ms", Shape::kInteger}, {"dur_ms", Shape::kInteger}});

const Known& known(Action action) {
  return *std::ranges::find_if(kKnown, [&](const Known& one) { return one.action == action; });
}

std::string_view kind_word(Target::Kind kind) {
  switch (kind) {
    case Target::Kind::kPanel:
      return "panel";
    case Target::Kind::kConnector:
      return "connector:NAME";
    case Target::Kind::kRoute:
      return "route:A->B";
  }
  return {};
}

std::string trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return std::string(text);
}

// Nothing, with a problem, where the words name no target.
std::optional<Target> read_target(Document& document, const std::string& pointer, std::string_view word) {
  Target target;
  if (word == "panel") return target;
  if (word.starts_with("connector:") && word.size() > std::string_view("connector:").size()) {
    target.kind = Target::Kind::kConnector;
    target.connector = word.substr(word.find(':') + 1);
    return target;
  }
  if (word.starts_with("route:")) {
    const std::string_view route = word.substr(word.find(':') + 1);
    const std::size_t arrow = route.find("->");
    if (arrow != std::string_view::npos) {
      target.kind = Target::Kind::kRoute;
      target.from = trimmed(route.substr(0, arrow));
      target.to = trimmed(route.substr(arrow + 2));
      if (!target.from.empty() && !target.to.empty()) return target;
    }
  }
  document.error(pointer, {.message = fmt::format("`{}` is no target", word.substr(0, 64)),
                           .hint = model::suggest(word.substr(0, word.find(':')),
                                                  {"panel", "connector:NAME", "route:A->B"})});
  return std::nullopt;
}

struct Amount {
  std::string_view key;
  std::int64_t least, most;
};
void read_amount(Document& document, const Json& object, const std::string& pointer, const Amount& amount,
                 std::int64_t& into) {
  const Json* value = object.find(amount.key);
  if (value == nullptr || !value->is_int()) return;  // another shape is a problem already
  into = value->as_int();
  if (into < amount.least || into > amount.most) {
    document.error(model::child(pointer, amount.key),
                   {.message = fmt::format("{} is {} to {}", amount.key, amount.least, amount.most)});
  }
}

void read_action(Document& document, const std::string& pointer, const Json& object, Case& out) {
  const std::string word(object.string_or("action"));
  if (word.empty()) return;
  const auto found = std::ranges::find_if(kKnown, [&](const Known& one) { return one.word == word; });
  if (found != kKnown.end()) {
    out.action = found->action;
    return;
  }
  std::vector<std::string> words;
  for (const Known& one : kKnown) words.emplace_back(one.word);
  document.error(model::child(pointer, "action"),
                 {.message = fmt::format("no fault is called `{}`", word.substr(0, 64)),
                  .hint = model::suggest(word, words)});
}

void check_hit(Document& document, const std::string& pointer, const Case& one) {
  const Known& fault = known(one.action);
  if (fault.can_hit(one.target.kind)) return;
  std::string words;
  for (std::size_t i = 0; i < fault.hit_count; ++i)
    words += (words.empty() ? "" : " or ") + std::string(kind_word(fault.hits[i]));
  document.error(model::child(pointer, "target"),
                 {.message = fmt::format("{} does not hit a {}", fault.word,
                                         one.target.kind == Target::Kind::kPanel       ? "panel"
                                         : one.target.kind == Target::Kind::kConnector ? "connector"
                                                                                       : "route"),
                  .hint = "its target is " + words});
}

Case read_case(Document& document, const std::string& pointer, const Json& object) {
  Case out;
  const std::size_t errors = document.errors();
  out.name = object.string_or("name");
  read_action(document, pointer, object, out);
  const std::string target(object.string_or("target"));
  if (auto read = read_target(document, model::child(pointer, "target"), target))
    out.target = *std::move(read);
  if (const Json* window = object.find("window"); window != nullptr && window->is_object()) {
    const std::string at = model::child(pointer, "window");
    if (document.check(*window, at, kWindowKeys)) {
      read_amount(document, *window, at, {"start_ms", 0, kChaosWindowMsMax}, out.start_ms);
      read_amount(document, *window, at, {"dur_ms", 1, kChaosWindowMsMax}, out.dur_ms);
    }
  }
  read_amount(document, object, pointer, {"every_ms", 1, kChaosWindowMsMax}, out.every_ms);
  read_amount(document, object, pointer, {"latency_ms", 1, 10'000}, out.latency_ms);
  read_amount(document, object, pointer, {"jump_ms", 1, 400LL * 86'400'000}, out.jump_ms);
  read_amount(document, object, pointer, {"within_ms", 1, 600'000}, out.within_ms);
  if (document.errors() == errors) check_hit(document, pointer, out);
  return out;
}

}  // namespace

std::string_view to_string(Action action) { return known(action).word; }

std::string to_string(const Target& target) {
  switch (target.kind) {
    case Target::Kind::kPanel:
      return "panel";
    case Target::Kind::kConnector:
      return "connector:" + target.connector;
    case Target::Kind::kRoute:
      return fmt::format("route:{}->{}", target.from, target.to);
  }
  return {};
}

Result<std::vector<Case>> read_cases(std::string_view text, std::string_view file) {
  RTT_TRY_SET(const Json document_json, text::parse_yaml(text, {.source_name = file}));
  Document document({.text = text, .file = file, .syntax = Document::Syntax::kYaml});
  std::vector<Case> cases;
  if (!document_json.is_array() || document_json.as_array().empty()) {
    document.error("", {.message = "a chaos file is a list of cases",
                        .hint = "- { name: …, action: SIGKILL, target: panel }"});
  } else if (document_json.as_array().size() > kChaosCasesMax) {
    document.error("", {.code = Code::kLimit,
                        .message = fmt::format("a chaos file has at most {} cases", kChaosCasesMax)});
  } else {
    for (std::size_t i = 0; i < document_json.as_array().size(); ++i) {
      const std::string pointer = model::child("", i);
      const Json& object = document_json.as_array()[i];
      if (!document.check(object, pointer, kKeys)) continue;
      Case one = read_case(document, pointer, object);
      if (std::ranges::any_of(cases, [&](const Case& other) { return other.name == one.name; })) {
        document.error(model::child(pointer, "name"),
                       {.message = fmt::format("two cases are called `{}`", one.name.substr(0, 64))});
      }
      cases.push_back(std::move(one));
    }
  }
  if (document.errors() > 0) return std::unexpected(document.first_error());
  return cases;
}

}  // namespace rtt::chaos
