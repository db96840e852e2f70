// SPDX-License-Identifier: Apache-2.0
#include "panel/acceptance.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <deque>

#include "api/error_json.h"
#include "crypto/sha256.h"
#include "model/limits.h"
#include "os/clock.h"
#include "os/file.h"
#include "panel/accepted_files.h"
#include "panel/ledger.h"
#include "panel/ledger_replay.h"
#include "panel/planning.h"
#include "panel/start.h"
#include "plan/diff.h"
#include "registry/identity.h"
#include "registry/snapshot.h"
#include "text/json_canonical.h"

namespace rtt::panel {
namespace {

using registry::Workspace;
using text::Json;

constexpr std::int64_t kAskMs = 120'000;  // behind an apply that is watched, too

Result<apply::AcceptedChanges> changes_for(const Workspace& workspace, const std::vector<Wanted>& wanted,
                                           const crypto::SecretKey& key) {
  apply::AcceptedChanges changes;
  for (const Wanted& one : wanted) {
    apply::AcceptedChange change{.path = one.path, .before = {}, .after = {}};
    RTT_TRY_SET(change.before,
                accepted_now(workspace, one.path, one.text ? Edited::kFails : Edited::kIsNone));
    change.after.clients = one.clients == Wanted::Clients::kAsTheyAre
                               ? change.before.clients
                               : one.clients == Wanted::Clients::kAllowed;
    change.after.code = change.before.code;
    if (one.code) {
      RTT_TRY_SET(change.after.code, keep_bytes(workspace, mcp::code_record_text(*one.code)));
    }
    if (one.text) {
      RTT_TRY_SET(change.after.manifest, keep_bytes(workspace, *one.text));
      if (change.after.manifest == change.before.manifest) {
        change.after.signatures = change.before.signatures;
      } else {
        RTT_TRY_SET(const std::string list, registry::signatures_for(workspace, one.path, *one.text, key));
        RTT_TRY_SET(change.after.signatures, keep_bytes(workspace, list));
      }
    }
    if (change.before != change.after) changes.push_back(std::move(change));
  }
  std::ranges::sort(changes, {}, &apply::AcceptedChange::path);
  return changes;
}

std::string paths_of(const apply::AcceptedChanges& changes) {
  std::vector<std::string_view> paths;
  for (const apply::AcceptedChange& change : changes) paths.emplace_back(change.path);
  return fmt::format("{}", fmt::join(paths, " "));
}

Status ask_panel(api::Service& panel, const Workspace& workspace, apply::Verb verb,
                 const apply::AcceptedChanges& changes) {
  const api::Ask ask{.verb = "mcp.accepted",
                     .args = Json::object({{"accepted", apply::to_json(changes)},
                                           {"action", apply::to_string(verb)},
                                           {"reason", paths_of(changes)}}),
                     .directory = workspace.root,
                     .search = "exactly",
                     .deadline_ms = kAskMs};
  RTT_TRY_SET(const api::Reply reply, panel.ask(ask, [](const Json&) {}));
  if (const Json* const error = reply.body.find("error"))
    return std::unexpected(api::error_from_object(*error));
  return {};
}

model::Plan plan_of(std::string engine, const model::Graph& from, const model::Graph& to,
                    const apply::AcceptedChanges& changes) {
  model::PlanInputs inputs;
  inputs.engine = std::move(engine);
  if (!changes.empty()) {
    apply::AcceptedChanges portable = changes;  // what a machine runs is in no plan
    for (apply::AcceptedChange& change : portable) change.before.code = change.after.code = std::nullopt;
    inputs.registry = crypto::sha256(text::canonical_json(apply::to_json(portable)));
  }
  return plan::plan_between(from, to, inputs);
}

// Stamped with the time, durable, folded.
Result<Seq> append_record(OpenJournal& open, journal::NewRecord record) {
  record.payload = apply::stamped(std::move(record.payload), os::rfc3339(os::wall_now()));
  RTT_TRY_SET(const std::vector<Seq> seqs, open.journal->append_batch({record}));
  RTT_TRY(open.fold.take({.type = record.type, .seq = seqs.back(), .payload = std::move(record.payload)}));
  return seqs.back();
}

// The machine of every other change, in a world where nobody takes part.
class Alone {
 public:
  Alone(const Workspace& workspace, OpenJournal& open) : workspace_(workspace), open_(open) {}

  apply::Answer run(apply::Start start) {
    events_.emplace_back(std::move(start));
    while (!events_.empty() && !answer_) {  // each event is one step further in a machine that ends
      const apply::Event event = std::move(events_.front());
      events_.pop_front();
      for (const apply::Action& action : machine_.step(event, os::now()))
        std::visit([this](const auto& one) { perform(one); }, action);
    }
    return answer_.value_or(apply::Answer{});
  }

 private:
  void perform(const apply::AppendJournal& action) {
    const auto seq = append_record(open_, {.type = action.type, .payload = action.payload});
    if (seq) {
      events_.emplace_back(apply::Durable{action.what, *seq});
    } else {
      events_.emplace_back(apply::JournalFailed{seq.error()});
    }
  }
  void perform(const apply::StoreGraph& action) {
    if (Status done = store_graph(workspace_, action.root, *action.text); !done)
      events_.emplace_back(apply::JournalFailed{done.error()});
  }
  void perform(const apply::WriteAccepted& action) {
    Status done = action.write == apply::kOwnWrite ? bring_in_force(workspace_, action.changes)
                                                   : put_accepted(workspace_, action.changes);
    if (!done) {
      events_.emplace_back(apply::AcceptedFailed{action.write, done.error()});
    } else {
      events_.emplace_back(apply::AcceptedWritten{action.write});
    }
  }
  void perform(const apply::Verify& /*action*/) { events_.emplace_back(apply::VerifyOk{}); }
  void perform(const apply::Answer& action) { answer_ = action; }
  void perform(const apply::Prepare& /*action*/) {}
  void perform(const apply::Flip& /*action*/) {}
  void perform(const apply::Abort& /*action*/) {}
  void perform(const apply::SetTimer& /*action*/) {}

  const Workspace& workspace_;
  OpenJournal& open_;
  apply::TwoPhase machine_;
  std::deque<apply::Event> events_;
  std::optional<apply::Answer> answer_;
};

Status commit_here(const Workspace& workspace, apply::Verb verb, const apply::AcceptedChanges& changes,
                   const crypto::SecretKey& key) {
  RTT_TRY(os::make_directories(workspace.sockets(), 0700));
  RTT_TRY_SET(const os::FileLock lock,
              os::FileLock::take(workspace.sockets() + "/start.lock", os::FileLock::Wait::kYes));
  if (const auto panel = running_panel(workspace)) return ask_panel(*panel, workspace, verb, changes);
  RTT_TRY_SET(OpenJournal open, open_journal(workspace));
  const apply::Recovered& ledger = open.fold.state();
  RTT_TRY_SET(const model::Graph graph, graph_of(workspace, ledger.root, ledger.graph));
  RTT_TRY(still_standing(workspace, changes));
  const model::Plan plan = acceptance_plan(graph, changes);
  RTT_TRY_SET(const std::string path, store_plan(workspace, plan, key, MakeLatest::kNo));
  static_cast<void>(path);
  const apply::Answer answer = Alone(workspace, open)
                                   .run({.plan = plan,
                                         .plan_id = model::plan_id(plan),
                                         .base = graph,
                                         .base_seq = ledger.seq,
                                         .participants = {},
                                         .who = "key:" + crypto::key_id(key.public_key()),
                                         .verb = verb,
                                         .reason = paths_of(changes),
                                         .accepted = changes});
  if (answer.state != apply::Settled::kCommitted) return std::unexpected(answer.reason);
  return {};
}

}  // namespace

Result<OpenJournal> open_journal(const Workspace& workspace) {
  OpenJournal open;
  LedgerReplay replay(workspace);
  RTT_TRY_SET(auto opened, journal::Journal::open(workspace.wal(), replay.hooks()));
  RTT_TRY(replay.folded());
  open.fold = std::move(replay.fold());
  open.panel_starts = replay.panel_starts();
  open.notices = opened.passed_over;
  open.journal = std::move(opened.journal);
  if (opened.torn) {
    open.notices.push_back(
        fmt::format("the journal's last record was cut short by a crash; its {} bytes are in {}",
                    opened.torn->bytes, opened.torn->saved_to));
  }
  for (const std::string& reason : opened.passed_over) {
    const apply::AuditRecord told{"checkpoint_passed_over", "panel", Json::object({{"reason", reason}})};
    RTT_TRY(append_record(open, {.type = journal::RecordType::kAudit, .payload = apply::to_json(told)}));
  }
  RTT_TRY(put_accepted(workspace, apply::unfinished(open.fold.state())));
  for (journal::NewRecord& repair : apply::repairs(open.fold.state())) {
    if (repair.type == journal::RecordType::kAbort)
      open.notices.emplace_back("an apply that a crash interrupted was dropped");
    if (repair.type == journal::RecordType::kCommit)
      open.notices.emplace_back("a rollback that a crash interrupted was finished");
    RTT_TRY_SET(const Seq seq, append_record(open, std::move(repair)));
    static_cast<void>(seq);
  }
  return open;
}

model::Plan acceptance_plan(const model::Graph& graph, const apply::AcceptedChanges& changes) {
  return plan_of("accept/1", graph, graph, changes);
}

model::Plan return_plan(const model::Graph& from, const model::Graph& to,
                        const apply::AcceptedChanges& changes) {
  return plan_of("return/1", from, to, changes);
}

Status still_standing(const Workspace& workspace, const apply::AcceptedChanges& changes) {
  for (const apply::AcceptedChange& change : changes) {
    RTT_TRY_SET(
        apply::AcceptedState found,
        accepted_now(workspace, change.path, change.after.manifest ? Edited::kFails : Edited::kIsNone));
    found.code = change.before.code;  // a start may have taken it down meanwhile
    if (found != change.before)
      return fail(Code::kStalePlan, "it was changed by somebody else meanwhile", change.path, "rtt mcp diff");
  }
  return {};
}

Result<std::string> text_to_accept(const Workspace& workspace, const std::string& path,
                                   const Json& manifest) {
  if (os::exists(workspace.path(path))) {
    RTT_TRY_SET(std::string text, os::read_file(workspace.path(path), limits::kManifestBytesMax));
    const auto present = text::parse_json(text);
    if (present && text::canonical_json(*present) == text::canonical_json(manifest)) return text;
  }
  return text::to_pretty_json(manifest);
}

Result<apply::AcceptedChanges> accept(const Workspace& workspace, apply::Verb verb,
                                      const std::vector<Wanted>& wanted) {
  if (wanted.empty()) return apply::AcceptedChanges();
  RTT_TRY_SET(const crypto::SecretKey key, registry::load_own_key(workspace.user_dir));
  RTT_TRY_SET(apply::AcceptedChanges changes, changes_for(workspace, wanted, key));
  if (changes.empty()) return changes;
  const auto panel = running_panel(workspace);
  Status done =
      panel ? ask_panel(*panel, workspace, verb, changes) : commit_here(workspace, verb, changes, key);
  if (!done) return std::unexpected(std::move(done).error());
  return changes;
}

}  // namespace rtt::panel
