// SPDX-License-Identifier: Apache-2.0
#include "panel/tap.h"

#include <fmt/format.h>

#include <charconv>

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

Tap::Tap(os::Loop& loop, Wiring& wiring, Options options, std::weak_ptr<api::Peer> watcher,
         api::Responder respond)
    : loop_(loop),
      wiring_(wiring),
      options_(options),
      watcher_(std::move(watcher)),
      respond_(std::move(respond)),
      next_(os::now()),
      end_(next_ + nanos_from_ms(options.for_ms.value_or(0))) {}

void Tap::start(os::Loop& loop, Wiring& wiring, Options options, std::weak_ptr<api::Peer> watcher,
                api::Responder respond) {
  const std::shared_ptr<Tap> tap(new Tap(loop, wiring, options, std::move(watcher), std::move(respond)));
  tap->look();
  tap->tick();
}

// Finds the pages of lanes that are new since the last look.
void Tap::look() {
  for (const Wiring::Carried& lane : wiring_.carried()) {
    if (options_.route && lane.route.id != *options_.route) continue;
    if (watched_.contains(lane.generation)) continue;
    watched_[lane.generation];
    open(lane.generation, Side::kFrom, lane.from);
    open(lane.generation, Side::kTo, lane.to);
  }
}

void Tap::open(std::uint64_t generation, Side side, const std::shared_ptr<api::Peer>& peer) {
  if (!peer) return;
  peer->ask(
      "lane.page", Json::object({{"generation", generation}}),
      [self = weak_from_this(), generation, side, pid = peer->identity().pid](Result<api::Answer> answer) {
        const auto alive = self.lock();
        if (!alive || !answer || answer->fds.empty()) return;
        const auto at = alive->watched_.find(generation);
        if (at == alive->watched_.end()) return;
        auto page = os::map_shared_memory(answer->fds.front().get(), telemetry::kPageBytes);
        if (!page) return;
        End& end = side == Side::kFrom ? at->second.from : at->second.to;
        // The first sample is what later ones are compared with: a tap tells what happens while it looks.
        if (auto first = telemetry::sample_of(page->bytes())) end.last = *first;
        end.page = std::move(*page);
        end.pid = pid;
        end.calls_last = system_calls(pid);
      },
      {}, kEndAnswerMs);
}

void Tap::tick() {
  const auto watcher = watcher_.lock();
  if (!watcher || !watcher->open()) return respond_.finish(api::Answer{Json::object({}), {}, {}});
  next_ = next_ + kPeriod;
  loop_.after(next_ - os::now(), [self = shared_from_this()] {
    self->look();
    for (const Wiring::Carried& lane : self->wiring_.carried()) {
      const auto at = self->watched_.find(lane.generation);
      if (at != self->watched_.end()) self->report(lane, at->second);
    }
    if (self->options_.for_ms && self->next_ >= self->end_)
      return self->respond_.finish(api::Answer{Json::object({}), {}, {}});
    self->tick();
  });
}

void Tap::report(const Wiring::Carried& lane, Watched& watched) {
  const auto from = since_last(watched.from.page.bytes(), watched.from.last);
  const auto to = since_last(watched.to.page.bytes(), watched.to.last);
  // The asking end's latency is what its caller feels; a route without replies has only the other's.
  const auto& main = from && (from->latency.count() > 0 || !to) ? from : to;
  if (!main) return;
  std::uint64_t drops = 0, calls = 0;
  telemetry::DropReason reason = telemetry::DropReason::kNone;
  for (const auto* sample : {&from, &to}) {
    if (!*sample) continue;
    if ((*sample)->dropped() > 0 && reason == telemetry::DropReason::kNone) reason = (*sample)->main_reason();
    drops += (*sample)->dropped();
  }
  for (End* end : {&watched.from, &watched.to}) {
    if (end->pid == 0 || (end == &watched.to && end->pid == watched.from.pid)) continue;
    const std::uint64_t now = system_calls(end->pid);
    calls += now > end->calls_last ? now - end->calls_last : 0;
    end->calls_last = now;
  }
  respond_.part(Json::object(
      {{"breaker_state", "closed"},
       {"drop_reason", reason == telemetry::DropReason::kNone ? Json() : Json(telemetry::to_string(reason))},
       {"drops", drops},
       {"frames", main->sent + main->received},
       {"lane", to_string(lane.lane)},
       {"p50", main->latency.p50()},
       {"p95", main->latency.p95()},
       {"p99", main->latency.p99()},
       {"qdepth", main->queue_depth},
       {"route_id", static_cast<std::int64_t>(lane.route.id.value)},
       {"syscalls_delta", calls},
       {"to", model::identity(lane.route.to)},
       {"ts", os::rfc3339(os::wall_now())}}));
}

}  // namespace rtt::panel
