// SPDX-License-Identifier: Apache-2.0
#include "mcp/pins/pin.h"

#include <algorithm>
#include <array>
#include <functional>
#include <span>

#include "mcp/pins/change_words.h"
#include "mcp/wire/hidden_text.h"
#include "text/json_canonical.h"

namespace rtt::mcp {
namespace {

using text::Json;

constexpr std::size_t kShownBytesMax = 160;  // of a value in a message
constexpr std::size_t kShownChanges = 3;

void diff(const Json* before, const Json* after, const std::string& pointer, std::vector<PinChange>& out);

void diff_objects(const Json& before, const Json& after, const std::string& pointer,
                  std::vector<PinChange>& out) {
  for (const auto& [key, value] : before.as_object()) {
    diff(&value, after.find(key), pointer + "/" + text::escape_pointer(key), out);
  }
  for (const auto& [key, value] : after.as_object()) {
    if (!before.find(key)) diff(nullptr, &value, pointer + "/" + text::escape_pointer(key), out);
  }
}

void diff(const Json* before, const Json* after, const std::string& pointer, std::vector<PinChange>& out) {
  if (out.size() >= kPinChangesMax) return;
  if (before && after) {
    if (*before == *after) return;
    if (before->is_object() && after->is_object()) {
      diff_objects(*before, *after, pointer, out);
      return;
    }
    const auto container = [](const Json& value) { return value.is_object() || value.is_array(); };
    if (before->is_array() && after->is_array() && before->as_array().size() == after->as_array().size() &&
        std::all_of(before->as_array().begin(), before->as_array().end(), container)) {
      for (std::size_t i = 0; i < before->as_array().size(); ++i) {
        diff(&before->as_array()[i], &after->as_array()[i], pointer + "/" + std::to_string(i), out);
      }
      return;
    }
  }
  PinChange change{.pointer = pointer};
  if (before) change.before = *before;
  if (after) change.after = *after;
  out.push_back(std::move(change));
}

// Members that only say things to people. A resource's size and last change are facts of the moment, not of
// its kind.
bool is_text_member(ItemKind kind, std::string_view key) {
  constexpr std::array kText{std::string_view("_meta"), std::string_view("description"),
                             std::string_view("icons"), std::string_view("title")};
  if (std::find(kText.begin(), kText.end(), key) != kText.end()) return true;
  const bool resource = kind == ItemKind::kResource || kind == ItemKind::kTemplate;
  return resource && (key == "size" || key == "annotations");
}

std::string shown(const std::optional<Json>& value) {
  if (!value) return "(absent)";
  std::string out = text::to_json(*value);
  if (out.size() <= kShownBytesMax) return out;
  std::size_t end = kShownBytesMax;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;
  return out.substr(0, end) + "…";
}

// Words are held, so what hides in them reaches nobody; but it is what an attack looks like, and whoever
// accepts the words later would not see it.
void refuse_hidden(const Json& live, PinState& state, std::vector<PinChange>& changes) {
  if (state == PinState::kSame) return;
  const Status seen = refuse_hidden_text(live, "it");
  if (seen) return;
  state = PinState::kContractDrift;
  changes.insert(changes.begin(), PinChange{.pointer = "", .why = seen.error().message});
}

struct LiveItem {
  ItemKind kind;
  std::string_view key;
  const Json* definition;
};

std::vector<LiveItem> live_items(const Definitions& live) {
  std::vector<LiveItem> out;
  const auto add = [&out](ItemKind kind, const std::vector<Json>& list) {
    for (const Json& definition : list) out.push_back({kind, key_of(kind, definition), &definition});
  };
  add(ItemKind::kTool, live.tools);
  add(ItemKind::kResource, live.resources);
  add(ItemKind::kTemplate, live.templates);
  add(ItemKind::kPrompt, live.prompts);
  std::sort(out.begin(), out.end(), [](const LiveItem& a, const LiveItem& b) {
    if (a.kind != b.kind) return a.kind < b.kind;
    return a.key != b.key ? a.key < b.key : std::less<>{}(a.definition, b.definition);  // as listed
  });
  return out;
}

}  // namespace

std::string_view to_string(PinState state) {
  switch (state) {
    case PinState::kSame:
      return "same";
    case PinState::kContractDrift:
      return "contract";
    case PinState::kTextDrift:
      return "text";
    case PinState::kNew:
      return "new";
    case PinState::kRemoved:
      break;
  }
  return "removed";
}

PinVerdict compare_definition(ItemKind kind, const Json& accepted, const Json& live) {
  PinVerdict verdict{.kind = kind, .key = std::string(key_of(kind, accepted))};
  if (accepted == live) return verdict;
  // Contract changes come first, so that the limit on changes can never hide one behind reworded text.
  std::vector<PinChange> contract_changes, text_changes;
  const auto visit = [&](std::string_view key) {
    auto& into = is_text_member(kind, key) ? text_changes : contract_changes;
    diff(accepted.find(key), live.find(key), "/" + text::escape_pointer(key), into);
  };
  for (const auto& [key, value] : accepted.as_object()) visit(key);
  for (const auto& [key, value] : live.as_object()) {
    if (!accepted.find(key)) visit(key);
  }
  verdict.state = contract_changes.empty() ? PinState::kTextDrift : PinState::kContractDrift;
  verdict.changes = std::move(contract_changes);
  for (PinChange& change : text_changes) {
    if (verdict.changes.size() < kPinChangesMax) verdict.changes.push_back(std::move(change));
  }
  refuse_hidden(live, verdict.state, verdict.changes);
  return verdict;
}

std::vector<PinChange> compare_package(const Json& accepted, const Json& live) {
  std::vector<PinChange> changes;
  if (!accepted.is_object() || !live.is_object()) return changes;
  for (const char* member : {"manager", "name", "version", "integrity"}) {
    const std::string before(accepted.string_or(member)), after(live.string_or(member));
    // Not every package manager writes an integrity down.
    if (before == after || (std::string_view(member) == "integrity" && (before.empty() || after.empty())))
      continue;
    changes.push_back({.pointer = std::string("/package/") + member, .before = before, .after = after});
  }
  return changes;
}

ServerVerdict compare_info(const ServerInfo& accepted, const ServerInfo& live) {
  ServerVerdict verdict;
  const auto look = [&](std::string_view what, const Json& before, const Json& after, PinState state) {
    if (before == after) return;
    verdict.state = std::max(verdict.state, state, [](PinState a, PinState b) {
      return a != PinState::kContractDrift && (a == PinState::kSame || b == PinState::kContractDrift);
    });
    diff(&before, &after, "/server/" + std::string(what), verdict.changes);
  };
  look("name", accepted.name, live.name, PinState::kContractDrift);
  look("version", accepted.version, live.version, PinState::kTextDrift);
  look("instructions", accepted.instructions, live.instructions, PinState::kTextDrift);
  const auto object = [](const Json& given) { return given.is_object() ? given : Json::object({}); };
  look("capabilities", object(accepted.capabilities), object(live.capabilities), PinState::kTextDrift);
  for (PinChange& change : compare_package(accepted.package, live.package)) {
    verdict.state = PinState::kContractDrift;
    verdict.changes.push_back(std::move(change));
  }
  refuse_hidden(Json::object({{"name", live.name},
                              {"version", live.version},
                              {"instructions", live.instructions},
                              {"capabilities", live.capabilities}}),
                verdict.state, verdict.changes);
  return verdict;
}

std::vector<PinVerdict> compare_server(const PinnedServer& accepted, const Definitions& live) {
  std::vector<PinVerdict> out;
  const std::vector<LiveItem> found = live_items(live);
  auto at = found.begin();
  const auto before = [](const LiveItem& item, const PinnedItem& pin) {
    return item.kind != pin.kind ? item.kind < pin.kind : item.key < pin.key();
  };
  const auto take_new = [&] {
    out.push_back({.kind = at->kind, .key = std::string(at->key), .state = PinState::kNew});
    ++at;
  };
  for (const PinnedItem& pin : accepted.items) {
    while (at != found.end() && before(*at, pin)) take_new();
    if (at == found.end() || at->kind != pin.kind || at->key != pin.key()) {
      out.push_back({.kind = pin.kind, .key = std::string(pin.key()), .state = PinState::kRemoved});
      continue;
    }
    PinVerdict verdict = compare_definition(pin.kind, pin.definition, *at->definition);
    const std::string_view key = at->key;
    for (++at; at != found.end() && at->kind == pin.kind && at->key == key; ++at) {
      verdict.state = PinState::kContractDrift;  // listed twice: which one would answer is anybody's guess
      verdict.changes.insert(verdict.changes.begin(), PinChange{.pointer = "", .after = *at->definition});
    }
    out.push_back(std::move(verdict));
  }
  while (at != found.end()) take_new();
  return out;
}

namespace {

// Of one name: definitions for the same clients belong together, then those that are left, in order.
void compare_variants(std::span<const PinnedItem> pins, std::span<const Offered> offers,
                      std::vector<PinVerdict>& out) {
  std::vector<const PinnedItem*> unpaired;
  std::vector<const Offered*> left;
  for (const Offered& offer : offers) left.push_back(&offer);
  const auto pair = [&out](const PinnedItem& pin, const Offered& offer) {
    PinVerdict verdict = compare_definition(pin.kind, pin.definition, offer.definition);
    if (pin.client != offer.client) {
      verdict.state = PinState::kContractDrift;
      verdict.changes.insert(verdict.changes.begin(),
                             PinChange{.pointer = "/client",
                                       .before = to_json(pin.client),
                                       .after = to_json(offer.client),
                                       .why = "it is listed for " + to_string(offer.client) +
                                              ", no longer for " + to_string(pin.client)});
    }
    out.push_back(std::move(verdict));
  };
  for (const PinnedItem& pin : pins) {
    const auto same = std::ranges::find(left, pin.client, [](const Offered* o) { return o->client; });
    if (same == left.end()) {
      unpaired.push_back(&pin);
      continue;
    }
    pair(pin, **same);
    left.erase(same);
  }
  std::size_t i = 0;
  for (; i < unpaired.size() && i < left.size(); ++i) pair(*unpaired[i], *left[i]);
  for (std::size_t k = i; k < unpaired.size(); ++k) {
    out.push_back(
        {.kind = unpaired[k]->kind, .key = std::string(unpaired[k]->key()), .state = PinState::kRemoved});
  }
  for (; i < left.size(); ++i)
    out.push_back({.kind = left[i]->kind, .key = std::string(left[i]->key()), .state = PinState::kNew});
}

// Where the run of one (kind, key) that begins at `at` ends.
template <typename Items>
std::size_t run_end(const Items& items, std::size_t at) {
  std::size_t end = at;
  while (end < items.size() && items[end].kind == items[at].kind && items[end].key() == items[at].key())
    ++end;
  return end;
}

}  // namespace

std::vector<PinVerdict> compare_offer(const PinnedServer& accepted, const Offer& live) {
  std::vector<PinVerdict> out;
  const std::vector<PinnedItem>& pins = accepted.items;
  for (std::size_t p = 0, o = 0; p < pins.size() || o < live.size();) {
    const auto place = [](const auto& item) { return std::pair(item.kind, item.key()); };
    const bool pin_first = o == live.size() || (p < pins.size() && place(pins[p]) <= place(live[o]));
    const bool offer_first = p == pins.size() || (o < live.size() && place(live[o]) <= place(pins[p]));
    const std::size_t p_end = pin_first ? run_end(pins, p) : p;
    const std::size_t o_end = offer_first ? run_end(live, o) : o;
    compare_variants(std::span(pins).subspan(p, p_end - p), std::span(live).subspan(o, o_end - o), out);
    p = p_end;
    o = o_end;
  }
  return out;
}

namespace {

std::string first_changes(const std::vector<PinChange>& changes) {
  std::string out;
  for (std::size_t i = 0; i < changes.size() && i < kShownChanges; ++i) {
    out += (i > 0 ? "; " : "") + explain(changes[i]);
  }
  if (changes.size() > kShownChanges)
    out += "; and " + std::to_string(changes.size() - kShownChanges) + " more";
  return out;
}

}  // namespace

Status admit(const PinVerdict& verdict, const ServerConfig& server) {
  const bool held = verdict.state == PinState::kTextDrift && server.drift == Drift::kHold;
  if (verdict.state == PinState::kSame || held) return {};  // every call comes by here
  const std::string what =
      std::string(to_string(verdict.kind)) + " '" + verdict.key + "' of server '" + server.name + "'";
  const std::string hint = "rtt mcp diff " + server.name;
  switch (verdict.state) {
    case PinState::kSame:
    case PinState::kTextDrift:
      break;
    case PinState::kNew:
      return fail(Code::kDrift, what + " has not been accepted", {}, "rtt mcp accept " + server.name);
    case PinState::kRemoved:
      return fail(Code::kDrift, what + " is no longer offered", {}, hint);
    case PinState::kContractDrift:
      break;
  }
  return fail(Code::kDrift, what + " changed since it was accepted: " + first_changes(verdict.changes), {},
              hint);
}

Status admit(const ServerVerdict& verdict, const ServerConfig& server) {
  const bool held = verdict.state == PinState::kTextDrift && server.drift == Drift::kHold;
  if (verdict.state == PinState::kSame || held) return {};
  return fail(
      Code::kDrift,
      "server '" + server.name + "' is no longer what was accepted: " + first_changes(verdict.changes), {},
      "rtt mcp diff " + server.name);
}

std::string to_string(const PinChange& change) {
  return (change.pointer.empty() ? "(whole)" : change.pointer) + ": " + shown(change.before) + " -> " +
         shown(change.after);
}

std::string explain(const PinChange& change) {
  if (!change.why.empty()) return change.why;
  return words_of(change).text + " (" + to_string(change) + ")";
}

Json to_json(const PinChange& change) {
  const ChangeWords words = words_of(change);
  Json row =
      Json::object({{"pointer", change.pointer}, {"words", words.text}, {"effect", to_string(words.effect)}});
  if (change.before) row.set("before", *change.before);
  if (change.after) row.set("after", *change.after);
  return row;
}

}  // namespace rtt::mcp
