// SPDX-License-Identifier: Apache-2.0
// Traffic: what goes over the lanes of a Board, and the handlers and callers it comes to.
#include <fmt/format.h>

#include <algorithm>

#include "api/error_json.h"
#include "endpoint/board_lane.h"
#include "model/saddr.h"
#include "os/clock.h"

namespace rtt::endpoint {

void Board::on_message_of(std::uint64_t generation, const fabric::LaneMessage& message) {
  Lane* lane = find(generation);
  if (lane == nullptr) return;
  switch (message.kind) {
    case fabric::MessageKind::kFin:
      lane->finished_there = true;
      begin_after(generation);
      drain(*lane);
      end_later(generation);
      return;
    case fabric::MessageKind::kRequest:
      return on_request(*lane, message);
    case fabric::MessageKind::kReply:
    case fabric::MessageKind::kErrorReply: {
      lane->recorder.received();
      lane = lane_of_reply(*lane, message.reply_to);
      if (lane == nullptr) return;  // its caller gave up
      const auto asked = lane->asked.find(message.reply_to);
      const CallId call = asked->second;
      lane->asked.erase(asked);
      lane->recorder.queue_depth(lane->asked.size());
      if (const auto at = calls_.find(call); at != calls_.end())
        lane->recorder.latency(static_cast<std::uint64_t>((os::now() - at->second->since).value));
      if (message.kind == fabric::MessageKind::kErrorReply) lane->recorder.error();
      if (message.kind == fabric::MessageKind::kReply) {
        finish(call, Reply{message.payload, message.fds});
      } else {
        finish(call, std::unexpected(api::error_from_json(as_text(message.payload))));
      }
      end_later(lane->binding.generation);
      return;
    }
  }
}

void Board::on_request(Lane& lane, const fabric::LaneMessage& message) {
  lane.recorder.received();
  const bool wants_reply = lane.binding.route.route_class == model::RouteClass::kReq;
  const bool held = handling_ > 0;
  if (owed_ >= kCallsMax || (held && later_bytes_ + message.payload.size() > kLaterBytesMax)) {
    lane.recorder.drop(telemetry::DropReason::kFull);
    const Error busy{.code = Code::kBusy,
                     .message = fmt::format("{} does not keep up with its requests",
                                            model::identity(lane.binding.route.to))};
    if (wants_reply)
      (void)lane.carrier->respond(fabric::MessageKind::kErrorReply, message.id,
                                  as_bytes(text::to_json(api::error_json(busy))), {});
    return;
  }
  if (wants_reply && lane.owed.emplace(message.id, os::now()).second) ++owed_;
  lane.recorder.queue_depth(lane.owed.size());
  if (!held) {
    deliver({.lane = lane.binding.generation,
             .id = message.id,
             .binding = &lane.binding,
             .payload = message.payload,
             .fds = message.fds});
    return end_handler();
  }
  later_bytes_ += message.payload.size();
  later_.push_back(
      {.lane = &lane,
       .id = message.id,
       .payload = Bytes(message.payload.begin(), message.payload.end()),
       .fds = {std::make_move_iterator(message.fds.begin()), std::make_move_iterator(message.fds.end())}});
}

void Board::deliver(const Arrival& arrival) {
  ++handling_;
  on_arrival_(arrival);
  --handling_;
}

// What came and happened while a handler made this board work for it.
void Board::end_handler() {
  while (!later_.empty()) {
    Later next = std::move(later_.front());
    later_.pop_front();
    later_bytes_ -= next.payload.size();
    deliver({.lane = next.lane->binding.generation,
             .id = next.id,
             .binding = &next.lane->binding,
             .payload = next.payload,
             .fds = next.fds});
  }
  // A lane that waited for its turn was not put to rest: no bell tells of what came on it meanwhile.
  if (std::exchange(passed_over_, false)) settle_later();
  for (const auto& task : std::exchange(after_handler_, {})) {
    loop_.post([task, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) task();
    });
  }
  if (gone_.empty()) return;
  loop_.post([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired() && handling_ == 0) gone_.clear();
  });
}

// A request that the old lane's reader left behind travels on in the next ring: its reply comes on that lane.
Board::Lane* Board::lane_of_reply(Lane& came_on, std::uint32_t request) {
  if (came_on.asked.contains(request)) return &came_on;
  if (came_on.shm_from == nullptr) return nullptr;
  for (const auto& [generation, lane] : lanes_) {
    if (lane->shm_from != nullptr && lane->shm_from->chain() == came_on.shm_from->chain() &&
        lane->asked.contains(request))
      return lane.get();
  }
  return nullptr;
}

void Board::finish(CallId id, Result<Reply> result) {
  const auto at = calls_.find(id);
  if (at == calls_.end()) return;
  const std::unique_ptr<Call> call = std::move(at->second);
  calls_.erase(at);
  loop_.cancel(call->timer);
  call->on_reply(std::move(result));
}

bool Board::wired(std::string_view port, std::string_view from) const {
  return std::ranges::any_of(lanes_, [&](const auto& entry) {
    const Lane& lane = *entry.second;
    return lane.stage == Stage::kCarrying && lane.binding.side == Side::kFrom && lane.binding.port == port &&
           (from.empty() || model::identity(lane.binding.route.from) == from);
  });
}

Board::CallId Board::call(std::string_view port, ByteView payload, Nanos deadline, OnReply on_reply,
                          std::span<os::Fd> fds) {
  const CallId id = next_call_++;
  const auto refuse = [&](Error why) {
    loop_.post([on_reply = std::move(on_reply), why = std::move(why)] { on_reply(std::unexpected(why)); });
    return id;
  };
  Lane* lane = carrying(port);
  if (lane == nullptr) {
    return refuse({.code = Code::kNoProvider,
                   .message = fmt::format("no provider of {} is wired and attached", port),
                   .where = std::string(port),
                   .hint = "rtt ls routes"});
  }
  if (calls_.size() >= kCallsMax)
    return refuse({.code = Code::kBusy, .message = fmt::format("{} calls are under way", kCallsMax)});
  const auto request = lane->carrier->request(payload, fds);
  if (!request) {
    if (request.error().code == Code::kBusy) lane->recorder.drop(telemetry::DropReason::kFull);
    return refuse(request.error());
  }
  if (lane->shm_from != nullptr) {  // the epoch may have moved under this very request
    for (const auto& [generation, other] : lanes_) {
      if (other->shm_from != nullptr && other->shm_from->chain() == lane->shm_from->chain() &&
          other->shm_from->ring() == lane->shm_from->chain()->producer().number()) {
        lane = other.get();
        break;
      }
    }
  }
  lane->recorder.sent();
  attend(*lane);
  auto call = std::make_unique<Call>();
  call->since = os::now();
  call->lane = lane->binding.generation;
  call->request = *request;
  call->on_reply = std::move(on_reply);
  if (deadline.value >= 0) {
    call->timer = loop_.after(deadline, [this, id] {
      const auto late = calls_.find(id);
      if (late == calls_.end()) return;
      if (Lane* on = find(late->second->lane); on != nullptr) {
        on->asked.erase(late->second->request);
        on->recorder.drop(telemetry::DropReason::kDeadline);
        end_later(late->second->lane);  // its answer may have been all that was owed
      }
      finish(id, fail(Code::kDeadline, "no answer came within the deadline"));
    });
  }
  lane->asked.emplace(*request, id);
  lane->recorder.queue_depth(lane->asked.size());
  calls_.emplace(id, std::move(call));
  return id;
}

void Board::cancel(CallId id) {
  const auto at = calls_.find(id);
  if (at == calls_.end()) return;
  if (Lane* lane = find(at->second->lane); lane != nullptr) {
    lane->asked.erase(at->second->request);
    end_later(at->second->lane);
  }
  finish(id, fail(Code::kCancelled, "the call was cancelled"));
}

Status Board::answer(std::uint64_t generation, std::uint32_t id, fabric::MessageKind kind, ByteView payload,
                     std::span<os::Fd> fds) {
  Lane* lane = find(generation);
  if (lane == nullptr) return fail(Code::kLost, "the lane the request came on is closed");
  if (const auto since = lane->owed.find(id); since != lane->owed.end()) {
    lane->recorder.latency(static_cast<std::uint64_t>((os::now() - since->second).value));
    lane->owed.erase(since);
    --owed_;
    lane->recorder.queue_depth(lane->owed.size());
  }
  Status sent = lane->carrier->respond(kind, id, payload, fds);
  attend(*lane);
  if (sent) {
    lane->recorder.sent();
  } else if (sent.error().code == Code::kBusy) {
    lane->recorder.drop(telemetry::DropReason::kFull);
  }
  end_later(generation);
  return sent;
}

Status Board::reply(std::uint64_t generation, std::uint32_t id, ByteView payload, std::span<os::Fd> fds) {
  return answer(generation, id, fabric::MessageKind::kReply, payload, fds);
}

Status Board::reply(std::uint64_t generation, std::uint32_t id, const Error& error) {
  return answer(generation, id, fabric::MessageKind::kErrorReply,
                as_bytes(text::to_json(api::error_json(error))), {});
}

Result<Board::Published> Board::publish(std::string_view from, ByteView payload) {
  Published done;
  bool any = false;
  std::optional<Error> refused;
  for (const auto& [generation, lane] : lanes_) {
    if (lane->stage != Stage::kCarrying || lane->binding.side != Side::kFrom) continue;
    if (lane->binding.route.route_class == model::RouteClass::kReq) continue;
    if (!from.empty() && model::identity(lane->binding.route.from) != from) continue;
    any = true;
    lane->recorder.queue_depth(lane->carrier->queued_frames());  // that this message finds
    if (const auto sent = lane->carrier->request(payload, {})) {
      lane->recorder.sent();
      attend(*lane);
      ++done.sent;
      continue;
    } else if (sent.error().code != Code::kBusy) {
      refused = sent.error();
    } else if (backpressure_of(lane->binding.route) != model::Backpressure::kTaildrop) {
      refused = sent.error();
    }
    // One slow subscriber costs the others nothing.
    lane->recorder.drop(telemetry::DropReason::kFull);
    ++done.dropped;
  }
  if (!any) return fail(Code::kNoProvider, "nobody is subscribed", std::string(from), "rtt ls routes");
  if (refused && done.sent == 0) return std::unexpected(std::move(*refused));
  return done;
}

}  // namespace rtt::endpoint
