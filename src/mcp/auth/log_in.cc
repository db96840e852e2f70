// SPDX-License-Identifier: Apache-2.0
#include "mcp/auth/log_in.h"

#include <array>
#include <map>
#include <memory>
#include <utility>

#include "drivers/http_message.h"
#include "mcp/auth/login_flow.h"
#include "mcp/auth/login_store.h"
#include "mcp/auth/token_source.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "os/pipe.h"
#include "os/tcp.h"
#include "os/unix_socket.h"

namespace rtt::mcp {
namespace {

constexpr std::string_view kBackPath = "/callback";

std::string by_chance() {
  std::array<std::byte, 32> bytes{};
  os::fill_random(bytes);
  return base64url(bytes);
}

std::string page(int status, std::string_view words) {
  const std::string body =
      "<!doctype html><meta charset=utf-8><title>RTT</title><p>" + std::string(words) + "\n";
  return "HTTP/1.1 " + std::to_string(status) +
         (status == 200   ? " OK"
          : status == 404 ? " Not Found"
                          : " Bad Request") +
         "\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\nConnection: close\r\n"
         "Content-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

class LogIn final : private web::HttpEvents {
 public:
  explicit LogIn(LoginRequest request) : request_(std::move(request)), store_(request_.user_dir) {}
  ~LogIn() override {
    if (!loop_) return;
    for (const auto& [fd, back] : backs_) loop_->unwatch(fd);
    if (listener_.fd() >= 0) loop_->unwatch(listener_.fd());
  }

  Result<Login> run() {
    RTT_TRY_SET(loop_, os::Loop::create());
    RTT_TRY_SET(agent_, web::HttpAgent::create(*loop_, *this));
    RTT_TRY_SET(listener_, os::TcpListener::bind({.host = "127.0.0.1", .port = 0}));
    RTT_TRY(loop_->watch(listener_.fd(), os::kReadable, [this](std::uint32_t) { accept(); }));
    state_ = by_chance();
    flow_.emplace(
        LoginWish{.server = request_.server,
                  .resource = request_.endpoint.url,
                  .redirect = "http://127.0.0.1:" + std::to_string(listener_.port()) + std::string(kBackPath),
                  .state = state_,
                  .verifier = by_chance(),
                  .scope = request_.scope,
                  .client_id = request_.client_id,
                  .client_secret = request_.client_secret});
    loop_->after(nanos_from_ms(request_.deadline_ms), [this] {
      finish(fail(Code::kDeadline, "nobody came back from the browser in time", {},
                  "rtt mcp login " + request_.server));
    });
    take(flow_->start());
    if (!outcome_) loop_->run();
    return *std::move(outcome_);
  }

 private:
  struct Back {
    os::Fd socket;
    drivers::HttpRequestReader reader{kBackRequestBytesMax};
    std::size_t bytes = 0;
  };

  void finish(Result<Login> outcome) {
    if (outcome_) return;
    outcome_ = std::move(outcome);
    loop_->stop();
  }

  void take(LoginStep step) {
    if (auto* const ask = std::get_if<login_step::Ask>(&step)) {
      send(std::move(*ask));
    } else if (const auto* const who = std::get_if<login_step::WhoAmI>(&step)) {
      auto known = store_.client(who->issuer);
      if (!known) {
        finish(std::unexpected(known.error()));
      } else {
        take(flow_->on_client(*std::move(known)));
      }
    } else if (const auto* const open = std::get_if<login_step::Open>(&step)) {
      in_browser_ = true;
      request_.open(open->url, open->issuer);
    } else if (auto* const done = std::get_if<login_step::Done>(&step)) {
      Status kept = store_.put(done->login.client);
      if (kept) kept = store_.put(done->login);
      finish(kept ? Result<Login>(std::move(done->login)) : std::unexpected(kept.error()));
    } else {
      finish(std::unexpected(std::get<Error>(std::move(step))));
    }
  }

  void send(login_step::Ask ask) {
    head_ = {};
    answer_.clear();
    web::HttpRequest request{.method = std::move(ask.method),
                             .url = std::move(ask.url),
                             .headers = {{"Accept", "application/json, text/event-stream"}},
                             .body = std::move(ask.body),
                             .ca_file = request_.endpoint.ca_file,
                             .whole_max = nanos_from_ms(kTokenAnswerMs)};
    if (!ask.content_type.empty()) request.headers.emplace_back("Content-Type", ask.content_type);
    if (!ask.authorization.empty()) request.headers.emplace_back("Authorization", ask.authorization);
    const auto sent = agent_->send(std::move(request));
    if (!sent) {
      finish(std::unexpected(sent.error()));
    } else {
      asked_ = *sent;
    }
  }

  void on_http_head(web::ExchangeId, const web::HttpHead& head) override {
    head_ = head;
    // A stream has no end to wait for; that it began says enough.
    if (head.header("content-type").starts_with("text/event-stream")) end_early();
  }
  void on_http_bytes(web::ExchangeId, std::string_view bytes) override {
    answer_ += bytes;
    if (answer_.size() <= kTokenAnswerBytesMax) return;
    answer_.clear();
    end_early();
  }
  void end_early() {
    agent_->cancel(asked_);
    on_http_end(asked_, {});
  }
  void on_http_end(web::ExchangeId, const Status& how) override {
    if (outcome_) return;
    const std::string answer = how ? std::exchange(answer_, {}) : how.error().message;
    take(flow_->on_answer(how ? head_.status : 0, head_.header("www-authenticate"), answer,
                          os::wall_now().us / 1000));
  }

  void accept() {
    for (std::size_t i = 0; i < kBackConnectionsMax; ++i) {
      auto socket = listener_.accept();
      if (!socket || !*socket) return;
      if (backs_.size() >= kBackConnectionsMax) continue;  // closed
      const int fd = (*socket)->get();
      Back& back = backs_[fd];
      back.socket = *std::move(*socket);
      if (!loop_->watch(fd, os::kReadable, [this, fd](std::uint32_t) { read(fd); })) backs_.erase(fd);
    }
  }

  void read(int fd) {
    Back& back = backs_.at(fd);
    std::array<std::byte, 4096> buffer{};
    const auto got = os::read_nowait(fd, buffer);
    if (got && got->would_block) return;
    bool over = !got || got->closed;
    if (!over) {
      back.bytes += got->bytes;
      back.reader.feed(as_text(ByteView(buffer).first(got->bytes)));
      auto progress = back.reader.read();
      if (progress && *progress == drivers::HttpRequestReader::Progress::kHead) progress = back.reader.read();
      over = !progress || back.bytes > kBackRequestBytesMax;
      if (progress && *progress == drivers::HttpRequestReader::Progress::kWhole) {
        answer(back);
        over = true;
      }
    }
    if (!over) return;
    loop_->unwatch(fd);
    backs_.erase(fd);
  }

  void answer(Back& back) {
    const std::string_view target = back.reader.target();
    const std::size_t question = std::min(target.find('?'), target.size());
    const std::string_view query = target.substr(std::min(question + 1, target.size()));
    const bool ours = in_browser_ && back.reader.method() == "GET" && target.substr(0, question) == kBackPath;
    std::string text = page(404, "Nothing is here.");
    if (ours && web::query_value(query, "state") != state_) {
      text = page(400, "This belongs to another login.");
    } else if (ours) {
      in_browser_ = false;
      const bool refused = !web::query_value(query, "error").empty();
      text = page(200, refused ? "The login was refused. You can close this window."
                               : "RTT has got the answer. You can close this window.");
      take(flow_->on_redirect(query));
    }
    (void)os::send(back.socket.get(), as_bytes(std::string_view(text)));
    os::finish_writing(back.socket.get());
  }

  LoginRequest request_;
  LoginStore store_;
  std::unique_ptr<os::Loop> loop_;
  std::unique_ptr<web::HttpAgent> agent_;
  os::TcpListener listener_;
  std::optional<LoginFlow> flow_;
  std::string state_;
  bool in_browser_ = false;
  web::ExchangeId asked_ = 0;
  web::HttpHead head_;
  std::string answer_;
  std::map<int, Back> backs_;
  std::optional<Result<Login>> outcome_;
};

}  // namespace

Result<Login> log_in(LoginRequest request) { return LogIn(std::move(request)).run(); }

}  // namespace rtt::mcp
