// SPDX-License-Identifier: Apache-2.0
#include "views/overlay.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/assert.h"
#include "mcp/configs/client_entry.h"
#include "views/item_shape.h"

namespace rtt::views {
namespace {

using model::Overlay;
using text::Json;

bool is_global(const Overlay& overlay) { return overlay.target == model::kGlobalTarget; }

auto order_of(const Overlay& overlay) {
  return std::tuple(overlay.layer, is_global(overlay) ? 0 : 1, std::string_view(overlay.path));
}

// `target` of an item, as an overlay writes it.
std::string target_of(const Item& item) { return fmt::format("{}/{}", to_string(item.kind), item.name); }

// The overlays that count, in the order in which they do.
std::vector<const Overlay*> chosen(const MergeRequest& request) {
  std::vector<const Overlay*> out;
  for (const Overlay& overlay : request.overlays) {
    RTT_ASSERT(overlay.problems.empty());
    const std::string_view wanted =
        overlay.layer == Overlay::Layer::kProvider ? request.provider : request.env;
    if (!wanted.empty() && overlay.of == wanted) out.push_back(&overlay);
  }
  std::ranges::sort(out, [](const Overlay* a, const Overlay* b) { return order_of(*a) < order_of(*b); });
  return out;
}

// A key of a server's `native` that says what is started; empty if none does.
std::string_view leading_elsewhere(const Json& server) {
  const Json* native = server.find("native");
  if (native == nullptr || !native->is_object()) return {};
  for (const auto& [provider, own] : native->as_object()) {
    if (!own.is_object()) continue;
    for (const auto& [key, value] : own.as_object()) {
      if (mcp::leads_elsewhere(key)) return key;
    }
  }
  return {};
}

Status keeps_what_it_may_not_change(const Json& before, const Item& item) {
  if (item.kind == ItemKind::kServer) {
    Json old = before;
    Json now = item.object;
    old.as_object().erase(std::string_view("native"));
    if (now.is_object()) now.as_object().erase(std::string_view("native"));
    const std::string_view key = leading_elsewhere(item.object);
    if (old == now && key.empty()) return {};
    return fail(Code::kBadShape,
                old == now ? fmt::format("'{}' in 'native' would say what starts the server", key)
                           : "an overlay of a server can change 'native' alone",
                {}, "what starts the server is in .rtt/manifests: rtt mcp --help");
  }
  const Json* name = before.find("name");
  if (name == nullptr || (item.object.find("name") != nullptr && *item.object.find("name") == *name))
    return {};
  return fail(Code::kBadShape, "an overlay cannot change the name of an item");
}

Status apply(const Overlay& overlay, Item& item) {
  const auto refuse = [&](Error error) {
    error.message = fmt::format("{} does not fit {}: {}", overlay.path, target_of(item), error.message);
    error.where = overlay.place(error.where);
    if (error.hint.empty()) error.hint = fmt::format("correct it, then rtt sign {}", overlay.path);
    return std::unexpected(std::move(error));
  };
  const Json before = item.object;
  auto done =
      overlay.patch ? overlay.patch->apply(item.object) : text::merge_patch(item.object, overlay.merge);
  if (!done) return refuse(std::move(done).error());
  item.object = *std::move(done);
  for (const Status& sound : {keeps_what_it_may_not_change(before, item), check_shape(item)}) {
    if (sound) continue;
    Error error = sound.error();
    error.where.clear();  // nothing of the item has a place in a file
    return refuse(std::move(error));
  }
  return {};
}

model::Problem unused(const Overlay& overlay) {
  return {.severity = model::Severity::kWarning,
          .file = overlay.path,
          .code = Code::kNotFound,
          .message = fmt::format("there is no {} for this overlay to change", overlay.target),
          .hint = "rtt ls symbols"};
}

}  // namespace

Result<Merged> merge_overlays(std::vector<Item> items, const MergeRequest& request) {
  if (items.size() > kItemsMax) return fail(Code::kLimit, fmt::format("more than {} items", kItemsMax));
  if (request.overlays.size() > model::kOverlaysMax)
    return fail(Code::kLimit, fmt::format("more than {} overlays", model::kOverlaysMax), "overlays");
  Merged out{.items = std::move(items), .warnings = {}};
  std::vector<std::pair<std::string, std::size_t>> places;  // by target
  for (std::size_t i = 0; i < out.items.size(); ++i) places.emplace_back(target_of(out.items[i]), i);
  std::ranges::sort(places);
  for (const Overlay* overlay : chosen(request)) {
    if (is_global(*overlay)) {
      for (Item& item : out.items) {
        if (item.kind == ItemKind::kAgent) RTT_TRY(apply(*overlay, item));
      }
      continue;
    }
    const auto targets =
        std::ranges::equal_range(places, overlay->target, {}, &std::pair<std::string, std::size_t>::first);
    if (targets.empty()) out.warnings.push_back(unused(*overlay));
    for (const auto& [target, place] : targets) RTT_TRY(apply(*overlay, out.items[place]));
  }
  return out;
}

}  // namespace rtt::views
