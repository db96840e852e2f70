// SPDX-License-Identifier: Apache-2.0
// JsonSchema: JSON values against a JSON Schema 2020-12, as MCP tools state their arguments and results.
//
// Every keyword that judges is judged, draft 7's spellings (`definitions`, `items` as a list, `dependencies`)
// included, because servers still write them; `format` and the content keywords only describe. References
// stay within the document: `#`, pointers, `$anchor`s, and `$id`s as they stand in it. What leads outside,
// `$dynamicRef`, and a pattern that RE2 cannot run in linear time are not judged: what cannot be known is no
// fault of the server. Of the published suite's cases for 2020-12 none that is valid is refused but by `$id`s
// and vocabularies of such kinds.
//
// Owns: the schema and its compiled patterns (share as const).   Thread: any.
// Fails: check(): the first fault in document order.   Limits: kSchemaStepsMax, kSchemaDepthMax.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "text/json.h"

namespace rtt::drivers {

inline constexpr std::size_t kSchemaStepsMax =
    1'000'000;                               // of one check: schemas can ask for exponential work
inline constexpr int kSchemaDepthMax = 128;  // of schemas in one another, references followed

struct SchemaFault {
  std::string pointer;  // RFC 6901, into the value
  std::string message;  // "is missing", "is not of type string", …
};

class JsonSchema {
 public:
  explicit JsonSchema(text::Json schema);
  ~JsonSchema();
  JsonSchema(const JsonSchema&) = delete;
  JsonSchema& operator=(const JsonSchema&) = delete;

  [[nodiscard]] std::optional<SchemaFault> check(const text::Json& value) const;

 private:
  friend class SchemaCheck;
  struct Patterns;
  void collect(const text::Json& schema, int depth);
  [[nodiscard]] const text::Json* resolve(std::string_view reference) const;

  text::Json root_;
  std::map<std::string, const text::Json*, std::less<>> named_;  // "#anchor" and "$id" to schemas in root_
  std::unique_ptr<Patterns> patterns_;
};

}  // namespace rtt::drivers
