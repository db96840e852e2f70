// SPDX-License-Identifier: Apache-2.0
// Goal: whatever a driver says, in whatever order, each call gets its own answer or one error, and nobody
// else waits for it. Method: the same scenes on both wires, with a driver played line by line.
#include "drivers/wire_session.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drivers/json_wire.h"
#include "drivers/line_wire.h"
#include "model/limits.h"

namespace rtt::drivers {
namespace {

using model::DriverWire;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Instant kStart{1'000'000'000};
Instant at_ms(std::int64_t ms) { return kStart + nanos_from_ms(ms); }

// The driver's side, spelt for either wire.
class Scene : public ::testing::TestWithParam<DriverWire> {
 protected:
  Scene() : session_("echo", GetParam()) {}

  void take(WireActions actions) {
    for (WireAction& action : actions) {
      if (auto* send = std::get_if<wire_act::Send>(&action)) {
        sent_.push_back(send->line);
        last_id_ = id_of(send->line);
      }
      if (std::holds_alternative<wire_act::Ready>(action)) ready_ = true;
      if (auto* answered = std::get_if<wire_act::Answered>(&action)) {
        done_.push_back(fmt::format("{} {}", answered->call, answered->payload));
      }
      if (auto* refused = std::get_if<wire_act::Refused>(&action)) {
        done_.push_back(fmt::format("{} {}", refused->call, code_name(refused->why.code)));
      }
      if (auto* event = std::get_if<wire_act::Event>(&action))
        events_.push_back(event->saddr + " " + event->payload);
      if (auto* failed = std::get_if<wire_act::Failed>(&action)) failed_ = code_name(failed->why.code);
    }
  }
  static WireId id_of(const std::string& line) {
    if (line.front() != '{') return std::stoull(line);
    return static_cast<WireId>(text::parse_json(line)->int_or("id", 0));
  }
  [[nodiscard]] bool json() const { return GetParam() == DriverWire::kJson; }
  [[nodiscard]] std::string ok(WireId id, WireVerb verb, const std::string& value) const {
    if (!json()) return fmt::format("{}\tok\t{}", id, escape_field(value));
    const char* key = verb == WireVerb::kOpen ? "link" : verb == WireVerb::kTx ? "bytes" : "payload";
    const std::string spelt = verb == WireVerb::kTx ? value : text::to_json(text::Json(value));
    return fmt::format(R"({{"jsonrpc":"2.0","id":{},"result":{{"{}":{}}}}})", id, key, spelt);
  }
  [[nodiscard]] std::string err(WireId id, int code, const std::string& word) const {
    if (!json()) return fmt::format("{}\terr\t{}\tno such luck\ttry again", id, word);
    return fmt::format(R"({{"jsonrpc":"2.0","id":{},"error":{{"code":{},"message":"no such luck"}}}})", id,
                       code);
  }
  [[nodiscard]] std::string evt(const std::string& link, const std::string& payload) const {
    if (!json()) return "*\tevt\t" + link + "\t" + payload;
    return fmt::format(R"({{"jsonrpc":"2.0","method":"evt","params":{{"link":"{}","payload":"{}"}}}})", link,
                       payload);
  }
  void say(const std::string& line, std::int64_t ms = 1) { take(session_.on_line(line, at_ms(ms))); }
  void say_hello(bool async = false) {
    take(session_.start(kStart));
    if (json()) {
      say(fmt::format(
          R"({{"jsonrpc":"2.0","id":1,"result":{{"ver":1,"name":"echo","language":"c","async":{},)"
          R"("methods":["open","tx","rx","close"]}}}})",
          async));
    } else {
      say(std::string("1\tok\t1\tc\techo\topen\ttx\trx\tclose\tpush") + (async ? "\tasync" : ""));
    }
    ASSERT_TRUE(ready_);
  }
  WireId submit(WireCall call, std::int64_t deadline_ms = 1000, WireOrder::Kind kind = WireOrder::Kind::kCall,
                const std::string& saddr = "rtt://a/api/x@1.0.0") {
    take(session_.submit(call,
                         {.kind = kind,
                          .saddr = saddr,
                          .params = text::Json::object({{"k", "v"}}),
                          .payload = fmt::format("ask {}", call),
                          .deadline = at_ms(deadline_ms)},
                         kStart));
    return last_id_;
  }
  // Opens, sends and fetches: leaves the call waiting for its rx, whose id is returned.
  WireId until_rx(WireCall call, const std::string& link) {
    const WireId open = submit(call);
    say(ok(open, WireVerb::kOpen, link));
    say(ok(last_id_, WireVerb::kTx, "5"));
    return last_id_;
  }

  WireSession session_;
  std::vector<std::string> sent_, done_, events_;
  WireId last_id_ = 0;
  bool ready_ = false;
  std::string failed_;
};

INSTANTIATE_TEST_SUITE_P(Wires, Scene, ::testing::Values(DriverWire::kJson, DriverWire::kLine),
                         [](const auto& wire) { return std::string(model::to_string(wire.param)); });

TEST_P(Scene, a_call_opens_sends_fetches_and_the_next_uses_the_same_link) {
  say_hello();
  const WireId rx = until_rx(7, "L1");
  EXPECT_THAT(sent_.at(1), HasSubstr("rtt://a/api/x@1.0.0"));
  EXPECT_THAT(sent_.at(2), HasSubstr("ask 7"));
  say(ok(rx, WireVerb::kRx, "seven\ttimes"));
  EXPECT_THAT(done_, ElementsAre("7 seven\ttimes"));
  const std::size_t before = sent_.size();
  submit(8);
  ASSERT_EQ(sent_.size(), before + 1);
  EXPECT_THAT(sent_.back(), HasSubstr("ask 8"));
  EXPECT_EQ(session_.links(), 1U);
}

TEST_P(Scene, calls_before_hello_wait_for_it) {
  take(session_.start(kStart));
  submit(1);
  EXPECT_EQ(sent_.size(), 1U);
  ready_ = false;
  say(json() ? R"({"jsonrpc":"2.0","id":1,"result":{"ver":1,"methods":["open","tx","rx","close"]}})"
             : "1\tok\t1\tc\techo\topen tx rx close");
  EXPECT_EQ(sent_.size(), 2U);
}

TEST_P(Scene, answers_out_of_order_reach_their_own_calls_and_are_counted) {
  say_hello();
  const WireId first = until_rx(1, "L1");
  const WireId second = until_rx(2, "L2");
  say(ok(second, WireVerb::kRx, "two"));
  say(ok(first, WireVerb::kRx, "one"));
  EXPECT_THAT(done_, ElementsAre("2 two", "1 one"));
  EXPECT_EQ(session_.counters().out_of_order, 3U);  // open, tx and rx of the second overtook the first
}

TEST_P(Scene, an_async_driver_may_answer_in_any_order) {
  say_hello(true);
  const WireId first = until_rx(1, "L1");
  const WireId second = until_rx(2, "L2");
  say(ok(second, WireVerb::kRx, "two"));
  say(ok(first, WireVerb::kRx, "one"));
  EXPECT_EQ(session_.counters().out_of_order, 0U);
}

TEST_P(Scene, doubled_and_unknown_answers_are_dropped) {
  say_hello();
  const WireId rx = until_rx(1, "L1");
  say(ok(rx, WireVerb::kRx, "one"));
  say(ok(rx, WireVerb::kRx, "again"));
  say(ok(999, WireVerb::kRx, "never asked"));
  EXPECT_THAT(done_, ElementsAre("1 one"));
  EXPECT_EQ(session_.counters().unknown_replies, 2U);
}

TEST_P(Scene, a_late_answer_is_not_taken_for_the_next_calls) {
  say_hello();
  const WireId rx = until_rx(1, "L1");
  take(session_.on_tick(at_ms(1000)));
  EXPECT_THAT(done_, ElementsAre("1 RTT0705"));
  EXPECT_THAT(sent_.back(), HasSubstr("close"));
  const WireId open = submit(2, 5000);
  say(ok(rx, WireVerb::kRx, "late"), 1001);
  EXPECT_EQ(session_.counters().late_replies, 1U);
  say(ok(open, WireVerb::kOpen, "L2"), 1002);
  say(ok(last_id_, WireVerb::kTx, "5"), 1003);
  say(ok(last_id_, WireVerb::kRx, "two"), 1004);
  EXPECT_THAT(done_, ElementsAre("1 RTT0705", "2 two"));
}

TEST_P(Scene, a_link_opened_after_its_call_was_withdrawn_is_closed) {
  say_hello();
  const WireId open = submit(1);
  take(session_.cancel(1, at_ms(2)));
  EXPECT_THAT(done_, ElementsAre("1 RTT0707"));
  say(ok(open, WireVerb::kOpen, "L1"));
  EXPECT_THAT(sent_.back(), HasSubstr("close"));
  EXPECT_EQ(session_.links(), 0U);
}

TEST_P(Scene, junk_is_counted_and_the_call_goes_on) {
  say_hello();
  const WireId rx = until_rx(1, "L1");
  for (const char* junk :
       {"", "Traceback (most recent call last):", "{", "[1]", "\xff\xfe", "%zz", "7", "x\tok",
        R"({"jsonrpc":"2.0","id":3})", R"({"jsonrpc":"1.0","id":3,"result":{}})"}) {
    say(junk);
  }
  EXPECT_EQ(session_.counters().junk_lines, 10U);
  say(ok(rx, WireVerb::kRx, "one"));
  EXPECT_THAT(done_, ElementsAre("1 one"));
}

TEST_P(Scene, an_answer_without_its_field_fails_that_call_alone) {
  say_hello();
  const WireId bad = until_rx(1, "L1");
  const WireId good = until_rx(2, "L2");
  say(json() ? fmt::format(R"({{"jsonrpc":"2.0","id":{},"result":{{}}}})", bad) : fmt::format("{}\tok", bad));
  say(ok(good, WireVerb::kRx, "two"));
  EXPECT_THAT(done_, ElementsAre("1 RTT0802", "2 two"));
}

TEST_P(Scene, empty_is_asked_again_until_the_deadline) {
  say_hello();
  const WireId rx = until_rx(1, "L1");
  say(err(rx, -32001, "empty"));
  EXPECT_THAT(done_, IsEmpty());
  const auto next = session_.next_deadline();
  ASSERT_TRUE(next);
  EXPECT_LT(*next, at_ms(1000));
  take(session_.on_tick(*next));
  EXPECT_NE(last_id_, rx);
  EXPECT_THAT(sent_.back(), HasSubstr("rx"));
  say(err(last_id_, -32001, "empty"));
  take(session_.on_tick(at_ms(1000)));
  EXPECT_THAT(done_, ElementsAre("1 RTT0705"));
}

TEST_P(Scene, each_error_of_the_driver_has_its_code) {
  say_hello();
  const WireId open = submit(1);
  say(err(open, -32004, "refused"));
  const WireId busy = submit(2);
  say(ok(busy, WireVerb::kOpen, "L2"));
  say(err(last_id_, -32003, "busy"));
  const WireId gone = submit(3);
  say(err(gone, -32002, "link"));
  const WireId rx = until_rx(4, "L4");
  say(err(rx, -32005, "failed"));
  EXPECT_THAT(done_, ElementsAre("1 RTT0803", "2 RTT0706", "3 RTT0704", "4 RTT0803"));
}

TEST_P(Scene, death_fails_every_call_once) {
  say_hello();
  until_rx(1, "L1");
  submit(2);
  take(session_.on_closed({Code::kLost, "the driver was ended by signal 9", {}, {}, {}}));
  EXPECT_THAT(done_, ElementsAre("1 RTT0704", "2 RTT0704"));
  submit(3);
  EXPECT_EQ(done_.back(), "3 RTT0704");
}

TEST_P(Scene, a_driver_that_never_says_hello_is_given_up) {
  take(session_.start(kStart));
  EXPECT_EQ(session_.next_deadline(), at_ms(limits::kDriverHelloMs));
  take(session_.on_tick(at_ms(limits::kDriverHelloMs)));
  EXPECT_EQ(failed_, "RTT0801");
}

TEST_P(Scene, another_version_or_a_missing_method_ends_it) {
  take(session_.start(kStart));
  say(json() ? R"({"jsonrpc":"2.0","id":1,"result":{"ver":2,"methods":["open","tx","rx","close"]}})"
             : "1\tok\t2\tc\techo\topen tx rx close");
  EXPECT_EQ(failed_, "RTT0802");
  WireSession other("o", GetParam());
  take(other.start(kStart));
  failed_.clear();
  take(other.on_line(json() ? R"({"jsonrpc":"2.0","id":1,"result":{"ver":1,"methods":["open","tx","rx"]}})"
                            : "1\tok\t1\tc\techo\topen tx rx",
                     kStart));
  EXPECT_EQ(failed_, "RTT0802");
}

TEST_P(Scene, silence_while_owing_what_nobody_waits_for_ends_it) {
  say_hello();
  until_rx(1, "L1");
  take(session_.on_tick(at_ms(1000)));
  take(session_.on_tick(at_ms(30'000)));
  EXPECT_EQ(failed_, "");
  take(session_.on_tick(at_ms(1000 + limits::kDriverSilentMs)));
  EXPECT_EQ(failed_, "RTT0802");
}

TEST_P(Scene, one_way_messages_keep_their_order_on_a_link_of_their_own) {
  say_hello();
  const WireId open = submit(1, 1000, WireOrder::Kind::kOneWay);
  submit(2, 1000, WireOrder::Kind::kOneWay);
  say(ok(open, WireVerb::kOpen, "W"));
  EXPECT_THAT(sent_.back(), HasSubstr("ask 1"));
  say(ok(last_id_, WireVerb::kTx, "5"));
  EXPECT_THAT(sent_.back(), HasSubstr("ask 2"));
  say(ok(last_id_, WireVerb::kTx, "5"));
  EXPECT_THAT(done_, ElementsAre("1 ", "2 "));
  until_rx(3, "L");
  EXPECT_EQ(session_.links(), 2U);
}

TEST_P(Scene, events_carry_the_address_of_their_link) {
  say_hello();
  const WireId open = submit(1, 1000, WireOrder::Kind::kPrepare);
  say(ok(open, WireVerb::kOpen, "L1"));
  EXPECT_THAT(done_, ElementsAre("1 "));
  say(evt("L1", "tick"));
  say(evt("other", "tock"));
  EXPECT_THAT(events_, ElementsAre("rtt://a/api/x@1.0.0 tick"));
  EXPECT_EQ(session_.counters().junk_lines, 1U);
}

TEST_P(Scene, links_and_calls_are_bounded) {
  say_hello();
  for (WireCall call = 1; call <= limits::kDriverCallsMax; ++call) submit(call);
  EXPECT_EQ(session_.links(), limits::kDriverLinksMax);
  submit(limits::kDriverCallsMax + 1);
  EXPECT_THAT(done_, ElementsAre(fmt::format("{} RTT0706", limits::kDriverCallsMax + 1)));
}

TEST_P(Scene, too_much_to_say_is_refused_and_the_link_stays_usable) {
  say_hello();
  const WireId open = submit(1);
  say(ok(open, WireVerb::kOpen, "L1"));
  say(ok(last_id_, WireVerb::kTx, "5"));
  say(ok(last_id_, WireVerb::kRx, "one"));
  take(session_.submit(2,
                       {.saddr = "rtt://a/api/x@1.0.0",
                        .params = {},
                        .payload = std::string(limits::kDriverLineBytesMax, 'x'),
                        .deadline = at_ms(1000)},
                       kStart));
  EXPECT_THAT(done_, ElementsAre("1 one", "2 RTT0206"));
  submit(3);
  EXPECT_THAT(sent_.back(), HasSubstr("ask 3"));
}

TEST_P(Scene, an_overlong_answer_fails_the_call_it_was_for) {
  say_hello();
  until_rx(1, "L1");
  take(session_.on_overlong(at_ms(5)));
  EXPECT_THAT(done_, ElementsAre("1 RTT0206"));
  EXPECT_EQ(session_.counters().overlong_lines, 1U);
}

TEST(LineWire, escapes_exactly_four_bytes) {
  EXPECT_EQ(escape_field("a\tb\nc\rd%e\xc3\xa9"), "a%09b%0Ac%0Dd%25e\xc3\xa9");
  EXPECT_EQ(unescape_field("a%09b%0Ac%0Dd%25"), "a\tb\nc\rd%");
  EXPECT_EQ(unescape_field("100%"), std::nullopt);
  EXPECT_EQ(unescape_field("%41"), std::nullopt);
  EXPECT_EQ(unescape_field("%0a"), std::nullopt);
}

TEST(LineWire, binary_goes_as_base64_where_the_link_was_opened_so) {
  const LineWire wire;
  const std::string bytes("\0\xff\n", 3);
  WireRequest tx{.verb = WireVerb::kTx, .link = "L", .payload = bytes, .encoding = WireEncoding::kBase64};
  EXPECT_EQ(*wire.encode(3, tx), "3\ttx\tL\tAP8K\n");
  const WireRequest rx{.verb = WireVerb::kRx, .encoding = WireEncoding::kBase64};
  EXPECT_EQ(wire.result(rx, wire.decode("4\tok\tAP8K"))->payload, bytes);
  EXPECT_FALSE(wire.result(rx, wire.decode("4\tok\tnot base64")));
}

TEST(JsonWire, bytes_that_are_no_text_go_as_b64_both_ways) {
  const JsonWire wire;
  const std::string bytes("\0\xff", 2);
  EXPECT_THAT(*wire.encode(3, {.verb = WireVerb::kTx, .link = "7", .payload = bytes}),
              HasSubstr(R"("b64":"AP8=")"));
  EXPECT_THAT(*wire.encode(3, {.verb = WireVerb::kTx, .link = "7", .payload = "text"}),
              HasSubstr(R"("link":7)"));
  const WireRequest rx{.verb = WireVerb::kRx};
  EXPECT_EQ(wire.result(rx, wire.decode(R"({"jsonrpc":"2.0","id":1,"result":{"b64":"AP8="}})"))->payload,
            bytes);
  EXPECT_FALSE(
      wire.result(rx, wire.decode(R"({"jsonrpc":"2.0","id":1,"result":{"b64":"AP8=","payload":""}})")));
  EXPECT_FALSE(wire.result(rx, wire.decode(R"({"jsonrpc":"2.0","id":1,"result":{"payload":{"a":1}}})")));
}

}  // namespace
}  // namespace rtt::drivers
