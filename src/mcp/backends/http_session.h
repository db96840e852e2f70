// SPDX-License-Identifier: Apache-2.0
// HttpSession: one MCP session over HTTP exchanges, as a step machine.
//
// Each message is a POST of its own; the answer comes as JSON or on a stream of events, which may hold other
// messages before it. A stream that breaks off before the answer is taken up again after its last event's id,
// if it had one. Once the server has let us in, a GET stream is held open for what it says of its own accord;
// servers that offer none are none the worse. A server that knows only the first HTTP transport (2024-11-05:
// one stream, and an address to post to that is told on it) is found out by its refusal of the first POST.
//
// The session a server hands out may be lost by it; then the requests it did not take are handed back, to be
// sent again in a new session. Redirections are followed on the same origin only, and only those that keep
// the request as it is: credentials go nowhere else.
//
// What a message is for is not looked at, only whether it is a request and which: the session above says what
// its headers are. Credentials are the shell's to add, and never here.
//
// Owns: the exchanges under way.   Thread: one (pure).   Units: Instant.
// Fails: Unanswered ends a request, Ended all of it.
// Limits: kMcpLineBytesMax a message, kHttpWaitingMax messages kept back, kHttpRedirectsMax,
// kHttpResumesMax tries without an event, kHttpErrorBytesMax of an error's body, kHttpBackoffMs at most.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/units.h"
#include "mcp/backends/backend_session.h"
#include "mcp/wire/event_stream.h"
#include "model/limits.h"
#include "web/url.h"

namespace rtt::mcp {

inline constexpr std::size_t kHttpWaitingMax = 1024;
inline constexpr int kHttpRedirectsMax = 3;
inline constexpr int kHttpResumesMax = 5;
inline constexpr std::size_t kHttpErrorBytesMax = std::size_t{64} << 10;
inline constexpr std::size_t kHttpSessionIdBytesMax = 1024;
inline constexpr std::int64_t kHttpBackoffMs = 30'000, kHttpFirstBackoffMs = 1000;
inline constexpr Nanos kHttpHeadMax = nanos_from_ms(30'000);  // of what is no request

using HttpKey = std::uint64_t;

namespace http_act {
struct Fetch {
  HttpKey key = 0;
  std::string method, url;
  MessageHeaders headers{};
  std::string body{};
  Nanos head_max{0};  // 0: as long as the request may take
};
struct Abort {
  HttpKey key = 0;
};
struct Deliver {
  EventStream::Event message;
};
struct Unanswered {
  std::uint64_t request = 0;
  Error why;
};
struct Expired {                         // the server does not know the session any more
  std::optional<std::uint64_t> request;  // which it therefore did not take
};
struct Challenged {  // who are you? To be answered by retry() or refuse(), now or later.
  HttpKey key = 0;
  int status = 0;  // 401 or 403
  std::string challenge;
};
struct Ended {
  Error why;  // kServerGone: the words follow the server's name
};
}  // namespace http_act
using HttpAction = std::variant<http_act::Fetch, http_act::Abort, http_act::Deliver, http_act::Unanswered,
                                http_act::Expired, http_act::Challenged, http_act::Ended>;
using HttpActions = std::vector<HttpAction>;

struct HttpAnswerHead {
  int status = 0;
  std::string_view content_type, session_id, location, challenge;
};

class HttpSession {
 public:
  HttpSession(std::string server_name, web::Url url) : name_(std::move(server_name)), url_(std::move(url)) {}

  HttpActions send(std::string_view line, const MessageHeaders& headers);
  // The server has let us in: these headers go with every message that has none of its own, and what the
  // server says by itself is listened for as soon as it has taken the next message.
  void joined(const MessageHeaders& headers);
  HttpActions forget(std::uint64_t request);
  HttpActions leave();  // ends everything; a Fetch among them is the goodbye

  HttpActions on_head(HttpKey key, const HttpAnswerHead& head);
  HttpActions on_bytes(HttpKey key, std::string_view bytes);
  // kIo: there was no connection; kLost, kDeadline, kTooLarge: it failed later.
  HttpActions on_end(HttpKey key, const Status& how, Instant now);
  HttpActions retry(HttpKey key);
  HttpActions refuse(HttpKey key, Error why);
  HttpActions on_tick(Instant now);

  [[nodiscard]] std::optional<Instant> next_event() const;
  [[nodiscard]] std::size_t bytes_waiting() const { return bytes_waiting_; }

 private:
  enum class Kind : std::uint8_t { kMessage, kListen, kOldStream };
  enum class Body : std::uint8_t { kNone, kJson, kEvents, kError, kIgnored };
  struct Exchange {
    Kind kind = Kind::kMessage;
    std::optional<std::uint64_t> request;  // whose answer is awaited
    MessageHeaders headers{};
    std::string body{};
    web::Url url{};
    std::string after{};  // the id of the last event got: ask for what came after it
    bool had_session = false;
    int redirects = 0, resumes = 0, status = 0;
    bool challenged = false, parked = false, resuming = false;
    std::optional<Instant> again{};  // when to ask again
    Body mode = Body::kNone;
    std::string text{};
    EventStream events{limits::kMcpLineBytesMax};
  };
  struct Kept {
    std::string line;
    MessageHeaders headers;
  };
  using At = std::map<HttpKey, Exchange>::iterator;

  void fetch(HttpActions& out, Exchange exchange);
  void post(HttpActions& out, std::string_view line, const MessageHeaders& headers);
  void release(HttpActions& out);  // what was kept back goes out
  void unanswered(HttpActions& out, At at, Code code, const std::string& what);
  void end_all(HttpActions& out, Error why);
  void answered_head(HttpActions& out, At at, const HttpAnswerHead& head);
  void refused_head(HttpActions& out, At at, const HttpAnswerHead& head);
  void redirected(HttpActions& out, At at, const HttpAnswerHead& head);
  bool take_session(HttpActions& out, std::string_view id);
  void take_event(HttpActions& out, HttpKey key, EventStream::Event event);
  void error_ended(HttpActions& out, At at);
  void stream_ended(HttpActions& out, At at, Instant now);
  void try_old(HttpActions& out, At at);
  void old_address(HttpActions& out, std::string_view reference);
  void listen_again(At at, Instant now);
  [[nodiscard]] Error failure(Code code, const std::string& what) const;

  std::string name_;
  web::Url url_;
  std::optional<web::Url> old_post_;   // where to post, on the first transport
  std::optional<Exchange> old_first_;  // the message to send there first
  std::string session_id_;
  MessageHeaders standing_;
  bool taken_ = false;  // a POST was answered as this transport has it
  bool hold_next_ = false, listens_ = false, over_ = false;
  HttpKey held_by_ = 0;  // what must be taken before anything else is sent
  std::deque<Kept> kept_;
  std::map<HttpKey, Exchange> exchanges_;
  HttpKey next_key_ = 1;
  std::size_t bytes_waiting_ = 0;
};

}  // namespace rtt::mcp
