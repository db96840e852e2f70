// SPDX-License-Identifier: Apache-2.0
#include "chaos/stage.h"

#include <fmt/format.h>

#include <algorithm>

#include "chaos/run.h"
#include "os/clock.h"
#include "os/file.h"
#include "panel/process_lock.h"

namespace rtt::chaos {
namespace {

using text::Json;

constexpr std::int64_t kTurnMs = 2;
constexpr std::int64_t kLookMs = 50;     // between two looks at whether all is as before
constexpr std::int64_t kLeaveMs = 5000;  // for what is on its way out
constexpr std::size_t kMapsBytesMax = std::size_t{16} << 20;

std::int64_t ms_since(Instant then) { return (os::now() - then).value / 1'000'000; }

const text::JsonArray& rows_of(const Json& document, std::string_view field) {
  static const text::JsonArray none;
  const Json* rows = document.find(field);
  return rows != nullptr && rows->is_array() ? rows->as_array() : none;
}

std::int64_t ready_routes(const Json& document) {
  return std::ranges::count_if(rows_of(document, "routes"),
                               [](const Json& row) { return row.string_or("state") == "ready"; });
}

// Also where no such route is asked for.
bool is_ready(const Json& document, const std::string& edge) {
  return edge.empty() || std::ranges::any_of(rows_of(document, "routes"), [&](const Json& row) {
           return row.string_or("state") == "ready" &&
                  fmt::format("{} -> {}", row.string_or("from"), row.string_or("to")) == edge;
         });
}

std::vector<std::string> ready_drivers(const Json& document) {
  std::vector<std::string> names;
  for (const Json& row : rows_of(document, "drivers")) {
    const Json* child = row.find("child");
    const bool up =
        row.string_or("state") == "ready" && (child == nullptr || child->string_or("state") == "ready");
    if (up) names.emplace_back(row.string_or("name"));
  }
  return names;
}

std::int64_t lanes_of(int pid) {
  const auto maps = os::read_file(fmt::format("/proc/{}/maps", pid), kMapsBytesMax);
  if (!maps) return 0;
  std::int64_t lanes = 0;
  for (std::size_t at = maps->find("/memfd:rtt-"); at != std::string::npos;
       at = maps->find("/memfd:rtt-", at + 1))
    ++lanes;
  return lanes;
}

int panel_pid(const Rig& rig) {
  const auto holders = panel::lock_holders(rig.workspace().sockets());
  if (!holders) return 0;
  const auto at = std::ranges::find_if(*holders, [](const auto& holder) { return holder.name == "panel"; });
  return at == holders->end() ? 0 : at->process.pid;
}

bool is_hit(const Case& one, const Aim& aim, std::string_view end) {
  return (one.action == Action::kKill || one.action == Action::kStop) && !aim.to.empty() &&
         (aim.to.starts_with(end) || aim.from.starts_with(end));
}

}  // namespace

void Stage::pause() const { loop_.run_once(nanos_from_ms(kTurnMs)); }

Status Stage::turn(std::int64_t ms) const {
  const Instant began = os::now();
  do {
    pause();
    if (interrupted_) return fail(Code::kCancelled, "the chaos run was ended by a signal");
  } while (ms_since(began) < ms);
  return {};
}

// The load is up when its lanes and all drivers are, a change was committed and a call answered.
Result<Stage::Up> Stage::come_up(Load& load) {
  constexpr std::int64_t kOwnLanes = 2;  // the caller's and the bus's
  const Instant began = os::now();
  load.mark();
  for (;;) {
    load.tick(Load::Begin::kYes);
    RTT_TRY(turn(kTurnMs));
    if (load.went_well_since_mark()) {
      RTT_TRY_SET(const Answer routes, rig_.rtt({"ls", "routes"}));
      RTT_TRY_SET(const Answer status, rig_.rtt({"status"}));
      Up up{.ready = ready_routes(routes.document), .drivers = ready_drivers(status.document)};
      // One that is not up yet would not be missed when it never comes back.
      const bool all_drivers = up.drivers.size() == rows_of(status.document, "drivers").size();
      if (up.ready >= kOwnLanes && all_drivers && is_ready(routes.document, load.lands_by())) {
        load.feed();
        return up;
      }
    }
    if (ms_since(began) > kReadyMs)
      return fail(Code::kDeadline, "the load of the chaos run does not come up", {}, "rtt doctor");
  }
}

Status Stage::warm_up() {
  RTT_TRY_SET(Load load, Load::start(rig_, {.calls_http = true, .landing = {}}));
  RTT_TRY_SET(const Up up, come_up(load));
  (void)up;
  settle(load);
  Observed seen;
  load.end(seen, [this] { pause(); });
  const Instant began = os::now();
  do {
    RTT_TRY(turn(kLookMs));
    baseline_ = held();
  } while (baseline_.lanes > 0 && ms_since(began) < kLeaveMs);
  return {};
}

Result<Played> Stage::play(const Case& one, std::uint64_t seed) {
  RTT_TRY_SET(const Aim aim, aim_at(one, rig_));
  RTT_TRY(rig_.shift_clock(0));
  // A new panel, whose drivers have not died yet: what an earlier case did is not this one's.
  RTT_TRY_SET(const Answer down, rig_.rtt({"down"}));
  RTT_TRY_SET(const Answer started, rig_.rtt({"panel", "start"}));
  auto landing = landing_of(aim, rig_);
  const bool lands = landing && !landing->file.empty();
  RTT_TRY_SET(Load load, Load::start(rig_, {.calls_http = true, .landing = std::move(landing)}));
  RTT_TRY_SET(const Up up, come_up(load));
  const int panel_before = panel_pid(rig_);
  Played out{.steps = schedule(one, seed), .seen = {}};
  Observed judged;
  {
    Fault fault(rig_, load, aim);
    strike(fault, out.steps, load, judged);
  }
  come_back(one, up, load, judged);
  settle(load);
  RTT_TRY(turn(0));
  judged.panel_survived = panel_before != 0 && panel_before == panel_pid(rig_);
  load.end(out.seen, [this] { pause(); });
  out.seen.strikes = judged.strikes;
  out.seen.back = judged.back;
  out.seen.back_ms = judged.back_ms;
  out.seen.missing = judged.missing;
  out.seen.panel_survived = judged.panel_survived;
  if (!out.seen.calls.empty()) out.seen.calls.front().hit = is_hit(one, aim, kEcho);
  if (!out.seen.events.empty())
    out.seen.events.front().hit = one.action == Action::kKill && is_hit(one, aim, kSink);
  if (lands && out.seen.events.size() > 1)
    out.seen.events.back().hit = one.action == Action::kKill || one.action == Action::kFull;
  look(out.seen);
  return out;
}

void Stage::strike(Fault& fault, const std::vector<Step>& steps, Load& load, Observed& seen) {
  const Instant began = os::now();
  for (const Step& step : steps) {
    while (ms_since(began) < step.at_ms && !interrupted_) {
      load.tick(Load::Begin::kYes);
      pause();
    }
    if (interrupted_) return;
    seen.strikes += static_cast<std::int64_t>(fault.act(step));
  }
}

// What was up and is not; empty when all is.
std::string Stage::missing(const Up& up) const {
  const auto status = rig_.rtt({"status"});
  if (!status || status->document.string_or("panel") != "up") return "the panel is down";
  const std::vector<std::string> drivers = ready_drivers(status->document);
  for (const std::string& name : up.drivers) {
    if (std::ranges::find(drivers, name) == drivers.end()) return name + " is not ready";
  }
  const auto routes = rig_.rtt({"ls", "routes"});
  const std::int64_t ready = routes ? ready_routes(routes->document) : 0;
  if (ready < up.ready) return fmt::format("{} of {} routes are ready", ready, up.ready);
  return {};
}

void Stage::come_back(const Case& one, const Up& up, Load& load, Observed& seen) {
  const Instant began = os::now();
  Instant looked = began;
  load.mark();
  seen.missing = "no change was committed or no call answered";
  while (ms_since(began) <= one.within_ms && !interrupted_) {
    load.tick(Load::Begin::kYes);
    pause();
    if (!load.went_well_since_mark() || ms_since(looked) < kLookMs) continue;
    looked = os::now();
    seen.missing = missing(up);
    if (!seen.missing.empty()) continue;
    seen.back = true;
    break;
  }
  seen.back_ms = ms_since(began);
}

// Lets what is under way come to its end.
void Stage::settle(Load& load) {
  const Instant began = os::now();
  while (!load.idle() && ms_since(began) < kRttMs && !interrupted_) {
    load.tick(Load::Begin::kNo);
    pause();
  }
}

void Stage::look(Observed& seen) {
  if (const auto status = rig_.rtt({"status"})) {
    seen.in_force = {.seq = status->document.int_or("seq", 0),
                     .graph = std::string(status->document.string_or("graph"))};
    for (const Json& row : rows_of(status->document, "drivers")) {
      if (row.string_or("state") == "tripped") seen.tripped.emplace_back(row.string_or("name"));
    }
  }
  if (const auto routes = rig_.rtt({"ls", "routes"})) {
    const std::vector<std::string> edges = edges_of(routes->document);
    for (const std::size_t which : {std::size_t{0}, std::size_t{1}}) {
      if (rig_.wiring(which).edges == edges) seen.wired = rig_.wiring(which).commit.graph;
    }
  }
  for (const std::size_t which : {std::size_t{0}, std::size_t{1}})
    seen.whole_graphs.insert(rig_.wiring(which).commit.graph);
  if (const auto records = rig_.lines({"audit", "--export"})) {
    for (const Json& record : *records) {
      if (record.string_or("type") == "COMMIT")
        seen.journal[record.int_or("seq", 0)] = record.string_or("after");
    }
  }
  if (const auto verified = rig_.rtt({"audit", "--verify"}))
    seen.journal_verified = verified->document.bool_or("ok", false);
  seen.before = baseline_;
  const Instant began = os::now();
  do {
    pause();
    seen.after = held();
  } while ((seen.after.lanes > baseline_.lanes || seen.after.panel_fds > baseline_.panel_fds ||
            seen.after.processes > baseline_.processes) &&
           ms_since(began) < kLeaveMs && !interrupted_);
}

Held Stage::held() const {
  Held held;
  for (const int pid : rig_.processes()) {
    ++held.processes;
    held.lanes += lanes_of(pid);
  }
  const auto fds = os::list_directory(fmt::format("/proc/{}/fd", panel_pid(rig_)));
  held.panel_fds = fds ? static_cast<std::int64_t>(fds->size()) : 0;
  return held;
}

}  // namespace rtt::chaos
