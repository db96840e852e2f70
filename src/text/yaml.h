// SPDX-License-Identifier: Apache-2.0
// YAML (1.2 core schema) read into Json: configuration files and Markdown front matter only.
//
// Never anything large or remote. Anchors and aliases are expanded within a node budget; tags, directives,
// merge keys, duplicate keys, non-string keys, several documents and depth over kDepthMax are refused. Plain
// scalars true/false/null/numbers become those kinds. A number written 0600 is refused: YAML 1.1 and 1.2 read
// it differently. An empty text is null.
//
// Thread: any.   Units: as in json.h.
// Fails: kYamlSyntax, kJsonEncoding, kJsonNumber and kTooLarge, with NAME:line:column.
// Limits: 1 MiB, 10,000 nodes after alias expansion, as many bytes of aliased text as the text may have.
#pragma once

#include "text/json.h"

namespace rtt::text {

Result<Json> parse_yaml(std::string_view text, ParseOptions options = {});
// Where the value at `pointer` begins in the YAML `text`.
std::optional<Position> locate_yaml(std::string_view text, std::string_view pointer,
                                    Part part = Part::kValue);

}  // namespace rtt::text
