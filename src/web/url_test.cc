// SPDX-License-Identifier: Apache-2.0
#include "web/url.h"

#include <gtest/gtest.h>

namespace rtt::web {
namespace {

TEST(Url, comes_apart_and_back_together) {
  for (const char* text : {"https://h.example/", "https://h.example:8443/a/b?c=d&e", "http://127.0.0.1:80/x",
                           "https://u:p%40@h/", "https://[::1]:9/", "https://h/?q"}) {
    const auto url = parse_url(text);
    ASSERT_TRUE(url) << text;
    const auto again = parse_url(to_string(*url));
    ASSERT_TRUE(again) << text;
    EXPECT_EQ(to_string(*again), to_string(*url));
  }
  const auto url = parse_url("HTTPS://User@Host.Example?q=1#f");
  ASSERT_TRUE(url);
  EXPECT_EQ(to_string(*url), "https://User@host.example/?q=1");
  EXPECT_EQ(origin_of(*parse_url("https://h:443/a")), "https://h");
  EXPECT_EQ(origin_of(*parse_url("http://h:443/a")), "http://h:443");
}

TEST(Url, what_two_readers_could_take_apart_differently_is_refused) {
  for (const char* text :
       {"", "h.example", "ftp://h/", "https://", "https://h h/", "https://h\\@evil/", "https://a@b@c/",
        "https://h:0/", "https://h:70000/", "https://h:1x/", "https://[::1/", "https://[h]/",
        "https://[::1]x/", "https://h\n/", "https://h%2e/", "https://h/\x7f"}) {
    EXPECT_FALSE(parse_url(text)) << text;
  }
  const auto refused = parse_url("https://user:SECRET@a@b/?SECRET");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message.find("SECRET"), std::string::npos);
}

TEST(Url, loopback_is_this_machine_by_name_or_number) {
  for (const char* host : {"localhost", "127.0.0.1", "127.9.9.9", "::1"})
    EXPECT_TRUE(is_loopback(host)) << host;
  for (const char* host :
       {"127.0.0.1.example", "127.example.com", "128.0.0.1", "localhost.example", "::2", ""})
    EXPECT_FALSE(is_loopback(host)) << host;
}

TEST(Url, references_resolve_against_their_base) {
  const auto base = parse_url("https://h:8443/a/b?c");
  ASSERT_TRUE(base);
  EXPECT_EQ(to_string(*resolve(*base, "/x?y")), "https://h:8443/x?y");
  EXPECT_EQ(to_string(*resolve(*base, "//other/x")), "https://other/x");
  EXPECT_EQ(to_string(*resolve(*base, "http://o/")), "http://o/");
  EXPECT_FALSE(resolve(*base, "x"));
  EXPECT_FALSE(resolve(*base, "javascript:alert(1)"));
}

TEST(Url, every_byte_survives_encoding) {
  std::string all;
  for (int c = 1; c < 256; ++c) all.push_back(static_cast<char>(c));
  EXPECT_EQ(*percent_decoded(percent_encoded(all)), all);
  EXPECT_EQ(query_value("a=1&b=" + percent_encoded(all) + "&c", "b"), all);
  EXPECT_EQ(query_value("a=1&a=2", "a"), "");  // twice: whose is it?
  EXPECT_EQ(query_value("aa=1", "a"), "");
  for (const char* text : {"%", "%1", "%zz", "a%2"}) EXPECT_FALSE(percent_decoded(text)) << text;
}

}  // namespace
}  // namespace rtt::web
