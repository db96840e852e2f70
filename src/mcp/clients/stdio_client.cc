// SPDX-License-Identifier: Apache-2.0
#include "mcp/clients/stdio_client.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "model/limits.h"
#include "os/pipe.h"
#include "os/unix_socket.h"

namespace rtt::mcp {
namespace {

constexpr int kReadsPerRound = 4;  // then the other clients and servers get their turn
constexpr std::size_t kPauseAt = std::size_t{4} << 20;
constexpr std::size_t kResumeAt = std::size_t{1} << 20;

// A stream of a handover's client is the slot of its request; a predecessor's requests are replayed on one
// whose answers nobody wants.
constexpr StreamId kReplayed = ~StreamId{0};
StreamId stream_of(os::Handover::Slot slot) { return StreamId{slot} + 1; }
os::Handover::Slot slot_of(StreamId stream) { return static_cast<os::Handover::Slot>(stream - 1); }

// What the client was told its lists are, beside the lines that a successor replays: no line of JSON begins
// so.
constexpr std::string_view kListsLine = "lists ";
std::string lists_line(const CatalogDigests& lists) {
  return std::string(kListsLine) + bare_hex(lists.tools) + " " + bare_hex(lists.prompts) + " " +
         bare_hex(lists.resources);
}
std::optional<CatalogDigests> lists_from(std::string_view line) {
  constexpr std::size_t kHex = 2 * sizeof(Digest);
  if (line.size() != kListsLine.size() + 3 * kHex + 2) return std::nullopt;
  const auto digest = [&](std::size_t index) {
    return parse_bare_hex(line.substr(kListsLine.size() + index * (kHex + 1), kHex));
  };
  const auto tools = digest(0), prompts = digest(1), resources = digest(2);
  if (!tools || !prompts || !resources) return std::nullopt;
  return CatalogDigests{.tools = *tools, .prompts = *prompts, .resources = *resources};
}

}  // namespace

StdioClient::StdioClient(os::Loop& loop, ClientServices& services, StdioFds fds, ClientOptions options)
    : loop_(loop),
      services_(services),
      fds_(std::move(fds)),
      stream_(limits::kMcpLineBytesMax),
      outbox_(limits::kClientQueueBytesMax),
      client_(services, *this, std::move(options)) {}

StdioClient::~StdioClient() {
  client_.end(1);
  if (WriteBatch* const batch = services_.batch()) batch->forget(*this);
  unwatch();
}

void StdioClient::unwatch() {
  for (const int fd : {fds_.in.get(), fds_.out.get(), fds_.control.get()}) {
    if (fd >= 0) loop_.unwatch(fd);
  }
}

Status StdioClient::start() {
  if (fds_.control.valid()) {
    RTT_TRY(loop_.watch(fds_.control.get(), os::kReadable, [this](std::uint32_t) {
      std::array<std::byte, 64> buffer{};
      const auto got = os::receive(fds_.control.get(), buffer);
      if (!got || got->closed) client_.end(1);
    }));
  }
  RTT_TRY(loop_.watch(fds_.in.get(), os::kReadable, [this](std::uint32_t) { read_input(); }));
  if (fds_.handover && fds_.handover->runs() > 0) take_over();
  return {};
}

void StdioClient::take_over() {
  os::Handover& handover = *fds_.handover;
  const WriteBatch::Scope batched(services_.batch());
  const std::string text = handover.text();
  std::optional<CatalogDigests> known;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (line.starts_with(kListsLine)) {
      known = lists_from(line);
      at = end + 1;
      continue;
    }
    const Message message = classify(line);
    client_.take(message, kReplayed);
    remember(message, line);
    at = end + 1;
  }
  if (known) client_.knew(*known);
  const Error lost{
      .code = Code::kLost,
      .message = "the MCP gateway ended while this was under way; whether it was done is not known"};
  for (const auto& [slot, id] : handover.owed()) {
    handover.append(error_line(id, rpc_error_of(lost)));
    handover.settle(slot);
  }
  if (const Status committed = handover.commit(); !committed) return client_.end(1);  // the input stays
  const std::string_view unread = handover.unread();
  for (std::size_t at = 0; at < unread.size() && client_.hears();) {
    const MutableBytes room = stream_.room();
    const std::size_t part = std::min(room.size(), unread.size() - at);
    std::memcpy(room.data(), unread.data() + at, part);
    stream_.commit(part);
    at += part;
    take_lines();
  }
  if (const Status committed = commit(); !committed) return client_.end(1);
  if (waiting() > 0) flush_output();
}

Status StdioClient::commit() {
  if (!fds_.handover) return {};
  if (client_.catalog() != kept_catalog_) keep();
  fds_.handover->left(stream_.buffered());
  return fds_.handover->commit();
}

std::size_t StdioClient::waiting() const {
  return fds_.handover ? fds_.handover->waiting() : outbox_.bytes();
}

void StdioClient::read_input() {
  services_.refresh();
  const WriteBatch::Scope batched(services_.batch());
  for (int i = 0; i < kReadsPerRound && client_.hears(); ++i) {
    // With a handover the bytes arrive in memory that survives, and are read from a copy.
    const MutableBytes own = stream_.room();
    MutableBytes room = fds_.handover ? fds_.handover->room() : own;
    room = room.first(std::min(room.size(), own.size()));
    const auto got = os::read_nowait(fds_.in.get(), room);
    if (!got || got->closed) {
      input_ended();
      return;
    }
    if (fds_.handover) {
      std::memcpy(own.data(), room.data(), got->bytes);
      fds_.handover->filled(got->bytes);
    }
    stream_.commit(got->bytes);
    take_lines();
    // Before the servers are sent anything: what was dealt with once is not dealt with again.
    if (const Status committed = commit(); !committed) return client_.end(1);
    if (got->would_block || got->bytes < room.size()) return;
  }
}

void StdioClient::take_lines() {
  while (client_.hears()) {
    const auto item = stream_.next();
    if (!item) break;
    if (item->overlong_bytes > 0) {
      client_.take_overlong(item->overlong_bytes, id_from_ends(item->head, item->tail).value_or(""));
    } else {
      take(item->line);
    }
  }
  pace_input();
}

void StdioClient::take(std::string_view line) {
  if (!fds_.handover) return client_.take(line);
  const Message message = classify(line);
  const auto slot = message.kind == MessageKind::kRequest ? fds_.handover->owe(message.id) : std::nullopt;
  client_.take(message, slot ? stream_of(*slot) : kNoStream);
  if (message.kind == MessageKind::kRequest) remember(message, line);
}

void StdioClient::remember(const Message& message, std::string_view line) {
  const bool on = message.method == "resources/subscribe", off = message.method == "resources/unsubscribe";
  if (message.method == "initialize") {
    if (greeting_.empty() && client_.is_identified()) greeting_ = line;
  } else if (message.method == "logging/setLevel") {
    level_ = line;
  } else if (on || off) {
    const auto raw = member(message.params, "uri");
    const auto uri = raw ? decode_string(*raw) : std::nullopt;
    if (!uri) return;
    if (on) {
      subscriptions_.insert_or_assign(*uri, std::string(line));
    } else {
      subscriptions_.erase(*uri);
    }
  } else {
    return;
  }
  keep();
}

void StdioClient::keep() {
  kept_catalog_ = client_.catalog();
  std::string text;
  for (const std::string* kept : {&greeting_, &level_}) {
    if (!kept->empty()) text += *kept + "\n";
  }
  for (const auto& [uri, kept] : subscriptions_) text += kept + "\n";
  if (kept_catalog_) text += lists_line(kept_catalog_->digests) + "\n";
  fds_.handover->keep_text(text);
}

void StdioClient::input_ended() {
  if (const auto rest = stream_.rest(); rest && !rest->line.empty()) take(rest->line);
  if (!client_.hears()) return;
  if (const Status committed = commit(); !committed) return client_.end(1);
  loop_.unwatch(fds_.in.get());
  watch_output();  // its reader going away ends the wait
  client_.input_ended();
  end_if_drained();
}

void StdioClient::pace_input() {
  if (!client_.hears()) return;
  const bool reading = loop_.watching(fds_.in.get());
  if (reading && waiting() > kPauseAt) {
    loop_.unwatch(fds_.in.get());
  } else if (!reading && waiting() < kResumeAt) {
    const Status watched = loop_.watch(fds_.in.get(), os::kReadable, [this](std::uint32_t) { read_input(); });
    if (!watched) client_.end(1);
  }
}

void StdioClient::deliver(std::string_view line, StreamId stream, Part part) {
  if (stream == kReplayed && part == Part::kAnswer) return;  // its client has heard it from a predecessor
  if (waiting() + line.size() > limits::kClientQueueBytesMax) return client_.end(1);
  WriteBatch* const batch = services_.batch();
  const bool later = batch != nullptr && batch->open();
  if (fds_.handover) {
    fds_.handover->append(line);
    if (part == Part::kAnswer && stream != kNoStream) fds_.handover->settle(slot_of(stream));
    if (!later) return flush_output();
  } else if (const Status written = later ? outbox_.keep(line) : outbox_.write(fds_.out.get(), line);
             !written) {
    return client_.end(1);
  }
  if (later) {
    batch->add(*this);
  } else if (!outbox_.empty()) {
    watch_output();
  }
  end_if_drained();
}

void StdioClient::unanswered(StreamId stream) {
  if (fds_.handover && stream != kNoStream && stream != kReplayed) fds_.handover->settle(slot_of(stream));
  end_if_drained();
}

void StdioClient::watch_output() {
  const std::uint32_t interest = waiting() == 0 ? 0U : std::uint32_t{os::kWritable};
  if (loop_.watching(fds_.out.get())) {
    loop_.change(fds_.out.get(), interest);
    return;
  }
  const Status watched = loop_.watch(fds_.out.get(), interest, [this](std::uint32_t ready) {
    if ((ready & os::kWritable) != 0) {
      flush_output();
    } else if ((ready & os::kHangup) != 0) {
      client_.end(1);  // nobody reads its stdout any more
    }
  });
  if (!watched) client_.end(1);
}

void StdioClient::flush_output() {
  if (client_.over()) return;
  if (!commit() || !(fds_.handover ? fds_.handover->flush() : outbox_.flush(fds_.out.get()))) {
    client_.end(1);
    return;
  }
  if (waiting() > 0 || !client_.hears()) {
    watch_output();
  } else {
    loop_.unwatch(fds_.out.get());
  }
  pace_input();
  end_if_drained();
}

void StdioClient::end_if_drained() {
  if (!client_.over() && !client_.hears() && !client_.owes() && waiting() == 0) client_.end(0);
}

void StdioClient::ended(int status) {
  unwatch();
  if (!fds_.control.valid()) return;
  const std::string line = text::to_json(text::Json::object({{"status", status}})) + "\n";
  (void)os::send(fds_.control.get(), as_bytes(line));  // if nobody listens, nobody needs it
}

}  // namespace rtt::mcp
