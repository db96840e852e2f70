// SPDX-License-Identifier: Apache-2.0
// Canaries: what apply/canary.h decides, done by changes of the graph like any other. The change that asked
// for one is under way until it is promoted or gone back; others wait, and an undo ends it.
#include <fmt/format.h>

#include <algorithm>

#include "api/error_json.h"
#include "apply/reconcile.h"
#include "os/clock.h"
#include "panel/acceptance.h"
#include "panel/canary_run.h"
#include "panel/ledger.h"
#include "panel/planning.h"
#include "panel/rows.h"
#include "panel/state.h"
#include "registry/identity.h"

namespace rtt::panel {
namespace {

using apply::CanaryPart;
using text::Json;

constexpr std::int64_t kWindowMsByDefault = 30'000;
constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

}  // namespace

// A canary asks for a part of the plan and a window; a window alone, here or in panel.yaml, for all of it.
Result<std::optional<Watch>> watch_of(const Json& args, const model::Plan& plan, std::int64_t configured_ms) {
  const bool part = args.find("canary") != nullptr;
  Watch watch{.percent = static_cast<int>(args.int_or("canary", 100)),
              .window_ms = part ? kWindowMsByDefault : configured_ms,
              .unused = part ? apply::Unused::kGoesBack : apply::Unused::kStays};
  const std::string word(args.string_or("window"));
  if (word == "0") {
    watch.window_ms = 0;
  } else if (!word.empty()) {
    RTT_TRY_SET(watch.window_ms, milliseconds_of(word));
  }
  if (!part && watch.window_ms == 0) return std::nullopt;
  const Nanos window = nanos_from_ms(watch.window_ms);
  if (window < apply::kCanaryWindowMin || window > apply::kCanaryWindowMax) {
    return fail(Code::kBadArgument,
                fmt::format("--window {} is not from {} s to {} s{}", word,
                            apply::kCanaryWindowMin.value / kNanosPerSecond,
                            apply::kCanaryWindowMax.value / kNanosPerSecond, part ? "" : ", or 0"),
                {}, "rtt apply --help");
  }
  if (!part && plan.routes_add.empty()) return std::nullopt;
  return watch;
}

// The first part of a plan that was found good as a whole.
Result<apply::Start> Panel::State::begin_canary(const Watch& watch, const Change& change,
                                                const apply::Start& whole, Json& body) {
  const std::int64_t window_ms = watch.window_ms;
  RTT_TRY_SET(apply::CanarySplit split, apply::canary_split(whole.plan, graph, watch.percent));
  auto run = std::make_unique<CanaryRun>(std::move(split), to_string(whole.plan_id), whole.reason);
  run->window_ms = window_ms;
  run->machine.step(apply::CanaryStart{nanos_from_ms(window_ms), watch.unused},
                    os::now());  // asks for the part
  RTT_TRY_SET(apply::Start part, start_of(CanaryPart::kPart, *run, whole.who, {}));
  for (const apply::Participant& one : part.participants) run->served_by.push_back(one.name);
  body.set("canary",
           Json::object({{"of", run->split.of}, {"routes", run->split.routes}, {"window_ms", window_ms}}));
  change.respond->part(
      Json::object({{"progress", fmt::format("{} of {} routes are watched for {} s", run->split.routes,
                                             run->split.of, window_ms / 1000)}}));
  canary = std::move(run);
  canary_who = whole.who;
  return part;
}

Result<apply::Start> Panel::State::start_of(CanaryPart part, const CanaryRun& run, const std::string& who,
                                            const std::string& reason) {
  model::Plan plan = part == CanaryPart::kPart   ? run.split.part
                     : part == CanaryPart::kRest ? run.split.rest
                                                 : model::inverse(run.split.part, model::graph_root(graph));
  RTT_TRY_SET(const crypto::SecretKey key, registry::load_own_key(workspace.user_dir));
  RTT_TRY_SET(const std::string path, store_plan(workspace, plan, key, MakeLatest::kNo));
  static_cast<void>(path);
  RTT_TRY_SET(auto list, participants(plan));
  const Digest id = model::plan_id(plan);
  const apply::Verb verb = part == CanaryPart::kPart   ? apply::Verb::kCanary
                           : part == CanaryPart::kRest ? apply::Verb::kPromote
                                                       : apply::Verb::kRollback;
  std::string why = part == CanaryPart::kPart
                        ? fmt::format("{}, watched for {} s", run.described(), run.window_ms / 1000)
                        : fmt::format("canary of {}: {}", run.described(), reason);
  if (!run.asked.empty()) why += ", " + run.asked;
  return apply::Start{.plan = std::move(plan),
                      .plan_id = id,
                      .base = graph,
                      .base_seq = fold.state().seq,
                      .participants = std::move(list),
                      .who = who,
                      .verb = verb,
                      .reason = std::move(why)};
}

void Panel::State::canary_settled(const apply::Answer& answer) {
  using Outcome = apply::CanarySettled::Outcome;
  const Outcome outcome = answer.state == apply::Settled::kInDoubt      ? Outcome::kInDoubt
                          : answer.state == apply::Settled::kRolledBack ? Outcome::kRefused
                                                                        : Outcome::kDone;
  canary_step(apply::CanarySettled{.part = canary->under_way, .outcome = outcome, .reason = answer.reason});
}

void Panel::State::canary_host_lost(const std::string& instance) {
  if (!canary || std::ranges::find(canary->served_by, instance) == canary->served_by.end()) return;
  canary_step(apply::CanaryLost{"driver host " + instance + ", which serves the canary, ended"});
}

void Panel::State::canary_step(const apply::CanaryEvent& event) {
  for (const apply::CanaryAction& action : canary->machine.step(event, os::now())) {
    if (const auto* apply_part = std::get_if<apply::CanaryApply>(&action)) {
      canary->under_way = apply_part->part;
      auto start = start_of(apply_part->part, *canary, canary_who, apply_part->reason);
      if (start) {
        run(*std::move(start));
      } else {
        loop.post([this, part = apply_part->part, error = start.error()] {
          if (canary) canary_step(apply::CanarySettled{part, apply::CanarySettled::Outcome::kRefused, error});
        });
      }
    } else if (const auto* look = std::get_if<apply::CanaryLookAt>(&action)) {
      canary->look(wiring.carried());  // the first makes the pages known
      canary_timer = loop.after(look->at - os::now(), [this] {
        canary_timer = 0;
        if (canary) canary_step(canary->sample(wiring.carried()));
      });
    } else {
      canary_answered(std::get<apply::CanaryAnswer>(action));
      return;
    }
  }
}

void Panel::State::canary_answered(const apply::CanaryAnswer& answer) {
  if (canary_timer != 0) loop.cancel(canary_timer);
  canary_timer = 0;
  canary = nullptr;
  const bool promoted = answer.state == apply::CanaryAnswer::State::kPromoted;
  if (answer.state == apply::CanaryAnswer::State::kInDoubt) return end_in_doubt(answer.reason);
  const apply::Recovered& ledger = fold.state();
  Json body = std::exchange(change_body, Json{});
  body.set("graph", to_string(ledger.root));
  body.set("seq", static_cast<std::int64_t>(ledger.seq.value));
  if (answer.state == apply::CanaryAnswer::State::kStays) {
    finish_change(std::unexpected(Error(answer.reason).hinting("rtt undo")));
    return;
  }
  if (promoted) {
    body.set("state", "committed");
  } else {
    tell_rolled_back(body, answer.reason);
  }
  for (const api::Responder& undo : std::exchange(canary_undos, {})) {
    undo.finish(api::Answer{Json::object({{"graph", to_string(ledger.root)},
                                          {"seq", static_cast<std::int64_t>(ledger.seq.value)},
                                          {"state", promoted ? "unchanged" : "committed"}}),
                            {}});
  }
  finish_change(api::Answer{std::move(body), {}});
}

// A change that asks to go back while a canary is wired or watched ends it; whether it then has anything left
// to do is its own affair. An undo has not: the way back is what it asked for.
bool Panel::State::ends_canary(const Change& change) {
  const bool undo = change.verb == apply::Verb::kUndo;
  using Phase = apply::Canary::Phase;
  if (!canary) return false;
  if (const Phase phase = canary->machine.phase(); phase != Phase::kWiring && phase != Phase::kWatching)
    return false;
  if (!undo && change.verb != apply::Verb::kRollback) return false;
  if (undo) canary_undos.push_back(*change.respond);
  loop.post([this, verb = std::string(to_string(change.verb))] {
    if (canary) canary_step(apply::CanaryCancelled{"rtt " + verb + " was asked for"});
  });
  return undo;
}

// A panel that ended while a canary was watched: nobody saw it to the end, and what was seen is forgotten.
void Panel::State::take_back_canary() {
  if (!fold.state().canary) return;
  enqueue({.verb = apply::Verb::kRollback,
           .args = Json::object({{"canary", static_cast<std::int64_t>(fold.state().canary->seq.value)}}),
           .directory = workspace.root,
           .respond = std::nullopt});
}

}  // namespace rtt::panel
