// SPDX-License-Identifier: Apache-2.0
// view pull: what somebody changed in a client's files becomes a change of the workspace's own.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "crypto/sha256.h"
#include "model/limits.h"
#include "model/view_file.h"
#include "os/dir.h"
#include "os/file.h"
#include "os/link.h"
#include "panel/client_edits.h"
#include "panel/inside.h"
#include "panel/plan_apply.h"
#include "panel/signed_write.h"
#include "panel/view_stage.h"
#include "panel/workbench.h"
#include "text/utf8.h"
#include "views/decode.h"
#include "views/encode.h"
#include "views/git_checkout.h"
#include "views/overlay.h"
#include "views/own_forms.h"
#include "views/pull.h"
#include "views/source_text.h"
#include "views/sources.h"

namespace rtt::panel {
namespace {

using registry::Workspace;
using text::Json;
using views::Item;
using views::ItemKind;

constexpr std::size_t kDiffLinesMax = 20;  // of each side of one file

// Providers and files as typed; none: all.
struct Asked {
  std::vector<std::string> providers, paths;

  [[nodiscard]] bool provider(const std::string& name) const {
    return providers.empty() || std::ranges::find(providers, name) != providers.end();
  }
  [[nodiscard]] bool path(const std::string& path) const {
    return paths.empty() || std::ranges::any_of(paths, [&](const std::string& one) {
             return path == one || path.starts_with(one + "/");
           });
  }
};
Result<Asked> asked_for(const Turn& turn, const Workspace& workspace, const std::vector<model::View>& shown) {
  Asked out;
  for (const std::string& word : turn.list("sources")) {
    if (word.contains('/')) {
      RTT_TRY_SET(std::string path, inside(workspace, word));
      out.paths.push_back(std::move(path));
    } else if (std::ranges::find(shown, word, &model::View::provider) != shown.end()) {
      out.providers.push_back(word);
    } else {
      return fail(Code::kNotFound, fmt::format("nothing is shown to `{}`", word), {}, "rtt view ls");
    }
  }
  return out;
}

const std::string* bytes_in(const std::vector<views::TreeFile>& files, const std::string& path) {
  const auto at = std::ranges::find(files, path, &views::TreeFile::path);
  return at == files.end() ? nullptr : &at->bytes;
}

// Where what somebody wrote is kept as it was once it is taken.
std::string pulled_path(const Workspace& workspace, const std::string& path, const Digest& content) {
  return fmt::format("{}/edited/pulled-{}/{}", tree_store(workspace).folder(),
                     bare_hex(content).substr(0, 16), path);
}

// Beside a SKILL.md that would be its signatures: those are made here and come from nowhere else.
Status must_not_sign(const std::string& file, const Item& item) {
  if (std::ranges::find(item.files, std::string("SKILL.md.sig"), &views::ItemFile::path) == item.files.end())
    return {};
  return fail(Code::kEditConflict, "SKILL.md.sig is the name of its signatures", file, "take it away there");
}

// One file of the workspace as it is to be; nothing: it goes.
struct NewFile {
  std::optional<std::string> text;
  bool executable = false, is_signed = true;
  std::string provider, from, item;
  std::vector<std::string> members;
};

// The lines that differ, one run of them a file: what stands before and after is the same in both.
Json difference(std::string_view before, std::string_view after) {
  for (const std::string_view text : {before, after}) {
    if (text::find_invalid_utf8(text) != std::string_view::npos)
      return Json::array(
          {fmt::format("-{} bytes", before.size()), fmt::format("+{} bytes, no text", after.size())});
  }
  const auto lines_of = [](std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
      lines.push_back(text.substr(0, end - (text[end - 1] == '\n' ? 1 : 0)));
      text.remove_prefix(end);
    }
    return lines;
  };
  std::vector<std::string_view> old_lines = lines_of(before), new_lines = lines_of(after);
  const auto head = std::ranges::mismatch(old_lines, new_lines);
  old_lines.erase(old_lines.begin(), head.in1);
  new_lines.erase(new_lines.begin(), head.in2);
  while (!old_lines.empty() && !new_lines.empty() && old_lines.back() == new_lines.back()) {
    old_lines.pop_back();
    new_lines.pop_back();
  }
  Json out = text::JsonArray{};
  for (const auto& [sign, lines] : {std::pair('-', &old_lines), std::pair('+', &new_lines)}) {
    for (std::size_t i = 0; i < std::min(lines->size(), kDiffLinesMax); ++i)
      out.push(fmt::format("{}{}", sign, (*lines)[i]));
    if (lines->size() > kDiffLinesMax)
      out.push(fmt::format("{}… and {} lines more", sign, lines->size() - kDiffLinesMax));
  }
  return out;
}

class Pulling {
 public:
  Pulling(const Workspace& workspace, const Planned& planned, views::Sources sources,
          std::optional<views::GitCheckout> git)
      : workspace_(workspace), planned_(planned), sources_(std::move(sources)), git_(std::move(git)) {}

  // What is edited in one provider's files. What cannot be taken is a conflict, and the rest goes on.
  void take(const model::View& view, const ClientEdits& edits) {
    conflicts.insert(conflicts.end(), edits.refused.begin(), edits.refused.end());
    problems.insert(problems.end(), edits.problems.begin(), edits.problems.end());
    if (edits.edits.empty()) return;
    const views::Provider& forms = *planned_.rendered.providers.find(view.provider);
    const views::Decoded shown = views::decode(forms, edits.shown);
    const views::Decoded edited = views::decode(forms, edits.files);
    const views::Encoded again = views::encode(forms, edited.items);
    std::set<std::string> spoken_for;  // of the edited files, those of which something is said
    for (const auto& problem : edited.problems) {
      const auto edit = edits.edits.find(problem.file);
      if (edit == edits.edits.end()) continue;
      spoken_for.insert(problem.file);
      const std::string& from = edit->second.from;
      if (problem.weight == views::DecodeProblem::Weight::kLeftOut && edit->second.shown) {
        conflicts.push_back({.code = Code::kEditConflict,
                             .message = problem.why,
                             .where = problem.line == 0 ? from : fmt::format("{}:{}", from, problem.line),
                             .hint = problem.hint});
      } else {
        tell(from, problem.why, problem.hint, problem.line);
      }
    }
    for (std::size_t i = 0; i < edited.items.size(); ++i) {
      const Item& item = edited.items[i];
      std::vector<std::string> paths;  // of it, that were edited
      std::ranges::copy_if(edited.files[i], std::back_inserter(paths),
                           [&](const std::string& path) { return edits.edits.contains(path); });
      if (paths.empty()) continue;
      spoken_for.insert(paths.begin(), paths.end());
      const std::string from = edits.edits.at(paths.front()).from;
      const auto at = std::ranges::find_if(
          shown.items, [&](const Item& one) { return one.kind == item.kind && one.name == item.name; });
      const Item* const was = at == shown.items.end() ? nullptr : &*at;
      if (item.kind == ItemKind::kServer) {
        if (was == nullptr || *was != item)
          tell(from, fmt::format("server {} is not taken from here", item.name), "rtt mcp import " + from);
        continue;
      }
      const Status done =
          take_item({.view = view, .forms = forms, .shown = was, .edited = item, .from = from});
      if (!done) {
        conflicts.push_back(Error(done.error()).at(from));
        continue;
      }
      for (const std::string& path : paths) {
        take_over(view.provider, path, edits, again);
      }
    }
    for (const auto& [path, edit] : edits.edits) {
      if (!spoken_for.contains(path)) tell(edit.from, "it is no item's file, so nothing of it is taken", {});
    }
  }

  std::map<std::string, NewFile> files;  // by path in the workspace
  std::vector<views::Project::Taken> taken, taken_from_store;
  std::map<std::string, std::string> kept_as_they_were;  // bytes, by path in the workspace
  std::vector<Error> conflicts;
  std::vector<model::Problem> problems;

 private:
  void tell(const std::string& file, std::string message, std::string hint, std::uint32_t line = 0) {
    problems.push_back({.severity = model::Severity::kWarning,
                        .file = file,
                        .line = line,
                        .code = Code::kEditConflict,
                        .message = std::move(message),
                        .hint = std::move(hint)});
  }

  // A file whose item was taken becomes ours, and is written anew from it. What it says beside the item, its
  // comments and layout, is kept elsewhere; one of git's own stays as it is.
  void take_over(const std::string& provider, const std::string& path, const ClientEdits& edits,
                 const views::Encoded& again) {
    const ClientEdit& edit = edits.edits.at(path);
    if (!edit.placed) {
      taken_from_store.push_back({.provider = provider, .path = path, .content = edit.content});
      return;
    }
    if (!edit.shown && git_ && git_->tracks(path)) {
      tell(edit.from, "git tracks it, so it stays there as it is", {});
      return;
    }
    taken.push_back({.provider = provider, .path = path, .content = edit.content});
    const std::string* const now = bytes_in(edits.files, path);
    const std::string* const anew = bytes_in(again.files, path);
    if (anew != nullptr && *anew == *now) return;
    const std::string kept = pulled_path(workspace_, path, edit.content).substr(workspace_.root.size() + 1);
    kept_as_they_were[kept] = *now;
    tell(edit.from, "it is written anew from its item; its comments and layout are kept in " + kept, {});
  }

  struct Edit {
    const model::View& view;
    const views::Provider& forms;
    const Item* shown;
    const Item& edited;
    std::string from;
  };

  [[nodiscard]] std::string env_of(const std::string& provider) const {
    const std::string path = model::view_path(provider);
    for (const registry::ConfigEntry& entry : planned_.snapshot.configs) {
      if (entry.path == path) return model::read_view_file(entry.text, entry.path).env;
    }
    return {};
  }

  Status take_item(const Edit& edit) {
    RTT_TRY_SET(const Item edited,
                edit.shown == nullptr ? views::adopted(edit.edited, edit.forms) : Result<Item>(edit.edited));
    const auto at = std::ranges::find_if(
        sources_.items, [&](const Item& one) { return one.kind == edited.kind && one.name == edited.name; });
    const auto index = static_cast<std::size_t>(at - sources_.items.begin());
    const views::MergeRequest overlays{
        .overlays = sources_.overlays, .provider = edit.view.provider, .env = {}};
    const std::string env = env_of(edit.view.provider);
    const auto overlaid = [&](const Item& item) -> Result<Item> {
      views::MergeRequest request = overlays;
      request.env = env;
      RTT_TRY_SET(views::Merged merged, views::merge_overlays({item}, request));
      return std::move(merged.items.front());
    };
    std::map<std::string, std::string>& others = edited_by_[{edited.kind, edited.name}];
    RTT_TRY_SET(const views::Pulled pulled,
                views::pull({.provider = edit.forms,
                             .source = at == sources_.items.end() ? nullptr : &*at,
                             .shown = edit.shown,
                             .edited = edited,
                             .others = others,
                             .overlaid = overlaid}));
    for (const std::string& member : pulled.members) others.emplace(member, edit.from);
    if (pulled.members.empty()) return {};
    if (at == sources_.items.end()) return create(edit, pulled.item);
    RTT_TRY(change(edit, sources_.files[index], *at, pulled));
    *at = pulled.item;  // what the next provider's edit is compared with
    return {};
  }

  [[nodiscard]] NewFile file_for(const Edit& edit, std::optional<std::string> text,
                                 std::vector<std::string> members) const {
    return {.text = std::move(text),
            .provider = edit.view.provider,
            .from = edit.from,
            .item = fmt::format("{}/{}", to_string(edit.edited.kind), edit.edited.name),
            .members = std::move(members)};
  }

  Status create(const Edit& edit, const Item& item) {
    RTT_TRY(must_not_sign(edit.from, item));
    views::Encoded own = views::written_down(item);
    for (const views::TreeFile& file : own.files) {
      if (os::exists(workspace_.path(file.path)))
        return fail(Code::kEditConflict, "its file is there already and is no item in force", file.path,
                    "rtt sign " + file.path);
    }
    for (views::TreeFile& file : own.files) {
      NewFile made = file_for(edit, std::move(file.bytes), {""});
      made.executable = file.executable;
      made.is_signed = item.kind != ItemKind::kSkill || file.path.ends_with("/SKILL.md");
      files[file.path] = std::move(made);
    }
    sources_.items.push_back(item);
    sources_.files.push_back(own.files.empty() ? std::string() : own.files.front().path);
    return {};
  }

  // What the file is now, with what this pull does to it already.
  Result<std::string> text_of(const std::string& file) const {
    const auto at = files.find(file);
    if (at != files.end() && at->second.text) return *at->second.text;
    return os::read_file(workspace_.path(file), limits::kManifestBytesMax);
  }

  Status change(const Edit& edit, const std::string& file, const Item& source, const views::Pulled& pulled) {
    RTT_TRY_SET(const std::string text, text_of(file));
    const auto there = views::read_source(text, file, source.kind, source.name);
    if (!there || there->object != source.object)
      return fail(Code::kEditConflict, fmt::format("{} changed since it was signed", file), file,
                  "rtt sign " + file);
    if (pulled.item.object != source.object) {
      RTT_TRY_SET(std::string after, views::with_item(text, file, pulled.item));
      files[file] = file_for(edit, std::move(after), pulled.members);
    }
    return change_files(edit, file, source, pulled);
  }

  // Beside a skill.
  Status change_files(const Edit& edit, const std::string& file, const Item& source,
                      const views::Pulled& pulled) {
    if (pulled.item.files == source.files) return {};
    if (!file.ends_with("/SKILL.md"))
      return fail(Code::kEditConflict, "a skill written as JSON has no files beside it", file,
                  "make it a folder with a SKILL.md");
    RTT_TRY(must_not_sign(edit.from, pulled.item));
    const std::string folder = file.substr(0, file.rfind('/') + 1);
    for (const views::ItemFile& now : pulled.item.files) {
      if (std::ranges::find(source.files, now) != source.files.end()) continue;
      NewFile made = file_for(edit, now.bytes, {"/files/" + text::escape_pointer(now.path)});
      made.executable = now.executable;
      made.is_signed = false;
      files[folder + now.path] = std::move(made);
    }
    for (const views::ItemFile& was : source.files) {
      if (std::ranges::find(pulled.item.files, was.path, &views::ItemFile::path) == pulled.item.files.end())
        files[folder + was.path] = file_for(edit, std::nullopt, {"/files/" + text::escape_pointer(was.path)});
    }
    return {};
  }

  const Workspace& workspace_;
  const Planned& planned_;
  views::Sources sources_;
  std::optional<views::GitCheckout> git_;
  // What edits changed in an item so far, by member, and the file of each.
  std::map<std::pair<ItemKind, std::string>, std::map<std::string, std::string>> edited_by_;
};

// All of them in one error: nothing is taken while one is open.
std::unexpected<Error> refused(const std::vector<Error>& conflicts) {
  Error all = conflicts.front();
  for (std::size_t i = 1; i < conflicts.size(); ++i)
    all.causes.push_back(fmt::format("{}: {}", conflicts[i].where, conflicts[i].message));
  return std::unexpected(std::move(all));
}

Json rows_of(const Pulling& pulling, const Workspace& workspace, std::vector<std::string>& will) {
  Json rows = text::JsonArray{};
  for (const auto& [path, file] : pulling.files) {
    const bool there = os::exists(workspace.path(path));
    const auto before = os::read_file(workspace.path(path), views::kTreeFileBytesMax);
    const char* const state = !file.text ? "removed" : there ? "changed" : "created";
    Json members = text::JsonArray{};
    for (const std::string& member : file.members) members.push(member);
    Json lines = difference(before ? *before : std::string(), file.text ? *file.text : std::string());
    will.push_back(fmt::format("{} {} from {}",
                               !file.text ? "remove"
                               : there    ? "change"
                                          : "create",
                               path, file.from));
    for (const Json& line : lines.as_array()) will.push_back("    " + line.as_string());
    rows.push(Json::object({{"path", path},
                            {"state", state},
                            {"from", file.from},
                            {"provider", file.provider},
                            {"item", file.item},
                            {"members", std::move(members)},
                            {"diff", std::move(lines)}}));
  }
  return rows;
}

// What the provider is, or was, shown by this root. Where somebody wrote into it, what it was is made again.
Result<views::Tree> tree_shown(const Workspace& workspace, const model::View& view,
                               const Rendered& rendered) {
  auto kept = ViewHomes(workspace, ViewHomes::For::kFind).find(view.root);
  if (kept) return kept;
  const auto at = std::ranges::find_if(rendered.views, [&](const RenderedView& one) {
    return one.provider == view.provider && one.tree.root() == view.root;
  });
  if (at != rendered.views.end()) return at->tree;
  return fail(Code::kEditConflict,
              fmt::format("what {} was shown is not known any more, so no edit of it is: {}", view.provider,
                          kept.error().message),
              kept.error().where, "rtt view diff " + view.provider);
}

Status write_down(const Pulling& pulling, const Workspace& workspace, views::Project& project, Json& body) {
  SignedWrite write(workspace);
  for (const auto& [path, file] : pulling.files) {
    if (!file.text) {
      write.remove(path);
    } else if (file.is_signed) {
      write.write(path, *file.text);
    } else {
      write.lay(path, *file.text, file.executable ? 0755 : 0644);
    }
  }
  for (const auto& [path, bytes] : pulling.kept_as_they_were) {
    const std::string full = workspace.path(path);
    RTT_TRY(os::make_directories(full.substr(0, full.rfind('/'))));
    RTT_TRY(os::write_atomic(full, bytes));
  }
  RTT_TRY_SET(const std::size_t count, write.commit());
  body.set("signed", count);
  return project.adopt(pulling.taken);
}

// What was set aside is not taken again, for what the workspace says after this is no edit of it.
Status put_away(const Pulling& pulling, const Workspace& workspace) {
  const std::string edited = tree_store(workspace).folder() + "/edited";
  const auto asides = os::list_directory(edited);
  for (const std::string& name : asides ? *asides : std::vector<std::string>{}) {
    if (name.starts_with("pulled-")) continue;
    for (const views::Project::Taken& one : pulling.taken_from_store) {
      const auto there = os::read_beneath(edited + "/" + name, one.path, views::kTreeFileBytesMax);
      if (!there || crypto::sha256(there->content) != one.content) continue;
      const std::string kept = pulled_path(workspace, one.path, one.content);
      RTT_TRY(os::make_directories(kept.substr(0, kept.rfind('/'))));
      RTT_TRY(os::rename_path(fmt::format("{}/{}/{}", edited, name, one.path), kept));
    }
  }
  return {};
}

}  // namespace

Result<Json> verb_view_pull(const Turn& turn) {
  RTT_TRY_SET(const Workspace workspace, turn.workspace());
  RTT_TRY_SET(const Planned planned,
              make_plan(workspace, {.store = registry::LoadOptions::Store::kReadOnly}, QuickConnects::kKeep));
  RTT_TRY_SET(const Asked asked, asked_for(turn, workspace, planned.base.views));
  RTT_TRY_SET(views::Sources sources, views::gather_sources(workspace, planned.snapshot));
  RTT_TRY_SET(views::Project project, views::Project::open(workspace.root, tree_store(workspace)));
  RTT_TRY_SET(auto git, views::GitCheckout::of(workspace.root));
  Pulling pulling(workspace, planned, std::move(sources), std::move(git));
  ClientEditsReader reader(
      workspace, planned.rendered.providers,
      [&](const model::View& view) { return tree_shown(workspace, view, planned.rendered); },
      [&asked](const std::string& path) { return asked.path(path); });
  for (const model::View& view : planned.base.views) {
    const bool known = planned.rendered.providers.find(view.provider) != nullptr;
    if (!asked.provider(view.provider) || !known) continue;
    RTT_TRY_SET(const ClientEdits edits, reader.read(view, project));
    pulling.take(view, edits);
  }
  const std::vector<model::Problem> unread = reader.unread(planned.base.views);
  for (const model::Problem& problem : unread) {
    const bool named = std::ranges::any_of(asked.paths, [&](const std::string& path) {
      return path == problem.file || path.starts_with(problem.file + "/");
    });
    if (named) return fail(Code::kNotFound, problem.message, problem.file, problem.hint);
    if (asked.providers.empty() && asked.paths.empty()) pulling.problems.push_back(problem);
  }
  if (!pulling.conflicts.empty()) return refused(pulling.conflicts);
  std::vector<std::string> will;
  Json problems = text::JsonArray{};
  for (const auto& problem : pulling.problems) problems.push(model::to_json(problem));
  Json body =
      Json::object({{"changes", rows_of(pulling, workspace, will)}, {"problems", std::move(problems)}});
  for (const views::Project::Taken& one : pulling.taken)
    will.push_back(fmt::format("show {} as the workspace says it", one.path));
  if (will.empty()) {
    if (turn.consent() != Turn::Consent::kShow) RTT_TRY(put_away(pulling, workspace));
    return body;
  }
  if (turn.consent() == Turn::Consent::kShow)
    return asking("Take these edits into the workspace?", will, std::move(body));
  RTT_TRY(write_down(pulling, workspace, project, body));
  RTT_TRY_SET(Planned after, make_plan(workspace, registry::LoadOptions{}, QuickConnects::kKeep));
  RTT_TRY(must_be_plannable(after));
  RTT_TRY_SET(const auto panel, apply_planned(turn, workspace, after, body));
  static_cast<void>(panel);
  // Where the trees are as before, nothing was flipped, and what was taken is still as somebody left it.
  RTT_TRY_SET(views::Project now, views::Project::open(workspace.root, tree_store(workspace)));
  RTT_TRY_SET(const views::Trees trees, shown_trees(workspace));
  const views::Choice how = tree_store(workspace).shown().how;
  RTT_TRY_SET(const auto shown, now.refresh(trees, placing_of(how.mechanism)));
  static_cast<void>(shown);
  RTT_TRY(put_away(pulling, workspace));
  return body;
}

}  // namespace rtt::panel
