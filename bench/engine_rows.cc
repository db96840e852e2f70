// SPDX-License-Identifier: Apache-2.0
// Engine rows: the planner and the scan, in this process.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "client.h"
#include "model/config.h"
#include "plan/plan.h"
#include "report.h"
#include "scan/scan.h"

namespace rtt::bench {
namespace {

using text::Json;

model::Contract contract(const std::string& saddr, const char* type, const char* direction, Json extra) {
  Json symbol = Json::object({{"direction", direction}, {"saddr", saddr}, {"type", type}});
  for (auto& [key, value] : extra.as_object()) symbol.set(key, std::move(value));
  auto made = model::contract_from_object(
      Json::object({{"$schema", "https://rtt/spec/v1"}, {"symbol", std::move(symbol)}}), saddr);
  if (!made) give_up(made.error().message);
  return *std::move(made);
}

// `routes` consumers, each wanting one of as many services in three versions.
plan::Inputs plan_inputs(int routes) {
  plan::Inputs inputs{
      .contracts = {},
      .desired = {},
      .policy = model::read_policy(R"({"allow":[{"from":"rtt://*/*/*","to":"rtt://*/*/*"}]})", "policy.json"),
      .config = {},
      .topology = model::one_node_topology(),
      .flags = text::JsonObject{},
      .health = text::JsonObject{},
      .registry = text::JsonObject{},
      .base = {}};
  for (int i = 0; i < routes; ++i) {
    for (const char* version : {"1.0.0", "1.2.0", "2.0.0"}) {
      inputs.contracts.push_back(
          contract(fmt::format("rtt://bench/api/p{}@{}", i, version), "api", "provider", text::JsonObject{}));
    }
    inputs.contracts.push_back(
        contract(fmt::format("rtt://bench/hook/c{}@1.0.0", i), "hook", "consumer", text::JsonObject{}));
    auto from = model::parse_reference(fmt::format("rtt://bench/hook/c{}", i));
    auto to = model::parse_reference(fmt::format("rtt://bench/api/p{}@^1", i));
    inputs.desired.push_back(
        {.from = *from, .to = *to, .optional = false, .origin = "routes", .where = "routes.json:1"});
  }
  return inputs;
}

void plan_row(const Settings& settings, Report& report) {
  const plan::Inputs inputs = plan_inputs(100);
  Samples samples;
  for (int i = 0; i < 42 / settings.scale + 5; ++i) {
    const std::int64_t begin = now_ns();
    const auto outcome = plan::solve(inputs);
    samples.add(now_ns() - begin);
    if (!outcome || outcome->plan.routes_add.size() != 100)
      give_up("the plan of 100 routes did not come out");
  }
  report.add({"plan.100", samples.median() / 1e6, "ms", {}, {}});
}

void scan_row(const Settings& settings, Report& report) {
  const std::string root = settings.work_dir + "/tree";
  for (int folder = 0; folder < 200; ++folder) {
    const std::string path = fmt::format("{}/services/s{}", root, folder);
    std::filesystem::create_directories(path);
    for (int file = 0; file < 49; ++file)
      std::ofstream(fmt::format("{}/source{}.cc", path, file)) << "int main() {}\n";
    std::ofstream(path + "/rtt.manifest.json") << fmt::format(
        R"({{"$schema":"https://rtt/spec/v1","symbol":{{"saddr":"rtt://bench/api/s{}@1.0.0","type":"api","direction":"provider"}}}})"
        "\n",
        folder);
  }
  const model::PanelConfig config;
  Samples samples;
  for (int i = 0; i < 30 / settings.scale + 5; ++i) {
    const std::int64_t begin = now_ns();
    const auto found = scan::scan({.root = root, .roots = config.scan_roots, .ignore = config.scan_ignore});
    samples.add(now_ns() - begin);
    if (!found || found->symbols.size() != 200) give_up("the scan did not find 200 symbols");
  }
  report.add({"scan.10k.warm", samples.median() / 1e6, "ms", {}, {}});
}

}  // namespace

void engine_rows(const Settings& settings, Report& report) {
  plan_row(settings, report);
  scan_row(settings, report);
}

}  // namespace rtt::bench
