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

bool Desk::handle(api::Request& request, const api::Responder& respond) {
  const auto answer = [&](Result<Json> body) {
    if (body) {
      respond.finish(api::Answer{.body = std::move(*body), .fds = {}, .text = {}});
    } else {
      respond.finish(std::unexpected(std::move(body).error()));
    }
    return true;
  };
  if (request.verb == "lane.bind") return answer(bind(request));
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

Result<Json> Desk::bind(api::Request& request) {
  RTT_TRY_SET(Binding binding, binding_from_json(request.args));
  const std::uint64_t generation = binding.generation;
  if (bindings_.contains(generation)) return Json::object({{"generation", generation}});
  if (bindings_.size() >= kLanesMax) return fail(Code::kLimit, fmt::format("{} lanes are open", kLanesMax));
  RTT_TRY_SET(os::SharedMemory page, os::create_shared_memory("rtt-telemetry", telemetry::kPageBytes));
  bindings_.emplace(generation, Known{.binding = binding, .page = std::move(page.readable)});
  // A std::function is copied, descriptors and mappings are not: they travel in a shared box.
  struct Box {
    std::vector<os::Fd> fds;
    os::Mapping page;
  };
  const auto box = std::make_shared<Box>(Box{std::move(request.fds), std::move(page.memory)});
  on_board_([binding = std::move(binding), box](Board& board) {
    const Status bound = board.bind(binding, std::move(box->fds), std::move(box->page));
    if (!bound) board.abandon(binding.generation, bound.error());
  });
  return Json::object({{"generation", generation}});
}

// What this end counts about a lane, for the panel to read as long as it likes.
Result<os::Fd> Desk::page(const api::Request& request) const {
  const auto at = bindings_.find(static_cast<std::uint64_t>(request.args.int_or("generation", 0)));
  if (at == bindings_.end()) return fail(Code::kNotFound, "there is no such lane here");
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
  on_board_([generations](Board& board) {
    for (const std::uint64_t generation : generations) board.close(generation);
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
    Json row = to_json(known.binding);
    row.set("carrying", known.carrying);
    list.push(std::move(row));
  }
  return list;
}

}  // namespace rtt::endpoint
