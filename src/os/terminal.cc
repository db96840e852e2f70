// SPDX-License-Identifier: Apache-2.0
#include "os/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

namespace rtt::os {
namespace {

constexpr std::size_t kAnswerBytesMax = 4096;

void write_whole(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(fd, text.data(), text.size());
    if (wrote >= 0) {
      text.remove_prefix(static_cast<std::size_t>(wrote));
    } else if (errno == EAGAIN) {  // somebody else made our terminal non-blocking
      pollfd wait{.fd = fd, .events = POLLOUT, .revents = 0};
      (void)::poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      return;  // a closed pipe or a full disk: there is nowhere left to say so
    }
  }
}

}  // namespace

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

int terminal_columns(int fd, int otherwise) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return otherwise;
  return size.ws_col;
}

std::optional<std::string> read_answer(std::string_view prompt) {
  write_err(prompt);
  std::string line;
  // One byte at a time: what follows the line belongs to the next reader of this descriptor.
  while (line.size() < kAnswerBytesMax) {
    char byte = 0;
    const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return line.empty() ? std::nullopt : std::optional(line);
    if (byte == '\n') break;
    line.push_back(byte);
  }
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

void write_out(std::string_view text) { write_whole(STDOUT_FILENO, text); }
void write_err(std::string_view text) { write_whole(STDERR_FILENO, text); }

}  // namespace rtt::os
