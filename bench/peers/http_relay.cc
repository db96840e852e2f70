// SPDX-License-Identifier: Apache-2.0
// The reference for a gateway over HTTP: starts a command, listens on 127.0.0.1 and passes the body of each
// POST to the command's stdin as a line, and each line of its stdout back as the answer to the POST that is
// owed one longest. It reads of a request what its length needs and nothing else, knows no sessions, no
// tokens and no events, and trusts both sides; it is no example of a server. `bench_http_relay COMMAND ARG…`
// prints its port.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Peer {
  int fd = -1;
  std::string buffer;
};

bool put(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

bool take(int fd, std::string& buffer) {
  static std::array<char, 1 << 16> chunk;
  const ssize_t got = ::read(fd, chunk.data(), chunk.size());
  if (got > 0) buffer.append(chunk.data(), static_cast<std::size_t>(got));
  return got > 0;
}

std::size_t length_of(std::string_view head) {
  constexpr std::string_view kName = "\r\ncontent-length:";
  for (std::size_t at = 0; at + kName.size() < head.size(); ++at) {
    if (::strncasecmp(head.data() + at, kName.data(), kName.size()) == 0)
      return static_cast<std::size_t>(std::atoi(head.data() + at + kName.size()));
  }
  return 0;
}

// The bodies of the whole requests in `peer`, as lines; who is owed an answer is added.
std::string bodies(Peer& peer, std::deque<int>& owed) {
  std::string lines;
  for (;;) {
    const std::size_t end = peer.buffer.find("\r\n\r\n");
    if (end == std::string::npos) return lines;
    const std::size_t body = length_of(std::string_view(peer.buffer).substr(0, end));
    if (peer.buffer.size() < end + 4 + body) return lines;
    const std::string_view text = std::string_view(peer.buffer).substr(end + 4, body);
    lines.append(text).push_back('\n');
    if (text.find("\"id\"") != std::string_view::npos) {
      owed.push_back(peer.fd);
    } else {
      put(peer.fd, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
    }
    peer.buffer.erase(0, end + 4 + body);
  }
}

void answer(std::string& replies, std::deque<int>& owed) {
  std::size_t start = 0;
  for (std::size_t end; (end = replies.find('\n', start)) != std::string::npos; start = end + 1) {
    if (owed.empty()) continue;
    std::string text = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                       std::to_string(end - start) + "\r\n\r\n";
    text.append(replies, start, end - start);
    put(owed.front(), text);
    owed.pop_front();
  }
  replies.erase(0, start);
}

int listen_here() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd, 64) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return -1;
  std::printf("%d\n", ::ntohs(address.sin_port));
  std::fflush(stdout);
  return fd;
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
  const int listener = listen_here();
  if (listener < 0) return 2;
  std::deque<Peer> peers;
  std::deque<int> owed;
  std::string replies;
  for (;;) {
    // Its starter's end of stdin closing ends it.
    std::vector<pollfd> fds{{listener, POLLIN, 0}, {out[0], POLLIN, 0}, {0, POLLIN, 0}};
    for (const Peer& peer : peers) fds.push_back({peer.fd, POLLIN, 0});
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    if (fds[1].revents != 0) {
      if (!take(out[0], replies)) break;
      answer(replies, owed);
    }
    std::string lines;
    for (std::size_t i = 3; i < fds.size(); ++i) {
      Peer& peer = peers[i - 3];
      if (fds[i].revents == 0) continue;
      if (take(peer.fd, peer.buffer)) {
        lines += bodies(peer, owed);
      } else {
        ::close(peer.fd);
        peer.fd = -1;
      }
    }
    if (!put(in[1], lines)) break;
    std::erase_if(peers, [](const Peer& peer) { return peer.fd < 0; });
    if (fds[0].revents != 0) {
      const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (fd >= 0) peers.push_back({fd, {}});
    }
    std::array<char, 16> ignored{};
    if (fds[2].revents != 0 && ::read(0, ignored.data(), ignored.size()) <= 0) break;
  }
  ::close(in[1]);
  ::waitpid(child, nullptr, 0);
  return 0;
}
