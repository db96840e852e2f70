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

}  // namespace
}  // namespace rtt::drivers
