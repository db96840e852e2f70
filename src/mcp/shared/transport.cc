// SPDX-License-Identifier: Apache-2.0
#include "mcp/shared/transport.h"

#include <utility>

#include "model/limits.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/pipe.h"
#include "os/unix_socket.h"

namespace rtt::mcp {
namespace {

constexpr int kReadsPerRound = 8;
constexpr Nanos kAgain = nanos_from_ms(5);
constexpr Nanos kSpawnAgain = nanos_from_ms(250);  // one too many finds the other and ends
constexpr std::int64_t kHelloMs = 1000;            // it fits into the socket: no wait in practice
constexpr std::string_view kOwnLine = R"({"rtt":)";

Status spawn_host(const std::string& user_dir) {
  const os::SpawnOptions options{.argv = {os::own_executable(), "driver-host", "--shared"},
                                 .env = os::own_environment(),
                                 .directory = user_dir,
                                 .in = os::Wire::kNull,
                                 .out = os::Wire::kNull,
                                 .err = os::Wire::kNull,
                                 .lifetime = os::Lifetime::kDetached};
  RTT_TRY_SET(os::Child child, os::spawn(options));
  (void)child.detach();
  return {};
}

}  // namespace

SharedTransport::SharedTransport(SharedLaunch launch, const TransportStart& start)
    : launch_(std::move(launch)),
      user_dir_(start.workspace.user_dir),
      loop_(start.loop),
      record_(start.record),
      events_(start.events),
      batch_(start.batch),
      stream_(limits::kMcpLineBytesMax),
      outbox_(limits::kClientQueueBytesMax) {}

SharedTransport::~SharedTransport() {
  if (batch_ != nullptr) batch_->forget(*this);
  loop_.cancel(timer_);
  if (socket_.valid()) loop_.unwatch(socket_.get());
}

Status SharedTransport::start() {
  deadline_ = os::now() + nanos_from_ms(kSharedStartMs);
  hello_ = text::to_json(hello_of(launch_)) + "\n";
  launch_.options = {};  // its variables may be secrets
  RTT_TRY(os::make_directories(shared_sockets(user_dir_), 0700));
  return connect();
}

Status SharedTransport::connect() {
  auto socket = os::connect_unix(shared_sockets(user_dir_), std::string(kSharedSocket));
  if (!socket) {
    if (os::now() >= next_spawn_) {
      next_spawn_ = os::now() + kSpawnAgain;
      RTT_TRY(spawn_host(user_dir_));
    }
    later();
    return {};
  }
  RTT_TRY_SET(const os::PeerIdentity peer, os::peer_identity(socket->get()));
  if (peer.uid != os::own_uid())
    return fail(Code::kNotOwner, "the socket of shared servers belongs to another user");
  if (!os::send_all(socket->get(), as_bytes(hello_), {}, kHelloMs)) {
    later();
    return {};
  }
  socket_ = *std::move(socket);
  watch();
  return {};
}

void SharedTransport::later() {
  timer_ = loop_.after(kAgain, [this] { try_again(); });
}

void SharedTransport::try_again() {
  timer_ = 0;
  if (os::now() > deadline_) return end(Code::kServerStart, "did not start: no shared host came up");
  if (const Status connected = connect(); !connected) end(Code::kServerStart, connected.error().message);
}

void SharedTransport::watch() {
  if (!socket_.valid()) return;
  const std::uint32_t wants =
      std::uint32_t{os::kReadable} | (outbox_.empty() || pid_ == 0 ? 0U : std::uint32_t{os::kWritable});
  if (loop_.watching(socket_.get())) return loop_.change(socket_.get(), wants);
  const Status watched = loop_.watch(socket_.get(), wants, [this](std::uint32_t ready) {
    if ((ready & os::kWritable) != 0) flush();
    if (!over_ && (ready & (os::kReadable | os::kHangup)) != 0) read();
  });
  if (!watched) record_->note(watched.error().message);
}

void SharedTransport::flush() {
  if (pid_ == 0 || over_) return;
  if (!outbox_.flush(socket_.get())) outbox_.clear();  // that it is closed is read
  watch();
}

void SharedTransport::send(std::string_view line, const MessageHeaders&) {
  const bool later = pid_ == 0 || (batch_ != nullptr && batch_->open());
  const Status written = later ? outbox_.keep(line) : outbox_.write(socket_.get(), line);
  if (!written) {
    if (written.error().code != Code::kLost) record_->note(written.error().message);
  } else if (later && pid_ != 0) {
    batch_->add(*this);
  } else if (!later) {
    watch();
  }
}

void SharedTransport::read() {
  const WriteBatch::Scope batched(batch_);
  for (int i = 0; i < kReadsPerRound && !over_; ++i) {
    const MutableBytes room = stream_.room();
    const auto got = os::read_nowait(socket_.get(), room);
    if ((!got || got->closed) && pid_ == 0) {  // it was just ending
      loop_.unwatch(socket_.get());
      socket_.reset();
      return later();
    }
    if (!got || got->closed) return end(Code::kServerGone, "went away with the shared host");
    stream_.commit(got->bytes);
    while (const auto item = over_ ? std::nullopt : stream_.next()) {
      if (item->overlong_bytes == 0 && item->line.starts_with(kOwnLine)) {
        take(item->line);
      } else {
        events_.on_transport_message(*item);
      }
    }
    if (got->would_block || got->bytes < room.size()) return;
  }
}

void SharedTransport::take(std::string_view line) {
  const auto word = text::parse_json(line);
  if (!word) return;
  const std::string_view what = word->string_or("rtt");
  if (what == "accepted") {
    pid_ = static_cast<int>(word->int_or("pid", 0));
    hello_.clear();
    record_->note("attached to the shared server, pid " + std::to_string(pid_));
    flush();
  } else if (what == "log") {
    record_->append_log(word->string_or("text"));
  } else if (what == "ended") {
    end(Code::kServerGone, std::string(word->string_or("message")));
  } else if (what == "error") {
    end(Code::kServerStart, "did not start: " + std::string(word->string_or("message")));
  }
}

void SharedTransport::end(Code code, std::string why) {
  if (over_) return;
  over_ = true;
  if (code != Code::kServerGone) why.insert(0, "server '" + launch_.name + "' ");
  events_.on_transport_ended(Error{.code = code, .message = std::move(why)});
}

void SharedTransport::leave(std::function<void()> gone) {
  over_ = true;
  if (socket_.valid()) loop_.unwatch(socket_.get());
  socket_.reset();
  loop_.cancel(timer_);
  timer_ = loop_.after(Nanos{0}, std::move(gone));
}

}  // namespace rtt::mcp
