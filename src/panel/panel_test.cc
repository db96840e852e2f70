// SPDX-License-Identifier: Apache-2.0
// panel: the pieces that need no running panel — process locks, list rows, log lines, which host serves what
// — and that an unused one ends. What a panel does is tested as a user sees it, in tests/e2e.
#include "panel/panel.h"

#include <gtest/gtest.h>

#include "os/loop.h"
#include "os/process.h"
#include "os/temp_dir.h"
#include "panel/hosts.h"
#include "panel/ledger.h"
#include "panel/mcp_rows.h"
#include "panel/process_lock.h"
#include "panel/rows.h"

namespace rtt::panel {
namespace {

using text::Json;

TEST(ProcessLock, one_holder_a_name_and_it_is_named) {
  const auto dir = *os::TempDir::create();
  {
    const auto first = ProcessLock::take(dir.path(), "panel");
    ASSERT_TRUE(first);
    const auto second = ProcessLock::take(dir.path(), "panel");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Code::kBusy);
    EXPECT_TRUE(ProcessLock::take(dir.path(), "host-mcp"));  // and released at once
    const auto holders = lock_holders(dir.path());
    ASSERT_TRUE(holders);
    ASSERT_EQ(holders->size(), 1U);
    EXPECT_EQ(holders->front().name, "panel");
    EXPECT_EQ(holders->front().pid, os::own_pid());
    EXPECT_EQ(holders->front().start_time, os::process_start_time(os::own_pid()));
  }
  EXPECT_TRUE(lock_holders(dir.path())->empty());
}

// The loop ends by itself; a panel that never found itself idle would run into the test's time limit.
TEST(Panel, one_that_nobody_uses_ends_by_itself_and_leaves_a_whole_journal) {
  const auto dir = *os::TempDir::create();
  const registry::Workspace workspace{.root = dir.path(), .user_dir = dir.path() + "/user"};
  ASSERT_TRUE(registry::create_workspace(workspace));
  const auto loop = *os::Loop::create();
  {
    const auto panel = Panel::start(*loop, workspace, {.idle_after = nanos_from_ms(20)});
    ASSERT_TRUE(panel) << panel.error().message;
    loop->run();
  }
  const auto view = read_ledger(workspace);
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->report.end, journal::ReadReport::End::kClean);
  EXPECT_EQ(view->report.records, 1U);  // panel_start
}

TEST(Rows, a_file_is_named_by_itself_its_folder_and_its_signature) {
  EXPECT_TRUE(names_file({}, "agents/a.md"));
  EXPECT_TRUE(names_file({"agents/a.md"}, "agents/a.md"));
  EXPECT_TRUE(names_file({"agents/a.md"}, "agents/a.md.sig"));
  EXPECT_TRUE(names_file({"other", "agents"}, "agents/a.md"));
  EXPECT_TRUE(names_file({""}, "agents/a.md"));
  EXPECT_FALSE(names_file({"agent"}, "agents/a.md"));
  EXPECT_FALSE(names_file({"agents/a.md"}, "agents/a.md.x"));
}

TEST(Rows, a_filter_without_star_is_a_part_and_with_star_the_whole) {
  const auto rows = [] {
    return Json::array(
        {Json::object({{"name", "rtt://a/tool/x"}, {"n", 1}}), Json::object({{"name", "rtt://b/tool/xy"}})});
  };
  EXPECT_EQ(filtered(rows(), "").as_array().size(), 2U);
  EXPECT_EQ(filtered(rows(), "xy").as_array().size(), 1U);
  EXPECT_EQ(filtered(rows(), "x").as_array().size(), 2U);
  EXPECT_EQ(filtered(rows(), "rtt://*/tool/x").as_array().size(), 1U);
  EXPECT_EQ(filtered(rows(), "*x").as_array().size(), 0U);  // a star does not cross a slash
}

TEST(McpRows, log_lines_keep_the_last_and_count_the_rest) {
  const Json log = log_lines(Json::object({{"name", "n"}, {"text", "a\nb\nc\n"}, {"dropped", 4}}), 2);
  EXPECT_EQ(*log.find("lines"), Json::array({"b", "c"}));
  EXPECT_EQ(log.int_or("dropped", 0), 5);
}

TEST(Hosts, every_mcp_contract_is_served_by_the_gateway_and_a_process_by_its_own_host) {
  const auto contract = [](const char* saddr, const char* type, Json driver) {
    return *model::contract_from_object(Json::object({{"$schema", "https://rtt/spec/v1"},
                                                      {"symbol", Json::object({{"direction", "provider"},
                                                                               {"driver", std::move(driver)},
                                                                               {"saddr", saddr},
                                                                               {"type", type}})}}),
                                        saddr);
  };
  const Json process = Json::object({{"params", Json::object({{"command", "date"}})}, {"use", "process"}});
  EXPECT_EQ(instance_of(contract("rtt://local/proc/date@1.0.0", "proc", process)), "process-local-date");
  EXPECT_EQ(instance_of(contract("rtt://local/proc/a%2Fb@1.0.0", "proc", process)), "process-local-a_b");
}

}  // namespace
}  // namespace rtt::panel
