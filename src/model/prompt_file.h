// SPDX-License-Identifier: Apache-2.0
// PromptFile: rules/NAME.md and commands/NAME.md, text that people write for agents
// (docs/formats/workspace.md).
//
// They are no symbols: nothing is wired to them and policy has nothing to say about them. So they are
// authored configuration, signed as the object they stand for: the members of their front matter, which may
// be left away, and `instructions`, the text below it.
//
// Thread: any (values).   Fails: problems with line:column; with an error `object` is not to be used.
// Limits: kConfigBytesMax, kPromptsMax.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/problem.h"
#include "text/json.h"

namespace rtt::model {

inline constexpr std::size_t kPromptsMax = 4096;  // in each of the two folders

struct PromptFile {
  text::Json object;
  std::vector<Problem> problems;
};

// rules/NAME.md or commands/NAME.md; README.md is for people.
[[nodiscard]] bool is_prompt_path(std::string_view path);
[[nodiscard]] std::string_view prompt_name(std::string_view path);  // NAME
// REQUIRES: is_prompt_path(file).
PromptFile read_prompt_file(std::string_view text, std::string_view file);
// The text of a file that stands for this object.
std::string prompt_text(const text::Json& object);

}  // namespace rtt::model
