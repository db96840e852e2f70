// SPDX-License-Identifier: Apache-2.0
// ParkedCalls: calls of a modern client that wait for what a legacy server asked while it worked on them.
//
// Such a server asks its client and waits; a modern client is answered `input_required` and makes its call
// again with the inputs. In between the call stays under way at the server, parked here. The `requestState`
// that finds it again is sealed: its number and its end are under an HMAC with a key of this client's
// session, together with the method and the arguments, so nobody else, no other call and no later time can
// use it, and nobody twice. A state that is not sealed by this session is none of ours: it belongs to a
// modern server further on and passes untouched. What the server answers while its call is parked is kept for
// the client.
//
// Owns: the parked calls.   Thread: one (pure; the key is given).   Units: Instant.
// Fails: resume(): a raw JSON-RPC error object.
// Limits: kParkedCallsMax calls, kParkedMs each, kParkedBytesMax of answers kept, kInputRequestsMax asks
// each.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/flat_map.h"
#include "base/units.h"
#include "mcp/clients/client_actions.h"

namespace rtt::mcp {

inline constexpr std::size_t kParkedCallsMax = 64;  // of one client
inline constexpr std::int64_t kParkedMs = 300'000;  // for the client to come back
inline constexpr std::size_t kParkedBytesMax = std::size_t{4} << 20;
inline constexpr std::size_t kParkedAsksMax = 64;  // of one call at a time

// What a call is, whatever its inputs: the same text for a call and for the same call made again.
[[nodiscard]] std::string call_identity(std::string_view method, std::string_view params);

class ParkedCalls {
 public:
  explicit ParkedCalls(std::string key);

  // The server of `call` asks. False: no more can be parked.
  enum class Taken : std::uint8_t { kTaken, kFull };
  Taken ask(CallKey call, CallKey ask, std::string_view method, std::string_view params);
  // The result that asks the client for what is wanted; from now on the call waits for resume().
  std::string hand_out(CallKey call, std::string_view identity, Instant now);

  [[nodiscard]] bool waits(CallKey call) const;  // handed out, and not come back
  [[nodiscard]] bool wants_input(CallKey call) const;
  // Whether `params` carry a state of this session.
  [[nodiscard]] bool is_own(std::string_view params) const;

  struct Input {
    CallKey ask = 0;
    std::string_view response;  // raw
  };
  struct Resumed {
    CallKey call = 0;
    std::vector<Input> inputs;
    // The server's, come meanwhile, when nothing more is wanted: `"result":…` or `"error":…`.
    std::optional<std::string> answer;
  };
  std::expected<Resumed, std::string> resume(std::string_view identity, std::string_view params, Instant now);

  // The server has answered a call that waits: kept. `member` is "result" or "error".
  void finish(CallKey call, std::string_view member, std::string_view payload);
  void withdraw(CallKey ask);               // the server does not want it any more
  std::vector<CallKey> drop(CallKey call);  // its asks that nobody will answer
  [[nodiscard]] std::vector<CallKey> expired(Instant now) const;
  [[nodiscard]] std::size_t size() const { return calls_.size(); }

 private:
  struct Wanted {
    CallKey ask = 0;
    std::string name, method, params;
  };
  struct Parked {
    std::vector<Wanted> wanted;
    std::uint64_t serial = 0;  // of the state handed out; 0: none is out
    Instant expires{};
    std::optional<std::string> answer;
  };

  [[nodiscard]] std::string seal(std::uint64_t serial, Instant expires, std::string_view identity) const;

  std::string key_, tag_;
  FlatMap<CallKey, Parked> calls_;
  std::uint64_t next_serial_ = 1, next_name_ = 1;
  std::size_t kept_bytes_ = 0;
};

}  // namespace rtt::mcp
