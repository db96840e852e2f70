// SPDX-License-Identifier: Apache-2.0
// Call: over a real socket, against a provider that speaks the lane's frames byte by byte
// (docs/formats/frame.md).
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>

#include "base/crc32c.h"
#include "cli/stage_test.h"
#include "os/unix_socket.h"

namespace rtt::cli {
namespace {

constexpr std::size_t kHeaderBytes = 24;
constexpr std::uint16_t kErrorReply = 1, kReply = 1 << 7;
constexpr std::uint32_t kRoute = 7;

struct Answered {
  std::string payload;
  std::uint16_t flags = 0;
  bool hang_up = false;
};

// Answers every request of one lane from its own thread until the caller hangs up.
class Provider {
 public:
  explicit Provider(std::function<Answered(const std::string&)> answer) : answer_(std::move(answer)) {
    auto pair = os::socket_pair();
    RTT_ASSERT(pair.has_value());
    caller_ = std::move(pair->first);
    ours_ = std::move(pair->second);
    thread_ = std::thread([this] { serve(); });
  }
  ~Provider() {
    caller_.reset();
    thread_.join();
  }
  os::Fd take_caller() { return std::move(caller_); }
  std::vector<std::string> requests;  // read it after the call returned

 private:
  bool read_whole(MutableBytes into) {
    while (!into.empty()) {
      const auto got = os::receive_wait(ours_.get(), into, 0, -1);
      if (!got || got->bytes == 0) return false;
      into = into.subspan(got->bytes);
    }
    return true;
  }
  void serve() {
    for (std::uint32_t frame_id = 1;; ++frame_id) {
      Bytes header(kHeaderBytes);
      if (!read_whole(header)) return;
      Bytes payload(load_le<std::uint32_t>(header, 16));
      if (!read_whole(payload)) return;
      requests.emplace_back(as_text(payload));
      const Answered answered = answer_(requests.back());
      if (answered.hang_up) {
        ours_.reset();
        return;
      }
      Bytes body(4);
      store_le<std::uint32_t>(body, 0, load_le<std::uint32_t>(header, 12));
      const ByteView words = as_bytes(answered.payload);
      body.insert(body.end(), words.begin(), words.end());
      Bytes reply(kHeaderBytes);
      store_le<std::uint32_t>(reply, 0, 0x31545452);
      store_le<std::uint16_t>(reply, 4, static_cast<std::uint16_t>(kReply | answered.flags));
      store_le<std::uint32_t>(reply, 8, kRoute);
      store_le<std::uint32_t>(reply, 12, frame_id);
      store_le<std::uint32_t>(reply, 16, static_cast<std::uint32_t>(body.size()));
      store_le<std::uint32_t>(reply, 20, crc32c(body, crc32c(reply)));
      reply.insert(reply.end(), body.begin(), body.end());
      if (!os::send_all(ours_.get(), reply)) return;
    }
  }

  std::function<Answered(const std::string&)> answer_;
  os::Fd caller_, ours_;
  std::thread thread_;
};

Stage stage_with(Provider& provider) {
  Stage stage;
  stage.answer = [&provider](const api::Ask& ask, const auto&) -> Result<api::Reply> {
    EXPECT_EQ(ask.verb, "call.open");
    api::Reply reply{.body = json(R"({"route":3,"link":7,"lane":"uds","saddr":"rtt://a/tool/x@1.0.0"})"),
                     .fds = {}};
    reply.fds.push_back(provider.take_caller());
    return reply;
  };
  return stage;
}

TEST(Call, json_carries_the_providers_bytes) {
  Provider provider([](const std::string&) { return Answered{R"({"z":1.0,"content":[]})"}; });
  Stage stage = stage_with(provider);
  EXPECT_EQ(stage.run({"call", "a/x", "n=3", "--deadline", "5000", "--json"}), 0);
  EXPECT_EQ(provider.requests, std::vector<std::string>{R"({"n":3})"});
  EXPECT_EQ(text::to_json(stage.asked[0].args), R"({"deadline_ms":5000,"saddr":"a/x"})");
  EXPECT_EQ(stage.needs[0].where, Where::kPanel);
  EXPECT_TRUE(stage.out.starts_with(R"({"result":{"z":1.0,"content":[]},)")) << stage.out;
  const text::Json printed = document(stage.out);
  EXPECT_EQ(printed.string_or("schema"), "rtt.call/1");
  EXPECT_EQ(printed.string_or("lane"), "uds");
  EXPECT_EQ(printed.int_or("route", 0), 3);
  EXPECT_GT(printed.int_or("latency_ns", 0), 0);
}

TEST(Call, text_for_people) {
  Provider provider(
      [](const std::string&) { return Answered{R"({"content":[{"type":"text","text":"hello"}]})"}; });
  Stage stage = stage_with(provider);
  EXPECT_EQ(stage.run({"call", "a/x"}), 0);
  EXPECT_EQ(stage.out, "hello\n");
  EXPECT_EQ(stage.err, "");
}

TEST(Call, a_tools_own_error_is_exit_1_with_its_words) {
  const std::string result = R"({"content":[{"type":"text","text":"no such file"}],"isError":true})";
  {
    Provider provider([&](const std::string&) { return Answered{result}; });
    Stage stage = stage_with(provider);
    EXPECT_EQ(stage.run({"call", "a/x"}), 1);
    EXPECT_EQ(stage.out, "");
    EXPECT_EQ(stage.err, "error[RTT0804]: no such file\n");
  }
  Provider provider([&](const std::string&) { return Answered{result}; });
  Stage stage = stage_with(provider);
  EXPECT_EQ(stage.run({"call", "a/x", "--json"}), 1);
  EXPECT_TRUE(document(stage.out).find("result")->bool_or("isError", false));
  EXPECT_EQ(document(stage.out).find("error")->string_or("code"), "RTT0804");
}

TEST(Call, a_drivers_error_keeps_its_code) {
  Provider provider([](const std::string&) {
    return Answered{R"({"code":"RTT0414","message":"the tool changed","where":"","hint":"rtt mcp diff a"})",
                    kErrorReply};
  });
  Stage stage = stage_with(provider);
  EXPECT_EQ(stage.run({"call", "a/x"}), 3);
  EXPECT_EQ(stage.err, "error[RTT0414]: the tool changed\nhelp: rtt mcp diff a\n");
}

TEST(Call, repeat_stays_on_one_link_and_counts_errors) {
  int call = 0;
  Provider provider([&](const std::string&) {
    return ++call % 4 == 0 ? Answered{R"({"code":"RTT0803","message":"every fourth"})", kErrorReply}
                           : Answered{"{}"};
  });
  Stage stage = stage_with(provider);
  EXPECT_EQ(stage.run({"call", "a/x", "--repeat", "10", "--json"}), 1);
  EXPECT_EQ(stage.asked.size(), 1U);
  const text::Json printed = document(stage.out);
  EXPECT_EQ(printed.int_or("calls", 0), 10);
  EXPECT_EQ(printed.int_or("errors", 0), 2);
  EXPECT_EQ(printed.find("error")->string_or("message"), "every fourth");
  EXPECT_LE(printed.int_or("latency_ns_p50", 0), printed.int_or("latency_ns_p99", 0));
  EXPECT_LE(printed.int_or("latency_ns_p99", 0), printed.int_or("latency_ns_max", 0));
}

TEST(Call, a_lost_link_ends_the_repetition) {
  int call = 0;
  Provider provider([&](const std::string&) { return Answered{"{}", 0, ++call == 3}; });
  Stage stage = stage_with(provider);
  EXPECT_EQ(stage.run({"call", "a/x", "--repeat", "100"}), 1);
  EXPECT_TRUE(stage.out.starts_with("3 calls, 1 error:")) << stage.out;
  EXPECT_NE(stage.err.find("RTT0704"), std::string::npos) << stage.err;
}

TEST(Call, a_refused_open_is_the_answer) {
  Stage stage;
  stage.answer = [](const api::Ask&, const auto&) -> Result<api::Reply> {
    return fail(Code::kDenied, "denied");
  };
  EXPECT_EQ(stage.run({"call", "a/x"}), 3);
  stage.always(json(R"({"route":1,"link":1})"));
  EXPECT_EQ(stage.run({"call", "a/x"}), 6);  // an answer without a link
  stage.asked.clear();
  EXPECT_EQ(stage.run({"call", "a/x", "--repeat", "0"}), 2);
  EXPECT_EQ(stage.run({"call", "a/x", "--deadline", "0"}), 2);
  EXPECT_TRUE(stage.asked.empty());
}

}  // namespace
}  // namespace rtt::cli
