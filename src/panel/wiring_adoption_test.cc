// SPDX-License-Identifier: Apache-2.0
// wiring: what a panel finds that follows one which died in the middle of a swap. Method: ends that come back
// with what they hold, spoken for by hand.
#include <gtest/gtest.h>

#include "endpoint/attachment.h"
#include "fabric/shm/layout.h"
#include "panel/wiring_for_test.h"

namespace rtt::panel {
namespace {

using fabric::LaneEnd;
using model::LaneKind;
using text::Json;

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
