// SPDX-License-Identifier: Apache-2.0
#include "views/mount_keeper.h"

#include <fmt/format.h>

#include <array>
#include <csignal>

#include "os/clock.h"
#include "os/file.h"
#include "os/folder_watch.h"
#include "os/link.h"
#include "os/loop.h"
#include "os/mount.h"
#include "os/permissions.h"
#include "os/process.h"
#include "os/unix_socket.h"
#include "text/ndjson.h"
#include "views/fuse_view.h"
#include "views/mount_handover.h"

namespace rtt::views {
namespace {

constexpr std::int64_t kLockMs = 1'000;  // one that ends lets go of the store within that
constexpr Nanos kLockLook = nanos_from_ms(5);
constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr Nanos kStoreSettle = nanos_from_ms(10);

std::string lock_path(const std::string& store) { return store + "/lock"; }

class Keeper {
 public:
  explicit Keeper(const KeepOptions& options) : options_(options) {}
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  Status run();

 private:
  Status take_place();
  Status take_over();
  Status take_lock();
  void look_at_store();
  Status mount();
  Status start_server();
  Status tell_server();
  void hear();
  bool hear_some();  // false when nothing more can come
  void take_note(std::string_view line);
  void server_ended();
  Status start_again();
  void end(Status why);

  const KeepOptions& options_;
  std::optional<os::FileLock> lock_;
  std::optional<os::UnixListener> listener_;
  std::unique_ptr<os::Loop> loop_;
  std::unique_ptr<os::ProcessWatch> processes_;
  std::unique_ptr<os::FolderWatch> store_watch_;
  os::Fd connection_, channel_;
  os::Child server_;
  text::LineReader lines_{kMountLineBytesMax};
  bool told_ready_ = false;
  Status ended_;
  MountHandover known_;
};

Keeper::~Keeper() {
  if (connection_.valid()) {
    (void)os::detach_mount(options_.place.mountpoint);
    (void)os::remove_empty_folder(options_.place.mountpoint);
  }
  server_.kill();
  if (listener_) (void)os::remove_file(options_.place.store + "/" + std::string(kMountSocket));
}

// The folder must be one that nobody misses, and a dead mount of ours in its place is taken away: nobody
// serves it, for we have the lock.
Status Keeper::take_place() {
  const std::string& store = options_.place.store;
  const std::string& path = options_.place.mountpoint;
  RTT_TRY(os::make_directories(store, 0700));
  RTT_TRY(take_lock());
  for (int left = 16; left > 0; --left) {
    const auto mounted = os::mounted_at(path);
    if (!mounted || !*mounted) break;
    if ((*mounted)->source != kMountSource)
      return fail(Code::kBusy, fmt::format("something of type {} is mounted there", (*mounted)->type), path);
    RTT_TRY(os::detach_mount(path));
  }
  RTT_TRY(os::make_directories(path, 0700));
  RTT_TRY_SET(const unsigned owner, os::owner_of(path));
  if (owner != os::own_uid())
    return fail(Code::kPermission, "the folder to mount views in is somebody else's", path, "ls -ld " + path);
  RTT_TRY_SET(const auto inside, os::list_directory(path));
  if (!inside.empty())
    return fail(Code::kNameClash, "the folder for the views is not empty", path, "ls -A " + path);
  RTT_TRY(write_mounted_place(options_.place));
  RTT_TRY_SET(listener_, os::UnixListener::bind(store, std::string(kMountSocket)));
  return {};
}

// What the server has told holds once it is gone: until then it answers requests itself.
Status Keeper::take_over() {
  connection_ = os::Fd(kConnectionFd);
  listener_ = os::UnixListener::of(os::Fd(kListenerFd));
  const os::Fd server(kKeeperFd);
  RTT_TRY_SET(known_, receive_handover(server.get()));
  std::array<std::byte, 1> nothing{};
  RTT_TRY_SET(const os::Received received, os::receive_wait(server.get(), nothing, 0, kHandoverMs));
  if (!received.closed) return fail(Code::kBadArgument, "the server of the views says more than it knows");
  return take_lock();
}

Status Keeper::take_lock() {
  const Instant deadline = os::now() + nanos_from_ms(kLockMs);
  for (;;) {  // ends with the lock or the deadline
    auto lock = os::FileLock::take(lock_path(options_.place.store), os::FileLock::Wait::kNo);
    if (lock) {
      lock_ = *std::move(lock);
      return {};
    }
    if (lock.error().code != Code::kBusy || os::now() >= deadline) return std::unexpected(lock.error());
    loop_->run_once(kLockLook);
  }
}

// Whoever removes the store, or all of a home, has no more use for what it shows.
void Keeper::look_at_store() {
  if (!os::exists(lock_path(options_.place.store))) end({});
}

Status Keeper::mount() {
  known_ = {.hello = {}, .numbers = {}, .starts = std::move(known_.starts)};
  RTT_TRY_SET(connection_, mount_views(options_.place.mountpoint));
  return {};
}

Status Keeper::start_server() {
  const auto now_s = static_cast<std::uint32_t>(os::now().ns / kSecondNs);
  while (!known_.starts.empty() && now_s - known_.starts.front() > kServerStartsWindowMs / 1000)
    known_.starts.pop_front();
  if (known_.starts.size() >= kServerStartsMax) {
    return fail(Code::kDriverFailed,
                fmt::format("the server of the views ended {} times within a minute", kServerStartsMax),
                options_.place.mountpoint);
  }
  known_.starts.push_back(now_s);
  RTT_TRY_SET(OtherEnd server, start_other_end(options_.server, connection_.get(), listener_->fd()));
  server_ = std::move(server.process);
  channel_ = std::move(server.channel);
  lines_ = text::LineReader(kMountLineBytesMax);
  RTT_TRY(tell_server());
  RTT_TRY(loop_->watch(channel_.get(), os::kReadable, [this](std::uint32_t) { hear(); }));
  RTT_TRY(loop_->watch(server_.pidfd(), os::kReadable, [this](std::uint32_t) { server_ended(); }));
  return {};
}

Status Keeper::tell_server() {
  const Status told = send_handover(channel_.get(), known_);
  if (!told && told.error().code == Code::kLost) return {};  // it died already: seen at its pidfd
  return told;
}

void Keeper::take_note(std::string_view line) {
  const auto note = parse_note(line);
  if (!note) return;
  known_.take(*note);
  if (note->what == MountNote::What::kReady && !std::exchange(told_ready_, true) && options_.ready)
    options_.ready();
}

bool Keeper::hear_some() {
  std::array<std::byte, 4096> bytes{};
  const auto received = os::receive(channel_.get(), bytes);
  if (!received || received->closed || received->would_block) return false;
  lines_.feed(as_text(std::span(bytes).first(received->bytes)));
  while (const auto item = lines_.next()) take_note(item->line);
  return true;
}

void Keeper::hear() {
  if (hear_some()) return;
  loop_->unwatch(channel_.get());  // its end is told by the pidfd
}

// What it said before it died is still in the channel.
void Keeper::server_ended() {
  const auto state = server_.poll();
  if (!state) return;
  loop_->unwatch(server_.pidfd());
  if (loop_->watching(channel_.get())) loop_->unwatch(channel_.get());
  while (hear_some()) {
  }
  if (state->code == 0) return end({});
  if (Status again = start_again(); !again) end(std::move(again));
}

Status Keeper::start_again() {
  if (options_.again == KeepOptions::Again::kSameMount && !known_.hello.empty()) {
    const Status resent = os::resend_requests(connection_.get());
    if (resent) return start_server();
    if (resent.error().code != Code::kLost) return resent;
  }
  RTT_TRY(os::detach_mount(options_.place.mountpoint));
  connection_.reset();  // its readers are told that it is gone
  RTT_TRY(mount());
  return start_server();
}

void Keeper::end(Status why) {
  ended_ = std::move(why);
  loop_->stop();
}

Status Keeper::run() {
  RTT_TRY_SET(loop_, os::Loop::create());
  const bool takes_over = options_.begin == KeepOptions::Begin::kTakeOver;
  RTT_TRY(takes_over ? take_over() : take_place());
  RTT_TRY_SET(store_watch_, os::FolderWatch::create(*loop_, {options_.place.store}, kStoreSettle,
                                                    [this] { look_at_store(); }));
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) RTT_TRY(loop_->on_signal(signal, [this] { end({}); }));
  if (options_.parent.pid != 0) {
    processes_ = std::make_unique<os::ProcessWatch>(*loop_);
    const auto watched = processes_->watch(options_.parent, [this] { end({}); });
    if (!watched) return std::unexpected(watched.error());
  }
  if (takes_over) {
    RTT_TRY(start_again());
  } else {
    RTT_TRY(mount());
    RTT_TRY(start_server());
  }
  loop_->run();
  return std::move(ended_);
}

}  // namespace

Status keep_mount(const KeepOptions& options) {
  Keeper keeper(options);
  return keeper.run();
}

}  // namespace rtt::views
