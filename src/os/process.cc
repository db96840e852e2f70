// SPDX-License-Identifier: Apache-2.0
#include "os/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>

#include "os/file.h"
#include "os/keeper.h"
#include "os/permissions.h"
#include "os/pipe.h"

extern "C" char** environ;  // NOLINT(readability-redundant-declaration): POSIX names it in no header

namespace rtt::os {

Child::~Child() { kill(); }

Child::Child(Child&& other) noexcept
    : in(std::move(other.in)),
      out(std::move(other.out)),
      err(std::move(other.err)),
      pid_(std::exchange(other.pid_, 0)),
      keeper_(std::exchange(other.keeper_, 0)),
      lifetime_(other.lifetime_),
      pidfd_(std::move(other.pidfd_)),
      ended_(std::exchange(other.ended_, std::nullopt)) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    kill();
    in = std::move(other.in);
    out = std::move(other.out);
    err = std::move(other.err);
    pid_ = std::exchange(other.pid_, 0);
    keeper_ = std::exchange(other.keeper_, 0);
    lifetime_ = other.lifetime_;
    pidfd_ = std::move(other.pidfd_);
    ended_ = std::exchange(other.ended_, std::nullopt);
  }
  return *this;
}

std::optional<ExitState> Child::reap(int flags) {
  if (ended_ || pid_ <= 0) return ended_;
  siginfo_t info{};
  int result = 0;
  do {
    info.si_pid = 0;
    result = ::waitid(P_PID, static_cast<id_t>(keeper_), &info, WEXITED | flags);
  } while (result != 0 && errno == EINTR);
  if (result != 0) {  // somebody else reaped it: it is gone, how is not known
    ended_ = ExitState{.code = -1, .signal = 0};
    return ended_;
  }
  if (info.si_pid == 0) return std::nullopt;
  const bool exited = info.si_code == CLD_EXITED;
  ended_ = ExitState{.code = exited ? info.si_status : -1, .signal = exited ? 0 : info.si_status};
  if (exited || lifetime_ == Lifetime::kDetached) return ended_;
  ended_->signal = signal_behind(info.si_status);
  if (ended_->signal == 0) {  // the keeper was killed, which ended the child, and others may be left
    ended_->signal = SIGKILL;
    end_orphans();
  }
  return ended_;
}

std::optional<ExitState> Child::poll() { return reap(WNOHANG); }

ExitState Child::wait() {
  RTT_ASSERT(pid_ > 0);
  return *reap(0);
}

void Child::signal_group(int signal) {
  if (running()) ::kill(-pid_, signal);
}

void Child::kill() {
  if (!running()) return;
  signal_group(SIGKILL);
  (void)reap(0);
}

int Child::detach() {
  const int pid = std::exchange(pid_, 0);
  keeper_ = 0;
  pidfd_.reset();
  return pid;
}

std::vector<std::pair<std::string, std::string>> own_environment() {
  std::vector<std::pair<std::string, std::string>> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

std::optional<std::string> find_on_path(const std::string& program, const std::string& path) {
  const auto runnable = [](const std::string& file) {
    struct stat info{};
    return ::stat(file.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(file.c_str(), X_OK) == 0;
  };
  if (program.empty()) return std::nullopt;
  if (program.find('/') != std::string::npos)
    return runnable(program) ? std::optional(program) : std::nullopt;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find(':', start), path.size());
    const std::string folder = path.substr(start, end - start);
    std::string candidate = (folder.empty() ? "." : folder) + "/" + program;
    if (runnable(candidate)) return candidate;
    start = end + 1;
  }
  return std::nullopt;
}

std::string own_executable() { return real_path("/proc/self/exe").value_or("/proc/self/exe"); }

namespace {

// The fields of /proc/<pid>/stat after the command's name, which may itself hold spaces and parentheses.
Result<std::string> stat_fields(int pid) {
  const std::string path = fmt::format("/proc/{}/stat", pid);
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> text{};  // proc(5): about 350 bytes
  const ssize_t length = file.valid() ? ::read(file.get(), text.data(), text.size()) : -1;
  if (length < 0 && errno != ENOENT && errno != ESRCH)
    return std::unexpected(last_error("cannot look at " + path));
  const std::string_view line(text.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
  const std::size_t close = line.rfind(')');
  if (close == std::string_view::npos || close + 2 > line.size())
    return fail(Code::kLost, fmt::format("process {} is gone", pid));
  return std::string(line.substr(close + 2));
}

}  // namespace

Result<Fd> watch_process(int pid, std::uint64_t start_time) {
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.valid() && errno != ESRCH && errno != EINVAL)
    return std::unexpected(last_error(fmt::format("cannot watch process {}", pid)));
  // Asked for after opening: from here on the pid cannot be given to another process unnoticed.
  const auto found = pidfd.valid() ? process_start_time(pid) : fail(Code::kLost, {});
  if (!found && found.error().code != Code::kLost) return std::unexpected(found.error());
  if (found != start_time) return fail(Code::kLost, fmt::format("process {} is gone", pid));
  return pidfd;
}

Result<std::uint64_t> process_start_time(int pid) {
  RTT_TRY_SET(const std::string fields, stat_fields(pid));
  // One that ended and was not reaped yet still has its line; whoever asks wants to know of live ones.
  if (fields.starts_with('Z') || fields.starts_with('X'))
    return fail(Code::kLost, fmt::format("process {} has ended", pid));
  constexpr int kFieldsBefore = 19;  // proc(5): starttime is field 22, the state (first here) is field 3
  std::size_t at = 0;
  for (int i = 0; i < kFieldsBefore && at != std::string::npos; ++i) {
    at = fields.find(' ', at);
    if (at != std::string::npos) ++at;
  }
  std::uint64_t ticks = 0;
  if (at == std::string::npos ||
      std::from_chars(fields.data() + at, fields.data() + fields.size(), ticks).ec != std::errc{})
    return fail(Code::kIo, fmt::format("/proc/{}/stat does not say when the process began", pid));
  return ticks;
}

Error become_program(const std::vector<std::string>& argv) {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  ::execvp(words[0], words.data());
  return last_error("cannot start " + argv.front()).at(argv.front());
}

void await_end(const Fd& process) {
  pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
  while (::poll(&ended, 1, -1) < 0 && errno == EINTR) {
  }
}

int own_pid() { return ::getpid(); }
void signal_process(int pid, int signal) {
  if (pid > 1) (void)::kill(pid, signal);
}

unsigned own_uid() { return ::geteuid(); }
unsigned own_gid() { return ::getegid(); }

void become_session_leader() { (void)::setsid(); }

Status redirect_stdio(const std::string& log_path) {
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid()) return std::unexpected(last_error("cannot open /dev/null"));
  Fd log;
  if (!log_path.empty()) {
    log = Fd(::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!log.valid()) return std::unexpected(last_error("cannot open the log " + log_path).at(log_path));
  }
  const int output = log.valid() ? log.get() : null.get();
  if (::dup2(null.get(), STDIN_FILENO) < 0 || ::dup2(output, STDOUT_FILENO) < 0 ||
      ::dup2(output, STDERR_FILENO) < 0) {
    return std::unexpected(last_error("cannot redirect standard output"));
  }
  return {};
}

void harden_self(Setuid setuid) {
  if (setuid == Setuid::kIgnored) (void)::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  (void)::setrlimit(RLIMIT_CORE, &none);
  make_private();
}

bool setuid_counts() { return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0; }

void ignore_broken_pipes() {
  (void)::signal(SIGPIPE, SIG_IGN);
  (void)::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace rtt::os
