// SPDX-License-Identifier: Apache-2.0
#include "os/handover.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <type_traits>

namespace rtt::os {
namespace {

constexpr std::uint64_t kMagic = 0x315f7265766f6472;  // "rdover_1"
constexpr std::size_t kPage = 4096;
constexpr std::size_t kInboxBytes = std::size_t{18} << 20;  // the longest line, and room to read on
constexpr std::size_t kRoomMin = 4096, kRoomMax = std::size_t{256} << 10;
constexpr std::size_t kRewindAt = 8192;  // dealt-with input before its place is used again
constexpr std::size_t kPunchAt = std::size_t{64} << 10;
constexpr std::size_t kWindowBytes = std::size_t{1} << 20;  // mapped of the output file at a time
constexpr std::int64_t kOutputBytesMax = std::int64_t{1} << 40;
constexpr std::size_t kSocketChunk = 16384;  // what a socket that is writable surely takes without blocking
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW;

Result<Fd> sealed_file(const char* name, std::int64_t bytes) {
  Fd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid() || ::ftruncate(fd.get(), bytes) != 0 || ::fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0)
    return std::unexpected(last_error("cannot make memory for a handover"));
  return fd;
}

// A file that its sender could cut short would kill whoever reads it.
bool is_sealed(int fd, std::int64_t bytes) {
  struct stat info{};
  const int seals = ::fcntl(fd, F_GET_SEALS);
  return seals >= 0 && (seals & kSeals) == kSeals && ::fstat(fd, &info) == 0 && info.st_size == bytes;
}

bool is_stream_socket(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

bool is_pipe(int fd) {
  struct stat info{};
  return ::fstat(fd, &info) == 0 && S_ISFIFO(info.st_mode);
}

}  // namespace

struct Handover::Layout {
  std::uint64_t magic;
  std::atomic<std::uint32_t> active;
  alignas(kPage) std::array<State, 2> states;
  struct Id {
    std::uint8_t size;
    std::array<char, kHandoverIdBytesMax> bytes;
  };
  alignas(kPage) std::array<Id, kHandoverRequestsMax> ids;
  alignas(kPage) std::array<std::array<char, kHandoverTextBytesMax>, 2> texts;
  alignas(kPage) std::array<std::array<char, kInboxBytes>, 2> inboxes;
};

bool can_hand_over(int out_fd) { return is_pipe(out_fd) || is_stream_socket(out_fd); }

Result<HandoverFiles> create_handover() {
  using Layout = Handover::Layout;
  static_assert(std::is_trivially_destructible_v<Layout> && std::atomic<std::uint32_t>::is_always_lock_free);
  HandoverFiles files;
  RTT_TRY_SET(files.memory, sealed_file("rtt-handover", sizeof(Layout)));
  RTT_TRY_SET(files.output, sealed_file("rtt-output", kOutputBytesMax));
  if (::pwrite(files.memory.get(), &kMagic, sizeof kMagic, 0) != sizeof kMagic)
    return std::unexpected(last_error("cannot write memory for a handover"));
  return files;
}

bool can_take_over(int memory_fd) {
  using Layout = Handover::Layout;
  if (!is_sealed(memory_fd, sizeof(Layout))) return false;
  void* const memory = ::mmap(nullptr, sizeof(Layout), PROT_READ, MAP_SHARED, memory_fd, 0);
  if (memory == MAP_FAILED) return false;
  const auto& layout = *static_cast<const Layout*>(memory);
  const bool can = layout.states[layout.active.load() & 1U].gave_up == 0;
  (void)::munmap(memory, sizeof(Layout));
  return can;
}

Result<std::unique_ptr<Handover>> Handover::open(HandoverFiles files, int out_fd) {
  const auto wrong = [] { return fail(Code::kFrame, "what came is no memory of a handover"); };
  if (!is_sealed(files.memory.get(), sizeof(Layout)) || !is_sealed(files.output.get(), kOutputBytesMax))
    return wrong();
  std::unique_ptr<Handover> out(new Handover);
  void* const memory =
      ::mmap(nullptr, sizeof(Layout), PROT_READ | PROT_WRITE, MAP_SHARED, files.memory.get(), 0);
  if (memory == MAP_FAILED) return std::unexpected(last_error("cannot map memory of a handover"));
  out->memory_ = memory;
  out->output_ = std::move(files.output);
  out->out_fd_ = out_fd;
  out->to_socket_ = !is_pipe(out_fd);
  State& state = out->staged_ = out->at().states[out->at().active.load() & 1U];
  const off_t sent = ::lseek(out->output_.get(), 0, SEEK_CUR);
  if (out->at().magic != kMagic || !can_hand_over(out_fd) || state.inbox > 1 || state.head >= kInboxBytes ||
      state.text > 1 || state.text_bytes > kHandoverTextBytesMax || state.gave_up != 0 || sent < 0 ||
      static_cast<std::uint64_t>(sent) > state.sent_until) {
    return wrong();
  }
  out->sent_ = out->punched_ = static_cast<std::uint64_t>(sent);
  out->busy_ = state.owed;
  out->runs_ = state.runs++;
  out->filled_ = state.head + ::strnlen(out->region() + state.head, kInboxBytes - state.head);
  // A predecessor may have died while it moved there.
  (void)::madvise(out->at().inboxes[1 - state.inbox].data(), kInboxBytes, MADV_REMOVE);
  out->switch_state();
  return out;
}

Handover::~Handover() {
  if (window_ != nullptr) (void)::munmap(window_, kWindowBytes);
  if (memory_ != nullptr) (void)::munmap(memory_, sizeof(Layout));
}

char* Handover::region() const { return at().inboxes[staged_.inbox].data(); }

std::string_view Handover::unread() const { return {region() + staged_.head, filled_ - staged_.head}; }

std::vector<std::pair<Handover::Slot, std::string>> Handover::owed() const {
  std::vector<std::pair<Slot, std::string>> out;
  for (Slot slot = 0; slot < kHandoverRequestsMax; ++slot) {
    if ((staged_.owed[slot / 64] >> (slot % 64) & 1U) == 0) continue;
    const Layout::Id& id = at().ids[slot];
    out.emplace_back(slot, std::string(id.bytes.data(), std::min<std::size_t>(id.size, id.bytes.size())));
  }
  return out;
}

std::string Handover::text() const { return {at().texts[staged_.text].data(), staged_.text_bytes}; }

MutableBytes Handover::room() {
  if (kInboxBytes - filled_ < kRoomMin) move_on();
  return {reinterpret_cast<std::byte*>(region() + filled_), std::min(kRoomMax, kInboxBytes - filled_)};
}

void Handover::filled(std::size_t byte_count) {
  if (std::memchr(region() + filled_, 0, byte_count) != nullptr) give_up();
  filled_ += byte_count;
}

void Handover::left(std::size_t byte_count) { staged_.head = filled_ - std::min(byte_count, filled_); }

// The rest of an unfinished line goes to the other region, which is zero.
void Handover::move_on() {
  const std::string_view rest = unread();
  const std::uint64_t old = staged_.inbox;
  if (rest.size() >
      kInboxBytes - 2 * kRoomMin) {  // no line is that long: somebody forgot to say what is left
    give_up();
    filled_ = staged_.head = 0;
    return;
  }
  std::memcpy(at().inboxes[1 - old].data(), rest.data(), rest.size());
  filled_ = rest.size();
  staged_.inbox = 1 - old;
  staged_.head = 0;
  switch_state();
  (void)::madvise(at().inboxes[old].data(), kInboxBytes, MADV_REMOVE);
}

// All of it is dealt with, and that is in force: what lies before may be zero.
void Handover::rewind() {
  if (filled_ > kRoomMax) {
    (void)::madvise(region(), kInboxBytes, MADV_REMOVE);
  } else {
    std::memset(region(), 0, filled_);
  }
  filled_ = staged_.head = 0;
  switch_state();
}

std::optional<Handover::Slot> Handover::owe(std::string_view id) {
  for (std::size_t word = 0; word < busy_.size() && id.size() <= kHandoverIdBytesMax; ++word) {
    const std::uint64_t taken = busy_[word] | staged_.owed[word];  // one just settled still stands in force
    if (taken == ~std::uint64_t{0}) continue;
    const int bit = std::countr_one(taken);
    const Slot slot = static_cast<Slot>(word * 64) + static_cast<Slot>(bit);
    Layout::Id& place = at().ids[slot];
    place.size = static_cast<std::uint8_t>(id.size());
    std::memcpy(place.bytes.data(), id.data(), id.size());
    staged_.owed[word] |= std::uint64_t{1} << bit;
    return slot;
  }
  give_up();
  return std::nullopt;
}

void Handover::settle(Slot slot) { staged_.owed[slot / 64] &= ~(std::uint64_t{1} << (slot % 64)); }

void Handover::keep_text(std::string_view text) {
  if (text.size() > kHandoverTextBytesMax) return give_up();
  const std::uint64_t in_force = at().states[at().active.load() & 1U].text;
  std::memcpy(at().texts[1 - in_force].data(), text.data(), text.size());
  staged_.text = 1 - in_force;
  staged_.text_bytes = text.size();
}

void Handover::give_up() { staged_.gave_up = 1; }

void Handover::switch_state() {
  const std::uint32_t other = 1 - (at().active.load(std::memory_order_relaxed) & 1U);
  at().states[other] = staged_;
  at().active.store(other, std::memory_order_release);
  busy_ = staged_.owed;
}

// Most lines are short: copied into a mapping they cost no system call.
Status Handover::put(std::string_view bytes) {
  const std::uint64_t at = staged_.sent_until;
  if (window_ == nullptr || at + bytes.size() > window_at_ + kWindowBytes) {
    if (window_ != nullptr) (void)::munmap(std::exchange(window_, nullptr), kWindowBytes);
    window_at_ = at / kPage * kPage;
    void* const mapped = at + kWindowBytes > static_cast<std::uint64_t>(kOutputBytesMax)
                             ? MAP_FAILED
                             : ::mmap(nullptr, kWindowBytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                                      output_.get(), static_cast<off_t>(window_at_));
    if (mapped == MAP_FAILED) return fail(Code::kLimit, "no more output can be kept for a client");
    window_ = static_cast<char*>(mapped);
  }
  std::memcpy(window_ + (at - window_at_), bytes.data(), bytes.size());
  staged_.sent_until += bytes.size();
  return {};
}

Status Handover::commit() {
  constexpr std::size_t kPieceMax = kWindowBytes - kPage;
  for (std::size_t at = 0; at < fresh_.size(); at += kPieceMax)
    RTT_TRY(put(std::string_view(fresh_).substr(at, kPieceMax)));
  fresh_.clear();
  switch_state();
  if (staged_.head == filled_ && filled_ > kRewindAt) rewind();
  return {};
}

std::size_t Handover::waiting() const {
  return static_cast<std::size_t>(staged_.sent_until - sent_) + fresh_.size();
}

Status Handover::flush() {
  while (sent_ < staged_.sent_until) {
    std::size_t want = static_cast<std::size_t>(staged_.sent_until - sent_);
    ssize_t moved = 0;
    if (to_socket_) {
      pollfd ready{.fd = out_fd_, .events = POLLOUT, .revents = 0};
      if (::poll(&ready, 1, 0) <= 0) return {};
      want = std::min(want, kSocketChunk);
      moved = ::sendfile(out_fd_, output_.get(), nullptr, want);
    } else {
      moved = ::splice(output_.get(), nullptr, out_fd_, nullptr, want, SPLICE_F_NONBLOCK);
    }
    if (moved < 0 && errno == EINTR) continue;
    if (moved < 0 && errno == EAGAIN) return {};
    if (moved < 0 && (errno == EPIPE || errno == ECONNRESET))
      return fail(Code::kLost, "the other end reads no more");
    if (moved < 0) return std::unexpected(last_error("cannot write"));
    if (moved == 0) return {};
    sent_ += static_cast<std::uint64_t>(moved);
  }
  punch();
  return {};
}

void Handover::punch() {
  const std::uint64_t until = sent_ / kPage * kPage;
  if (until < punched_ + kPunchAt) return;
  const std::uint64_t from = punched_ / kPage * kPage;
  (void)::fallocate(output_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(from),
                    static_cast<off_t>(until - from));
  punched_ = until;
}

}  // namespace rtt::os
