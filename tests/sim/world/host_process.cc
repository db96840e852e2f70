// SPDX-License-Identifier: Apache-2.0
#include "host_process.h"

#include <utility>

namespace rtt::sim {

Answerer::~Answerer() {
  for (const os::Loop::TimerId timer : timers_) loop_.cancel(timer);
}

// Never in the turn in which it was asked: a driver with a child of its own cannot either.
void Answerer::later(std::function<void()> what) {
  const auto timer = std::make_shared<os::Loop::TimerId>();
  *timer = loop_.after(nanos_from_ms(1), [this, timer, what = std::move(what)] {
    timers_.erase(*timer);
    what();
  });
  timers_.insert(*timer);
}

void Answerer::prepare(const model::Contract& /*provider*/, OnDone done) {
  later([done = std::move(done)] { done({}); });
}

drivers::CallId Answerer::call(drivers::CallRequest request, OnReply reply) {
  const drivers::CallId id = ++last_call_;
  under_way_[id] = std::move(reply);
  later([this, id, text = "host " + request.payload] {
    const auto call = under_way_.extract(id);
    if (call) call.mapped()(drivers::CallReply{.payload = text});
  });
  return id;
}

void Answerer::cancel(drivers::CallId id) {
  const auto call = under_way_.extract(id);
  if (call) later([reply = call.mapped()] { reply(fail(Code::kCancelled, "withdrawn")); });
}

text::Json Answerer::health() const {
  return text::Json::object(
      {{"drivers", text::Json::array({text::Json::object(
                       {{"pid", 1}, {"state", nature_.time < ill_until ? "tripped" : "ready"}})})}});
}

Result<text::Json> Answerer::control(std::string_view verb, const text::Json& /*args*/) {
  return fail(Code::kUnknownVerb, std::string(verb));
}

void Answerer::stop(OnDone done) { done({}); }

HostProcess::HostProcess(Nature& the_nature, const Stage& stage, const Birth& birth)
    : Process(the_nature, "host", birth.pid), instance(birth.instance) {
  nature.running = pid;
  auto taken = panel::ProcessLock::take(stage.workspace.sockets(), "host-" + instance);
  if (!taken) return;
  lock = std::move(*taken);
  driver = std::make_unique<Answerer>(*loop, nature);
  auto started =
      drivers::Host::start(*loop, {.instance = instance, .sockets_dir = stage.door(name)}, *driver);
  if (started) host = std::move(*started);
}

HostProcess::~HostProcess() {
  host.reset();
  driver.reset();
  end_loop();
}

}  // namespace rtt::sim
