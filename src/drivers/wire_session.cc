// SPDX-License-Identifier: Apache-2.0
#include "drivers/wire_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "model/limits.h"

namespace rtt::drivers {
namespace {

constexpr std::array<std::string_view, 4> kNeeded{"open", "tx", "rx", "close"};
constexpr Nanos kFirstPause = nanos_from_ms(1);
constexpr Nanos kLongestPause = nanos_from_ms(50);
constexpr std::int64_t kRxWaitMs = 1000;  // of a driver that can wait and serve others meanwhile

WireEncoding encoding_of(const WireOrder& order) {
  return order.params.string_or("enc") == "b64" ? WireEncoding::kBase64 : WireEncoding::kText;
}

// One-way messages have a link of their own: what a driver queues for rx after them is nobody's answer.
std::string group_of(const WireOrder& order) {
  return order.kind == WireOrder::Kind::kOneWay ? order.saddr + " one way" : order.saddr;
}

Error error_of(const WireError& error, WireVerb verb, const std::string& name) {
  const Code code = error.kind == WireError::Kind::kBusy     ? Code::kBusy
                    : error.kind == WireError::Kind::kNoLink ? Code::kLost
                                                             : Code::kDriverFailed;
  std::string what = error.kind == WireError::Kind::kRefused ? "refused" : "failed";
  if (error.kind == WireError::Kind::kBusy) what = "is busy at";
  if (error.kind == WireError::Kind::kNoLink) what = "lost the link at";
  return {code,
          fmt::format("driver `{}` {} {}: {}", name, what, to_string(verb), error.text),
          {},
          error.hint,
          {}};
}

}  // namespace

WireSession::WireSession(std::string name, model::DriverWire wire)
    : name_(std::move(name)), wire_(make_wire(wire)) {}

WireActions WireSession::start(Instant now) {
  RTT_ASSERT(phase_ == Phase::kNew);
  WireActions out;
  phase_ = Phase::kHello;
  heard_ = now;
  ask(out, {.request = {.verb = WireVerb::kHello}}, now);
  return out;
}

// False if the line is too long, or the driver owes too much already; then nothing was asked.
bool WireSession::ask(WireActions& out, Owed owed, Instant now) {
  const WireCall call = owed.call;
  if (call != 0 && owed_.size() >= limits::kDriverOwedMax) {
    refuse(out, call,
           {Code::kBusy, fmt::format("driver `{}` owes {} answers", name_, owed_.size()), {}, {}, {}});
    return false;
  }
  auto line = wire_->encode(next_id_, owed.request);
  if (!line) {
    if (call != 0) refuse(out, call, std::move(line).error());
    return false;
  }
  owed.request.payload.clear();
  owed.request.params = text::Json();
  owed.sent = now;
  owed_.emplace(next_id_++, std::move(owed));
  out.push_back(wire_act::Send{std::move(*line)});
  return true;
}

WireActions WireSession::submit(WireCall id, WireOrder order, Instant now) {
  RTT_ASSERT(id != 0 && !calls_.contains(id));
  WireActions out;
  ++counters_.calls;
  if (phase_ == Phase::kOver || calls_.size() >= limits::kDriverCallsMax) {
    ++counters_.failures;
    Error why{Code::kBusy, fmt::format("driver `{}` has {} calls already", name_, calls_.size()), {}, {}, {}};
    if (phase_ == Phase::kOver) why = {Code::kLost, fmt::format("driver `{}` ended", name_), {}, {}, {}};
    out.push_back(wire_act::Refused{id, std::move(why)});
    return out;
  }
  calls_.emplace(id, Call{.order = std::move(order), .rx_again = {}, .pause = kFirstPause});
  waiting_.push_back(id);
  pump(out, now);
  return out;
}

void WireSession::pump(WireActions& out, Instant now) {
  if (phase_ != Phase::kReady) return;
  for (std::size_t left = waiting_.size(); left > 0 && !waiting_.empty(); --left) {
    const WireCall id = waiting_.front();
    waiting_.pop_front();
    const auto at = calls_.find(id);
    if (at == calls_.end() || at->second.link != 0) continue;
    if (!place(out, id, at->second, now)) waiting_.push_back(id);
  }
}

// Gives the call a link of its own, an idle or a new one; false while it has to wait.
bool WireSession::place(WireActions& out, WireCall id, Call& call, Instant now) {
  const std::string group = group_of(call.order);
  std::size_t same = 0;
  for (auto& [number, link] : links_) {
    if (link.group != group) continue;
    ++same;
    if (link.user != 0) continue;
    if (call.order.kind == WireOrder::Kind::kPrepare) {
      answer(out, id, {});
      return true;
    }
    link.user = id;
    call.link = number;
    begin(out, id, call, now);
    return true;
  }
  if (call.order.kind == WireOrder::Kind::kOneWay && same > 0) return false;  // they keep their order
  if (links_.size() >= limits::kDriverLinksMax) {
    const auto idle = std::ranges::find_if(links_, [](const auto& entry) { return entry.second.user == 0; });
    if (idle == links_.end()) return false;
    give_up_link(out, idle->first, now);
  }
  open_link(out, id, call, now);
  return true;
}

void WireSession::open_link(WireActions& out, WireCall id, Call& call, Instant now) {
  const LinkNo number = next_link_++;
  const WireEncoding encoding = encoding_of(call.order);
  links_.emplace(number, Link{.group = group_of(call.order),
                              .saddr = call.order.saddr,
                              .token = {},
                              .encoding = encoding,
                              .user = id});
  call.link = number;
  Owed owed{.request = {.verb = WireVerb::kOpen,
                        .saddr = call.order.saddr,
                        .params = call.order.params,
                        .encoding = encoding},
            .call = id,
            .link = number};
  if (!ask(out, std::move(owed), now)) links_.erase(number);
}

void WireSession::begin(WireActions& out, WireCall id, Call& call, Instant now) {
  const LinkNo number = call.link;
  Link& link = links_.at(number);
  Owed owed{.request = {.verb = WireVerb::kTx,
                        .link = link.token,
                        .payload = std::move(call.order.payload),
                        .encoding = link.encoding},
            .call = id,
            .link = number};
  ask(out, std::move(owed), now);  // refused: refuse() has freed the link
}

void WireSession::ask_rx(WireActions& out, WireCall id, Call& call, Instant now) {
  const Link& link = links_.at(call.link);
  const std::int64_t left = std::max<std::int64_t>(0, (call.order.deadline - now).value / 1'000'000);
  const std::int64_t wait = hello_.order == WireResult::Order::kAnyOrder ? std::min(left, kRxWaitMs) : 0;
  const LinkNo number = call.link;
  call.rx_again.reset();
  const bool asked = ask(
      out,
      {.request = {.verb = WireVerb::kRx, .link = link.token, .timeout_ms = wait, .encoding = link.encoding},
       .call = id,
       .link = number},
      now);
  if (!asked) give_up_link(out, number, now);  // an answer waits on it that is nobody else's
}

WireActions WireSession::on_line(std::string_view line, Instant now) {
  WireActions out;
  if (phase_ == Phase::kOver) return out;
  heard_ = now;
  WireMessage message = wire_->decode(line);
  if (message.kind == WireMessage::Kind::kJunk) {
    ++counters_.junk_lines;
    return out;
  }
  if (message.kind == WireMessage::Kind::kEvent) {
    on_event(out, std::move(message));
    return out;
  }
  const auto at = owed_.find(message.id);
  if (at == owed_.end()) {
    ++counters_.unknown_replies;
    return out;
  }
  if (at != owed_.begin() && hello_.order == WireResult::Order::kInOrder) ++counters_.out_of_order;
  Owed owed = std::move(at->second);
  owed_.erase(at);
  if (owed.call == 0 && owed.request.verb != WireVerb::kHello && owed.request.verb != WireVerb::kClose) {
    ++counters_.late_replies;
  }
  if (message.kind == WireMessage::Kind::kError) {
    on_error(out, owed, message.error, now);
  } else if (auto result = wire_->result(owed.request, message)) {
    on_result(out, owed, std::move(*result), now);
  } else {
    ++counters_.junk_lines;
    if (owed.request.verb == WireVerb::kHello) {
      fail(out, std::move(result).error());
    } else if (owed.call != 0) {
      give_up_link(out, owed.link, now);  // whether its answer is still to come, nobody knows
      refuse(out, owed.call, std::move(result).error());
    }
  }
  pump(out, now);
  return out;
}

void WireSession::on_result(WireActions& out, Owed& owed, WireResult result, Instant now) {
  const auto at = calls_.find(owed.call);
  const bool waited_for = at != calls_.end();
  switch (owed.request.verb) {
    case WireVerb::kHello:
      return on_hello(out, std::move(result));
    case WireVerb::kOpen:
      if (!waited_for) {  // given up meanwhile: the link exists at the driver all the same
        ask(out, {.request = {.verb = WireVerb::kClose, .link = std::move(result.link)}}, now);
        return;
      }
      links_.at(owed.link).token = std::move(result.link);
      if (at->second.order.kind == WireOrder::Kind::kPrepare) return answer(out, owed.call, {});
      return begin(out, owed.call, at->second, now);
    case WireVerb::kTx:
      if (!waited_for) return;
      if (at->second.order.kind == WireOrder::Kind::kOneWay) return answer(out, owed.call, {});
      return ask_rx(out, owed.call, at->second, now);
    case WireVerb::kRx:
      if (waited_for) answer(out, owed.call, std::move(result.payload));
      return;
    case WireVerb::kProbe:
    case WireVerb::kHealth:
    case WireVerb::kClose:
    case WireVerb::kBye:
      return;
  }
}

void WireSession::on_error(WireActions& out, const Owed& owed, const WireError& error, Instant now) {
  if (owed.request.verb == WireVerb::kHello) {
    return fail(out, error_of(error, WireVerb::kHello, name_));
  }
  const auto at = calls_.find(owed.call);
  if (at == calls_.end()) return;
  Call& call = at->second;
  if (owed.request.verb == WireVerb::kRx && error.kind == WireError::Kind::kEmpty) {
    call.rx_again = now + call.pause;
    call.pause = std::min(Nanos{call.pause.value * 2}, kLongestPause);
    return;
  }
  if (owed.request.verb == WireVerb::kOpen || error.kind == WireError::Kind::kNoLink) {
    links_.erase(owed.link);  // the driver has no such link: nothing to close
  } else if (owed.request.verb == WireVerb::kRx && error.kind == WireError::Kind::kBusy) {
    give_up_link(out, owed.link, now);  // the answer is still to come
  }
  refuse(out, owed.call, error_of(error, owed.request.verb, name_));
}

void WireSession::on_hello(WireActions& out, WireResult hello) {
  if (hello.version != kDriverProtocolVersion) {
    return fail(out, {Code::kDriverProtocol,
                      fmt::format("driver `{}` speaks version {}; RTT speaks {}", name_, hello.version,
                                  kDriverProtocolVersion),
                      {},
                      {},
                      {}});
  }
  for (const std::string_view needed : kNeeded) {
    if (std::ranges::find(hello.methods, needed) != hello.methods.end()) continue;
    return fail(
        out,
        {Code::kDriverProtocol, fmt::format("driver `{}` does not offer {}", name_, needed), {}, {}, {}});
  }
  hello_ = std::move(hello);
  phase_ = Phase::kReady;
  out.push_back(wire_act::Ready{});
}

void WireSession::on_event(WireActions& out, WireMessage message) {
  const auto link = std::ranges::find_if(links_, [&](const auto& entry) {
    return !entry.second.token.empty() && entry.second.token == message.link;
  });
  std::optional<Bytes> decoded;
  const bool coded =
      message.spelt_as_link && link != links_.end() && link->second.encoding == WireEncoding::kBase64;
  if (coded) decoded = from_base64(message.payload);
  if (link == links_.end() || hello_.push == WireResult::Push::kNo || (coded && !decoded)) {
    ++counters_.junk_lines;
    return;
  }
  ++counters_.events;
  out.push_back(wire_act::Event{link->second.saddr,
                                coded ? std::string(as_text(*decoded)) : std::move(message.payload)});
}

void WireSession::answer(WireActions& out, WireCall id, std::string payload) {
  const auto at = calls_.find(id);
  if (const auto link = links_.find(at->second.link); link != links_.end()) link->second.user = 0;
  calls_.erase(at);
  out.push_back(wire_act::Answered{id, std::move(payload)});
}

void WireSession::refuse(WireActions& out, WireCall id, Error why) {
  const auto at = calls_.find(id);
  if (at == calls_.end()) return;
  if (const auto link = links_.find(at->second.link); link != links_.end()) link->second.user = 0;
  calls_.erase(at);
  std::erase(waiting_, id);
  ++counters_.failures;
  out.push_back(wire_act::Refused{id, std::move(why)});
}

// Forgets a link and what is owed on it; the driver is told where it knows the link.
void WireSession::give_up_link(WireActions& out, LinkNo number, Instant now) {
  const auto at = links_.find(number);
  if (at == links_.end()) return;
  const Link link = std::move(at->second);
  links_.erase(at);
  for (auto& [id, owed] : owed_) {
    if (owed.link == number) owed.call = 0;
  }
  if (!link.token.empty()) {
    ask(out, {.request = {.verb = WireVerb::kClose, .link = link.token}}, now);
  }
}

WireActions WireSession::cancel(WireCall id, Instant now) {
  WireActions out;
  const auto at = calls_.find(id);
  if (at == calls_.end()) return out;
  give_up_link(out, at->second.link, now);
  refuse(out, id, {Code::kCancelled, "the caller withdrew the call", {}, {}, {}});
  pump(out, now);
  return out;
}

WireActions WireSession::on_overlong(Instant now) {
  WireActions out;
  ++counters_.overlong_lines;
  heard_ = now;
  // Which call it would have answered cannot be known; of a driver that answers in order it is the oldest.
  if (owed_.empty() || hello_.order == WireResult::Order::kAnyOrder) return out;
  const Owed owed = std::move(owed_.begin()->second);
  owed_.erase(owed_.begin());
  if (owed.call == 0) return out;
  give_up_link(out, owed.link, now);
  refuse(out, owed.call,
         {Code::kTooLarge,
          fmt::format("driver `{}` answered with a line over {} bytes", name_, limits::kDriverLineBytesMax),
          {},
          {},
          {}});
  pump(out, now);
  return out;
}

// It owes answers that nobody waits for any more, and has said nothing at all for too long.
bool WireSession::stuck(Instant now) const {
  const Nanos limit = nanos_from_ms(limits::kDriverSilentMs);
  return now - heard_ >= limit && std::ranges::any_of(owed_, [&](const auto& entry) {
           return entry.second.call == 0 && now - entry.second.sent >= limit;
         });
}

WireActions WireSession::on_tick(Instant now) {
  WireActions out;
  if (phase_ == Phase::kHello && now - heard_ >= nanos_from_ms(limits::kDriverHelloMs)) {
    fail(out,
         {Code::kDriverStart,
          fmt::format("driver `{}` did not answer hello within {} s", name_, limits::kDriverHelloMs / 1000),
          {},
          "rtt driver test FOLDER",
          {}});
    return out;
  }
  if (phase_ == Phase::kReady && stuck(now)) {
    fail(out,
         {Code::kDriverProtocol, fmt::format("driver `{}` does not answer any more", name_), {}, {}, {}});
    return out;
  }
  std::vector<WireCall> late, again;
  for (const auto& [id, call] : calls_) {
    if (call.order.deadline <= now) {
      late.push_back(id);
    } else if (call.rx_again && *call.rx_again <= now) {
      again.push_back(id);
    }
  }
  for (const WireCall id : late) {
    give_up_link(out, calls_.at(id).link, now);
    refuse(out, id, {Code::kDeadline, fmt::format("driver `{}` did not answer in time", name_), {}, {}, {}});
  }
  for (const WireCall id : again) {
    if (const auto at = calls_.find(id); at != calls_.end()) ask_rx(out, id, at->second, now);
  }
  pump(out, now);
  return out;
}

std::optional<Instant> WireSession::next_deadline() const {
  std::optional<Instant> next;
  const auto take = [&next](Instant at) { next = next ? std::min(*next, at) : at; };
  if (phase_ == Phase::kHello) take(heard_ + nanos_from_ms(limits::kDriverHelloMs));
  for (const auto& [id, call] : calls_) {
    take(call.order.deadline);
    if (call.rx_again) take(*call.rx_again);
  }
  const Nanos silent = nanos_from_ms(limits::kDriverSilentMs);
  for (const auto& [id, owed] : owed_) {
    if (phase_ == Phase::kReady && owed.call == 0) take(std::max(heard_, owed.sent) + silent);
  }
  return next;
}

void WireSession::fail(WireActions& out, Error why) {
  phase_ = Phase::kOver;
  for (WireAction& refused : on_closed(why)) out.push_back(std::move(refused));
  out.push_back(wire_act::Failed{std::move(why)});
}

WireActions WireSession::on_closed(const Error& why) {
  WireActions out;
  phase_ = Phase::kOver;
  while (!calls_.empty()) refuse(out, calls_.begin()->first, why);
  owed_.clear();
  links_.clear();
  waiting_.clear();
  return out;
}

WireActions WireSession::bye() {
  WireActions out;
  auto line = wire_->encode(next_id_++, {.verb = WireVerb::kBye});
  if (line && !line->empty()) out.push_back(wire_act::Send{std::move(*line)});
  return out;
}

}  // namespace rtt::drivers
