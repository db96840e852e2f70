// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>

#include "mcp/demo_workspace_for_test.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "os/file.h"
#include "os/process.h"
#include "registry/identity.h"
#include "registry/snapshot.h"

namespace rtt::mcp {
namespace {

template <typename T>
T must(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().message << " " << result.error().where;
    std::abort();
  }
  return *std::move(result);
}
void must(const Status& status) {
  if (!status) ADD_FAILURE() << status.error().message << " " << status.error().where;
}

}  // namespace

DemoWorkspace::DemoWorkspace() {
  os::ignore_broken_pipes();
  folder_ = must(os::real_path(testing::TempDir())) + "/rtt-mcp-" + os::random_hex(6);
  for (const char* name : {"HOME", "XDG_CONFIG_HOME"}) saved_.emplace_back(name, os::environment(name));
  const std::string home = folder_ + "/home";
  must(os::make_directories(home + "/.config/rtt", 0700));
  must(os::make_directories(folder_ + "/project/.rtt", 0755));
  ::setenv("HOME", home.c_str(), 1);
  ::setenv("XDG_CONFIG_HOME", (home + "/.config").c_str(), 1);
  workspace_ = {.root = folder_ + "/project", .user_dir = registry::user_directory()};
  (void)must(registry::create_workspace(workspace_));
  (void)must(registry::create_own_key(workspace_.user_dir, "test"));
  write_policy(R"({"allow":[{"from":"rtt://client/agent/*","to":"rtt://*/*/*"}]})");
}

DemoWorkspace::~DemoWorkspace() {
  for (const auto& [name, value] : saved_) ::setenv(name.c_str(), value.c_str(), 1);
  must(os::remove_tree(folder_));
}

text::Json DemoWorkspace::entry(const Variables& env) {
  text::Json variables = text::Json::object({});
  for (const auto& [name, value] : env) variables.set(name, value);
  return text::Json::object(
      {{"command", "python3"},
       {"args", text::Json::array({RTT_SOURCE_DIR "/tests/mcp_servers/demo_server.py"})},
       {"env", std::move(variables)}});
}

Imported DemoWorkspace::accept(const std::string& name, const Variables& env, Instances instances) {
  ImportOptions options = import_options();
  for (const auto& [key, value] : env) options.plain.push_back(key);
  Imported imported = must(import_server({.name = name, .file = ".mcp.json", .entry = entry(env)}, options));
  EXPECT_EQ(imported.state, ImportState::kListed) << text::to_json(summary(imported));
  if (instances != Instances::kSession) {
    imported.config.instances = instances;
    imported.manifest = must(manifest_from(imported.config, imported.info, imported.offer));
  }
  must(os::make_directories(workspace_.dot("manifests")));
  must(os::write_atomic(workspace_.path(imported.path), text::to_pretty_json(imported.manifest)));
  sign();
  return imported;
}

void DemoWorkspace::write_policy(std::string_view json) {
  must(os::write_atomic(workspace_.dot("policy.json"), json));
  sign();
}

void DemoWorkspace::sign() {
  const auto items = must(registry::items_to_sign(workspace_, {}));
  must(registry::sign_items(workspace_, items, must(registry::load_own_key(workspace_.user_dir))));
}

PinnedServer DemoWorkspace::pinned(const std::string& name, const Variables& env) {
  ImportOptions options = import_options();
  for (const auto& [key, value] : env) options.plain.push_back(key);
  const Imported imported =
      must(import_server({.name = name, .file = ".mcp.json", .entry = entry(env)}, options));
  EXPECT_EQ(imported.state, ImportState::kListed) << text::to_json(summary(imported));
  auto read = model::read_manifest(text::to_pretty_json(imported.manifest), imported.path,
                                   model::Strictness::kStrict);
  return must(pinned_servers(read.contracts)).at(0);
}

void Outcomes::on_backend_reply(std::uint64_t token, act::Reply::Kind kind, std::string_view payload) {
  Outcome outcome{.token = token};
  (kind == act::Reply::Kind::kResult ? outcome.reply : outcome.rpc_error) = payload;
  all.push_back(std::move(outcome));
}
void Outcomes::on_backend_failure(std::uint64_t token, const Error& why) {
  all.push_back({.token = token, .failure = why, .failed = true});
}
void Outcomes::on_backend_progress(std::uint64_t, std::string_view params) { progress.emplace_back(params); }
const Outcomes::Outcome* Outcomes::find(std::uint64_t token) const {
  for (const Outcome& outcome : all) {
    if (outcome.token == token) return &outcome;
  }
  return nullptr;
}

bool run_until(os::Loop& loop, const std::function<bool()>& done) {
  const Instant end = os::now() + nanos_from_ms(30'000);
  while (!done()) {
    if (os::now() >= end) return false;
    loop.run_once(nanos_from_ms(100));
  }
  return true;
}

std::string text_of(std::string_view result) {
  const auto parsed = text::parse_json(result, {.bytes_max = std::size_t{64} << 20});
  const text::Json* const content = parsed ? parsed->find("content") : nullptr;
  if (!content || !content->is_array() || content->as_array().empty()) return "(no content)";
  return std::string(content->as_array()[0].string_or("text"));
}

}  // namespace rtt::mcp
