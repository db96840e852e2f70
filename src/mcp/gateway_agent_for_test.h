// SPDX-License-Identifier: Apache-2.0
// An AI client at the other ends of a gateway's pipes, and a gateway on a demo workspace, for tests.
//
// Owns: the pipes, the loop, the gateway.   Thread: one.   Fails: as test failures.
#pragma once

#include <gtest/gtest.h>

#include "mcp/demo_workspace_for_test.h"
#include "mcp/gateway.h"
#include "mcp/wire/line_stream.h"
#include "model/limits.h"
#include "os/clock.h"
#include "os/pipe.h"
#include "os/process.h"
#include "os/unix_socket.h"
#include "registry/snapshot.h"

namespace rtt::mcp {

using text::Json;

inline const char* const kInitialize =
    R"({"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"tester","version":"1"}}})";

inline std::string call_line(std::string_view id, std::string_view tool, std::string_view args = "{}") {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"tools/call","params":{"name":")" +
         std::string(tool) + R"(","arguments":)" + std::string(args) + "}}";
}

// An AI client at the other ends of the pipes.
class Agent {
 public:
  Agent(os::Loop& loop, Gateway& gateway, ClientOptions options = {}) : loop_(loop) {
    auto to = *os::make_pipe();
    auto from = *os::make_pipe();
    auto control = *os::socket_pair();
    write_ = std::move(to.second);
    read_ = std::move(from.first);
    control_ = std::move(control.first);
    EXPECT_TRUE(gateway.serve_client(std::move(to.first), std::move(from.second), std::move(control.second),
                                     std::move(options)));
  }
  void say(std::string_view line) {
    std::string text = std::string(line) + "\n";
    while (!text.empty()) {
      const auto sent = os::write_nowait(write_.get(), as_bytes(text));
      ASSERT_TRUE(sent);
      text.erase(0, sent->bytes);
      if (!text.empty()) loop_.run_once(nanos_from_ms(10));
    }
  }
  // The next line, or "" if the gateway closed or 30 s passed.
  std::string hear() {
    std::string out;
    run_until(loop_, [&] { return take(out) || closed_; });
    return out;
  }
  bool silent() {  // after everything that was said is answered
    loop_.run_once({0});
    std::string out;
    return !take(out);
  }
  std::string ask(std::string_view line) {
    say(line);
    return hear();
  }
  // Skips what is told in between.
  std::string answer_to(std::string_view id, std::string_view line) {
    say(line);
    for (std::string heard = hear(); !heard.empty(); heard = hear()) {
      if (classify(heard).id == id) return heard;
    }
    return "";
  }
  std::string initialize() { return ask(kInitialize); }
  int status() {
    std::string text;
    run_until(loop_, [&] {
      std::array<std::byte, 256> buffer;
      const auto got = os::receive(control_.get(), buffer);
      if (got && got->bytes > 0) text.append(as_text(ByteView(buffer).first(got->bytes)));
      return !got || got->closed;
    });
    return static_cast<int>(text::parse_json(text)->int_or("status", -1));
  }
  void end_input() { write_.reset(); }
  void stop_reading() { read_.reset(); }
  void vanish() { control_.reset(); }
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  bool take(std::string& out) {
    for (;;) {
      if (const auto item = lines_.next()) {
        out = std::string(item->line);
        return true;
      }
      const auto got = os::read_nowait(read_.get(), lines_.room());
      if (!got || got->closed) {
        closed_ = true;
        return false;
      }
      if (got->would_block) return false;
      lines_.commit(got->bytes);
    }
  }
  os::Loop& loop_;
  os::Fd write_, read_, control_;
  LineStream lines_{limits::kMcpLineBytesMax * 2};
  bool closed_ = false;
};

class GatewayTest : public testing::Test {
 protected:
  void open() {
    loop_ = *os::Loop::create();
    gateway_ = *Gateway::create(*loop_, {.workspace = demo_.workspace(), .on_audit = [this](Json record) {
                                           audit_.push_back(std::move(record));
                                         }});
  }
  model::Contract contract(std::string_view address) {
    const auto snapshot = registry::load_snapshot(demo_.workspace());
    for (const auto& found : snapshot->in_force()) {
      if (to_string(found.saddr) == address) return found;
    }
    ADD_FAILURE() << address;
    return {};
  }
  Result<drivers::CallReply> call(std::string_view address, std::string payload,
                                  std::int64_t deadline_ms = 20'000) {
    std::optional<Result<drivers::CallReply>> got;
    last_call_ = gateway_->call({.provider = contract(address),
                                 .consumer = "rtt://local/proc/cli@0.0.0",
                                 .payload = std::move(payload),
                                 .deadline = os::now() + nanos_from_ms(deadline_ms)},
                                [&](Result<drivers::CallReply> reply) { got = std::move(reply); });
    EXPECT_FALSE(got) << "the answer must come later";
    EXPECT_TRUE(run_until(*loop_, [&] { return got.has_value(); }));
    return *got;
  }
  Json server_row(std::string_view name) {
    const Json health = gateway_->health();
    for (const Json& row : health.find("servers")->as_array()) {
      if (row.string_or("name") == name) return row;
    }
    return {};
  }

  DemoWorkspace demo_;
  std::vector<Json> audit_;
  std::unique_ptr<os::Loop> loop_;
  std::unique_ptr<Gateway> gateway_;
  drivers::CallId last_call_ = 0;
};

}  // namespace rtt::mcp
