// SPDX-License-Identifier: Apache-2.0
// hosts: what is told of a host is what its present connection said, at once. Starting and losing real
// processes is tested in tests/e2e.
#include "panel/hosts.h"

#include <gtest/gtest.h>

#include <memory>

#include "os/process.h"
#include "os/temp_dir.h"
#include "os/unix_socket.h"

namespace rtt::panel {
namespace {

using text::Json;

constexpr const char* kInstance = "driver-x";

class HostsTest : public testing::Test {
 protected:
  HostsTest() : hosts_(*loop_, {.root = folder_.path(), .user_dir = folder_.path()}, [](const auto&) {}) {
    auto pair = os::socket_pair().value();
    peer_ = api::Peer::start(
        *loop_, std::move(pair.second), {.role = api::Peer::Role::kAccepting},
        [](const auto&, const auto&) {}, [](const Error&) {});
    other_end_ = std::move(pair.first);
  }

  static Json health(int pid, const char* state) {
    return Json::object(
        {{"drivers", Json::array({Json::object({{"pid", pid}, {"restarts", 0}, {"state", state}})})}});
  }

  static Json hello() {
    const auto start_time = os::process_start_time(os::own_pid());
    return Json::object({{"instance", kInstance},
                         {"pid", os::own_pid()},
                         {"start_time", static_cast<std::int64_t>(start_time.value_or(0))}});
  }

  [[nodiscard]] std::string child_state() const {
    const Json row = hosts_.describe().as_array().at(0);
    const Json* child = row.find("child");
    return child == nullptr ? "none" : std::string(child->string_or("state"));
  }

  os::TempDir folder_ = *os::TempDir::create();
  std::unique_ptr<os::Loop> loop_ = *os::Loop::create();
  Hosts hosts_;
  std::shared_ptr<api::Peer> peer_;
  os::Fd other_end_;
};

TEST_F(HostsTest, a_host_comes_with_the_state_of_its_drivers_process) {
  Json with = hello();
  with.set("health", health(7, "starting"));
  ASSERT_TRUE(hosts_.attach(with, peer_));
  EXPECT_EQ("starting", child_state());
}

TEST_F(HostsTest, what_an_earlier_connection_said_is_forgotten) {
  ASSERT_TRUE(hosts_.attach(hello(), peer_));
  hosts_.report(peer_.get(), health(7, "ready"));
  EXPECT_EQ("ready", child_state());
  ASSERT_TRUE(hosts_.attach(hello(), peer_));
  EXPECT_EQ("none", child_state());
}

// `status` is kept as bytes until the revision moves.
TEST_F(HostsTest, a_report_moves_the_revision) {
  ASSERT_TRUE(hosts_.attach(hello(), peer_));
  const std::uint64_t before = hosts_.revision();
  hosts_.report(peer_.get(), health(7, "backoff"));
  EXPECT_LT(before, hosts_.revision());
}

TEST_F(HostsTest, a_connection_that_is_no_hosts_says_nothing) {
  ASSERT_TRUE(hosts_.attach(hello(), peer_));
  hosts_.report(nullptr, health(7, "ready"));
  EXPECT_EQ("none", child_state());
}

}  // namespace
}  // namespace rtt::panel
