// SPDX-License-Identifier: Apache-2.0
// base: encodings agree with published vectors and refuse everything else; codes are sorted and complete.
#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/flat_map.h"
#include "base/hex.h"
#include "base/id.h"
#include "base/result.h"

namespace rtt {
namespace {

// RFC 3720 appendix B.4.
TEST(Crc32c, rfc3720_vectors) {
  const Bytes zeros(32, std::byte{0});
  const Bytes ones(32, std::byte{0xff});
  Bytes up(32), down(32);
  for (std::size_t i = 0; i < 32; ++i) {
    up[i] = static_cast<std::byte>(i);
    down[i] = static_cast<std::byte>(31 - i);
  }
  EXPECT_EQ(crc32c(zeros), 0x8A9136AAu);
  EXPECT_EQ(crc32c(ones), 0x62A8AB43u);
  EXPECT_EQ(crc32c(up), 0x46DD794Eu);
  EXPECT_EQ(crc32c(down), 0x113FDB5Cu);
}

TEST(Crc32c, hardware_equals_table_and_parts_equal_whole) {
  Bytes bytes(1000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 3);
  for (std::size_t n = 0; n <= bytes.size(); ++n) {
    const ByteView view(bytes.data(), n);
    ASSERT_EQ(crc32c(view), crc32c_table(view)) << n;
    ASSERT_EQ(crc32c(view), crc32c(view.subspan(n / 3), crc32c(view.first(n / 3)))) << n;
  }
}

TEST(Base64, rfc4648_vectors) {
  const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), encoded);
    const auto back = from_base64(encoded);
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(as_text(*back), plain);
  }
  for (std::string_view bad : {"Z", "Zg=", "Zg", "Zh==", "Zm9=", "Zm 9v", "====", "Zg==Zg=="}) {
    EXPECT_FALSE(from_base64(bad).has_value()) << bad;
  }
}

TEST(Digest, written_forms) {
  Digest digest;
  digest.bytes[0] = std::byte{0xab};
  const std::string text = to_string(digest);
  EXPECT_EQ(text.substr(0, 11), "sha256-ab00");
  EXPECT_EQ(parse_digest(text), digest);
  EXPECT_EQ(parse_digest("sha256:" + bare_hex(digest)), digest);
  EXPECT_FALSE(parse_digest("sha256-AB" + text.substr(9)).has_value());
  EXPECT_FALSE(parse_digest(text.substr(1)).has_value());
}

TEST(Codes, sorted_unique_and_explained) {
  Code last{};
  for (const CodeInfo& info : all_codes()) {
    EXPECT_LT(last, info.code);
    EXPECT_FALSE(info.title.empty());
    EXPECT_TRUE(info.explain.ends_with('.')) << info.title;
    last = info.code;
  }
  EXPECT_EQ(code_name(Code::kDenied), "RTT0412");
  EXPECT_EQ(exit_status(Code::kDenied), Exit::kRefused);
}

TEST(FlatMap, iterates_in_key_order_whatever_the_insertion_order) {
  FlatMap<std::string, int> map;
  for (const char* key : {"m", "a", "z", "b", "a"}) map[key]++;
  std::string keys;
  for (const auto& [key, count] : map) keys += key;
  EXPECT_EQ(keys, "abmz");
  EXPECT_EQ(*map.find("a"), 2);
  EXPECT_TRUE(map.erase("a"));
  EXPECT_FALSE(map.contains("a"));
}

Result<int> half(int x) {
  if (x % 2 != 0) return fail(Code::kBadArgument, "odd");
  return x / 2;
}
Result<int> quarter(int x) {
  RTT_TRY_SET(const int first, half(x));
  RTT_TRY_SET(const int second, half(first));
  return second;
}

TEST(Result, try_passes_errors_up_with_context) {
  EXPECT_EQ(quarter(8), 2);
  const auto bad = quarter(6);
  ASSERT_FALSE(bad.has_value());
  Error error = Error(bad.error()).in("quartering 6");
  EXPECT_EQ(error.message, "quartering 6");
  EXPECT_EQ(error.causes, std::vector<std::string>{"odd"});
}

}  // namespace
}  // namespace rtt
