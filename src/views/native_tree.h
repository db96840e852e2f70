// SPDX-License-Identifier: Apache-2.0
// NativeTree: what lies in a project's folder of the files that AI clients read, before anybody decodes it.
//
// One walk serves all clients, and enters only folders in which one of them reads something. No link is
// followed and nothing but plain files is opened: a link, FIFO, socket or device where a client's file could
// be is told, as is what cannot be read or lies too deep, and the rest goes on; a skill is whole or none of
// it counts. Of a project that RTT shows views in, the files it placed itself are no sources: `skip` names
// them.
//
// Owns: the bytes.   Thread: one.   Fails: kNotFound, kIo (the folder itself), kLimit.
// Limits: kNativeFilesMax files, kNativeBytesMax, kTreeDepthMax; os::walk's; kDecodeProblemsMax problems.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "views/decode.h"

namespace rtt::views {

inline constexpr std::size_t kNativeFilesMax = 100'000;
inline constexpr std::size_t kNativeBytesMax = std::size_t{256} << 20;

struct NativeTree {
  std::vector<TreeFile> files;  // sorted by path
  std::vector<DecodeProblem> problems;
  std::vector<std::string> folders;  // that may hold something; `.git` among them is not entered

  // Nothing in a skill's folder, which ends with a slash, was refused.
  [[nodiscard]] bool read_whole(std::string_view skill_folder) const;
  // The same of a skill that was read from these files.
  [[nodiscard]] bool read_whole(const Item& item, std::span<const std::string> from) const;
  // And its folder holds nothing else: no empty folder, no repository of its own.
  [[nodiscard]] bool is_all_there_is(const Item& item, std::span<const std::string> from) const;
};
struct NativeTreeOptions {
  std::string below{};  // only what is there; empty: everything
  std::function<bool(const std::string& path)> skip{};
};
Result<NativeTree> read_native_tree(const std::string& root, std::span<const Provider> providers,
                                    const NativeTreeOptions& options = {});

}  // namespace rtt::views
