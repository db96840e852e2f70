// SPDX-License-Identifier: Apache-2.0
#include "chaos/run.h"

#include <fmt/format.h>

#include <array>
#include <csignal>

#include "chaos/http_service.h"
#include "chaos/stage.h"
#include "os/entropy.h"
#include "os/file.h"

namespace rtt::chaos {
namespace {

using text::Json;

struct Wanted {
  std::vector<Case> cases;
  std::string file;
  std::int64_t runs = 1;
  std::uint64_t seed = 0;
};

// Short enough to be typed again.
std::uint64_t chance_seed() {
  std::array<std::byte, 4> some{};
  os::fill_random(some);
  std::uint64_t seed = 0;
  for (const std::byte b : some) seed = seed << 8U | std::to_integer<std::uint64_t>(b);
  return seed;
}

Result<Wanted> wanted_by(const api::Ask& ask, const registry::Workspace& workspace) {
  Wanted out;
  const std::string named(ask.args.string_or("cases"));
  out.file = named.empty() ? workspace.path("chaos/cases.yaml") : named;
  auto text = os::read_file(out.file, kChaosFileBytesMax);
  if (!text && text.error().code == Code::kNotFound) {
    return fail(Code::kNotFound, "there is no file of chaos cases", out.file,
                "write one (`rtt chaos --help` shows how) or name it with --cases FILE");
  }
  if (!text) return std::unexpected(std::move(text).error());
  RTT_TRY_SET(out.cases, read_cases(*text, out.file));
  out.runs = ask.args.int_or("runs", 1);
  if (out.runs < 1 || out.runs > kChaosRunsMax)
    return fail(Code::kBadArgument, fmt::format("--runs is 1 to {}", kChaosRunsMax), {}, "rtt chaos --help");
  // Not above what a JSON number holds, so that it can be given back as it was printed.
  const std::int64_t given = ask.args.int_or("seed", -1);
  if (ask.args.find("seed") != nullptr && given < 0)
    return fail(Code::kBadArgument, "--seed is a number, 0 or more", {}, "rtt chaos --help");
  out.seed = given >= 0 ? static_cast<std::uint64_t>(given) : chance_seed();
  return out;
}

Json to_json(const Calls& calls) {
  return Json::object({{"answered", calls.answered},
                       {"asked", calls.asked},
                       {"doubled", calls.doubled},
                       {"late", calls.late},
                       {"lost", calls.lost},
                       {"route", calls.route}});
}

Json to_json(const Events& events) {
  return Json::object({{"doubled", events.doubled},
                       {"received", events.received},
                       {"route", events.route},
                       {"sent", events.sent}});
}

Json row_of(const Case& one, std::int64_t run, const Played& played, const Verdict& verdict) {
  Json checks = text::JsonArray{}, steps = text::JsonArray{}, calls = text::JsonArray{},
       events = text::JsonArray{};
  for (const Check& check : verdict.checks)
    checks.push(Json::object({{"detail", check.detail}, {"invariant", check.invariant}, {"ok", check.ok}}));
  for (const Step& step : played.steps)
    steps.push(Json::object({{"act", to_string(step.act)}, {"amount", step.amount}, {"at_ms", step.at_ms}}));
  for (const Calls& some : played.seen.calls) calls.push(to_json(some));
  for (const Events& some : played.seen.events) events.push(to_json(some));
  return Json::object({{"action", to_string(one.action)},
                       {"calls", std::move(calls)},
                       {"checks", std::move(checks)},
                       {"commits", static_cast<std::int64_t>(played.seen.acknowledged.size())},
                       {"events", std::move(events)},
                       {"name", one.name},
                       {"recovered_ms", played.seen.back_ms},
                       {"run", run},
                       {"steps", std::move(steps)},
                       {"strikes", played.seen.strikes},
                       {"target", to_string(one.target)},
                       {"verdict", verdict.pass() ? "pass" : "fail"}});
}

// The seed of one case of one run: neither depends on which others are in the file.
std::uint64_t seed_of(std::uint64_t seed, std::int64_t run, const std::string& name) {
  std::uint64_t mix = mixed(seed ^ mixed(static_cast<std::uint64_t>(run)));
  for (const char c : name) mix = mixed(mix ^ static_cast<unsigned char>(c));
  return mix;
}

Result<Json> play_all(os::Loop& loop, Rig& rig, const Wanted& wanted,
                      const std::function<void(text::Json)>& on_part) {
  bool interrupted = false;
  for (const int signal : {SIGINT, SIGTERM})
    RTT_TRY(loop.on_signal(signal, [&interrupted] { interrupted = true; }));
  for (const Case& one : wanted.cases) {  // before anything is started: a wrong name is no chaos
    RTT_TRY_SET(const Aim aim, aim_at(one, rig));
    (void)aim;
  }
  Stage stage(loop, rig, interrupted);
  RTT_TRY(stage.warm_up());
  Json rows = text::JsonArray{};
  std::int64_t passed = 0, failed = 0;
  for (std::int64_t run = 1; run <= wanted.runs; ++run) {
    for (const Case& one : wanted.cases) {
      on_part(Json::object({{"progress", fmt::format("run {} of {}: {}", run, wanted.runs, one.name)}}));
      RTT_TRY_SET(const Played played, stage.play(one, seed_of(wanted.seed, run, one.name)));
      const Verdict verdict = judge(one, played.seen);
      ++(verdict.pass() ? passed : failed);
      rows.push(row_of(one, run, played, verdict));
    }
  }
  Json body = Json::object({{"cases", std::move(rows)},
                            {"failed", failed},
                            {"file", wanted.file},
                            {"pass_ppm", passed * 1'000'000 / (passed + failed)},
                            {"passed", passed},
                            {"runs", wanted.runs},
                            {"seed", static_cast<std::int64_t>(wanted.seed)}});
  if (failed > 0) body.set("exit", static_cast<std::int64_t>(Exit::kFailed));
  return body;
}

}  // namespace

Result<api::Reply> ChaosService::ask(const api::Ask& ask, const std::function<void(text::Json)>& on_part) {
  using registry::FindOptions;
  RTT_TRY_SET(const auto workspace,
              registry::find_workspace({.directory = ask.directory,
                                        .search = ask.search == "exactly" ? FindOptions::Search::kExactly
                                                                          : FindOptions::Search::kUpward}));
  RTT_TRY_SET(const Wanted wanted, wanted_by(ask, workspace));
  os::ignore_broken_pipes();
  RTT_TRY_SET(const auto loop, os::Loop::create());
  RTT_TRY_SET(const auto http, HttpService::start(*loop));
  RTT_TRY_SET(const auto rig, Rig::make(workspace, http->port()));
  RTT_TRY_SET(Json body, play_all(*loop, *rig, wanted, on_part));
  return api::Reply{.body = std::move(body), .fds = {}};
}

}  // namespace rtt::chaos
