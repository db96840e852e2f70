// SPDX-License-Identifier: Apache-2.0
// ViewFile: views/PROVIDER.view.json, what of a workspace one provider is shown, and
// providers/providers.yaml, providers of one's own (docs/formats/overlay.md).
//
// Without a file a provider is shown everything, in no environment.
//
// Thread: any (values).   Fails: problems with line:column.   Limits: kConfigBytesMax, kProvidersMax.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/problem.h"

namespace rtt::model {

inline constexpr std::size_t kProvidersMax = 1024;
inline constexpr std::string_view kProvidersPath = "providers/providers.yaml";

struct ViewFile {
  std::string env;                // whose overlays count; empty: none
  std::vector<std::string> show;  // patterns KIND/NAME; empty: everything
  std::vector<Problem> problems;

  [[nodiscard]] bool shows(std::string_view kind, std::string_view name) const;
};
[[nodiscard]] bool is_view_path(std::string_view path);
std::string view_path(std::string_view provider);  // views/PROVIDER.view.json
ViewFile read_view_file(std::string_view text, std::string_view path);

// What is wrong with the shape of providers/providers.yaml; views/provider_file.h reads its rows.
std::vector<Problem> provider_problems(std::string_view text, std::string_view path);

}  // namespace rtt::model
