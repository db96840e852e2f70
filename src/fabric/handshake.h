// SPDX-License-Identifier: Apache-2.0
// Handshake: how an endpoint and the panel bring one lane up and give it up, as two step machines.
//
//     Initiator: idle → offering → opening → binding → wiring → ready ⇄ detached → resuming → ready
//                          └──────── trip: backoff, next attempt (perhaps a weaker lane) … tripped
//     Acceptor:  listening → offered → opening → confirming → ready ⇄ detached
//                          └──────── trip: tripping → tripped; the next SYN starts afresh
//
// Messages may be lost, doubled, overtaken and replayed, and the connection may break at any time; nothing of
// that can leave one end with a lane and the other without. What makes it so: (1) every message names its
// attempt (nonce) and lane (generation), a repeated one gets the same answer again, an older one is refused
// and changes nothing; (2) the side that waits asks again a bounded number of times; (3) whoever tripped
// answers any later word about that attempt with TRIP; (4) whoever gives up without having been heard closes
// the connection, the one message that cannot be lost; (5) a lane outlives its connection: the endpoint comes
// back with READY, and a panel that gave the lane up meanwhile says TRIP. An end that never comes back is
// given up after lease_max. handshake_test.cc enumerates the interleavings.
//
// A lane has two ends and so two handshakes. The panel answers SYN when those of both ends are in, READY asks
// when the BINDs of both are; what ends one attempt ends the other's with the same advice (Withdrawn), so
// that both meet again in the next generation.
//
// The shell performs the actions in order. It keeps the descriptors: of its own pages, to send with every
// BIND of a generation; of a BIND received, until both ends are ready. A send while there is no connection is
// dropped. Each OpenLane and WireLane is answered by LaneOpened or LaneFailed; after a CloseLane that answer
// may come late.
//
// Owns: the offer and the reasons.   Thread: any (a value).   Units: nanoseconds.
// Fails: never; what went wrong is a Tripped with its reason, a NACK naming both sides' sets.
// Limits: HandshakeLimits.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/units.h"
#include "fabric/backoff.h"
#include "fabric/handshake_message.h"

namespace rtt::fabric {

struct HandshakeLimits {
  int repeats_max = 4;   // of one message, before silence counts as no
  int attempts_max = 5;  // in a row, before the endpoint gives up
  Nanos answer_max = nanos_from_ms(500);
  Nanos open_max = nanos_from_ms(5'000);
  Nanos lease_max = nanos_from_ms(600'000);  // of a lane whose connection is gone
  Nanos steady_min = nanos_from_ms(60'000);  // a lane that held this long forgives earlier failures
  BackoffRule backoff{.first = nanos_from_ms(10), .longest = nanos_from_ms(1000), .jitter_percent = 25};
};

// ---- events ----
struct Begin {  // the endpoint wants a lane; its nonce is larger than any it has used for this symbol
  Syn offer;
  std::uint64_t seed = 0;  // of the jitter
};
struct Received {
  HandshakeMessage message;
  Generation fresh;  // acceptor: a generation no lane of the panel has had; unused unless it offers one
};
struct LaneOpened {  // or wired
  Generation generation;
};
struct LaneFailed {  // could not be opened, or broke later
  Generation generation;
  Error reason;
};
struct TimerFired {
  std::uint32_t timer = 0;
};
struct Disconnected {};
struct Connected {};  // again
struct Withdrawn {    // initiator: wants no lane any longer; acceptor: the lane's other end tripped
  Error reason;
  TripAdvice advice = TripAdvice::kTryAgain;
};
using HandshakeEvent =
    std::variant<Begin, Received, LaneOpened, LaneFailed, TimerFired, Disconnected, Connected, Withdrawn>;

// ---- actions ----
struct SendMessage {
  HandshakeMessage message;
};
struct OpenLane {  // initiator: make it; acceptor: wire what BIND brought
  Generation generation;
  model::LaneKind lane = model::LaneKind::kShm;
  LaneParams params;
};
struct WireLane {  // initiator: READY brought the other side of it
  Generation generation;
};
struct AdoptLane {  // acceptor: the endpoint brings a lane that an earlier panel wired
  Generation generation;
  model::LaneKind lane = model::LaneKind::kShm;
};
struct CloseLane {
  Generation generation;
};
struct SetTimer {  // replaces the one before
  std::uint32_t timer = 0;
  Instant deadline;
};
struct LaneReady {
  Generation generation;
  model::LaneKind lane = model::LaneKind::kShm;
  std::vector<std::string> caps;
  std::vector<std::string> fallbacks;  // "shm: memfd_create is not permitted", in the order they failed
};
struct Tripped {  // initiator: for good; acceptor: until the next SYN
  Error reason;
  TripAdvice advice = TripAdvice::kTryAgain;
  bool for_good = false;  // acceptor: no SYN follows: it was refused, or the endpoint gave up
};
struct Disconnect {};
using HandshakeAction = std::variant<SendMessage, OpenLane, WireLane, AdoptLane, CloseLane, SetTimer,
                                     LaneReady, Tripped, Disconnect>;
using HandshakeActions = std::vector<HandshakeAction>;

enum class HandshakeState : std::uint8_t {
  kIdle,  // acceptor: listening
  kOffering,
  kOpening,
  kBinding,
  kWiring,  // initiator: both sides of the lane are here
  kConfirming,
  kReady,
  kDetached,  // ready, without a connection
  kResuming,
  kBackoff,
  kTripping,  // tripped, the other end has not said that it knows
  kTripped,
};
std::string_view to_string(HandshakeState state);
[[nodiscard]] bool has_lane(HandshakeState state);  // ready, detached or resuming
// To a word about an end that no handshake is about: SYN is refused, whoever asks hears TRIP.
[[nodiscard]] std::optional<HandshakeMessage> answer_unknown(const HandshakeMessage& message);

class Initiator {
 public:
  explicit Initiator(HandshakeLimits limits = {}) : limits_(limits) {}
  HandshakeActions step(const HandshakeEvent& event, Instant now);

  [[nodiscard]] HandshakeState state() const { return state_; }
  [[nodiscard]] Nonce nonce() const { return offer_.nonce; }
  [[nodiscard]] Generation generation() const { return generation_; }
  [[nodiscard]] model::LaneKind lane() const { return lane_; }
  [[nodiscard]] std::string describe() const;  // all that decides what it does next

 private:
  HandshakeActions on(const Begin& event, Instant now);
  HandshakeActions on(const Received& event, Instant now);
  HandshakeActions on(const LaneOpened& event, Instant now);
  HandshakeActions on(const LaneFailed& event, Instant now);
  HandshakeActions on(const TimerFired& event, Instant now);
  HandshakeActions on(const Disconnected& event, Instant now);
  HandshakeActions on(const Connected& event, Instant now);
  HandshakeActions on(const Withdrawn& event, Instant now);
  HandshakeActions hear(const Syn& message, Instant now);
  HandshakeActions hear(const Ack& message, Instant now);
  HandshakeActions hear(const Nack& message, Instant now);
  HandshakeActions hear(const Bind& message, Instant now);
  HandshakeActions hear(const Ready& message, Instant now);
  HandshakeActions hear(const Trip& message, Instant now);
  HandshakeActions offer(Instant now);
  HandshakeActions say_again(Instant now);  // the message of this state, with its timer
  HandshakeActions trip(const Trip& why, Instant now);
  HandshakeActions give_up(Instant now);
  void forsake_lane();
  void arm(HandshakeActions& actions, Instant now, Nanos after);

  HandshakeLimits limits_;
  HandshakeState state_ = HandshakeState::kIdle;
  Syn offer_;  // lanes: those not yet failed
  std::uint64_t seed_ = 0;
  Generation generation_;  // of this attempt
  Generation newest_;      // ever offered to us
  model::LaneKind lane_ = model::LaneKind::kShm;
  std::vector<std::string> caps_, fallbacks_;
  Error reason_;  // why the last attempt failed
  int repeats_ = 0, attempts_ = 0;
  bool connected_ = true;
  bool parted_ =
      false;  // the connection broke while the lane was wired: the panel may have tripped meanwhile
  Instant ready_since_;
  std::uint32_t timer_ = 0;
};

class Acceptor {
 public:
  struct Offer {
    std::string saddr;                   // canonical
    std::vector<std::string> caps;       // it may grant; sorted, unique
    Digest contract;                     // signed and in force
    std::vector<model::LaneKind> lanes;  // allowed, best first
    LaneParams params;
  };
  explicit Acceptor(Offer offer, HandshakeLimits limits = {}) : limits_(limits), offer_(std::move(offer)) {}
  // Of the next SYN: what the lane's other end can do as well, and where the lane takes its place.
  void set_terms(std::vector<model::LaneKind> lanes, const LaneParams& params);
  // Why this SYN would be refused; nothing: it is granted.
  [[nodiscard]] std::optional<Error> objection(const Syn& message) const;
  HandshakeActions step(const HandshakeEvent& event, Instant now);

  [[nodiscard]] HandshakeState state() const { return state_; }
  [[nodiscard]] Nonce nonce() const { return syn_.nonce; }
  [[nodiscard]] Generation generation() const { return ack_.generation; }
  [[nodiscard]] model::LaneKind lane() const { return ack_.lane; }
  [[nodiscard]] std::string describe() const;

 private:
  HandshakeActions on(const Begin& event, Instant now);
  HandshakeActions on(const Received& event, Instant now);
  HandshakeActions on(const LaneOpened& event, Instant now);
  HandshakeActions on(const LaneFailed& event, Instant now);
  HandshakeActions on(const TimerFired& event, Instant now);
  HandshakeActions on(const Disconnected& event, Instant now);
  HandshakeActions on(const Connected& event, Instant now);
  HandshakeActions on(const Withdrawn& event, Instant now);
  HandshakeActions hear(const Syn& message, Generation fresh, Instant now);
  HandshakeActions hear_again(const Syn& message);
  HandshakeActions hear(const Bind& message, Instant now);
  HandshakeActions hear(const Ready& message, Instant now);
  HandshakeActions hear(const Trip& message, Instant now);
  HandshakeActions trip(Error reason, TripAdvice advice, Instant now);
  [[nodiscard]] HandshakeActions tripped_answer(Nonce nonce) const;
  void close_lane(HandshakeActions& actions);
  void arm(HandshakeActions& actions, Instant now, Nanos after);

  HandshakeLimits limits_;
  Offer offer_;
  HandshakeState state_ = HandshakeState::kIdle;
  Syn syn_;  // the newest
  Ack ack_;
  std::optional<Error> refusal_;  // syn_ was answered with NACK
  Trip trip_;                     // what is said about syn_ once tripped
  bool confirmed_ = false;        // the endpoint said that it is ready
  int repeats_ = 0;
  std::uint32_t timer_ = 0;
};

}  // namespace rtt::fabric
