// SPDX-License-Identifier: Apache-2.0
// Json: the strict JSON value behind everything RTT hashes, signs, stores or answers.
//
// Parsers that disagree about one text let a signature cover one meaning and a program act on another, so
// this reader has exactly one: RFC 8259 with every latitude closed. Refused: duplicate keys, a BOM, invalid
// UTF-8, lone surrogates, depth over kDepthMax, a number that overflows a double, trailing bytes, and an
// integer beyond ±(2^53−1) however spelt (1e16 too: its one canonical spelling, 10000000000000000, is a
// literal that would be refused when read back). −0 reads as 0, and so does a number too small for a double.
// A number with an integral value within ±(2^53−1) is always held as an integer, so 1, 1.0 and 1e0 are one
// value. Objects are sorted by key bytes; the canonical writer (json_canonical.h) orders as RFC 8785 asks.
//
// Owns: its tree.   Thread: a value; share only as const.
// Units: positions are 1-based, columns count bytes.
// Fails: kJsonSyntax, kJsonDuplicateKey, kJsonDepth, kJsonNumber, kJsonEncoding, each with line:column;
// kTooLarge names the source as a whole. No message repeats a value of the text (it may be a secret).
// Limits: kDepthMax levels; ParseOptions::bytes_max bytes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/flat_map.h"
#include "base/result.h"

namespace rtt::text {

class Json;
using JsonArray = std::vector<Json>;
using JsonObject = FlatMap<std::string, Json>;

inline constexpr std::int64_t kJsonIntMax = (std::int64_t{1} << 53) - 1;

enum class JsonKind : std::uint8_t { kNull, kBool, kInt, kDouble, kString, kArray, kObject };

class Json {
 public:
  Json() = default;
  Json(std::nullptr_t) {}  // NOLINT(google-explicit-constructor)
  template <typename B>
    requires std::is_same_v<B, bool>
  Json(B value) : value_(value) {}  // NOLINT(google-explicit-constructor)
  // Beyond ±(2^53−1) an integer becomes its decimal string: no JSON number holds it for every reader.
  template <typename I>
    requires(std::is_integral_v<I> && !std::is_same_v<I, bool>)
  Json(I value) {  // NOLINT(google-explicit-constructor)
    if (std::cmp_less_equal(value, kJsonIntMax) && std::cmp_greater_equal(value, -kJsonIntMax)) {
      value_ = static_cast<std::int64_t>(value);
    } else {
      value_ = std::to_string(value);
    }
  }
  // REQUIRES: finite. An integral value within ±(2^53−1) becomes an integer.
  Json(double value);                                           // NOLINT(google-explicit-constructor)
  Json(std::string value) : value_(std::move(value)) {}         // NOLINT(google-explicit-constructor)
  Json(std::string_view value) : value_(std::string(value)) {}  // NOLINT(google-explicit-constructor)
  Json(const char* value) : value_(std::string(value)) {}       // NOLINT(google-explicit-constructor)
  Json(JsonArray value);                                        // NOLINT(google-explicit-constructor)
  Json(JsonObject value);                                       // NOLINT(google-explicit-constructor)
  struct Member;
  static Json object(std::initializer_list<Member> members);
  static Json array(std::initializer_list<Json> items);

  [[nodiscard]] JsonKind kind() const { return static_cast<JsonKind>(value_.index()); }
  [[nodiscard]] bool is_null() const { return kind() == JsonKind::kNull; }
  [[nodiscard]] bool is_bool() const { return kind() == JsonKind::kBool; }
  [[nodiscard]] bool is_int() const { return kind() == JsonKind::kInt; }
  [[nodiscard]] bool is_number() const { return kind() == JsonKind::kInt || kind() == JsonKind::kDouble; }
  [[nodiscard]] bool is_string() const { return kind() == JsonKind::kString; }
  [[nodiscard]] bool is_array() const { return kind() == JsonKind::kArray; }
  [[nodiscard]] bool is_object() const { return kind() == JsonKind::kObject; }

  // REQUIRES: the kind named.
  [[nodiscard]] bool as_bool() const;
  [[nodiscard]] std::int64_t as_int() const;
  [[nodiscard]] double as_double() const;  // kInt or kDouble
  [[nodiscard]] const std::string& as_string() const;
  [[nodiscard]] const JsonArray& as_array() const;
  [[nodiscard]] JsonArray& as_array();
  [[nodiscard]] const JsonObject& as_object() const;
  [[nodiscard]] JsonObject& as_object();

  // Member of an object, or nullptr (also when this is no object).
  [[nodiscard]] const Json* find(std::string_view key) const;
  // Same, with a default for the wrong kind or absence.
  [[nodiscard]] std::string_view string_or(std::string_view key, std::string_view otherwise = {}) const;
  [[nodiscard]] std::int64_t int_or(std::string_view key, std::int64_t otherwise) const;
  [[nodiscard]] bool bool_or(std::string_view key, bool otherwise) const;
  // Makes this an object if it is null, then inserts or replaces; returns this value.
  // REQUIRES: null or object.
  Json& set(std::string_view key, Json value);
  // Makes this an array if it is null, then appends. REQUIRES: null or array.
  void push(Json value);

  friend bool operator==(const Json&, const Json&) = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, JsonArray, JsonObject> value_;
};

struct Json::Member {
  std::string_view key;
  mutable Json value;  // moved out of the list, which is made for one call
};

inline constexpr int kDepthMax = 64;
inline constexpr std::size_t kJsonBytesMax = std::size_t{1} << 20;

struct ParseOptions {
  std::string_view source_name = {};  // goes into Error::where as NAME:line:column
  std::size_t bytes_max = kJsonBytesMax;
};

Result<Json> parse_json(std::string_view text, ParseOptions options = {});

// Compact, keys in stored order, RFC 8785 number and string forms. For answers and messages, not for hashing.
std::string to_json(const Json& value);
// Two-space indent, trailing newline: the form written to files people read and review.
std::string to_pretty_json(const Json& value);

struct Position {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
};
// Where the value at `pointer` (RFC 6901) begins in `text`; with `Part::kKey`, where its key begins. Nothing
// if the text does not parse that far. Costs a second pass, so errors pay for it and good input does not.
enum class Part : std::uint8_t { kValue, kKey };
std::optional<Position> locate(std::string_view text, std::string_view pointer, Part part = Part::kValue);
std::string escape_pointer(std::string_view key);  // ~ and / as RFC 6901 asks

}  // namespace rtt::text
