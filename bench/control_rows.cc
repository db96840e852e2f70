// SPDX-License-Identifier: Apache-2.0
// Control rows: a status call over the panel socket against a bare unix-socket ping-pong of the same byte
// counts, on two cores and on one, and the whole process `rtt --help`.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "api/client.h"
#include "client.h"
#include "placement.h"
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
  [[nodiscard]] pid_t pid() const { return child_; }
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

void status_rows(const Settings& settings, Report& report) {
  const std::string root = settings.work_dir + "/control";
  std::filesystem::create_directories(root);
  run({settings.rtt, "init", "--yes", "--quiet", "-C", root});
  run({settings.rtt, "panel", "start", "--quiet", "-C", root});
  auto client = api::Client::connect(root + "/.rtt/sockets", "bench");
  if (!client) give_up(client.error().message);
  const api::Ask ask{
      .verb = "status", .args = text::Json::object({}), .directory = root, .search = "exactly"};
  const std::string expected = fmt::format(R"("panel":"up","pid":{},)", client->panel_pid());
  std::size_t answer_bytes = 0;
  // Verified: the frame's checksum and the message's bounds by the client, the content by what must stand in
  // it.
  const auto status = [&] {
    const std::int64_t begin = now_ns();
    const auto reply = client->ask(ask, nullptr);
    if (!reply || reply->json.find(expected) == std::string_view::npos) give_up("status: wrong answer");
    const std::int64_t took = now_ns() - begin;
    answer_bytes = reply->json.size() + kFrameBytes;
    return took;
  };
  for (int i = 0; i < 1000 / settings.scale; ++i) status();
  PingPong reference(kRequestBytes, answer_bytes);
  Placement placement;
  const auto alternate = [&](Samples& ours, Samples& bare) {
    for (int i = 0; i < 1000 / settings.scale; ++i) reference.call();
    for (int block = 0; block < 20; ++block) {
      for (int i = 0; i < 500 / settings.scale; ++i) ours.add(status());
      for (int i = 0; i < 500 / settings.scale; ++i) bare.add(reference.call());
    }
  };
  Samples ours, bare, ours_same, bare_same;
  placement.two_cores({client->panel_pid(), reference.pid()});
  alternate(ours, bare);
  report.add({"control.call.p99", ours.percentile(99), "ns", {}, {}});
  report.add_with_reference({"control.call.p50", ours.median(), "ns", {}, {}},
                            {"uds.pingpong.p50", bare.median(), "ns", {}, {}});
  placement.same_core({client->panel_pid(), reference.pid()});
  alternate(ours_same, bare_same);
  report.add_with_reference({"control.call.same_core.p50", ours_same.median(), "ns", {}, {}},
                            {"uds.pingpong.same_core.p50", bare_same.median(), "ns", {}, {}});
  run({settings.rtt, "down", "--quiet", "-C", root});
}

void help_row(const Settings& settings, Report& report) {
  Samples help;
  for (int i = 0; i < 50; ++i) help.add(timed_run({settings.rtt, "--help"}));
  report.add({"cli.help", help.median() / 1e6, "ms", {}, {}});
}

}  // namespace

void control_rows(const Settings& settings, Report& report) {
  status_rows(settings, report);
  help_row(settings, report);
}

}  // namespace rtt::bench
