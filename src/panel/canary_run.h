// SPDX-License-Identifier: Apache-2.0
// CanaryRun: one canary under way (apply/canary.h): its machine, the two plans it was cut into, and the
// figures of the lanes by which it is judged.
//
// The figures are those of the asking end of each lane, for they are what a caller feels; of a lane whose
// asking end says nothing, those of the answering end. Lanes of routes in the part count for it, all others
// are the rest.
//
// Owns: the machine, the mappings of lanes.   Thread: the panel's loop.   Units: nanoseconds.   Fails: never.
// Limits: those of LanePages; kBudgetsMax routes are held to a budget.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apply/canary.h"
#include "panel/lane_pages.h"

namespace rtt::panel {

struct CanaryRun {
  static constexpr std::size_t kBudgetsMax = 1'000;  // 20 KiB each
  CanaryRun(apply::CanarySplit the_split, std::string the_plan, std::string the_asked);
  // What the lanes did since the last look is added to what they did before.
  void look(const std::vector<Wiring::Carried>& carried);
  apply::CanarySample sample(const std::vector<Wiring::Carried>& carried);
  // "2 of 10 routes of plan sha256-…"
  [[nodiscard]] std::string described() const;

  apply::Canary machine;
  apply::CanarySplit split;
  std::string plan;   // its id
  std::string asked;  // by whom, where the journal says so
  apply::CanaryPart under_way = apply::CanaryPart::kPart;
  std::vector<std::string> served_by;  // driver hosts of the part
  std::int64_t window_ms = 0;

 private:
  struct Side {
    telemetry::RouteSample all, fresh;  // since the watch began; since the last look that compared
    void add(const telemetry::RouteSample& seen);
    [[nodiscard]] apply::CanaryFigures figures() const;
  };
  struct Budgeted {
    model::Route route;
    std::uint64_t allowed_ns = 0;
    telemetry::RouteSample fresh{};  // since it was judged last
    int over = 0;                    // judgements running
    std::string words{};             // of the last
  };
  static void judge(Budgeted& one);
  [[nodiscard]] bool in_part(const model::Route& route) const;
  std::shared_ptr<LanePages> pages_;
  Side part_, rest_;
  std::vector<Budgeted> budgets_;
};

}  // namespace rtt::panel
