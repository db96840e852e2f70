// SPDX-License-Identifier: Apache-2.0
// `rtt sign PLAN`: a person agrees, at a terminal, that an agent may apply a plan as it stands.
#include <fmt/format.h>

#include <algorithm>

#include "panel/approval.h"
#include "panel/ledger.h"
#include "panel/planning.h"
#include "panel/workbench.h"
#include "registry/identity.h"

namespace rtt::panel {
namespace {

using text::Json;

// Every route: what a person did not see, nobody agreed to.
void describe(const model::Plan& plan, std::vector<std::string>& will) {
  const auto say = [&will](char sign, const model::Route& route) {
    will.push_back(fmt::format("{} {} -> {}  {} {} ({})", sign, to_string(route.from), to_string(route.to),
                               to_string(route.lane), to_string(route.route_class), route.origin));
  };
  for (const model::Route& route : plan.routes_del) say('-', route);
  for (const model::Route& route : plan.routes_add) say('+', route);
  for (const model::View& view : plan.views_del)
    will.push_back(fmt::format("- view of {} {}", view.provider, to_string(view.root)));
  for (const model::View& view : plan.views_add)
    will.push_back(fmt::format("+ view of {} {}", view.provider, to_string(view.root)));
}

}  // namespace

bool names_plan(std::string_view word) {
  return word.starts_with("sha256-") || word.starts_with("sha256:") || word.ends_with(".plan.json");
}

Result<Json> sign_plans(const Turn& turn, const registry::Workspace& workspace) {
  RTT_TRY_SET(const LedgerView ledger, read_ledger(workspace));
  const Seq seq = ledger.recovered.seq;
  std::vector<Digest> plans;
  std::vector<std::string> will;
  std::string shown = fmt::format("{}", seq.value);
  for (const std::string& word : turn.list("paths")) {
    if (!names_plan(word)) {
      return fail(Code::kBadArgument, "plans are signed apart from files, which serve another purpose", word,
                  "rtt sign " + word);
    }
    RTT_TRY_SET(const std::string path, find_plan(workspace, word, turn.ask.directory));
    RTT_TRY_SET(const model::SealedPlan sealed, load_trusted_plan(workspace, path, {}));
    if (sealed.plan.base != ledger.recovered.root) {
      return fail(Code::kStalePlan,
                  fmt::format("plan {} does not start from the wiring in force", to_string(sealed.plan_id)),
                  path, "rtt plan");
    }
    will.push_back("plan " + to_string(sealed.plan_id));
    describe(sealed.plan, will);
    shown += " " + to_string(sealed.plan_id);
    plans.push_back(sealed.plan_id);
  }
  const bool other = turn.ask.args.find("shown") != nullptr && turn.text("shown") != shown;
  if (turn.consent() == Turn::Consent::kShow || other)
    return asking_about(std::move(shown), "Let an agent apply this, unless the wiring changes before?", will);
  if (!turn.set("typed")) {
    return fail(Code::kNeedsConsent, "a plan is signed for agents by a person at a terminal, not by --yes",
                {}, "run it at a terminal, without --yes");
  }
  RTT_TRY_SET(const crypto::SecretKey key, registry::load_own_key(workspace.user_dir));
  Json rows = text::JsonArray{};
  for (const Digest& plan : plans) {
    RTT_TRY_SET(const std::string path, store_approval(workspace, plan, seq, key));
    rows.push(Json::object({{"commit", static_cast<std::int64_t>(seq.value)},
                            {"hash", to_string(plan)},
                            {"path", path.substr(workspace.root.size() + 1)},
                            {"supersedes", Json()}}));
  }
  return Json::object({{"key_id", crypto::key_id(key.public_key())},
                       {"problems", Json(text::JsonArray{})},
                       {"signed", std::move(rows)}});
}

}  // namespace rtt::panel
