// SPDX-License-Identifier: Apache-2.0
#include "views/pull.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "views/decode.h"
#include "views/encode.h"
#include "views/words.h"

namespace rtt::views {
namespace {

using text::Json;

// Members by pointer; those of native by provider and key, files as objects that compare as they do.
using Members = std::map<std::string, Json>;

Json of_file(const ItemFile& file) {
  return Json::object({{"bytes", file.bytes}, {"executable", file.executable}});
}

Members members_of(const Item& item) {
  Members out;
  for (const auto& [member, value] : item.object.as_object()) {
    if (member != "native" || !value.is_object()) {
      out["/" + text::escape_pointer(member)] = value;
      continue;
    }
    for (const auto& [provider, keys] : value.as_object()) {
      const std::string above = fmt::format("/native/{}", text::escape_pointer(provider));
      if (!keys.is_object()) {
        out[above] = keys;
        continue;
      }
      for (const auto& [key, said] : keys.as_object()) out[above + "/" + text::escape_pointer(key)] = said;
    }
  }
  for (const ItemFile& file : item.files) out["/files/" + text::escape_pointer(file.path)] = of_file(file);
  return out;
}

const Json* find(const Members& members, const std::string& pointer) {
  const auto at = members.find(pointer);
  return at == members.end() ? nullptr : &at->second;
}

bool same(const Json* a, const Json* b) { return a == nullptr || b == nullptr ? a == b : *a == *b; }

Item item_from(const Item& like, const Members& members) {
  Item out{.kind = like.kind, .name = like.name, .object = text::JsonObject{}};
  Json native = text::JsonObject{};
  const auto unescape = [](std::string_view part) {
    std::string text;
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (part[i] != '~' || i + 1 == part.size()) {
        text += part[i];
      } else {
        text += part[++i] == '1' ? '/' : '~';
      }
    }
    return text;
  };
  for (const auto& [pointer, value] : members) {
    const std::string_view path = std::string_view(pointer).substr(1);
    if (path.starts_with("files/")) {
      out.files.push_back({.path = unescape(path.substr(6)),
                           .bytes = std::string(value.string_or("bytes")),
                           .executable = value.bool_or("executable", false)});
    } else if (path.starts_with("native/")) {
      const std::string_view below = path.substr(7);
      const std::size_t slash = below.find('/');
      const std::string provider = unescape(below.substr(0, slash));
      if (slash == std::string_view::npos) {
        native.set(provider, value);
      } else {
        Json keys = native.find(provider) != nullptr ? *native.find(provider) : Json(text::JsonObject{});
        native.set(provider, std::move(keys.set(unescape(below.substr(slash + 1)), value)));
      }
    } else {
      out.object.set(unescape(path), value);
    }
  }
  if (!native.as_object().empty()) out.object.set("native", std::move(native));
  std::ranges::sort(out.files, {}, &ItemFile::path);
  return out;
}

const FileForm* form_of(const Provider& provider, const Item& item) {
  switch (item.kind) {
    case ItemKind::kAgent:
      return &provider.agent;
    case ItemKind::kSkill:
      return &skill_form();
    case ItemKind::kRules:
      return item.name == "main" ? nullptr : &provider.rules;
    case ItemKind::kCommand:
      return &provider.command;
    case ItemKind::kServer:
      break;
  }
  return nullptr;
}

// Where entries of a list that the client has in another order come to stand.
enum class Order : std::uint8_t { kOurs, kTheirs };

class Puller {
 public:
  explicit Puller(const PullRequest& request) : request_(request) {}

  Result<Pulled> run() {
    const Item& edited = request_.edited;
    if (request_.source == nullptr && request_.shown == nullptr)
      return Pulled{.item = edited, .members = {""}};
    if (request_.source == nullptr)
      return refuse("", "the workspace has it no more", "copy the file to keep it, or take it away");
    if (const auto other = request_.others.find("");
        request_.shown == nullptr && other != request_.others.end())
      return refuse("", fmt::format("{} is another of that name", other->second),
                    "give one of them another name");
    if (request_.shown == nullptr)
      return refuse("",
                    fmt::format("the workspace has another of that name, which {} is not shown",
                                request_.provider.product),
                    "give the file another name");
    shown_ = members_of(*request_.shown);
    edited_ = members_of(edited);
    find_changed();
    if (changed_.empty()) return Pulled{.item = *request_.source, .members = {}};
    source_ = members_of(*request_.source);
    RTT_TRY_SET(const Item merged, request_.overlaid(*request_.source));
    merged_ = members_of(merged);
    const std::optional<Item> now = as_read(merged);
    if (!now) return refuse("", "it would not be shown any more", "rtt view diff");
    now_ = members_of(*now);
    std::erase_if(changed_, [&](const std::string& member) {
      return same(find(now_, member), find(edited_, member)) &&
             !same(find(now_, member), find(shown_, member));
    });
    if (changed_.empty()) return Pulled{.item = *request_.source, .members = {}};
    for (const std::string& member : changed_) RTT_TRY(may_change(member));
    std::optional<Error> why;
    for (const Order order : {Order::kOurs, Order::kTheirs}) {
      Pulled out{.item = with_changes(order), .members = {changed_.begin(), changed_.end()}};
      why = difference(out.item);
      if (!why) return out;
    }
    return std::unexpected(*std::move(why));
  }

 private:
  std::unexpected<Error> refuse(std::string member, std::string why, std::string hint) const {
    return fail(
        Code::kEditConflict,
        fmt::format("{}/{}{}: {}", to_string(request_.edited.kind), request_.edited.name, member, why),
        member, std::move(hint));
  }

  [[nodiscard]] std::optional<Item> as_read(const Item& item) const {
    const Encoded made = encode(request_.provider, std::span(&item, 1));
    Decoded read = decode(request_.provider, made.files);
    const auto at = std::ranges::find_if(
        read.items, [&](const Item& one) { return one.kind == item.kind && one.name == item.name; });
    return at == read.items.end() ? std::nullopt : std::optional(std::move(*at));
  }

  void find_changed() {
    for (const Members* members : {&shown_, &edited_}) {
      for (const auto& [member, value] : *members) {
        if (!same(find(shown_, member), find(edited_, member))) changed_.insert(member);
      }
    }
  }

  // A member that is no more, for the client's own key stands in its place: the item keeps it for the others.
  [[nodiscard]] bool gave_way(const std::string& member) const {
    const FileForm* form = form_of(request_.provider, request_.edited);
    if (form == nullptr || find(edited_, member) != nullptr) return false;
    const auto field = std::ranges::find_if(
        form->fields, [&](const Field& one) { return "/" + text::escape_pointer(one.member) == member; });
    return field != form->fields.end() &&
           find(edited_, fmt::format("/native/{}/{}", request_.provider.name,
                                     text::escape_pointer(field->key))) != nullptr;
  }

  [[nodiscard]] Status may_change(const std::string& member) const {
    if (member == "/name")
      return refuse(member, "an edit cannot rename it", "rename it in the workspace's file, then rtt sign");
    const bool moved = !same(find(now_, member), find(shown_, member));
    if (const auto other = request_.others.find(member); moved && other != request_.others.end()) {
      return refuse(member, fmt::format("{} was edited too, and says it otherwise", other->second),
                    fmt::format("rtt view pull {} takes that one alone", other->second));
    }
    if (moved) {
      return refuse(member, "the workspace changed it too since it was shown",
                    "make both say the same; rtt view diff shows what is pending");
    }
    if (gave_way(member)) return {};
    if (!same(find(source_, member), find(merged_, member))) {
      return refuse(member, fmt::format("an overlay says it for {}", request_.provider.product),
                    "write it into the overlay: rtt view why FILE names it");
    }
    const bool untold = find(source_, member) != nullptr && find(shown_, member) == nullptr;
    if (untold && !took_over(member)) {
      return refuse(
          member,
          fmt::format("the workspace says it otherwise, in a way {} is not told", request_.provider.product),
          fmt::format("write it into an overlay: overlays/provider/{}/", request_.provider.name));
    }
    return {};
  }

  // The client's own key that stood in its place went.
  [[nodiscard]] bool took_over(const std::string& member) const {
    const FileForm* form = form_of(request_.provider, request_.edited);
    if (form == nullptr) return false;
    return std::ranges::any_of(form->fields, [&](const Field& field) {
      const std::string own =
          fmt::format("/native/{}/{}", request_.provider.name, text::escape_pointer(field.key));
      return "/" + text::escape_pointer(field.member) == member && find(shown_, own) != nullptr &&
             find(edited_, own) == nullptr;
    });
  }

  [[nodiscard]] Item with_changes(Order order) const {
    Members next = source_;
    for (const std::string& member : changed_) {
      const Json* const value = find(edited_, member);
      if (value != nullptr) {
        next[member] = put(member, *value, order);
      } else if (!gave_way(member)) {
        next.erase(member);
      }
    }
    return item_from(*request_.source, next);
  }

  // The value in the item's form: of a list, its own entries where the client still has them.
  [[nodiscard]] Json put(const std::string& member, const Json& value, Order order) const {
    const Json* const ours = find(source_, member);
    const FileForm* form = form_of(request_.provider, request_.edited);
    if (form == nullptr || ours == nullptr || !ours->is_array() || !value.is_array()) return value;
    const auto field = std::ranges::find_if(
        form->fields, [&](const Field& one) { return "/" + text::escape_pointer(one.member) == member; });
    return field == form->fields.end() ? value : put_list(*field, ours->as_array(), value.as_array(), order);
  }

  [[nodiscard]] Json put_list(const Field& field, const text::JsonArray& ours, const text::JsonArray& theirs,
                              Order order) const {
    std::vector<bool> taken(theirs.size(), false);
    // For each of ours its place in theirs; nothing: the client is not told of it. npos: it took it away.
    std::vector<std::optional<std::size_t>> places;
    for (const Json& entry : ours) {
      const std::optional<Json> image = image_of(field, entry);
      if (!image) {
        places.emplace_back();
        continue;
      }
      std::size_t at = 0;
      while (at < theirs.size() && (taken[at] || theirs[at] != *image)) ++at;
      if (at < theirs.size()) taken[at] = true;
      places.emplace_back(at < theirs.size() ? at : std::string::npos);
    }
    Json out = text::JsonArray{};
    if (order == Order::kOurs) {
      for (std::size_t i = 0; i < ours.size(); ++i) {
        if (!places[i] || *places[i] != std::string::npos) out.push(ours[i]);
      }
      for (std::size_t i = 0; i < theirs.size(); ++i) {
        if (!taken[i]) out.push(theirs[i]);
      }
      return out;
    }
    for (std::size_t i = 0; i < ours.size(); ++i) {
      if (!places[i]) out.push(ours[i]);
    }
    for (std::size_t i = 0; i < theirs.size(); ++i) {
      const auto mine = std::ranges::find(places, std::optional(i));
      out.push(mine == places.end() ? theirs[i] : ours[static_cast<std::size_t>(mine - places.begin())]);
    }
    return out;
  }

  // One entry as the client's file gives it back.
  [[nodiscard]] std::optional<Json> image_of(const Field& field, const Json& entry) const {
    const Said native = said(field, request_.provider, Json::array({entry}));
    if (!native.value) return std::nullopt;
    const auto back = understood(field, request_.provider, *native.value);
    if (!back || !back->is_array() || back->as_array().size() != 1) return std::nullopt;
    return back->as_array().front();
  }

  // What of it the client would not be shown as it was edited.
  [[nodiscard]] std::optional<Error> difference(const Item& next) const {
    const auto merged = request_.overlaid(next);
    if (!merged) return merged.error();
    const std::optional<Item> again = as_read(*merged);
    const Members read = again ? members_of(*again) : Members();
    std::set<std::string> all;
    for (const Members* members : {&read, &edited_, &now_}) {
      for (const auto& [member, value] : *members) all.insert(member);
    }
    for (const std::string& member : all) {
      const Members& wanted = changed_.contains(member) ? edited_ : now_;
      if (same(find(read, member), find(wanted, member))) continue;
      return refuse(
                 member,
                 fmt::format("{} would not be shown it again as it stands there", request_.provider.product),
                 "say it in the workspace's own file")
          .error();
    }
    return std::nullopt;
  }

  const PullRequest& request_;
  Members shown_, edited_, source_, merged_, now_;
  std::set<std::string> changed_;
};

}  // namespace

Result<Pulled> pull(const PullRequest& request) { return Puller(request).run(); }

}  // namespace rtt::views
