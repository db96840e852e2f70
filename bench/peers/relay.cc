// SPDX-License-Identifier: Apache-2.0
// The reference for a gateway over stdio: starts a command and passes bytes between it and our own stdin and
// stdout, with nothing read, checked or counted. `bench_relay COMMAND ARG…`
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

namespace {

bool pass(int from, int to) {
  static std::array<char, 1 << 16> buffer;
  const ssize_t got = ::read(from, buffer.data(), buffer.size());
  if (got <= 0) return got < 0 && errno == EINTR;
  for (ssize_t at = 0; at < got;) {
    const ssize_t put = ::write(to, buffer.data() + at, static_cast<std::size_t>(got - at));
    if (put < 0 && errno != EINTR) return false;
    if (put > 0) at += put;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::array<int, 2> in{}, out{};
  if (argc < 2 || ::pipe(in.data()) != 0 || ::pipe(out.data()) != 0) return 2;
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    for (const int fd : {in[0], in[1], out[0], out[1]}) ::close(fd);
    ::execvp(argv[1], argv + 1);
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  std::array<pollfd, 2> fds{pollfd{0, POLLIN, 0}, pollfd{out[0], POLLIN, 0}};
  bool feeding = true;
  for (;;) {
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    if (feeding && fds[0].revents != 0 && !pass(0, in[1])) {
      ::close(in[1]);
      fds[0].fd = -1;
      feeding = false;
    }
    if (fds[1].revents != 0 && !pass(out[0], 1)) break;
  }
  if (feeding) ::close(in[1]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
