// SPDX-License-Identifier: Apache-2.0
// Goal: nobody but who may comes through the gate, and who is turned away is told why.
// Method: heads of requests, one thing wrong at a time.
#include "mcp/clients/http_gate.h"

#include <gtest/gtest.h>

#include "crypto/sha256.h"
#include "mcp/clients/serve_http.h"

namespace rtt::mcp {
namespace {

int status(const std::string& request, const HttpPolicy& policy) {
  drivers::HttpRequestReader reader(1000);
  reader.feed(request);
  const auto progress = reader.read();
  if (!progress) return refusal_of(progress.error()).status;
  EXPECT_EQ(*progress, drivers::HttpRequestReader::Progress::kHead);
  const auto verdict = judge(reader, policy);
  const auto* const refusal = std::get_if<HttpRefusal>(&verdict);
  EXPECT_TRUE(refusal == nullptr || !refusal->message.empty());
  return refusal ? refusal->status : 0;
}

std::string post(const std::string& more = "", const std::string& host = "localhost") {
  return "POST /mcp HTTP/1.1\r\nHost: " + host +
         "\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n" + more +
         "\r\n";
}

TEST(HttpGate, a_name_that_could_be_rebound_is_no_host) {
  const HttpPolicy here{.address = "127.0.0.1"};
  const HttpPolicy beyond{.address = "0.0.0.0", .reach = HttpPolicy::Reach::kBeyond};
  for (const char* host : {"localhost", "LocalHost:1", "127.0.0.1:99", "127.9.9.9", "[::1]", "[::1]:5"}) {
    EXPECT_EQ(status(post("", host), here), 0) << host;
    EXPECT_EQ(status(post("", host), beyond), 0) << host;
  }
  for (const char* host :
       {"", "a", "localhost.a", "127.0.0.1.a", "127.a", "[::1", "[::1].a", "localhost:a", ":80"}) {
    EXPECT_EQ(status(post("", host), here), 403) << host;
    EXPECT_EQ(status(post("", host), beyond), 403) << host;
  }
  for (const char* host : {"10.0.0.1", "[fe80::1]:80"}) {
    EXPECT_EQ(status(post("", host), here), 403) << host;
    EXPECT_EQ(status(post("", host), beyond), 0) << host;
  }
  EXPECT_EQ(status(post("", "192.0.2.1:5"), {.address = "192.0.2.1"}), 0);
}

TEST(HttpGate, the_token_is_compared_whole) {
  const HttpPolicy policy{.address = "127.0.0.1", .token = crypto::sha256(std::string_view("secret-token"))};
  EXPECT_EQ(status(post("Authorization: Bearer secret-token\r\n"), policy), 0);
  EXPECT_EQ(status(post("Authorization: bearer   secret-token\r\n"), policy), 0);
  for (const char* value :
       {"", "Bearer", "Bearer ", "Bearer secret-toke", "Bearer secret-token2", "secret-token",
        "Basic secret-token", "Bearersecret-token", "Bearer Secret-token"}) {
    EXPECT_EQ(status(post("Authorization: " + std::string(value) + "\r\n"), policy), 401) << value;
  }
  EXPECT_EQ(status(post(), policy), 401);
  // Who is no page of this machine learns nothing of tokens.
  EXPECT_EQ(status(post("Origin: http://evil.example\r\n"), policy), 403);
}

TEST(HttpGate, ranges_of_accept) {
  const HttpPolicy policy{.address = "127.0.0.1"};
  const auto takes = [&](const std::string& accept) -> std::optional<HttpAsk::Takes> {
    drivers::HttpRequestReader reader(1000);
    reader.feed("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + accept +
                "\r\n");
    EXPECT_TRUE(reader.read());
    const auto verdict = judge(reader, policy);
    const auto* const ask = std::get_if<HttpAsk>(&verdict);
    return ask ? std::optional(ask->takes) : std::nullopt;
  };
  using Takes = HttpAsk::Takes;
  EXPECT_EQ(takes(""), Takes::kJson);
  EXPECT_EQ(takes("Accept: */*\r\n"), Takes::kBoth);
  EXPECT_EQ(takes("Accept: application/*\r\n"), Takes::kJson);
  EXPECT_EQ(takes("Accept: Text/Event-Stream;q=0.5 , APPLICATION/json\r\n"), Takes::kBoth);
  EXPECT_EQ(takes("Accept: text/event-stream\r\n"), Takes::kEvents);
  EXPECT_EQ(takes("Accept: text/html, application/jsonx\r\n"), std::nullopt);
}

TEST(HttpGate, addresses_to_listen_at) {
  const auto at = [](std::string_view text) -> std::string {
    const auto address = parse_listen_address(text);
    return address ? address->host + " " + std::to_string(address->port) : code_name(address.error().code);
  };
  EXPECT_EQ(at("8765"), "127.0.0.1 8765");
  EXPECT_EQ(at("localhost:0"), "127.0.0.1 0");
  EXPECT_EQ(at("[::1]:65535"), "::1 65535");
  const std::string bad = code_name(Code::kBadArgument);
  for (const char* text :
       {"", ":", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:80", "1:2:3", "a:-1", "a: 1"})
    EXPECT_EQ(at(text), bad) << text;
}

TEST(HttpGate, an_origin_is_kept_as_browsers_send_it_and_what_is_none_is_refused) {
  EXPECT_EQ(read_origin("https://App.Example").value_or("-"), "https://app.example");
  EXPECT_EQ(read_origin("https://app.example:443").value_or("-"), "https://app.example");
  EXPECT_EQ(read_origin("http://10.0.0.2:3000").value_or("-"), "http://10.0.0.2:3000");
  EXPECT_EQ(read_origin("http://[::1]:80").value_or("-"), "http://[::1]");
  EXPECT_EQ(read_origin("moz-extension://0b1c").value_or("-"), "moz-extension://0b1c");
  for (const char* text : {"foo", "", "*", "null", "https://", "://a", "https://a/", "https://a/b",
                           "https://u@a", "https://a:0", "https://a:x", "https://a:65536", "https://a b",
                           "https://a:1:2", "https://a?q", "1http://a", "https://[::1"}) {
    const auto refused = read_origin(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code, Code::kBadArgument);
    EXPECT_EQ(refused.error().where, "--origin");
  }
}

}  // namespace
}  // namespace rtt::mcp
