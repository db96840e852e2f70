// SPDX-License-Identifier: Apache-2.0
// Overlay: what one file of overlays/ changes of an item that AI clients are shown (docs/formats/overlay.md).
//
//   overlays/provider/PROVIDER/FILE.patch.json   for that provider
//   overlays/env/ENV/FILE.patch.json             in that environment
//
// FILE is what it is for: NAME or NAME.agent an agent, NAME.skill, NAME.server, NAME.rules, NAME.command the
// others, `_global` all agents; a member `target` says it instead. The content is an RFC 7386 merge patch (an
// object), an RFC 6902 patch (an array), or {"target","merge"} or {"target","patch"}. The merging itself is
// views/overlay.h.
//
// Owns: its text, for places in messages.   Thread: any (values).
// Fails: problems with line:column; with an error it is not to be applied.
// Limits: kConfigBytesMax; those of text/json_patch.h.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/problem.h"
#include "text/json_patch.h"

namespace rtt::model {

inline constexpr std::size_t kOverlaysMax = 4096;  // of a workspace
inline constexpr std::string_view kGlobalTarget = "_global";
inline constexpr auto kTargetKinds =
    std::to_array<std::string_view>({"agent", "skill", "server", "rules", "command"});

struct Overlay {
  enum class Layer : std::uint8_t { kProvider, kEnv };
  std::string path;  // in the workspace
  Layer layer = Layer::kProvider;
  std::string of;                        // the provider or environment
  std::string target;                    // KIND/NAME, the name spelt as in an address, or kGlobalTarget
  text::Json merge;                      // an object; used where there is no `patch`
  std::optional<text::JsonPatch> patch;  //
  std::string text, pointer;             // of the file, and where in it the patch is
  std::vector<Problem> problems;

  // "FILE:LINE:COLUMN" of what is at `inside` of the patch.
  [[nodiscard]] std::string place(std::string_view inside) const;
};

// Whether this is a file of overlays, be it in a place where none can be.
[[nodiscard]] bool is_overlay_path(std::string_view path);
Overlay read_overlay(std::string_view text, std::string_view path);

}  // namespace rtt::model
