// SPDX-License-Identifier: Apache-2.0
// Driver: what a connector does for its routes, inside a driver host process.
//
// The host (host.h) owns the connection to the panel and the lanes; a Driver only turns one request into one
// reply. It knows nothing of frames, plans or the panel's life: when the panel dies, its calls go on.
// Everything is asynchronous on the host's one loop: callbacks run later on that loop, exactly once.
//
// Three ways to carry bytes, one for each class of route: call() for req, publish() towards a bus, queue or
// stream, and events from the driver for whoever listens.
//
// Owns: its children and their pipes.   Thread: the host's loop.
// Fails: prepare: kDriverStart, kServerStart, kDrift, kUnknownTool…; call: kDeadline, kCancelled,
// kServerGone, kToolFailed, kBusy….   Limits: kMcpInFlightMax calls under way.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/units.h"
#include "model/contract.h"
#include "text/json.h"

namespace rtt::drivers {

struct CallRequest {
  model::Contract provider;  // as pinned by the route or snapshot
  std::string consumer;      // address of who calls
  std::string payload;       // the request's bytes: for a tool its arguments, one JSON object
  Instant deadline;
  std::uint32_t route = 0;  // 0: none was planned
};
struct CallReply {
  std::string payload;  // for a tool the whole CallToolResult
  enum class Kind : std::uint8_t { kResult, kToolError } kind = Kind::kResult;
};
using CallId = std::uint64_t;

// What a driver says unasked.
struct DriverEvent {
  std::string saddr;    // whose link it came on
  std::string payload;  // one message
};
struct DriverListener {
  std::function<void(const DriverEvent&)> on_event;
  std::function<void()> on_change;  // a child started, ended or was given up: health() is new
};

class Driver {
 public:
  using OnDone = std::function<void(Status)>;
  using OnReply = std::function<void(Result<CallReply>)>;

  virtual ~Driver() = default;
  // Starts what serving `provider` takes and checks that it is what was pinned. Repeating it is harmless.
  virtual void prepare(const model::Contract& provider, OnDone done) = 0;
  virtual CallId call(CallRequest request, OnReply reply) = 0;
  virtual void cancel(CallId call) = 0;  // the reply is then kCancelled; unknown ids: nothing
  // One message to the provider without a reply, as bus and queue routes and streams carry them; messages to
  // one provider keep their order. `done` says that the driver took it, or why not. A driver that takes none
  // says so at once (the one callback that may run before the call returns).
  virtual void publish(CallRequest message, OnDone done) {
    const CallRequest refused = std::move(message);
    const OnDone told = std::move(done);
    told(fail(Code::kDriverFailed, "this driver takes no one-way messages",
              model::identity(refused.provider.saddr)));
  }
  // False: its programs are endpoints of their own, so no lane of a route ends at the host.
  [[nodiscard]] virtual bool lanes_end_here() const { return true; }
  // Who hears events and changes from now on; both functions are set. A driver without any never calls.
  virtual void listen(DriverListener listener) { const DriverListener unused = std::move(listener); }
  [[nodiscard]] virtual text::Json health() const = 0;
  // Other verbs of the control connection that concern this driver ("mcp.restart", "mcp.logs", …).
  virtual Result<text::Json> control(std::string_view verb, const text::Json& args) = 0;
  virtual void stop(OnDone done) = 0;  // ends children; afterwards only destruction
};

}  // namespace rtt::drivers
