// SPDX-License-Identifier: Apache-2.0
// Goal: an import gives the whole server, keeps secrets out of everything it gives, and one bad server harms
// no other.
#include "mcp/pins/import.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "mcp/demo_workspace_for_test.h"
#include "os/file.h"
#include "os/process.h"
#include "text/json_canonical.h"

namespace rtt::mcp {
namespace {

TEST(ClientConfig, reads_servers_sorted_and_names_what_is_wrong) {
  const auto servers = read_client_config(
      R"({"mcpServers":{"b":{"command":"x"},"a":{"type":"stdio","command":"y"}}})", ".mcp.json");
  ASSERT_TRUE(servers);
  EXPECT_EQ(servers->at(0).name, "a");
  EXPECT_EQ(servers->at(1).file, ".mcp.json");
  EXPECT_EQ(read_client_config(R"({"servers":{"v":{"command":"x"}}})", "mcp.json")->size(), 1U);
  EXPECT_EQ(read_client_config(R"({})", "f").error().where, "f");
  EXPECT_EQ(read_client_config(R"({"mcpServers":{"a":{},"a":{}}})", "f").error().code,
            Code::kJsonDuplicateKey);
}

TEST(Import, does_not_take_its_own_door_for_a_server) {
  const auto entry = [](const char* command, text::Json args) {
    return text::Json::object({{"args", std::move(args)}, {"command", command}});
  };
  using text::Json;
  const Json serve = Json::array({"mcp", "serve", "notes", "--as", "claude", "-C", "/w"});
  EXPECT_TRUE(is_own_door(entry("rtt", serve)));
  EXPECT_TRUE(is_own_door(entry("/usr/local/bin/rtt", Json::array({"-C", "/w", "mcp", "serve"}))));
  EXPECT_TRUE(is_own_door(entry(os::own_executable().c_str(), serve)));  // under whatever name
  EXPECT_FALSE(is_own_door(entry("rtt", Json::array({"mcp", "ls", "serve"}))));
  EXPECT_FALSE(is_own_door(entry("/usr/bin/rtt-other", serve)));
  EXPECT_FALSE(is_own_door(Json::object({{"command", "rtt"}})));
  DemoWorkspace demo;
  const auto imported = import_server({.name = "notes", .file = ".mcp.json", .entry = entry("rtt", serve)},
                                      demo.import_options());
  ASSERT_TRUE(imported);
  EXPECT_EQ(imported->state, ImportState::kUnsupported);
  EXPECT_EQ(imported->error->where, ".mcp.json");
}

TEST(Import, gives_every_definition_of_a_real_server) {
  DemoWorkspace demo;
  const auto imported = import_server(
      {.name = "Demo One", .file = ".mcp.json", .entry = DemoWorkspace::entry({})}, demo.import_options());
  ASSERT_TRUE(imported);
  ASSERT_EQ(imported->state, ImportState::kListed) << imported->error->message;
  const text::Json row = summary(*imported);
  EXPECT_EQ(row.string_or("namespace"), "demo-one");
  EXPECT_EQ(row.string_or("version"), "1.2.3");
  EXPECT_EQ(row.string_or("protocol"), "2025-11-25");
  EXPECT_EQ(row.int_or("tools", 0), 22);
  EXPECT_EQ(row.int_or("resources", 0), 2);
  EXPECT_EQ(row.int_or("prompts", 0), 1);
  EXPECT_EQ(imported->path, ".rtt/manifests/mcp.demo-one.json");
  EXPECT_EQ(imported->manifest.find("contracts")->as_array().size(), 26U);
}

TEST(Import, a_secret_reaches_the_child_and_nothing_else) {
  DemoWorkspace demo;
  const std::string secret = "sentinel-4711-secret";
  for (const char* start : {"", "exit"}) {
    const auto imported =
        import_server({.name = "demo",
                       .file = ".mcp.json",
                       .entry = DemoWorkspace::entry({{"DEMO_NAME", secret}, {"DEMO_START", start}})},
                      {.workspace = demo.workspace(), .plain = {"DEMO_START"}});
    ASSERT_TRUE(imported);
    EXPECT_EQ(imported->secrets.size(), 1U);
    EXPECT_EQ(imported->secrets.at(0).second, secret);
    EXPECT_EQ(text::to_json(summary(*imported)).find(secret), std::string::npos);
    if (imported->state == ImportState::kListed) {
      EXPECT_EQ(imported->info.name, secret);  // the child had it
      const text::Json& connector = imported->manifest.find("contracts")->as_array()[0];
      const text::Json* const env = connector.find("symbol")->find("driver")->find("params")->find("env");
      EXPECT_EQ(text::to_json(*env), R"({"DEMO_NAME":{"secret":"demo.DEMO_NAME"},"DEMO_START":""})");
    }
  }
}

TEST(Import, one_bad_server_harms_no_other) {
  DemoWorkspace demo;
  ImportOptions options = demo.import_options();
  options.plain = {"DEMO_START"};
  // Waited out for the one that hangs; the others need seconds of a busy machine.
  options.deadline_ms = 30'000;
  std::vector<ConfigServer> servers;
  for (const char* start : {"", "exit", "protocol", "junk", "huge_list", "dup_keys", "hang"}) {
    servers.push_back({.name = "s" + std::string(start),
                       .file = "f",
                       .entry = DemoWorkspace::entry({{"DEMO_START", start}})});
  }
  servers.push_back(
      {.name = "web", .file = "f", .entry = *text::parse_json(R"({"type":"http","url":"http://x/mcp"})")});
  servers.push_back({.name = "bad", .file = "f", .entry = *text::parse_json(R"({"command":7})")});
  const auto all = import_servers(servers, options);
  ASSERT_TRUE(all);
  std::string states;
  for (const auto& imported : *all) {
    states += imported.name + ":" + std::string(to_string(imported.state)) +
              (imported.error ? "/" + code_name(imported.error->code) : "") + " ";
  }
  EXPECT_EQ(states,
            "s:listed sexit:failed/RTT0805 sprotocol:failed/RTT0806 sjunk:listed shuge_list:failed/RTT0206 "
            "sdup_keys:failed/RTT0806 shang:failed/RTT0705 web:failed/RTT0903 bad:failed/RTT0211 ");
  EXPECT_NE((*all)[1].error->causes.back().find("no database"), std::string::npos);
}

TEST(Import, a_server_that_cannot_start_is_told_in_one_line_without_a_file_nobody_wrote) {
  DemoWorkspace demo;
  const auto imported = import_server(
      {.name = "z", .file = ".mcp.json", .entry = text::Json::object({{"command", "/no/such/program"}})},
      demo.import_options());
  ASSERT_TRUE(imported);
  const text::Json row = summary(*imported);
  const std::string message(row.find("error")->string_or("message"));
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  EXPECT_EQ(message.find("it printed"), std::string::npos) << message;
  EXPECT_EQ(row.find("error")->string_or("hint").find(".rtt/manifests"), std::string_view::npos);
}

TEST(Import, names_that_clash_are_an_error_as_a_whole) {
  DemoWorkspace demo;
  const auto clash =
      import_servers({{.name = "A b", .file = "f", .entry = {}}, {.name = "a-B", .file = "f", .entry = {}}},
                     demo.import_options());
  EXPECT_EQ(clash.error().code, Code::kNameClash);
}

TEST(Import, the_manifest_holds_no_path_of_this_machine) {
  DemoWorkspace demo;
  text::Json entry = DemoWorkspace::entry({});
  text::Json args = *entry.find("args");
  args.push(demo.workspace().root + "/data");
  args.push(demo.folder() + "/home/x");
  entry.set("args", args);
  const auto imported = import_server({.name = "demo", .file = "f", .entry = entry}, demo.import_options());
  ASSERT_EQ(imported->state, ImportState::kListed);
  const std::string manifest = text::canonical_json(imported->manifest);
  EXPECT_EQ(manifest.find(demo.folder()), std::string::npos);
  EXPECT_NE(manifest.find("${workspace}/data"), std::string::npos);
  EXPECT_NE(manifest.find("${home}/x"), std::string::npos);
}

TEST(Import, listing_an_accepted_server_again_gives_the_same_definitions) {
  DemoWorkspace demo;
  const PinnedServer pinned = demo.pinned("demo");
  const auto listed = list_servers({pinned.config}, demo.import_options());
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->front().state, ImportState::kListed);
  EXPECT_EQ(summary(listed->front()).int_or("tools", 0), 22);
}

TEST(Import, the_name_of_rtts_own_tools_is_taken) {
  DemoWorkspace demo;
  auto options = demo.import_options();
  const ConfigServer server{
      .name = "RTT", .file = ".mcp.json", .entry = text::Json::object({{"command", "true"}})};
  const auto imported = import_servers({server}, options);
  ASSERT_TRUE(imported);
  ASSERT_TRUE((*imported)[0].error);
  EXPECT_EQ((*imported)[0].error->code, Code::kNameClash);
}

// A server in shell: runs `before`, then answers what it is asked.
ServerConfig shell_server(const std::string& name, const std::string& before) {
  const std::string script = before + R"(
    while read -r line; do
      id=${line#*'"id":'}; id=${id%%,*}; id=${id%%\}*}
      case $line in
        *'"initialize"'*) echo '{"jsonrpc":"2.0","id":'$id',"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1.0.0"}}}';;
        *'"tools/list"'*) echo '{"jsonrpc":"2.0","id":'$id',"result":{"tools":[]}}';;
        *'"id":'*) echo '{"jsonrpc":"2.0","id":'$id',"error":{"code":-32601,"message":"no such method"}}';;
      esac
    done)";
  return *config_from_entry(
      name, text::Json::object({{"command", "sh"}, {"args", text::Json::array({"-c", script})}}), {});
}

TEST(Import, accepted_servers_are_listed_side_by_side_and_each_for_both_kinds_of_client_at_once) {
  // None of them answers before all of them run, twice each: each leaves its mark and waits at a FIFO for a
  // line, which the last one writes for all (two may take themselves for the last: lines are left over then).
  // Asking again and again, in 40 shells, would keep a slow machine from starting the rest.
  constexpr int kServers = 20;
  const std::string all = std::to_string(2 * kServers);
  DemoWorkspace demo;
  const std::string marks = demo.folder() + "/marks";
  const std::string gate = demo.folder() + "/gate";
  ASSERT_TRUE(os::make_directories(marks));
  ASSERT_EQ(std::system(("mkfifo " + gate).c_str()), 0);
  const std::string wait = "exec 3<>" + gate + "; : >" + marks + "/$$; set -- " + marks + "/*; if [ $# -ge " +
                           all + " ]; then for _ in \"$@\"; do echo; done >&3; fi; read -r _ <&3; exec 3>&-";
  std::vector<ServerConfig> configs;
  for (int i = 0; i < kServers; ++i) {
    configs.push_back(shell_server("s" + std::to_string(i), wait));
  }
  const auto listed = list_servers(std::move(configs), demo.import_options());
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), std::size_t{kServers});
  for (int i = 0; i < kServers; ++i) {
    const Imported& one = (*listed)[static_cast<std::size_t>(i)];
    EXPECT_EQ(one.name, "s" + std::to_string(i));
    EXPECT_EQ(one.state, ImportState::kListed) << (one.error ? one.error->message : "");
    EXPECT_EQ(one.lists, 2U);
    EXPECT_TRUE(one.warnings.empty());
  }
}

TEST(Import, a_server_that_cannot_run_beside_itself_is_listed_all_the_same) {
  DemoWorkspace demo;
  const std::string lock = demo.folder() + "/lock", starts = demo.folder() + "/starts";
  const auto listed = list_servers(
      {shell_server("s", "echo >> " + starts + "; mkdir " + lock + " || exit 1; trap 'rmdir " + lock +
                             "' EXIT; until [ $(wc -l < " + starts + ") -ge 2 ]; do sleep 0.05; done")},
      demo.import_options());
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->front().state, ImportState::kListed) << listed->front().error->message;
  EXPECT_EQ(listed->front().lists, 2U);
  EXPECT_TRUE(listed->front().warnings.empty());
}

}  // namespace
}  // namespace rtt::mcp
