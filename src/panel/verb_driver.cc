// SPDX-License-Identifier: Apache-2.0
// driver test: whether a driver keeps to the protocol, before anything depends on it. It runs what the caller
// names: signatures are the host's matter, not this check's.
#include <fmt/format.h>

#include <algorithm>

#include "drivers/conformance.h"
#include "model/limits.h"
#include "os/file.h"
#include "os/process.h"
#include "panel/workbench.h"

namespace rtt::panel {
namespace {

using text::Json;

constexpr std::string_view kTestAddress = "rtt://local/api/driver-test@0.0.0";
constexpr std::string_view kTestPayload = R"({"text":"one two two"})";

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A folder with a driver.json, such a file, or a program that speaks `--wire`.
Result<model::Connector> connector_at(const std::string& path, const std::string& wire) {
  const std::string file = os::is_directory(path) ? path + "/driver.json" : path;
  if (file.ends_with("/driver.json")) {
    RTT_TRY_SET(const std::string text, os::read_file(file, limits::kConfigBytesMax));
    model::Connector connector = model::read_connector(text, file);
    for (const model::Problem& problem : connector.problems) {
      if (problem.severity != model::Severity::kError) continue;
      return fail(Code::kBadConfig, problem.message,
                  fmt::format("{}:{}:{}", file, problem.line, problem.column),
                  "correct it, then rtt driver test " + path);
    }
    return connector;
  }
  model::Connector connector;
  connector.exec = {file};
  if (wire == "line") connector.wire = model::DriverWire::kLine;
  if (wire == "native") connector.wire = model::DriverWire::kNative;
  if (!wire.empty() && wire != model::to_string(connector.wire)) {
    return fail(Code::kBadArgument, "--wire is native, json or line, not " + wire, {}, "rtt driver --help");
  }
  return connector;
}

Json report_json(const drivers::Conformance& report, const model::Connector& connector) {
  Json checks = text::JsonArray{};
  for (const drivers::CheckOutcome& check : report.checks) {
    Json row = Json::object({{"check", check.name}, {"state", to_string(check.state)}});
    if (!check.detail.empty()) row.set("detail", check.detail);
    checks.push(std::move(row));
  }
  Json body = Json::object({{"checks", std::move(checks)},
                            {"language", report.language},
                            {"name", report.name},
                            {"ok", report.ok()},
                            {"wire", to_string(connector.wire)}});
  if (!report.ok()) {
    body.set("exit", static_cast<std::int64_t>(Exit::kFailed));
    if (!report.stderr_text.empty()) body.set("stderr", report.stderr_text);
  }
  return body;
}

}  // namespace

Result<Json> verb_driver_test(const Turn& turn) {
  std::string named = turn.text("path");
  if (!named.starts_with('/')) named = turn.ask.directory + "/" + named;
  auto path = os::real_path(named);
  if (!path) return std::unexpected(std::move(path).error().hinting("rtt driver test FOLDER"));
  RTT_TRY_SET(model::Connector connector, connector_at(*path, turn.text("wire")));
  drivers::ConformanceOptions options{.folder = os::is_directory(*path) ? *path : folder_of(*path),
                                      .workspace_root = {},
                                      .saddr = turn.text("saddr"),
                                      .params = text::JsonObject{},
                                      .payload = turn.text("payload")};
  const auto workspace = turn.workspace();
  options.workspace_root = workspace ? workspace->root : options.folder;
  if (options.saddr.empty()) options.saddr = kTestAddress;
  if (options.payload.empty()) options.payload = kTestPayload;
  if (const std::string params = turn.text("params"); !params.empty()) {
    RTT_TRY_SET(options.params, text::parse_json(params, {.source_name = "--params"}));
    if (!options.params.is_object()) return fail(Code::kBadArgument, "--params is no JSON object");
  }
  os::ignore_broken_pipes();  // a driver that dies under the check is an outcome
  RTT_TRY_SET(const drivers::Conformance report, drivers::check_driver(connector, options));
  return report_json(report, connector);
}

}  // namespace rtt::panel
