// SPDX-License-Identifier: Apache-2.0
// ConfigFiles: the authored configuration of a workspace, each file judged and read.
//
// An absent file is `{}` and needs no signature: it grants nothing. panel.yaml decides how strict everything
// else is, so it is judged strictly itself whatever it says; the others may be unsigned only when it turns
// strict mode off.
//
// What AI clients are shown (rules/, commands/, overlays/, views/, providers/) is authored configuration too.
// A file of it with an error does not count, and what else there is goes on; in `.rtt` everything stops.
//
// Thread: one.   Fails: kBadConfig with the place, when what is in force cannot be read without error;
// kLimit. Limits: kConnectorsMax connectors; those beyond, in the order of their names, do not count.
// kOverlaysMax, kPromptsMax and kProvidersMax files shown; one more is an error, since an overlay left out
// may be what keeps something from being shown.
#pragma once

#include <string>
#include <vector>

#include "registry/judge.h"

namespace rtt::registry {

// A configuration file as it stands on disk.
struct ConfigFile {
  std::string path;
  enum class State : std::uint8_t { kAbsent, kUsable, kBroken } state = State::kAbsent;
  std::string text;
  text::Json object;                     // kUsable
  std::vector<model::Problem> problems;  // of reading it as what it is
};
struct ConfigPaths {
  std::vector<std::string> paths;        // sorted
  std::vector<model::Problem> problems;  // links, names that are no text, folders that cannot be read
};
// The five files of every workspace, the driver.json of each connector folder it has (a folder whose name no
// connector can have is left out), and the files shown.
Result<ConfigPaths> config_paths(const Workspace& workspace);
ConfigFile read_config_file(const Workspace& workspace, const std::string& path);

struct JudgedConfig {
  ConfigFile file;
  ConfigEntry entry;
  Judgement judgement;
};
Result<JudgedConfig> judge_config(const Workspace& workspace, const Evidence& evidence,
                                  const std::string& path, model::Strictness strictness);
Result<JudgedConfig> judge_panel(const Workspace& workspace, const Evidence& evidence);
model::PanelConfig panel_of(const ConfigEntry& entry);
// panel.yaml as it is in force, without the rest of a snapshot.
Result<model::PanelConfig> panel_in_force(const Workspace& workspace);

}  // namespace rtt::registry
