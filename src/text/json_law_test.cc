// SPDX-License-Identifier: Apache-2.0
// The laws signing rests on, over random values: one value has one canonical text whatever the spelling it
// was read from, that text reads back as the value, and two values never share it. Failures print the seed.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "text/json_canonical.h"
#include "text/json_token.h"
#include "text/utf8.h"
#include "text/yaml.h"

namespace rtt::text {
namespace {

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return random_() % bound; }

  std::string text() {
    // Edges of the UTF-8 lengths, of the surrogate gap, and of what must be escaped.
    constexpr char32_t kEdges[] = {0,        1,     0x1F,   0x20,   '"',    '\\',   '/',    0x7F,    0x80,
                                   0x7FF,    0x800, 0xD7FF, 0xE000, 0xFB33, 0xFFFD, 0xFFFF, 0x10000, 0x1F600,
                                   0x10FFFF, 'a',   'b',    'c',    '\n',   '\b',   0x20AC};
    std::string out;
    for (std::size_t i = below(6); i > 0; --i) append_utf8(out, kEdges[below(std::size(kEdges))]);
    return out;
  }
  double real() {
    for (;;) {
      const auto value = std::bit_cast<double>(std::uint64_t{random_()} << 32 | random_());
      const double size = std::fabs(value);
      if (std::isfinite(value) && (size <= static_cast<double>(kJsonIntMax) || size >= 1e21)) return value;
    }
  }
  Json value(int depth) {
    switch (below(depth > 0 ? 8 : 6)) {
      case 0:
        return Json();
      case 1:
        return below(2) == 0;
      case 2:
        return static_cast<std::int64_t>(below(7)) - 3;
      case 3:
        return std::uniform_int_distribution<std::int64_t>(-kJsonIntMax, kJsonIntMax)(random_);
      case 4:
        return real();
      case 5:
        return text();
      case 6: {
        JsonArray items;
        for (std::size_t i = below(5); i > 0; --i) items.push_back(value(depth - 1));
        return items;
      }
      default: {
        JsonObject members;
        for (std::size_t i = below(6); i > 0; --i) members.set(text(), value(depth - 1));
        return members;
      }
    }
  }

  // Three values in a list, so that most draws are trees.
  Json tree() { return Json::array({value(4), value(4), value(4)}); }

  // The same value spelt some other way: members in any order, white space, escapes, 1 as 1.0 or 10e-1.
  std::string respell(const Json& json) {
    const std::string core = [&]() -> std::string {
      if (json.is_int()) return respell_integer(json.as_int());
      if (json.is_string()) return respell_string(json.as_string());
      if (json.is_array()) return respell_array(json.as_array());
      if (json.is_object()) return respell_object(json.as_object());
      return to_json(json);
    }();
    return space() + core + space();
  }

 private:
  std::string space() {
    std::string out;
    while (below(4) == 0) out += " \t\r\n"[below(4)];
    return out;
  }
  std::string respell_integer(std::int64_t value) {
    const std::string digits = std::to_string(value);
    switch (below(5)) {
      case 0:
        return digits + ".0";
      case 1:
        return digits + "e0";
      case 2:
        return value == 0 ? "0.00" : digits + "0E-1";
      case 3:
        return value == 0 ? "-0" : digits;
      default:
        return digits;
    }
  }
  std::string respell_string(std::string_view value) {
    std::string out = "\"";
    for (std::size_t at = 0; at < value.size();) {
      const Utf8Char character = decode_utf8(value, at);
      const bool must_escape = character.value < 0x20 || character.value == '"' || character.value == '\\';
      if (must_escape || below(3) == 0) {
        append_units(out, character.value);
      } else {
        out += value.substr(at, character.length);
      }
      at += character.length;
    }
    return out + '"';
  }
  void append_units(std::string& out, char32_t value) {
    if (value >= 0x10000) {
      append_unit(out, 0xD800 + ((value - 0x10000) >> 10));
      append_unit(out, 0xDC00 + ((value - 0x10000) & 0x3FF));
    } else {
      append_unit(out, value);
    }
  }
  void append_unit(std::string& out, char32_t unit) {
    char buffer[8];
    const char* format = below(2) == 0 ? "\\u%04x" : "\\u%04X";
    std::snprintf(buffer, sizeof buffer, format, static_cast<unsigned>(unit));
    out += buffer;
  }
  std::string respell_array(const JsonArray& items) {
    std::string out = "[" + space();
    for (const Json& item : items) out += (&item != &items.front() ? "," : "") + respell(item);
    return out + ']';
  }
  std::string respell_object(const JsonObject& members) {
    std::vector<const JsonObject::Entry*> order;
    for (const auto& entry : members) order.push_back(&entry);
    std::shuffle(order.begin(), order.end(), random_);
    std::string out = "{" + space();
    for (const auto* entry : order) {
      if (entry != order.front()) out += "," + space();
      out += respell_string(entry->first) + space() + ":" + respell(entry->second);
    }
    return out + '}';
  }

  std::mt19937 random_;
};

constexpr std::uint32_t kSeeds = 3000;

TEST(JsonLaws, canonical_text_reads_back_and_stays) {
  for (std::uint32_t seed = 0; seed < kSeeds; ++seed) {
    const Json value = Generator(seed).tree();
    const std::string text = canonical_json(value);
    const auto back = parse_json(text);
    ASSERT_TRUE(back.has_value()) << "seed " << seed << ": " << back.error().message << "\n" << text;
    ASSERT_EQ(*back, value) << "seed " << seed << "\n" << text;
    ASSERT_EQ(canonical_json(*back), text) << "seed " << seed;
    ASSERT_EQ(*parse_json(to_json(value)), value) << "seed " << seed;
    ASSERT_EQ(*parse_json(to_pretty_json(value)), value) << "seed " << seed;
  }
}

TEST(JsonLaws, spelling_does_not_matter) {
  for (std::uint32_t seed = 0; seed < kSeeds; ++seed) {
    Generator generator(seed);
    const Json value = generator.tree();
    const std::string other = generator.respell(value);
    const auto back = parse_json(other);
    ASSERT_TRUE(back.has_value()) << "seed " << seed << ": " << back.error().message << "\n" << other;
    ASSERT_EQ(canonical_json(*back), canonical_json(value)) << "seed " << seed << "\n" << other;
  }
}

// Replaces one value anywhere in the tree by another.
Json changed(Generator& generator, const Json& json) {
  if (json.is_array() && !json.as_array().empty() && generator.below(4) != 0) {
    JsonArray items = json.as_array();
    Json& item = items[generator.below(items.size())];
    item = changed(generator, item);
    return items;
  }
  if (json.is_object() && !json.as_object().empty() && generator.below(4) != 0) {
    JsonObject members = json.as_object();
    auto at = members.begin();
    std::advance(at, generator.below(members.size()));
    at->second = changed(generator, at->second);
    return members;
  }
  for (;;) {
    Json other = generator.value(1);
    if (other != json) return other;
  }
}

TEST(JsonLaws, a_changed_value_changes_the_bytes) {
  for (std::uint32_t seed = 0; seed < kSeeds; ++seed) {
    Generator generator(seed);
    const Json value = generator.tree();
    const Json other = changed(generator, value);
    ASSERT_NE(value, other) << "seed " << seed;
    ASSERT_NE(canonical_json(value), canonical_json(other)) << "seed " << seed;
  }
}

TEST(JsonLaws, every_prefix_of_a_text_is_refused_or_a_number_and_never_crashes) {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    const std::string text = canonical_json(Generator(seed).tree());
    for (std::size_t size = 0; size < text.size(); ++size) {
      const auto prefix = parse_json(text.substr(0, size));
      ASSERT_TRUE(!prefix.has_value() || prefix->is_number()) << "seed " << seed << " size " << size;
    }
  }
}

// locate() agrees with the reader: the text at the place it names begins with the value it was asked for.
void expect_located(std::string_view text, const Json& json, const std::string& pointer) {
  const auto position = locate(text, pointer);
  ASSERT_TRUE(position.has_value()) << pointer;
  ASSERT_EQ(position->line, 1u);
  ASSERT_TRUE(text.substr(position->column - 1).starts_with(to_json(json))) << pointer << " in " << text;
  if (json.is_array()) {
    std::size_t index = 0;
    for (const Json& item : json.as_array())
      expect_located(text, item, pointer + '/' + std::to_string(index++));
  }
  if (!json.is_object()) return;
  for (const auto& [key, member] : json.as_object()) {
    expect_located(text, member, pointer + '/' + escape_pointer(key));
  }
}

TEST(JsonLaws, locate_finds_every_value) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    const Json value = Generator(seed).tree();
    expect_located(to_json(value), value, "");
  }
}

// JSON is YAML, but for characters that may not stand unescaped in a YAML text.
TEST(JsonLaws, yaml_reads_json_as_the_same_value) {
  int same = 0;
  for (std::uint32_t seed = 0; seed < kSeeds; ++seed) {
    const Json value = Generator(seed).tree();
    const std::string text = to_pretty_json(value);
    const auto back = parse_yaml(text);
    if (!back && back.error().message == "YAML text holds no control characters") continue;
    ASSERT_TRUE(back.has_value()) << "seed " << seed << ": " << back.error().message << "\n" << text;
    ASSERT_EQ(*back, value) << "seed " << seed << "\n" << text;
    ++same;
  }
  EXPECT_GT(same, 500);
}

std::u16string utf16(std::string_view text) {
  std::u16string out;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char character = decode_utf8(text, at);
    at += character.length;
    if (character.value < 0x10000) {
      out += static_cast<char16_t>(character.value);
    } else {
      out += static_cast<char16_t>(0xD800 + ((character.value - 0x10000) >> 10));
      out += static_cast<char16_t>(0xDC00 + (character.value & 0x3FF));
    }
  }
  return out;
}

TEST(JsonLaws, keys_stand_in_the_order_of_their_utf16_units) {
  Generator generator(2);
  for (int round = 0; round < 20'000; ++round) {
    const std::string a = generator.text();
    const std::string b = generator.text();
    if (a == b) continue;
    const std::string text = canonical_json(Json::object({{a, 1}, {b, 2}}));
    ASSERT_EQ(text.find(":1") < text.find(":2"), utf16(a) < utf16(b)) << text;
  }
}

// The C library prints p digits correctly rounded; the fewest that read back bound how short the number may
// be.
TEST(JsonLaws, numbers_are_as_short_as_possible_and_exact) {
  Generator generator(1);
  for (int round = 0; round < 20'000; ++round) {
    const double value = generator.real();
    std::string text;
    append_json_number(text, value);
    ASSERT_EQ(std::strtod(text.c_str(), nullptr), value) << text;
    std::size_t digits = 0;
    for (int precision = 0; precision < 17; ++precision) {
      char buffer[40];
      std::snprintf(buffer, sizeof buffer, "%.*e", precision, value);
      digits = static_cast<std::size_t>(precision) + 1;
      if (std::strtod(buffer, nullptr) == value) break;
    }
    std::string written;  // significant digits
    for (const char c : text.substr(0, text.find('e'))) {
      if (c >= '0' && c <= '9' && !(written.empty() && c == '0')) written += c;
    }
    if (text.find('.') == std::string::npos) written.erase(written.find_last_not_of('0') + 1);
    ASSERT_LE(written.size(), digits) << text;
  }
}

}  // namespace
}  // namespace rtt::text
