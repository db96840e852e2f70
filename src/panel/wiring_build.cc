// SPDX-License-Identifier: Apache-2.0
// Building lanes: what each end offers is passed to the other, in shared memory or over a socket pair
// (docs/formats/endpoint.md).
#include <fmt/format.h>

#include <array>

#include "os/process.h"
#include "os/unix_socket.h"
#include "panel/together.h"
#include "panel/wiring.h"

namespace rtt::panel {

using endpoint::Side;
using text::Json;

void Wiring::build(const model::Route& route, std::uint64_t follows, OnDone done) {
  if (!end_of(route.from, route.consumer_contract) || !end_of(route.to, route.contract)) return done({});
  endpoint::Binding binding{.generation = next_generation_++,
                            .side = Side::kFrom,
                            .route = route,
                            .port = endpoint::port_of(route),
                            .follows = follows};
  if (route.lane == model::LaneKind::kShm) {
    build_shm(std::move(binding), std::move(done));
  } else {
    build_uds(std::move(binding), std::move(done));
  }
}

// What is left of a build once both ends have answered.
void Wiring::bound(std::uint64_t generation, const Status& status, const OnDone& done) {
  const auto at = lanes_.find(generation);
  if (status && at != lanes_.end()) {
    at->second.stage = Stage::kBuilt;
    return done({});
  }
  const std::string name = at == lanes_.end() ? std::string() : model::route_name(at->second.binding.route);
  close(generation);
  if (status) return done(fail(Code::kLost, "a lane went away while it was built"));
  Error error = status.error();
  done(std::unexpected(std::move(error).in("no lane for " + name)));
}

void Wiring::build_uds(endpoint::Binding binding, OnDone done) {
  const auto from = end_of(binding.route.from, binding.route.consumer_contract);
  const auto to = end_of(binding.route.to, binding.route.contract);
  auto pair = os::socket_pair();
  if (!from || !to || !pair) {
    return done(pair ? Status{} : Status(std::unexpected(std::move(pair).error())));
  }
  binding.route.lane = model::LaneKind::kUds;
  const std::uint64_t generation = binding.generation;
  lanes_[generation] = Lane{.binding = binding, .stage = Stage::kBuilding, .from = from, .to = to};
  const auto together = std::make_shared<Together>(
      2,
      [this, generation, done = std::move(done)](const Status& status) { bound(generation, status, done); });
  for (const Side side : {Side::kFrom, Side::kTo}) {
    binding.side = side;
    std::vector<os::Fd> fds;
    fds.push_back(std::move(side == Side::kFrom ? pair->first : pair->second));
    (side == Side::kFrom ? from : to)
        ->ask(
            "lane.bind", endpoint::to_json(binding),
            [together](const Result<api::Answer>& answer) {
              together->one(answer ? Status{} : Status(std::unexpected(answer.error())));
            },
            std::move(fds), kEndAnswerMs);
  }
}

// A lane in shared memory under way: what each end has offered.
struct Wiring::ShmBuild {
  endpoint::Binding binding;
  endpoint::ShmParams params;
  std::shared_ptr<api::Peer> from, to;
  std::vector<os::Fd> from_fds, to_fds;  // ring, index, bell
  bool membarrier = true;
  OnDone done;
};

void Wiring::build_shm(endpoint::Binding binding, OnDone done) {
  const auto work = std::make_shared<ShmBuild>();
  work->from = end_of(binding.route.from, binding.route.consumer_contract);
  work->to = end_of(binding.route.to, binding.route.contract);
  work->done = std::move(done);
  work->params.size = fabric::shm::ring_size(binding.route.qos, 0);
  const std::uint64_t generation = binding.generation;
  Lane lane{.binding = binding, .stage = Stage::kBuilding, .from = work->from, .to = work->to};
  // The chain of the lane before goes on if it is this route's and its page is at hand; else a new one
  // begins.
  const auto before = lanes_.find(binding.follows);
  if (before != lanes_.end() && before->second.control && before->second.gate &&
      before->second.binding.route.id == binding.route.id) {
    lane.control = before->second.control;
    lane.control_generation = before->second.control_generation;
    lane.ring = before->second.ring + 1;
  } else {
    lane.control_generation = generation;
    lane.ring = 1;
    auto page = fabric::shm::ControlPage::create(
        {.generation = generation, .route_id = binding.route.id.value}, lane.ring);
    if (page) lane.control = std::make_shared<fabric::shm::ControlPage>(std::move(*page));
  }
  work->params.ring = lane.ring;
  work->params.control = lane.control_generation;
  work->binding = std::move(binding);
  if (!lane.control) return build_uds(work->binding, work->done);  // memfd is denied to the panel itself
  lanes_[generation] = std::move(lane);
  const auto together = std::make_shared<Together>(2, [this, work, generation](const Status& offered) {
    if (offered) return bind_shm(work);
    close(generation);
    const Code why = offered.error().code;
    if (why != Code::kPermission && why != Code::kNoSpace && why != Code::kLimit) {
      Error error = offered.error();
      return work->done(
          std::unexpected(std::move(error).in("no lane for " + model::route_name(work->binding.route))));
    }
    // An end cannot share memory here: the same frames travel over a socket, and it is said.
    ports_.audit(Json::object({{"action", "lane_fallback"},
                               {"from", "shm"},
                               {"reason", offered.error().message},
                               {"to", model::route_name(work->binding.route)},
                               {"who", "panel"}}));
    work->binding.generation = next_generation_++;
    build_uds(work->binding, work->done);
  });
  for (const Side side : {Side::kFrom, Side::kTo}) {
    work->binding.side = side;
    Json args = endpoint::to_json(work->binding);
    args.set("shm", endpoint::to_json(work->params));
    (side == Side::kFrom ? work->from : work->to)
        ->ask(
            "lane.offer", args,
            [together, work, side](Result<api::Answer> answer) {
              if (!answer) return together->one(std::unexpected(answer.error()));
              if (answer->fds.size() != 3)
                return together->one(fail(Code::kPanelProtocol, "an offer comes with three descriptors"));
              work->membarrier = work->membarrier && answer->body.string_or("fence") == "membarrier";
              (side == Side::kFrom ? work->from_fds : work->to_fds) = std::move(answer->fds);
              together->one({});
            },
            {}, kEndAnswerMs);
  }
}

void Wiring::bind_shm(const std::shared_ptr<ShmBuild>& work) {
  const std::uint64_t generation = work->binding.generation;
  const auto at = lanes_.find(generation);
  if (at == lanes_.end()) return work->done(fail(Code::kLost, "a lane went away while it was built"));
  Lane& lane = at->second;
  work->params.fence = work->membarrier ? os::Fence::kMembarrier : os::Fence::kFull;
  // Each end gets what the other one writes, and the panel's page; the reading end of a ring that takes over
  // also the index page of the reader before it.
  std::array<std::vector<os::Fd>, 2> fds;
  const auto give = [&](Side side, const os::Fd& fd) -> Status {
    RTT_TRY_SET(os::Fd copy, fd.duplicate());
    fds[side == Side::kFrom ? 0 : 1].push_back(std::move(copy));
    return {};
  };
  const auto gather = [&]() -> Status {
    for (const os::Fd& fd : work->to_fds) RTT_TRY(give(Side::kFrom, fd));
    for (const os::Fd& fd : work->from_fds) RTT_TRY(give(Side::kTo, fd));
    RTT_TRY_SET(os::Fd control, lane.control->descriptor());
    RTT_TRY(give(Side::kFrom, control));
    RTT_TRY(give(Side::kTo, control));
    const auto before = lanes_.find(work->binding.follows);
    if (lane.ring > 1 && before != lanes_.end() && before->second.gate)
      RTT_TRY(give(Side::kTo, *before->second.gate));
    RTT_TRY_SET(os::Fd gate, work->to_fds[1].duplicate());
    lane.gate = std::make_shared<os::Fd>(std::move(gate));
    return {};
  };
  if (const Status gathered = gather(); !gathered) return bound(generation, gathered, work->done);
  const auto together = std::make_shared<Together>(
      2, [this, generation, work](const Status& status) { bound(generation, status, work->done); });
  for (const Side side : {Side::kFrom, Side::kTo}) {
    work->binding.side = side;
    Json args = endpoint::to_json(work->binding);
    args.set("shm", endpoint::to_json(work->params));
    const int peer = (side == Side::kFrom ? work->to : work->from)->identity().pid;
    args.set("peer_pid", peer);
    args.set("peer_start", os::process_start_time(peer).value_or(0));
    (side == Side::kFrom ? work->from : work->to)
        ->ask(
            "lane.bind", args,
            [together](const Result<api::Answer>& answer) {
              together->one(answer ? Status{} : Status(std::unexpected(answer.error())));
            },
            std::move(fds[side == Side::kFrom ? 0 : 1]), kEndAnswerMs);
  }
}

// A lane that an earlier panel built: its chain cannot be flipped before its ends follow a page of this
// panel.
void Wiring::take_control(std::uint64_t generation) {
  const auto at = lanes_.find(generation);
  if (at == lanes_.end() || at->second.ring == 0 || at->second.control) return;
  Lane& lane = at->second;
  const auto from = lane.from.lock(), to = lane.to.lock();
  if (!from || !to) return;
  const std::uint64_t number = next_generation_++;
  auto page = fabric::shm::ControlPage::create(
      {.generation = number, .route_id = lane.binding.route.id.value}, lane.ring);
  if (!page) return;
  lane.control = std::make_shared<fabric::shm::ControlPage>(std::move(*page));
  lane.control_generation = number;
  for (const auto& end : {from, to}) {
    std::vector<os::Fd> fds;
    if (auto copy = lane.control->descriptor()) fds.push_back(std::move(*copy));
    end->ask(
        "lane.adopt", Json::object({{"control", number}, {"generation", generation}}),
        [this, generation, reader = end == to](Result<api::Answer> answer) {
          const auto still = lanes_.find(generation);
          if (!answer || !reader || answer->fds.size() != 1 || still == lanes_.end()) return;
          still->second.gate = std::make_shared<os::Fd>(std::move(answer->fds.front()));
        },
        std::move(fds), kEndAnswerMs);
  }
}

}  // namespace rtt::panel
