// SPDX-License-Identifier: Apache-2.0
// wiring: the panel's side of two handshakes that make one lane, spoken to by hand: what is said twice, too
// late, wrongly or with the wrong memory gets its answer, and nothing else is harmed.
#include "panel/wiring.h"

#include <gtest/gtest.h>

#include "api/handshake_json.h"
#include "crypto/sha256.h"
#include "endpoint/attachment.h"
#include "fabric/shm/layout.h"
#include "os/unix_socket.h"

namespace rtt::panel {
namespace {

using fabric::HandshakeMessage;
using fabric::LaneEnd;
using model::LaneKind;
using text::Json;

constexpr std::string_view kHook = "rtt://ui/hook/refresh@1.0.0", kApi = "rtt://core/api/metrics@1.2.0";

model::Contract contract_of(std::string_view saddr) {
  model::Contract contract;
  contract.saddr = model::parse_definition(saddr).value();
  contract.hash = crypto::sha256(saddr);
  return contract;
}

// One end, spoken for by the test.
struct End {
  std::shared_ptr<api::Peer> here, there;  // the end's connection, the panel's
  LaneEnd end;                             // from lane.want
  Json wanted;                             // its args
  fabric::Nonce nonce{10};
  std::vector<HandshakeMessage> heard;
  std::vector<std::vector<os::Fd>> fds;             // of each
  std::vector<std::pair<std::string, Json>> asked;  // every request of the panel
  os::Fd page;                                      // of lane.adopt
  std::string refuses;                              // a verb
  bool closed = false;

  template <typename Message>
  [[nodiscard]] std::vector<Message> all() const {
    std::vector<Message> found;
    for (const auto& each : heard) {
      if (const auto* message = std::get_if<Message>(&each)) found.push_back(*message);
    }
    return found;
  }
};

class WiringTest : public ::testing::Test {
 protected:
  WiringTest()
      : loop_(*os::Loop::create()),
        hosts_(*loop_, {.root = "/nowhere", .user_dir = "/nowhere"}, [](const std::string&) {}),
        wiring_({.loop = *loop_,
                 .hosts = hosts_,
                 .contract = [this](const Digest& hash) -> Result<SharedContract> {
                   for (const auto* each :
                        std::initializer_list<const model::Contract*>{&hook_, &api_, also_known_})
                     if (each != nullptr && each->hash == hash)
                       return std::make_shared<const model::Contract>(*each);
                   return fail(Code::kNotFound, "no such contract");
                 },
                 .in_force = [this](const std::vector<std::string>& references)
                     -> Result<std::vector<model::Contract>> {
                   std::vector<model::Contract> meant;
                   for (const std::string& one : references)
                     meant.push_back(one == kHook ? hook_ : one == kApi ? api_ : *also_known_);
                   return meant;
                 },
                 .graph = [this]() -> const model::Graph& { return graph_; },
                 .audit = [this](Json record) { audited_.emplace_back(record.string_or("action")); }}) {
    wiring_.start(1);
    route_.id = {7};
    route_.from = hook_.saddr;
    route_.to = api_.saddr;
    route_.contract = api_.hash;
    route_.consumer_contract = hook_.hash;
    route_.lane = LaneKind::kShm;
    route_.node_from = route_.node_to = "local";
    route_.origin = "routes";
    connect(from_);
    connect(to_);
  }

  void connect(End& end) {
    auto pair = os::socket_pair().value();
    end.there = api::Peer::start(
        *loop_, std::move(pair.second), {.role = api::Peer::Role::kAccepting},
        [this, &end](api::Request request, const api::Responder& respond) {
          if (request.verb == "endpoint.attach") return wiring_.attach(end.there, request, respond);
          if (request.verb == "endpoint.gone") return wiring_.gone(end.there, request, respond);
          wiring_.hear(end.there, std::move(request), respond);
        },
        [this, &end](const Error&) { wiring_.connection_lost(end.there.get()); });
    end.here = api::Peer::start(
        *loop_, std::move(pair.first), {.role = api::Peer::Role::kConnecting, .client_name = "test"},
        [&end](api::Request request, const api::Responder& respond) {
          if (request.verb == "lane.want") {
            end.end = {api::counter_or_none(request.args, "end")};
            end.wanted = request.args;
          }
          end.asked.emplace_back(request.verb, request.args);
          if (request.verb == end.refuses) return respond.finish(fail(Code::kBusy, "not now"));
          if (request.verb == "lane.adopt") end.page = std::move(request.fds.front());
          if (api::is_handshake(request.verb)) {
            end.heard.push_back(api::read_handshake(request.verb, request.args).value().message);
            end.fds.push_back(std::move(request.fds));
          }
          respond.finish(api::Answer{Json::object({}), {}, {}});
        },
        [&end](const Error&) { end.closed = true; });
  }

  [[nodiscard]] std::string_view symbol_of(const End& end) const {
    return &end == &from_ ? kHook : &end == &to_ ? kApi : "rtt://core/api/metrics@1.3.0";
  }
  void attach(End& end, Json lanes) {
    bool attached = false;
    end.here->ask("endpoint.attach",
                  Json::object({{"lanes", std::move(lanes)}, {"symbols", Json::array({symbol_of(end)})}}),
                  [&](const Result<api::Answer>& answer) { attached = answer.has_value(); });
    until([&] { return attached; });
  }

  void until(const std::function<bool()>& done) {
    for (int turns = 0; turns < 2000 && !done(); ++turns) loop_->run_once(nanos_from_ms(10));
    ASSERT_TRUE(done());
  }
  // Everything that is on its way has arrived: both connections have carried a question and its answer.
  void quiet() {
    for (End* end : {&from_, &to_}) {
      if (end->closed) continue;
      int answers = 0;
      const auto one = [&](const auto&) { ++answers; };
      end->here->ask("endpoint.attach", Json::object({}), one);
      end->there->ask("lane.ls", Json::object({}), one);
      until([&] { return answers == 2; });
    }
  }

  void prepare() {
    for (End* end : {&from_, &to_}) attach(*end, text::JsonArray{});
    wiring_.prepare({route_}, {}, [this](const Status& status) { prepared_ = status; });
    until([&] { return from_.end != LaneEnd{} && to_.end != LaneEnd{}; });
  }
  void say(End& end, const HandshakeMessage& message, std::vector<os::Fd> fds = {}) {
    const api::HandshakeRequest request = api::handshake_request(end.end, message);
    end.here->ask(std::string(request.verb), request.args, [](const auto&) {}, std::move(fds));
    quiet();
  }
  [[nodiscard]] fabric::Syn syn(const End& end, std::vector<LaneKind> lanes) const {
    const model::Contract& contract = &end == &from_ ? hook_ : api_;
    return {.nonce = end.nonce,
            .saddr = model::identity(contract.saddr),
            .caps = {},
            .contract = contract.hash,
            .lanes = std::move(lanes)};
  }
  void offer(std::vector<LaneKind> lanes) {
    say(from_, syn(from_, lanes));
    say(to_, syn(to_, lanes));
  }
  void bind(End& end, std::vector<os::Fd> fds = {}) {
    say(end, fabric::Bind{end.nonce, end.all<fabric::Ack>().back().generation}, std::move(fds));
  }
  void ready(End& end) {
    const auto ack = end.all<fabric::Ack>().back();
    say(end, fabric::Ready{end.nonce, ack.generation, ack.lane, fabric::Tone::kTells});
  }
  void wire_over_sockets() {
    prepare();
    offer({LaneKind::kUds});
    bind(from_);
    bind(to_);
    ready(from_);
    EXPECT_FALSE(prepared_);
    ready(to_);
  }

  std::unique_ptr<os::Loop> loop_;
  model::Contract hook_ = contract_of(kHook), api_ = contract_of(kApi);
  const model::Contract* also_known_ = nullptr;
  model::Graph graph_;
  model::Route route_;
  std::vector<std::string> audited_;
  Hosts hosts_;
  Wiring wiring_;
  End from_, to_;
  std::optional<Status> prepared_;
};

TEST_F(WiringTest, two_handshakes_make_one_lane) {
  wire_over_sockets();
  ASSERT_TRUE(prepared_ && *prepared_) << prepared_->error().message;
  const auto a = from_.all<fabric::Ack>(), b = to_.all<fabric::Ack>();
  ASSERT_EQ(a.size(), 1U);
  ASSERT_EQ(b.size(), 1U);
  EXPECT_EQ(a[0].generation, b[0].generation);
  EXPECT_EQ(a[0].lane, LaneKind::kUds);
  EXPECT_EQ(from_.fds.back().size(), 1U);  // READY
  EXPECT_EQ(to_.fds.back().size(), 1U);
}

// Its ends may come back to it; whoever else leaves meanwhile is none of them.
TEST_F(WiringTest, a_lane_whose_ends_are_both_away_and_alive_stays) {
  wire_over_sockets();
  graph_.routes = {route_};
  bool flipped = false;
  wiring_.flip({route_}, [&](const Status&) { flipped = true; });
  until([&] { return flipped; });
  ASSERT_EQ(wiring_.carried().size(), 1U);
  for (End* end : {&from_, &to_}) {
    end->here->close();
    until([&] { return !end->there->open(); });
    end->there = nullptr;
  }
  End other;
  connect(other);
  wiring_.connection_lost(other.there.get());
  wiring_.try_again();
  EXPECT_EQ(wiring_.carried().size(), 1U);
}

// It hung for longer than it is waited for, and its connection never broke: nothing else brings the lane up.
TEST_F(WiringTest, what_could_not_be_wired_is_tried_again_and_told_once) {
  graph_.routes = {route_};
  to_.refuses = "lane.want";
  for (End* end : {&from_, &to_}) attach(*end, text::JsonArray{});
  quiet();
  const auto wanted = [this] {
    return std::ranges::count(to_.asked, "lane.want", [](const auto& one) { return one.first; });
  };
  EXPECT_EQ(wanted(), 1);
  EXPECT_EQ(audited_.size(), 1U);
  wiring_.try_again();
  quiet();
  ASSERT_EQ(wanted(), 2);
  EXPECT_EQ(audited_.size(), 1U);
  to_.refuses.clear();
  wiring_.try_again();
  until([&] { return wanted() == 3; });
  offer({LaneKind::kUds});
  for (End* end : {&from_, &to_}) bind(*end);
  for (End* end : {&from_, &to_}) ready(*end);
  until([this] { return wiring_.view(route_).state == "ready"; });
  wiring_.try_again();
  quiet();
  EXPECT_EQ(wanted(), 3);
}

TEST_F(WiringTest, an_end_that_did_not_answer_a_flip_is_told_again) {
  wire_over_sockets();
  graph_.routes = {route_};
  to_.refuses = "lane.flip";
  std::optional<Status> flipped;
  wiring_.flip({route_}, [&](const Status& status) { flipped = status; });
  until([&] { return flipped.has_value(); });
  EXPECT_FALSE(*flipped);
  EXPECT_EQ(wiring_.view(route_).state, "waiting");
  to_.refuses.clear();
  wiring_.settle();
  wiring_.try_again();
  until([this] { return wiring_.view(route_).state == "ready"; });
  quiet();
  const auto told = [](const End& end) {
    return std::ranges::count(end.asked, "lane.flip", [](const auto& one) { return one.first; });
  };
  EXPECT_EQ(told(to_), 2);
  EXPECT_EQ(told(from_), 1);
}

TEST_F(WiringTest, an_offer_waits_for_the_other_ends) {
  prepare();
  say(from_, syn(from_, {LaneKind::kShm, LaneKind::kUds}));
  EXPECT_TRUE(from_.heard.empty());
  say(to_, syn(to_, {LaneKind::kUds}));
  EXPECT_EQ(from_.all<fabric::Ack>().at(0).lane, LaneKind::kUds);
  EXPECT_EQ(to_.all<fabric::Ack>().at(0).lane, LaneKind::kUds);
}

TEST_F(WiringTest, what_is_said_twice_is_answered_the_same_and_changes_nothing) {
  prepare();
  offer({LaneKind::kUds});
  say(from_, syn(from_, {LaneKind::kUds}));
  const auto acks = from_.all<fabric::Ack>();
  ASSERT_EQ(acks.size(), 2U);
  EXPECT_EQ(acks[0], acks[1]);
  bind(from_);
  bind(from_);
  bind(to_);
  ready(from_);
  ready(from_);
  EXPECT_FALSE(prepared_);
  ready(to_);
  ready(to_);
  ASSERT_TRUE(prepared_ && *prepared_);
  say(from_, syn(from_, {LaneKind::kUds}));
  EXPECT_EQ(from_.all<fabric::Ack>().back(), acks[0]);
}

TEST_F(WiringTest, a_replayed_handshake_is_refused_and_the_lane_stays) {
  wire_over_sockets();
  fabric::Syn old = syn(from_, {LaneKind::kUds});
  --old.nonce.value;
  say(from_, old);
  ASSERT_EQ(from_.all<fabric::Nack>().size(), 1U);
  EXPECT_EQ(from_.all<fabric::Nack>()[0].reason.code, Code::kNack);
  fabric::Syn other = syn(from_, {LaneKind::kShm});
  say(from_, other);
  EXPECT_EQ(from_.all<fabric::Nack>().at(1).reason.code, Code::kPanelProtocol);
  wiring_.flip({route_}, [](const Status&) {});
  EXPECT_EQ(wiring_.carried().size(), 1U);
}

TEST_F(WiringTest, another_contract_is_refused_and_the_change_with_it) {
  prepare();
  fabric::Syn offer = syn(to_, {LaneKind::kUds});
  offer.contract = crypto::sha256("another");
  say(to_, offer);
  ASSERT_EQ(to_.all<fabric::Nack>().size(), 1U);
  EXPECT_EQ(to_.all<fabric::Nack>()[0].reason.code, Code::kSchemaMismatch);
  ASSERT_TRUE(prepared_ && !*prepared_);
  EXPECT_EQ(prepared_->error().code, Code::kSchemaMismatch);
}

TEST_F(WiringTest, an_end_that_is_unknown_hears_no) {
  to_.end = {4711};
  say(to_, syn(to_, {LaneKind::kUds}));
  EXPECT_EQ(to_.all<fabric::Nack>().size(), 1U);
  say(to_, fabric::Ready{{10}, {3}, LaneKind::kUds, fabric::Tone::kAsks});
  ASSERT_EQ(to_.all<fabric::Trip>().size(), 1U);
  EXPECT_EQ(to_.all<fabric::Trip>()[0].tone, fabric::Tone::kTells);
}

TEST_F(WiringTest, another_connections_end_is_unknown_too) {
  prepare();
  from_.end = to_.end;
  say(from_, syn(to_, {LaneKind::kUds}));
  EXPECT_EQ(from_.all<fabric::Nack>().size(), 1U);
  EXPECT_FALSE(prepared_);
}

TEST_F(WiringTest, another_number_of_descriptors_ends_the_connection) {
  prepare();
  offer({LaneKind::kShm});
  std::vector<os::Fd> one;
  one.push_back(os::socket_pair().value().first);
  say(from_, fabric::Bind{from_.nonce, from_.all<fabric::Ack>().at(0).generation}, std::move(one));
  until([&] { return from_.closed; });
  ASSERT_TRUE(prepared_ && !*prepared_);
  EXPECT_EQ(prepared_->error().code, Code::kPanelProtocol);
  EXPECT_FALSE(to_.closed);
}

// Memory that its writer could cut short while the other end reads it: not passed on, a socket instead.
TEST_F(WiringTest, what_is_no_sealed_memory_is_not_passed_on) {
  prepare();
  offer({LaneKind::kShm, LaneKind::kUds});
  const auto ack = from_.all<fabric::Ack>().at(0);
  std::vector<os::Fd> loose;
  for (int i = 0; i < 3; ++i) loose.push_back(os::socket_pair().value().first);
  bind(from_, std::move(loose));
  ASSERT_EQ(from_.all<fabric::Trip>().size(), 1U);
  EXPECT_EQ(from_.all<fabric::Trip>()[0].advice, fabric::TripAdvice::kOtherLane);
  EXPECT_EQ(from_.all<fabric::Trip>()[0].reason.code, Code::kFrame);
  EXPECT_EQ(to_.all<fabric::Trip>().size(), 1U);
  EXPECT_EQ(audited_, std::vector<std::string>{"lane_fallback"});
  EXPECT_FALSE(prepared_);
  for (End* end : {&from_, &to_}) ++end->nonce.value;
  offer({LaneKind::kUds});
  EXPECT_EQ(to_.all<fabric::Ack>().back().lane, LaneKind::kUds);
  EXPECT_GT(to_.all<fabric::Ack>().back().generation, ack.generation);
}

TEST_F(WiringTest, an_end_that_goes_away_fails_the_change) {
  prepare();
  offer({LaneKind::kUds});
  to_.here->close();
  until([&] { return prepared_.has_value(); });
  ASSERT_FALSE(*prepared_);
  EXPECT_EQ(prepared_->error().code, Code::kLost);
}

// Another policy, capability or kind of lane: the lane that is there keeps its port until the new one is up.
TEST_F(WiringTest, a_route_that_is_planned_otherwise_gets_a_lane_that_takes_over) {
  wire_over_sockets();
  wiring_.flip({route_}, [](const Status&) {});
  const std::uint64_t old = wiring_.carried().at(0).generation;
  std::vector<model::Route> changed(3, route_);
  changed[0].qos.backpressure = model::Backpressure::kBuffer;
  changed[1].caps = {"pull"};
  changed[2].lane = LaneKind::kUds;
  for (const model::Route& next : changed) {
    from_.end = to_.end = LaneEnd{};
    bool done = false;
    wiring_.prepare({next}, {route_}, [&](const Status&) { done = true; });
    until([&] { return from_.end != LaneEnd{} && to_.end != LaneEnd{}; });
    EXPECT_EQ(from_.wanted.int_or("follows", 0), static_cast<std::int64_t>(old));
    EXPECT_EQ(wiring_.carried().size(), 1U);
    wiring_.drop_built();
    EXPECT_TRUE(done);
  }
  // Only where it was wished for and where it runs is another: the lane carries on.
  model::Route same = route_;
  same.origin = "agent";
  bool done = false;
  wiring_.prepare({same}, {route_}, [&](const Status& status) { done = status.has_value(); });
  EXPECT_TRUE(done);
}

// A panel that has just started: the end says what it holds and READY, and the lane goes on.
TEST_F(WiringTest, a_lane_of_an_earlier_panel_is_taken_over) {
  graph_.routes.push_back(route_);
  for (End* end : {&from_, &to_}) {
    const bool is_from = end == &from_;
    Json row = endpoint::to_json({.generation = 3,
                                  .side = is_from ? endpoint::Side::kFrom : endpoint::Side::kTo,
                                  .route = route_,
                                  .lane = LaneKind::kUds,
                                  .port = "rtt://core/api/metrics"});
    row.set("carrying", true).set("end", is_from ? "4" : "5");
    end->end = {is_from ? 4U : 5U};
    attach(*end, Json::array({row}));
    say(*end, fabric::Ready{{9}, {3}, LaneKind::kUds, fabric::Tone::kAsks});
    ASSERT_EQ(end->all<fabric::Ready>().size(), 1U);
    EXPECT_EQ(end->all<fabric::Ready>()[0].tone, fabric::Tone::kTells);
  }
  ASSERT_EQ(wiring_.carried().size(), 1U);
  EXPECT_EQ(wiring_.carried()[0].generation, 3U);
  EXPECT_EQ(wiring_.view(route_).state, "ready");
}

// A chain of rings as both ends hold it when a panel dies in the middle of a swap, for the one that follows
// it.
class AdoptionTest : public WiringTest {
 protected:
  AdoptionTest() {
    second_ = api_;
    second_.saddr = model::parse_definition("rtt://core/api/metrics@1.3.0").value();
    second_.hash = crypto::sha256("second");
    also_known_ = &second_;
    swapped_ = route_;
    swapped_.to = second_.saddr;
    swapped_.contract = second_.hash;
    connect(other_);
  }
  [[nodiscard]] Json row(const model::Route& route, endpoint::Side side, std::uint64_t generation,
                         std::uint32_t ring, bool carrying, std::uint32_t epoch) const {
    Json row = endpoint::to_json({.generation = generation,
                                  .side = side,
                                  .route = route,
                                  .lane = LaneKind::kShm,
                                  .port = "rtt://core/api/metrics",
                                  .follows = generation - 10});
    row.set("carrying", carrying).set("ring", ring).set("epoch", epoch);
    row.set("end", std::to_string(generation + (side == endpoint::Side::kFrom ? 1 : 2)));
    return row;
  }
  // The old lane carries, the new one is built; the page says `epoch`.
  void come_back(std::uint32_t epoch) {
    using endpoint::Side;
    attach(to_, Json::array({row(route_, Side::kTo, 20, 1, true, epoch)}));
    attach(other_, Json::array({row(swapped_, Side::kTo, 30, 2, false, epoch)}));
    attach(from_, Json::array({row(route_, Side::kFrom, 20, 1, true, epoch),
                               row(swapped_, Side::kFrom, 30, 2, false, epoch)}));
    quiet();
  }
  [[nodiscard]] static std::vector<std::int64_t> generations(const End& end, std::string_view verb) {
    std::vector<std::int64_t> all;
    for (const auto& [said, args] : end.asked) {
      if (said != verb) continue;
      for (const Json& each : args.find("generations")->as_array()) all.push_back(each.as_int());
    }
    return all;
  }
  static std::vector<std::int64_t> controls(const End& end) {
    std::vector<std::int64_t> all;
    for (const auto& [said, args] : end.asked) {
      if (said == "lane.adopt") all.push_back(args.int_or("control", 0));
    }
    return all;
  }
  model::Contract second_;
  model::Route swapped_;
  End other_;
};

TEST_F(AdoptionTest, what_was_built_and_not_committed_goes_and_the_old_lane_carries_on) {
  graph_.routes = {route_};
  come_back(1);
  EXPECT_EQ(generations(from_, "lane.close"), (std::vector<std::int64_t>{30}));
  EXPECT_TRUE(generations(from_, "lane.flip").empty());
  EXPECT_TRUE(generations(to_, "lane.close").empty());
  EXPECT_EQ(generations(other_, "lane.close"), (std::vector<std::int64_t>{30}));
  EXPECT_EQ(wiring_.carried().size(), 1U);
  EXPECT_EQ(wiring_.view(route_).state, "ready");
}

TEST_F(AdoptionTest, what_was_committed_is_flipped_and_the_old_lane_is_closed_after_it) {
  graph_.routes = {swapped_};
  come_back(1);
  EXPECT_EQ(generations(from_, "lane.flip"), (std::vector<std::int64_t>{30}));
  EXPECT_EQ(generations(other_, "lane.flip"), (std::vector<std::int64_t>{30}));
  EXPECT_EQ(generations(from_, "lane.close"), (std::vector<std::int64_t>{20}));
  EXPECT_EQ(wiring_.view(swapped_).state, "ready");
  // One page for the whole chain, at every end.
  ASSERT_EQ(controls(from_).size(), 2U);
  EXPECT_EQ(controls(from_)[0], controls(from_)[1]);
  EXPECT_EQ(controls(other_), (std::vector{controls(from_)[0]}));
}

// The page had moved when the panel died, its messages were not sent: the new one says the same, also before
// the new provider is back.
TEST_F(AdoptionTest, a_page_that_moved_before_its_panel_died_stays_where_it_is) {
  using endpoint::Side;
  graph_.routes = {swapped_};
  attach(from_, Json::array(
                    {row(route_, Side::kFrom, 20, 1, true, 2), row(swapped_, Side::kFrom, 30, 2, false, 2)}));
  quiet();
  const auto page = os::map_shared_memory(from_.page.get(), fabric::shm::kPageBytes).value();
  EXPECT_EQ(load_le<std::uint32_t>(page.bytes(), 128), 2U);
  EXPECT_TRUE(generations(from_, "lane.flip").empty());
  attach(other_, Json::array({row(swapped_, Side::kTo, 30, 2, false, 2)}));
  quiet();
  EXPECT_EQ(generations(from_, "lane.flip"), (std::vector<std::int64_t>{30}));
  EXPECT_EQ(wiring_.view(swapped_).state, "ready");
}

TEST_F(AdoptionTest, only_an_end_of_a_lane_may_claim_it_or_give_it_up) {
  graph_.routes = {route_};
  using endpoint::Side;
  attach(from_, Json::array({row(route_, Side::kFrom, 20, 1, true, 1)}));
  attach(to_, Json::array({row(route_, Side::kTo, 20, 1, true, 1)}));
  attach(other_,
         Json::array({row(route_, Side::kTo, 20, 1, true, 1), row(route_, Side::kFrom, 40, 1, true, 1)}));
  other_.here->ask("endpoint.gone", Json::object({{"broken", true}, {"generation", 20}}), [](const auto&) {});
  quiet();
  EXPECT_EQ(generations(other_, "lane.close"), (std::vector<std::int64_t>{20, 40}));
  EXPECT_TRUE(generations(from_, "lane.close").empty());
  EXPECT_EQ(wiring_.view(route_).state, "ready");
}

// It died when one end had heard of the flip and the other had not, in whatever order they come back.
TEST_F(AdoptionTest, a_flip_that_reached_one_end_reaches_the_other) {
  using endpoint::Side;
  graph_.routes = {swapped_};
  attach(other_, Json::array({row(swapped_, Side::kTo, 30, 1, true, 1)}));
  attach(from_, Json::array(
                    {row(route_, Side::kFrom, 20, 1, true, 1), row(swapped_, Side::kFrom, 30, 1, false, 1)}));
  quiet();
  EXPECT_EQ(generations(from_, "lane.flip"), (std::vector<std::int64_t>{30}));
  EXPECT_EQ(generations(from_, "lane.close"), (std::vector<std::int64_t>{20}));
  EXPECT_EQ(wiring_.view(swapped_).state, "ready");
}

// It gave the lane up while its connection stalled: whoever is left at the other end waits for no last word.
TEST_F(AdoptionTest, a_lane_that_one_end_gave_up_unheard_is_broken_at_the_other) {
  using endpoint::Side;
  graph_.routes = {route_};
  attach(to_, Json::array({row(route_, Side::kTo, 20, 1, true, 1)}));
  attach(from_, Json::array({row(route_, Side::kFrom, 20, 1, true, 1)}));
  attach(from_, Json::array({}));
  quiet();
  ASSERT_EQ(generations(to_, "lane.close"), (std::vector<std::int64_t>{20}));
  const auto closed = std::ranges::find(to_.asked, "lane.close", [](const auto& each) { return each.first; });
  EXPECT_TRUE(closed->second.bool_or("broken", false));
}

// It died between a flip and the closing of the old lane: that one goes, and a change back builds anew.
TEST_F(AdoptionTest, the_old_lane_of_a_flip_that_was_done_goes) {
  using endpoint::Side;
  graph_.routes = {swapped_};
  attach(to_, Json::array({row(route_, Side::kTo, 20, 1, true, 2)}));
  attach(other_, Json::array({row(swapped_, Side::kTo, 30, 2, true, 2)}));
  attach(from_,
         Json::array({row(route_, Side::kFrom, 20, 1, true, 2), row(swapped_, Side::kFrom, 30, 2, true, 2)}));
  quiet();
  EXPECT_EQ(generations(from_, "lane.close"), (std::vector<std::int64_t>{20}));
  EXPECT_EQ(generations(to_, "lane.close"), (std::vector<std::int64_t>{20}));
  ASSERT_EQ(wiring_.carried().size(), 1U);
  EXPECT_EQ(wiring_.carried()[0].generation, 30U);
  from_.end = to_.end = LaneEnd{};
  wiring_.prepare({route_}, {swapped_}, [](const Status&) {});
  until([&] { return from_.end != LaneEnd{} && to_.end != LaneEnd{}; });
  EXPECT_EQ(from_.wanted.int_or("follows", 0), 30);
}

TEST_F(WiringTest, a_program_attaches_as_so_many_symbols_and_no_more) {
  Json symbols = text::JsonArray{};
  for (std::size_t i = 0; i <= endpoint::kSymbolsMax; ++i) symbols.push(kHook);
  std::optional<Code> refused;
  from_.here->ask(
      "endpoint.attach", Json::object({{"symbols", std::move(symbols)}}),
      [&](const Result<api::Answer>& answer) { refused = answer ? Code{} : answer.error().code; });
  until([&] { return refused.has_value(); });
  EXPECT_EQ(*refused, Code::kLimit);
}

// Numbers no panel has given yet would take the place of those that one will.
TEST_F(AdoptionTest, numbers_from_nowhere_are_not_taken_up) {
  graph_.routes = {route_};
  using endpoint::Side;
  Json far = row(route_, Side::kFrom, 20, 1, true, 1);
  far.set("end", "18446744073709551614");
  Json farther = row(route_, Side::kFrom, std::uint64_t{1} << 40, 1, true, 1);
  farther.set("end", "50");
  attach(from_, Json::array({farther, far}));
  quiet();
  EXPECT_EQ(generations(from_, "lane.close").size(), 2U);
  EXPECT_TRUE(wiring_.carried().empty());
}

}  // namespace
}  // namespace rtt::panel
