// SPDX-License-Identifier: Apache-2.0
// run: a command with a provider's private view, and what it would see.
#include <fmt/format.h>

#include <algorithm>

#include "os/file.h"
#include "os/process.h"
#include "os/terminal.h"
#include "panel/events.h"
#include "panel/private_run.h"
#include "panel/shown_views.h"
#include "views/private_view.h"

namespace rtt::panel {
namespace {

using registry::Workspace;
using text::Json;

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// The provider that is asked for, else the one whose command this is.
Result<std::string> provider_for(const views::ProviderTable& providers, const std::string& asked,
                                 const std::vector<std::string>& command) {
  if (!asked.empty()) return asked;
  const std::string name = command.empty() ? std::string() : base_name(command.front());
  for (const views::Provider& row : providers.rows()) {
    if (row.name == name || std::ranges::find(row.programs, name) != row.programs.end())
      return std::string(row.name);
  }
  std::string known;
  for (const views::Provider& row : providers.rows())
    known += fmt::format("{}{}", known.empty() ? "" : ", ", row.name);
  return fail(
      Code::kBadArgument,
      name.empty()
          ? "which provider's view is not said"
          : fmt::format("`{}` is no provider's command, and which view it is to see is not said", name),
      {},
      fmt::format("rtt run --provider P -- {}, where P is one of {}", name.empty() ? "CMD" : name, known));
}

Result<OneView> view_for(const Workspace& workspace, const std::string& asked, const std::string& env,
                         const std::vector<std::string>& command) {
  RTT_TRY_SET(const auto snapshot,
              registry::load_snapshot(workspace, {.store = registry::LoadOptions::Store::kReadOnly}));
  std::vector<model::Problem> problems;
  views::ProviderTable providers = known_providers(snapshot, problems);
  RTT_TRY_SET(const std::string name, provider_for(providers, asked, command));
  RTT_TRY(must_be_known(providers, name, problems));
  RTT_TRY_SET(OneView one, render_view(workspace, snapshot, std::move(providers), name, env));
  one.problems.insert(one.problems.begin(), problems.begin(), problems.end());
  return one;
}

views::PrivateAsk ask_of(const Workspace& workspace, const OneView& one) {
  return {.root = workspace.root,
          .store = tree_store(workspace),
          .provider = *one.provider,
          .tree = one.view.tree};
}

// One line: a command that draws on the whole terminal comes next.
void tell_what_is_not_shown(const OneView& one, const views::PrivateLook& look) {
  std::string text;
  if (!look.kept.empty()) {
    text += fmt::format("rtt run: of {}'s view {} {} not shown, something else is there: {}{}\n",
                        one.view.provider, look.kept.size(), look.kept.size() == 1 ? "path is" : "paths are",
                        look.kept[0].path, look.kept.size() == 1 ? "" : ", …");
  }
  const auto errors = std::ranges::count(one.problems, model::Severity::kError, &model::Problem::severity);
  if (errors != 0) {
    text +=
        fmt::format("rtt run: {} left out of the view: rtt run --dry-run --provider {}\n",
                    errors == 1 ? "something is" : fmt::format("{} things are", errors), one.view.provider);
  }
  if (!text.empty()) os::write_err(text);
}

// Looked up before anything is done, as exec will.
Result<std::string> must_be_there(const std::string& program) {
  const std::string path = os::environment("PATH", "/usr/local/bin:/usr/bin:/bin");
  if (auto found = os::find_on_path(program, path)) return *found;
  if (program.find('/') != std::string::npos && os::exists(program))
    return fail(Code::kPermission, fmt::format("{} is no program", program), program, "ls -l " + program);
  return fail(Code::kNotFound, fmt::format("there is no program {}", program), program, "which " + program);
}

// Without a workspace here the user's own is meant elsewhere; a view over that one would be seen by nobody.
Status must_be_inside(const PrivateRun& run) {
  if (run.where == PrivateRun::Where::kNamed) return {};
  const std::string& root = run.workspace.root;
  RTT_TRY_SET(const std::string here, os::current_directory());
  if (here == root || here.starts_with(root + "/")) return {};
  return fail(Code::kNoWorkspace, "no folder from here upward is a workspace", here, "rtt init");
}

Status become(const PrivateRun& run) {
  RTT_TRY(must_be_inside(run));
  RTT_TRY_SET(auto held, views::Placeholders::open(held_where(run.workspace)));
  RTT_TRY(held.start_guard());
  RTT_TRY_SET(const OneView one, view_for(run.workspace, run.provider, run.env, run.command));
  auto look = views::enter_private_view(ask_of(run.workspace, one), held);
  if (!look) {
    if (look.error().code == Code::kPermission && look.error().hint.empty())
      look.error().hint = fmt::format("rtt view mount {}, which shows it in the project", one.view.provider);
    return std::unexpected(look.error());
  }
  const std::string name = base_name(run.command.front());
  const Status told =
      tell_panel(run.workspace, "run",
                 Json::object({{"reason", fmt::format("{} sees the view of {}", name, one.view.provider)},
                               {"provider", one.view.provider},
                               {"root", to_string(one.view.tree.root())},
                               {"command", name}}));
  if (!told) os::write_err(fmt::format("rtt run: the journal was not told: {}\n", told.error().message));
  if (run.told == PrivateRun::Told::kOnStderr) tell_what_is_not_shown(one, *look);
  return {};
}

}  // namespace

NotRun run_privately(const PrivateRun& run) {
  constexpr int kNotFound = 127, kNotRunnable = 126;
  const auto there = must_be_there(run.command.front());
  if (!there) return {there.error(), there.error().code == Code::kNotFound ? kNotFound : kNotRunnable};
  if (const Status done = become(run); !done)
    return {done.error(), static_cast<int>(exit_status(done.error().code))};
  return {os::become_program(run.command), kNotRunnable};
}

Result<Json> verb_run(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  RTT_TRY_SET(const OneView one,
              view_for(workspace, turn.text("provider"), turn.text("env"), turn.list("command")));
  RTT_TRY_SET(const views::Placeholders held, views::Placeholders::look(held_where(workspace)));
  RTT_TRY_SET(const views::PrivateLook look, views::look_privately(ask_of(workspace, one), held));
  Json shown = text::JsonArray{}, kept = text::JsonArray{}, problems = text::JsonArray{};
  for (const std::string& path : look.shown) shown.push(path);
  for (const views::Kept& path : look.kept) kept.push(Json::object({{"path", path.path}, {"why", path.why}}));
  for (const model::Problem& problem : one.problems) problems.push(model::to_json(problem));
  return Json::object({{"provider", one.view.provider},
                       {"env", one.env},
                       {"root", to_string(one.view.tree.root())},
                       {"items", one.view.items.size()},
                       {"files", one.view.tree.files().size()},
                       {"shown", std::move(shown)},
                       {"kept", std::move(kept)},
                       {"losses", losses_json(one.view.losses)},
                       {"problems", std::move(problems)}});
}

}  // namespace rtt::panel
