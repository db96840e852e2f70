// SPDX-License-Identifier: Apache-2.0
#include "panel/planning.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "model/limits.h"
#include "os/clock.h"
#include "os/file.h"
#include "panel/places.h"
#include "panel/view_signatures.h"
#include "registry/identity.h"
#include "text/json.h"

namespace rtt::panel {
namespace {

constexpr std::size_t kPlanBytesMax = std::size_t{64} << 20;
constexpr std::string_view kSuffix = ".plan.json";

// What is in force, and RTT's own consumers that routes start at, unless somebody authored one of that name.
std::vector<model::Contract> contracts_of(const registry::Snapshot& snapshot) {
  std::vector<model::Contract> contracts = snapshot.in_force();
  const auto has = [&contracts](const model::Saddr& wanted) {
    return std::ranges::any_of(contracts, [&wanted](const model::Contract& contract) {
      return contract.saddr.ns == wanted.ns && contract.saddr.type == wanted.type &&
             contract.saddr.name == wanted.name;
    });
  };
  std::vector<model::Contract> own;
  for (const model::DesiredRoute& desired : snapshot.routes.routes) {
    if (desired.from.ns != "local" && desired.from.ns != "client") continue;
    auto consumer = model::built_in_consumer(desired.from);
    if (!consumer || has(desired.from)) continue;
    if (std::ranges::find(own, consumer->hash, &model::Contract::hash) == own.end())
      own.push_back(*std::move(consumer));
  }
  std::ranges::move(own, std::back_inserter(contracts));
  return contracts;
}

crypto::Keyring::Outcome judge(const crypto::Keyring& keyring, const model::SealedPlan& sealed) {
  return keyring.check(crypto::SignKind::kPlan, sealed.plan_id, sealed.signatures);
}

// A signature by a key counted here, but made for something else with the same hash.
std::optional<crypto::SignKind> kind_meant(const crypto::Keyring& keyring, const model::SealedPlan& sealed) {
  for (int kind = 0; kind <= static_cast<int>(crypto::SignKind::kRoot); ++kind) {
    const auto meant = static_cast<crypto::SignKind>(kind);
    const auto outcome = keyring.check(meant, sealed.plan_id, sealed.signatures);
    if (outcome.verdict == crypto::Verdict::kTrusted) return meant;
  }
  return std::nullopt;
}

// Whether everybody who counts this plan's signature counts one over each view it adds.
bool carries_views(const registry::Workspace& workspace, const model::SealedPlan& sealed) {
  const auto keyring = registry::load_keyring(workspace);
  return keyring && std::ranges::all_of(sealed.plan.views_add, [&](const model::View& view) {
           const auto at = std::ranges::find(sealed.view_signatures, view.root, &model::ViewSignature::root);
           return at != sealed.view_signatures.end() &&
                  keyring->check(crypto::SignKind::kView, view.root, at->sign).verdict ==
                      crypto::Verdict::kTrusted;
         });
}

}  // namespace

plan::Inputs plan_inputs(const registry::Snapshot& snapshot, const model::Graph& base,
                         QuickConnects quick_connects) {
  return {.contracts = contracts_of(snapshot),
          .desired = snapshot.routes.routes,
          .policy = snapshot.policy,
          .config = snapshot.panel,
          .topology = snapshot.topology,
          .routes = snapshot.routes.object,
          .flags = snapshot.flags,
          .health = text::JsonObject{},
          .registry = snapshot.registry_object(),
          .base = base,
          .reset_qc = quick_connects == QuickConnects::kDrop};
}

Result<Planned> make_plan(const registry::Workspace& workspace, const registry::LoadOptions& options,
                          QuickConnects quick_connects) {
  RTT_TRY_SET(registry::Snapshot snapshot, registry::load_snapshot(workspace, options));
  return make_plan(workspace, std::move(snapshot), quick_connects);
}

Result<Planned> make_plan(const registry::Workspace& workspace, registry::Snapshot snapshot,
                          QuickConnects quick_connects) {
  Planned planned;
  planned.snapshot = std::move(snapshot);
  RTT_TRY_SET(LedgerView ledger, read_ledger(workspace));
  planned.base = std::move(ledger.graph);
  planned.wired = ledger.recovered.forgotten.wired ||
                  std::ranges::any_of(ledger.recovered.history, [](const apply::Commit& commit) {
                    return commit.before != commit.root;
                  });
  RTT_TRY_SET(planned.rendered, render_views(workspace, planned.snapshot));
  plan::Inputs inputs = plan_inputs(planned.snapshot, planned.base, quick_connects);
  inputs.views = roots_of(planned.rendered, planned.base.views);
  RTT_TRY_SET(planned.outcome, plan::solve(inputs));
  for (model::Problem problem : planned.rendered.problems) {
    problem.severity = model::Severity::kWarning;  // what is not shown stops no wiring
    planned.outcome.warnings.push_back(problem);
  }
  Places places(workspace, planned.snapshot);
  name_places(places, planned.outcome);
  return planned;
}

std::optional<Error> unreadable_config(const registry::Snapshot& snapshot) {
  constexpr int kTrust = 4;  // the hundred of codes about signatures
  for (const model::Problem& problem : snapshot.problems) {
    if (problem.severity != model::Severity::kError) continue;
    if (static_cast<int>(problem.code) / 100 == kTrust) continue;
    const bool config = std::ranges::any_of(
        snapshot.configs, [&](const registry::ConfigEntry& entry) { return entry.path == problem.file; });
    // What AI clients are shown has no part in the wiring.
    if (!config || !problem.file.starts_with(".rtt/")) continue;
    return Error{.code = problem.code,
                 .message = fmt::format("{} cannot be read: {}", problem.file, problem.message),
                 .where = problem.line == 0
                              ? problem.file
                              : fmt::format("{}:{}:{}", problem.file, problem.line, problem.column),
                 .hint = "correct it, then rtt sign " + problem.file};
  }
  return std::nullopt;
}

std::string plan_path(const registry::Workspace& workspace, const Digest& plan_id) {
  return workspace.dot("plans/" + to_string(plan_id) + std::string(kSuffix));
}

Result<std::string> store_plan(const registry::Workspace& workspace, const model::Plan& plan,
                               const crypto::SecretKey& key, MakeLatest make_latest) {
  const Digest id = model::plan_id(plan);
  const std::string path = plan_path(workspace, id);
  RTT_TRY(os::make_directories(workspace.dot("plans")));
  RTT_TRY(sign_views(workspace, plan.views_add, key));
  const auto kept = load_trusted_plan(workspace, path, {});
  if (!kept || !carries_views(workspace, *kept)) {
    const model::SealedPlan sealed{.plan_id = id,
                                   .created_at = os::rfc3339(os::wall_now()),
                                   .plan = plan,
                                   .signatures = {crypto::sign(key, crypto::SignKind::kPlan, id)},
                                   .view_signatures = signatures_of(plan.views_add, key)};
    RTT_TRY(os::write_atomic(path, text::to_pretty_json(model::to_json(sealed))));
  }
  if (make_latest == MakeLatest::kYes) {
    RTT_TRY(os::write_atomic(workspace.dot("plans/LATEST"), to_string(id) + "\n"));
  }
  return path;
}

Result<std::string> store_planned(const registry::Workspace& workspace, const Planned& planned,
                                  const crypto::SecretKey& key) {
  std::vector<model::View> rendered;
  for (const RenderedView& view : planned.rendered.views)
    rendered.push_back({.provider = view.provider, .root = view.tree.root()});
  RTT_TRY(sign_views(workspace, rendered, key));
  return store_plan(workspace, planned.outcome.plan, key, MakeLatest::kYes);
}

Result<std::string> find_plan(const registry::Workspace& workspace, const std::string& word,
                              const std::string& directory) {
  if (word.find('/') != std::string::npos || word.ends_with(".json")) {
    return word.starts_with('/') ? word : directory + "/" + word;
  }
  std::string wanted = word;
  if (wanted.empty()) {
    auto latest = os::read_file(workspace.dot("plans/LATEST"), 128);
    if (!latest)
      return fail(Code::kNotFound, "no plan has been made here", workspace.dot("plans"), "rtt plan");
    while (latest->ends_with('\n')) latest->pop_back();
    wanted = *latest;
  }
  if (!wanted.starts_with("sha256-"))
    wanted = "sha256-" + (wanted.starts_with("sha256:") ? wanted.substr(7) : wanted);
  std::string found;
  if (const auto names = os::list_directory(workspace.dot("plans"))) {
    for (const std::string& name : *names) {
      if (!name.ends_with(kSuffix) || !name.starts_with(wanted)) continue;
      if (!found.empty()) {
        return fail(Code::kAmbiguous, fmt::format("several plans begin with `{}`", word), {}, "rtt ls plans");
      }
      found = workspace.dot("plans/" + name);
    }
  }
  if (found.empty()) return fail(Code::kNotFound, fmt::format("no plan `{}`", wanted), {}, "rtt ls plans");
  return found;
}

Result<model::SealedPlan> load_trusted_plan(const registry::Workspace& workspace, const std::string& path,
                                            const std::vector<std::string>& trust_keys) {
  RTT_TRY_SET(const std::string text, os::read_file(path, kPlanBytesMax));
  RTT_TRY_SET(model::SealedPlan sealed, model::parse_plan(text, path));
  RTT_TRY_SET(const crypto::Keyring keyring, registry::load_keyring(workspace, trust_keys));
  const auto outcome = judge(keyring, sealed);
  const std::string id = to_string(sealed.plan_id);
  switch (outcome.verdict) {
    case crypto::Verdict::kTrusted:
      return sealed;
    case crypto::Verdict::kUnsigned:
      return fail(Code::kForeignPlan, fmt::format("plan {} is not signed", id), path, "rtt plan");
    case crypto::Verdict::kUnknownSigner:
      return fail(Code::kForeignPlan,
                  fmt::format("plan {} is signed by {}, a key not trusted here", id, outcome.signer), path,
                  "rtt plan, or rtt keys trust " + outcome.signer);
    case crypto::Verdict::kRevokedSigner:
      return fail(Code::kRevokedSigner,
                  fmt::format("plan {} is signed by {}, which is revoked", id, outcome.signer), path,
                  "rtt plan");
    case crypto::Verdict::kBadSignature:
      if (const auto meant = kind_meant(keyring, sealed)) {
        return fail(Code::kBadSignature,
                    fmt::format("the signature on plan {} is one for a {}", id, to_string(*meant)), path,
                    "rtt plan");
      }
      return fail(Code::kBadSignature, fmt::format("the signature on plan {} does not verify", id), path,
                  "rtt plan");
  }
  return fail(Code::kInternal, "unknown verdict", path);
}

}  // namespace rtt::panel
