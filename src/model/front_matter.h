// SPDX-License-Identifier: Apache-2.0
// Front matter: YAML between two lines `---` at the head of a Markdown file, and the text below it.
//
// Thread: any (pure).   Fails: kBadFrontMatter.   Limits: kManifestBytesMax.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/problem.h"
#include "text/json.h"

namespace rtt::model {

struct MarkdownPieces {
  std::string_view front, body;
};
[[nodiscard]] bool has_front_matter(std::string_view text);
Result<MarkdownPieces> cut_front_matter(std::string_view text);
// The problem of a file that is refused before any of it is read: its size or its encoding.
std::optional<Problem> unreadable_markdown(std::string_view text, std::string_view file);

// One spelling on every system: \n line ends, no blank lines around.
std::string tidy_body(std::string_view body);
// `tools: a, b` means the same as a list.
text::Json as_list(const text::Json& value);

}  // namespace rtt::model
