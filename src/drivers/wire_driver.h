// SPDX-License-Identifier: Apache-2.0
// WireDriver: a connector of one's own, in any language, as a Driver (docs/formats/driver.md).
//
// The session (wire_session.h) speaks, the child (wire_child.h) carries, the supervisor restarts; this file
// only ties them. What is run is asked for (`load`) at each start and each prepare, so a driver.json whose
// signature does not count starts nothing, and a new signed one takes a new child at the next prepare. Calls
// under way when the child dies fail as kLost and are never sent again; calls that come while it is restarted
// wait for it.
//
// A native connector is a program that attaches to the panel by itself, as the symbols it is told. It is
// started, restarted and counted like any other, but there is no session: nothing is called through here.
//
// Owns: the child, the calls.   Thread: the loop's.
// Fails: prepare and call as driver.h says; kDriverStart while tripped (a prepare or a minute heals it).
// Limits: kDriverCallsMax calls, kDriverRestartsMax restarts a minute.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "drivers/driver.h"
#include "drivers/supervisor.h"
#include "drivers/wire_child.h"
#include "drivers/wire_session.h"
#include "os/loop.h"

namespace rtt::drivers {

class WireDriver : public Driver {
 public:
  struct Options {
    std::string name;
    std::string workspace_root;
    std::string folder;  // of driver.json
    std::function<Result<model::Connector>()> load;
    std::function<std::vector<std::string>()> symbols{};  // definitions in force that are served by it
  };
  WireDriver(os::Loop& loop, Options options);
  ~WireDriver() override;

  void prepare(const model::Contract& provider, OnDone done) override;
  CallId call(CallRequest request, OnReply reply) override;
  void cancel(CallId call) override;
  void publish(CallRequest message, OnDone done) override;
  [[nodiscard]] bool lanes_end_here() const override { return !native_; }
  void listen(DriverListener listener) override;
  [[nodiscard]] text::Json health() const override;
  Result<text::Json> control(std::string_view verb, const text::Json& args) override;
  void stop(OnDone done) override;

 private:
  struct Queued {
    WireCall id = 0;
    WireOrder order;
  };
  [[nodiscard]] Status fits(const model::Contract& provider, const model::Connector& connector) const;
  CallId submit(Result<WireOrder> order, OnReply reply);
  [[nodiscard]] Result<WireOrder> order_of(CallRequest request, WireOrder::Kind kind) const;
  void prepare_native(const std::string& symbol, OnDone done);
  void finish_starting(const Status& status);
  Status start_native(const model::Connector& connector);
  [[nodiscard]] Error tripped() const;
  Status want();
  void submit_queued();
  void refuse_queued(const Error& why);
  void feed(HostEvent event);
  void spawn();
  void perform(WireActions actions);
  void lose(Error why);
  void arm();
  void finish(WireCall id, Result<CallReply> reply);
  void changed();
  void end_child();

  os::Loop& loop_;
  Options options_;
  DriverListener listener_;
  Supervisor supervisor_;
  std::optional<model::Connector> connector_;  // the child's
  std::optional<WireSession> session_;
  std::unique_ptr<WireChild> child_;
  WireCounters before_;  // of sessions that ended
  CallId next_ = 1;
  std::map<WireCall, OnReply> replies_;
  std::vector<Queued> queued_;
  bool native_ = false;
  std::vector<std::string> symbols_;  // native: what the child was told that it is
  std::vector<OnDone> starting_;      // native: prepares that wait for the child
  std::string last_error_;
  Instant tripped_at_{};
  os::Loop::TimerId timer_ = 0, supervisor_timer_ = 0, stop_timer_ = 0;
  OnDone stopped_;
  bool stopping_ = false;
};

}  // namespace rtt::drivers
