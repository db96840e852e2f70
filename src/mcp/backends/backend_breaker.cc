// SPDX-License-Identifier: Apache-2.0
// What a backend tells its breaker, and the tries by which it finds out that a server set aside is well
// again.
#include <fmt/format.h>

#include <utility>

#include "mcp/backends/backend.h"

namespace rtt::mcp {
namespace {

constexpr Nanos kProbeAnswer = nanos_from_ms(5000);  // a ping needs no longer

}  // namespace

void Backend::note_failure(const Error& why, Breaker::Failure kind) {
  const BreakerState before = breaker_.state();
  last_failure_ = why;
  breaker_.failed(kind, loop_.now());
  breaker_moved(before);
}

void Backend::note_well(void (Breaker::*how)()) {
  const BreakerState before = breaker_.state();
  (breaker_.*how)();
  breaker_moved(before);
}

// One that goes from half open to open was down and is down: nobody hears of that.
void Backend::breaker_moved(BreakerState before) {
  const BreakerState now = breaker_.state();
  if (now == before) return;
  loop_.cancel(std::exchange(probe_timer_, 0));
  if (now == BreakerState::kOpen && !on_stopped_) {
    const Nanos hold = breaker_.probe_at() - loop_.now();
    record_->note(fmt::format("set aside, tried again in {} ms: {}", hold.value / 1'000'000,
                              last_failure_ ? last_failure_->message : ""));
    probe_timer_ = loop_.after(hold, [this] {
      probe_timer_ = 0;
      probe();
    });
  }
  if (now == BreakerState::kClosed) record_->note("no longer set aside");
  const bool was_down = before != BreakerState::kClosed;
  if (profile_.owner && was_down != is_down()) profile_.owner->on_backend_breaker(*this);
}

void Backend::probe() {
  note_well(&Breaker::probing);
  last_used_ = loop_.now();
  if (!session_) return start();
  if (live() == nullptr) return;  // it is starting: that decides
  const bool modern = session_->era() == Era::kModern;
  const Instant deadline = loop_.now() + kProbeAnswer;
  auto sent = session_->request(modern ? "server/discover" : "ping", "{}", deadline, {});
  if (!sent) return note_failure(sent.error(), Breaker::Failure::kSilent);
  probe_key_ = sent->key;
  arm(deadline);
  for (const act::Send& send : sent->sends) transport_->send(send.line, send.headers);
}

// Whether it was the try's answer. Any word of the server will do; one that answers neither calls nor this is
// ended, and the next try starts it anew.
bool Backend::probed(RequestKey key, const Error* why) {
  if (probe_key_ == 0 || key != probe_key_) return false;
  probe_key_ = 0;
  const bool silent = why != nullptr && (why->code == Code::kDeadline || why->code == Code::kServerGone);
  if (!silent) {
    note_well(&Breaker::well);
    return true;
  }
  note_failure(*why, Breaker::Failure::kSilent);
  if (session_) lose(*why);
  return true;
}

Error Backend::silence() const {
  return {.code = Code::kDeadline,
          .message = "server '" + pins_->config.name + "' said nothing until the call was withdrawn",
          .hint = "rtt mcp logs " + pins_->config.name};
}

Error Backend::down() const {
  const std::string& name = pins_->config.name;
  const std::int64_t left = (breaker_.probe_at() - loop_.now()).value / 1'000'000;
  Error why{.code = Code::kServerDown,
            .message = fmt::format("server '{}' keeps failing and is set aside: {}", name,
                                   breaker_.state() == BreakerState::kHalfOpen
                                       ? std::string("it is being tried again just now")
                                       : fmt::format("it is tried again in {} s", left / 1000 + 1)),
            .where = to_string(pins_->connector),
            .hint = "rtt mcp logs " + name + ", then rtt mcp restart " + name};
  if (last_failure_) why.causes.push_back(last_failure_->message);
  return why;
}

}  // namespace rtt::mcp
