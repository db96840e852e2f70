// SPDX-License-Identifier: Apache-2.0
#include "endpoint/desk.h"

#include <fmt/format.h>

#include "os/memfd.h"
#include "telemetry/recorder.h"

namespace rtt::endpoint {
namespace {

using text::Json;

Result<std::vector<std::uint64_t>> generations_of(const Json& args) {
  const Json* list = args.find("generations");
  if (list == nullptr || !list->is_array()) return fail(Code::kPanelProtocol, "`generations` is missing");
  std::vector<std::uint64_t> out;
  for (const Json& each : list->as_array()) {
    if (!each.is_int() || each.as_int() < 1) return fail(Code::kPanelProtocol, "a generation is 1 or more");
    out.push_back(static_cast<std::uint64_t>(each.as_int()));
  }
  return out;
}

}  // namespace

Desk::Desk(OnBoard on_board, const os::Fd& bell)
    : on_board_(std::move(on_board)), bell_(bell), fence_(os::register_fence()) {}

bool Desk::handle(api::Request& request, const api::Responder& respond) {
  const auto answer = [&](Result<Json> body) {
    if (body) {
      respond.finish(api::Answer{.body = std::move(*body), .fds = {}, .text = {}});
    } else {
      respond.finish(std::unexpected(std::move(body).error()));
    }
    return true;
  };
  if (request.verb == "lane.offer") {
    respond.finish(offer(request));
    return true;
  }
  if (request.verb == "lane.bind") return answer(bind(request));
  if (request.verb == "lane.adopt") {
    respond.finish(adopt(request));
    return true;
  }
  if (request.verb == "lane.flip") return answer(flip(request));
  if (request.verb == "lane.close") return answer(close(request));
  if (request.verb == "lane.page") {
    auto page = this->page(request);
    if (page) {
      api::Answer found{.body = Json::object({}), .fds = {}, .text = {}};
      found.fds.push_back(std::move(*page));
      respond.finish(std::move(found));
    } else {
      respond.finish(std::unexpected(std::move(page).error()));
    }
    return true;
  }
  if (request.verb == "lane.ls") return answer(Json::object({{"lanes", lanes()}}));
  return false;
}

// This end's part of a shared-memory lane: what it alone will write.
Result<api::Answer> Desk::offer(const api::Request& request) {
  RTT_TRY_SET(Binding binding, binding_from_json(request.args));
  const Json* shm = request.args.find("shm");
  if (shm == nullptr) return fail(Code::kPanelProtocol, "lane.offer needs `shm`");
  RTT_TRY_SET(const ShmParams params, shm_params_from_json(*shm));
  if (bindings_.size() >= kLanesMax) return fail(Code::kLimit, fmt::format("{} lanes are open", kLanesMax));
  const std::uint64_t generation = binding.generation;
  Known& known = bindings_[generation];
  if (!known.offer) {
    auto made = ShmOffer::make(binding, params);
    if (!made) {
      bindings_.erase(generation);
      return std::unexpected(std::move(made).error());
    }
    known.offer = std::move(*made);
  }
  known.binding = std::move(binding);
  api::Answer answer{
      .body = Json::object({{"fence", fence_ == os::Fence::kMembarrier ? "membarrier" : "seq_cst"}}),
      .fds = {},
      .text = {}};
  RTT_TRY_SET(answer.fds, known.offer->descriptors());
  RTT_TRY_SET(os::Fd bell, bell_.duplicate());
  answer.fds.push_back(std::move(bell));
  return answer;
}

Result<Json> Desk::bind(api::Request& request) {
  RTT_TRY_SET(Binding binding, binding_from_json(request.args));
  const std::uint64_t generation = binding.generation;
  const bool shm = binding.route.lane == model::LaneKind::kShm;
  Known& known = bindings_[generation];
  if (known.bound) return Json::object({{"generation", generation}});  // said twice
  if (bindings_.size() > kLanesMax) return fail(Code::kLimit, fmt::format("{} lanes are open", kLanesMax));
  auto parts = std::make_shared<Board::Parts>();  // tasks are copied, descriptors and mappings are not
  std::vector<os::Fd>& fds = request.fds;
  if (shm) {
    const Json* params = request.args.find("shm");
    if (!known.offer || params == nullptr || fds.size() < 4 || fds.size() > 5)
      return fail(Code::kPanelProtocol,
                  "a shared-memory lane is offered before it is bound, with 4 or 5 descriptors");
    RTT_TRY_SET(parts->params, shm_params_from_json(*params));
    if (binding.side == Side::kTo) {
      RTT_TRY_SET(known.index, known.offer->index.readable.duplicate());
    }
    known.ring = parts->params.ring;
    parts->offer = std::move(*known.offer);
    known.offer.reset();
    parts->shm.ring = std::move(fds[0]);
    parts->shm.index = std::move(fds[1]);
    parts->shm.bell = std::move(fds[2]);
    parts->shm.control = std::move(fds[3]);
    if (fds.size() == 5) parts->shm.gate = std::move(fds[4]);
    parts->peer_pid = static_cast<int>(request.args.int_or("peer_pid", 0));
    parts->peer_start = static_cast<std::uint64_t>(request.args.int_or("peer_start", 0));
  } else {
    if (fds.size() != 1) return fail(Code::kPanelProtocol, "a socket lane comes with one descriptor");
    parts->socket = std::move(fds.front());
  }
  if (auto page = os::create_shared_memory("rtt-telemetry", telemetry::kPageBytes)) {
    parts->page = std::move(page->memory);
    known.page = std::move(page->readable);
  } else {
    RTT_TRY_SET(parts->page, os::create_private_memory(telemetry::kPageBytes));
  }
  known.binding = binding;
  known.bound = true;
  on_board_([binding = std::move(binding), parts](Board& board) {
    const Status bound = board.bind(binding, std::move(*parts));
    if (!bound) board.abandon(binding.generation, bound.error());
  });
  return Json::object({{"generation", generation}});
}

// The page of a panel that restarted. The reading end answers with its index page, the gate of whoever reads
// on.
Result<api::Answer> Desk::adopt(api::Request& request) {
  const auto generation = static_cast<std::uint64_t>(request.args.int_or("generation", 0));
  const auto control = static_cast<std::uint64_t>(request.args.int_or("control", 0));
  if (!bindings_.contains(generation) || control == 0 || request.fds.size() != 1)
    return fail(Code::kPanelProtocol,
                "lane.adopt needs a lane of this endpoint, `control` and one descriptor");
  const auto fd = std::make_shared<os::Fd>(std::move(request.fds.front()));
  on_board_([generation, control, fd](Board& board) {
    if (const Status done = board.adopt(generation, std::move(*fd), control); !done)
      board.abandon(generation, done.error());
  });
  api::Answer answer{.body = Json::object({}), .fds = {}, .text = {}};
  if (const os::Fd& index = bindings_.at(generation).index; index.valid()) {
    RTT_TRY_SET(os::Fd copy, index.duplicate());
    answer.fds.push_back(std::move(copy));
  }
  return answer;
}

// What this end counts about a lane, for the panel to read as long as it likes.
Result<os::Fd> Desk::page(const api::Request& request) const {
  const auto at = bindings_.find(static_cast<std::uint64_t>(request.args.int_or("generation", 0)));
  if (at == bindings_.end()) return fail(Code::kNotFound, "there is no such lane here");
  if (!at->second.page.valid()) return fail(Code::kPermission, "shared memory is denied here");
  return at->second.page.duplicate();
}

Result<Json> Desk::flip(const api::Request& request) {
  RTT_TRY_SET(const auto generations, generations_of(request.args));
  for (const std::uint64_t generation : generations) {
    const auto at = bindings_.find(generation);
    if (at == bindings_.end()) {
      return fail(Code::kPanelProtocol, fmt::format("lane {} was never bound here", generation));
    }
    at->second.carrying = true;
  }
  on_board_([generations](Board& board) {
    for (const std::uint64_t generation : generations) {
      if (const Status flipped = board.flip(generation); !flipped) board.abandon(generation, flipped.error());
    }
  });
  return Json::object({});
}

Result<Json> Desk::close(const api::Request& request) {
  RTT_TRY_SET(const auto generations, generations_of(request.args));
  for (const std::uint64_t generation : generations) {
    if (const auto at = bindings_.find(generation); at != bindings_.end()) at->second.closing = true;
  }
  // A lane that cannot carry on ends at once, with what waits on it; any other lets what is owed come in.
  const bool broken = request.args.bool_or("broken", false);
  const Error why{.code = Code::kLost,
                  .message = std::string(request.args.string_or("why", "the lane broke"))};
  on_board_([generations, broken, why](Board& board) {
    for (const std::uint64_t generation : generations) {
      if (broken)
        board.abandon(generation, why);
      else
        board.close(generation);
    }
  });
  return Json::object({});
}

std::optional<Json> Desk::gone(const Board::Gone& gone) {
  const auto at = bindings_.find(gone.generation);
  if (at == bindings_.end()) return std::nullopt;
  const bool asked_for = at->second.closing;
  bindings_.erase(at);
  if (asked_for) return std::nullopt;
  return Json::object({{"broken", gone.broken},
                       {"code", code_name(gone.why.code)},
                       {"generation", gone.generation},
                       {"why", gone.why.message}});
}

Json Desk::lanes() const {
  Json list = text::JsonArray{};
  for (const auto& [generation, known] : bindings_) {
    if (!known.bound) continue;  // offered to a panel that is gone
    Json row = to_json(known.binding);
    row.set("carrying", known.carrying);
    if (known.ring != 0) row.set("ring", known.ring);
    list.push(std::move(row));
  }
  return list;
}

}  // namespace rtt::endpoint
