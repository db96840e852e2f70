// SPDX-License-Identifier: Apache-2.0
#include "mcp/backends/http_session.h"

#include <algorithm>
#include <utility>

#include "model/limits.h"

namespace rtt::mcp {
namespace {

bool is_type(std::string_view content_type, std::string_view wanted) {
  content_type = content_type.substr(0, content_type.find(';'));
  while (content_type.ends_with(' ')) content_type.remove_suffix(1);
  return std::ranges::equal(content_type, wanted, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}
bool is_json_type(std::string_view type) { return is_type(type, "application/json"); }
bool is_event_type(std::string_view type) { return is_type(type, "text/event-stream"); }

// Line ends inside a message can only stand between its tokens; on a pipe they would end it.
void on_one_line(std::string& message) {
  for (char& c : message) {
    if (c == '\n' || c == '\r') c = ' ';
  }
}

std::string shown(std::string_view text) { return clean_text(text.substr(0, 200)); }

}  // namespace

Error HttpSession::failure(Code code, const std::string& what) const {
  return {.code = code,
          .message = "server '" + name_ + "' " + what,
          .where = {},
          .hint = "rtt mcp logs " + name_};
}

HttpActions HttpSession::send(std::string_view line, const MessageHeaders& headers) {
  HttpActions out;
  if (over_) return out;
  if (held_by_ == 0) {
    post(out, line, headers);
    if (std::exchange(hold_next_, false)) held_by_ = exchanges_.rbegin()->first;
    return out;
  }
  if (kept_.size() >= kHttpWaitingMax) {
    const auto request = own_id(classify(line).id);
    if (request)
      out.emplace_back(http_act::Unanswered{*request, failure(Code::kBusy, "takes too long to start")});
    return out;
  }
  bytes_waiting_ += line.size();
  kept_.push_back({std::string(line), headers});
  return out;
}

void HttpSession::post(HttpActions& out, std::string_view line, const MessageHeaders& headers) {
  while (line.ends_with('\n')) line.remove_suffix(1);
  const Message message = classify(line);
  Exchange exchange{.headers = headers.empty() ? standing_ : headers, .body = std::string(line)};
  if (message.kind == MessageKind::kRequest) exchange.request = own_id(message.id);
  bytes_waiting_ += exchange.body.size();
  fetch(out, std::move(exchange));
}

void HttpSession::release(HttpActions& out) {
  held_by_ = 0;
  if (std::exchange(listens_, false) && !old_post_) fetch(out, {.kind = Kind::kListen, .headers = standing_});
  for (const Kept& kept : std::exchange(kept_, {})) {
    bytes_waiting_ -= kept.line.size();
    post(out, kept.line, kept.headers);
  }
}

// Asks for the first time, or again.
void HttpSession::fetch(HttpActions& out, Exchange exchange) {
  const bool gets = exchange.kind != Kind::kMessage || exchange.resuming;
  if (exchange.url.host.empty()) exchange.url = old_post_ && !gets ? *old_post_ : url_;
  exchange.mode = Body::kNone;
  exchange.status = 0;
  exchange.again.reset();
  exchange.text.clear();
  exchange.events = EventStream(limits::kMcpLineBytesMax);
  exchange.had_session = !session_id_.empty();
  http_act::Fetch fetch{.key = next_key_++, .method = gets ? "GET" : "POST", .url = to_string(exchange.url)};
  fetch.headers.emplace_back("Accept", gets ? "text/event-stream" : "application/json, text/event-stream");
  if (!gets) {
    fetch.headers.emplace_back("Content-Type", "application/json");
    fetch.body = exchange.body;
  }
  if (exchange.had_session) fetch.headers.emplace_back("Mcp-Session-Id", session_id_);
  if (!exchange.after.empty()) fetch.headers.emplace_back("Last-Event-ID", exchange.after);
  for (const auto& header : exchange.headers) fetch.headers.push_back(header);
  if (gets || !exchange.request) fetch.head_max = kHttpHeadMax;
  exchanges_.emplace(fetch.key, std::move(exchange));
  out.emplace_back(std::move(fetch));
}

void HttpSession::joined(const MessageHeaders& headers) {
  standing_ = headers;
  hold_next_ = listens_ = true;
}

HttpActions HttpSession::forget(std::uint64_t request) {
  HttpActions out;
  const auto at =
      std::ranges::find_if(exchanges_, [request](const auto& one) { return one.second.request == request; });
  if (at != exchanges_.end()) {
    out.emplace_back(http_act::Abort{at->first});
    bytes_waiting_ -= at->second.body.size();
    exchanges_.erase(at);
    return out;
  }
  std::erase_if(kept_, [&](const Kept& kept) {
    const bool gone = own_id(classify(kept.line).id) == request;
    if (gone) bytes_waiting_ -= kept.line.size();
    return gone;
  });
  return out;
}

HttpActions HttpSession::leave() {
  HttpActions out;
  over_ = true;
  for (const auto& [key, exchange] : exchanges_) out.emplace_back(http_act::Abort{key});
  exchanges_.clear();
  kept_.clear();
  bytes_waiting_ = 0;
  if (session_id_.empty()) return out;
  http_act::Fetch bye{.key = next_key_++, .method = "DELETE", .url = to_string(url_), .headers = standing_};
  bye.headers.emplace_back("Mcp-Session-Id", session_id_);
  out.emplace_back(std::move(bye));
  return out;
}

void HttpSession::end_all(HttpActions& out, Error why) {
  HttpActions aborts = leave();
  std::erase_if(aborts,
                [](const HttpAction& action) { return std::holds_alternative<http_act::Fetch>(action); });
  for (HttpAction& action : aborts) out.push_back(std::move(action));
  out.emplace_back(http_act::Ended{std::move(why)});
}

// The exchange is over without what was wanted of it.
void HttpSession::unanswered(HttpActions& out, At at, Code code, const std::string& what) {
  const HttpKey key = at->first;
  std::optional<std::uint64_t> request = at->second.request;
  if (at->second.kind == Kind::kOldStream && old_first_)
    request = std::exchange(old_first_, std::nullopt)->request;
  out.emplace_back(http_act::Abort{key});
  if (request) out.emplace_back(http_act::Unanswered{*request, failure(code, what)});
  bytes_waiting_ -= at->second.body.size();
  exchanges_.erase(at);
  if (key == held_by_) release(out);
}

HttpActions HttpSession::on_head(HttpKey key, const HttpAnswerHead& head) {
  HttpActions out;
  const At at = exchanges_.find(key);
  if (at == exchanges_.end()) return out;
  Exchange& exchange = at->second;
  exchange.status = head.status;
  if (head.status >= 300) {
    refused_head(out, at, head);
  } else {
    answered_head(out, at, head);
  }
  return out;
}

void HttpSession::answered_head(HttpActions& out, At at, const HttpAnswerHead& head) {
  Exchange& exchange = at->second;
  const HttpKey key = at->first;
  const bool gets = exchange.kind != Kind::kMessage || exchange.resuming;
  if (is_event_type(head.content_type) && (gets || exchange.request)) {
    exchange.mode = Body::kEvents;
  } else if (is_json_type(head.content_type) && exchange.request && !gets && !old_post_) {
    exchange.mode = Body::kJson;
  } else if (exchange.kind == Kind::kOldStream) {
    exchange.mode = Body::kError;
  } else if (exchange.kind == Kind::kListen) {  // not offered after all
    out.emplace_back(http_act::Abort{key});
    exchanges_.erase(at);
    return;
  } else if (exchange.request && !(old_post_ && !gets)) {
    unanswered(out, at, Code::kServerProtocol,
               "answered with HTTP " + std::to_string(head.status) + " and '" + shown(head.content_type) +
                   "', neither JSON nor a stream of events");
    return;
  } else {
    exchange.mode = Body::kIgnored;
    exchange.request.reset();  // on the first transport its answer comes on the one stream
  }
  if (exchange.kind == Kind::kMessage && exchange.mode != Body::kIgnored) taken_ = true;
  if (!head.session_id.empty() && session_id_.empty() && exchange.request &&
      !take_session(out, head.session_id))
    return;
  if (key == held_by_) release(out);
}

bool HttpSession::take_session(HttpActions& out, std::string_view id) {
  const bool visible = std::ranges::all_of(id, [](char c) { return c >= '!' && c <= '~'; });
  if (!visible || id.size() > kHttpSessionIdBytesMax) {
    end_all(out, failure(Code::kServerProtocol, "gave its session an id that no header can hold"));
    return false;
  }
  session_id_ = id;
  return true;
}

void HttpSession::refused_head(HttpActions& out, At at, const HttpAnswerHead& head) {
  Exchange& exchange = at->second;
  const HttpKey key = at->first;
  if (head.status < 400) {
    redirected(out, at, head);
  } else if (head.status == 401 || (head.status == 403 && !head.challenge.empty())) {
    out.emplace_back(http_act::Abort{key});
    exchange.parked = true;
    const bool again = std::exchange(exchange.challenged, true);
    if (again && head.status == 401) {  // what was fetched anew is not believed either
      HttpActions more = refuse(key, {.code = Code::kNeedsLogin,
                                      .message = "server '" + name_ + "' does not accept the login",
                                      .where = {},
                                      .hint = "rtt mcp login " + name_});
      for (HttpAction& action : more) out.push_back(std::move(action));
      return;
    }
    out.emplace_back(http_act::Challenged{key, head.status, std::string(head.challenge)});
  } else if (head.status == 404 && exchange.had_session) {
    out.emplace_back(http_act::Abort{key});
    out.emplace_back(http_act::Expired{exchange.request});
    session_id_.clear();
    bytes_waiting_ -= exchange.body.size();
    exchanges_.erase(at);
  } else if (exchange.kind == Kind::kListen) {  // 405 and its like: it has nothing to say by itself
    out.emplace_back(http_act::Abort{key});
    exchanges_.erase(at);
  } else {
    exchange.mode = Body::kError;
  }
}

void HttpSession::redirected(HttpActions& out, At at, const HttpAnswerHead& head) {
  Exchange& exchange = at->second;
  const auto target = web::resolve(exchange.url, head.location);
  const bool same = target && web::origin_of(*target) == web::origin_of(url_);
  const bool keeps = head.status == 307 || head.status == 308;
  if (!same || !keeps || exchange.redirects >= kHttpRedirectsMax) {
    const std::string to = target ? web::origin_of(*target) + target->path : "another place";
    unanswered(
        out, at, Code::kServerProtocol,
        "redirects (HTTP " + std::to_string(head.status) + ") to " + shown(to) +
            (same ? ", in a way that RTT does not follow" : "; RTT takes no credentials to another origin"));
    return;
  }
  Exchange again = std::move(exchange);
  const bool held = at->first == held_by_;
  out.emplace_back(http_act::Abort{at->first});
  exchanges_.erase(at);
  ++again.redirects;
  again.url = *target;
  fetch(out, std::move(again));
  if (held) held_by_ = exchanges_.rbegin()->first;
}

HttpActions HttpSession::retry(HttpKey key) {
  HttpActions out;
  const At at = exchanges_.find(key);
  if (at == exchanges_.end() || !at->second.parked) return out;
  Exchange again = std::move(at->second);
  const bool held = key == held_by_;
  exchanges_.erase(at);
  again.parked = false;
  fetch(out, std::move(again));
  if (held) held_by_ = exchanges_.rbegin()->first;
  return out;
}

HttpActions HttpSession::refuse(HttpKey key, Error why) {
  HttpActions out;
  const At at = exchanges_.find(key);
  if (at == exchanges_.end() || !at->second.parked) return out;
  const std::optional<std::uint64_t> request = at->second.request;
  bytes_waiting_ -= at->second.body.size();
  exchanges_.erase(at);
  if (!taken_) {  // nothing is to be had from it
    end_all(out, std::move(why));
    return out;
  }
  if (request) out.emplace_back(http_act::Unanswered{*request, std::move(why)});
  if (key == held_by_) release(out);
  return out;
}

HttpActions HttpSession::on_bytes(HttpKey key, std::string_view bytes) {
  HttpActions out;
  const At at = exchanges_.find(key);
  if (at == exchanges_.end()) return out;
  Exchange& exchange = at->second;
  switch (exchange.mode) {
    case Body::kNone:
    case Body::kIgnored:
      break;
    case Body::kError:
      exchange.text +=
          bytes.substr(0, kHttpErrorBytesMax - std::min(kHttpErrorBytesMax, exchange.text.size()));
      break;
    case Body::kJson:
      exchange.text += bytes;
      if (exchange.text.size() > limits::kMcpLineBytesMax) {
        unanswered(out, at, Code::kTooLarge,
                   "answered with more than the " + std::to_string(limits::kMcpLineBytesMax) +
                       " bytes one message may have");
      }
      break;
    case Body::kEvents:
      for (EventStream::Event& event : exchange.events.take(bytes)) take_event(out, key, std::move(event));
      break;
  }
  return out;
}

void HttpSession::take_event(HttpActions& out, HttpKey key, EventStream::Event event) {
  const At at = exchanges_.find(key);
  if (at == exchanges_.end() || over_) return;
  Exchange& exchange = at->second;
  exchange.resumes = 0;
  if (exchange.kind == Kind::kOldStream && event.type == "endpoint") {
    old_address(out, event.data);
    return;
  }
  const bool message = event.type.empty() || event.type == "message";
  if (!message || (event.data.empty() && event.overlong_bytes == 0)) return;  // an event to resume from
  if (exchange.request) {
    const Message read = classify(event.data);
    const bool reply = read.kind == MessageKind::kResult || read.kind == MessageKind::kError;
    if ((reply && own_id(read.id) == exchange.request) || event.overlong_bytes > 0) {
      bytes_waiting_ -= std::exchange(exchange.body, {}).size();
      exchange.request.reset();
    }
  }
  on_one_line(event.data);
  out.emplace_back(http_act::Deliver{std::move(event)});
}

HttpActions HttpSession::on_end(HttpKey key, const Status& how, Instant now) {
  HttpActions out;
  const At at = exchanges_.find(key);
  if (at == exchanges_.end() || at->second.parked) return out;
  Exchange& exchange = at->second;
  if (exchange.mode == Body::kEvents) {
    stream_ended(out, at, now);
  } else if (exchange.mode == Body::kError) {
    error_ended(out, at);
  } else if (exchange.kind == Kind::kListen) {
    listen_again(at, now);
  } else if (!how && how.error().code == Code::kIo && !exchange.resuming) {
    end_all(out, {.code = Code::kServerGone, .message = "cannot be reached: " + how.error().message});
  } else if (!how && exchange.resuming && exchange.resumes < kHttpResumesMax) {
    exchange.again = now + nanos_from_ms(kHttpFirstBackoffMs << exchange.resumes++);
  } else if (!how) {
    unanswered(out, at, how.error().code == Code::kDeadline ? Code::kDeadline : Code::kServerGone,
               "did not answer: " + how.error().message);
  } else if (exchange.mode == Body::kJson) {
    on_one_line(exchange.text);
    std::string text = std::move(exchange.text);
    const Message read = classify(text);
    const bool reply = read.kind == MessageKind::kResult || read.kind == MessageKind::kError;
    if (reply && own_id(read.id) == exchange.request) {
      bytes_waiting_ -= exchange.body.size();
      exchanges_.erase(at);
      out.emplace_back(http_act::Deliver{{.data = std::move(text)}});
    } else {
      unanswered(out, at, Code::kServerProtocol, "answered with JSON that is no answer to the request");
    }
  } else {
    unanswered(out, at, Code::kServerProtocol, "ended the connection without an answer");
  }
  return out;
}

// A refusal may still be a JSON-RPC answer; whatever it is, its words are worth having.
void HttpSession::error_ended(HttpActions& out, At at) {
  Exchange& exchange = at->second;
  const std::string text = std::exchange(exchange.text, {});
  const Message read = classify(text);
  if (read.kind == MessageKind::kError && exchange.request && own_id(read.id) == exchange.request) {
    EventStream::Event event{.data = text};
    on_one_line(event.data);
    bytes_waiting_ -= exchange.body.size();
    exchanges_.erase(at);
    out.emplace_back(http_act::Deliver{std::move(event)});
    return;
  }
  const bool unknown = exchange.status == 404 || exchange.status == 405 || exchange.status == 400;
  if (unknown && read.kind != MessageKind::kError && !taken_ && exchange.request && !exchange.resuming &&
      exchange.kind == Kind::kMessage && !old_first_ && !old_post_) {
    try_old(out, at);
    return;
  }
  if (exchange.kind == Kind::kOldStream) {
    unanswered(out, at, Code::kServerProtocol,
               "speaks MCP neither by POST (HTTP " + std::to_string(old_first_ ? old_first_->status : 0) +
                   ") nor by the older way of GET (HTTP " + std::to_string(exchange.status) +
                   ") at this address");
    return;
  }
  std::string what = "answered with HTTP " + std::to_string(exchange.status);
  const auto words = read.kind == MessageKind::kError ? member(read.payload, "message") : std::nullopt;
  if (const auto said = words ? decode_string(*words) : std::nullopt) what += ": " + shown(*said);
  unanswered(out, at, Code::kServerProtocol, what);
}

void HttpSession::try_old(HttpActions& out, At at) {
  old_first_ = std::move(at->second);
  bytes_waiting_ -= old_first_->body.size();
  exchanges_.erase(at);
  fetch(out, {.kind = Kind::kOldStream, .headers = old_first_->headers});
}

// The first transport's server says where to post.
void HttpSession::old_address(HttpActions& out, std::string_view reference) {
  const auto target = web::resolve(url_, reference);
  if (old_post_) return;
  if (!target || web::origin_of(*target) != web::origin_of(url_)) {
    end_all(out, failure(Code::kServerProtocol,
                         "wants messages posted to another origin, " +
                             shown(target ? web::origin_of(*target) : "which it misspells")));
    return;
  }
  old_post_ = *target;
  taken_ = true;
  Exchange first = *std::exchange(old_first_, std::nullopt);
  bytes_waiting_ += first.body.size();
  first.url = {};
  fetch(out, std::move(first));
}

void HttpSession::stream_ended(HttpActions& out, At at, Instant now) {
  Exchange& exchange = at->second;
  if (!exchange.events.last_id().empty()) exchange.after = exchange.events.last_id();
  const auto retry = exchange.events.retry_ms();
  if (exchange.kind == Kind::kListen) {
    listen_again(at, now);
    if (retry) exchange.again = now + nanos_from_ms(std::clamp<std::int64_t>(*retry, 100, kHttpBackoffMs));
  } else if (exchange.kind == Kind::kOldStream) {
    end_all(out, {.code = Code::kServerGone, .message = "closed its stream"});
  } else if (!exchange.request) {
    exchanges_.erase(at);
  } else if (exchange.after.empty() || exchange.resumes >= kHttpResumesMax) {
    unanswered(out, at, Code::kServerGone, "ended the stream without the answer");
  } else {
    ++exchange.resumes;
    exchange.resuming = true;
    exchange.mode = Body::kNone;
    exchange.again =
        now + nanos_from_ms(std::clamp<std::int64_t>(retry.value_or(kHttpFirstBackoffMs), 0, kHttpBackoffMs));
  }
}

void HttpSession::listen_again(At at, Instant now) {
  Exchange& exchange = at->second;
  const int tries = std::min(exchange.resumes++, kHttpResumesMax);
  exchange.mode = Body::kNone;
  exchange.again = now + nanos_from_ms(std::min(kHttpFirstBackoffMs << tries, kHttpBackoffMs));
}

HttpActions HttpSession::on_tick(Instant now) {
  HttpActions out;
  std::vector<HttpKey> due;
  for (const auto& [key, exchange] : exchanges_) {
    if (exchange.again && *exchange.again <= now) due.push_back(key);
  }
  for (const HttpKey key : due) {
    const At at = exchanges_.find(key);
    Exchange again = std::move(at->second);
    exchanges_.erase(at);
    fetch(out, std::move(again));
  }
  return out;
}

std::optional<Instant> HttpSession::next_event() const {
  std::optional<Instant> next;
  for (const auto& [key, exchange] : exchanges_) {
    if (exchange.again && (!next || *exchange.again < *next)) next = exchange.again;
  }
  return next;
}

}  // namespace rtt::mcp
