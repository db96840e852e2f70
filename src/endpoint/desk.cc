// SPDX-License-Identifier: Apache-2.0
#include "endpoint/desk.h"

#include <fmt/format.h>

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
  if (request.verb == "lane.ls") return answer(Json::object({{"lanes", lanes()}}));
  return false;
}

Result<Json> Desk::bind(api::Request& request) {
  RTT_TRY_SET(Binding binding, binding_from_json(request.args));
  const std::uint64_t generation = binding.generation;
  if (bindings_.contains(generation)) return Json::object({{"generation", generation}});
  if (bindings_.size() >= kLanesMax) return fail(Code::kLimit, fmt::format("{} lanes are open", kLanesMax));
  bindings_.emplace(generation, Known{.binding = binding});
  // A std::function holds copies, descriptors do not copy: they travel in a shared box.
  const auto fds = std::make_shared<std::vector<os::Fd>>(std::move(request.fds));
  const auto failed = std::make_shared<Status>();
  on_board_([binding = std::move(binding), fds, failed](Board& board) {
    *failed = board.bind(binding, std::move(*fds));
    if (!*failed) board.abandon(binding.generation, failed->error());
  });
  return Json::object({{"generation", generation}});
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
