// SPDX-License-Identifier: Apache-2.0
// Changes of the graph: apply, rollback, undo, quick connect. One at a time, in the order asked.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "apply/invariants.h"
#include "apply/reconcile.h"
#include "model/policy.h"
#include "panel/acceptance.h"
#include "panel/accepted_files.h"
#include "panel/approval.h"
#include "panel/endpoint.h"
#include "panel/ledger.h"
#include "panel/planning.h"
#include "panel/shown_views.h"
#include "panel/state.h"
#include "panel/view_signatures.h"
#include "plan/diff.h"
#include "plan/quick_connect.h"
#include "plan/verify.h"
#include "registry/identity.h"

namespace rtt::panel {
namespace {

using text::Json;

constexpr std::string_view kDefaultDeny = "default deny";

// Asked through RTT's own MCP tools, which can do no more than what a person has agreed to.
bool is_agents(const Change& change) { return change.args.bool_or("approved", false); }

// The graph in force holds that very quick connect: a plan that renews it grants nothing new.
bool connected_by_hand(const model::Graph& graph, const model::Route& route) {
  return route.origin == "qc" && std::ranges::any_of(graph.routes, [&](const model::Route& held) {
           return held.origin == "qc" && model::route_order(held, route) == 0;
         });
}

}  // namespace

// What could not be placed is committed all the same, and whoever asked must not take it for done.
void Panel::State::say_how_shown(Json& body) const {
  if (!graph.views.empty()) body.set("shown", to_json(tree_store(workspace).shown().how));
  const std::vector<ViewNote>& notes = view_stage.notes();
  if (notes.empty()) return;
  body.set("view_notes", to_json(notes));
  if (std::ranges::find(notes, ViewNote::Kind::kNotPlaced, &ViewNote::kind) != notes.end())
    body.set("exit", static_cast<std::int64_t>(Exit::kFailed));
}

void Panel::State::enqueue(Change change) {
  if (ends_canary(change)) return;
  if (changes.size() >= kChangesQueuedMax) {
    if (change.respond) {
      change.respond->finish(
          fail(Code::kApplyBusy, fmt::format("{} changes wait already", changes.size()), {}, "rtt status"));
    }
    return;
  }
  changes.push_back(std::move(change));
  if (changes.size() == 1) next_change();
}

void Panel::State::next_change() {
  while (!changes.empty()) {
    change_body = Json::object({});
    auto start = begin(changes.front(), change_body);
    if (start && *start) {
      run(std::move(**start));
      return;
    }
    const Change done = std::move(changes.front());
    changes.pop_front();
    if (start) {  // the graph is as it should be; how its views are shown may not be
      static_cast<void>(keep_views_up(views::Project::Failed::kCount));
      say_how_shown(change_body);
      if (done.respond) done.respond->finish(api::Answer{change_body, {}});
    } else {
      audit(apply::to_json(apply::AuditRecord{"refused", "panel",
                                              Json::object({{"code", code_name(start.error().code)},
                                                            {"reason", start.error().message},
                                                            {"verb", to_string(done.verb)}})}));
      if (done.respond) done.respond->finish(std::unexpected(std::move(start).error()));
    }
  }
}

void Panel::State::run(apply::Start start) {
  view_stage.begin();
  transition = std::make_unique<Transition>(
      TransitionPorts{
          .loop = loop,
          .hosts = hosts,
          .wiring = wiring,
          .append = [this](journal::RecordType type,
                           Json payload) { return append(type, std::move(payload)); },
          .ledger = [this]() -> const apply::Recovered& { return fold.state(); },
          .store_graph =
              [this](const apply::StoreGraph& g) { return panel::store_graph(workspace, g.root, *g.text); },
          .write_accepted =
              [this](const apply::WriteAccepted& write) {
                return write.write == apply::kOwnWrite ? bring_in_force(workspace, write.changes)
                                                       : put_accepted(workspace, write.changes);
              },
          .prepare_views =
              [this](const std::vector<model::View>& views) { return view_stage.prepare(views); },
          .show_views = [this](const std::vector<model::View>& views) { return view_stage.show(views); }},
      [this](const apply::Answer& answer) { settled(answer); });
  transition->start(std::move(start));
}

void Panel::State::settled(const apply::Answer& answer) {
  const Nanos flip = transition->flip_time();
  const bool views_touched = transition->shows_views();
  if (const apply::SharedGraph now = transition->graph_with(fold.state().root)) {
    graph = *now;
  } else if (auto stored = graph_of(workspace, fold.state().root, fold.state().graph)) {
    graph = std::move(*stored);
  }
  transition = nullptr;
  view_stage.forget();
  if (const Status borne_out = apply::agrees(answer, fold.state()); !borne_out)
    return end_in_doubt(borne_out.error());
  if (answer.state != apply::Settled::kInDoubt) wiring.settle();
  if (answer.state == apply::Settled::kCommitted && views_touched) collect_views();
  loop.post([this] { watch_mount(); });
  if (canary) return canary_settled(answer);
  Json body = std::exchange(change_body, Json{});
  body.set("graph", to_string(answer.graph));
  body.set("seq", static_cast<std::int64_t>(answer.seq.value));
  if (changes.front().verb == apply::Verb::kQc) body.set("flip_ns", flip.value);
  say_how_shown(body);
  switch (answer.state) {
    case apply::Settled::kCommitted:
      body.set("state", "committed");
      break;
    case apply::Settled::kUnchanged:
      body.set("state", "unchanged");
      break;
    case apply::Settled::kRolledBack:
      tell_rolled_back(body, answer.reason);
      break;
    case apply::Settled::kInDoubt:
      return end_in_doubt(answer.reason);
  }
  finish_change(api::Answer{std::move(body), {}});
}

void Panel::State::finish_change(Result<api::Answer> answer) {
  if (const auto respond = std::exchange(changes.front().respond, std::nullopt))
    respond->finish(std::move(answer));
  // After the answer is sent. Until then no other change begins, for it is the first that is not over.
  loop.post([this] {
    changes.pop_front();
    keep_checkpoint(When::kDue);
    next_change();
  });
}

void Panel::State::tell_rolled_back(Json& body, const Error& reason) {
  body.set("state", "rolled_back");
  body.set("reason", reason.message);
  Json causes = text::JsonArray{};
  for (const std::string& cause : reason.causes) causes.push(cause);
  body.set("error", Json::object({{"causes", std::move(causes)},
                                  {"code", code_name(reason.code)},
                                  {"hint", reason.hint},
                                  {"message", reason.message},
                                  {"where", reason.where}}));
  body.set("exit", static_cast<std::int64_t>(Exit::kRolledBack));
}

// Nobody knows what the disk holds: end here; the next panel recovers from what it really holds.
void Panel::State::end_in_doubt(const Error& reason) {
  // It stays the first, so that no other change begins in the turn that is left.
  if (const auto respond = std::exchange(changes.front().respond, std::nullopt))
    respond->finish(std::unexpected(reason));
  loop.post([this] { loop.stop(); });
}

Result<std::optional<apply::Start>> Panel::State::begin(const Change& change, Json& body) {
  RTT_TRY_SET(std::optional<apply::Start> start, begin_verb(change, body));
  if (start && !(start->plan.views_add.empty() && start->plan.views_del.empty())) {
    RTT_TRY_SET(const model::Graph target, model::apply_to(graph, start->plan));
    RTT_TRY(must_be_signed(workspace, target.views));
  }
  return start;
}

Result<std::optional<apply::Start>> Panel::State::begin_verb(const Change& change, Json& body) {
  if (change.verb == apply::Verb::kApply) return begin_apply(change, body);
  if (change.verb == apply::Verb::kQc) return begin_quick_connect(change, body);
  if (apply::accepts(change.verb)) return begin_acceptance(change, body);
  return begin_return(change, body);
}

// What is kept was judged by the keys of this workspace.
Result<registry::KnownSnapshot::Shared> Panel::State::in_force_with(
    const std::vector<std::string>& trust_keys) {
  if (trust_keys.empty()) return known_snapshot.in_force(registry::LoadOptions::Store::kImportSigned);
  RTT_TRY_SET(registry::Snapshot snapshot, registry::load_snapshot(workspace, {.trust_keys = trust_keys}));
  return std::make_shared<const registry::Snapshot>(std::move(snapshot));
}

Result<std::optional<apply::Start>> Panel::State::begin_apply(const Change& change, Json& body) {
  std::vector<std::string> trust_keys;
  if (const Json* files = change.args.find("trust_key"); files != nullptr && files->is_array()) {
    for (const Json& file : files->as_array()) trust_keys.push_back(file.is_string() ? file.as_string() : "");
  }
  RTT_TRY_SET(const std::string path,
              find_plan(workspace, std::string(change.args.string_or("plan")), change.directory));
  RTT_TRY_SET(const model::SealedPlan sealed, load_trusted_plan(workspace, path, trust_keys));
  body.set("plan_id", to_string(sealed.plan_id));
  body.set("added", static_cast<std::int64_t>(sealed.plan.routes_add.size()));
  body.set("deleted", static_cast<std::int64_t>(sealed.plan.routes_del.size()));
  const bool by_agent = is_agents(change);
  std::optional<Seq> agreed;
  if (by_agent) {
    RTT_TRY_SET(agreed, read_approval(workspace, sealed.plan_id));
  }
  RTT_TRY_SET(const apply::Decision decision, decide(sealed.plan));
  if (decision == apply::Decision::kUnchanged) {
    body.set("state", "unchanged");
    body.set("graph", to_string(fold.state().root));
    body.set("seq", static_cast<std::int64_t>(fold.state().seq.value));
    return std::nullopt;
  }
  if (agreed) {
    RTT_TRY(still_approved(*agreed, fold.state().seq, sealed.plan_id));
  }
  RTT_TRY(plan::verify_against(sealed.plan, graph));
  std::int64_t verify_ms = 0;
  if (!sealed.plan.routes_add.empty()) {  // what a view adds counts by its signed root
    RTT_TRY_SET(const registry::KnownSnapshot::Shared snapshot, in_force_with(trust_keys));
    RTT_TRY(still_in_force(sealed.plan, *snapshot));
    keep_contracts(*snapshot);
    verify_ms = snapshot->panel.verify_window_ms;
  }
  RTT_TRY(take_view_signatures(workspace, sealed, path, trust_keys));
  RTT_TRY_SET(auto who, participants(sealed.plan));
  const std::string signer = sealed.signatures.empty() ? "" : sealed.signatures.front().key_id;
  apply::Start start{.plan = sealed.plan,
                     .plan_id = sealed.plan_id,
                     .base = graph,
                     .base_seq = fold.state().seq,
                     .participants = std::move(who),
                     .who = "key:" + signer,
                     .verb = change.verb,
                     .reason = by_agent ? "asked by an agent" : ""};
  RTT_TRY_SET(const std::optional<Watch> watch, watch_of(change.args, sealed.plan, verify_ms));
  if (watch) return begin_canary(*watch, change, start, body);
  return start;
}

namespace {

// What is in force, to be looked up: a plan may add 10,000 routes among as many symbols.
class InForce {
 public:
  explicit InForce(const registry::Snapshot& snapshot) {
    for (const registry::SymbolEntry& entry : snapshot.symbols)
      symbols_.emplace(model::identity(entry.contract.saddr), &entry);
    for (const model::DesiredRoute& desired : snapshot.routes.routes)
      wishes_[name_of(desired.from)].push_back(desired.to);
  }
  [[nodiscard]] const registry::SymbolEntry* find(const std::string& identity) const {
    const auto at = symbols_.find(identity);
    return at == symbols_.end() ? nullptr : at->second;
  }
  // What a symbol asks for: its own requirements and its entries of routes.json. Gathered once, for one
  // consumer may ask for everything.
  const std::vector<model::Saddr>& wishes_of(const model::Contract& consumer) {
    const auto [at, fresh] = gathered_.try_emplace(consumer.hash);
    if (!fresh) return at->second;
    for (const auto& requirement : consumer.requirements) at->second.push_back(requirement.to);
    if (const auto desired = wishes_.find(name_of(consumer.saddr)); desired != wishes_.end())
      at->second.insert(at->second.end(), desired->second.begin(), desired->second.end());
    return at->second;
  }

 private:
  using Name = std::tuple<std::string, model::SymbolType, std::string>;
  static Name name_of(const model::Saddr& saddr) { return {saddr.ns, saddr.type, saddr.name}; }
  std::map<std::string, const registry::SymbolEntry*> symbols_;
  std::map<Name, std::vector<model::Saddr>> wishes_;
  std::map<Digest, std::vector<model::Saddr>> gathered_;  // by consumer
};

}  // namespace

// What the plan was made from must still hold for what it adds: the same contracts, still signed, still
// allowed.
Status Panel::State::still_in_force(const model::Plan& plan, const registry::Snapshot& snapshot) {
  InForce in_force(snapshot);
  for (const model::Route& route : plan.routes_add) {
    std::vector<const model::Contract*> ends;  // consumer, provider
    std::optional<model::Contract> own;        // a consumer that is RTT itself
    for (const auto& [address, hash] :
         {std::pair(route.from, route.consumer_contract), std::pair(route.to, route.contract)}) {
      const std::string id = model::identity(address);
      const registry::SymbolEntry* at = in_force.find(id);
      if (at == nullptr && ends.empty()) {
        own = model::built_in_consumer(address);
        if (own && own->hash == hash) {
          ends.push_back(&*own);
          continue;
        }
      }
      if (at == nullptr || at->standing == registry::Standing::kRefused) {
        return fail(Code::kStalePlan, fmt::format("{} is no longer in force", id), model::route_name(route),
                    "rtt plan");
      }
      if (at->contract.hash != hash) {
        const auto other = std::ranges::find_if(snapshot.symbols, [&](const registry::SymbolEntry& entry) {
          return entry.contract.hash == hash;
        });
        if (other != snapshot.symbols.end()) {
          return fail(Code::kStalePlan,
                      fmt::format("the plan's contract of {} is that of {}", id,
                                  model::identity(other->contract.saddr)),
                      model::route_name(route), "rtt plan");
        }
        return fail(Code::kStalePlan, fmt::format("{} changed since the plan was made", id), at->source,
                    "rtt plan");
      }
      ends.push_back(&at->contract);
    }
    const std::vector<model::Saddr>& wishes = in_force.wishes_of(*ends[0]);
    RTT_TRY(plan::verify_class(route, {.consumer = *ends[0], .provider = *ends[1], .wishes = wishes}));
    const auto verdict = model::access(snapshot.policy, route.from, route.to);
    if (!verdict.allowed && !(verdict.rule == kDefaultDeny && connected_by_hand(graph, route))) {
      return fail(Code::kDenied,
                  fmt::format("the policy no longer allows {} ({})", model::route_name(route), verdict.rule),
                  model::route_name(route), "rtt plan");
    }
  }
  return {};
}

Result<std::vector<apply::Participant>> Panel::State::participants(const model::Plan& plan) {
  std::map<std::string, apply::Participant> by_instance;
  const auto take = [&](const std::vector<model::Route>& routes,
                        std::vector<RouteId> apply::Participant::* list) -> Status {
    for (const model::Route& route : routes) {
      RTT_TRY_SET(const SharedContract provider, contract(route.contract));
      std::string instance = instance_of(*provider);
      if (instance.empty()) {
        if (!wiring.attached(model::identity(route.to))) continue;  // the route waits for its endpoint
        instance = kEndpoints;
      }
      apply::Participant& participant = by_instance[instance];
      participant.name = instance;
      (participant.*list).push_back(route.id);
    }
    return {};
  };
  RTT_TRY(take(plan.routes_add, &apply::Participant::routes));
  RTT_TRY(take(plan.routes_del, &apply::Participant::restores));
  if (!plan.views_add.empty() || !plan.views_del.empty()) {
    const std::string name(kViews);
    by_instance[name].name = name;
    by_instance[name].shows = apply::Participant::Shows::kViews;
  }
  std::vector<apply::Participant> list;
  for (auto& [instance, participant] : by_instance) list.push_back(std::move(participant));
  return list;
}

// After a restart the graphs of earlier commits are not in memory; a refusal that names what changed since
// the plan's base needs that one.
Result<apply::Decision> Panel::State::decide(const model::Plan& plan) {
  auto decision = apply::decide(plan, {.ledger = fold.state(), .graph = graph});
  if (decision) return decision;
  apply::Recovered ledger = fold.state();
  for (apply::Commit& commit : ledger.history) {
    if (commit.root != plan.base || commit.graph) continue;
    if (auto base = graph_of(workspace, commit.root, std::nullopt)) commit.graph = std::move(*base);
  }
  return apply::decide(plan, {.ledger = ledger, .graph = graph});
}

// What somebody at the command line accepted and signed: a plan that leaves the wiring.
Result<std::optional<apply::Start>> Panel::State::begin_acceptance(const Change& change, Json& body) {
  RTT_TRY_SET(apply::AcceptedChanges accepted,
              apply::accepted_from_json(change.args, "mcp.accepted", fold.state().seq));
  RTT_TRY(still_standing(workspace, accepted));
  model::Plan plan = acceptance_plan(graph, accepted);
  return begin_own(std::move(plan), change, std::string(change.args.string_or("reason")), body,
                   std::move(accepted));
}

// rollback SEQ and undo: a signed plan from here to an earlier graph, through the same path as any other.
Result<std::optional<apply::Start>> Panel::State::begin_return(const Change& change, Json& body) {
  const apply::Recovered& ledger = fold.state();
  model::Graph target;
  apply::AcceptedChanges accepted;
  std::string reason;
  if (change.args.find("canary") != nullptr) {
    reason = fmt::format("canary {} was in force when its panel ended", change.args.int_or("canary", 0));
    if (!ledger.canary) return std::nullopt;
    RTT_TRY_SET(target, graph_of(workspace, ledger.canary->before, std::nullopt));
  } else if (change.verb == apply::Verb::kRollback) {
    const Seq seq{static_cast<std::uint64_t>(std::max<std::int64_t>(0, change.args.int_or("seq", 0)))};
    reason = fmt::format("rollback to {}", seq.value);
    if (seq.value != 0) {
      RTT_TRY_SET(const apply::Commit* commit, apply::commit_at(ledger, seq));
      RTT_TRY_SET(target, graph_of(workspace, commit->root, commit->graph));
    }
    accepted = apply::accepted_back_to(ledger, seq);
  } else {
    if (ledger.history.empty())
      return fail(Code::kNotACommit, "nothing has been committed yet", {}, "rtt log");
    reason = fmt::format("undo {}", ledger.history.back().seq.value);
    RTT_TRY_SET(target, graph_of(workspace, apply::before_last(ledger), std::nullopt));
    accepted = apply::inverse(ledger.history.back().accepted);
  }
  RTT_TRY_SET(Standing standing, as_they_stand(workspace, accepted));
  Json back = text::JsonArray{}, kept = text::JsonArray{};
  for (const apply::AcceptedChange& one : standing.changes) back.push(one.path);
  for (const std::string& path : standing.kept) kept.push(path);
  body.set("accepted", std::move(back));
  body.set("kept", std::move(kept));
  model::Plan plan = return_plan(graph, target, standing.changes);
  return begin_own(std::move(plan), change, std::move(reason), body, std::move(standing.changes));
}

// qc A B: one edge that the owner sets by hand.
Result<std::optional<apply::Start>> Panel::State::begin_quick_connect(const Change& change, Json& body) {
  RTT_TRY_SET(const registry::KnownSnapshot::Shared in_force, in_force_with({}));
  const registry::Snapshot& snapshot = *in_force;
  RTT_TRY_SET(const Endpoint from,
              find_endpoint(snapshot, std::string(change.args.string_or("from")), Side::kConsumer));
  RTT_TRY_SET(const Endpoint to,
              find_endpoint(snapshot, std::string(change.args.string_or("to")), Side::kProvider));
  plan::QuickConnect wanted{.from = from.entry->contract.saddr, .to = to.entry->contract.saddr};
  wanted.to.caps = to.asked.caps;
  wanted.to.io = to.asked.io;
  RTT_TRY_SET(model::Plan plan,
              plan::quick_connect(plan_inputs(snapshot, graph, QuickConnects::kKeep), wanted));
  body.set("from", model::identity(wanted.from));
  body.set("to", model::identity(wanted.to));
  body.set("replaced", plan.routes_del.empty() ? Json() : Json(model::identity(plan.routes_del.front().to)));
  body.set("added", static_cast<std::int64_t>(plan.routes_add.size()));
  body.set("deleted", static_cast<std::int64_t>(plan.routes_del.size()));
  body.set("flip_ns", 0);
  std::string reason = fmt::format("qc {} -> {}", model::identity(wanted.from), model::identity(wanted.to));
  const bool empty = plan.empty();
  if (change.args.bool_or("plan", false) && !empty) return keep_for_later(plan, body);
  if (is_agents(change) && !empty) {
    const Digest id = model::plan_id(plan);
    const auto agreed = read_approval(workspace, id);
    if (!agreed && agreed.error().code == Code::kNeedsConsent) {
      return std::unexpected(
          Error(agreed.error())
              .hinting(fmt::format("a person runs: rtt qc {} {} --plan, then rtt sign {}",
                                   body.string_or("from"), body.string_or("to"), to_string(id))));
    }
    if (!agreed) return std::unexpected(agreed.error());
    RTT_TRY(still_approved(*agreed, fold.state().seq, id));
    reason += ", asked by an agent";
  }
  return begin_own(std::move(plan), change, std::move(reason), body);
}

// A quick connect that is not done yet: `apply` does it, and an agent when a person has agreed to it.
Result<std::optional<apply::Start>> Panel::State::keep_for_later(const model::Plan& plan, Json& body) {
  RTT_TRY_SET(const crypto::SecretKey key, registry::load_own_key(workspace.user_dir));
  RTT_TRY_SET(const std::string path, store_plan(workspace, plan, key, MakeLatest::kNo));
  body.set("plan_id", to_string(model::plan_id(plan)));
  body.set("path", path.substr(workspace.root.size() + 1));
  body.set("state", "planned");
  body.set("graph", to_string(fold.state().root));
  body.set("seq", static_cast<std::int64_t>(fold.state().seq.value));
  return std::nullopt;
}

// A plan the panel makes itself: signed by the owner's key and stored like any other, but not what `apply`
// means next.
Result<std::optional<apply::Start>> Panel::State::begin_own(model::Plan plan, const Change& change,
                                                            std::string reason, Json& body,
                                                            apply::AcceptedChanges accepted) {
  const apply::Recovered& ledger = fold.state();
  const Digest id = model::plan_id(plan);
  body.set("plan_id", to_string(id));
  if (plan.empty() && accepted.empty()) {
    body.set("state", "unchanged");
    body.set("graph", to_string(ledger.root));
    body.set("seq", static_cast<std::int64_t>(ledger.seq.value));
    return std::nullopt;
  }
  RTT_TRY_SET(const crypto::SecretKey key, registry::load_own_key(workspace.user_dir));
  RTT_TRY_SET(const std::string path, store_plan(workspace, plan, key, MakeLatest::kNo));
  static_cast<void>(path);
  RTT_TRY_SET(auto who, participants(plan));
  return apply::Start{.plan = std::move(plan),
                      .plan_id = id,
                      .base = graph,
                      .base_seq = ledger.seq,
                      .participants = std::move(who),
                      .who = "key:" + crypto::key_id(key.public_key()),
                      .verb = change.verb,
                      .reason = std::move(reason),
                      .accepted = std::move(accepted)};
}

}  // namespace rtt::panel
