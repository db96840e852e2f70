// SPDX-License-Identifier: Apache-2.0
#include "drivers/http_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace rtt::drivers {
namespace {

constexpr std::size_t kChunkLineMax = 4096;
constexpr std::size_t kBufferedMax = kHttpHeadBytesMax * 2;  // of trailers: one read brings 64 KiB

constexpr auto kTokenBytes = [] {
  std::array<bool, 256> out{};
  for (const char c :
       std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    out[static_cast<unsigned char>(c)] = true;
  return out;
}();

bool is_token(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return kTokenBytes[static_cast<unsigned char>(c)]; });
}

bool is_value(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::uint64_t> number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_target(std::string_view text) {
  return text.starts_with('/') && std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

bool names(std::string_view list, std::string_view word) {
  for (std::size_t end = 0; !list.empty(); list.remove_prefix(std::min(list.size(), end + 1))) {
    end = std::min(list.find(','), list.size());
    if (trimmed(list.substr(0, end)) == word) return true;
  }
  return false;
}

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Unknown";
  }
}

}  // namespace

Result<std::string> write_request(const HttpRequest& request) {
  if (!is_token(request.method)) return fail(Code::kBadArgument, "`method` is no HTTP method");
  if (!is_target(request.target)) {
    return fail(Code::kBadArgument, "`path` begins with / and holds visible ASCII only", {},
                "escape it as %XX");
  }
  std::string out =
      fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, request.target, request.host);
  for (const auto& [name, value] : request.headers) {
    const std::string plain_name = lower(name);
    if (!is_token(name) || !is_value(value))
      return fail(Code::kBadArgument, "a header's name or value holds a byte it may not");
    for (const std::string_view ours :
         {"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade"}) {
      if (plain_name == ours)
        return fail(Code::kBadArgument, fmt::format("the header {} is RTT's to set", ours));
    }
    out += fmt::format("{}: {}\r\n", name, value);
  }
  const bool bodiless = request.body.empty() && (request.method == "GET" || request.method == "HEAD");
  if (!bodiless) out += fmt::format("Content-Length: {}\r\n", request.body.size());
  return out + "\r\n" + request.body;
}

std::string write_answer(const HttpAnswer& answer) {
  using Frame = HttpAnswer::Frame;
  constexpr std::size_t kHeadGuess = 512;
  std::string out;
  out.reserve(kHeadGuess + answer.body.size());
  const auto line = [&out](auto... parts) { (out.append(parts), ...).append("\r\n"); };
  line("HTTP/1.1 ", fmt::format_int(answer.status).c_str(), " ", reason(answer.status));
  for (const auto& [name, value] : answer.headers)
    line(std::string_view(name), ": ", std::string_view(value));
  if (answer.frame == Frame::kChunked) line("Transfer-Encoding: chunked");
  if (answer.frame == Frame::kLength && answer.status != 204)
    line("Content-Length: ", fmt::format_int(answer.body.size()).c_str());
  if (answer.after == HttpAnswer::After::kClose || answer.frame == Frame::kUntilClose)
    line("Connection: close");
  out += "\r\n";
  return out.append(answer.body);
}

std::string http_chunk(std::string_view bytes) { return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes); }

std::unexpected<Error> HttpMessageReader::bad(std::string_view why) const {
  return fail(Code::kDriverProtocol, fmt::format("{} is no HTTP/1.1: {}", words_.broken, why));
}

std::unexpected<Error> HttpMessageReader::too_large(std::uint64_t bytes) const {
  return fail(Code::kTooLarge,
              fmt::format("{} has {} bytes or more; the limit is {}", words_.whole, bytes, body_bytes_max_));
}

const std::string* HttpMessageReader::header(std::string_view name) const {
  const auto at = std::ranges::find(headers_, name, &HttpHeaders::value_type::first);
  return at == headers_.end() ? nullptr : &at->second;
}

std::size_t HttpMessageReader::count(std::string_view name) const {
  return static_cast<std::size_t>(std::ranges::count(headers_, name, &HttpHeaders::value_type::first));
}

void HttpMessageReader::add(std::string_view bytes) {
  begun_ = begun_ || !bytes.empty();
  buffer_ += bytes;
}

void HttpMessageReader::start_over() {
  phase_ = Phase::kHead;
  headers_.clear();
  body_.clear();
  begun_ = !buffer_.empty();
  trailer_bytes_ = 0;
}

Result<std::optional<std::string>> HttpMessageReader::take_head() {
  const std::size_t end = buffer_.find("\r\n\r\n", searched_);
  if (std::min(end, buffer_.size()) > kHttpHeadBytesMax) {
    return fail(Code::kTooLarge, fmt::format("{}'s headers are over 64 KiB", words_.whole));
  }
  if (end == std::string::npos) {
    searched_ = buffer_.size() - std::min<std::size_t>(buffer_.size(), 3);
    return std::nullopt;
  }
  std::string text = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  searched_ = 0;
  return text;
}

Status HttpMessageReader::read_header(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
    return bad("a header line without a name");
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (!is_value(value)) return bad("a header's value with a bare CR or NUL");
  headers_.emplace_back(lower(line.substr(0, colon)), value);
  return {};
}

Status HttpMessageReader::read_headers(std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = lines.find("\r\n");
    RTT_TRY(read_header(lines.substr(0, end)));
    lines.remove_prefix(end + 2);
  }
  return {};
}

Status HttpMessageReader::choose_body(Framing framing) {
  phase_ = Phase::kDone;
  if (count("transfer-encoding") > 0 && count("content-length") > 0)
    return bad("a length and a transfer coding");
  if (count("transfer-encoding") > 1 || count("content-length") > 1)
    return bad("a header twice that may be there once");
  if (framing == Framing::kNoBody) return {};
  if (const std::string* coding = header("transfer-encoding")) {
    if (lower(*coding) != "chunked") return bad("an unknown transfer coding");
    phase_ = Phase::kChunkSize;
    return {};
  }
  const std::string* length = header("content-length");
  if (length == nullptr) {
    if (framing == Framing::kUntilClose) phase_ = Phase::kUntilClose;
    return {};
  }
  const auto bytes = number(*length, 10);
  if (!bytes) return bad("its length");
  left_ = *bytes;
  if (left_ > body_bytes_max_) return too_large(left_);
  if (left_ > 0) phase_ = Phase::kLength;
  return {};
}

Status HttpMessageReader::take_body(std::size_t count) {
  if (body_.size() + count > body_bytes_max_) return too_large(body_.size() + count);
  body_.append(buffer_, 0, count);
  buffer_.erase(0, count);
  return {};
}

std::optional<std::string> HttpMessageReader::line() {
  const std::size_t end = buffer_.find("\r\n");
  if (end == std::string::npos) return std::nullopt;
  std::string text = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return text;
}

Result<HttpMessageReader::More> HttpMessageReader::chunk_size() {
  const auto text = line();
  if (!text) return buffer_.size() > kChunkLineMax ? Result<More>(bad("a chunk's size")) : More::kNo;
  const auto size = number(trimmed(std::string_view(*text).substr(0, text->find(';'))), 16);
  if (!size) return bad("a chunk's size");
  left_ = *size;
  if (left_ > body_bytes_max_) return too_large(left_);
  phase_ = left_ == 0 ? Phase::kTrailer : Phase::kChunk;
  return More::kYes;
}

Result<HttpMessageReader::More> HttpMessageReader::trailer() {
  const auto text = line();
  trailer_bytes_ += text ? text->size() : 0;
  if (trailer_bytes_ > kHttpHeadBytesMax || (!text && buffer_.size() > kBufferedMax))
    return bad("its trailers");
  if (!text) return More::kNo;
  if (text->empty()) phase_ = Phase::kDone;
  return phase_ == Phase::kDone ? More::kNo : More::kYes;
}

// One step over what is buffered; kNo when it needs bytes, or the message is whole.
Result<HttpMessageReader::More> HttpMessageReader::body_step() {
  switch (phase_) {
    case Phase::kLength:
    case Phase::kChunk: {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, buffer_.size()));
      RTT_TRY(take_body(count));
      left_ -= count;
      if (left_ > 0) return More::kNo;
      phase_ = phase_ == Phase::kChunk ? Phase::kChunkEnd : Phase::kDone;
      return More::kYes;
    }
    case Phase::kUntilClose:
      RTT_TRY(take_body(buffer_.size()));
      return More::kNo;
    case Phase::kChunkSize:
      return chunk_size();
    case Phase::kChunkEnd:
      if (buffer_.size() < 2) return More::kNo;
      if (!buffer_.starts_with("\r\n")) return bad("a chunk without its end");
      buffer_.erase(0, 2);
      phase_ = Phase::kChunkSize;
      return More::kYes;
    case Phase::kTrailer:
      return trailer();
    case Phase::kHead:
    case Phase::kDone:
      break;
  }
  return More::kNo;
}

HttpReader::HttpReader(std::size_t body_bytes_max, Body body)
    : HttpMessageReader({.broken = "the server's answer", .whole = "the answer"}, body_bytes_max),
      expects_(body) {}

bool HttpReader::reusable() const {
  if (phase_ != Phase::kDone || !buffer_.empty() || http10_) return false;
  const std::string* connection = header("connection");
  const bool framed = header("content-length") != nullptr || header("transfer-encoding") != nullptr ||
                      expects_ == Body::kNone || status_ == 204 || status_ == 304;
  return framed && (connection == nullptr || lower(*connection) == "keep-alive");
}

HttpResponse HttpReader::take() {
  return {.status = status_, .headers = std::move(headers_), .body = std::move(body_)};
}

Status HttpReader::read_head(std::string_view head) {
  headers_.clear();
  const std::size_t end = head.find("\r\n");
  const std::string_view status = head.substr(0, end);
  if (status.size() < 12 || !status.starts_with("HTTP/1.") || status[8] != ' ' ||
      (status.size() > 12 && status[12] != ' ')) {
    return bad("its status line");
  }
  http10_ = status[7] == '0';
  const auto code = number(status.substr(9, 3), 10);
  if (!code || *code < 100) return bad("its status");
  status_ = static_cast<int>(*code);
  RTT_TRY(read_headers(head.substr(end + 2)));
  if (*code < 200)
    return *code == 101 ? bad("an upgrade nobody asked for") : Status();  // the next head follows
  const bool bodiless = expects_ == Body::kNone || status_ == 204 || status_ == 304;
  return choose_body(bodiless ? Framing::kNoBody : Framing::kUntilClose);
}

Result<HttpReader::More> HttpReader::step() {
  if (phase_ != Phase::kHead) return body_step();
  RTT_TRY_SET(const auto head, take_head());
  if (!head) return More::kNo;
  RTT_TRY(read_head(*head));
  return More::kYes;
}

Result<bool> HttpReader::feed(std::string_view bytes) {
  add(bytes);
  for (More more = More::kYes; more == More::kYes;) {
    RTT_TRY_SET(more, step());
  }
  return phase_ == Phase::kDone;
}

Result<bool> HttpReader::close() {
  if (phase_ == Phase::kUntilClose) phase_ = Phase::kDone;
  if (phase_ == Phase::kDone) return true;
  return fail(Code::kLost, "the server closed the connection before its answer was whole");
}

HttpRequestReader::HttpRequestReader(std::size_t body_bytes_max)
    : HttpMessageReader({.broken = "the request", .whole = "the request"}, body_bytes_max) {}

void HttpRequestReader::feed(std::string_view bytes) { add(bytes); }

Status HttpRequestReader::read_head(std::string_view head) {
  const std::size_t end = head.find("\r\n");
  const std::string_view line = head.substr(0, end);
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return bad("its first line");
  method_ = line.substr(0, first);
  target_ = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(method_)) return bad("its method");
  if (!is_target(target_)) return bad("its target, which begins with / and holds visible ASCII only");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return bad("its version");
  http10_ = version == "HTTP/1.0";
  RTT_TRY(read_headers(head.substr(end + 2)));
  if (count("host") > 1 || (!http10_ && count("host") == 0)) return bad("not one Host");
  if (http10_ && count("transfer-encoding") > 0) return bad("a transfer coding in HTTP/1.0");
  return choose_body(Framing::kByHeaders);
}

Result<HttpRequestReader::Progress> HttpRequestReader::read() {
  if (phase_ == Phase::kHead) {
    while (buffer_.starts_with("\r\n")) buffer_.erase(0, 2);  // some send one behind a body (RFC 9112, 2.2)
    RTT_TRY_SET(const auto head, take_head());
    if (!head) return Progress::kNothing;
    RTT_TRY(read_head(*head));
  }
  if (!std::exchange(said_head_, true)) return Progress::kHead;
  for (More more = More::kYes; more == More::kYes;) {
    RTT_TRY_SET(more, body_step());
  }
  return phase_ == Phase::kDone ? Progress::kWhole : Progress::kNothing;
}

bool HttpRequestReader::keeps_alive() const {
  const std::string* connection = header("connection");
  const std::string wish = connection == nullptr ? std::string() : lower(*connection);
  return http10_ ? names(wish, "keep-alive") : !names(wish, "close");
}

bool HttpRequestReader::wants_continue() const {
  const std::string* expect = header("expect");
  return !http10_ && expect != nullptr && lower(*expect) == "100-continue" && phase_ != Phase::kDone &&
         buffer_.empty();
}

void HttpRequestReader::next() {
  said_head_ = false;
  start_over();
}

}  // namespace rtt::drivers
