// SPDX-License-Identifier: Apache-2.0
// HttpAgent: HTTP and HTTPS requests on the loop, each answer handed over as it comes.
//
// libcurl does connections, TLS against the system's trust store, proxies, names (in a thread of its own) and
// HTTP/2; its sockets and timer are watched by our loop. What libcurl reports is kept until it has returned
// and told then, so that an event may send and cancel. Redirections are never followed: they are an answer
// like any other, and whoever asked decides where its credentials may go.
//
// Owns: libcurl's handles, its connections.   Thread: the loop's.   Units: as named.
// Fails: create (kIo: libcurl is missing), send (kBusy); an exchange ends with kIo (no connection), kLost (it
// was lost before the whole answer), kDeadline (no answer in time), kTooLarge (its header).
// Limits: kHeaderBytesMax an answer's header, kConnectionsMax connections, kConnectMs for one, kExchangesMax.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "os/loop.h"

namespace rtt::web {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;  // an answer's names in lower case
using ExchangeId = std::uint64_t;

struct HttpRequest {
  std::string method = "GET", url;
  HttpHeaders headers{};
  std::string body{};
  std::string ca_file{};       // certificates trusted instead of the system's; empty = the system's
  Nanos head_max = Nanos{0};   // until the answer begins; 0 = whoever asked cancels it
  Nanos whole_max = Nanos{0};  // until it ends; 0 = as long as it likes
};
struct HttpHead {
  int status = 0;
  HttpHeaders headers;
  [[nodiscard]] std::string_view header(std::string_view name) const;  // empty: not there
};

// Called from the loop, never from inside send() or cancel(). The agent is not destroyed inside an event.
class HttpEvents {
 public:
  virtual ~HttpEvents() = default;
  virtual void on_http_head(ExchangeId id, const HttpHead& head) = 0;
  virtual void on_http_bytes(ExchangeId id, std::string_view bytes) = 0;
  virtual void on_http_end(ExchangeId id, const Status& how) = 0;  // the last event of an exchange
};

class HttpAgent {
 public:
  static constexpr std::size_t kHeaderBytesMax = std::size_t{64} << 10;
  static constexpr std::int64_t kConnectMs = 10'000;
  static constexpr long kConnectionsMax = 64;
  static constexpr std::size_t kExchangesMax = 8192;

  static Result<std::unique_ptr<HttpAgent>> create(os::Loop& loop, HttpEvents& events);
  ~HttpAgent();
  HttpAgent(const HttpAgent&) = delete;
  HttpAgent& operator=(const HttpAgent&) = delete;

  Result<ExchangeId> send(HttpRequest request);
  void cancel(ExchangeId id);  // no more events of it; unknown: nothing

 private:
  struct State;
  explicit HttpAgent(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace rtt::web
