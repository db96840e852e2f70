// SPDX-License-Identifier: Apache-2.0
#include "mcp/backends/http_transport.h"

#include <algorithm>
#include <utility>

#include "os/clock.h"

namespace rtt::mcp {
namespace {

bool is_authorization(std::string_view name) {
  constexpr std::string_view kName = "authorization";
  return std::ranges::equal(name, kName, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

}  // namespace

HttpTransport::HttpTransport(const std::string& name, Endpoint endpoint, const TransportStart& start)
    : name_(name),
      endpoint_(std::move(endpoint)),
      loop_(start.loop),
      record_(start.record),
      events_(start.events),
      batch_(start.batch),
      session_(name, endpoint_.url),
      tokens_(start.loop, {.server = name,
                           .user_dir = start.workspace.user_dir,
                           .resource = endpoint_.url,
                           .ca_file = endpoint_.ca_file,
                           .record = start.record}) {}

HttpTransport::~HttpTransport() {
  for (const os::Loop::TimerId timer : {tell_timer_, timer_, gone_timer_}) loop_.cancel(timer);
}

Status HttpTransport::start() {
  auto agent = web::HttpAgent::create(loop_, *this);
  if (!agent) {
    Error why = std::move(agent).error().in("server '" + name_ + "' cannot be reached");
    why.code = Code::kServerStart;
    return std::unexpected(std::move(why));
  }
  agent_ = *std::move(agent);
  record_->note("connecting to " + web::origin_of(endpoint_.url));
  return {};
}

void HttpTransport::send(std::string_view line, const MessageHeaders& headers) {
  perform(session_.send(line, headers));
}

void HttpTransport::forget(RequestKey request) { perform(session_.forget(request)); }

void HttpTransport::leave(std::function<void()> gone) {
  over_ = true;
  untold_.clear();
  delayed_.clear();
  gone_ = std::move(gone);
  loop_.cancel(std::exchange(timer_, 0));
  tokens_.forget();
  perform(session_.leave());
  if (ids_.empty()) gone_timer_ = loop_.after(Nanos{0}, [this] { std::exchange(gone_, nullptr)(); });
}

void HttpTransport::perform(HttpActions actions) {
  for (HttpAction& action : actions) {
    if (auto* const wanted = std::get_if<http_act::Fetch>(&action)) {
      fetch(std::move(*wanted));
    } else if (const auto* const given_up = std::get_if<http_act::Abort>(&action)) {
      abort(given_up->key);
    } else if (auto* const who = std::get_if<http_act::Challenged>(&action)) {
      challenged(std::move(*who));
    } else if (!over_) {
      untold_.push_back(std::move(action));
    }
  }
  if (!untold_.empty() && !telling_) tell_later();
  if (!over_) arm();
}

void HttpTransport::tell_later() {
  if (tell_timer_ != 0) return;
  tell_timer_ = loop_.after(Nanos{0}, [this] {
    tell_timer_ = 0;
    tell();
  });
}

void HttpTransport::tell() {
  if (std::exchange(telling_, true)) return;
  const WriteBatch::Scope batched(batch_);
  while (!untold_.empty() && !over_) {
    HttpAction action = std::move(untold_.front());
    untold_.pop_front();
    if (const auto* const got = std::get_if<http_act::Deliver>(&action)) {
      const EventStream::Event& message = got->message;
      events_.on_transport_message({.line = message.data,
                                    .overlong_bytes = message.overlong_bytes,
                                    .head = message.head,
                                    .tail = message.tail});
    } else if (auto* const lost = std::get_if<http_act::Unanswered>(&action)) {
      record_->note(lost->why.message);
      events_.on_transport_unanswered(lost->request, lost->why);
    } else if (const auto* const expired = std::get_if<http_act::Expired>(&action)) {
      events_.on_transport_expired(expired->request);
    } else if (auto* const ended = std::get_if<http_act::Ended>(&action)) {
      events_.on_transport_ended(std::move(ended->why));
    }
  }
  telling_ = false;
}

// A login that runs out soon is renewed first; if that fails the server has the last word on the old one.
void HttpTransport::fetch(http_act::Fetch fetch) {
  if (over_ || (delayed_.empty() && !tokens_.should_renew())) {
    fetch_now(std::move(fetch));
    return;
  }
  delayed_.push_back(std::move(fetch));
  if (delayed_.size() > 1) return;
  tokens_.renew({.status = 401, .challenge = {}}, [this](const Status& renewed) {
    if (!renewed) record_->note(renewed.error().message);
    for (http_act::Fetch& next : std::exchange(delayed_, {})) fetch_now(std::move(next));
    if (!untold_.empty()) tell_later();
  });
}

void HttpTransport::fetch_now(http_act::Fetch fetch) {
  const bool bye = over_;
  web::HttpRequest request{.method = std::move(fetch.method),
                           .url = std::move(fetch.url),
                           .headers = std::move(fetch.headers),
                           .body = std::move(fetch.body),
                           .ca_file = endpoint_.ca_file,
                           .head_max = fetch.head_max,
                           .whole_max = bye ? nanos_from_ms(kByeMs) : Nanos{0}};
  bool authorized = false;
  for (const auto& header : endpoint_.headers) {
    authorized = authorized || is_authorization(header.first);
    request.headers.push_back(header);
  }
  if (!authorized && endpoint_.url.userinfo.empty()) {
    if (const auto token = tokens_.current())
      request.headers.emplace_back("Authorization", "Bearer " + *token);
  }
  const auto id = agent_->send(std::move(request));
  if (!id) {
    if (bye) return;
    HttpActions more = session_.on_end(fetch.key, std::unexpected(id.error()), os::now());
    for (HttpAction& action : more) untold_.push_back(std::move(action));
    return;
  }
  ids_[fetch.key] = *id;
  keys_[*id] = fetch.key;
}

void HttpTransport::abort(HttpKey key) {
  std::erase_if(delayed_, [key](const http_act::Fetch& fetch) { return fetch.key == key; });
  const auto at = ids_.find(key);
  if (at == ids_.end()) return;
  agent_->cancel(at->second);
  keys_.erase(at->second);
  ids_.erase(at);
}

void HttpTransport::challenged(http_act::Challenged challenge) {
  tokens_.renew({.status = challenge.status, .challenge = std::move(challenge.challenge)},
                [this, key = challenge.key](const Status& renewed) {
                  perform(renewed ? session_.retry(key) : session_.refuse(key, renewed.error()));
                });
}

void HttpTransport::arm() {
  loop_.cancel(std::exchange(timer_, 0));
  const auto next = session_.next_event();
  if (!next) return;
  timer_ = loop_.after(std::max(*next - os::now(), Nanos{0}), [this] {
    timer_ = 0;
    perform(session_.on_tick(os::now()));
  });
}

void HttpTransport::on_http_head(web::ExchangeId id, const web::HttpHead& head) {
  const auto at = keys_.find(id);
  if (at == keys_.end() || over_) return;
  perform(session_.on_head(at->second, {.status = head.status,
                                        .content_type = head.header("content-type"),
                                        .session_id = head.header("mcp-session-id"),
                                        .location = head.header("location"),
                                        .challenge = head.header("www-authenticate")}));
  tell();
}

void HttpTransport::on_http_bytes(web::ExchangeId id, std::string_view bytes) {
  const auto at = keys_.find(id);
  if (at == keys_.end() || over_) return;
  perform(session_.on_bytes(at->second, bytes));
  tell();
}

void HttpTransport::on_http_end(web::ExchangeId id, const Status& how) {
  const auto at = keys_.find(id);
  if (at == keys_.end()) return;
  const HttpKey key = at->second;
  keys_.erase(at);
  ids_.erase(key);
  if (over_) {
    if (ids_.empty() && gone_timer_ == 0)
      gone_timer_ = loop_.after(Nanos{0}, [this] { std::exchange(gone_, nullptr)(); });
    return;
  }
  perform(session_.on_end(key, how, os::now()));
  tell();
}

}  // namespace rtt::mcp
