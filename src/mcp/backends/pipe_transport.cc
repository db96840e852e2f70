// SPDX-License-Identifier: Apache-2.0
#include "mcp/backends/pipe_transport.h"

#include <array>
#include <utility>

#include "model/limits.h"
#include "os/pipe.h"

namespace rtt::mcp {
namespace {

constexpr int kReadsPerRound = 8;  // then other descriptors get their turn

std::string ending(const std::optional<os::ExitState>& exit) {
  if (!exit) return "closed its output";
  if (exit->signal != 0) return "was ended by signal " + std::to_string(exit->signal);
  return "ended with exit code " + std::to_string(exit->code);
}

}  // namespace

PipeTransport::PipeTransport(std::string name, os::SpawnOptions options, std::string manifest,
                             const TransportStart& start)
    : name_(std::move(name)),
      manifest_(std::move(manifest)),
      options_(std::move(options)),
      loop_(start.loop),
      record_(start.record),
      events_(start.events),
      batch_(start.batch),
      stream_(limits::kMcpLineBytesMax),
      outbox_(limits::kClientQueueBytesMax) {}

PipeTransport::~PipeTransport() {
  if (batch_ != nullptr) batch_->forget(*this);
  unwatch();
}

Status PipeTransport::start() {
  auto child = os::spawn(options_);
  options_ = {};  // its variables may be secrets
  if (!child) {
    Error why = std::move(child).error().in("server '" + name_ + "' did not start");
    why.code = Code::kServerStart;
    why.hint = "look at its command in " + manifest_;
    return std::unexpected(std::move(why));
  }
  child_ = *std::move(child);
  const auto watched = [&](int fd, os::Loop::Handler handler) {
    if (const Status status = loop_.watch(fd, os::kReadable, std::move(handler)); !status)
      record_->note(status.error().message);
  };
  watched(child_.out.get(), [this](std::uint32_t) { read_output(); });
  watched(child_.err.get(), [this](std::uint32_t) { read_errors(); });
  watched(child_.pidfd(), [this](std::uint32_t) { child_ended(); });
  record_->note("started, pid " + std::to_string(child_.pid()));
  return {};
}

void PipeTransport::read_output() {
  const WriteBatch::Scope batched(batch_);
  for (int i = 0; i < kReadsPerRound && !over_; ++i) {
    const MutableBytes room = stream_.room();
    const auto got = os::read_nowait(child_.out.get(), room);
    if (!got || got->closed) {
      if (const auto rest = stream_.rest()) events_.on_transport_message(*rest);
      if (!over_) output_closed();
      return;
    }
    stream_.commit(got->bytes);
    take_lines();
    if (got->would_block || got->bytes < room.size()) return;
  }
}

// Its exit state follows at once, if it exits at all.
void PipeTransport::output_closed() {
  loop_.unwatch(child_.out.get());
  if (child_.poll()) {
    child_ended();
    return;
  }
  end_timer_ = loop_.after(nanos_from_ms(kEndGraceMs), [this] {
    end_timer_ = 0;
    child_ended();
  });
}

void PipeTransport::take_lines() {
  while (!over_) {
    const auto item = stream_.next();
    if (!item) return;
    events_.on_transport_message(*item);
  }
}

void PipeTransport::read_errors() {
  std::array<std::byte, 16 * 1024> buffer{};
  const auto got = os::read_nowait(child_.err.get(), buffer);
  if (!got || got->closed) {
    loop_.unwatch(child_.err.get());
    child_.err.reset();
    return;
  }
  record_->append_log(as_text(ByteView(buffer).first(got->bytes)));
}

void PipeTransport::send(std::string_view line, const MessageHeaders&) {
  if (!child_.in.valid()) return;
  const bool later = batch_ != nullptr && batch_->open();
  const Status written = later ? outbox_.keep(line) : outbox_.write(child_.in.get(), line);
  if (!written) {
    // That nobody reads is reported by the pidfd or by its closed output.
    if (written.error().code != Code::kLost) record_->note("stdin: " + written.error().message);
  } else if (later) {
    batch_->add(*this);
  } else {
    watch_input();
  }
}

void PipeTransport::watch_input() {
  const bool watching = loop_.watching(child_.in.get());
  if (outbox_.empty() == !watching) return;
  if (watching) {
    loop_.unwatch(child_.in.get());
    return;
  }
  const Status status = loop_.watch(child_.in.get(), os::kWritable, [this](std::uint32_t) { flush_input(); });
  if (!status) record_->note(status.error().message);
}

void PipeTransport::flush_input() {
  if (!child_.in.valid()) return;
  if (!outbox_.flush(child_.in.get())) outbox_.clear();
  watch_input();
}

void PipeTransport::child_ended() {
  // What it wrote before it ended is still an answer.
  for (int i = 0; i < kReadsPerRound && !over_; ++i) {
    const auto got = os::read_nowait(child_.out.get(), stream_.room());
    if (!got || got->closed || got->would_block) break;
    stream_.commit(got->bytes);
    take_lines();
  }
  if (over_) return;
  if (child_.err.valid()) read_errors();
  events_.on_transport_ended(Error{.code = Code::kServerGone, .message = ending(child_.poll())});
}

void PipeTransport::unwatch() {
  loop_.cancel(std::exchange(end_timer_, 0));
  for (const int fd : {child_.out.get(), child_.err.get(), child_.in.get(), child_.pidfd()}) {
    if (fd >= 0) loop_.unwatch(fd);
  }
}

void PipeTransport::leave(std::function<void()> gone) {
  over_ = true;
  gone_ = std::move(gone);
  unwatch();
  child_.in.reset();
  child_.out.reset();
  child_.err.reset();
  outbox_.clear();
  const auto finish = [this] { std::exchange(gone_, nullptr)(); };  // destroying the child ends its group
  const bool ended = !child_.running() || child_.poll();
  const auto watched =
      ended ? Status() : loop_.watch(child_.pidfd(), os::kReadable, [finish](std::uint32_t) { finish(); });
  // One that cannot be watched is killed at once rather than forgotten.
  end_timer_ = loop_.after(ended || !watched ? Nanos{0} : nanos_from_ms(kLeaveGraceMs), finish);
}

}  // namespace rtt::mcp
