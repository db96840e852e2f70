// SPDX-License-Identifier: Apache-2.0
// WireSession: RTT as the user of one json or line driver, as a step machine.
//
// Lines, calls, cancellations, the clock and the child's end are events; what to write and whom to tell are
// returned actions. A call has a link to itself while it lasts (tx, then rx until the answer is there), so
// answers cannot be taken for one another; links are opened as calls need them and kept. A call that is given
// up gives its link up with it: the link is closed, and what still comes on it is counted and dropped.
// Nothing a driver prints can hold anybody else up: junk, doubled, late and unknown answers are counted, and
// a driver that owes answers nobody waits for and says nothing for kDriverSilentMs is given up.
//
// One-way messages of a symbol use one link of their own, in order. A message pushed by the driver (evt) is
// handed on with the address its link was opened for.
//
// Owns: calls and links under way.   Thread: one (pure).
// Fails: Failed{kDriverStart|kDriverProtocol} ends the session; a call ends with one Answered or Refused:
// kDriverFailed, kDriverProtocol, kDeadline, kCancelled, kBusy, kLost, kTooLarge.
// Limits: kDriverCallsMax, kDriverLinksMax, kDriverOwedMax, kDriverHelloMs, kDriverSilentMs.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/units.h"
#include "drivers/wire.h"

namespace rtt::drivers {

using WireCall = std::uint64_t;  // chosen by the caller

struct WireOrder {
  enum class Kind : std::uint8_t { kPrepare, kCall, kOneWay } kind = Kind::kCall;
  std::string saddr;
  text::Json params;  // of the contract; `enc: "b64"` opens the link with base64 where the wire has a choice
  std::string payload;
  Instant deadline{};
};

namespace wire_act {
struct Send {  // write this line, its end included
  std::string line;
};
struct Ready {};   // the driver said hello
struct Answered {  // payload is empty for kPrepare and kOneWay
  WireCall call = 0;
  std::string payload;
};
struct Refused {
  WireCall call = 0;
  Error why;
};
struct Event {
  std::string saddr, payload;
};
struct Failed {  // the session is over: end the child
  Error why;
};
}  // namespace wire_act
using WireAction = std::variant<wire_act::Send, wire_act::Ready, wire_act::Answered, wire_act::Refused,
                                wire_act::Event, wire_act::Failed>;
using WireActions = std::vector<WireAction>;

struct WireCounters {
  std::uint64_t calls = 0, failures = 0, events = 0;
  std::uint64_t junk_lines = 0, overlong_lines = 0;
  std::uint64_t unknown_replies = 0;  // doubled, or never asked for
  std::uint64_t late_replies = 0;     // to what was given up meanwhile
  std::uint64_t out_of_order = 0;     // of a driver that did not say async
};

class WireSession {
 public:
  enum class Phase : std::uint8_t { kNew, kHello, kReady, kOver };

  WireSession(std::string name, model::DriverWire wire);

  WireActions start(Instant now);
  WireActions on_line(std::string_view line, Instant now);
  WireActions on_overlong(Instant now);
  WireActions on_tick(Instant now);
  WireActions on_closed(const Error& why);  // every call fails with `why`

  // Before the driver is ready, it waits. REQUIRES: `call` is new.
  WireActions submit(WireCall call, WireOrder order, Instant now);
  WireActions cancel(WireCall call, Instant now);  // unknown: nothing
  WireActions bye();                               // asks the driver to end

  [[nodiscard]] Phase phase() const { return phase_; }
  [[nodiscard]] const WireResult& hello() const { return hello_; }
  [[nodiscard]] const WireCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t calls() const { return calls_.size(); }
  [[nodiscard]] std::size_t links() const { return links_.size(); }
  [[nodiscard]] std::optional<Instant> next_deadline() const;

 private:
  using LinkNo = std::uint64_t;
  struct Link {
    std::string group, saddr;  // group: which calls may use it
    std::string token;         // empty while it is being opened
    WireEncoding encoding = WireEncoding::kText;
    WireCall user = 0;  // 0 = idle
  };
  struct Call {
    WireOrder order;
    LinkNo link = 0;  // 0 = waits for one
    std::optional<Instant> rx_again;
    Nanos pause{};
  };
  struct Owed {  // a reply the driver owes
    WireRequest request;
    WireCall call = 0;  // 0 = nobody waits for it
    LinkNo link = 0;
    Instant sent{};
  };

  bool ask(WireActions& out, Owed owed, Instant now);
  void pump(WireActions& out, Instant now);
  bool place(WireActions& out, WireCall id, Call& call, Instant now);
  void open_link(WireActions& out, WireCall id, Call& call, Instant now);
  void begin(WireActions& out, WireCall id, Call& call, Instant now);
  void ask_rx(WireActions& out, WireCall id, Call& call, Instant now);
  void on_result(WireActions& out, Owed& owed, WireResult result, Instant now);
  void on_error(WireActions& out, const Owed& owed, const WireError& error, Instant now);
  void on_hello(WireActions& out, WireResult hello);
  void on_event(WireActions& out, WireMessage message);
  void answer(WireActions& out, WireCall id, std::string payload);
  void refuse(WireActions& out, WireCall id, Error why);
  void give_up_link(WireActions& out, LinkNo link, Instant now);
  void fail(WireActions& out, Error why);
  [[nodiscard]] bool stuck(Instant now) const;

  std::string name_;
  std::unique_ptr<Wire> wire_;
  Phase phase_ = Phase::kNew;
  WireId next_id_ = 1;
  LinkNo next_link_ = 1;
  Instant heard_{};
  std::map<WireId, Owed> owed_;
  std::map<LinkNo, Link> links_;
  std::map<WireCall, Call> calls_;
  std::deque<WireCall> waiting_;
  WireResult hello_;
  WireCounters counters_;
};

}  // namespace rtt::drivers
