// SPDX-License-Identifier: Apache-2.0
// YAML (1.2 core schema) read into Json: configuration files and Markdown front matter only, never anything large or
// remote. Anchors and aliases are expanded within a node budget; tags, merge keys, duplicate keys, non-string keys,
// several documents and depth over kDepthMax are refused. Plain scalars true/false/null/numbers become those kinds.
//
// Fails: kYamlSyntax with NAME:line:column, kTooLarge.   Limits: 1 MiB, 10,000 nodes after alias expansion.
#pragma once

#include "text/json.h"

namespace rtt::text {

Result<Json> parse_yaml(std::string_view text, ParseOptions options = {});
// Where the value at `pointer` begins in the YAML `text`.
std::optional<Position> locate_yaml(std::string_view text, std::string_view pointer, Part part = Part::kValue);

}  // namespace rtt::text
