// SPDX-License-Identifier: Apache-2.0
// Which mechanism shows a workspace's views: decided from what is wished, how much is shown, and what cannot
// be had here.
//
// All mechanisms show the same trees, and a flip is one rename with each of them; they differ in what it
// costs. Links into folders of real files need nothing that runs and outlive a reboot, but each file is made.
// A FUSE mount makes no files, so it is worth its process from kFilesForFuse on. What cannot be had falls
// back to links and, where there are no links, to copies, which can always be had.
//
// Thread: any (pure).   Fails: never.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "model/config.h"

namespace rtt::views {

using model::Mechanism;
using model::to_string;

inline constexpr std::size_t kFilesForFuse = 2'000;

// Of each mechanism, why it cannot be had here; nothing where it can.
using Refusals = std::array<std::optional<std::string>, model::kMechanisms>;
inline std::optional<std::string>& refusal(Refusals& refusals, Mechanism mechanism) {
  return refusals[static_cast<std::size_t>(mechanism)];
}

struct Choice {
  Mechanism mechanism = Mechanism::kLinks;
  std::string why;
  friend bool operator==(const Choice&, const Choice&) = default;
};
// `files`: of all that is shown together.
Choice choose(std::optional<Mechanism> wish, std::size_t files, const Refusals& refusals);

}  // namespace rtt::views
