// SPDX-License-Identifier: Apache-2.0
// Wire: how the requests of a driver and its answers are spelt as lines; the meaning is the same on each
// wire.
//
// The session (wire_session.h) decides what to ask and what an answer does; a wire only spells. Reading an
// answer takes two steps because the fields of one depend on what was asked: decode() finds its id, result()
// reads it as the answer of a verb. Nothing a driver prints is an error of ours: what cannot be read is kJunk
// with the reason.
//
// Owns: nothing.   Thread: any (pure).
// Fails: encode: kTooLarge (a line over kDriverLineBytesMax); result: kDriverProtocol.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/connector.h"
#include "text/json.h"

namespace rtt::drivers {

inline constexpr std::int64_t kDriverProtocolVersion = 1;

using WireId = std::uint64_t;
enum class WireVerb : std::uint8_t { kHello, kProbe, kOpen, kTx, kRx, kHealth, kClose, kBye };
std::string_view to_string(WireVerb verb);
// How payloads of a link cross a wire that carries text only (`open … enc=b64`).
enum class WireEncoding : std::uint8_t { kText, kBase64 };

struct WireRequest {
  WireVerb verb = WireVerb::kHello;
  std::string link{};   // as the driver named it, in the wire's own spelling
  std::string saddr{};  // open
  text::Json params{};  // open: an object
  std::string payload{};
  std::string root{};           // probe
  std::int64_t timeout_ms = 0;  // rx, where the wire can say it
  WireEncoding encoding = WireEncoding::kText;
};

struct WireError {
  enum class Kind : std::uint8_t {
    kEmpty,
    kNoLink,
    kBusy,
    kRefused,
    kFailed,
    kUnknownVerb
  } kind = Kind::kFailed;
  std::string text, hint;
};

struct WireMessage {
  enum class Kind : std::uint8_t { kReply, kError, kEvent, kJunk } kind = Kind::kJunk;
  WireId id = 0;                    // kReply, kError
  text::Json body{};                // json: the result
  std::vector<std::string> fields;  // line: the fields after `ok`
  WireError error{};                // kError
  std::string link, payload;        // kEvent
  bool spelt_as_link = false;       // kEvent: the payload is in the encoding its link was opened with
  std::string junk;                 // kJunk: why
};

struct WireResult {
  std::int64_t version = 0;  // hello
  std::string name, language;
  std::vector<std::string> methods;
  enum class Order : std::uint8_t { kInOrder, kAnyOrder } order = Order::kInOrder;
  enum class Push : std::uint8_t { kNo, kYes } push = Push::kNo;
  std::vector<text::Json> symbols;  // probe: contracts, or addresses as strings
  std::string link;                 // open
  std::int64_t bytes = 0;           // tx
  std::string payload;              // rx
  std::int64_t lag_ms = 0, qdepth = 0;
  std::string health_error;  // health: not empty when the link is not well
};

class Wire {
 public:
  virtual ~Wire() = default;
  // One line with its end; empty for a verb the wire has no word for (bye on json: its input just ends).
  [[nodiscard]] virtual Result<std::string> encode(WireId id, const WireRequest& request) const = 0;
  [[nodiscard]] virtual WireMessage decode(std::string_view line) const = 0;
  [[nodiscard]] virtual Result<WireResult> result(const WireRequest& asked,
                                                  const WireMessage& message) const = 0;
};

// REQUIRES: not kNative, which has no lines.
std::unique_ptr<Wire> make_wire(model::DriverWire wire);

// For the wires' use: a finished line within the limit, and what cannot be read.
Result<std::string> within_line_limit(std::string line);
WireMessage junk_line(std::string why);

}  // namespace rtt::drivers
