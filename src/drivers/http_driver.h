// SPDX-License-Identifier: Apache-2.0
// HttpDriver: a local HTTP service as a callable symbol (`driver.use = "http"`,
// docs/formats/http-driver.md).
//
// One call is one request. Connections are kept and used again. A request is sent once: where a kept
// connection turns out to be closed, GET and HEAD go out again on a new one, anything else is lost, as the
// server may have done it. Only loopback addresses are reached unless the contract, which is signed, says
// `remote`; a call chooses the path below the contract's URL and nothing of the host.
//
// Owns: connections and calls under way.   Thread: the loop's.
// Fails: kBadShape (parameters), kBadArgument (the call), kDenied (not loopback), kLost, kDeadline,
// kCancelled, kBusy, kTooLarge, kDriverProtocol. A status of 400 or more is a tool error with the answer.
// Limits: kHttpCallsMax at once, kHttpIdleMax kept connections, kHttpBodyBytesMax an answer.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "drivers/driver.h"
#include "drivers/http_message.h"
#include "os/loop.h"
#include "os/tcp.h"

namespace rtt::drivers {

inline constexpr std::size_t kHttpCallsMax = 64;
inline constexpr std::size_t kHttpIdleMax = 8;
inline constexpr std::size_t kHttpBodyBytesMax = std::size_t{8} << 20;

class HttpDriver : public Driver {
 public:
  explicit HttpDriver(os::Loop& loop);
  ~HttpDriver() override;

  void prepare(const model::Contract& provider, OnDone done) override;
  CallId call(CallRequest request, OnReply reply) override;
  void cancel(CallId call) override;
  void publish(CallRequest message,
               OnDone done) override;  // a POST whose answer is only looked at for success
  [[nodiscard]] text::Json health() const override;
  Result<text::Json> control(std::string_view verb, const text::Json& args) override;
  void stop(OnDone done) override;

 private:
  struct Call;
  struct Idle {
    os::TcpAddress to;
    os::Fd fd;
  };
  Status fill(Call& call, const CallRequest& request) const;
  void begin(CallId id);
  void connect(CallId id);
  void send(CallId id);
  void receive(CallId id);
  void broken(CallId id, Error why);
  void answered(CallId id);
  void finish(CallId id, Result<CallReply> reply);
  void keep(const os::TcpAddress& to, os::Fd fd);
  void drop_idle(int fd);

  os::Loop& loop_;
  CallId next_ = 1;
  std::uint64_t calls_ = 0, failures_ = 0, connections_ = 0;
  std::map<CallId, std::unique_ptr<Call>> running_;
  std::vector<Idle> idle_;  // oldest first; each is watched for its end
};

}  // namespace rtt::drivers
