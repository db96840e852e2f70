// SPDX-License-Identifier: Apache-2.0
// Messages come back as they went, hostile bytes end as kPanelProtocol at every alignment, limits hold, and
// the bytes are the golden ones.
#include "api/codec.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

#include "api/error_json.h"
#include "base/hex.h"
#include "model/limits.h"

namespace rtt::api {
namespace {

std::string random_text(std::mt19937& generator, std::size_t bytes_max) {
  std::string text(std::uniform_int_distribution<std::size_t>(0, bytes_max)(generator), ' ');
  for (char& c : text) c = static_cast<char>(generator());
  return text;
}

TEST(Codec, requests_and_errors_come_back_as_they_went) {
  Encoder encoder;
  Decoder decoder;
  for (unsigned seed = 0; seed < 2000; ++seed) {
    std::mt19937 generator(seed);
    const std::string verb = random_text(generator, 20), args = random_text(generator, 3000);
    const std::string directory = random_text(generator, 100), search = random_text(generator, 10);
    const auto deadline_ms = static_cast<std::int64_t>(generator()) - INT32_MAX;
    const std::size_t fds = generator() % 9;
    const Message message =
        decoder
            .decode(encoder.encode(RequestMessage{verb, args, directory, search, deadline_ms}, fds).value())
            .value();
    const auto& request = std::get<RequestMessage>(message.body);
    ASSERT_EQ(request.verb, verb);
    ASSERT_EQ(request.args, args);
    ASSERT_EQ(request.directory, directory);
    ASSERT_EQ(request.search, search);
    ASSERT_EQ(request.deadline_ms, deadline_ms);
    ASSERT_EQ(message.fds, fds);

    Error error{.code = all_codes()[generator() % all_codes().size()].code,
                .message = random_text(generator, 100),
                .where = random_text(generator, 100),
                .hint = random_text(generator, 100)};
    for (std::size_t i = generator() % (kErrorCausesMax + 1); i > 0; --i) {
      error.causes.push_back(random_text(generator, 30));
    }
    const Message second = decoder.decode(encoder.encode(error).value()).value();
    ASSERT_EQ(std::get<Error>(second.body), error) << "seed " << seed;
  }
}

// Every message kind, damaged in every byte and cut at every length: no damage may crash, and what is cut is
// refused.
TEST(Codec, damaged_and_cut_messages_never_crash) {
  const MessageBody bodies[] = {
      HelloMessage{.proto_min = 1, .proto_max = 2, .client = "cli"},
      WelcomeMessage{.proto = 1, .panel_pid = 77, .generation = 1},
      RequestMessage{
          .verb = "plan", .args = R"({"a":1})", .directory = "/w", .search = "upward", .deadline_ms = 5},
      AnswerMessage{.json = R"({"panel":"up"})"},
      Error{.code = Code::kDenied, .message = "m", .where = "w", .hint = "h", .causes = {"a", "b"}},
  };
  Encoder encoder;
  std::size_t refused = 0, tried = 0;
  for (const MessageBody& body : bodies) {
    const ByteView view = encoder.encode(body).value();
    const Bytes good(view.begin(), view.end());
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff, 0x55}) {
        Bytes damaged = good;
        damaged[at] = static_cast<std::byte>(value);
        Decoder decoder;
        ++tried;
        const auto message = decoder.decode(damaged);
        if (message) continue;
        ASSERT_EQ(message.error().code, Code::kPanelProtocol);
        ++refused;
      }
    }
    for (std::size_t length = 0; length < good.size(); ++length) {
      const Bytes cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length));
      Decoder decoder;
      const auto message = decoder.decode(cut);
      // A message whose texts are all there may lose padding and stay good; half of one may not.
      ASSERT_TRUE(length >= good.size() / 2 || !message) << length;
    }
  }
  EXPECT_GT(refused, tried / 10);
}

TEST(Codec, limits_of_size_descriptors_and_codes) {
  Encoder encoder;
  Decoder decoder;
  const std::string large(limits::kControlBytesMax, 'x');
  EXPECT_EQ(encoder.encode(AnswerMessage{.json = large}).error().code, Code::kTooLarge);
  const std::string_view most = std::string_view(large).substr(0, limits::kControlBytesMax - 512);
  const auto encoded = encoder.encode(AnswerMessage{.json = most});
  ASSERT_TRUE(encoded.has_value());
  EXPECT_LE(encoded->size(), limits::kControlBytesMax);
  EXPECT_EQ(std::get<AnswerMessage>(decoder.decode(*encoded).value().body).json, most);
  EXPECT_TRUE(encoder.encode(AnswerMessage{.json = "{}"}).has_value());  // after a large one
  EXPECT_EQ(decoder.decode(Bytes(limits::kControlBytesMax + 8)).error().code, Code::kPanelProtocol);

  // Error{code=65535}: the code of some later version.
  const ByteView view = encoder.encode(Error{.code = Code::kDenied, .message = "later"}).value();
  Bytes bytes(view.begin(), view.end());
  bool found = false;
  for (std::size_t at = 0; at + 1 < bytes.size(); ++at) {
    if (load_le<std::uint16_t>(bytes, at) != static_cast<std::uint16_t>(Code::kDenied)) continue;
    store_le<std::uint16_t>(bytes, at, 65535);
    found = true;
    break;
  }
  ASSERT_TRUE(found);
  const Error error = std::get<Error>(decoder.decode(bytes).value().body);
  EXPECT_EQ(error.code, Code::kInternal);
  EXPECT_EQ(error.message, "later");
}

TEST(Codec, ids_are_compared_across_the_wrap) {
  EXPECT_TRUE(was_asked(5, 5));
  EXPECT_TRUE(was_asked(4, 5));
  EXPECT_FALSE(was_asked(6, 5));
  EXPECT_TRUE(was_asked(UINT32_MAX, 3));
  EXPECT_FALSE(was_asked(1, UINT32_MAX));
}

TEST(Codec, stream_is_the_golden_one) {
  Encoder encoder;
  Bytes stream;
  ASSERT_TRUE(
      append_frame(stream, encoder, 1, HelloMessage{.proto_min = 1, .proto_max = 1, .client = "cli"}));
  ASSERT_TRUE(
      append_frame(stream, encoder, 1, WelcomeMessage{.proto = 1, .panel_pid = 4242, .generation = 3}));
  ASSERT_TRUE(append_frame(stream, encoder, 2,
                           RequestMessage{.verb = "status", .directory = "/w", .search = "upward"}));
  ASSERT_TRUE(append_frame(stream, encoder, 2, AnswerMessage{.json = R"({"panel":"up"})"}));
  ASSERT_TRUE(
      append_frame(stream, encoder, 3, RequestMessage{.verb = "call.open", .args = R"({"to":"x"})"}, 1));
  ASSERT_TRUE(append_frame(stream, encoder, 3,
                           Error{.code = Code::kDenied,
                                 .message = "no rule allows it",
                                 .where = ".rtt/policy.json:1:1",
                                 .hint = "rtt policy why A B"}));
  std::ifstream file(RTT_SOURCE_DIR "/tests/golden/control.frames", std::ios::binary);
  const std::string golden{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_EQ(to_hex(stream), to_hex(as_bytes(golden)));
}

TEST(ErrorJson, comes_back_as_it_went_and_junk_is_an_internal_error) {
  const Error error{.code = Code::kServerGone, .message = "ä\n", .where = "w", .hint = "h", .causes = {"a"}};
  EXPECT_EQ(error_from_json(text::to_json(error_json(error))), error);
  for (const std::string_view junk : {"", "x", "[]", "{}", R"({"message":7})", R"({"code":"RTT0412"})"}) {
    EXPECT_EQ(error_from_json(junk).code, Code::kInternal) << junk;
    EXPECT_FALSE(error_from_json(junk).message.empty());
  }
  EXPECT_EQ(error_from_json(R"({"code":"RTT9999","message":"m"})").code, Code::kInternal);
}

}  // namespace
}  // namespace rtt::api
