// SPDX-License-Identifier: Apache-2.0
// Stage: a command line run in a test: a scripted Service behind it and a recorded screen in front.
//
// Owns: what was asked and printed.   Thread: one.   Fails: never.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cli/dispatch.h"

namespace rtt::cli {

struct Stage {
  using Answer = std::function<Result<api::Reply>(const api::Ask&, const std::function<void(text::Json)>&)>;

  Answer answer = [](const api::Ask&, const auto&) -> Result<api::Reply> {
    return fail(Code::kInternal, "nothing scripted");
  };
  std::deque<std::string> typed;  // what a person answers
  bool terminal = false;
  int rounds_until_interrupt = 0;  // for --watch

  std::vector<api::Ask> asked;
  std::vector<ServiceNeed> needs;
  std::vector<ServeArgs> served;
  std::vector<DriverHostArgs> hosted;
  std::vector<PrivateRunArgs> ran;
  std::vector<std::string> prompts;
  std::string out, err;

  struct Scripted final : api::Service {
    explicit Scripted(Stage& on) : stage(on) {}
    Result<api::Reply> ask(const api::Ask& ask, const std::function<void(text::Json)>& on_part) override {
      stage.asked.push_back(ask);
      return stage.answer(ask, on_part);
    }
    Stage& stage;
  };

  int run(const std::vector<std::string>& words) {
    out.clear();
    err.clear();
    Ports ports;
    ports.service = [this](const ServiceNeed& need) -> Result<std::unique_ptr<api::Service>> {
      needs.push_back(need);
      return std::make_unique<Scripted>(*this);
    };
    ports.mcp_serve = [this](const ServeArgs& args) {
      served.push_back(args);
      return 75;
    };
    ports.panel_run = [](const PanelRunArgs&) { return 0; };
    ports.private_run = [this](const PrivateRunArgs& args) {
      ran.push_back(args);
      return NotRun{{.code = Code::kNotFound, .message = "there is no program", .where = {}, .hint = {}},
                    127};
    };
    ports.driver_host = [this](const DriverHostArgs& args) {
      hosted.push_back(args);
      return 0;
    };
    Screen screen;
    screen.out = [this](std::string_view text) { out += text; };
    screen.err = [this](std::string_view text) { err += text; };
    screen.answer = [this](std::string_view prompt) -> std::optional<std::string> {
      prompts.emplace_back(prompt);
      if (typed.empty()) return std::nullopt;
      std::string first = typed.front();
      typed.pop_front();
      return first;
    };
    screen.wait = [](Nanos) {};
    screen.interrupted = [this] { return --rounds_until_interrupt <= 0; };
    screen.in_is_terminal = screen.out_is_terminal = screen.err_is_terminal = terminal;
    return dispatch(words, ports, screen);
  }

  // Every Ask is answered with this body.
  void always(text::Json body) {
    answer = [body = std::move(body)](const api::Ask&, const auto&) -> Result<api::Reply> {
      return api::Reply{.body = body, .fds = {}};
    };
  }
};

// The first document printed; null if it is not JSON.
inline text::Json document(const std::string& printed) {
  auto json = text::parse_json(printed);
  return json ? std::move(*json) : text::Json();
}

inline text::Json json(std::string_view text) {
  auto parsed = text::parse_json(text);
  RTT_ASSERT(parsed.has_value());
  return std::move(*parsed);
}

}  // namespace rtt::cli
