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

using endpoint::Side;
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

// What an end did since it was last looked at; its page may have been cut short by a hostile writer's lies,
// so every figure is only shown, never used.
std::optional<telemetry::RouteSample> since_last(ByteView page, std::optional<telemetry::RouteSample>& last) {
  auto now = telemetry::sample_of(page);
  if (!now) return std::nullopt;
  auto out = last ? now->since(*last) : *now;
  last = *now;
  return out;
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
      end_(next_ + nanos_from_ms(options.for_ms.value_or(0))) {}

void Tap::start(Ports ports, Options options, std::weak_ptr<api::Peer> watcher, api::Responder respond) {
  const std::shared_ptr<Tap> tap(new Tap(std::move(ports), options, std::move(watcher), std::move(respond)));
  tap->look(tap->ports_.wiring.carried());
  tap->tick();
}

// Finds lanes that are new since the last look, and asks their ends for pages it does not have.
void Tap::look(const std::vector<Wiring::Carried>& carried) {
  for (const Wiring::Carried& lane : carried) {
    if (options_.route && lane.route.id != *options_.route) continue;
    Watched& watched = watched_[lane.generation];
    watched.route = lane.route;
    watched.lane = lane.lane;
    if (!watched.from.page.valid()) open(lane.generation, Side::kFrom, lane.from);
    if (!watched.to.page.valid()) open(lane.generation, Side::kTo, lane.to);
  }
}

void Tap::open(std::uint64_t generation, Side side, const std::shared_ptr<api::Peer>& peer) {
  Watched& watched = watched_[generation];
  End& end = side == Side::kFrom ? watched.from : watched.to;
  if (!peer || end.asked) return;
  end.asked = true;
  peer->ask(
      "lane.page", Json::object({{"generation", generation}}),
      [self = weak_from_this(), generation, side, pid = peer->identity().pid](Result<api::Answer> answer) {
        if (const auto alive = self.lock()) alive->opened(generation, side, pid, std::move(answer));
      },
      {}, kEndAnswerMs);
}

void Tap::opened(std::uint64_t generation, Side side, int pid, Result<api::Answer> answer) {
  const auto at = watched_.find(generation);
  if (at == watched_.end()) return;
  End& end = side == Side::kFrom ? at->second.from : at->second.to;
  end.asked = false;
  if (!answer || answer->fds.empty()) return;
  auto page = os::map_shared_memory(answer->fds.front().get(), telemetry::kPageBytes);
  if (!page) return;
  // The first sample is what later ones are compared with: a tap tells what happens while it looks.
  if (auto first = telemetry::sample_of(page->bytes())) end.last = *first;
  end.page = std::move(*page);
  end.pid = pid;
  calls_.try_emplace(pid, Calls{.last = system_calls(pid)});
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
    self->look(carried);
    self->report();
    std::erase_if(self->watched_, [&](const auto& entry) {
      return std::ranges::find(carried, entry.first, &Wiring::Carried::generation) == carried.end();
    });
    if (self->options_.for_ms && self->next_ >= self->end_)
      return self->respond_.finish(api::Answer{Json::object({}), {}, {}});
    self->tick();
  });
}

// Each process once, however many routes it has.
void Tap::count_calls() {
  std::map<int, Calls> now;
  for (const auto& [generation, watched] : watched_) {
    for (const End* end : {&watched.from, &watched.to}) {
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
  for (auto& [generation, watched] : watched_) {  // the newest last: its queue is the route's
    const auto from = since_last(watched.from.page.bytes(), watched.from.last);
    const auto to = since_last(watched.to.page.bytes(), watched.to.last);
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
