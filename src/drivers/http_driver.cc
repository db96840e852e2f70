// SPDX-License-Identifier: Apache-2.0
#include "drivers/http_driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/hex.h"
#include "drivers/params_check.h"
#include "os/clock.h"
#include "os/unix_socket.h"
#include "text/utf8.h"

namespace rtt::drivers {
namespace {

using text::Json;

constexpr std::string_view kParams =
    R"({"type":"object","required":["url"],"additionalProperties":false,"properties":{"url":{"type":"string"},)"
    R"("method":{"type":"string"},"headers":{"type":"object"},"timeout_ms":{"type":"integer"},"remote":{"type":"boolean"}}})";
constexpr std::size_t kReadBytes = std::size_t{64} << 10;
constexpr std::int64_t kTimeoutMsMax = 3'600'000;

struct Url {
  os::TcpAddress to;
  std::string host;  // as the Host header says it
  std::string base;  // path without its last slash
};

std::optional<Url> parse_url(std::string_view text) {
  if (!text.starts_with("http://")) return std::nullopt;
  text.remove_prefix(7);
  Url url;
  const std::size_t slash = std::min(text.find('/'), text.size());
  url.host = text.substr(0, slash);
  url.base = text.substr(slash);
  while (url.base.ends_with('/')) url.base.pop_back();
  std::string_view host(url.host), port("80");
  const std::size_t end = host.starts_with('[') ? host.find(']') : std::min(host.find(':'), host.size()) - 1;
  if (host.empty() || end == std::string_view::npos || end + 1 == 0) return std::nullopt;
  if (end + 1 < host.size()) {
    if (host[end + 1] != ':') return std::nullopt;
    port = host.substr(end + 2);
  }
  const auto [stop, error] = std::from_chars(port.data(), port.data() + port.size(), url.to.port);
  if (error != std::errc{} || stop != port.data() + port.size() || url.to.port == 0) return std::nullopt;
  url.to.host = host.starts_with('[') ? host.substr(1, end - 1) : host.substr(0, end + 1);
  const bool odd = url.base.find_first_of("?#") != std::string::npos ||
                   url.host.find_first_of("@\\?# ") != std::string::npos;
  return odd ? std::nullopt : std::optional(std::move(url));
}

Result<Url> url_of(const model::Contract& provider) {
  const std::string address = model::identity(provider.saddr);
  if (!provider.driver || provider.driver->use != "http") {
    return fail(Code::kDriverStart, "the contract names no http driver", address);
  }
  const auto schema = text::parse_json(kParams);
  if (Status checked = check_params(provider.driver->params, *schema); !checked) {
    return std::unexpected(std::move(checked).error().at(address));
  }
  auto url = parse_url(provider.driver->params.string_or("url"));
  if (!url) return fail(Code::kBadShape, "driver.params.url is http://ADDRESS[:PORT][/PATH]", address);
  if (!os::is_loopback(url->to.host) && !provider.driver->params.bool_or("remote", false)) {
    return fail(Code::kDenied, fmt::format("{} is not this machine", url->to.host), address,
                "use a loopback address, or set driver.params.remote");
  }
  return std::move(*url);
}

// A `..` or its escaped spelling would leave the contract's path.
bool climbs(std::string_view target) {
  std::string path(target.substr(0, target.find_first_of("?#")));
  for (const std::string_view dot : {"%2e", "%2E"}) {
    for (std::size_t at = path.find(dot); at != std::string::npos; at = path.find(dot))
      path.replace(at, 3, ".");
  }
  for (const std::string_view slash : {"%2f", "%2F", "%5c", "%5C", "\\"}) {
    for (std::size_t at = path.find(slash); at != std::string::npos; at = path.find(slash))
      path.replace(at, slash.size(), "/");
  }
  return (path + "/").find("/../") != std::string::npos;
}

Status add_headers(HttpHeaders& out, const Json* headers) {
  if (headers == nullptr) return {};
  if (!headers->is_object()) return fail(Code::kBadArgument, "`headers` is an object of strings");
  for (const auto& [name, value] : headers->as_object()) {
    if (!value.is_string()) return fail(Code::kBadArgument, fmt::format("header {} is no string", name));
    std::erase_if(out, [&](const auto& known) { return known.first == name; });
    out.emplace_back(name, value.as_string());
  }
  return {};
}

Json response_json(HttpResponse response) {
  Json headers = text::JsonObject{};
  for (const auto& [name, value] : response.headers) {
    const std::string_view before = headers.string_or(name);
    headers.set(name, before.empty() ? value : std::string(before) + ", " + value);
  }
  Json body = Json::object({{"headers", std::move(headers)}, {"status", response.status}});
  if (text::find_invalid_utf8(response.body) == std::string_view::npos) {
    body.set("body", std::move(response.body));
  } else {
    body.set("b64", to_base64(as_bytes(response.body)));
  }
  return body;
}

}  // namespace

struct HttpDriver::Call {
  os::TcpAddress to;
  std::string method, bytes;
  std::size_t sent = 0;
  os::Fd fd;
  enum class Line : std::uint8_t { kNew, kKept } line = Line::kNew;
  std::optional<HttpReader> reader;
  os::Loop::TimerId timer = 0;
  OnReply reply;
};

HttpDriver::HttpDriver(os::Loop& loop) : loop_(loop) {}

HttpDriver::~HttpDriver() {
  while (!running_.empty()) finish(running_.begin()->first, fail(Code::kCancelled, "the driver stopped"));
  while (!idle_.empty()) drop_idle(idle_.front().fd.get());
}

void HttpDriver::prepare(const model::Contract& provider, OnDone done) {
  Status status;
  if (auto url = url_of(provider); !url) status = std::unexpected(std::move(url).error());
  loop_.post([done = std::move(done), status = std::move(status)]() mutable { done(std::move(status)); });
}

// What the call asks for, on top of what the contract fixes.
Status HttpDriver::fill(Call& call, const CallRequest& request) const {
  RTT_TRY_SET(Url url, url_of(request.provider));
  const Json& params = request.provider.driver->params;
  RTT_TRY_SET(const Json args, text::parse_json(request.payload.empty() ? "{}" : request.payload,
                                                {.bytes_max = kHttpBodyBytesMax}));
  if (!args.is_object()) return fail(Code::kBadArgument, "an http call is one JSON object");
  const Json* body = args.find("body");
  HttpRequest out{.method = std::string(params.string_or("method")),
                  .target = {},
                  .host = url.host,
                  .headers = {},
                  .body = {}};
  if (const auto method = args.string_or("method"); !method.empty()) {
    if (!out.method.empty() && out.method != method)
      return fail(Code::kDenied, "the contract's method is " + out.method);
    out.method = method;
  }
  if (out.method.empty()) out.method = body != nullptr || args.find("b64") != nullptr ? "POST" : "GET";
  const std::string_view path = args.string_or("path");
  if (climbs(path)) return fail(Code::kEscapes, "`path` leads out of the contract's URL");
  out.target = url.base + (path.empty() || path.starts_with('/') ? "" : "/") + std::string(path);
  if (out.target.empty() || out.target.front() == '?') out.target.insert(0, "/");
  RTT_TRY(add_headers(out.headers, params.find("headers")));
  RTT_TRY(add_headers(out.headers, args.find("headers")));
  if (body != nullptr && !body->is_string()) {
    out.body = text::to_json(*body);
    const bool typed = std::ranges::any_of(
        out.headers, [](const auto& h) { return h.first == "Content-Type" || h.first == "content-type"; });
    if (!typed) out.headers.emplace_back("Content-Type", "application/json");
  } else if (body != nullptr) {
    out.body = body->as_string();
  } else if (const Json* coded = args.find("b64")) {
    const auto bytes = from_base64(coded->is_string() ? coded->as_string() : "?");
    if (!bytes) return fail(Code::kBadArgument, "`b64` is no base64");
    out.body = as_text(*bytes);
  }
  RTT_TRY_SET(call.bytes, write_request(out));
  call.to = std::move(url.to);
  call.method = std::move(out.method);
  return {};
}

CallId HttpDriver::call(CallRequest request, OnReply reply) {
  const CallId id = next_++;
  ++calls_;
  auto call = std::make_unique<Call>();
  call->reply = std::move(reply);
  Status fit = running_.size() >= kHttpCallsMax
                   ? fail(Code::kBusy, fmt::format("{} requests are under way", kHttpCallsMax))
                   : fill(*call, request);
  Instant deadline = request.deadline;
  if (fit) {
    const std::int64_t ms = request.provider.driver->params.int_or("timeout_ms", kTimeoutMsMax);
    deadline = std::min(deadline, os::now() + nanos_from_ms(std::clamp<std::int64_t>(ms, 1, kTimeoutMsMax)));
  }
  call->timer = loop_.after(std::max(Nanos{0}, deadline - os::now()), [this, id] {
    finish(id, fail(Code::kDeadline, "the server did not answer in time"));
  });
  running_.emplace(id, std::move(call));
  loop_.post([this, id, fit = std::move(fit)]() mutable {
    if (fit) return begin(id);
    finish(id, std::unexpected(std::move(fit).error()));
  });
  return id;
}

void HttpDriver::begin(CallId id) {
  const auto at = running_.find(id);
  if (at == running_.end()) return;
  Call& call = *at->second;
  const auto kept = std::ranges::find_if(
      idle_, [&](const Idle& idle) { return idle.to.host == call.to.host && idle.to.port == call.to.port; });
  if (kept == idle_.end()) return connect(id);
  loop_.unwatch(kept->fd.get());
  call.fd = std::move(kept->fd);
  idle_.erase(kept);
  call.line = Call::Line::kKept;
  send(id);
}

void HttpDriver::connect(CallId id) {
  Call& call = *running_.at(id);
  auto fd = os::begin_connect(call.to);
  if (!fd) return finish(id, std::unexpected(std::move(fd).error()));
  ++connections_;
  call.fd = std::move(*fd);
  call.line = Call::Line::kNew;
  const Status watched = loop_.watch(call.fd.get(), os::kWritable, [this, id](std::uint32_t) {
    Call& waiting = *running_.at(id);
    loop_.unwatch(waiting.fd.get());
    if (Status up = os::finish_connect(waiting.fd.get()); !up)
      return finish(id, std::unexpected(std::move(up).error()));
    send(id);
  });
  if (!watched) finish(id, std::unexpected(watched.error()));
}

void HttpDriver::send(CallId id) {
  Call& call = *running_.at(id);
  call.sent = 0;
  call.reader.emplace(kHttpBodyBytesMax,
                      call.method == "HEAD" ? HttpReader::Body::kNone : HttpReader::Body::kPossible);
  const Status watched =
      loop_.watch(call.fd.get(), os::kReadable | os::kWritable, [this, id](std::uint32_t ready) {
        Call& now = *running_.at(id);
        if ((ready & (os::kReadable | os::kHangup)) != 0) return receive(id);
        const auto sent = os::send(now.fd.get(), as_bytes(std::string_view(now.bytes).substr(now.sent)));
        if (!sent) return broken(id, sent.error());
        now.sent += sent->bytes;
        if (now.sent == now.bytes.size()) loop_.change(now.fd.get(), os::kReadable);
      });
  if (!watched) finish(id, std::unexpected(watched.error()));
}

void HttpDriver::receive(CallId id) {
  Call& call = *running_.at(id);
  std::array<std::byte, kReadBytes> buffer{};
  auto got = os::receive(call.fd.get(), buffer);
  if (got && got->would_block) return;
  if (!got) return broken(id, std::move(got).error());
  auto whole =
      got->closed ? call.reader->close() : call.reader->feed(as_text(ByteView(buffer).first(got->bytes)));
  if (!whole) return broken(id, std::move(whole).error());
  if (*whole) answered(id);
}

void HttpDriver::broken(CallId id, Error why) {
  Call& call = *running_.at(id);
  const bool stale = call.line == Call::Line::kKept && !call.reader->begun();
  const bool harmless = call.method == "GET" || call.method == "HEAD";
  if (!stale || !harmless) return finish(id, std::unexpected(std::move(why)));
  loop_.unwatch(call.fd.get());
  call.fd.reset();
  connect(id);
}

void HttpDriver::answered(CallId id) {
  Call& call = *running_.at(id);
  const bool reusable = call.reader->reusable() && call.sent == call.bytes.size();
  Json body = response_json(call.reader->take());
  const bool good = body.int_or("status", 0) < 400;
  if (!good) body.set("isError", true);
  if (reusable) {
    loop_.unwatch(call.fd.get());
    keep(call.to, std::move(call.fd));
  }
  finish(id, CallReply{text::to_json(body), good ? CallReply::Kind::kResult : CallReply::Kind::kToolError});
}

void HttpDriver::finish(CallId id, Result<CallReply> reply) {
  const auto at = running_.find(id);
  if (at == running_.end()) return;
  const std::unique_ptr<Call> call = std::move(at->second);
  running_.erase(at);
  loop_.cancel(call->timer);
  if (call->fd.valid() && loop_.watching(call->fd.get())) loop_.unwatch(call->fd.get());
  if (!reply || reply->kind == CallReply::Kind::kToolError) ++failures_;
  call->reply(std::move(reply));
}

// A server may close a kept connection whenever it likes; anything it says on one unasked ends it too.
void HttpDriver::keep(const os::TcpAddress& to, os::Fd fd) {
  if (idle_.size() >= kHttpIdleMax) drop_idle(idle_.front().fd.get());
  const int number = fd.get();
  if (!loop_.watch(number, os::kReadable, [this, number](std::uint32_t) { drop_idle(number); })) return;
  idle_.push_back({to, std::move(fd)});
}

void HttpDriver::drop_idle(int fd) {
  loop_.unwatch(fd);
  std::erase_if(idle_, [fd](const Idle& idle) { return idle.fd.get() == fd; });
}

void HttpDriver::cancel(CallId call) { finish(call, fail(Code::kCancelled, "the caller withdrew the call")); }

void HttpDriver::publish(CallRequest message, OnDone done) {
  message.payload = text::find_invalid_utf8(message.payload) == std::string_view::npos
                        ? text::to_json(Json::object({{"body", message.payload}}))
                        : text::to_json(Json::object({{"b64", to_base64(as_bytes(message.payload))}}));
  call(std::move(message), [done = std::move(done)](const Result<CallReply>& reply) {
    if (!reply) return done(std::unexpected(reply.error()));
    if (reply->kind == CallReply::Kind::kResult) return done({});
    done(fail(Code::kDriverFailed, "the server refused the message: " + reply->payload.substr(0, 200)));
  });
}

Json HttpDriver::health() const {
  return Json::object({{"ok", true},
                       {"calls", static_cast<std::int64_t>(calls_)},
                       {"connections", static_cast<std::int64_t>(connections_)},
                       {"failures", static_cast<std::int64_t>(failures_)},
                       {"running", static_cast<std::int64_t>(running_.size())}});
}

Result<Json> HttpDriver::control(std::string_view verb, const Json&) {
  return fail(Code::kUnknownVerb, fmt::format("an http driver has no `{}`", verb));
}

void HttpDriver::stop(OnDone done) {
  while (!running_.empty()) finish(running_.begin()->first, fail(Code::kCancelled, "the driver stops"));
  loop_.post([done = std::move(done)] { done({}); });
}

}  // namespace rtt::drivers
