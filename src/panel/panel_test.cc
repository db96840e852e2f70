// SPDX-License-Identifier: Apache-2.0
// panel: the pieces that need no running panel — process locks, list rows, log lines, which host serves what
// — and that an unused one ends. What a panel does is tested as a user sees it, in tests/e2e.
#include "panel/panel.h"

#include <gtest/gtest.h>

#include "api/peer.h"
#include "model/saddr.h"
#include "os/file_limit.h"
#include "os/loop.h"
#include "os/process.h"
#include "os/temp_dir.h"
#include "os/unix_socket.h"
#include "panel/hosts.h"
#include "panel/ledger.h"
#include "panel/mcp_rows.h"
#include "panel/process_lock.h"
#include "panel/rows.h"
#include "panel/sign_preview.h"

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
    EXPECT_EQ(holders->front().process.pid, os::own_pid());
    EXPECT_EQ(holders->front().process.start_time, os::process_start_time(os::own_pid()));
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
    (*panel)->stop();
  }
  const auto view = read_ledger(workspace);
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->report.end, journal::ReadReport::End::kClean);
  EXPECT_EQ(view->report.records, 1U);  // panel_start
}

// It would refuse every change from then on. One that stayed would run into the test's time limit.
TEST(Panel, one_whose_journal_cannot_be_written_ends_and_the_next_goes_on) {
  const auto dir = *os::TempDir::create();
  const registry::Workspace workspace{.root = dir.path(), .user_dir = dir.path() + "/user"};
  ASSERT_TRUE(registry::create_workspace(workspace));
  os::ignore_broken_pipes();
  const auto loop = *os::Loop::create();
  {
    const auto panel = Panel::start(*loop, workspace, {});
    ASSERT_TRUE(panel) << panel.error().message;
    const auto peer = api::Peer::start(
        *loop, *os::connect_unix(dir.path() + "/.rtt/sockets", "panel.sock"), {.client_name = "asker"},
        [](const auto&, const auto&) {}, [](const Error&) {});
    ASSERT_TRUE(os::limit_file_size(os::own_pid(), 0));
    peer->ask("rollback", Json::object({{"seq", 99}}), [](const auto&) {});  // refused, and that is recorded
    loop->run();
  }
  ASSERT_TRUE(os::limit_file_size(os::own_pid(), std::nullopt));
  const auto next_loop = *os::Loop::create();
  const auto next = Panel::start(*next_loop, workspace, {});
  EXPECT_TRUE(next) << next.error().message;
}

// Watching is using: the tap is told for longer than an unused panel lives, and then the panel ends as well.
TEST(Panel, one_that_is_watched_stays_until_the_watcher_has_seen_all) {
  const auto dir = *os::TempDir::create();
  const registry::Workspace workspace{.root = dir.path(), .user_dir = dir.path() + "/user"};
  ASSERT_TRUE(registry::create_workspace(workspace));
  const auto loop = *os::Loop::create();
  const auto panel = Panel::start(*loop, workspace, {.idle_after = nanos_from_ms(300)});
  ASSERT_TRUE(panel) << panel.error().message;
  const auto peer = api::Peer::start(
      *loop, *os::connect_unix(dir.path() + "/.rtt/sockets", "panel.sock"), {.client_name = "watcher"},
      [](const auto&, const auto&) {}, [](const Error&) {});
  std::optional<Result<api::Answer>> seen;
  peer->ask("tap", Json::object({{"for", "1s"}}),
            [&](Result<api::Answer> answer) { seen = std::move(answer); });
  loop->run();
  ASSERT_TRUE(seen);
  EXPECT_TRUE(*seen) << seen->error().message;
}

TEST(Rows, a_route_is_named_by_number_by_both_ends_or_by_one_end_of_its_own) {
  model::Graph graph;
  const auto add = [&](std::uint32_t id, const char* from, const char* to) {
    model::Route route;
    route.id = {id};
    route.from = *model::parse_definition(from);
    route.to = *model::parse_definition(to);
    graph.routes.push_back(route);
  };
  add(1, "rtt://ui/hook/a@1.0.0", "rtt://core/api/m@1.2.0#x");
  add(2, "rtt://ui/hook/a@1.0.0", "rtt://core/api/m@2.0.0#y");
  add(13, "rtt://ui/hook/b@1.0.0", "rtt://core/api/other@1.0.0");
  const auto id = [&](std::string_view word) -> std::uint32_t {
    const auto route = route_named(graph, word);
    return route ? route->value : static_cast<std::uint32_t>(route.error().code);
  };
  EXPECT_EQ(id("13"), 13U);
  EXPECT_EQ(id("route/2"), 2U);
  EXPECT_EQ(id("core/m#x"), 1U);
  EXPECT_EQ(id("core/m@^2"), 2U);
  EXPECT_EQ(id("ui/a -> m@^1"), 1U);
  EXPECT_EQ(id("rtt://ui/hook/b -> core/other"), 13U);
  EXPECT_EQ(id("other"), 13U);
  EXPECT_EQ(id("hook/b"), 13U);  // a part of the address
  EXPECT_EQ(id("core/m"), static_cast<std::uint32_t>(Code::kAmbiguous));
  EXPECT_EQ(id("ui/b -> core/m"), static_cast<std::uint32_t>(Code::kNotFound));
  EXPECT_EQ(id("3"), static_cast<std::uint32_t>(Code::kNotFound));
  EXPECT_EQ(id("ui/a -"), static_cast<std::uint32_t>(Code::kBadRoute));
  EXPECT_TRUE(route_named(graph, "ui/bb -> x").error().hint.find("rtt ls routes") != std::string::npos);
  EXPECT_TRUE(route_named(graph, "core/othr").error().hint.find("core/other") != std::string::npos);
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

registry::SignItem item_of(const std::string& id, Json driver, crypto::Keyring::Outcome carried = {}) {
  Json symbol = text::JsonObject{};
  if (!driver.is_null()) symbol.set("driver", std::move(driver));
  return {.id = id,
          .path = id + ".json",
          .hash = {},
          .supersedes = {},
          .object = Json::object({{"symbol", std::move(symbol)}}),
          .previous = {},
          .carried = std::move(carried)};
}

TEST(SignPreview, a_command_is_shown_behind_any_number_of_items_that_run_nothing) {
  std::vector<registry::SignItem> items;
  for (int i = 0; i < 100; ++i) items.push_back(item_of("quiet" + std::to_string(i), Json()));
  items.push_back(item_of(
      "loud", Json::object({{"params", Json::object({{"args", Json::array({"-c", "rm -r \"x\"",
                                                                           Json::object({{"secret", "s"}})})},
                                                     {"command", "sh"},
                                                     {"cwd", "/tmp"},
                                                     {"env", Json::object({{"A", "b"}})}})},
                            {"use", "process"}})));
  const auto lines = describe(items);
  ASSERT_EQ(lines.size(), kPreviewLinesMax + 3);
  EXPECT_EQ(lines[lines.size() - 2], R"(    runs: A=b sh -c "rm -r \"x\"" <secret> (in /tmp))");
  EXPECT_EQ(lines.back(), "… and 60 more, which run nothing");
}

TEST(SignPreview, a_command_too_long_to_show_says_how_much_is_left_out) {
  const std::string shown = runs(
      item_of("x", Json::object({{"params", Json::object({{"command", std::string(5000, 'a')}})}})).object);
  EXPECT_TRUE(shown.ends_with("and 3000 bytes more, in the file")) << shown;
}

TEST(SignPreview, what_a_stranger_signed_is_told_apart_by_key) {
  using crypto::Verdict;
  const auto parts = parts_of({item_of("mine", Json()), item_of("b", Json(), {Verdict::kUnknownSigner, "bb"}),
                               item_of("a", Json(), {Verdict::kUnknownSigner, "aa"}),
                               item_of("b2", Json(), {Verdict::kUnknownSigner, "bb"}),
                               item_of("old", Json(), {Verdict::kRevokedSigner, "cc"})},
                              {{.key_id = "bb", .label = "bob", .key = {}, .file = "bb.pub"}});
  ASSERT_EQ(parts.own.size(), 2U);
  ASSERT_EQ(parts.foreign.size(), 2U);
  EXPECT_EQ(parts.foreign[0].key_id, "aa");
  EXPECT_EQ(parts.foreign[0].file, "");
  EXPECT_EQ(parts.foreign[1].items.size(), 2U);
  EXPECT_EQ(parts.foreign[1].label, "bob");
  EXPECT_EQ(describe(parts.own).back(), "sign old (old.json), new; signed by cc, a revoked key");
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
