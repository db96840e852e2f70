// SPDX-License-Identifier: Apache-2.0
// migrate: from copies in each client's folder to one item each, shown to all of them; and back.
//
// Everything is written, signed, rendered and planned before a client's file is touched, and a file is moved
// only when what its client is going to be shown says what the file said. What happens after that is undone
// by the record of set_aside.h, by this run or by the next.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "crypto/sha256.h"
#include "model/view_file.h"
#include "os/file.h"
#include "panel/client_copies.h"
#include "panel/ejected_views.h"
#include "panel/plan_apply.h"
#include "panel/set_aside.h"
#include "panel/shown_views.h"
#include "panel/signed_write.h"
#include "panel/view_signatures.h"
#include "panel/view_stage.h"
#include "panel/workbench.h"
#include "text/json_canonical.h"
#include "views/own_forms.h"

namespace rtt::panel {
namespace {

using registry::Workspace;
using text::Json;
using views::Copy;
using views::Shared;

struct Left {  // where it is
  std::vector<std::string> files;
  std::string why;
};
struct Migration {
  ClientCopies found;
  std::vector<views::TreeFile> written;  // the workspace's files: items, overlays, views
  std::vector<const Copy*> moved;
  std::vector<Left> left;
  std::vector<Json> rows;          // an item each
  std::vector<std::string> lines;  // the same for people
};

std::string name_of(const Shared& item) {
  return fmt::format("{}/{}", to_string(item.item.kind), item.item.name);
}

Json texts(const std::vector<std::string>& list) {
  Json out = text::JsonArray{};
  for (const std::string& one : list) out.push(one);
  return out;
}

// The files that stand for an item here; an error says why it cannot be one.
Result<std::vector<views::TreeFile>> files_for(const Shared& item, const std::string& root) {
  std::vector<views::TreeFile> files;
  if (!item.from.empty()) {
    views::Encoded own = views::written_down(item.item);
    if (!own.losses.empty()) {
      const views::Loss& loss = own.losses.front();
      return fail(Code::kBadShape, fmt::format("{} of it has no place here: {}",
                                               loss.pointer.empty() ? "nothing" : loss.pointer, loss.why));
    }
    files = std::move(own.files);
  }
  for (const views::NewOverlay& overlay : item.overlays)
    files.push_back({.path = overlay.path, .bytes = overlay.text});
  for (const views::TreeFile& file : files) {
    if (os::exists(root + "/" + file.path))
      return fail(Code::kNameClash, fmt::format("{} is there already and not in force", file.path), file.path,
                  "rtt sign " + file.path);
  }
  return files;
}

std::string in_words(const Shared& item, const std::vector<views::TreeFile>& files) {
  std::string line = name_of(item);
  if (!item.from.empty()) line += fmt::format(": {} from {}", files.front().path, item.from);
  std::vector<std::string> same;
  std::string rest;
  for (const Copy& copy : item.copies) {
    if (!copy.stays.empty()) continue;
    if (copy.state == Copy::State::kSame) {
      for (const std::string& provider : copy.providers) {
        if (provider != item.from) same.push_back(provider);
      }
    } else {
      rest += fmt::format("; what {} {} ({}) becomes an overlay", fmt::join(copy.providers, ", "),
                          copy.state == Copy::State::kMore ? "has besides" : "has otherwise",
                          fmt::join(copy.differs, ", "));
    }
  }
  if (!same.empty()) line += fmt::format("; the same in {}", fmt::join(same, ", "));
  return line + rest;
}

void add_item(Migration& out, const Shared& item, const std::string& root) {
  auto files = files_for(item, root);
  std::vector<std::string> moved;
  for (const Copy& copy : item.copies) {
    if (!files || !copy.stays.empty()) {
      out.left.push_back({copy.files, copy.stays.empty() ? files.error().message : copy.stays});
      continue;
    }
    out.moved.push_back(&copy);
    moved.insert(moved.end(), copy.files.begin(), copy.files.end());
  }
  if (!files || moved.empty()) return;
  Json overlays = text::JsonArray{};
  for (const views::NewOverlay& overlay : item.overlays) overlays.push(overlay.path);
  out.rows.push_back(Json::object({{"item", name_of(item)},
                                   {"from", item.from.empty() ? "workspace" : item.from},
                                   {"files", texts(moved)},
                                   {"overlays", std::move(overlays)}}));
  out.lines.push_back(in_words(item, *files));
  std::ranges::move(*files, std::back_inserter(out.written));
}

Result<Migration> prepare(const std::string& root, const std::string& prefer) {
  Migration out;
  RTT_TRY_SET(out.found, find_client_copies(root, prefer));
  for (const Shared& item : out.found.items) add_item(out, item, root);
  if (out.moved.empty()) return out;
  for (const std::string& provider : out.found.providers) {
    const std::string path = model::view_path(provider);
    if (!os::exists(root + "/" + path))
      out.written.push_back({.path = path, .bytes = text::to_pretty_json(Json{text::JsonObject{}})});
  }
  return out;
}

Json body_of(const Migration& migration) {
  Json items = text::JsonArray{}, written = text::JsonArray{}, left = text::JsonArray{},
       problems = text::JsonArray{};
  for (const Json& row : migration.rows) items.push(row);
  for (const views::TreeFile& file : migration.written) written.push(file.path);
  for (const Left& one : migration.left)
    left.push(Json::object({{"files", texts(one.files)}, {"why", one.why}}));
  for (const model::Problem& problem : migration.found.problems) problems.push(model::to_json(problem));
  return Json::object({{"items", std::move(items)},
                       {"providers", texts(migration.found.providers)},
                       {"written", std::move(written)},
                       {"left", std::move(left)},
                       {"problems", std::move(problems)}});
}

std::size_t files_in(const std::vector<const Copy*>& copies) {
  std::size_t count = 0;
  for (const Copy* copy : copies) count += copy->files.size();
  return count;
}

bool writes(const Migration& migration, const std::string& path) {
  return std::ranges::find(migration.written, path, &views::TreeFile::path) != migration.written.end();
}

std::vector<std::string> will_of(const Migration& migration, const std::string& root, bool fresh) {
  std::vector<std::string> will;
  if (fresh)
    will.push_back("create " + root + "/.rtt: configuration, and a policy under which nobody else may call");
  will.insert(will.end(), migration.lines.begin(), migration.lines.end());
  will.push_back(fmt::format("show all of this to {}, each in its own format and place",
                             fmt::join(migration.found.providers, ", ")));
  will.push_back(fmt::format("move {} files of theirs aside; rtt migrate --undo puts them back",
                             files_in(migration.moved)));
  for (const std::string& provider : migration.found.providers) {
    const std::string path = model::view_path(provider);
    if (!writes(migration, path)) will.push_back(fmt::format("sign {} as it is", path));
  }
  for (const Left& one : migration.left)
    will.push_back(fmt::format("leave {} as it is: {}", one.files.front(), one.why));
  return will;
}

// Plans what is in force and has the panel apply it; what is shown already is placed again, since files that
// were in its way may be gone.
Status plan_and_show(const Turn& turn, const Workspace& workspace, Json& body) {
  RTT_TRY_SET(const Followed followed, follow_again(workspace));
  static_cast<void>(followed);
  RTT_TRY_SET(Planned planned, make_plan(workspace, registry::LoadOptions{}, QuickConnects::kKeep));
  RTT_TRY(must_be_plannable(planned));
  RTT_TRY_SET(const auto panel, apply_planned(turn, workspace, planned, body));
  static_cast<void>(panel);
  const std::string_view state = body.string_or("state");
  if (state == "committed") return {};
  if (state != "unchanged")
    return fail(Code::kRolledBack, "the plan was not applied: " + std::string(body.string_or("reason")), {},
                "rtt log");
  RTT_TRY(must_be_signed(workspace, planned.base.views));
  return ViewStage(workspace).show(planned.base.views);
}

// A view shows what the file said.
bool says(const Rendered& rendered, const views::Version& version) {
  const auto view = std::ranges::find(rendered.views, version.provider->name, &RenderedView::provider);
  if (view == rendered.views.end()) return false;
  const views::Encoded wanted = views::encode(*version.provider, std::span(&version.item, 1));
  return std::ranges::all_of(wanted.files, [&](const views::TreeFile& file) {
    const views::TreeFile* const shown = view->tree.find(file.path);
    return shown != nullptr && *shown == file;
  });
}

// The files beside a skill that differ from the preferred client's, which take their place.
bool gives_way(const Copy& copy, std::string_view prefer) {
  return !prefer.empty() && std::ranges::any_of(copy.differs, [](const std::string& member) {
    return member.starts_with("/files/");
  });
}

// Each version whose files are moved, with the copy they are.
void each_moved(const Migration& migration,
                const std::function<void(const views::Version&, const Copy&)>& visit) {
  std::map<std::vector<std::string>, const Copy*> moved;
  for (const Copy* copy : migration.moved) moved.emplace(copy->files, copy);
  for (const views::Version& version : migration.found.versions) {
    if (const auto at = moved.find(version.files); at != moved.end()) visit(version, *at->second);
  }
}

// Takes out of `moved` what would be shown otherwise.
Status hold_to_what_is_shown(Migration& migration, const Workspace& workspace, std::string_view prefer) {
  RTT_TRY_SET(const auto snapshot, registry::load_snapshot(workspace, {}));
  RTT_TRY_SET(const Rendered rendered, render_views(workspace, snapshot));
  std::set<const Copy*> otherwise;
  each_moved(migration, [&](const views::Version& version, const Copy& copy) {
    if (!gives_way(copy, prefer) && !says(rendered, version)) otherwise.insert(&copy);
  });
  for (const Copy* copy : migration.moved) {
    if (otherwise.contains(copy))
      migration.left.push_back({copy->files, "a view of it would say something else"});
  }
  std::erase_if(migration.moved, [&](const Copy* copy) { return otherwise.contains(copy); });
  return {};
}

// Each client finds at its old places what it is to be shown.
Status is_in_place(const Migration& migration, const Workspace& workspace, std::string_view prefer) {
  Status done;
  each_moved(migration, [&](const views::Version& version, const Copy& copy) {
    if (!done || gives_way(copy, prefer)) return;
    for (const views::TreeFile& file : views::encode(*version.provider, std::span(&version.item, 1)).files) {
      const std::string path = workspace.path(file.path);
      if (os::exists(path) && !os::is_directory(path)) continue;
      done = fail(
          Code::kNotFound,
          fmt::format("{} would not find {}: something is in its way", version.provider->product, file.path),
          file.path, "rtt view ls");
    }
  });
  return done;
}

Result<Json> take_back(const Turn& turn, const Workspace& workspace, SetAside& aside);

Status carry_out(const Turn& turn, const Workspace& workspace, Migration& migration, SetAside& aside,
                 Json& body) {
  SignedWrite write(workspace);
  for (const views::TreeFile& file : migration.written) {
    const bool beside = file.path.starts_with("skills/") && !file.path.ends_with("/SKILL.md");
    if (beside) {
      write.lay(file.path, file.bytes, file.executable ? 0755 : 0644);
    } else {
      write.write(file.path, file.bytes);
    }
  }
  for (const std::string& provider : migration.found.providers) {
    const std::string path = model::view_path(provider);
    if (!writes(migration, path)) write.sign_as_it_is(path);
  }
  RTT_TRY_SET(const std::size_t count, write.commit());
  body.set("signed", count);
  RTT_TRY(hold_to_what_is_shown(migration, workspace, turn.text("prefer")));
  RTT_TRY_SET(const Planned planned, make_plan(workspace, registry::LoadOptions{}, QuickConnects::kKeep));
  RTT_TRY(must_be_plannable(planned));
  for (const Copy* copy : migration.moved) {
    for (const std::string& file : copy->files)
      RTT_TRY(aside.take(file, migration.found.files.at(file).content));
  }
  RTT_TRY(aside.remove_emptied_folders());
  RTT_TRY(plan_and_show(turn, workspace, body));
  RTT_TRY(is_in_place(migration, workspace, turn.text("prefer")));
  return aside.set(SetAside::State::kDone);
}

Result<Json> migrate(const Turn& turn, const std::string& root, Migration migration) {
  if (!workspace_at(root)) {
    const api::Ask init{.verb = "init",
                        .args = Json::object({{"consent", "given"}}),
                        .directory = root,
                        .search = "exactly",
                        .deadline_ms = turn.ask.deadline_ms};
    RTT_TRY(verb_init(Turn{.ask = init, .part = turn.part, .ports = turn.ports}));
  }
  RTT_TRY_SET(const Workspace workspace, workspace_at(root));
  std::vector<std::string> moved;
  for (const Copy* copy : migration.moved) moved.insert(moved.end(), copy->files.begin(), copy->files.end());
  std::vector<SetAside::Written> written;
  for (const views::TreeFile& file : migration.written)
    written.push_back({.path = file.path, .content = crypto::sha256(file.bytes)});
  RTT_TRY_SET(SetAside aside, SetAside::begin(workspace, std::move(moved), std::move(written)));
  Json applied = text::JsonObject{};
  if (const Status done = carry_out(turn, workspace, migration, aside, applied); !done) {
    Error why = done.error();
    const auto back = take_back(turn, workspace, aside);
    why.causes.push_back(back ? "everything is as it was before"
                              : "it could not all be put back: " + back.error().message +
                                    "; rtt migrate --undo tries again");
    return std::unexpected(std::move(why));
  }
  Json body = body_of(migration);
  for (const auto& [key, value] : applied.as_object()) body.set(key, value);
  body.set("result", "migrated");
  body.set("moved", files_in(migration.moved));
  body.set("aside", aside.folder());
  return body;
}

// What was placed and edited since would be lost below the files that come back.
Status nothing_edited(const Workspace& workspace, const SetAside& aside) {
  RTT_TRY_SET(const views::Project project, views::Project::open(workspace.root, tree_store(workspace)));
  for (const views::Drift& drift : project.drift()) {
    if (drift.kind == views::Drift::Kind::kGone) continue;
    const bool ours = std::ranges::any_of(aside.moved(), [&](const std::string& path) {
      return path == drift.path || path.starts_with(drift.path + "/") || drift.path.starts_with(path + "/");
    });
    if (ours)
      return fail(Code::kDrift,
                  fmt::format("{} was {} since, and its old version would come back over it", drift.path,
                              to_string(drift.kind)),
                  drift.path, "move it away, then rtt migrate --undo");
  }
  return {};
}

// Each step may find its work done: an undo that was cut short is finished by the next.
Result<Json> take_back(const Turn& turn, const Workspace& workspace, SetAside& aside) {
  RTT_TRY(aside.set(SetAside::State::kUnfinished));
  SignedWrite write(workspace);
  std::vector<std::string> changed;
  for (const SetAside::Written& file : aside.written()) {
    const std::string path = workspace.path(file.path);
    if (!os::exists(path)) continue;
    const auto bytes = os::read_file(path, views::kTreeFileBytesMax);
    if (!bytes || crypto::sha256(*bytes) != file.content) {
      changed.push_back(file.path);
      continue;
    }
    write.remove(file.path);
    write.remove(file.path + ".sig");
  }
  RTT_TRY_SET(const std::size_t none, write.commit());
  static_cast<void>(none);
  Json body = text::JsonObject{};
  if (Status shown = plan_and_show(turn, workspace, body); !shown) {  // what is shown would be in the way
    Error why = std::move(shown).error();
    why.causes.push_back(fmt::format("the clients' files lie in {}/files", aside.folder()));
    why.hint = "mend what it says, then rtt migrate --undo";
    return std::unexpected(std::move(why));
  }
  RTT_TRY_SET(const std::vector<std::string> in_the_way, aside.give_back());
  RTT_TRY(aside.forget());
  Json left = text::JsonArray{};
  for (const std::string& path : changed)
    left.push(Json::object({{"files", Json::array({path})}, {"why", "it was changed since, so it stays"}}));
  for (const std::string& path : in_the_way) {
    left.push(Json::object(
        {{"files", Json::array({path})},
         {"why", fmt::format("something else is there now; it lies in {}/files", aside.folder())}}));
  }
  body.set("result", "undone");
  body.set("restored", aside.moved().size() - in_the_way.size());
  body.set("left", std::move(left));
  return body;
}

Result<Json> undo(const Turn& turn, const Workspace& workspace, SetAside& aside) {
  if (aside.state() == SetAside::State::kDone) {
    RTT_TRY(nothing_edited(workspace, aside));
    // Before anything is taken away: what hinders a plan today would hinder the one without its files.
    RTT_TRY_SET(const Planned now, make_plan(workspace, registry::LoadOptions{}, QuickConnects::kKeep));
    RTT_TRY(must_be_plannable(now));
  }
  if (turn.consent() == Turn::Consent::kShow) {
    const bool unfinished = aside.state() == SetAside::State::kUnfinished;
    return asking(unfinished ? "A migration was not finished. Put everything back as it was?"
                             : "Put everything back as it was?",
                  {fmt::format("move {} files of AI clients back to where they were", aside.moved().size()),
                   fmt::format("remove what the migration wrote: {} files", aside.written().size())});
  }
  return take_back(turn, workspace, aside);
}

}  // namespace

Result<Json> verb_migrate(const Turn& turn) {
  std::string root = turn.text("dir");
  if (root.empty()) {
    const auto workspace = turn.workspace();
    root = workspace ? workspace->root : turn.ask.directory;
  }
  RTT_TRY_SET(root, os::real_path(root));
  if (!os::is_directory(root))
    return fail(Code::kNotRegular, root + " is no folder", root, "rtt migrate DIR");
  const auto workspace = workspace_at(root);
  std::optional<os::FileLock> lock;
  if (workspace) {
    RTT_TRY_SET(lock, os::FileLock::take(workspace->dot("registry/migrate.lock"), os::FileLock::Wait::kNo));
    RTT_TRY_SET(auto aside, SetAside::newest(*workspace));
    const bool unfinished = aside && aside->state() == SetAside::State::kUnfinished;
    if (aside && (unfinished || turn.set("undo")) && !turn.set("dry_run"))
      return undo(turn, *workspace, *aside);
  }
  if (turn.set("undo"))
    return fail(Code::kNotFound, "nothing was migrated here, or it was put back already", root,
                "rtt migrate");
  RTT_TRY_SET(Migration migration, prepare(root, turn.text("prefer")));
  Json body = body_of(migration);
  body.set("result", migration.moved.empty() ? "nothing" : "planned");
  body.set("moved", files_in(migration.moved));
  if (migration.moved.empty() || turn.set("dry_run")) return body;
  if (turn.consent() == Turn::Consent::kShow)
    return asking("Make one of each?", will_of(migration, root, !workspace), std::move(body));
  return migrate(turn, root, std::move(migration));
}

}  // namespace rtt::panel
