// SPDX-License-Identifier: Apache-2.0
#include "mcp/clients/http_streams.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "mcp/wire/jsonrpc.h"

namespace rtt::mcp {
namespace {

constexpr HttpStreamId kGeneral = 0;
constexpr std::string_view kComment = ":\n\n";
constexpr std::string_view kRetry = "\nretry: 1000\n";  // ms until a client whose stream broke comes back
constexpr std::string_view kPrimesFrom =
    "2025-11-25";  // older clients read an event without data as bad JSON

std::string id_text(HttpStreamId stream, std::uint64_t event) {
  return std::to_string(stream) + "-" + std::to_string(event);
}

// In events a CR ends a line too; in JSON it is white space where it may stand.
std::string event_text(std::string head, std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  std::string out = std::move(head) + "event: message\ndata: ";
  const std::size_t from = out.size();
  out.append(line);
  for (std::size_t i = from; i < out.size(); ++i) {
    if (out[i] == '\r' || out[i] == '\n') out[i] = ' ';
  }
  return out + "\n\n";
}

// The HTTP status the protocol wants for a modern answer.
int modern_status(std::string_view line) {
  if (line.find(R"("error":{)") == std::string_view::npos) return 200;
  const Message message = classify(line);
  const auto code = message.kind == MessageKind::kError ? member(message.payload, "code") : std::nullopt;
  const auto is = [&](RpcCode known) {
    return code == std::string_view(std::to_string(static_cast<std::int32_t>(known)));
  };
  if (is(RpcCode::kMethodNotFound)) return 404;
  const bool refused =
      is(RpcCode::kHeaderMismatch) || is(RpcCode::kMissingCapability) || is(RpcCode::kUnsupportedVersion);
  return refused ? 400 : 200;
}

struct EventId {
  HttpStreamId stream = 0;
  std::uint64_t event = 0;
};
std::optional<EventId> read_id(std::string_view text) {
  const auto number = [](std::string_view digits) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const char* const end = digits.data() + digits.size();
    const auto [at, error] = std::from_chars(digits.data(), end, value);
    if (digits.empty() || error != std::errc{} || at != end) return std::nullopt;
    return value;
  };
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto stream = number(text.substr(0, dash));
  const auto event = number(text.substr(dash + 1));
  if (!stream || !event) return std::nullopt;
  return EventId{*stream, *event};
}

}  // namespace

void HttpStreams::speak(std::string_view protocol) { primes_ = protocol >= kPrimesFrom; }

HttpStreamId HttpStreams::begin(ConnId conn, HttpAsk::Takes takes, Instant now, Era era) {
  const HttpStreamId id = next_++;
  streams_.set(id, {.conn = conn, .takes = takes, .era = era, .last = now});
  return id;
}

void HttpStreams::open(HttpActions& out, HttpStreamId id, Stream& stream, Instant now) {
  stream.mode = Stream::Mode::kEvents;
  stream.last = now;
  out.emplace_back(http::Begin{stream.conn});
  if (primes_ && stream.era == Era::kLegacy) {
    out.emplace_back(
        http::Text{stream.conn, "id: " + id_text(id, stream.sent) + std::string(kRetry) + "data: \n\n"});
  }
}

void HttpStreams::add(HttpActions& out, HttpStreamId id, Stream& stream, std::string_view line, Instant now) {
  if (stream.era == Era::kModern) {
    stream.last = now;
    out.emplace_back(http::Text{stream.conn, event_text({}, line)});
    return;
  }
  std::string text = event_text("id: " + id_text(id, ++stream.events) + "\n", line);
  if (stream.conn != 0) {
    stream.sent = stream.events;
    stream.last = now;
    out.emplace_back(http::Text{stream.conn, text});
  }
  keep({.stream = id, .event = stream.events, .text = std::move(text)});
}

void HttpStreams::keep(Kept event) {
  kept_bytes_ += event.text.size();
  kept_.push_back(std::move(event));
  while (!kept_.empty() && (kept_bytes_ > kHttpReplayBytesMax || kept_.size() > kHttpReplayEventsMax)) {
    kept_bytes_ -= kept_.front().text.size();
    kept_.pop_front();
  }
}

HttpActions HttpStreams::deliver(std::string_view line, HttpStreamId id, Which which, Instant now) {
  HttpActions out;
  Stream* const found = id == kGeneral ? nullptr : streams_.find(id);
  using Mode = Stream::Mode;
  if (which == Which::kBefore) {
    if (found && found->era == Era::kModern && found->takes == HttpAsk::Takes::kJson) return out;
    // Without an id of an event of it, a client cannot come back for a stream that lost its connection.
    const bool carries =
        found && found->takes != HttpAsk::Takes::kJson && (found->conn != 0 || found->mode == Mode::kEvents);
    Stream& stream = carries ? *found : general_;
    if (carries && stream.mode == Mode::kUndecided) open(out, id, stream, now);
    add(out, carries ? id : kGeneral, stream, line, now);
    return out;
  }
  if (!found) return out;
  const bool json = found->takes == HttpAsk::Takes::kBoth || found->takes == HttpAsk::Takes::kJson;
  const bool refused = found->era == Era::kModern && modern_status(line) != 200;
  const bool whole = found->mode == Mode::kUndecided && (json || refused);
  if (whole) {
    if (line.ends_with('\n')) line.remove_suffix(1);
    const int status = refused ? modern_status(line) : 200;
    if (found->conn != 0) out.emplace_back(http::Whole{found->conn, std::string(line), status});
  } else {
    if (found->mode == Mode::kUndecided && found->conn != 0) open(out, id, *found, now);
    add(out, id, *found, line, now);
    if (found->conn != 0) out.emplace_back(http::End{found->conn});
  }
  streams_.erase(id);
  return out;
}

HttpActions HttpStreams::withdraw(HttpStreamId id) {
  HttpActions out;
  const Stream* const stream = streams_.find(id);
  if (!stream) return out;
  if (stream->conn != 0) {
    if (stream->mode == Stream::Mode::kEvents) {
      out.emplace_back(http::End{stream->conn});
    } else {
      out.emplace_back(http::Nothing{stream->conn});
    }
  }
  streams_.erase(id);
  return out;
}

// Gives the events after `after`; the last one's number, or `after`.
std::uint64_t HttpStreams::replay(HttpActions& out, ConnId conn, HttpStreamId id, std::uint64_t after) const {
  for (const Kept& event : kept_) {
    if (event.stream != id || event.event <= after) continue;
    out.emplace_back(http::Text{conn, event.text});
    after = event.event;
  }
  return after;
}

HttpStreams::Listening HttpStreams::listen(ConnId conn, const std::optional<std::string>& last_event_id,
                                           Instant now) {
  EventId from{.stream = kGeneral, .event = general_.sent};
  if (last_event_id) {
    const auto read = read_id(*last_event_id);
    if (!read) return {.heard = Heard::kForgotten, .actions = {}};
    from = *read;
  }
  if (from.stream != kGeneral) return resume(conn, from.stream, from.event, now);
  if (general_.conn != 0) return {.heard = Heard::kBusy, .actions = {}};
  Listening out;
  general_.conn = conn;
  general_.sent = std::min(from.event, general_.events);
  open(out.actions, kGeneral, general_, now);
  general_.sent = replay(out.actions, conn, kGeneral, general_.sent);
  return out;
}

HttpStreams::Listening HttpStreams::resume(ConnId conn, HttpStreamId id, std::uint64_t after, Instant now) {
  Listening out;
  Stream* const stream = streams_.find(id);
  if (stream && stream->mode == Stream::Mode::kEvents) {
    if (stream->conn != 0) out.actions.emplace_back(http::End{stream->conn});  // the client has given it up
    stream->conn = conn;
    stream->sent = std::min(after, stream->events);
    open(out.actions, id, *stream, now);
    stream->sent = replay(out.actions, conn, id, stream->sent);
    return out;
  }
  out.actions.emplace_back(http::Begin{conn});
  if (replay(out.actions, conn, id, after) == after) return {.heard = Heard::kForgotten, .actions = {}};
  out.actions.emplace_back(http::End{conn});
  return out;
}

std::vector<HttpStreamId> HttpStreams::gone(ConnId conn) {
  std::vector<HttpStreamId> ended;
  if (general_.conn == conn) general_.conn = 0;
  for (auto& [id, stream] : streams_) {
    if (stream.conn != conn) continue;
    stream.conn = 0;
    if (stream.era == Era::kModern) ended.push_back(id);
  }
  for (const HttpStreamId id : ended) streams_.erase(id);
  return ended;
}

void HttpStreams::quieten(HttpActions& out, HttpStreamId id, Stream& stream, Instant now) {
  if (stream.conn == 0 || now - stream.last < kHttpQuiet || stream.takes == HttpAsk::Takes::kJson) return;
  if (stream.mode == Stream::Mode::kUndecided) {
    open(out, id, stream, now);
  } else {
    stream.last = now;
    out.emplace_back(http::Text{stream.conn, std::string(kComment)});
  }
}

HttpActions HttpStreams::tick(Instant now) {
  HttpActions out;
  quieten(out, kGeneral, general_, now);
  for (auto& [id, stream] : streams_) quieten(out, id, stream, now);
  return out;
}

HttpActions HttpStreams::end() {
  HttpActions out;
  if (general_.conn != 0) out.emplace_back(http::End{std::exchange(general_.conn, 0)});
  for (const auto& [id, stream] : streams_) {
    if (stream.conn == 0) continue;
    if (stream.mode == Stream::Mode::kEvents) {
      out.emplace_back(http::End{stream.conn});
    } else {
      out.emplace_back(http::Refuse{stream.conn});
    }
  }
  streams_ = {};
  return out;
}

}  // namespace rtt::mcp
