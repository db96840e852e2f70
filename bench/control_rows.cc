// SPDX-License-Identifier: Apache-2.0
// Control rows: a status call over the panel socket against a bare unix-socket ping-pong of the same byte
// counts, and the whole process `rtt --help`.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "api/service.h"
#include "client.h"
#include "report.h"
#include "text/json.h"

namespace rtt::bench {
namespace {

// Header, table and strings of a status request; measured with strace on this build.
constexpr std::size_t kRequestBytes = 140;
constexpr std::size_t kFrameBytes = 64;  // header and table around an answer

void read_whole(int fd, std::vector<char>& buffer) {
  for (std::size_t at = 0; at < buffer.size();) {
    const ssize_t got = ::read(fd, buffer.data() + at, buffer.size() - at);
    if (got <= 0) ::_exit(0);
    at += static_cast<std::size_t>(got);
  }
}

// A child that answers `request` bytes with `answer` bytes, blocking, until the socket closes.
class PingPong {
 public:
  PingPong(std::size_t request, std::size_t answer) : request_(request), answer_(answer) {
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()) != 0) give_up("socketpair failed");
    child_ = ::fork();
    if (child_ == 0) {
      ::close(pair[0]);
      for (;;) {
        read_whole(pair[1], request_);
        if (::write(pair[1], answer_.data(), answer_.size()) <= 0) ::_exit(0);
      }
    }
    ::close(pair[1]);
    fd_ = pair[0];
  }
  ~PingPong() {
    ::close(fd_);
    ::waitpid(child_, nullptr, 0);
  }
  std::int64_t call() {
    const std::int64_t begin = now_ns();
    if (::write(fd_, request_.data(), request_.size()) <= 0) give_up("ping failed");
    read_whole(fd_, answer_);
    return now_ns() - begin;
  }

 private:
  std::vector<char> request_, answer_;
  int fd_ = -1;
  pid_t child_ = 0;
};

}  // namespace

void control_rows(const Settings& settings, Report& report) {
  const std::string root = settings.work_dir + "/control";
  std::filesystem::create_directories(root);
  run({settings.rtt, "init", "--yes", "--quiet", "-C", root});
  run({settings.rtt, "panel", "start", "--quiet", "-C", root});
  auto service = api::connect_service(root + "/.rtt/sockets", "bench");
  if (!service) give_up(service.error().message);
  const api::Ask ask{
      .verb = "status", .args = text::Json::object({}), .directory = root, .search = "exactly"};
  std::size_t answer_bytes = 0;
  const auto status = [&] {
    const std::int64_t begin = now_ns();
    auto reply = (*service)->ask(ask, [](const text::Json&) {});
    const std::int64_t took = now_ns() - begin;
    if (!reply) give_up(reply.error().message);
    if (answer_bytes == 0) answer_bytes = text::to_json(reply->body).size() + kFrameBytes;
    return took;
  };
  for (int i = 0; i < 1000 / settings.scale; ++i) status();
  PingPong reference(kRequestBytes, answer_bytes);
  for (int i = 0; i < 1000 / settings.scale; ++i) reference.call();
  Samples ours, bare;
  for (int block = 0; block < 20; ++block) {
    for (int i = 0; i < 500 / settings.scale; ++i) ours.add(status());
    for (int i = 0; i < 500 / settings.scale; ++i) bare.add(reference.call());
  }
  report.add({"control.call.p99", ours.percentile(99), "ns", {}, {}});
  report.add_with_reference({"control.call.p50", ours.median(), "ns", {}, {}},
                            {"uds.pingpong.p50", bare.median(), "ns", {}, {}});
  run({settings.rtt, "down", "--quiet", "-C", root});

  Samples help;
  for (int i = 0; i < 50; ++i) help.add(timed_run({settings.rtt, "--help"}));
  report.add({"cli.help", help.median() / 1e6, "ms", {}, {}});
}

}  // namespace rtt::bench
