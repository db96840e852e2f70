// SPDX-License-Identifier: Apache-2.0
// spawn(): everything that needs memory or can fail softly is prepared before the fork; the child then makes
// only async-signal-safe calls, because another thread may have held the allocator's lock when the process
// was copied.
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "os/file.h"
#include "os/keeper.h"
#include "os/pipe.h"
#include "os/process.h"

namespace rtt::os {
namespace {

constexpr std::string_view kDefaultPath = "/usr/local/bin:/usr/bin:/bin";
constexpr int kTargetMax = 255;

constexpr std::string_view kKeeperName = "rtt-keeper";
constexpr std::size_t kCommandLineMax = std::size_t{8} << 20;  // execve(2): a quarter of the stack's limit

enum class Step : int { kPid, kSandbox, kDescriptors, kParent, kDirectory, kLimits, kExec };
struct Failure {  // what the child writes into the error pipe: how far it came, the last word at exec
  Step step;
  int error;  // kPid: the child's pid instead
};

struct Move {
  int from;
  int to;
};

// Everything the child needs, laid out before the fork.
struct Image {
  std::vector<std::string> environment;
  std::vector<char*> argv, envp, shell_argv;
  std::string program, shell = "/bin/sh";
  const char* directory = nullptr;
  std::vector<Move> moves;  // sorted by `to`, one each
  int error_fd = -1;
  int parent = 0;
  std::optional<SandboxRules> rules;
  Setuid setuid = Setuid::kIgnored;
  int adopts = 0;                      // whether orphans come to this process
  std::size_t command_line_bytes = 0;  // of this process, as the kernel shows it
};

[[noreturn]] void give_up(const Image& image, Step step) {
  const Failure failure{.step = step, .error = errno};
  (void)!::write(image.error_fd, &failure, sizeof failure);
  ::_exit(127);
}

// Puts each descriptor at its number and closes all others. All sources go above every target first, so that
// no move can overwrite the source of a later one.
void place_descriptors(Image& image) {
  const int above = image.moves.back().to + 1;
  const int error_copy = ::fcntl(image.error_fd, F_DUPFD_CLOEXEC, above);
  if (error_copy < 0) give_up(image, Step::kDescriptors);
  image.error_fd = error_copy;
  for (Move& move : image.moves) {
    move.from = ::fcntl(move.from, F_DUPFD_CLOEXEC, above);
    if (move.from < 0) give_up(image, Step::kDescriptors);
  }
  unsigned next = 0;  // first number not dealt with yet
  for (const Move& move : image.moves) {
    const auto target = static_cast<unsigned>(move.to);
    if (target > next && ::syscall(SYS_close_range, next, target - 1, 0) != 0)
      give_up(image, Step::kDescriptors);
    if (::dup2(move.from, move.to) < 0) give_up(image, Step::kDescriptors);  // dup2's copy survives exec
    next = target + 1;
  }
  // The copies above the targets include the error pipe, which must last until exec: close there, not now.
  constexpr unsigned kCloseOnExec = 1U << 2;  // CLOSE_RANGE_CLOEXEC, Linux 5.11
  if (::syscall(SYS_close_range, next, ~0U, kCloseOnExec) != 0) give_up(image, Step::kDescriptors);
}

void say_pid(const Image& image, long pid) {
  const Failure word{.step = Step::kPid, .error = static_cast<int>(pid)};
  (void)!::write(image.error_fd, &word, sizeof word);
}

// A plain fork() would run the handlers of the C library for it, which are not async-signal-safe.
long bare_fork() { return ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }

void restore_signals() {
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) (void)::sigaction(signal, &standard, nullptr);
  // glibc keeps 32 and 33 to itself and refuses them above, but make hands them down ignored: ask the kernel.
  constexpr std::array<unsigned char, 32> kKernelStandard{};  // handler, flags, restorer, mask: all zero
  for (const int signal : {32, 33})
    (void)::syscall(SYS_rt_sigaction, signal, kKernelStandard.data(), nullptr, 8);
  sigset_t none;
  ::sigemptyset(&none);
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become(Image& image) {
  (void)::setsid();
  if (image.rules && !image.rules->enter()) give_up(image, Step::kSandbox);
  place_descriptors(image);
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) give_up(image, Step::kLimits);
  if (image.setuid == Setuid::kIgnored && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    give_up(image, Step::kLimits);
  if (image.directory != nullptr && ::chdir(image.directory) != 0) give_up(image, Step::kDirectory);
  restore_signals();
  ::execve(image.program.c_str(), image.argv.data(), image.envp.data());
  if (errno ==
      ENOEXEC) {  // a script without a #! line runs in the shell, as it does for every other launcher
    ::execve(image.shell.c_str(), image.shell_argv.data(), image.envp.data());
  }
  give_up(image, Step::kExec);
}

// A copy of its parent until it ends, but seen by a name of its own. REQUIRES: `name` ends with a zero.
void be_seen_as(std::string_view name, std::size_t command_line_bytes) {
  std::memset(program_invocation_name, 0, command_line_bytes);
  std::memcpy(program_invocation_name, name.data(), std::min(name.size(), command_line_bytes));
  (void)::prctl(PR_SET_NAME, name.data(), 0, 0, 0);
}

// What our fork does. Signals are all blocked since before it: a handler of ours must not run there.
[[noreturn]] void start_kept(Image& image) {
  const auto fds = open_keeper(image.parent);
  if (!fds) give_up(image, Step::kParent);
  if (::getppid() != image.parent) ::_exit(127);  // the parent died before it was watched
  const int keeper = ::getpid();
  const long child = bare_fork();
  if (child < 0) give_up(image, Step::kParent);
  if (child == 0) {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) give_up(image, Step::kParent);
    if (::getppid() != keeper) ::_exit(127);
    become(image);
  }
  say_pid(image, child);
  be_seen_as(kKeeperName, image.command_line_bytes);
  keep_child(static_cast<int>(child), *fds);
}

[[noreturn]] void start_detached(Image& image) {
  // One that adopts orphans would take this child for one: let it be nobody's from the start.
  if (image.adopts) {
    const long child = bare_fork();
    if (child < 0) give_up(image, Step::kParent);
    if (child > 0) {
      say_pid(image, child);
      ::_exit(0);
    }
  }
  become(image);
}

struct Ends {
  Fd ours, theirs;  // a wire without a pipe has no `ours`
};

Result<Ends> open_wire(Wire wire, int number) {
  Ends ends;
  switch (wire) {
    case Wire::kPipe: {
      RTT_TRY_SET(auto pipe, make_pipe());
      ends.ours = number == 0 ? std::move(pipe.second) : std::move(pipe.first);
      ends.theirs = number == 0 ? std::move(pipe.first) : std::move(pipe.second);
      return ends;
    }
    case Wire::kNull:
      ends.theirs = Fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
      break;
    case Wire::kInherit:
      ends.theirs = Fd(::fcntl(number, F_DUPFD_CLOEXEC, 3));
      break;
  }
  if (!ends.theirs.valid())
    return std::unexpected(last_error("cannot prepare a child's standard descriptors"));
  return ends;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

Result<std::string> program_of(const SpawnOptions& options) {
  const std::string& name = options.argv.front();
  if (name.find('/') != std::string::npos) return name;  // exec says itself what is wrong with it
  std::string path(kDefaultPath);
  for (const auto& [key, value] : options.env) {
    if (key == "PATH") path = value;
  }
  if (auto found = find_on_path(name, path)) return *found;
  return fail(Code::kDriverStart, "the program " + name + " is not on PATH", name, "which " + name);
}

void add_moves(Image& image, const SpawnOptions& options, const std::array<Ends, 3>& wires) {
  for (int number = 0; number < 3; ++number) {
    image.moves.push_back({.from = wires[static_cast<std::size_t>(number)].theirs.get(), .to = number});
  }
  for (const auto& [ours, target] : options.pass_fds) {
    RTT_ASSERT(ours >= 0 && target >= 0 && target <= kTargetMax);
    const auto taken =
        std::find_if(image.moves.begin(), image.moves.end(), [t = target](Move m) { return m.to == t; });
    if (taken != image.moves.end()) {
      taken->from = ours;
    } else {
      image.moves.push_back({.from = ours, .to = target});
    }
  }
  std::sort(image.moves.begin(), image.moves.end(), [](Move a, Move b) { return a.to < b.to; });
}

Error start_error(const SpawnOptions& options, const Failure& failure) {
  const std::string& name = options.argv.front();
  switch (failure.step) {
    case Step::kDirectory:
      return Error{
          .code = Code::kDriverStart,
          .message = "cannot start " + name + " in " + error_of(failure.error, options.directory).message,
          .where = options.directory,
          .hint = {}};
    case Step::kExec:
      return Error{.code = Code::kDriverStart,
                   .message = error_of(failure.error, "cannot start " + name).message,
                   .where = name,
                   .hint = "ls -l " + name};
    case Step::kSandbox:
      return Error{.code = Code::kDriverStart,
                   .message = error_of(failure.error, "cannot hold " + name + " in its sandbox").message,
                   .where = name,
                   .hint = {}};
    case Step::kPid:
    case Step::kDescriptors:
    case Step::kParent:
    case Step::kLimits:
      break;
  }
  return Error{.code = Code::kDriverStart,
               .message = error_of(failure.error, "cannot prepare " + name).message,
               .where = name,
               .hint = {}};
}

// The next word of a starting child; nothing when it has become its program (or ended).
std::optional<Failure> next_word(const Fd& errors) {
  Failure word{};
  ssize_t got = 0;
  do {
    got = ::read(errors.get(), &word, sizeof word);
  } while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(sizeof word) ? std::optional(word) : std::nullopt;
}

// What the kernel shows as this process's command line lies in memory from argv[0] on.
std::size_t own_command_line_bytes() {
  const auto shown = read_file("/proc/self/cmdline", kCommandLineMax);
  return shown ? shown->size() : 0;
}

}  // namespace

Result<Child> spawn(const SpawnOptions& options) {
  RTT_ASSERT(!options.argv.empty());
  Image image;
  RTT_TRY_SET(image.program, program_of(options));
  if (options.sandbox.holds()) {
    RTT_TRY_SET(image.rules, SandboxRules::prepare(options.sandbox, image.program));
  }
  std::array<Ends, 3> wires;
  RTT_TRY_SET(wires[0], open_wire(options.in, 0));
  RTT_TRY_SET(wires[1], open_wire(options.out, 1));
  RTT_TRY_SET(wires[2], open_wire(options.err, 2));
  RTT_TRY_SET(auto errors, make_pipe());
  for (const auto& [key, value] : options.env) image.environment.push_back(key + "=" + value);
  image.argv = pointers_to(options.argv);
  image.envp = pointers_to(image.environment);
  image.shell_argv = image.argv;
  image.shell_argv.insert(image.shell_argv.begin() + 1, image.program.data());
  image.setuid = options.setuid;
  image.directory = options.directory.empty() ? nullptr : options.directory.c_str();
  image.error_fd = errors.second.get();
  image.parent = ::getpid();
  image.command_line_bytes = own_command_line_bytes();
  add_moves(image, options, wires);

  sigset_t all, before;
  ::sigfillset(&all);
  RTT_ASSERT(::pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
  const bool detached = options.lifetime == Lifetime::kDetached;
  RTT_ASSERT(::prctl(PR_GET_CHILD_SUBREAPER, &image.adopts, 0, 0, 0) == 0);
  if (detached && image.adopts != 0) (void)::prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
  const int pid = ::fork();
  if (pid == 0) detached ? start_detached(image) : start_kept(image);
  const int fork_error = errno;
  RTT_ASSERT(::pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
  if (pid < 0) return std::unexpected(error_of(fork_error, "cannot start " + options.argv.front()));

  Child child;
  child.pid_ = child.keeper_ = pid;
  child.lifetime_ = options.lifetime;
  child.in = std::move(wires[0].ours);
  child.out = std::move(wires[1].ours);
  child.err = std::move(wires[2].ours);
  errors.second.reset();
  std::optional<Error> failed;
  for (auto word = next_word(errors.first); word; word = next_word(errors.first)) {
    if (word->step == Step::kPid) {
      child.pid_ = word->error;
    } else {
      failed = start_error(options, *word);
    }
  }
  if (detached && image.adopts != 0) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    (void)::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    child.keeper_ = child.pid_;
  }
  if (failed) return std::unexpected(*std::move(failed));
  child.pidfd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, child.keeper_, 0)));
  if (!child.pidfd_.valid()) return std::unexpected(last_error("cannot watch " + options.argv.front()));
  return child;
}

Status run_apart(const char* name, std::vector<int> keep, const std::function<int()>& life) {
  const std::size_t command_line_bytes = own_command_line_bytes();
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid()) return std::unexpected(last_error("cannot open /dev/null"));
  std::sort(keep.begin(), keep.end());
  const int pid = ::fork();
  if (pid < 0) return std::unexpected(last_error(fmt::format("cannot start {}", name)));
  if (pid == 0) {
    (void)::setsid();
    const long inner = bare_fork();
    if (inner != 0) ::_exit(inner < 0 ? 1 : 0);
    restore_signals();
    be_seen_as(name, command_line_bytes);
    for (const int number : {0, 1, 2}) (void)::dup2(null.get(), number);
    unsigned next = 3;
    for (const int fd : keep) {
      const auto number = static_cast<unsigned>(fd);
      if (number > next) (void)::syscall(SYS_close_range, next, number - 1, 0);
      next = number + 1;
    }
    (void)::syscall(SYS_close_range, next, ~0U, 0);
    (void)!::chdir("/");
    ::_exit(life());
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) return fail(Code::kIo, fmt::format("cannot start {}", name));
  return {};
}

}  // namespace rtt::os
