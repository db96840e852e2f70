// SPDX-License-Identifier: Apache-2.0
#include "nature.h"

#include "fabric/shm/layout.h"
#include "journal/disk_storage.h"
#include "model/limits.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "os/file.h"
#include "os/process.h"
#include "seam.h"

namespace rtt::sim {
namespace {

// The smallest there is: 25 lanes a run are mapped and filled in advance.
constexpr fabric::shm::RingSize kWorldRing{.slots = limits::kRingSlotsMin, .arena_bytes = 4096};

Nature* ruling = nullptr;  // the linker's seam has no place for an argument

// os::spawn alone makes a Child, and the linker has it replaced here. An explicit instantiation may name what
// is private ([temp.spec]).
void be_born(os::Child& child, int pid, os::Fd end);
template <auto pid_of, auto end_of>
struct Midwife {
  friend void be_born(os::Child& child, int pid, os::Fd end) {
    child.*pid_of = pid;
    child.*end_of = std::move(end);
  }
};
template struct Midwife<&os::Child::pid_, &os::Child::pidfd_>;

}  // namespace

Nature::~Nature() {
  if (ruling == this) ruling = nullptr;
}
void Nature::rule() { ruling = this; }
Nature* Nature::current() { return ruling; }

int Nature::born() {
  const int pid = ++last_pid_;
  lives_[pid].start_time = static_cast<std::uint64_t>(time.ns) / 10'000'000;
  return pid;
}
void Nature::died(int pid, os::ExitState how) {
  lives_.erase(pid);
  ended_[pid] = how;
}
std::optional<os::ExitState> Nature::ended(int pid) const {
  const auto at = ended_.find(pid);
  return at == ended_.end() ? std::nullopt : std::optional(at->second);
}

Result<std::uint64_t> Nature::start_time(int pid) const {
  const auto life = lives_.find(pid);
  if (life == lives_.end()) return fail(Code::kLost, "that process is gone");
  return life->second.start_time;
}

// Readable once the process has died: the other end of a pipe that closes then.
Result<os::Fd> Nature::watch(int pid, std::uint64_t start_time) {
  const auto life = lives_.find(pid);
  if (life == lives_.end() || life->second.start_time != start_time)
    return fail(Code::kLost, "that process is gone");
  RTT_TRY_SET(auto pipe, os::make_pipe());
  life->second.spare.push_back(std::move(pipe.second));
  return std::move(pipe.first);
}

}  // namespace rtt::sim

// What the linker puts in the place of functions of src/os and others, and what it kept of them.
namespace rtt::sim {

// NOLINTBEGIN(bugprone-reserved-identifier)
RTT_WORLD_SEAM("_ZN3rtt2os3nowEv", Instant, now, );
RTT_WORLD_SEAM("_ZN3rtt2os10now_coarseEv", Instant, now_coarse, );
RTT_WORLD_SEAM("_ZN3rtt2os8wall_nowEv", WallTime, wall_now, );
RTT_WORLD_SEAM("_ZN3rtt2os11fill_randomESt4spanISt4byteLm18446744073709551615EE", void, fill_random,
               MutableBytes out);
RTT_WORLD_SEAM("_ZN3rtt2os7own_pidEv", int, own_pid, );
RTT_WORLD_SEAM("_ZN3rtt2os13peer_identityEi", Result<os::PeerIdentity>, peer_identity, int fd);
RTT_WORLD_SEAM("_ZN3rtt2os18process_start_timeEi", Result<std::uint64_t>, start_time, int pid);
RTT_WORLD_SEAM("_ZN3rtt2os13watch_processEim", Result<os::Fd>, watch_process, int pid, std::uint64_t start);
RTT_WORLD_SEAM("_ZN3rtt2os5spawnERKNS0_12SpawnOptionsE", Result<os::Child>, spawn,
               const os::SpawnOptions& options);
RTT_WORLD_SEAM("_ZN3rtt2os5Child4pollEv", std::optional<os::ExitState>, poll_child, os::Child* child);
RTT_WORLD_SEAM("_ZN3rtt2os4Loop9on_signalEiSt8functionIFvvEE", Status, on_signal, os::Loop* loop, int signal,
               std::function<void()> task);
RTT_WORLD_SEAM(
    "_ZN3rtt2os12write_atomicERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEESt17basic_string_"
    "viewIcS4_ENS0_12WriteOptionsE",
    Status, write_atomic, const std::string& path, std::string_view content, os::WriteOptions options);
RTT_WORLD_SEAM(
    "_ZN3rtt2os10write_onceERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEESt17basic_string_"
    "viewIcS4_ENS0_12WriteOptionsE",
    Status, write_once, const std::string& path, std::string_view content, os::WriteOptions options);
RTT_WORLD_SEAM("_ZN3rtt7journal12disk_storageERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE",
               std::unique_ptr<journal::Storage>, disk_storage, const std::string& directory);
RTT_WORLD_SEAM("_ZN3rtt6fabric3shm9ring_sizeERKNS_5model3QosEm", fabric::shm::RingSize, ring_size,
               const model::Qos& qos, std::size_t message_bytes);
RTT_WORLD_SEAM("_ZN3rtt7journal11disk_layoutEv", journal::Layout, disk_layout, );
// NOLINTEND(bugprone-reserved-identifier)

Instant wrap_now() { return ruling != nullptr ? ruling->time : real_now(); }
Instant wrap_now_coarse() { return ruling != nullptr ? ruling->time : real_now_coarse(); }
WallTime wrap_wall_now() {
  if (ruling == nullptr) return real_wall_now();
  return {ruling->wall_us + ruling->time.ns / 1000};
}
void wrap_fill_random(MutableBytes out) {
  if (ruling == nullptr) return real_fill_random(out);
  for (std::byte& each : out) each = static_cast<std::byte>(ruling->chance.next() >> 32);
}
int wrap_own_pid() { return ruling != nullptr ? ruling->running : real_own_pid(); }
// Whoever accepts is the panel, and the one that connected first is accepted first.
Result<os::PeerIdentity> wrap_peer_identity(int fd) {
  RTT_TRY_SET(os::PeerIdentity who, real_peer_identity(fd));
  if (ruling == nullptr) return who;
  who.pid = ruling->panel;
  if (ruling->running == ruling->panel && !ruling->at_the_door.empty()) {
    who.pid = ruling->at_the_door.front();
    ruling->at_the_door.pop_front();
  }
  return who;
}
Result<std::uint64_t> wrap_start_time(int pid) {
  return ruling != nullptr ? ruling->start_time(pid) : real_start_time(pid);
}
Result<os::Fd> wrap_watch_process(int pid, std::uint64_t start) {
  return ruling != nullptr ? ruling->watch(pid, start) : real_watch_process(pid, start);
}
// The panel starts nothing but driver hosts.
Result<os::Child> wrap_spawn(const os::SpawnOptions& options) {
  if (ruling == nullptr) return real_spawn(options);
  if (options.argv.size() < 4 || options.argv[1] != "driver-host" || options.argv[2] != "--instance")
    return fail(Code::kDriverStart, "there is no such program in this world");
  if (ruling->time < ruling->no_births_until) return fail(Code::kDriverStart, "too many open files");
  const int pid = ruling->born();
  RTT_TRY_SET(os::Fd end, ruling->watch(pid, *ruling->start_time(pid)));
  os::Child child;
  be_born(child, pid, std::move(end));
  ruling->births.push_back({.pid = pid, .instance = options.argv[3]});
  return child;
}
std::optional<os::ExitState> wrap_poll_child(os::Child* child) {
  return ruling != nullptr ? ruling->ended(child->pid()) : real_poll_child(child);
}
// Nobody sends a process of the world a signal that it would hear.
Status wrap_on_signal(os::Loop* loop, int signal, std::function<void()> task) {
  return ruling != nullptr ? Status() : real_on_signal(loop, signal, std::move(task));
}
Status wrap_write_atomic(const std::string& path, std::string_view content, os::WriteOptions options) {
  if (ruling == nullptr || ruling->running != ruling->panel) return real_write_atomic(path, content, options);
  RTT_TRY(ruling->disk.before_change());
  RTT_TRY(real_write_atomic(path, content, options));
  ruling->disk.after_change();
  return {};
}
Status wrap_write_once(const std::string& path, std::string_view content, os::WriteOptions options) {
  if (ruling == nullptr || ruling->running != ruling->panel) return real_write_once(path, content, options);
  RTT_TRY(ruling->disk.before_change());
  RTT_TRY(real_write_once(path, content, options));
  ruling->disk.after_change();
  return {};
}
std::unique_ptr<journal::Storage> wrap_disk_storage(const std::string& directory) {
  return ruling != nullptr ? ruling->disk.open() : real_disk_storage(directory);
}
fabric::shm::RingSize wrap_ring_size(const model::Qos& qos, std::size_t message_bytes) {
  return ruling != nullptr ? kWorldRing : real_ring_size(qos, message_bytes);
}
journal::Layout wrap_disk_layout() { return ruling != nullptr ? kWorldLayout : real_disk_layout(); }

}  // namespace rtt::sim
