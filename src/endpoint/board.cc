// SPDX-License-Identifier: Apache-2.0
#include "endpoint/board.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/error_json.h"
#include "os/clock.h"
#include "telemetry/recorder.h"

namespace rtt::endpoint {

using text::Json;

struct Board::Lane {
  Lane(Binding the_binding, os::Mapping the_page)
      : binding(std::move(the_binding)),
        page(std::move(the_page)),
        recorder(page.writable(), binding.route.id.value, binding.generation) {}

  Binding binding;
  os::Mapping page;
  telemetry::Recorder recorder;
  std::unique_ptr<fabric::UdsLane> uds;
  Stage stage = Stage::kBuilt;
  std::map<std::uint32_t, CallId> asked;  // requests from here that have no reply yet
  std::map<std::uint32_t, Instant> owed;  // requests from there that have no reply yet, since when
  bool finished_there = false;            // the other end sent its last frame
};

struct Board::Call {
  std::uint64_t lane = 0;
  std::uint32_t request = 0;
  os::Loop::TimerId timer = 0;
  Instant since;
  OnReply on_reply;
};

Board::Board(os::Loop& loop, OnArrival on_arrival, OnGone on_gone)
    : loop_(loop), on_arrival_(std::move(on_arrival)), on_gone_(std::move(on_gone)) {}

Board::~Board() {
  for (const auto& [id, call] : calls_) loop_.cancel(call->timer);
}

Board::Lane* Board::find(std::uint64_t generation) {
  const auto at = lanes_.find(generation);
  return at == lanes_.end() ? nullptr : at->second.get();
}

// ---- wiring

Status Board::bind(Binding binding, std::vector<os::Fd> fds, os::Mapping page) {
  const std::uint64_t generation = binding.generation;
  if (lanes_.contains(generation)) return {};  // said twice
  if (lanes_.size() >= kLanesMax) return fail(Code::kLimit, fmt::format("{} lanes are open", kLanesMax));
  if (fds.size() != 1) return fail(Code::kPanelProtocol, "a socket lane comes with one descriptor");
  auto lane = std::make_unique<Lane>(std::move(binding), std::move(page));
  RTT_TRY_SET(lane->uds,
              fabric::UdsLane::start(
                  loop_, std::move(fds.front()),
                  // Whoever takes over cannot know where the lane before ended: the first frame says.
                  {.route_id = lane->binding.route.id.value, .receive_id_first = 0},
                  [this, generation](const fabric::LaneMessage& m) { on_message(generation, m); },
                  [this, generation](const Error& why) { on_closed(generation, why); }));
  lanes_.emplace(generation, std::move(lane));
  return {};
}

Board::Lane* Board::carrying(std::string_view port) {
  for (const auto& [generation, lane] : lanes_) {
    if (lane->stage == Stage::kCarrying && lane->binding.side == Side::kFrom && lane->binding.port == port)
      return lane.get();
  }
  return nullptr;
}

Status Board::flip(std::uint64_t generation) {
  Lane* lane = find(generation);
  if (lane == nullptr) return fail(Code::kPanelProtocol, fmt::format("there is no lane {} here", generation));
  if (lane->stage != Stage::kBuilt) return {};
  if (Lane* before = find(lane->binding.follows); before != nullptr && lane->binding.side == Side::kFrom) {
    drain(*before);
    lane->uds->take_over(*before->uds);  // behind the last frame, which takes an id as well
    end_later(lane->binding.follows);
  }
  lane->stage = Stage::kCarrying;
  return {};
}

void Board::abandon(std::uint64_t generation, const Error& why) {
  if (find(generation) != nullptr) return gone(generation, true, why);
  on_gone_({.generation = generation, .broken = true, .why = why});
}

void Board::close(std::uint64_t generation) {
  Lane* lane = find(generation);
  if (lane == nullptr) return;
  drain(*lane);
  end_if_drained(generation);
}

void Board::drain(Lane& lane) {
  if (lane.stage == Stage::kDraining) return;
  lane.stage = Stage::kDraining;
  if (lane.binding.side == Side::kFrom && lane.uds->open()) (void)lane.uds->send_fin();
}

void Board::end_if_drained(std::uint64_t generation) {
  const Lane* lane = find(generation);
  if (lane == nullptr || lane->stage != Stage::kDraining) return;
  // From here: every reply is in. To here: the last request is in, and answered.
  const bool drained =
      lane->binding.side == Side::kFrom ? lane->asked.empty() : lane->finished_there && lane->owed.empty();
  if (drained && lane->uds->queued_bytes() == 0) gone(generation, false, {});
}

// Not from inside a lane's own call, in which ending it would pull the ground from under it.
void Board::end_later(std::uint64_t generation) {
  if (const Lane* lane = find(generation); lane == nullptr || lane->stage != Stage::kDraining) return;
  loop_.post([this, generation, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) end_if_drained(generation);
  });
}

void Board::gone(std::uint64_t generation, bool broken, const Error& why) {
  const auto at = lanes_.find(generation);
  if (at == lanes_.end()) return;
  const std::unique_ptr<Lane> lane = std::move(at->second);
  lanes_.erase(at);
  lane->uds->close();
  const Error lost{
      .code = Code::kLost,
      .message = fmt::format("{} ended before it answered", model::identity(lane->binding.route.to)),
      .where = model::route_name(lane->binding.route),
      .hint = "the call may have been carried out: repeat it only if that is harmless"};
  for (const auto& [request, call] : lane->asked) {
    lane->recorder.drop(telemetry::DropReason::kLost);
    finish(call, std::unexpected(lost));
  }
  on_gone_({.generation = generation, .broken = broken, .why = why});
}

void Board::on_closed(std::uint64_t generation, const Error& why) {
  const Lane* lane = find(generation);
  if (lane == nullptr) return;
  const bool finished = lane->stage == Stage::kDraining && lane->asked.empty() && lane->owed.empty();
  gone(generation, !finished, why);
}

// ---- traffic

void Board::on_message(std::uint64_t generation, const fabric::LaneMessage& message) {
  Lane* lane = find(generation);
  if (lane == nullptr) return;
  switch (message.kind) {
    case fabric::MessageKind::kFin:
      lane->finished_there = true;
      drain(*lane);
      end_later(generation);
      return;
    case fabric::MessageKind::kRequest:
      lane->recorder.received();
      if (lane->binding.route.route_class == model::RouteClass::kReq)
        lane->owed.emplace(message.id, os::now());
      lane->recorder.queue_depth(lane->owed.size());
      on_arrival_(
          {.lane = generation, .id = message.id, .binding = &lane->binding, .payload = message.payload});
      return;
    case fabric::MessageKind::kReply:
    case fabric::MessageKind::kErrorReply: {
      lane->recorder.received();
      const auto asked = lane->asked.find(message.reply_to);
      if (asked == lane->asked.end()) return;  // its caller gave up
      const CallId call = asked->second;
      lane->asked.erase(asked);
      lane->recorder.queue_depth(lane->asked.size());
      if (const auto at = calls_.find(call); at != calls_.end())
        lane->recorder.latency(static_cast<std::uint64_t>((os::now() - at->second->since).value));
      if (message.kind == fabric::MessageKind::kErrorReply) lane->recorder.error();
      if (message.kind == fabric::MessageKind::kReply) {
        finish(call, message.payload);
      } else {
        finish(call, std::unexpected(api::error_from_json(as_text(message.payload))));
      }
      end_later(generation);
      return;
    }
  }
}

void Board::finish(CallId id, Result<ByteView> result) {
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

Board::CallId Board::call(std::string_view port, ByteView payload, Nanos deadline, OnReply on_reply) {
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
  const auto request = lane->uds->send_request(payload);
  if (!request) {
    if (request.error().code == Code::kBusy) lane->recorder.drop(telemetry::DropReason::kFull);
    return refuse(request.error());
  }
  lane->recorder.sent();
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
  if (Lane* lane = find(at->second->lane); lane != nullptr) lane->asked.erase(at->second->request);
  finish(id, fail(Code::kCancelled, "the call was cancelled"));
}

Status Board::answer(std::uint64_t generation, std::uint32_t id,
                     const std::function<Status(fabric::UdsLane&)>& send) {
  Lane* lane = find(generation);
  if (lane == nullptr) return fail(Code::kLost, "the lane the request came on is closed");
  if (const auto since = lane->owed.find(id); since != lane->owed.end()) {
    lane->recorder.latency(static_cast<std::uint64_t>((os::now() - since->second).value));
    lane->owed.erase(since);
    lane->recorder.queue_depth(lane->owed.size());
  }
  Status sent = send(*lane->uds);
  if (sent) {
    lane->recorder.sent();
  } else if (sent.error().code == Code::kBusy) {
    lane->recorder.drop(telemetry::DropReason::kFull);
  }
  end_later(generation);
  return sent;
}

Status Board::reply(std::uint64_t generation, std::uint32_t id, ByteView payload) {
  return answer(generation, id, [&](fabric::UdsLane& lane) { return lane.send_reply(id, payload); });
}

Status Board::reply(std::uint64_t generation, std::uint32_t id, const Error& error) {
  return answer(generation, id, [&](fabric::UdsLane& lane) {
    return lane.send_error(id, as_bytes(text::to_json(api::error_json(error))));
  });
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
    if (const auto sent = lane->uds->send_request(payload)) {
      lane->recorder.sent();
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

bool Board::owes() const {
  return !calls_.empty() ||
         std::ranges::any_of(lanes_, [](const auto& entry) { return !entry.second->owed.empty(); });
}

Json Board::describe() const {
  Json list = text::JsonArray{};
  for (const auto& [generation, lane] : lanes_) {
    Json row = to_json(lane->binding);
    row.set("carrying", lane->stage == Stage::kCarrying);
    const telemetry::RouteSample sample = lane->recorder.sample();
    row.set("dropped", sample.dropped());
    row.set("queued", lane->uds->queued_bytes());
    row.set("received", sample.received);
    row.set("sent", sample.sent);
    list.push(std::move(row));
  }
  return list;
}

}  // namespace rtt::endpoint
