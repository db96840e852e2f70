// SPDX-License-Identifier: Apache-2.0
// Goal: however the bytes are cut, the same lines come out, and a line over the limit costs only itself.
#include "mcp/wire/line_stream.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace rtt::mcp {
namespace {

struct Got {
  std::vector<std::string> lines;
  std::vector<std::size_t> overlong;
  friend bool operator==(const Got&, const Got&) = default;
};

void take(LineStream& stream, Got& got) {
  while (const auto item = stream.next()) {
    if (item->overlong_bytes > 0) {
      got.overlong.push_back(item->overlong_bytes);
    } else {
      got.lines.emplace_back(item->line);
    }
  }
}

Got run(std::string_view bytes, std::size_t limit, std::mt19937& random, std::size_t piece_max) {
  LineStream stream(limit);
  Got got;
  while (!bytes.empty()) {
    const MutableBytes room = stream.room();
    const std::size_t size = std::min({bytes.size(), room.size(), 1 + random() % piece_max});
    std::memcpy(room.data(), bytes.data(), size);
    stream.commit(size);
    bytes.remove_prefix(size);
    if (random() % 3 != 0) take(stream, got);
  }
  take(stream, got);
  return got;
}

TEST(LineStream, any_cut_gives_the_same_lines) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    std::string bytes;
    Got expected;
    for (int i = 0; i < 20; ++i) {
      const std::string line(random() % 4 == 0 ? random() % 300'000 : random() % 200,
                             static_cast<char>('a' + i));
      bytes += line + (random() % 2 ? "\n" : "\r\n");
      const bool has_return = bytes.ends_with("\r\n");
      const std::size_t size = line.size() + (has_return ? 1 : 0);
      if (size > 100'000) {
        expected.overlong.push_back(size);
      } else if (!line.empty()) {
        expected.lines.push_back(line);
      }
    }
    EXPECT_EQ(run(bytes, 100'000, random, 1 + random() % 100'000), expected);
  }
}

TEST(LineStream, an_overlong_line_keeps_its_ends_and_not_its_middle) {
  LineStream stream(1000);
  std::mt19937 random(1);
  const std::string line = R"({"result":")" + std::string(5'000'000, 'x') + R"(","jsonrpc":"2.0","id":77})";
  std::size_t done = 0;
  while (done < line.size() + 1) {
    const MutableBytes room = stream.room();
    const std::string all = line.substr(done, room.size()) + (done + room.size() > line.size() ? "\n" : "");
    const std::size_t size = std::min(all.size(), room.size());
    std::memcpy(room.data(), all.data(), size);
    stream.commit(size);
    done += size;
    if (done < line.size()) {
      EXPECT_FALSE(stream.next());
    }
    EXPECT_LE(stream.buffered(), std::size_t{300} * 1024);
  }
  const auto item = stream.next();
  ASSERT_TRUE(item);
  EXPECT_EQ(item->overlong_bytes, line.size());
  EXPECT_TRUE(item->head.starts_with(R"({"result":"xxx)"));
  EXPECT_EQ(id_from_ends(item->head, item->tail), "77");
}

TEST(LineStream, what_follows_the_last_newline_is_the_rest) {
  LineStream stream(100);
  const std::string bytes = "a\nb";
  std::memcpy(stream.room().data(), bytes.data(), bytes.size());
  stream.commit(bytes.size());
  EXPECT_EQ(stream.next()->line, "a");
  EXPECT_FALSE(stream.next());
  EXPECT_EQ(stream.rest()->line, "b");
  EXPECT_FALSE(stream.rest());
}

TEST(IdFromEnds, reads_the_places_an_id_stands) {
  EXPECT_EQ(id_from_ends(R"({"jsonrpc":"2.0","id":5,"result":{"a)", "xxx}}"), "5");
  EXPECT_EQ(id_from_ends(R"({"jsonrpc": "2.0", "id": 6, "result": {"a)", "xxx}}"), "6");
  EXPECT_EQ(id_from_ends(R"({"result":{)", R"(x"},"id":8,"jsonrpc":"2.0"})"), "8");
  EXPECT_EQ(id_from_ends(R"({"result":{)", R"(x"}, "id": 9})"), "9");
  EXPECT_EQ(id_from_ends(R"({"result":{)", R"("a","id":9}})"), std::nullopt);  // some inner id
  EXPECT_EQ(id_from_ends(R"({"result":{)", R"(\"id\":9})"), std::nullopt);
  EXPECT_EQ(id_from_ends(R"({"jsonrpc":"2.0","id":"a,b","method":"x)", "xxx"), "\"a,b\"");
  EXPECT_EQ(id_from_ends(R"({"method":"x","params":{)", R"(x"},"jsonrpc":"2.0","id":"u-1"})"), "\"u-1\"");
  EXPECT_EQ(id_from_ends(R"({"id":"a\"b","method":)", ""), std::nullopt);  // not worth decoding
  EXPECT_EQ(id_from_ends("", ""), std::nullopt);
}

}  // namespace
}  // namespace rtt::mcp
