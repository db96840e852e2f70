// SPDX-License-Identifier: Apache-2.0
// Goal: a file driver reads, appends and tails what its contract names, and nothing else. Method: real files
// in a folder of the test's, with links and names that try to lead out of it.
#include "drivers/file_driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "os/clock.h"
#include "os/file.h"
#include "os/temp_dir.h"

namespace rtt::drivers {
namespace {

using text::Json;

class Files : public ::testing::Test {
 protected:
  Files()
      : dir_(std::move(*os::TempDir::create())),
        loop_(std::move(*os::Loop::create())),
        driver_(*loop_, dir_.path()) {
    std::filesystem::create_directories(dir_.path() + "/logs");
    std::ofstream(dir_.path() + "/secret") << "outside\n";
  }
  [[nodiscard]] static model::Contract contract(const std::string& params) {
    const std::string text =
        R"({"$schema":"https://rtt/spec/v1","symbol":{"saddr":"rtt://a/file/log@1.0.0","type":"file",)"
        R"("direction":"provider","driver":{"use":"file","params":)" +
        params + "}}}";
    return *model::contract_from_object(*text::parse_json(text), "test");
  }
  CallId start(const std::string& params, const std::string& payload, std::int64_t ms = 10'000) {
    answer_.reset();
    return driver_.call({.provider = contract(params),
                         .consumer = "test",
                         .payload = payload,
                         .deadline = os::now() + nanos_from_ms(ms)},
                        [this](Result<CallReply> reply) { answer_ = std::move(reply); });
  }
  std::string finish() {
    while (!answer_) loop_->run_once(nanos_from_ms(1000));
    return *answer_ ? (*answer_)->payload : code_name(answer_->error().code);
  }
  std::string call(const std::string& params, const std::string& payload) {
    start(params, payload);
    return finish();
  }
  std::string publish(const std::string& params, const std::string& payload) {
    std::optional<Status> done;
    driver_.publish({.provider = contract(params), .consumer = "test", .payload = payload, .deadline = {}},
                    [&](Status status) { done = std::move(status); });
    while (!done) loop_->run_once(nanos_from_ms(1000));
    return *done ? "ok" : code_name(done->error().code);
  }
  [[nodiscard]] std::string log() const { return *os::read_file(dir_.path() + "/logs/a.log", 1 << 20); }

  os::TempDir dir_;
  std::unique_ptr<os::Loop> loop_;
  FileDriver driver_;
  std::optional<Result<CallReply>> answer_;
};

constexpr const char* kAll = R"({"root":"logs","ops":["read","append","tail"]})";
constexpr const char* kLog = R"({"root":"logs","path":"a.log","ops":["append"],"ndjson":true,"fsync":true})";

TEST_F(Files, appends_then_reads_and_tails) {
  EXPECT_EQ(call(kAll, R"({"op":"append","path":"a.log","record":"one"})"), R"({"bytes":4})");
  EXPECT_EQ(call(kAll, R"({"op":"append","path":"a.log","record":"two\n"})"), R"({"bytes":4})");
  EXPECT_EQ(call(kAll, R"({"op":"read","path":"a.log","offset":1,"bytes_max":4})"),
            R"({"next":5,"size":8,"text":"ne\nt"})");
  EXPECT_EQ(call(kAll, R"({"op":"tail","path":"a.log","lines":1})"), R"({"lines":["two"],"next":8})");
  EXPECT_EQ(call(kAll, R"({"op":"tail","path":"a.log","offset":0})"), R"({"lines":["one","two"],"next":8})");
}

TEST_F(Files, no_name_leads_out_of_the_folder) {
  std::filesystem::create_symlink("../secret", dir_.path() + "/logs/link");
  std::filesystem::create_directory_symlink("..", dir_.path() + "/logs/up");
  for (const char* path : {"../secret", "/etc/passwd", "link", "up/secret", "x/../../secret"}) {
    const std::string args = R"({"op":"read","path":")" + std::string(path) + "\"}";
    const std::string got = call(kAll, args);
    EXPECT_THAT(got, ::testing::AnyOf("RTT0304", "RTT0105")) << path;
    EXPECT_THAT(call(kAll, R"({"op":"append","record":"x","path":")" + std::string(path) + "\"}"),
                ::testing::AnyOf("RTT0304", "RTT0105"))
        << path;
  }
  EXPECT_EQ(*os::read_file(dir_.path() + "/secret", 100), "outside\n");
}

TEST_F(Files, only_what_the_contract_lists_and_only_its_file) {
  EXPECT_EQ(call(R"({"root":"logs"})", R"({"op":"append","path":"a.log","record":"x"})"), "RTT0412");
  EXPECT_EQ(call(kLog, R"({"op":"read"})"), "RTT0412");
  EXPECT_EQ(call(kLog, R"({"path":"b.log","record":1})"), "RTT0103");
  EXPECT_EQ(call(R"({"root":"logs","what":1})", R"({"op":"read"})"), "RTT0211");
  EXPECT_FALSE(os::exists(dir_.path() + "/logs/a.log"));
}

TEST_F(Files, a_one_way_message_is_one_line_of_ndjson) {
  EXPECT_EQ(publish(kLog, "{\"a\":\n 1, \"b\":\"x\\ny\"}"), "ok");
  EXPECT_EQ(call(kLog, R"({"record":[1,2]})"), R"({"bytes":6})");
  EXPECT_EQ(publish(kLog, "no json"), "RTT0201");
  EXPECT_EQ(publish(R"({"root":"logs","path":"a.log"})", "1"), "RTT0412");
  EXPECT_EQ(log(), "{\"a\":1,\"b\":\"x\\ny\"}\n[1,2]\n");
}

TEST_F(Files, a_tail_that_follows_answers_when_a_whole_line_is_there) {
  EXPECT_EQ(call(kAll, R"({"op":"append","path":"a.log","record":"one"})"), R"({"bytes":4})");
  start(kAll, R"({"op":"tail","path":"a.log","offset":4,"wait_ms":60000})");
  loop_->run_once(nanos_from_ms(0));
  loop_->after(nanos_from_ms(1), [this] {
    std::ofstream(dir_.path() + "/logs/a.log", std::ios::app) << "tw";
    loop_->after(nanos_from_ms(40),
                 [this] { std::ofstream(dir_.path() + "/logs/a.log", std::ios::app) << "o\n"; });
  });
  EXPECT_EQ(finish(), R"({"lines":["two"],"next":8})");
  const CallId id = start(kAll, R"({"op":"tail","path":"a.log","offset":8,"wait_ms":60000})");
  driver_.cancel(id);
  EXPECT_EQ(finish(), "RTT0707");
  EXPECT_EQ(call(kAll, R"({"op":"tail","path":"a.log","offset":8})"), R"({"lines":[],"next":8})");
}

TEST_F(Files, a_file_cut_shorter_is_followed_from_its_start) {
  std::ofstream(dir_.path() + "/logs/a.log") << "new\n";
  EXPECT_EQ(call(kAll, R"({"op":"tail","path":"a.log","offset":100})"),
            R"({"lines":["new"],"next":4,"restarted":true})");
}

TEST_F(Files, limits_and_unfit_files_are_errors) {
  EXPECT_EQ(call(kAll, R"({"op":"read","path":"logs"})"), "RTT0105");
  EXPECT_EQ(call(R"({"root":".","ops":["read"]})", R"({"op":"read","path":"logs"})"), "RTT0305");
  EXPECT_EQ(call(kAll, R"({"op":"read","path":"a.log","bytes_max":4194305})"), "RTT0103");
  EXPECT_EQ(call(kAll, R"({"op":"tail","path":"a.log","lines":0})"), "RTT0103");
  EXPECT_EQ(publish(kLog, "\"" + std::string(kFileRecordBytesMax - 2, 'x') + "\""), "RTT0206");
}

}  // namespace
}  // namespace rtt::drivers
