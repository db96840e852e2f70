// SPDX-License-Identifier: Apache-2.0
// Goal: one response has one reading, however its bytes are cut. Method: each message whole and byte by byte.
#include "drivers/http_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

namespace rtt::drivers {
namespace {

constexpr std::size_t kBodyMax = 64;

struct Read {
  std::string outcome;  // the body, or the error's code, or "unfinished"
  int status = 0;
  bool reusable = false;
};

Read read(std::string_view bytes, std::size_t piece, HttpReader::Body body = HttpReader::Body::kPossible,
          bool closes = false) {
  HttpReader reader(kBodyMax, body);
  Result<bool> done = false;
  for (; !bytes.empty() && done && !*done; bytes.remove_prefix(std::min(piece, bytes.size()))) {
    done = reader.feed(bytes.substr(0, piece));
  }
  if (done && !*done && closes) done = reader.close();
  if (!done) return {code_name(done.error().code)};
  if (!*done) return {"unfinished"};
  const bool reusable = reader.reusable();
  const HttpResponse response = reader.take();
  return {response.body, response.status, reusable};
}

void expect(std::string_view bytes, const std::string& outcome, std::optional<bool> reusable = {},
            HttpReader::Body body = HttpReader::Body::kPossible, bool closes = false) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, bytes.size()}) {
    const Read got = read(bytes, piece, body, closes);
    EXPECT_EQ(got.outcome, outcome) << bytes << " in pieces of " << piece;
    EXPECT_EQ(got.reusable, reusable.value_or(got.reusable)) << bytes;
  }
}

TEST(HttpMessage, lengths_chunks_and_ends) {
  expect("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", true);
  expect("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", true);
  expect("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nConnection: close\r\n\r\nok", "ok", false);
  expect("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", false);
  expect(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: "
      "r\r\n\r\n",
      "abc0123456789", true);
  expect("HTTP/1.1 200\r\n\r\nuntil the end", "until the end", false, HttpReader::Body::kPossible, true);
  expect("HTTP/1.1 204 No Content\r\n\r\n", "", true);
  expect("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "", true, HttpReader::Body::kNone);
  expect("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", true);
}

TEST(HttpMessage, what_two_parsers_might_read_differently_is_refused) {
  for (const char* head :
       {"Content-Length: 2\r\nTransfer-Encoding: chunked", "Content-Length: 2\r\nContent-Length: 3",
        "Transfer-Encoding: gzip, chunked", "Content-Length: +2", "Content-Length: 0x2", "Content-Length : 2",
        "A: b\r\n folded", "no colon", "A: b\rc"}) {
    expect("HTTP/1.1 200 OK\r\n" + std::string(head) + "\r\n\r\nok", "RTT0802");
  }
  expect("HTTP/2 200 OK\r\n\r\n", "RTT0802");
  expect("220 mail.example ESMTP\r\n\r\n", "RTT0802");
  expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "RTT0802");
  expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", "RTT0802");
  expect("HTTP/1.1 101 Switching\r\n\r\n", "RTT0802");
}

TEST(HttpMessage, limits_hold_before_the_bytes_are_kept) {
  expect("HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n", "RTT0206");
  expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFF\r\n", "RTT0206");
  expect("HTTP/1.1 200 OK\r\n\r\n" + std::string(65, 'x'), "RTT0206");
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nA: " + std::string(kHttpHeadBytesMax, 'x'), 1000).outcome, "RTT0206");
}

TEST(HttpMessage, an_answer_cut_off_is_lost) {
  expect("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", "RTT0704", {}, HttpReader::Body::kPossible, true);
  expect("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", "unfinished");
}

TEST(HttpMessage, a_request_cannot_be_made_to_carry_another) {
  const HttpRequest good{
      .method = "POST", .target = "/a?b", .host = "h", .headers = {{"X", "y"}}, .body = "ok"};
  EXPECT_EQ(*write_request(good), "POST /a?b HTTP/1.1\r\nHost: h\r\nX: y\r\nContent-Length: 2\r\n\r\nok");
  for (HttpRequest bad :
       {HttpRequest{.method = "GET /x HTTP/1.1\r\n", .target = "/"},
        HttpRequest{.method = "GET", .target = "/ x"},
        HttpRequest{.method = "GET", .target = "http://other/"},
        HttpRequest{.method = "GET", .target = "/", .headers = {{"A", "b\r\nC: d"}}},
        HttpRequest{.method = "GET", .target = "/", .headers = {{"Content-Length", "3"}}}}) {
    EXPECT_FALSE(write_request(bad)) << bad.method << bad.target;
  }
}

// Bodies, each in brackets, then the error's code if there is one.
std::string read_requests(std::string_view bytes, std::size_t piece) {
  HttpRequestReader reader(kBodyMax);
  std::string out;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    reader.feed(bytes.substr(0, piece));
    for (;;) {
      const auto progress = reader.read();
      if (!progress) return out + code_name(progress.error().code);
      if (*progress == HttpRequestReader::Progress::kNothing) break;
      if (*progress == HttpRequestReader::Progress::kHead) continue;
      out += "[" + std::string(reader.body()) + "]";
      reader.next();
    }
  }
  return out + (reader.waiting() ? "" : "unfinished");
}

TEST(HttpRequestReader, requests_follow_each_other_however_they_are_cut) {
  const std::string two =
      "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok"
      "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
      "GET /c HTTP/1.0\r\n\r\n";
  for (std::size_t piece = 1; piece <= two.size(); ++piece)
    EXPECT_EQ(read_requests(two, piece), "[ok][hi][]");
  EXPECT_EQ(read_requests(two.substr(0, 60), 60), "[ok]unfinished");
}

TEST(HttpRequestReader, what_two_servers_might_read_differently_is_refused) {
  for (const char* head :
       {"GET / HTTP/1.1", "GET / HTTP/1.1\r\nHost: a\r\nHost: a", "GET /a b HTTP/1.1\r\nHost: a",
        "GET / HTTP/1.2\r\nHost: a", "GET http://a/ HTTP/1.1\r\nHost: a", "G(T / HTTP/1.1\r\nHost: a",
        "GET / HTTP/1.0\r\nTransfer-Encoding: chunked", "POST / HTTP/1.1\r\nHost: a\r\n folded: x",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked",
        "POST / HTTP/1.1\nHost: a\n\n"}) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}})
      EXPECT_EQ(read_requests(std::string(head) + "\r\n\r\n", piece), "RTT0802") << head;
  }
  EXPECT_EQ(read_requests("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65\r\n\r\n", 9), "RTT0206");
  EXPECT_EQ(read_requests("GET / HTTP/1.1\r\nA: " + std::string(kHttpHeadBytesMax, 'x'), 1000), "RTT0206");
}

TEST(HttpAnswer, what_is_written_is_read_back) {
  HttpReader reader(1000, HttpReader::Body::kPossible);
  const std::string head =
      write_answer({.headers = {{"A", "b"}}, .frame = HttpAnswer::Frame::kChunked, .body = {}});
  const auto whole =
      reader.feed(head + http_chunk("one") + http_chunk(std::string(300, 'x')) + std::string(kHttpLastChunk));
  ASSERT_TRUE(whole && *whole);
  EXPECT_EQ(reader.take().body, "one" + std::string(300, 'x'));
  EXPECT_EQ(write_answer({.status = 204, .after = HttpAnswer::After::kClose, .body = {}}),
            "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
}

}  // namespace
}  // namespace rtt::drivers
