// SPDX-License-Identifier: Apache-2.0
// SharedTransport: a server that runs once a user, in the shared host, reached by a socket (shared/host.h).
//
// The host is started if it is not there; its socket is tried again until it listens, without holding up the
// loop. What is sent before the host has accepted waits, so a host that was just ending costs nothing.
//
// Owns: the connection, what it has not read or written yet.   Thread: the loop's.
// Fails: as BackendTransport; the session ends with kServerStart if no host comes up in kSharedStartMs.
// Limits: kMcpLineBytesMax a line, kClientQueueBytesMax waiting.
#pragma once

#include "mcp/backends/transport.h"
#include "mcp/shared/host.h"
#include "os/out_queue.h"

namespace rtt::mcp {

class SharedTransport final : public BackendTransport, public BatchedWriter {
 public:
  static constexpr std::int64_t kSharedStartMs = 15'000;

  SharedTransport(SharedLaunch launch, const TransportStart& start);
  ~SharedTransport() override;
  SharedTransport(const SharedTransport&) = delete;
  SharedTransport& operator=(const SharedTransport&) = delete;

  Status start() override;
  void send(std::string_view line, const MessageHeaders& headers) override;
  [[nodiscard]] std::size_t bytes_waiting() const override { return outbox_.bytes(); }
  void leave(std::function<void()> gone) override;
  [[nodiscard]] int pid() const override { return pid_; }
  void flush_batch() override { flush(); }

 private:
  Status connect();
  void later();
  void try_again();
  void read();
  void take(std::string_view line);
  void flush();
  void watch();
  void end(Code code, std::string why);

  SharedLaunch launch_;
  std::string user_dir_;
  os::Loop& loop_;
  std::shared_ptr<ServerRecord> record_;
  TransportEvents& events_;
  WriteBatch* batch_;

  os::Fd socket_;
  LineStream stream_;
  os::OutQueue outbox_;
  int pid_ = 0;
  std::string hello_;  // until it is accepted: may hold secrets
  bool over_ = false;
  Instant deadline_{}, next_spawn_{};
  os::Loop::TimerId timer_ = 0;
};

}  // namespace rtt::mcp
