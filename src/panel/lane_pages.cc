// SPDX-License-Identifier: Apache-2.0
#include "panel/lane_pages.h"

#include <algorithm>

namespace rtt::panel {

using endpoint::Side;
using text::Json;

LanePages::LanePages(Wanted wanted, std::function<void(int pid)> opened)
    : wanted_(std::move(wanted)), opened_(std::move(opened)) {}

std::shared_ptr<LanePages> LanePages::make(Wanted wanted, std::function<void(int pid)> opened) {
  return std::shared_ptr<LanePages>(new LanePages(std::move(wanted), std::move(opened)));
}

void LanePages::look(const std::vector<Wiring::Carried>& carried) {
  for (const Wiring::Carried& lane : carried) {
    if (!wanted_(lane.route)) continue;
    Lane& watched = lanes_[lane.generation];
    watched.route = lane.route;
    watched.lane = lane.lane;
    if (!watched.from.page.valid()) open(lane.generation, Side::kFrom, lane.from);
    if (!watched.to.page.valid()) open(lane.generation, Side::kTo, lane.to);
  }
}

void LanePages::open(std::uint64_t generation, Side side, const std::shared_ptr<api::Peer>& peer) {
  Lane& watched = lanes_[generation];
  End& end = side == Side::kFrom ? watched.from : watched.to;
  if (!peer || end.asked) return;
  end.asked = true;
  peer->ask(
      "lane.page", Json::object({{"generation", generation}}),
      [self = weak_from_this(), generation, side, pid = peer->identity().pid](Result<api::Answer> answer) {
        if (const auto alive = self.lock()) alive->opened(generation, side, pid, std::move(answer));
      },
      {}, kEndAnswerMs);
}

void LanePages::opened(std::uint64_t generation, Side side, int pid, Result<api::Answer> answer) {
  const auto at = lanes_.find(generation);
  if (at == lanes_.end()) return;
  End& end = side == Side::kFrom ? at->second.from : at->second.to;
  end.asked = false;
  if (!answer || answer->fds.empty()) return;
  auto page = os::map_shared_memory(answer->fds.front().get(), telemetry::kPageBytes);
  if (!page) return;
  // The first sample is what later ones are compared with: what happens from now on is told.
  if (auto first = telemetry::sample_of(page->bytes())) end.last = *first;
  end.page = std::move(*page);
  end.pid = pid;
  if (opened_) opened_(pid);
}

void LanePages::forget_ended(const std::vector<Wiring::Carried>& carried) {
  std::erase_if(lanes_, [&](const auto& entry) {
    return std::ranges::find(carried, entry.first, &Wiring::Carried::generation) == carried.end();
  });
}

std::optional<telemetry::RouteSample> LanePages::since_last(End& end) {
  auto now = telemetry::sample_of(end.page.bytes());
  if (!now) return std::nullopt;
  auto out = end.last ? now->since(*end.last) : *now;
  end.last = *now;
  return out;
}

}  // namespace rtt::panel
