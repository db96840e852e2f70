// SPDX-License-Identifier: Apache-2.0
// Rows of applied plans: 100 routes between two real processes, and how long 1,000 and 10,000 changes take to
// be durable when nobody is attached to them.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "api/client.h"
#include "client.h"
#include "report.h"
#include "text/json.h"

namespace rtt::bench {
namespace {

constexpr int kLiveRoutes = 100;
constexpr int kContractsAFile = 500;

void write_file(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

// A workspace of one consumer and so many providers, all wanted; the providers' symbols, as librtt takes
// them.
std::string routes_workspace(const std::string& root, int count) {
  std::filesystem::create_directories(root + "/.rtt/manifests");
  const auto contract = [](std::string_view saddr, std::string_view type, std::string_view direction) {
    return fmt::format(
        R"({{"$schema":"https://rtt/spec/v1","symbol":{{"saddr":"{}","type":"{}","direction":"{}"}}}})",
        saddr, type, direction);
  };
  std::string contracts = contract("rtt://ui/hook/asker@1.0.0", "hook", "consumer"), routes, symbols;
  for (int i = 0; i < count; ++i) {
    const std::string symbol = fmt::format("rtt://core/api/m{}", i);
    contracts += (contracts.empty() ? "" : ",") + contract(symbol + "@1.0.0", "api", "provider");
    routes += fmt::format(R"({}{{"from":"rtt://ui/hook/asker","to":"{}"}})", i == 0 ? "" : ",", symbol);
    symbols += (i == 0 ? "" : " ") + symbol;
    if ((i + 1) % kContractsAFile != 0 && i + 1 != count) continue;
    write_file(fmt::format("{}/.rtt/manifests/bench{}.api.json", root, i / kContractsAFile),
               fmt::format(R"({{"contracts":[{}]}})", std::exchange(contracts, {})));
  }
  write_file(root + "/.rtt/routes.json", fmt::format(R"({{"routes":[{}]}})", routes));
  write_file(root + "/.rtt/policy.json", R"({"allow":[{"from":"rtt://ui/hook/*","to":"rtt://core/api/*"}]})");
  return symbols;
}

// A panel of such a workspace, asked as the command line asks it.
class Panel {
 public:
  Panel(const Settings& settings, std::string root) : settings_(settings), root_(std::move(root)) {
    run({settings_.rtt, "init", "--yes", "--quiet", "-C", root_});
    run({settings_.rtt, "panel", "start", "--quiet", "-C", root_});
    auto client = api::Client::connect(root_ + "/.rtt/sockets", "bench");
    if (!client) give_up(client.error().message);
    client_.emplace(std::move(*client));
  }
  ~Panel() { run({settings_.rtt, "down", "--quiet", "-C", root_}); }
  Panel(const Panel&) = delete;
  Panel& operator=(const Panel&) = delete;

  std::string ask(const std::string& verb, text::Json args) {
    const auto reply = client_->ask({.verb = verb,
                                     .args = std::move(args),
                                     .directory = root_,
                                     .search = "exactly",
                                     .deadline_ms = 120'000},
                                    nullptr);
    if (!reply) give_up(verb + ": " + reply.error().message);
    return std::string(reply->json);
  }
  void plan() { run({settings_.rtt, "plan", "--quiet", "-C", root_}); }
  // From the ask to the answer, by which it is durable.
  std::int64_t apply() {
    const std::int64_t begin = now_ns();
    const std::string answer = ask("apply", text::Json::object({}));
    const std::int64_t took = now_ns() - begin;
    if (answer.find(R"("state":"committed")") == std::string::npos) give_up("apply: " + answer);
    return took;
  }
  void empty() { ask("rollback", text::Json::object({{"seq", 0}})); }
  int ready() {
    const std::string rows = ask("ls.routes", text::Json::object({}));
    int count = 0;
    for (std::size_t at = 0; (at = rows.find(R"("state":"ready")", at)) != std::string::npos; ++at) ++count;
    return count;
  }

 private:
  const Settings& settings_;
  std::string root_;
  std::optional<api::Client> client_;
};

// 100 request routes between one consumer and one provider process, both attached: by the answer every route
// has carried its flip.
void live_row(const Settings& settings, Report& report) {
  const std::string root = settings.work_dir + "/apply";
  const std::string symbols = routes_workspace(root, kLiveRoutes);
  Panel panel(settings, root);
  const std::string endpoint = settings.bin_dir + "/../examples/metrics";
  const auto start = [&](const std::string& symbol) {
    auto child = os::spawn({.argv = {endpoint, root, symbol, "bench"},
                            .env = os::own_environment(),
                            .directory = {},
                            .in = os::Wire::kNull,
                            .out = os::Wire::kNull,
                            .err = os::Wire::kInherit,
                            .pass_fds = {}});
    if (!child) give_up(child.error().message);
    return std::move(*child);
  };
  os::Child provider = start(symbols), consumer = start("rtt://ui/hook/asker");
  Samples applies;
  for (int round = 0; round < (settings.scale == 1 ? 7 : 3); ++round) {
    panel.plan();
    const std::int64_t took = panel.apply();
    // The very first finds the two processes perhaps not attached yet: then the lanes come later, and do not
    // count.
    if (round > 0 || panel.ready() == kLiveRoutes) {
      if (panel.ready() != kLiveRoutes) give_up("an applied route carries nothing");
      applies.add(took);
    }
    while (panel.ready() != kLiveRoutes) std::this_thread::yield();
    panel.empty();
  }
  report.add({"apply.100", applies.median() / 1e6, "ms", {}, {}});
}

struct Changes {
  const char* row;
  int count, rounds;
};
void changes_row(const Settings& settings, Report& report, const Changes& changes) {
  const std::string root = fmt::format("{}/{}", settings.work_dir, changes.row);
  routes_workspace(root, changes.count);
  Panel panel(settings, root);
  Samples applies;
  for (int round = 0; round < changes.rounds; ++round) {
    panel.plan();
    applies.add(panel.apply());
    panel.empty();
  }
  report.add({changes.row, applies.median() / 1e6, "ms", {}, {}});
}

}  // namespace

void apply_rows(const Settings& settings, Report& report) {
  live_row(settings, report);
  changes_row(settings, report, {.row = "apply.1k", .count = 1'000, .rounds = settings.scale == 1 ? 7 : 3});
  changes_row(settings, report, {.row = "apply.10k", .count = 10'000, .rounds = settings.scale == 1 ? 5 : 1});
}

}  // namespace rtt::bench
