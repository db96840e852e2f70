// SPDX-License-Identifier: Apache-2.0
// ClientActions: what the session of an AI client wants done.
//
// Thread: any (values).   Fails: never.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mcp/backends/backend_session.h"
#include "mcp/clients/catalog.h"
#include "mcp/pins/contracts.h"
#include "mcp/pins/tool_guard.h"

namespace rtt::mcp {

using CallKey = std::uint64_t;  // a client's request that is under way
inline constexpr CallKey kAtHand = 0;
inline constexpr CallKey kNoCall = ~CallKey{0};

enum class Part : std::uint8_t { kBefore, kAnswer };  // of what belongs to a request; the answer is the last

namespace emit {
struct Send {  // write this line (newline included) to the client
  std::string line;
  CallKey of = kAtHand;  // the message at hand; kNoCall: it belongs to no request
  Part part = Part::kAnswer;
};
struct Identify {  // the client said who it is; answer with identified()
  std::string name, version;
  std::string capabilities;  // raw, an object
};
struct Forward {  // ask a server; answer with on_reply() or on_failure()
  CallKey key = 0;
  std::string ns;
  ItemKind kind = ItemKind::kTool;
  std::string item;     // its key on that server; empty for a resource no list names
  std::string address;  // of the provider
  std::string method;
  std::string params;  // raw
  Era era = Era::kLegacy;
  std::string log_level;  // of a modern call
  std::shared_ptr<const ToolGuard> guard{};
  std::vector<Alternative> others{};  // asked in turn where this one cannot take it
  bool repeatable = false;            // or where nobody knows whether it did
  Instant deadline{};                 // of all of them together; the client's shell sets it
};
struct Resume {  // the message at hand is this call, made again: its answer belongs there
  CallKey key = 0;
};
struct Listen {  // the message at hand stays open for what belongs to `key`
  CallKey key = 0;
};
struct Unlisten {  // the client has closed it
  CallKey key = 0;
};
struct Watch {  // a resource, for a subscription that a server knows nothing of
  enum class Wish : std::uint8_t { kOn, kOff } wish = Wish::kOn;
  std::string uri, ns, item, address;
};
struct Withdraw {  // the client wants no answer any more
  CallKey key = 0;
  std::string reason;
};
struct Answered {  // the client's word on a request of a server (ask()); raw
  CallKey key = 0;
  act::Reply::Kind kind = act::Reply::Kind::kResult;
  std::string payload;
};
struct AskProgress {
  CallKey key = 0;
  std::string_view params;  // valid as long as the line
};
struct Tell {  // a notification for the client's servers
  std::string method;
  std::string_view params;  // valid as long as the line
};
struct SetLevel {  // of the log messages the client wants
  std::string level;
};
}  // namespace emit
using ClientAction =
    std::variant<emit::Send, emit::Identify, emit::Forward, emit::Resume, emit::Listen, emit::Unlisten,
                 emit::Watch, emit::Withdraw, emit::Answered, emit::AskProgress, emit::Tell, emit::SetLevel>;
using ClientActions = std::vector<ClientAction>;

}  // namespace rtt::mcp
