// SPDX-License-Identifier: Apache-2.0
// HttpStreams: which of its HTTP exchanges carries each line of one client's session, as a step machine.
//
// Each request has a stream of its own; stream 0 is for what belongs to no request and is carried by the
// session's GET, or waits for one. An answer that comes first goes out as one JSON body; if anything else
// comes first, or nothing for kHttpQuiet, the exchange becomes a stream of events, which the answer ends.
// Events are numbered `STREAM-N` and the last ones kept, so a client that lost its connection goes on after
// Last-Event-ID. A modern stream is not resumed: what it carries has no numbers and is not kept, and it ends
// with its connection, which withdraws its request. A quiet stream is sent a comment now and then, which
// finds peers that are gone and keeps proxies from closing.
//
// Owns: the streams, the events kept.   Thread: one (pure).   Units: Instant.
// Fails: listen(): busy, or an event that is not kept.
// Limits: kHttpReplayBytesMax and kHttpReplayEventsMax kept; older events are forgotten.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/flat_map.h"
#include "base/units.h"
#include "mcp/clients/http_gate.h"
#include "mcp/wire/protocol.h"

namespace rtt::mcp {

inline constexpr std::size_t kHttpReplayBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kHttpReplayEventsMax = 1024;
inline constexpr Nanos kHttpQuiet = nanos_from_ms(15'000);

using ConnId = std::uint64_t;  // an exchange on a connection; 0 is none
using HttpStreamId = std::uint64_t;

namespace http {
struct Whole {  // answer with this JSON
  ConnId conn = 0;
  std::string body;
  int status = 200;
};
struct Nothing {  // the request was withdrawn: answer 202
  ConnId conn = 0;
};
struct Begin {  // answer with a stream of events
  ConnId conn = 0;
};
struct Text {
  ConnId conn = 0;
  std::string text;
};
struct End {  // of that stream
  ConnId conn = 0;
};
struct Refuse {  // the session ended before an answer
  ConnId conn = 0;
};
}  // namespace http
using HttpAction = std::variant<http::Whole, http::Nothing, http::Begin, http::Text, http::End, http::Refuse>;
using HttpActions = std::vector<HttpAction>;

class HttpStreams {
 public:
  // A request came by this exchange.
  HttpStreamId begin(ConnId conn, HttpAsk::Takes takes, Instant now, Era era = Era::kLegacy);
  // A line (newline included) of a stream; one that is no longer there is stream 0.
  enum class Which : std::uint8_t { kBefore, kAnswer };
  HttpActions deliver(std::string_view line, HttpStreamId stream, Which which, Instant now);
  HttpActions withdraw(HttpStreamId stream);  // no answer will come
  enum class Heard : std::uint8_t { kListens, kBusy, kForgotten };
  struct Listening {
    Heard heard = Heard::kListens;
    HttpActions actions;
  };
  Listening listen(ConnId conn, const std::optional<std::string>& last_event_id, Instant now);
  // The connection has gone. A legacy stream goes on without it; those returned have ended with it.
  std::vector<HttpStreamId> gone(ConnId conn);
  HttpActions tick(Instant now);          // now and then
  HttpActions end();                      // the session
  void speak(std::string_view protocol);  // the revision agreed on: from 2025-11-25, streams begin with an id

  [[nodiscard]] bool idle() const { return streams_.empty() && general_.conn == 0; }

 private:
  struct Stream {
    ConnId conn = 0;
    HttpAsk::Takes takes = HttpAsk::Takes::kBoth;
    Era era = Era::kLegacy;
    enum class Mode : std::uint8_t { kUndecided, kEvents } mode = Mode::kUndecided;
    std::uint64_t events = 0;  // numbered so far
    std::uint64_t sent = 0;    // the last one given to a connection
    Instant last{};
  };
  struct Kept {
    HttpStreamId stream = 0;
    std::uint64_t event = 0;
    std::string text;
  };

  void open(HttpActions& out, HttpStreamId id, Stream& stream, Instant now);
  void add(HttpActions& out, HttpStreamId id, Stream& stream, std::string_view line, Instant now);
  std::uint64_t replay(HttpActions& out, ConnId conn, HttpStreamId id, std::uint64_t after) const;
  void keep(Kept event);
  void quieten(HttpActions& out, HttpStreamId id, Stream& stream, Instant now);
  Listening resume(ConnId conn, HttpStreamId id, std::uint64_t after, Instant now);

  HttpStreamId next_ = 1;
  FlatMap<HttpStreamId, Stream> streams_;
  Stream general_{.mode = Stream::Mode::kEvents};
  std::deque<Kept> kept_;
  std::size_t kept_bytes_ = 0;
  bool primes_ = false;
};

}  // namespace rtt::mcp
