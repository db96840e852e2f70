// SPDX-License-Identifier: Apache-2.0
// LineReader: the same lines however the stream is cut, and never more memory than promised.
#include "text/ndjson.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace rtt::text {
namespace {

struct Seen {
  std::vector<std::string> lines;  // "!N" = a line of N bytes was dropped
  std::string rest;
  friend bool operator==(const Seen&, const Seen&) = default;
};

void drain(LineReader& reader, Seen& seen) {
  while (const auto item = reader.next()) {
    seen.lines.push_back(item->kind == LineReader::Kind::kLine ? std::string(item->line)
                                                               : "!" + std::to_string(item->dropped_bytes));
  }
}

Seen read(std::string_view stream, std::size_t limit, const std::vector<std::size_t>& cuts) {
  LineReader reader(limit);
  Seen seen;
  std::size_t at = 0;
  for (const std::size_t cut : cuts) {
    reader.feed(stream.substr(at, cut - at));
    at = cut;
    drain(reader, seen);
  }
  reader.feed(stream.substr(at));
  drain(reader, seen);
  seen.rest = reader.rest();
  return seen;
}

TEST(LineReader, splits_at_newlines_and_takes_off_a_carriage_return) {
  EXPECT_EQ(read("a\n\nb\r\n\r\nc\rd\n", 10, {}), (Seen{{"a", "", "b", "", "c\rd"}, ""}));
  EXPECT_EQ(read("a\nb", 10, {}), (Seen{{"a"}, "b"}));
  EXPECT_EQ(read("", 10, {}), (Seen{{}, ""}));
  EXPECT_EQ(read(std::string("a\0b\n", 4), 10, {}), (Seen{{std::string("a\0b", 3)}, ""}));
}

TEST(LineReader, a_line_over_the_limit_costs_one_error) {
  EXPECT_EQ(read("12345\n123456\n1\n", 5, {}), (Seen{{"12345", "!6", "1"}, ""}));
  EXPECT_EQ(read("12345\r\n123456\r\n", 5, {}).lines.front(), "12345");
  EXPECT_EQ(read("12345\r\nx\n", 5, {6}), (Seen{{"12345", "x"}, ""}));
  EXPECT_EQ(read(std::string(1000, 'x') + "\nok\n", 5, {3, 100, 999}), (Seen{{"!1000", "ok"}, ""}));
  EXPECT_EQ(read(std::string(1000, 'x'), 5, {500}), (Seen{{}, ""}));
}

TEST(LineReader, the_lines_do_not_depend_on_how_the_stream_is_cut) {
  for (std::uint32_t seed = 0; seed < 2000; ++seed) {
    std::mt19937 random(seed);
    std::string stream;
    for (std::size_t i = random() % 60; i > 0; --i) stream += "xy\r\n\n"[random() % 5];
    std::vector<std::size_t> cuts;
    for (std::size_t i = 0; i <= stream.size(); ++i) {
      if (random() % 3 == 0) cuts.push_back(i);
    }
    const Seen whole = read(stream, 4, {});
    const Seen parts = read(stream, 4, cuts);
    ASSERT_EQ(whole.lines.size(), parts.lines.size()) << "seed " << seed;
    for (std::size_t i = 0; i < whole.lines.size(); ++i) {
      const bool dropped = whole.lines[i].starts_with('!');  // whether a \r was counted may differ
      ASSERT_EQ(dropped, parts.lines[i].starts_with('!')) << "seed " << seed;
      if (dropped) continue;
      ASSERT_EQ(whole.lines[i], parts.lines[i]) << "seed " << seed;
    }
  }
}

TEST(LineReader, a_gigabyte_without_newline_is_not_kept) {
  LineReader reader(1 << 16);
  const std::string chunk(1 << 20, 'x');
  for (int i = 0; i < 1024; ++i) {
    reader.feed(chunk);
    ASSERT_FALSE(reader.next().has_value());
    ASSERT_TRUE(reader.rest().empty());
  }
  reader.feed("\nnext\n");
  EXPECT_EQ(reader.next()->dropped_bytes, std::size_t{1} << 30);
  EXPECT_EQ(reader.next()->line, "next");
}

}  // namespace
}  // namespace rtt::text
