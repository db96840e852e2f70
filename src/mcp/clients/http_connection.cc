// SPDX-License-Identifier: Apache-2.0
#include "mcp/clients/http_connection.h"

#include <array>
#include <utility>

#include "base/assert.h"
#include "mcp/wire/jsonrpc.h"
#include "model/limits.h"
#include "os/tcp.h"
#include "os/unix_socket.h"

namespace rtt::mcp {
namespace {

using drivers::HttpAnswer;
using Progress = drivers::HttpRequestReader::Progress;

constexpr int kReadsPerRound = 8;  // then the other clients and servers get their turn
constexpr std::size_t kReadBytes = std::size_t{16} << 10;

}  // namespace

drivers::HttpHeaders page_headers(const HttpAsk& ask) {
  if (ask.origin.empty()) return {};
  return {{"Access-Control-Allow-Origin", ask.origin},
          {"Access-Control-Expose-Headers", "Mcp-Session-Id, WWW-Authenticate"},
          {"Vary", "Origin"}};
}

HttpConnection::HttpConnection(os::Loop& loop, HttpConnectionOwner& owner, WriteBatch* batch, os::Fd socket,
                               ConnId id)
    : loop_(loop),
      owner_(owner),
      batch_(batch),
      socket_(std::move(socket)),
      id_(id),
      reader_(limits::kMcpLineBytesMax),
      outbox_(limits::kClientQueueBytesMax) {
  wait_at_most(kHttpHeadMs);
}

HttpConnection::~HttpConnection() {
  if (batch_ != nullptr) batch_->forget(*this);
  if (loop_.watching(socket_.get())) loop_.unwatch(socket_.get());
}

Status HttpConnection::start() {
  return loop_.watch(socket_.get(), os::kReadable, [this](std::uint32_t ready) {
    if ((ready & os::kWritable) != 0) flush();
    if ((ready & (os::kReadable | os::kHangup)) != 0 && state_ != State::kClosed) read_input();
  });
}

void HttpConnection::wait_at_most(std::int64_t ms) { deadline_ = loop_.now() + nanos_from_ms(ms); }

void HttpConnection::read_input() {
  const WriteBatch::Scope batched(batch_);
  // Zeroing it would cost as much as a short read does.
  std::array<std::byte, kReadBytes> buffer;  // NOLINT(*-member-init)
  for (int i = 0; i < kReadsPerRound && state_ != State::kClosed; ++i) {
    const auto got = os::receive(socket_.get(), buffer);
    if (!got || got->closed) return close();
    if (got->would_block) return;
    if (state_ == State::kLingers) continue;  // read, so that closing does not reset
    const bool begins = state_ == State::kReads && !reader_.begun();
    reader_.feed(as_text(ByteView(buffer).first(got->bytes)));
    if (owes()) {
      ahead_bytes_ += got->bytes;
      if (ahead_bytes_ > kHttpAheadBytesMax) return watch();
      continue;
    }
    if (begins) wait_at_most(kHttpHeadMs);
    take_requests();
    if (got->bytes < buffer.size()) return;
  }
}

void HttpConnection::take_requests() {
  if (std::exchange(taking_, true)) return;  // an answer given at once: the loop below goes on
  while (state_ == State::kReads && take_request()) {
  }
  taking_ = false;
}

bool HttpConnection::take_request() {
  const auto progress = reader_.read();
  if (!progress) {
    last_words(refusal_of(progress.error()));
    return false;
  }
  switch (*progress) {
    case Progress::kNothing:
      // A refused body that is not there yet is not waited for.
      if (refusal_) last_words(*std::exchange(refusal_, {}));
      return false;
    case Progress::kHead: {
      auto verdict = owner_.on_head(reader_);
      keeps_ = reader_.keeps_alive();
      chunked_ = !reader_.http10();
      wait_at_most(kHttpBodyMs);
      if (auto* const refused = std::get_if<HttpRefusal>(&verdict)) {
        ask_ = {};
        refusal_ = std::move(*refused);
      } else {
        ask_ = std::get<HttpAsk>(std::move(verdict));
        if (reader_.wants_continue()) write(drivers::kHttpContinue);
      }
      return true;
    }
    case Progress::kWhole:
      break;
  }
  deadline_.reset();
  state_ = State::kOwes;
  if (refusal_) {
    refuse(*std::exchange(refusal_, {}));
  } else {
    owner_.on_request(*this, ask_, reader_.body());
  }
  return true;
}

void HttpConnection::refuse(const HttpRefusal& refusal) {
  answer(refusal.status, refusal.headers,
         error_line({}, error_object(RpcCode::kInvalidRequest, refusal.message)));
}

void HttpConnection::last_words(const HttpRefusal& refusal) {
  state_ = State::kOwes;
  keeps_ = false;
  refuse(refusal);
}

void HttpConnection::answer(int status, drivers::HttpHeaders headers, std::string_view body) {
  RTT_ASSERT(state_ == State::kOwes);
  if (body.ends_with('\n')) body.remove_suffix(1);
  if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
  for (auto& header : page_headers(ask_)) headers.push_back(std::move(header));
  write(drivers::write_answer({.status = status,
                               .headers = std::move(headers),
                               .after = keeps_ ? HttpAnswer::After::kKeep : HttpAnswer::After::kClose,
                               .body = body}));
  finished();
}

void HttpConnection::begin_events(drivers::HttpHeaders headers) {
  RTT_ASSERT(state_ == State::kOwes);
  state_ = State::kStreams;
  headers.emplace_back("Content-Type", "text/event-stream");
  headers.emplace_back("Cache-Control", "no-store");
  for (auto& header : page_headers(ask_)) headers.push_back(std::move(header));
  keeps_ = keeps_ && chunked_;
  write(
      drivers::write_answer({.headers = std::move(headers),
                             .frame = chunked_ ? HttpAnswer::Frame::kChunked : HttpAnswer::Frame::kUntilClose,
                             .after = keeps_ ? HttpAnswer::After::kKeep : HttpAnswer::After::kClose,
                             .body = {}}));
}

void HttpConnection::events(std::string_view text) {
  if (state_ == State::kStreams) write(chunked_ ? drivers::http_chunk(text) : std::string(text));
}

void HttpConnection::end_events() {
  if (state_ != State::kStreams) return;
  if (chunked_) write(drivers::kHttpLastChunk);
  finished();
}

void HttpConnection::finished() {
  if (state_ == State::kClosed) return;
  if (!keeps_) return linger();
  reader_.next();
  ahead_bytes_ = 0;
  state_ = State::kReads;
  wait_at_most(reader_.begun() ? kHttpHeadMs : kHttpIdleMs);
  watch();
  take_requests();
}

void HttpConnection::linger() {
  state_ = State::kLingers;
  wait_at_most(kHttpLingerMs);
  if (outbox_.empty()) os::finish_writing(socket_.get());
  watch();
}

void HttpConnection::write(std::string_view bytes) {
  if (state_ == State::kClosed) return;
  const bool later = batch_ != nullptr && batch_->open();
  if (const Status written = later ? outbox_.keep(bytes) : outbox_.write(socket_.get(), bytes); !written)
    return close();
  if (later) {
    batch_->add(*this);
    flush_comes_ = true;
  } else {
    watch();
  }
}

void HttpConnection::flush() {
  flush_comes_ = false;
  if (state_ == State::kClosed) return;
  const std::size_t before = outbox_.bytes();
  if (const Status flushed = outbox_.flush(socket_.get()); !flushed) return close();
  if (outbox_.bytes() < before) stalled_.reset();
  if (state_ == State::kLingers && outbox_.empty()) os::finish_writing(socket_.get());
  watch();
}

void HttpConnection::watch() {
  if (state_ == State::kClosed || !loop_.watching(socket_.get())) return;
  std::uint32_t interest = ahead_bytes_ > kHttpAheadBytesMax ? 0U : std::uint32_t{os::kReadable};
  if (outbox_.empty()) {
    stalled_.reset();
  } else if (!flush_comes_) {  // else it will most likely be empty then: two system calls a request less
    interest |= os::kWritable;
    if (!stalled_) stalled_ = loop_.now() + nanos_from_ms(kHttpStallMs);
  }
  loop_.change(socket_.get(), interest);
}

void HttpConnection::expire(Instant now) {
  if (stalled_ && now >= *stalled_) return close();
  if (!deadline_ || now < *deadline_) return;
  if (state_ == State::kReads && reader_.begun()) {
    last_words({.status = 408, .message = "the request took too long to arrive", .headers = {}});
  } else {
    close();
  }
}

void HttpConnection::close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  loop_.unwatch(socket_.get());
  owner_.on_closed(*this);
}

}  // namespace rtt::mcp
