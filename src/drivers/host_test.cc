// SPDX-License-Identifier: Apache-2.0
// host: how long a driver's process stays when no panel wants it. What it serves is tested in tests/e2e.
#include "drivers/host.h"

#include <gtest/gtest.h>

#include "drivers/process_driver.h"
#include "os/temp_dir.h"

namespace rtt::drivers {
namespace {

// The loop ends by itself; a host that never found itself orphaned would run into the test's time limit.
TEST(Host, without_a_panel_and_without_use_it_ends) {
  const auto dir = *os::TempDir::create();
  const auto loop = *os::Loop::create();
  ProcessDriver driver(*loop, dir.path());
  const auto host = Host::start(*loop,
                                {.instance = "process-x-y",
                                 .sockets_dir = dir.path(),
                                 .in_use = nullptr,
                                 .orphan_after = nanos_from_ms(20)},
                                driver);
  ASSERT_TRUE(host) << host.error().message;
  EXPECT_EQ((*host)->run(), 0);
}

// `rtt down` and the next panel look in that folder: a host that cannot be found there would stay for ten
// minutes.
TEST(Host, whose_workspace_is_gone_ends_at_its_next_look) {
  auto dir = os::TempDir::create();
  const auto loop = *os::Loop::create();
  ProcessDriver driver(*loop, dir->path());
  const auto host = Host::start(
      *loop, {.instance = "process-x-y", .sockets_dir = dir->path() + "/sockets", .in_use = nullptr}, driver);
  ASSERT_TRUE(host) << host.error().message;
  EXPECT_EQ((*host)->run(), 0);
}

TEST(Host, while_somebody_is_served_directly_it_stays) {
  const auto dir = *os::TempDir::create();
  const auto loop = *os::Loop::create();
  ProcessDriver driver(*loop, dir.path());
  int looks = 0;  // in use at the first five
  const auto host = Host::start(*loop,
                                {.instance = "process-x-y",
                                 .sockets_dir = dir.path(),
                                 .in_use = [&] { return ++looks <= 5; },
                                 .orphan_after = nanos_from_ms(5)},
                                driver);
  ASSERT_TRUE(host) << host.error().message;
  EXPECT_EQ((*host)->run(), 0);
  EXPECT_GT(looks, 5);
}

// A driver whose programs attach by themselves: their lanes are nobody's business here.
TEST(Host, whose_programs_have_lanes_of_their_own_stays_with_them) {
  class Native : public ProcessDriver {
   public:
    using ProcessDriver::ProcessDriver;
    [[nodiscard]] bool lanes_end_here() const override { return ++looks > 6; }  // one look is for the hello
    mutable int looks = 0;
  };
  const auto dir = *os::TempDir::create();
  const auto loop = *os::Loop::create();
  Native driver(*loop, dir.path());
  const auto host = Host::start(*loop,
                                {.instance = "driver-x",
                                 .sockets_dir = dir.path(),
                                 .in_use = nullptr,
                                 .orphan_after = nanos_from_ms(5)},
                                driver);
  ASSERT_TRUE(host) << host.error().message;
  EXPECT_EQ((*host)->run(), 0);
  EXPECT_GT(driver.looks, 6);
}

}  // namespace
}  // namespace rtt::drivers
