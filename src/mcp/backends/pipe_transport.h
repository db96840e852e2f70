// SPDX-License-Identifier: Apache-2.0
// PipeTransport: a server that is a child of ours, a message a line on its stdin and stdout.
//
// What it prints on stderr goes into the record's log. It leaves by the end of its stdin and is killed, with
// its group, when it has not left in kLeaveGraceMs.
//
// Owns: the child, its pipes, what it has not read yet.   Thread: the loop's.
// Fails: as BackendTransport.   Limits: its own grace times.
#pragma once

#include "mcp/backends/transport.h"
#include "os/out_queue.h"
#include "os/process.h"

namespace rtt::mcp {

class PipeTransport final : public BackendTransport, public BatchedWriter {
 public:
  static constexpr std::int64_t kLeaveGraceMs = 2000;  // from closing its stdin to killing it
  static constexpr std::int64_t kEndGraceMs = 250;     // from a closed output to giving the child up

  PipeTransport(std::string name, os::SpawnOptions options, std::string manifest,
                const TransportStart& start);
  ~PipeTransport() override;
  PipeTransport(const PipeTransport&) = delete;
  PipeTransport& operator=(const PipeTransport&) = delete;

  Status start() override;
  void send(std::string_view line, const MessageHeaders& headers) override;
  [[nodiscard]] std::size_t bytes_waiting() const override { return outbox_.bytes(); }
  void leave(std::function<void()> gone) override;
  [[nodiscard]] int pid() const override { return child_.pid(); }
  void flush_batch() override { flush_input(); }

 private:
  void read_output();
  void take_lines();
  void read_errors();
  void flush_input();
  void watch_input();
  void output_closed();
  void child_ended();
  void unwatch();

  std::string name_, manifest_;
  os::SpawnOptions options_;
  os::Loop& loop_;
  std::shared_ptr<ServerRecord> record_;
  TransportEvents& events_;
  WriteBatch* batch_;

  os::Child child_;
  LineStream stream_;
  os::OutQueue outbox_;
  bool over_ = false;  // no more events
  os::Loop::TimerId end_timer_ = 0;
  std::function<void()> gone_;
};

}  // namespace rtt::mcp
