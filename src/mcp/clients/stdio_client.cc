// SPDX-License-Identifier: Apache-2.0
#include "mcp/clients/stdio_client.h"

#include <array>
#include <utility>

#include "model/limits.h"
#include "os/pipe.h"
#include "os/unix_socket.h"

namespace rtt::mcp {
namespace {

constexpr int kReadsPerRound = 4;  // then the other clients and servers get their turn
constexpr std::size_t kPauseAt = std::size_t{4} << 20;
constexpr std::size_t kResumeAt = std::size_t{1} << 20;

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
  return loop_.watch(fds_.in.get(), os::kReadable, [this](std::uint32_t) { read_input(); });
}

void StdioClient::read_input() {
  services_.refresh();
  const WriteBatch::Scope batched(services_.batch());
  for (int i = 0; i < kReadsPerRound && client_.hears(); ++i) {
    const MutableBytes room = stream_.room();
    const auto got = os::read_nowait(fds_.in.get(), room);
    if (!got || got->closed) {
      input_ended();
      return;
    }
    stream_.commit(got->bytes);
    take_lines();
    if (got->would_block || got->bytes < room.size()) return;
  }
}

void StdioClient::take_lines() {
  while (client_.hears()) {
    const auto item = stream_.next();
    if (!item) break;
    if (item->overlong_bytes > 0) {
      client_.take_overlong(item->overlong_bytes);
    } else {
      client_.take(item->line);
    }
  }
  pace_input();
}

void StdioClient::input_ended() {
  if (const auto rest = stream_.rest(); rest && !rest->line.empty()) client_.take(rest->line);
  if (!client_.hears()) return;
  loop_.unwatch(fds_.in.get());
  watch_output();  // its reader going away ends the wait
  client_.input_ended();
  end_if_drained();
}

void StdioClient::pace_input() {
  if (!client_.hears()) return;
  const bool reading = loop_.watching(fds_.in.get());
  if (reading && outbox_.bytes() > kPauseAt) {
    loop_.unwatch(fds_.in.get());
  } else if (!reading && outbox_.bytes() < kResumeAt) {
    const Status watched = loop_.watch(fds_.in.get(), os::kReadable, [this](std::uint32_t) { read_input(); });
    if (!watched) client_.end(1);
  }
}

void StdioClient::deliver(std::string_view line, StreamId, Part) {
  WriteBatch* const batch = services_.batch();
  const bool later = batch != nullptr && batch->open();
  if (const Status written = later ? outbox_.keep(line) : outbox_.write(fds_.out.get(), line); !written) {
    client_.end(1);
  } else if (later) {
    batch->add(*this);
  } else if (!outbox_.empty()) {
    watch_output();
  }
  end_if_drained();
}

void StdioClient::unanswered(StreamId) { end_if_drained(); }

void StdioClient::watch_output() {
  const std::uint32_t interest = outbox_.empty() ? 0U : std::uint32_t{os::kWritable};
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
  if (const Status flushed = outbox_.flush(fds_.out.get()); !flushed) {
    client_.end(1);
    return;
  }
  if (!outbox_.empty() || !client_.hears()) {
    watch_output();
  } else {
    loop_.unwatch(fds_.out.get());
  }
  pace_input();
  end_if_drained();
}

void StdioClient::end_if_drained() {
  if (!client_.over() && !client_.hears() && !client_.owes() && outbox_.empty()) client_.end(0);
}

void StdioClient::ended(int status) {
  unwatch();
  if (!fds_.control.valid()) return;
  const std::string line = text::to_json(text::Json::object({{"status", status}})) + "\n";
  (void)os::send(fds_.control.get(), as_bytes(line));  // if nobody listens, nobody needs it
}

}  // namespace rtt::mcp
