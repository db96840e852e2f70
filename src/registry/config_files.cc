// SPDX-License-Identifier: Apache-2.0
#include "registry/config_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "model/connector.h"
#include "model/limits.h"
#include "model/overlay.h"
#include "model/policy.h"
#include "model/prompt_file.h"
#include "model/view_file.h"
#include "os/dir.h"
#include "os/file.h"
#include "scan/walk.h"
#include "text/json_canonical.h"
#include "text/yaml.h"

namespace rtt::registry {
namespace {

using text::Json;

constexpr std::string_view kPanelPath = ".rtt/panel.yaml";
constexpr std::string_view kConnectorFolder = ".rtt/drivers/";

std::vector<model::Problem> flags_problems(std::string_view text, std::string_view file) {
  const auto json = text::parse_json(text, {.source_name = file});
  if (!json) return {model::problem_from(json.error(), file)};
  if (json->is_object()) return {};
  return {{.file = std::string(file),
           .line = 1,
           .column = 1,
           .code = Code::kBadShape,
           .message = "flags are an object",
           .hint = {}}};
}

// Every configuration file, and who says whether its text is sound.
struct Reader {
  std::string_view path;
  std::vector<model::Problem> (*problems)(std::string_view text, std::string_view file);
};
constexpr std::array kReaders{
    Reader{".rtt/flags.json", flags_problems},
    Reader{kPanelPath, [](std::string_view text,
                          std::string_view file) { return model::read_panel_yaml(text, file).problems; }},
    Reader{".rtt/policy.json", [](std::string_view text,
                                  std::string_view file) { return model::read_policy(text, file).problems; }},
    Reader{".rtt/routes.json", [](std::string_view text,
                                  std::string_view file) { return model::read_routes(text, file).problems; }},
    Reader{".rtt/topology.json",
           [](std::string_view text, std::string_view file) {
             return model::read_topology(text, file).problems;
           }},
};

// Files outside of .rtt that say what AI clients are shown.
struct Shown {
  std::string_view folder;
  int depth;              // of the files wanted, below the folder
  std::size_t files_max;  // wanted ones
  bool (*wants)(std::string_view path);
  std::vector<model::Problem> (*problems)(std::string_view text, std::string_view file);
};
std::vector<model::Problem> prompt_problems(std::string_view text, std::string_view file) {
  return model::read_prompt_file(text, file).problems;
}
constexpr std::array kShown{
    Shown{"commands", 1, model::kPromptsMax, model::is_prompt_path, prompt_problems},
    // One level more than an overlay can have: what is there is told to have no place, not passed over.
    Shown{"overlays", 4, model::kOverlaysMax, model::is_overlay_path,
          [](std::string_view text, std::string_view file) {
            return model::read_overlay(text, file).problems;
          }},
    Shown{"providers", 1, 1, [](std::string_view path) { return path == model::kProvidersPath; },
          [](std::string_view text, std::string_view file) { return model::provider_problems(text, file); }},
    Shown{"rules", 1, model::kPromptsMax, model::is_prompt_path, prompt_problems},
    Shown{"views", 1, model::kProvidersMax, model::is_view_path,
          [](std::string_view text, std::string_view file) {
            return model::read_view_file(text, file).problems;
          }},
};
constexpr std::size_t kShownEntriesMax = 100'000;  // of one of these folders, wanted or not

std::vector<model::Problem> problems_in(std::string_view text, const std::string& path) {
  if (path.starts_with(kConnectorFolder)) return model::read_connector(text, path).problems;
  for (const Shown& shown : kShown) {
    if (shown.wants(path)) return shown.problems(text, path);
  }
  const auto reader = std::ranges::find(kReaders, path, &Reader::path);
  RTT_ASSERT(reader != kReaders.end());
  return reader->problems(text, path);
}

Result<Json> object_in(const std::string& text, const std::string& path) {
  if (path.ends_with(".yaml"))
    return text::parse_yaml(text, {.source_name = path, .bytes_max = limits::kConfigBytesMax});
  if (path.ends_with(".md")) return model::read_prompt_file(text, path).object;
  return text::parse_json(text, {.source_name = path, .bytes_max = limits::kConfigBytesMax});
}

// What a file would have to say for this object to be read from it.
std::string text_of(const Json& object, const std::string& path) {
  return path.ends_with(".md") ? model::prompt_text(object) : text::canonical_json(object);
}

bool is_error(const model::Problem& problem) { return problem.severity == model::Severity::kError; }

std::string place_of(const model::Problem& problem) {
  if (problem.line == 0) return problem.file;
  return problem.file + ":" + std::to_string(problem.line) + ":" + std::to_string(problem.column);
}

Status must_be_sound(const ConfigEntry& entry) {
  if (entry.text.empty()) return {};
  const std::vector<model::Problem> problems = problems_in(entry.text, entry.path);
  const auto first = std::ranges::find_if(problems, is_error);
  if (first == problems.end()) return {};
  return fail(Code::kBadConfig, entry.path + " is in force and has an error: " + first->message,
              place_of(*first), "correct it, then rtt sign " + entry.path);
}

ConfigEntry entry_in_force(const ConfigFile& file, const Judgement& judgement) {
  ConfigEntry entry{.path = file.path,
                    .standing = judgement.standing,
                    .signed_by = judgement.signed_by,
                    .hash = {},
                    .object = text::JsonObject{},
                    .text = {}};
  switch (judgement.standing) {
    case Standing::kSigned:
    case Standing::kAllowedUnsigned:
      entry.object = file.object;
      entry.hash = object_hash(file.object);
      entry.text = file.text;
      break;
    case Standing::kLastSigned:
      entry.object = *judgement.last;
      entry.hash = judgement.record->hash;
      entry.text = text_of(entry.object, entry.path);
      break;
    case Standing::kRefused:
      break;
  }
  return entry;
}

// Everything wanted below one folder, links and FIFOs too: reading them says what they are.
class ShownLister {
 public:
  ShownLister(const Workspace& workspace, ConfigPaths& out) : workspace_(workspace), out_(out) {}

  Status list(const Shown& shown) {
    const std::string folder(shown.folder);
    if (os::is_symlink(workspace_.path(folder))) {
      report(folder, Code::kEscapes, "a symbolic link; nothing in it counts", "put the folder itself here");
      return {};
    }
    if (!os::is_directory(workspace_.path(folder))) return {};
    const std::size_t before = out_.paths.size();
    const auto unreadable = [&](std::string_view path, const Error& why) {
      const std::string at = path.empty() ? folder : folder + "/" + std::string(path);
      report(at, why.code, "the folder cannot be read, so nothing in it counts", {});
    };
    RTT_TRY_SET(
        const os::WalkStats stats,
        os::walk(workspace_.path(folder),
                 {.depth_max = shown.depth + 1, .entries_max = kShownEntriesMax, .unreadable = unreadable},
                 [&](const os::Entry& entry) { return visit(entry, shown); }));
    if (stats.truncated || out_.paths.size() - before > shown.files_max) {
      return fail(Code::kLimit,
                  fmt::format("{} has more than {} files that count, or more than {} entries", folder,
                              shown.files_max, kShownEntriesMax),
                  folder, "move what does not belong there");
    }
    return {};
  }

 private:
  os::Visit visit(const os::Entry& entry, const Shown& shown) {
    const std::string path = fmt::format("{}/{}", shown.folder, entry.path);
    if (entry.kind == os::EntryKind::kDirectory)
      return entry.depth + 1 < shown.depth ? os::Visit::kContinue : os::Visit::kSkip;
    if (shown.wants(path)) {
      if (scan::is_printable(path)) {
        out_.paths.push_back(path);
      } else {
        report(path, Code::kJsonEncoding, "the file's name is not text (UTF-8 without control characters)",
               "rename the file");
      }
    } else if (entry.kind == os::EntryKind::kSymlink && shown.depth > 1) {
      report(path, Code::kEscapes, "a symbolic link; not followed", "put the folder itself here");
    }
    return os::Visit::kContinue;
  }
  void report(const std::string& path, Code code, std::string message, std::string hint) {
    if (out_.problems.size() == limits::kProblemsMax) return;
    out_.problems.push_back({.file = scan::printable(path),
                             .code = code,
                             .message = std::move(message),
                             .hint = std::move(hint)});
  }

  const Workspace& workspace_;
  ConfigPaths& out_;
};

}  // namespace

Result<ConfigPaths> config_paths(const Workspace& workspace) {
  ConfigPaths out;
  std::vector<std::string>& paths = out.paths;
  for (const Reader& reader : kReaders) paths.emplace_back(reader.path);
  // Without the folder, or unable to read it, there are no connectors: that opens no door.
  auto folders = os::list_directory(workspace.dot("drivers"));
  if (folders) {
    std::erase_if(*folders, [&](const std::string& name) {
      return !model::is_connector_name(name) || !os::exists(workspace.path(model::connector_path(name)));
    });
    if (folders->size() > limits::kConnectorsMax) folders->resize(limits::kConnectorsMax);
    for (const std::string& name : *folders) paths.push_back(model::connector_path(name));
  }
  ShownLister lister(workspace, out);
  for (const Shown& shown : kShown) RTT_TRY(lister.list(shown));
  std::ranges::sort(paths);
  return out;
}

ConfigFile read_config_file(const Workspace& workspace, const std::string& path) {
  ConfigFile file{.path = path, .text = {}, .object = {}, .problems = {}};
  auto read = os::read_beneath(workspace.root, path, limits::kConfigBytesMax);
  if (!read && read.error().code == Code::kNotFound) return file;
  file.state = ConfigFile::State::kBroken;
  if (!read) {
    file.problems.push_back(model::problem_from(read.error(), path));
    file.problems.back().file = path;
    return file;
  }
  file.text = std::move(read->content);
  auto object = object_in(file.text, path);
  file.problems = problems_in(file.text, path);
  if (!object) {
    if (std::ranges::none_of(file.problems, is_error)) {
      file.problems.push_back(model::problem_from(object.error(), path));
    }
    return file;
  }
  if (!path.starts_with(".rtt/") && std::ranges::any_of(file.problems, is_error)) return file;
  // A byte of a text is six at most in canonical form, and what YAML may add to a file is limited.
  if (file.text.size() > limits::kManifestBytesMax / 8) {
    if (const std::size_t bytes = text::canonical_json(*object).size(); bytes > limits::kManifestBytesMax) {
      file.problems.push_back({.severity = model::Severity::kError,
                               .file = path,
                               .code = Code::kTooLarge,
                               .message = fmt::format("{} bytes as it is signed; {} are the most", bytes,
                                                      limits::kManifestBytesMax),
                               .hint = "a quote, a backslash or a line break is two there"});
      return file;
    }
  }
  file.state = ConfigFile::State::kUsable;
  file.object =
      object->is_null() ? Json(text::JsonObject{}) : std::move(*object);  // an empty YAML file is null
  return file;
}

Result<JudgedConfig> judge_config(const Workspace& workspace, const Evidence& evidence,
                                  const std::string& path, model::Strictness strictness) {
  JudgedConfig judged{.file = read_config_file(workspace, path), .entry = {}, .judgement = {}};
  if (judged.file.state == ConfigFile::State::kAbsent) {
    judged.entry = {.path = path,
                    .standing = Standing::kSigned,
                    .signed_by = {},
                    .hash = {},
                    .object = text::JsonObject{},
                    .text = {}};
    judged.judgement.standing = Standing::kSigned;
    judged.judgement.carried = Judgement::Carried::kYes;
    return judged;
  }
  const SigList beside = read_sig_list(workspace.root, path);
  if (beside.problem) judged.file.problems.push_back(*beside.problem);
  const bool usable = judged.file.state == ConfigFile::State::kUsable;
  Case matter{.id = path,
              .file = path,
              .kind = crypto::SignKind::kConfig,
              .hash = usable ? object_hash(judged.file.object) : Digest{},
              .inline_records = {},
              .beside = beside.find(path)};
  // A file that cannot be read has no version to allow; only its last signed one can be in force.
  if (usable && strictness == model::Strictness::kRelaxed) matter.leniency = Case::Leniency::kUnsigned;
  judged.judgement = judge(evidence, matter);
  judged.entry = entry_in_force(judged.file, judged.judgement);
  RTT_TRY(must_be_sound(judged.entry));
  return judged;
}

Result<JudgedConfig> judge_panel(const Workspace& workspace, const Evidence& evidence) {
  return judge_config(workspace, evidence, std::string(kPanelPath), model::Strictness::kStrict);
}

model::PanelConfig panel_of(const ConfigEntry& entry) {
  if (entry.text.empty()) return {};
  return model::read_panel_yaml(entry.text, entry.path);
}

Result<model::PanelConfig> panel_in_force(const Workspace& workspace) {
  RTT_TRY_SET(Evidence evidence, gather_keys(workspace, {}));
  RTT_TRY_SET(JudgedConfig panel, judge_panel(workspace, evidence));
  if (panel.judgement.carried != Judgement::Carried::kYes) {
    RTT_TRY_SET(evidence, gather_evidence(workspace, {}));
    RTT_TRY_SET(panel, judge_panel(workspace, evidence));
  }
  return panel_of(panel.entry);
}

}  // namespace rtt::registry
