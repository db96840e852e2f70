// SPDX-License-Identifier: Apache-2.0
// What a server offers: its four lists, page by page.
#include <algorithm>
#include <array>
#include <utility>

#include "mcp/backends/backend_session.h"
#include "model/limits.h"
#include "text/json.h"

namespace rtt::mcp {
namespace {

struct ListNames {
  std::string_view method, member, capability;
};
// In the order of BackendSession::List.
constexpr std::array<ListNames, 4> kListNames{{
    {"tools/list", "tools", "tools"},
    {"resources/list", "resources", "resources"},
    {"resources/templates/list", "resourceTemplates", "resources"},
    {"prompts/list", "prompts", "prompts"},
}};

}  // namespace

bool BackendSession::offers(List list) const {
  return info_.capabilities.find(kListNames[static_cast<std::size_t>(list)].capability) != nullptr;
}

bool BackendSession::listing() const {
  return std::any_of(std::begin(lists_), std::end(lists_),
                     [](const Listing& list) { return list.under_way; });
}

std::vector<text::Json>& BackendSession::stored(List list) {
  switch (list) {
    case List::kTools:
      return definitions_.tools;
    case List::kResources:
      return definitions_.resources;
    case List::kTemplates:
      return definitions_.templates;
    case List::kPrompts:
      break;
  }
  return definitions_.prompts;
}

void BackendSession::relist(BackendActions& out, List list, Instant now) {
  if (!offers(list)) return;
  Listing& state = lists_[static_cast<std::size_t>(list)];
  if (state.under_way) {  // pages already fetched may be of the old list
    state.again = true;
    return;
  }
  state = Listing{
      .under_way = true, .unknown = state.unknown, .deadline = now + nanos_from_ms(limits::kServerStartMs)};
  ask_list(out, list, {});
}

// The server runs on; whoever asks is told that what it lists is not known, and it is asked again later.
void BackendSession::lose_list(BackendActions& out, List list, Instant now) {
  lists_[static_cast<std::size_t>(list)] =
      Listing{.unknown = true, .deadline = now + nanos_from_ms(limits::kServerStartMs)};
  out.emplace_back(act::Listed{});
}

bool BackendSession::lists_unknown() const {
  return std::any_of(std::begin(lists_), std::end(lists_), [](const Listing& list) { return list.unknown; });
}

void BackendSession::ask_list(BackendActions& out, List list, std::string_view cursor) {
  Listing& state = lists_[static_cast<std::size_t>(list)];
  state.key = next_key_++;
  const std::string params = cursor.empty() ? "" : R"({"cursor":)" + json_quoted(cursor) + "}";
  const std::string_view method = kListNames[static_cast<std::size_t>(list)].method;
  out.emplace_back(own_request(state.key, method, params));
}

void BackendSession::on_page(BackendActions& out, List list, const Message& message, Instant now) {
  Listing& state = lists_[static_cast<std::size_t>(list)];
  const ListNames& names = kListNames[static_cast<std::size_t>(list)];
  if (message.kind == MessageKind::kError) {
    // A server may announce resources and not know templates; anything else it fails to list is a failed
    // start.
    const bool missing = member(message.payload, "code") == std::string_view("-32601");
    if (list == List::kTools || !missing) {
      if (phase_ == Phase::kListing) {
        fail(out, Error{.code = Code::kServerProtocol,
                        .message = "server '" + name_ + "' failed " + std::string(names.method) + ": " +
                                   words_of(message.payload),
                        .hint = "rtt mcp logs " + name_});
      } else {
        lose_list(out, list, now);
      }
      return;
    }
    finish_list(out, list, now);
    return;
  }
  auto cursor = take_page(list, message);
  if (!cursor) {
    // Also of a running server: what it offers now is not known, so no call can be held against its pin.
    state = Listing{};
    fail(out, std::move(cursor).error());
  } else if (!cursor->empty()) {
    ask_list(out, list, *cursor);
  } else {
    finish_list(out, list, now);
  }
}

Result<std::string> BackendSession::take_page(List list, const Message& message) {
  Listing& state = lists_[static_cast<std::size_t>(list)];
  const ListNames& names = kListNames[static_cast<std::size_t>(list)];
  const std::string context =
      "server '" + name_ + "' gave an unusable answer to " + std::string(names.method);
  auto page =
      text::parse_json(message.payload, {.source_name = names.method, .bytes_max = limits::kMcpLineBytesMax});
  if (!page) {
    Error why = std::move(page).error().in(context);
    why.code = Code::kServerProtocol;
    return std::unexpected(std::move(why));
  }
  const text::Json* const items = page->find(names.member);
  if (!items || !items->is_array()) {
    return rtt::fail(Code::kServerProtocol, context + ": no array '" + std::string(names.member) + "'");
  }
  for (const text::Json& item : items->as_array()) {
    if (!item.is_object()) return rtt::fail(Code::kServerProtocol, context + ": an entry is no object");
    if (state.items.size() >= limits::kMcpToolsPerServerMax) {
      return rtt::fail(Code::kLimit, "server '" + name_ + "' lists more than " +
                                         std::to_string(limits::kMcpToolsPerServerMax) + " " +
                                         std::string(names.member));
    }
    state.items.push_back(item);
  }
  const std::string_view next = page->string_or("nextCursor");
  if (!next.empty() && ++state.pages >= limits::kMcpPagesMax) {
    return rtt::fail(Code::kLimit, "server '" + name_ + "' answers " + std::string(names.method) +
                                       " in more than " + std::to_string(limits::kMcpPagesMax) + " pages");
  }
  return std::string(next);
}

void BackendSession::finish_list(BackendActions& out, List list, Instant now) {
  Listing& state = lists_[static_cast<std::size_t>(list)];
  const bool again = state.again;
  stored(list) = std::move(state.items);
  state = Listing{};
  if (again) relist(out, list, now);
  if (listing()) return;
  if (phase_ == Phase::kListing) {
    phase_ = Phase::kReady;
    out.emplace_back(act::Ready{});
  } else {
    out.emplace_back(act::Listed{});
  }
}

}  // namespace rtt::mcp
