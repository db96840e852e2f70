// SPDX-License-Identifier: Apache-2.0
#include "drivers/http_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace rtt::drivers {
namespace {

constexpr std::size_t kChunkLineMax = 4096;
constexpr std::size_t kBufferedMax = kHttpHeadBytesMax * 2;  // of trailers: one read brings 64 KiB

bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.find(c) != std::string_view::npos;
  });
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

std::unexpected<Error> bad(std::string_view why) {
  return fail(Code::kDriverProtocol, fmt::format("the server's answer is no HTTP/1.1: {}", why));
}

}  // namespace

Result<std::string> write_request(const HttpRequest& request) {
  const bool plain = std::ranges::all_of(request.target, [](char c) { return c > ' ' && c < '\x7f'; });
  if (!is_token(request.method)) return fail(Code::kBadArgument, "`method` is no HTTP method");
  if (!plain || !request.target.starts_with('/')) {
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

const std::string* HttpReader::header(std::string_view name) const {
  const auto at = std::ranges::find(response_.headers, name, &HttpHeaders::value_type::first);
  return at == response_.headers.end() ? nullptr : &at->second;
}

bool HttpReader::reusable() const {
  if (phase_ != Phase::kDone || !buffer_.empty() || http10_) return false;
  const std::string* connection = header("connection");
  const bool framed = header("content-length") != nullptr || header("transfer-encoding") != nullptr ||
                      expects_ == Body::kNone || response_.status == 204 || response_.status == 304;
  return framed && (connection == nullptr || lower(*connection) == "keep-alive");
}

Status HttpReader::read_header(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
    return bad("a header line without a name");
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (!is_value(value)) return bad("a header's value with a bare CR or NUL");
  response_.headers.emplace_back(lower(line.substr(0, colon)), value);
  return {};
}

Status HttpReader::read_head(std::string_view head) {
  response_ = {};
  const std::size_t end = head.find("\r\n");
  const std::string_view status = head.substr(0, end);
  if (status.size() < 12 || !status.starts_with("HTTP/1.") || status[8] != ' ' ||
      (status.size() > 12 && status[12] != ' ')) {
    return bad("its status line");
  }
  http10_ = status[7] == '0';
  const auto code = number(status.substr(9, 3), 10);
  if (!code || *code < 100) return bad("its status");
  response_.status = static_cast<int>(*code);
  for (std::string_view rest = head.substr(end + 2); !rest.empty();) {
    const std::size_t line = rest.find("\r\n");
    RTT_TRY(read_header(rest.substr(0, line)));
    rest.remove_prefix(line + 2);
  }
  if (*code < 200)
    return *code == 101 ? bad("an upgrade nobody asked for") : Status();  // the next head follows
  return choose_body();
}

Status HttpReader::choose_body() {
  phase_ = Phase::kDone;
  const auto count = [&](std::string_view name) {
    return std::ranges::count(response_.headers, name, &HttpHeaders::value_type::first);
  };
  if (count("transfer-encoding") > 0 && count("content-length") > 0)
    return bad("a length and a transfer coding");
  if (count("transfer-encoding") > 1 || count("content-length") > 1)
    return bad("a header twice that may be there once");
  if (expects_ == Body::kNone || response_.status == 204 || response_.status == 304) return {};
  if (const std::string* coding = header("transfer-encoding")) {
    if (lower(*coding) != "chunked") return bad("an unknown transfer coding");
    phase_ = Phase::kChunkSize;
    return {};
  }
  const std::string* length = header("content-length");
  if (length == nullptr) {
    phase_ = Phase::kUntilClose;
    return {};
  }
  const auto bytes = number(*length, 10);
  if (!bytes) return bad("its length");
  left_ = *bytes;
  if (left_ > body_bytes_max_)
    return fail(Code::kTooLarge,
                fmt::format("the answer has {} bytes; the limit is {}", left_, body_bytes_max_));
  if (left_ > 0) phase_ = Phase::kLength;
  return {};
}

Status HttpReader::take_body(std::size_t count) {
  if (response_.body.size() + count > body_bytes_max_) {
    return fail(Code::kTooLarge, fmt::format("the answer has more than {} bytes", body_bytes_max_));
  }
  response_.body.append(buffer_, 0, count);
  buffer_.erase(0, count);
  return {};
}

std::optional<std::string> HttpReader::line() {
  const std::size_t end = buffer_.find("\r\n");
  if (end == std::string::npos) return std::nullopt;
  std::string text = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return text;
}

Result<HttpReader::More> HttpReader::chunk_size() {
  const auto text = line();
  if (!text) return buffer_.size() > kChunkLineMax ? Result<More>(bad("a chunk's size")) : More::kNo;
  const auto size = number(trimmed(std::string_view(*text).substr(0, text->find(';'))), 16);
  if (!size) return bad("a chunk's size");
  left_ = *size;
  if (left_ > body_bytes_max_) {
    return fail(Code::kTooLarge, fmt::format("the answer has more than {} bytes", body_bytes_max_));
  }
  phase_ = left_ == 0 ? Phase::kTrailer : Phase::kChunk;
  return More::kYes;
}

Result<HttpReader::More> HttpReader::trailer() {
  const auto text = line();
  trailer_bytes_ += text ? text->size() : 0;
  if (trailer_bytes_ > kHttpHeadBytesMax || buffer_.size() > kBufferedMax) return bad("its trailers");
  if (!text) return More::kNo;
  if (text->empty()) phase_ = Phase::kDone;
  return phase_ == Phase::kDone ? More::kNo : More::kYes;
}

Result<HttpReader::More> HttpReader::head() {
  const std::size_t end = buffer_.find("\r\n\r\n");
  if (std::min(end, buffer_.size()) > kHttpHeadBytesMax) {
    return fail(Code::kTooLarge, "the answer's headers are over 64 KiB");
  }
  if (end == std::string::npos) return More::kNo;
  const std::string text = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  RTT_TRY(read_head(text));
  return More::kYes;
}

// One step over what is buffered; kNo when it needs bytes, or the response is whole.
Result<HttpReader::More> HttpReader::step() {
  switch (phase_) {
    case Phase::kHead:
      return head();
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
    case Phase::kDone:
      break;
  }
  return More::kNo;
}

Result<bool> HttpReader::feed(std::string_view bytes) {
  begun_ = begun_ || !bytes.empty();
  buffer_ += bytes;
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

}  // namespace rtt::drivers
