// SPDX-License-Identifier: Apache-2.0
#include "views/mechanism.h"

#include <gtest/gtest.h>

namespace rtt::views {
namespace {

constexpr std::array kWishes{std::optional<Mechanism>(),           std::optional(Mechanism::kFuse),
                             std::optional(Mechanism::kErofs),     std::optional(Mechanism::kLinks),
                             std::optional(Mechanism::kHardLinks), std::optional(Mechanism::kCopies)};

TEST(Mechanism, a_wish_that_can_be_had_is_had) {
  for (const auto wish : kWishes) {
    if (!wish) continue;
    EXPECT_EQ(choose(wish, 5, {}), (Choice{*wish, "panel.yaml asks for it"}));
  }
}

TEST(Mechanism, without_a_wish_the_mount_is_for_those_who_show_much) {
  EXPECT_EQ(choose({}, kFilesForFuse, {}).mechanism, Mechanism::kLinks);
  EXPECT_EQ(choose({}, kFilesForFuse + 1, {}).mechanism, Mechanism::kFuse);
}

TEST(Mechanism, nothing_that_is_refused_is_chosen_but_copies_and_each_refusal_on_the_way_is_told) {
  for (const auto wish : kWishes) {
    for (const std::size_t files : {std::size_t{1}, kFilesForFuse + 1}) {
      for (unsigned set = 0; set < 1U << model::kMechanisms; ++set) {
        Refusals refusals;
        for (std::size_t i = 0; i < refusals.size(); ++i) {
          if ((set >> i & 1U) != 0) refusals[i] = "reason " + std::to_string(i);
        }
        const Choice choice = choose(wish, files, refusals);
        const bool refused = refusal(refusals, choice.mechanism).has_value();
        EXPECT_TRUE(!refused || choice.mechanism == Mechanism::kCopies) << set;
        EXPECT_FALSE(choice.why.empty());
        if (wish && choice.mechanism != *wish) {
          EXPECT_NE(choice.why.find(*refusal(refusals, *wish)), std::string::npos) << choice.why;
        }
      }
    }
  }
}

TEST(Mechanism, what_falls_back_says_what_was_wished_and_why_not) {
  Refusals refusals;
  refusal(refusals, Mechanism::kFuse) = "this machine has no /dev/fuse";
  EXPECT_EQ(choose(Mechanism::kFuse, 1, refusals),
            (Choice{Mechanism::kLinks, "fuse cannot be had: this machine has no /dev/fuse"}));
}

}  // namespace
}  // namespace rtt::views
