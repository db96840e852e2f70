// SPDX-License-Identifier: Apache-2.0
#include "drivers/wire_driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "drivers/params_check.h"
#include "model/limits.h"
#include "os/clock.h"
#include "os/terminal.h"

namespace rtt::drivers {
namespace {

constexpr Nanos kLeaveGrace = nanos_from_ms(1000);  // from closing its input to killing it

void add(WireCounters& sum, const WireCounters& more) {
  for (const auto field :
       {&WireCounters::calls, &WireCounters::failures, &WireCounters::events, &WireCounters::junk_lines,
        &WireCounters::overlong_lines, &WireCounters::unknown_replies, &WireCounters::late_replies,
        &WireCounters::out_of_order}) {
    sum.*field += more.*field;
  }
}

template <typename... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <typename... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

}  // namespace

WireDriver::WireDriver(os::Loop& loop, Options options) : loop_(loop), options_(std::move(options)) {
  const auto connector = options_.load();
  native_ = connector && connector->wire == model::DriverWire::kNative;
}

WireDriver::~WireDriver() {
  for (const auto timer : {timer_, supervisor_timer_, stop_timer_}) loop_.cancel(timer);
}

void WireDriver::listen(DriverListener listener) { listener_ = std::move(listener); }

void WireDriver::changed() {
  if (listener_.on_change) listener_.on_change();
}

Status WireDriver::fits(const model::Contract& provider, const model::Connector& connector) const {
  const std::string address = model::identity(provider.saddr);
  if (!provider.driver || provider.driver->use != options_.name) {
    return fail(Code::kDriverStart, fmt::format("the contract does not name driver `{}`", options_.name),
                address);
  }
  const std::string_view type = model::to_string(provider.saddr.type);
  if (!connector.types.empty() && std::ranges::find(connector.types, type) == connector.types.end()) {
    return fail(Code::kDriverStart,
                fmt::format("driver `{}` serves no symbols of type {}", options_.name, type), address,
                "add the type to " + model::connector_path(options_.name));
  }
  if (Status checked = check_params(provider.driver->params, connector.params); !checked) {
    return std::unexpected(std::move(checked).error().at(address));
  }
  return {};
}

void WireDriver::prepare(const model::Contract& provider, OnDone done) {
  auto connector = options_.load();
  Status fit = connector ? fits(provider, *connector) : Status(std::unexpected(connector.error()));
  if (!fit) {
    loop_.post([done = std::move(done), fit = std::move(fit)]() mutable { done(std::move(fit)); });
    return;
  }
  if (connector_ && !connector_->same_program(*connector)) {
    lose({Code::kLost, fmt::format("driver `{}` was replaced by a new one", options_.name), {}, {}, {}});
  }
  native_ = connector->wire == model::DriverWire::kNative;
  if (native_) return prepare_native(model::identity(provider.saddr), std::move(done));
  if (supervisor_.state() == HostState::kTripped) feed(HostEvent::kHealed);
  WireOrder order{.kind = WireOrder::Kind::kPrepare,
                  .saddr = model::identity(provider.saddr),
                  .params = provider.driver->params,
                  .payload = {},
                  .deadline = os::now() + nanos_from_ms(limits::kServerStartMs)};
  submit(std::move(order), [done = std::move(done)](const Result<CallReply>& reply) {
    done(reply ? Status() : std::unexpected(reply.error()));
  });
}

// Done when the program runs; the route waits until it has attached.
void WireDriver::prepare_native(const std::string& symbol, OnDone done) {
  const auto knows = [&](const std::vector<std::string>& list) {
    return std::ranges::find(list, symbol) != list.end();
  };
  if (child_ && !knows(symbols_) && options_.symbols && knows(options_.symbols()))
    lose({Code::kLost, fmt::format("driver `{}` serves more symbols now", options_.name), {}, {}, {}});
  starting_.push_back(std::move(done));
  if (supervisor_.state() == HostState::kTripped) feed(HostEvent::kHealed);
  const Status wanted = stopping_ ? Status(fail(Code::kCancelled, "the driver stops")) : want();
  if (child_ || !wanted) loop_.post([this, wanted] { finish_starting(wanted); });
}

void WireDriver::finish_starting(const Status& status) {
  for (const OnDone& done : std::exchange(starting_, {})) done(status);
}

Status WireDriver::start_native(const model::Connector& connector) {
  symbols_ = options_.symbols ? options_.symbols() : std::vector<std::string>();
  // What it prints is for people, up to a size.
  RTT_TRY_SET(
      child_,
      WireChild::start(loop_, native_options(connector, options_.folder, options_.workspace_root, symbols_),
                       {.on_line =
                            [left = limits::kServerLogBytesMax](std::string_view line) mutable {
                              if (line.size() < left) os::write_err(fmt::format("{}\n", line));
                              left -= std::min(left, line.size() + 1);
                            },
                        .on_overlong = [] {},
                        .on_stderr = [](std::string_view text) { os::write_err(std::string(text)); },
                        .on_ended = [this](const Error& why) { lose(why); }}));
  loop_.post([this] {
    if (!child_) return;
    feed(HostEvent::kAttached);  // there is no hello to wait for
    finish_starting({});
  });
  return {};
}

Result<WireOrder> WireDriver::order_of(CallRequest request, WireOrder::Kind kind) const {
  if (!request.provider.driver || request.provider.driver->use != options_.name) {
    return fail(Code::kDriverStart, fmt::format("the contract does not name driver `{}`", options_.name),
                model::identity(request.provider.saddr));
  }
  return WireOrder{.kind = kind,
                   .saddr = model::identity(request.provider.saddr),
                   .params = std::move(request.provider.driver->params),
                   .payload = std::move(request.payload),
                   .deadline = request.deadline};
}

CallId WireDriver::call(CallRequest request, OnReply reply) {
  return submit(order_of(std::move(request), WireOrder::Kind::kCall), std::move(reply));
}

void WireDriver::publish(CallRequest message, OnDone done) {
  submit(order_of(std::move(message), WireOrder::Kind::kOneWay),
         [done = std::move(done)](const Result<CallReply>& reply) {
           done(reply ? Status() : std::unexpected(reply.error()));
         });
}

Error WireDriver::tripped() const {
  return {Code::kDriverStart,
          fmt::format("driver `{}` does not stay up: {}", options_.name, last_error_),
          model::connector_path(options_.name),
          "rtt driver test .rtt/drivers/" + options_.name,
          {}};
}

// Sees to it that a child runs or is on its way.
Status WireDriver::want() {
  if (supervisor_.state() == HostState::kTripped) {
    if (os::now() - tripped_at_ < nanos_from_ms(limits::kDriverRestartWindowMs)) {
      return std::unexpected(tripped());
    }
    feed(HostEvent::kHealed);
  }
  if (supervisor_.state() != HostState::kStopped) return {};
  if (auto connector = options_.load(); !connector) return std::unexpected(std::move(connector).error());
  feed(HostEvent::kWanted);
  return {};
}

CallId WireDriver::submit(Result<WireOrder> order, OnReply reply) {
  const CallId id = next_++;
  Status wanted = order ? Status() : std::unexpected(order.error());
  if (wanted && stopping_) wanted = fail(Code::kCancelled, "the driver stops");
  if (wanted) wanted = want();
  if (wanted && queued_.size() >= limits::kDriverCallsMax) {
    wanted = fail(Code::kBusy, fmt::format("{} calls wait for driver `{}`", queued_.size(), options_.name));
  }
  replies_.emplace(id, std::move(reply));
  if (!wanted) {
    loop_.post([this, id, why = std::move(wanted).error()]() mutable {
      finish(id, std::unexpected(std::move(why)));
    });
    return id;
  }
  // Later, on the loop: a reply never comes before its id was returned.
  queued_.push_back({id, std::move(*order)});
  loop_.post([this] { submit_queued(); });
  return id;
}

void WireDriver::submit_queued() {
  if (native_)
    return refuse_queued({Code::kNoProvider,
                          fmt::format("driver `{}` is native: it is reached through routes", options_.name),
                          model::connector_path(options_.name),
                          "rtt plan",
                          {}});
  while (session_ && !queued_.empty()) {
    Queued one = std::move(queued_.front());
    queued_.erase(queued_.begin());
    perform(session_->submit(one.id, std::move(one.order), os::now()));
  }
}

void WireDriver::cancel(CallId call) {
  if (session_) perform(session_->cancel(call, os::now()));
  std::erase_if(queued_, [call](const Queued& one) { return one.id == call; });
  finish(call, fail(Code::kCancelled, "the caller withdrew the call"));
}

void WireDriver::finish(WireCall id, Result<CallReply> reply) {
  const auto at = replies_.find(id);
  if (at == replies_.end()) return;
  const OnReply done = std::move(at->second);
  replies_.erase(at);
  done(std::move(reply));
}

void WireDriver::refuse_queued(const Error& why) {
  for (const Queued& one : std::exchange(queued_, {})) finish(one.id, std::unexpected(why));
}

void WireDriver::feed(HostEvent event) {
  for (const HostStep& step : supervisor_.step(event, os::now())) {
    switch (step.action) {
      case HostAction::kSpawn:
        spawn();
        break;
      case HostAction::kSetTimer:
        loop_.cancel(supervisor_timer_);
        supervisor_timer_ = loop_.after(step.delay, [this] {
          supervisor_timer_ = 0;
          feed(HostEvent::kTimer);
        });
        break;
      case HostAction::kReportTripped:
        tripped_at_ = os::now();
        refuse_queued(tripped());
        finish_starting(std::unexpected(tripped()));
        break;
    }
  }
  changed();
}

void WireDriver::spawn() {
  end_child();
  const auto failed = [this](const Error& why) {
    last_error_ = why.message;
    os::write_err(fmt::format("driver {}: {}\n", options_.name, why.message));
    loop_.post([this] { feed(HostEvent::kStartFailed); });
  };
  auto connector = options_.load();
  if (!connector) return failed(connector.error());
  native_ = connector->wire == model::DriverWire::kNative;
  if (native_) {
    if (const Status started = start_native(*connector); !started) return failed(started.error());
    connector_ = std::move(*connector);
    return submit_queued();
  }
  auto child = WireChild::start(
      loop_, spawn_options(*connector, options_.folder, options_.workspace_root),
      {.on_line = [this](std::string_view line) { perform(session_->on_line(line, os::now())); },
       .on_overlong = [this] { perform(session_->on_overlong(os::now())); },
       .on_stderr = [](std::string_view text) { os::write_err(std::string(text)); },
       .on_ended = [this](const Error& why) { lose(why); }});
  if (!child) return failed(child.error());
  child_ = std::move(*child);
  connector_ = std::move(*connector);
  session_.emplace(options_.name, connector_->wire);
  perform(session_->start(os::now()));
  submit_queued();
}

void WireDriver::perform(WireActions actions) {
  std::optional<Error> failed;
  for (WireAction& action : actions) {
    std::visit(Overloaded{[&](wire_act::Send& send) {
                            if (!child_) return;
                            if (const Status sent = child_->write(send.line); !sent && !failed)
                              failed = sent.error();
                          },
                          [&](wire_act::Ready&) { feed(HostEvent::kAttached); },
                          [&](wire_act::Answered& answered) {
                            finish(answered.call, CallReply{.payload = std::move(answered.payload)});
                          },
                          [&](wire_act::Refused& refused) {
                            finish(refused.call, std::unexpected(std::move(refused.why)));
                          },
                          [&](wire_act::Event& event) {
                            if (listener_.on_event)
                              listener_.on_event({event.saddr, std::move(event.payload)});
                          },
                          [&](wire_act::Failed& over) { failed = std::move(over.why); }},
               action);
  }
  // A child that closed its input is noticed by its end; one that does not read has its queue full and is
  // given up like one that does not answer.
  if (failed && session_ && failed->code != Code::kLost) return lose(std::move(*failed));
  arm();
}

// The child is gone or given up: its calls fail, and the supervisor decides what comes next.
void WireDriver::lose(Error why) {
  if (!child_) return;
  last_error_ = why.message;
  if (!stopping_) os::write_err(fmt::format("driver {}: {}\n", options_.name, why.message));
  WireActions last = session_ ? session_->on_closed(why) : WireActions();
  end_child();
  perform(std::move(last));
  if (stopping_) {
    if (stopped_) std::exchange(stopped_, nullptr)({});
    return;
  }
  feed(HostEvent::kLost);
}

void WireDriver::end_child() {
  if (session_) add(before_, session_->counters());
  session_.reset();
  child_.reset();
  connector_.reset();
}

void WireDriver::arm() {
  loop_.cancel(timer_);
  timer_ = 0;
  const auto next = session_ ? session_->next_deadline() : std::nullopt;
  if (!next) return;
  timer_ = loop_.after(std::max(Nanos{0}, *next - os::now()), [this] {
    timer_ = 0;
    if (session_) perform(session_->on_tick(os::now()));
  });
}

text::Json WireDriver::health() const {
  WireCounters sum = before_;
  if (session_) add(sum, session_->counters());
  const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  text::Json row = text::Json::object({{"name", options_.name},
                                       {"pid", child_ ? text::Json(child_->pid()) : text::Json()},
                                       {"state", std::string(to_string(supervisor_.state()))},
                                       {"restarts", supervisor_.restarts()},
                                       {"calls", number(sum.calls)},
                                       {"failures", number(sum.failures)},
                                       {"events", number(sum.events)},
                                       {"junk_lines", number(sum.junk_lines)},
                                       {"overlong_lines", number(sum.overlong_lines)},
                                       {"unknown_replies", number(sum.unknown_replies)},
                                       {"late_replies", number(sum.late_replies)},
                                       {"out_of_order", number(sum.out_of_order)}});
  if (!last_error_.empty()) row.set("error", last_error_);
  return text::Json::object(
      {{"drivers", text::Json::array({std::move(row)})}, {"ok", supervisor_.state() != HostState::kTripped}});
}

Result<text::Json> WireDriver::control(std::string_view verb, const text::Json&) {
  return fail(Code::kUnknownVerb, fmt::format("driver `{}` has no `{}`", options_.name, verb));
}

// Its input ends, and it has a moment to end by itself.
void WireDriver::stop(OnDone done) {
  stopping_ = true;
  refuse_queued({Code::kCancelled, "the driver stops", {}, {}, {}});
  loop_.cancel(supervisor_timer_);
  finish_starting(fail(Code::kCancelled, "the driver stops"));
  if (!child_) {
    loop_.post([done = std::move(done)] { done({}); });
    return;
  }
  stopped_ = std::move(done);
  if (session_) perform(session_->bye());
  if (!session_) child_->terminate();
  if (child_) child_->close_input();
  stop_timer_ = loop_.after(kLeaveGrace, [this] {
    stop_timer_ = 0;
    lose({Code::kCancelled, "the driver stops", {}, {}, {}});
  });
}

}  // namespace rtt::drivers
