// SPDX-License-Identifier: Apache-2.0
#include "os/loop.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "base/flat_map.h"
#include "os/clock.h"

namespace rtt::os {
namespace {

constexpr int kEventsPerRound = 64;
constexpr Nanos kCoarseClock = nanos_from_ms(10);  // what it is behind at most: one tick, at 100 Hz
constexpr Nanos kFarAway = nanos_from_ms(20);
constexpr std::uint64_t kNanosPerSecond = 1'000'000'000;

std::uint32_t epoll_bits(std::uint32_t interest) {
  return ((interest & kReadable) != 0 ? std::uint32_t{EPOLLIN} : 0u) |
         ((interest & kWritable) != 0 ? std::uint32_t{EPOLLOUT} : 0u);
}

std::uint32_t ready_bits(std::uint32_t events) {
  return ((events & EPOLLIN) != 0 ? std::uint32_t{kReadable} : 0u) |
         ((events & EPOLLOUT) != 0 ? std::uint32_t{kWritable} : 0u) |
         ((events & (EPOLLHUP | EPOLLERR)) != 0 ? std::uint32_t{kHangup} : 0u);
}

// epoll_pwait2 counts nanoseconds; a sandbox that does not know it gets whole milliseconds, rounded up.
int wait_for_events(int epoll, std::array<epoll_event, kEventsPerRound>& events, Nanos wait) {
  if (wait.value < 0) return ::epoll_wait(epoll, events.data(), kEventsPerRound, -1);
  const timespec span{.tv_sec = static_cast<time_t>(wait.value / std::int64_t{kNanosPerSecond}),
                      .tv_nsec = wait.value % std::int64_t{kNanosPerSecond}};
  const int count = ::epoll_pwait2(epoll, events.data(), kEventsPerRound, &span, nullptr);
  if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return count;
  const std::int64_t ms = std::min<std::int64_t>((wait.value + 999'999) / 1'000'000, 1'000'000'000);
  return ::epoll_wait(epoll, events.data(), kEventsPerRound, static_cast<int>(ms));
}

}  // namespace

struct Loop::State {
  struct Watch {
    Handler handler;
    std::uint32_t interest = 0;
    std::uint32_t generation =
        0;  // tells an event of this watch from one of an earlier watch on the same number
    bool always_ready = false;  // epoll refuses it
  };
  using TimerKey = std::pair<std::int64_t, TimerId>;  // due, then in order of creation

  Fd epoll, wake, signals;
  std::vector<std::unique_ptr<Watch>> watches;  // by descriptor number
  std::vector<int> always_ready;
  std::vector<std::unique_ptr<Watch>>
      retired;  // unwatched during this round: their handler may still be running
  std::uint32_t generation_last = 0;
  int depth = 0;                              // run_once may be entered again from a handler
  mutable std::optional<Instant> event_time;  // unset: not read since the event under way began

  std::map<TimerKey, Task> timers;
  std::map<TimerId, std::int64_t> due_of;
  TimerId timer_last = 0;

  std::mutex posted_mutex;
  std::vector<Task> posted;
  std::atomic<bool> posted_any = false;
  std::atomic<bool> stopping = false;

  sigset_t signal_set{};
  FlatMap<int, std::shared_ptr<Task>> on_signal;  // shared: a handler may replace itself while it runs

  Watch* find(int fd) const {
    const auto index = static_cast<std::size_t>(fd);
    return fd >= 0 && index < watches.size() ? watches[index].get() : nullptr;
  }
  void ring() const {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the loop is awake anyway.
    (void)!::write(wake.get(), &one, sizeof one);
  }
  struct Wait {
    Nanos time;
    bool short_of_timer = false;  // another wait follows, if nothing happens
  };
  [[nodiscard]] Wait wait_time(Nanos max_wait) const;
  bool dispatch(const epoll_event& event);
  bool run_always_ready();
  bool run_timers();
  bool run_posted();
  void run_signals();
};

Loop::Loop() : state_(std::make_unique<State>()) {}
Loop::~Loop() {
  // Handlers may own objects that unwatch and cancel as they go, so they go while the state still stands.
  // Epoll is not asked to forget them: it ends with us, and their descriptors may be closed already.
  state_->always_ready.clear();
  for (std::unique_ptr<State::Watch>& watch : state_->watches) std::exchange(watch, nullptr).reset();
  while (!state_->timers.empty()) cancel(state_->timers.begin()->first.second);
  std::exchange(state_->posted, {}).clear();
  std::exchange(state_->on_signal, {}).clear();
}

Result<std::unique_ptr<Loop>> Loop::create() {
  std::unique_ptr<Loop> loop(new Loop);
  State& state = *loop->state_;
  state.epoll = Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!state.epoll.valid()) return std::unexpected(last_error("cannot create an event loop"));
  state.wake = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!state.wake.valid()) return std::unexpected(last_error("cannot create an event loop"));
  RTT_TRY(loop->watch(state.wake.get(), kReadable, [&state](std::uint32_t) {
    std::uint64_t count = 0;
    (void)!::read(state.wake.get(), &count, sizeof count);
  }));
  return loop;
}

Status Loop::watch(int fd, std::uint32_t interest, Handler handler) {
  RTT_ASSERT(fd >= 0);
  RTT_ASSERT(!watching(fd));
  auto watch = std::make_unique<State::Watch>();
  watch->handler = std::move(handler);
  watch->interest = interest;
  watch->generation = ++state_->generation_last;
  epoll_event event{};
  event.events = epoll_bits(interest);
  event.data.u64 = std::uint64_t{watch->generation} << 32 | static_cast<std::uint32_t>(fd);
  if (::epoll_ctl(state_->epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    if (errno != EPERM) return std::unexpected(last_error("cannot watch a descriptor"));
    watch->always_ready = true;
    state_->always_ready.push_back(fd);
  }
  const auto index = static_cast<std::size_t>(fd);
  if (index >= state_->watches.size()) state_->watches.resize(index + 1);
  state_->watches[index] = std::move(watch);
  return {};
}

void Loop::change(int fd, std::uint32_t interest) {
  State::Watch* watch = state_->find(fd);
  RTT_ASSERT(watch != nullptr);
  if (watch->interest == interest) return;
  watch->interest = interest;
  if (watch->always_ready) return;
  epoll_event event{};
  event.events = epoll_bits(interest);
  event.data.u64 = std::uint64_t{watch->generation} << 32 | static_cast<std::uint32_t>(fd);
  RTT_ASSERT(::epoll_ctl(state_->epoll.get(), EPOLL_CTL_MOD, fd, &event) == 0);
}

void Loop::unwatch(int fd) {
  const State::Watch* watch = state_->find(fd);
  if (watch == nullptr) return;
  if (watch->always_ready) {
    std::erase(state_->always_ready, fd);
  } else {
    RTT_ASSERT(::epoll_ctl(state_->epoll.get(), EPOLL_CTL_DEL, fd, nullptr) == 0);
  }
  std::unique_ptr<State::Watch> gone = std::move(state_->watches[static_cast<std::size_t>(fd)]);
  if (state_->depth > 0) state_->retired.push_back(std::move(gone));
}

bool Loop::watching(int fd) const { return state_->find(fd) != nullptr; }
int Loop::fd() const { return state_->epoll.get(); }

Instant Loop::now() const {
  if (state_->depth == 0) return os::now();
  if (!state_->event_time) state_->event_time = os::now();
  return *state_->event_time;
}

Loop::TimerId Loop::after(Nanos delay, Task task) {
  const std::int64_t due = (os::now() + Nanos{std::max<std::int64_t>(delay.value, 0)}).ns;
  const TimerId id = ++state_->timer_last;
  state_->timers.emplace(State::TimerKey{due, id}, std::move(task));
  state_->due_of.emplace(id, due);
  return id;
}

void Loop::cancel(TimerId timer) {
  const auto at = state_->due_of.find(timer);
  if (at == state_->due_of.end()) return;
  // The task goes last: what it captured may itself cancel timers when it is destroyed.
  auto gone = state_->timers.extract({at->second, timer});
  state_->due_of.erase(at);
}

std::optional<Instant> Loop::next_timer() const {
  if (state_->timers.empty()) return std::nullopt;
  return Instant{state_->timers.begin()->first.first};
}

void Loop::post(Task task) {
  bool first = false;
  {
    const std::lock_guard lock(state_->posted_mutex);
    RTT_ASSERT(state_->posted.size() < kPostedMax);
    first = state_->posted.empty();
    state_->posted.push_back(std::move(task));
    state_->posted_any.store(true, std::memory_order_release);
  }
  if (first) state_->ring();
}

Status Loop::on_signal(int signal, Task handler) {
  State& state = *state_;
  if (!state.signals.valid()) ::sigemptyset(&state.signal_set);
  ::sigaddset(&state.signal_set, signal);
  sigset_t blocked{};
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, signal);
  RTT_ASSERT(::pthread_sigmask(SIG_BLOCK, &blocked, nullptr) == 0);
  const int fd = ::signalfd(state.signals.get(), &state.signal_set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) return std::unexpected(last_error("cannot watch signals"));
  if (!state.signals.valid()) {
    state.signals = Fd(fd);
    RTT_TRY(watch(fd, kReadable, [&state](std::uint32_t) { state.run_signals(); }));
  }
  state.on_signal[signal] = std::make_shared<Task>(std::move(handler));
  return {};
}

void Loop::State::run_signals() {
  signalfd_siginfo info{};
  while (::read(signals.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    const auto* handler = on_signal.find(static_cast<int>(info.ssi_signo));
    if (handler == nullptr) continue;
    const std::shared_ptr<Task> running = *handler;
    (*running)();
  }
}

Loop::State::Wait Loop::State::wait_time(Nanos max_wait) const {
  if (!always_ready.empty() && std::any_of(always_ready.begin(), always_ready.end(),
                                           [this](int fd) { return find(fd)->interest != 0; })) {
    return {.time = {0}};
  }
  if (timers.empty()) return {.time = max_wait};
  // A timer that is far away is waited for until shortly before, by a clock that costs next to nothing to
  // read.
  const std::int64_t due = timers.begin()->first.first;
  const Nanos about{due - now_coarse().ns - kCoarseClock.value};
  const bool far = about >= kFarAway;
  const Nanos left = far ? about : Nanos{std::max<std::int64_t>(due - os::now().ns, 0)};
  if (max_wait.value >= 0 && max_wait <= left) return {.time = max_wait};
  return {.time = left, .short_of_timer = far};
}

bool Loop::State::dispatch(const epoll_event& event) {
  const int fd = static_cast<int>(event.data.u64 & 0xffffffffu);
  Watch* watch = find(fd);
  if (watch == nullptr || watch->generation != event.data.u64 >> 32)
    return false;  // gone earlier in this round
  // An interest dropped earlier in this round is respected.
  const std::uint32_t ready = ready_bits(event.events) & (watch->interest | kHangup);
  if (ready == 0) return false;
  event_time.reset();
  watch->handler(ready);
  return fd != wake.get();
}

bool Loop::State::run_always_ready() {
  if (always_ready.empty()) return false;
  bool ran = false;
  for (const int fd : std::vector<int>(always_ready)) {  // a copy: handlers watch and unwatch
    Watch* watch = find(fd);
    if (watch == nullptr || !watch->always_ready || watch->interest == 0) continue;
    event_time.reset();
    watch->handler(watch->interest);
    ran = true;
  }
  return ran;
}

bool Loop::State::run_timers() {
  if (timers.empty()) return false;
  // Against one reading of the clock: a timer that re-arms itself with no delay is due later and waits its
  // round. It may be that of the last event: what has become due since then runs in a round that does not
  // wait.
  const std::int64_t time = (event_time ? *event_time : os::now()).ns;
  bool ran = false;
  while (!timers.empty() && timers.begin()->first.first <= time) {
    auto node = timers.extract(timers.begin());
    due_of.erase(node.key().second);
    event_time.reset();
    node.mapped()();
    ran = true;
  }
  return ran;
}

bool Loop::State::run_posted() {
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(posted_mutex);
    tasks.swap(posted);
    posted_any.store(false, std::memory_order_relaxed);
  }
  for (Task& task : tasks) {
    event_time.reset();
    task();
    task = nullptr;  // what it captured ends with it, not with the whole batch
  }
  return !tasks.empty();
}

bool Loop::run_once(Nanos max_wait) {
  State& state = *state_;
  ++state.depth;
  std::array<epoll_event, kEventsPerRound> events{};
  int count = 0;
  for (bool again = true; again && count == 0;) {
    const State::Wait wait = state.wait_time(max_wait);
    count = wait_for_events(state.epoll.get(), events, wait.time);
    again = wait.short_of_timer;
    if (max_wait.value >= 0) max_wait = {max_wait.value - wait.time.value};
  }
  RTT_ASSERT(count >= 0 || errno == EINTR);
  bool ran = false;
  for (int i = 0; i < count; ++i) ran |= state.dispatch(events[static_cast<std::size_t>(i)]);
  ran |= state.run_always_ready();
  ran |= state.run_timers();
  ran |= state.run_posted();
  state.event_time.reset();  // a handler that ran this round went on for who knows how long
  if (--state.depth == 0) {
    // Destroying a handler may destroy an object that unwatches more.
    while (!state.retired.empty()) std::exchange(state.retired, {}).clear();
  }
  return ran;
}

void Loop::run() {
  while (!state_->stopping.exchange(false)) (void)run_once({-1});
}

void Loop::stop() {
  state_->stopping = true;
  state_->ring();
}

bool Loop::stopping() const { return state_->stopping; }

bool Loop::has_posted() const { return state_->posted_any.load(std::memory_order_acquire); }

void Loop::wake() { state_->ring(); }

}  // namespace rtt::os
