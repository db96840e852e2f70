// SPDX-License-Identifier: Apache-2.0
// HttpConnection: one TCP connection of the HTTP front: requests in, one at a time, their answers out in
// order.
//
// The head of a request is judged before its body is waited for. While an answer is owed, what comes behind
// it waits in the buffer, and beyond kHttpAheadBytesMax in the socket. A request turned away with its body
// not there ends the connection, after what the peer still sends was read for a moment: a reset would take
// the answer with it. Deadlines hold off peers that send a byte now and then; expire() looks at them.
//
// Owns: the socket, the reader, the output queue.   Thread: the loop's.
// Fails: never: the connection ends, and its owner is told once.
// Limits: kMcpLineBytesMax a body, kHttpHeadBytesMax a head, kClientQueueBytesMax of output, the deadlines
// below.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"
#include "drivers/http_message.h"
#include "mcp/clients/http_gate.h"
#include "mcp/clients/http_streams.h"
#include "mcp/wire/write_batch.h"
#include "os/fd.h"
#include "os/loop.h"
#include "os/out_queue.h"

namespace rtt::mcp {

inline constexpr std::size_t kHttpAheadBytesMax = std::size_t{64} << 10;
inline constexpr std::int64_t kHttpHeadMs = 10'000;   // from its first byte, or the connection's begin
inline constexpr std::int64_t kHttpBodyMs = 60'000;   // from the head's end
inline constexpr std::int64_t kHttpIdleMs = 120'000;  // between two requests
inline constexpr std::int64_t kHttpStallMs = 60'000;  // with output the peer does not read
inline constexpr std::int64_t kHttpLingerMs = 2'000;  // after a last answer

class HttpConnection;

class HttpConnectionOwner {
 public:
  virtual ~HttpConnectionOwner() = default;
  virtual std::variant<HttpAsk, HttpRefusal> on_head(const drivers::HttpRequestReader& request) = 0;
  virtual void on_request(HttpConnection& connection, const HttpAsk& ask, std::string_view body) = 0;
  virtual void on_closed(HttpConnection& connection) = 0;  // destroy it later
};

class HttpConnection final : public BatchedWriter {
 public:
  HttpConnection(os::Loop& loop, HttpConnectionOwner& owner, WriteBatch* batch, os::Fd socket, ConnId id);
  ~HttpConnection() override;
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  Status start();
  [[nodiscard]] ConnId id() const { return id_; }

  // REQUIRES: a request is owed its answer, as on_request() brought it.
  void answer(int status, drivers::HttpHeaders headers, std::string_view body);
  void begin_events(drivers::HttpHeaders headers);
  void events(std::string_view text);
  void end_events();

  [[nodiscard]] bool owes() const { return state_ == State::kOwes || state_ == State::kStreams; }
  [[nodiscard]] const HttpAsk& ask() const { return ask_; }
  void expire(Instant now);
  void close();
  void flush_batch() override { flush(); }

 private:
  enum class State : std::uint8_t { kReads, kOwes, kStreams, kLingers, kClosed };

  void read_input();
  void take_requests();
  bool take_request();  // false: it needs bytes, or the answer to this one
  void refuse(const HttpRefusal& refusal);
  void last_words(const HttpRefusal& refusal);
  void linger();
  void finished();
  void write(std::string_view bytes);
  void flush();
  void watch();
  void wait_at_most(std::int64_t ms);

  os::Loop& loop_;
  HttpConnectionOwner& owner_;
  WriteBatch* batch_;
  os::Fd socket_;
  ConnId id_;
  drivers::HttpRequestReader reader_;
  os::OutQueue outbox_;
  bool flush_comes_ = false;  // of the batch, which looks again what to wait for
  State state_ = State::kReads;
  HttpAsk ask_;
  std::optional<HttpRefusal> refusal_;
  bool keeps_ = true, chunked_ = true, taking_ = false;
  std::size_t ahead_bytes_ = 0;
  std::optional<Instant> deadline_, stalled_;
};

drivers::HttpHeaders page_headers(const HttpAsk& ask);  // that let the page which asked read the answer

}  // namespace rtt::mcp
