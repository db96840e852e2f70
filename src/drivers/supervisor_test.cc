// SPDX-License-Identifier: Apache-2.0
// Supervisor: over random event sequences it never starts a host twice at once, never exceeds its restart
// budget in a window, and always either waits for something or is stopped, ready or tripped.
#include "drivers/supervisor.h"

#include <gtest/gtest.h>

#include <random>

#include "model/limits.h"

namespace rtt::drivers {
namespace {

TEST(Supervisor, five_restarts_then_tripped_then_healed) {
  Supervisor supervisor;
  Instant now{0};
  EXPECT_EQ(supervisor.step(HostEvent::kWanted, now).front().action, HostAction::kSpawn);
  std::int64_t last_delay = 0;
  for (int i = 0; i < limits::kDriverRestartsMax; ++i) {
    now = now + nanos_from_ms(10);
    supervisor.step(HostEvent::kAttached, now);
    const auto steps = supervisor.step(HostEvent::kLost, now);
    ASSERT_EQ(steps.size(), 1u);
    EXPECT_EQ(steps[0].action, HostAction::kSetTimer);
    EXPECT_GT(steps[0].delay.value, last_delay);
    last_delay = steps[0].delay.value;
    EXPECT_EQ(supervisor.step(HostEvent::kTimer, now).front().action, HostAction::kSpawn);
  }
  EXPECT_EQ(supervisor.step(HostEvent::kLost, now).front().action, HostAction::kReportTripped);
  EXPECT_EQ(supervisor.state(), HostState::kTripped);
  EXPECT_TRUE(supervisor.step(HostEvent::kWanted, now).empty());
  EXPECT_EQ(supervisor.step(HostEvent::kHealed, now).front().action, HostAction::kSpawn);
  EXPECT_EQ(supervisor.restarts(), limits::kDriverRestartsMax);
}

TEST(Supervisor, deaths_outside_the_window_are_forgotten) {
  Supervisor supervisor;
  Instant now{0};
  supervisor.step(HostEvent::kWanted, now);
  for (int i = 0; i < 100; ++i) {
    now = now + nanos_from_ms(limits::kDriverRestartWindowMs / limits::kDriverRestartsMax + 1);
    supervisor.step(HostEvent::kAttached, now);
    supervisor.step(HostEvent::kLost, now);
    ASSERT_EQ(supervisor.state(), HostState::kBackoff) << i;
    supervisor.step(HostEvent::kTimer, now);
  }
}

TEST(Supervisor, random_events_keep_the_promises) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    std::mt19937 random(seed);
    Supervisor supervisor;
    Instant now{0};
    std::vector<Instant> spawns;
    bool timer_pending = false;
    for (int i = 0; i < 300; ++i) {
      now = now + nanos_from_ms(static_cast<std::int64_t>(random() % 500));
      const auto event = static_cast<HostEvent>(random() % 5);  // all but kHealed
      if (event == HostEvent::kTimer && !timer_pending) continue;
      if (event == HostEvent::kTimer) timer_pending = false;
      for (const HostStep& step : supervisor.step(event, now)) {
        if (step.action == HostAction::kSetTimer) timer_pending = true;
        if (step.action == HostAction::kSpawn) spawns.push_back(now);
      }
      if (supervisor.state() == HostState::kBackoff) {
        ASSERT_TRUE(timer_pending) << "seed " << seed;
      }
    }
    for (std::size_t i = limits::kDriverRestartsMax + 1; i < spawns.size(); ++i) {
      const Nanos spread = spawns[i] - spawns[i - limits::kDriverRestartsMax - 1];
      ASSERT_GT(spread.value, nanos_from_ms(limits::kDriverRestartWindowMs).value) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace rtt::drivers
