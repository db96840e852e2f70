// SPDX-License-Identifier: Apache-2.0
// A conversation survives whoever serves it: each request gets one answer, whenever the server is killed.
#include "os/handover.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <random>

#include "base/assert.h"
#include "os/pipe.h"

namespace rtt::os {
namespace {

// Answers each line "N" by "N=…", later ones sometimes before earlier ones, until it is killed.
[[noreturn]] void serve(const HandoverFiles& files, int in, int out, unsigned seed) {
  auto kept = Handover::open({.memory = *files.memory.duplicate(), .output = *files.output.duplicate()}, out);
  if (!kept) ::_exit(1);
  Handover& h = **kept;
  std::minstd_rand random(seed);
  std::vector<std::pair<Handover::Slot, std::string>> owed = h.owed();
  for (auto& [slot, id] : owed) {
    h.append(id + "=lost\n");
    h.settle(slot);
  }
  owed.clear();
  if (!h.commit()) ::_exit(2);
  std::string buffered(h.unread());
  for (;;) {
    for (std::size_t end = buffered.find('\n'); end != std::string::npos; end = buffered.find('\n')) {
      const std::string id = buffered.substr(0, end);
      buffered.erase(0, end + 1);
      const auto slot = h.owe(id);
      if (!slot) ::_exit(3);
      owed.emplace_back(*slot, id);
    }
    h.left(buffered.size());
    if (!h.commit()) ::_exit(4);
    while (owed.size() > random() % 4) {
      const std::size_t pick = random() % owed.size();
      h.append(owed[pick].second + "=" + std::string(random() % 3000, 'x') + "\n");
      h.settle(owed[pick].first);
      owed.erase(owed.begin() + static_cast<std::ptrdiff_t>(pick));
      if (random() % 2 == 0 && (!h.commit() || !h.flush())) ::_exit(5);
    }
    if (!h.commit() || !h.flush()) ::_exit(6);
    std::array<pollfd, 2> ready{
        {{.fd = in, .events = POLLIN, .revents = 0}, {.fd = out, .events = POLLOUT, .revents = 0}}};
    if (::poll(ready.data(), h.waiting() > 0 ? 2 : 1, owed.empty() ? -1 : 0) < 0) ::_exit(7);
    const MutableBytes room = h.room();
    const auto got = read_nowait(in, room.first(std::min<std::size_t>(room.size(), 1 + random() % 64)));
    if (!got || got->closed) ::_exit(8);
    h.filled(got->bytes);
    buffered.append(h.unread().substr(buffered.size()));
  }
}

struct Wires {
  Fd in_ours, in_theirs, out_ours, out_theirs;
};
Wires over_socket() {
  int ends[2];
  RTT_ASSERT(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  Wires wires{.in_ours = Fd(ends[0]), .in_theirs = Fd(ends[1]), .out_ours = {}, .out_theirs = {}};
  wires.out_ours = *wires.in_ours.duplicate();
  wires.out_theirs = *wires.in_theirs.duplicate();
  return wires;
}
Wires over_pipes() {
  auto in = *make_pipe(), out = *make_pipe();
  return {.in_ours = std::move(in.second),
          .in_theirs = std::move(in.first),
          .out_ours = std::move(out.first),
          .out_theirs = std::move(out.second)};
}

class Conversation : public ::testing::TestWithParam<bool> {};

TEST_P(Conversation, each_request_is_answered_once_whenever_its_server_is_killed) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::minstd_rand random(seed);
  const Wires wires = GetParam() ? over_socket() : over_pipes();
  const HandoverFiles files = create_handover().value();
  EXPECT_TRUE(can_take_over(files.memory.get()));
  // How many kills fall into so many requests is up to the machine: it goes on until there were enough of
  // both.
  constexpr int kRequests = 20'000, kRequestsMax = 400'000, kKills = 101;
  int asked = 0, kills = 0;
  const auto enough = [&] { return asked >= kRequests && kills >= kKills; };
  std::map<int, int> answers;
  std::string text;
  int server = 0;
  std::size_t answered = 0;
  while (!enough() || answered < static_cast<std::size_t>(asked)) {
    ASSERT_LT(asked, kRequestsMax) << kills << " kills";
    if (server == 0) {
      server = ::fork();
      ASSERT_GE(server, 0);
      if (server == 0)
        serve(files, wires.in_theirs.get(), wires.out_theirs.get(), static_cast<unsigned>(random()));
    }
    while (!enough() && asked < static_cast<int>(answered) + 32) {
      const std::string line = std::to_string(asked++) + "\n";
      ASSERT_EQ(::write(wires.in_ours.get(), line.data(), line.size()), static_cast<ssize_t>(line.size()));
    }
    if (kills < 300 && random() % 16 == 0) {
      ASSERT_EQ(::kill(server, SIGKILL), 0);
      int state = 0;
      ASSERT_EQ(::waitpid(server, &state, 0), server);
      ASSERT_TRUE(WIFSIGNALED(state)) << "the server ended by itself with " << WEXITSTATUS(state);
      server = 0;
      ++kills;
      continue;
    }
    pollfd ready{.fd = wires.out_ours.get(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&ready, 1, 20'000), 1)
        << "hangs after " << answered << " answers, " << kills << " kills";
    std::array<char, 65536> buffer{};
    const ssize_t got = ::read(wires.out_ours.get(), buffer.data(), buffer.size());
    ASSERT_GT(got, 0);
    text.append(buffer.data(), static_cast<std::size_t>(got));
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
      const std::string line = text.substr(0, end);
      text.erase(0, end + 1);
      const std::size_t equals = line.find('=');
      ASSERT_NE(equals, std::string::npos) << line.substr(0, 100);
      const std::string rest = line.substr(equals + 1);
      ASSERT_TRUE(rest == "lost" || rest.find_first_not_of('x') == std::string::npos);
      ASSERT_EQ(++answers[std::stoi(line.substr(0, equals))], 1) << line.substr(0, 100);
      ++answered;
    }
  }
  EXPECT_GE(kills, kKills);
  ASSERT_EQ(::kill(server, SIGKILL), 0);
  ASSERT_EQ(::waitpid(server, nullptr, 0), server);
}

INSTANTIATE_TEST_SUITE_P(Handover, Conversation, ::testing::Values(false, true));

TEST(Handover, refuses_what_is_no_memory_of_a_handover_and_what_gave_up) {
  auto pipe = *make_pipe();
  EXPECT_FALSE(Handover::open({.memory = *pipe.first.duplicate(), .output = *pipe.first.duplicate()},
                              pipe.second.get()));
  const HandoverFiles files = create_handover().value();
  {
    auto kept = Handover::open({.memory = *files.memory.duplicate(), .output = *files.output.duplicate()},
                               pipe.second.get());
    ASSERT_TRUE(kept);
    EXPECT_EQ((*kept)->runs(), 0U);
    (*kept)->keep_text("hello");
    ASSERT_TRUE((*kept)->commit());
  }
  {
    auto kept = Handover::open({.memory = *files.memory.duplicate(), .output = *files.output.duplicate()},
                               pipe.second.get());
    ASSERT_TRUE(kept);
    EXPECT_EQ((*kept)->runs(), 1U);
    EXPECT_EQ((*kept)->text(), "hello");
    EXPECT_FALSE((*kept)->owe(std::string(kHandoverIdBytesMax + 1, 'x')));
    ASSERT_TRUE((*kept)->commit());
  }
  EXPECT_FALSE(can_take_over(files.memory.get()));
}

}  // namespace
}  // namespace rtt::os
