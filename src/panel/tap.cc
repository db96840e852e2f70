// SPDX-License-Identifier: Apache-2.0
#include "panel/tap.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "os/clock.h"
#include "os/file.h"

namespace rtt::panel {
namespace {

using text::Json;

constexpr Nanos kPeriod = nanos_from_ms(250);

// Reads and writes so far; 0 where /proc does not say.
std::uint64_t system_calls(int pid) {
  const auto text = os::read_file(fmt::format("/proc/{}/io", pid), 4096);
  if (!text) return 0;
  std::uint64_t sum = 0;
  for (const std::string_view key : {"syscr: ", "syscw: "}) {
    const std::size_t at = text->find(key);
    if (at == std::string::npos) continue;
    std::uint64_t value = 0;
    std::from_chars(text->data() + at + key.size(), text->data() + text->size(), value);
    sum += value;
  }
  return sum;
}

}  // namespace

// One route in one period, over all the lanes that carried it.
struct Tap::Line {
  model::LaneKind lane = model::LaneKind::kUds;
  std::optional<telemetry::RouteSample> from, to;
  std::set<int> pids;

  static void add(std::optional<telemetry::RouteSample>& sum,
                  const std::optional<telemetry::RouteSample>& more) {
    if (!more) return;
    if (sum) {
      sum->add(*more);
    } else {
      sum = more;
    }
  }
};

Tap::Tap(Ports ports, Options options, std::weak_ptr<api::Peer> watcher, api::Responder respond)
    : ports_(std::move(ports)),
      options_(options),
      watcher_(std::move(watcher)),
      respond_(std::move(respond)),
      next_(os::now()),
      end_(next_ + nanos_from_ms(options.for_ms.value_or(0))),
      pages_(LanePages::make(
          [only = options.route](const model::Route& route) { return !only || route.id == *only; },
          [this](int pid) { calls_.try_emplace(pid, Calls{.last = system_calls(pid)}); })) {}

void Tap::start(Ports ports, Options options, std::weak_ptr<api::Peer> watcher, api::Responder respond) {
  const std::shared_ptr<Tap> tap(new Tap(std::move(ports), options, std::move(watcher), std::move(respond)));
  tap->pages_->look(tap->ports_.wiring.carried());
  tap->tick();
}

void Tap::tick() {
  const auto watcher = watcher_.lock();
  if (!watcher || !watcher->open()) return respond_.finish(api::Answer{Json::object({}), {}, {}});
  // After a time in which nothing ran the periods that were missed are one.
  next_ = std::max(next_ + kPeriod, os::now());
  if (options_.for_ms) next_ = std::min(next_, end_);
  ports_.loop.after(std::max(Nanos{0}, next_ - os::now()), [self = shared_from_this()] {
    self->ports_.used();
    const auto carried = self->ports_.wiring.carried();
    self->pages_->look(carried);
    self->report();
    self->pages_->forget_ended(carried);
    if (self->options_.for_ms && self->next_ >= self->end_)
      return self->respond_.finish(api::Answer{Json::object({}), {}, {}});
    self->tick();
  });
}

// Each process once, however many routes it has.
void Tap::count_calls() {
  std::map<int, Calls> now;
  for (const auto& [generation, watched] : pages_->lanes()) {
    for (const LanePages::End* end : {&watched.from, &watched.to}) {
      if (!end->page.valid() || now.contains(end->pid)) continue;
      const std::uint64_t made = system_calls(end->pid), before = calls_[end->pid].last;
      now[end->pid] = {.last = std::max(made, before), .grown = made > before ? made - before : 0};
    }
  }
  calls_ = std::move(now);
}

void Tap::report() {
  count_calls();
  std::map<std::pair<RouteId, std::string>, Line> lines;
  for (auto& [generation, watched] : pages_->lanes()) {  // the newest last: its queue is the route's
    const auto from = LanePages::since_last(watched.from);
    const auto to = LanePages::since_last(watched.to);
    if (!from && !to) continue;
    Line& line = lines[{watched.route.id, model::identity(watched.route.to)}];
    line.lane = watched.lane;
    Line::add(line.from, from);
    Line::add(line.to, to);
    if (from) line.pids.insert(watched.from.pid);
    if (to) line.pids.insert(watched.to.pid);
  }
  const std::string ts = os::rfc3339(os::wall_now());
  for (const auto& [name, line] : lines) {
    // What the asking end sees is what its caller feels.
    const telemetry::RouteSample& seen = line.from ? *line.from : *line.to;
    telemetry::RouteSample both = seen;
    if (line.from && line.to) both.add(*line.to);
    const telemetry::DropReason reason = both.main_reason();
    std::uint64_t calls = 0;
    for (const int pid : line.pids) calls += calls_[pid].grown;
    respond_.part(
        Json::object({{"breaker_state", "closed"},
                      {"drop_reason",
                       reason == telemetry::DropReason::kNone ? Json() : Json(telemetry::to_string(reason))},
                      {"drops", both.dropped()},
                      {"frames", seen.sent + seen.received},
                      {"lane", to_string(line.lane)},
                      {"p50", seen.latency.p50()},
                      {"p95", seen.latency.p95()},
                      {"p99", seen.latency.p99()},
                      {"qdepth", seen.queue_depth},
                      {"route_id", static_cast<std::int64_t>(name.first.value)},
                      {"syscalls_delta", calls},
                      {"to", name.second},
                      {"ts", ts}}));
  }
}

}  // namespace rtt::panel
