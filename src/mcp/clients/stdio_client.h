// SPDX-License-Identifier: Apache-2.0
// StdioClient: an AI client's stdin and stdout inside the gateway.
//
// The descriptors belong to another program too, so their flags are never touched. End of input drains: what
// was asked is still answered (a script may write its requests and close), then the session ends with status
// 0. A client that stops reading is no longer read from, and is dropped when kClientQueueBytesMax wait for
// it. The other end of `control` closing means `rtt mcp serve` is gone: the session ends at once.
//
// With a handover (os/handover.h) the session outlives this process: the next gateway replays in silence what
// the client said of itself (initialize, log level, subscriptions), answers what was under way with an error,
// and goes on with the input that nobody has dealt with.
//
// Owns: the descriptors, the client.   Thread: the loop's.
// Fails: start: kIo; afterwards the session ends with a status on `control`.
// Limits: kMcpLineBytesMax a line, kClientQueueBytesMax of output.
#pragma once

#include <map>

#include "mcp/clients/client.h"
#include "mcp/wire/line_stream.h"
#include "os/handover.h"
#include "os/out_queue.h"

namespace rtt::mcp {

struct StdioFds {
  os::Fd in, out, control;
  std::unique_ptr<os::Handover> handover;  // nullptr: the session ends with this process
};

class StdioClient final : public ClientShell, public BatchedWriter {
 public:
  StdioClient(os::Loop& loop, ClientServices& services, StdioFds fds, ClientOptions options);
  ~StdioClient() override;
  StdioClient(const StdioClient&) = delete;
  StdioClient& operator=(const StdioClient&) = delete;

  Status start();

  Client& client() override { return client_; }
  void deliver(std::string_view line, StreamId stream, Part part) override;
  void unanswered(StreamId stream) override;
  void ended(int status) override;  // tells `control`
  void flush_batch() override { flush_output(); }

 private:
  void read_input();
  void take_lines();
  void take(std::string_view line);
  void remember(const Message& message, std::string_view line);
  void keep();
  void take_over();
  Status commit();
  [[nodiscard]] std::size_t waiting() const;
  void input_ended();
  void flush_output();
  void watch_output();
  void pace_input();
  void end_if_drained();
  void unwatch();

  os::Loop& loop_;
  ClientServices& services_;
  StdioFds fds_;
  LineStream stream_;
  os::OutQueue outbox_;  // without a handover
  Client client_;
  std::shared_ptr<const Catalog> kept_catalog_;  // whose digests a successor finds
  // What a successor replays: raw lines.
  std::string greeting_, level_;
  std::map<std::string, std::string, std::less<>> subscriptions_;  // by URI
};

}  // namespace rtt::mcp
