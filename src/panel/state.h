// SPDX-License-Identifier: Apache-2.0
// Panel::State: everything the panel owns, and its verbs grouped by file — changes.cc (apply, rollback,
// undo, quick connect), canaries.cc (what of a plan is tried first), calls.cc (links and MCP), panel.cc (the
// rest).
//
// Thread: the panel's loop.   Fails: verbs answer through their Responder.   Limits: panel.h.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/server.h"
#include "apply/reconcile.h"
#include "apply/recover.h"
#include "journal/journal.h"
#include "panel/canary_run.h"
#include "panel/hosts.h"
#include "panel/mount_watch.h"
#include "panel/panel.h"
#include "panel/transition.h"
#include "panel/view_keeping.h"
#include "panel/view_stage.h"
#include "panel/wiring.h"
#include "registry/known_snapshot.h"
#include "registry/object_store.h"
#include "registry/snapshot.h"

namespace rtt::panel {

// One waiting change of the graph.
struct Change {
  apply::Verb verb = apply::Verb::kApply;
  text::Json args;
  std::string directory;
  std::optional<api::Responder> respond;  // nothing: the panel itself asks
};

// How what a plan adds is watched before it counts.
struct Watch {
  int percent = 100;  // of the added routes come first
  std::int64_t window_ms = 0;
  apply::Unused unused = apply::Unused::kStays;
};
// `configured_ms`: panel.yaml's. Nothing: the plan is applied at once.
Result<std::optional<Watch>> watch_of(const text::Json& args, const model::Plan& plan,
                                      std::int64_t configured_ms);

// What the kept bytes of `status` were made from; the graph changes with seq.
struct StatusKey {
  std::uint64_t hosts = 0;
  std::size_t clients = 0;
  Seq seq;
  friend bool operator==(const StatusKey&, const StatusKey&) = default;
};

struct Panel::State {
  State(os::Loop& the_loop, registry::Workspace the_workspace, PanelOptions the_options);

  // ---- panel.cc
  Status open_journal();
  Status listen();
  void handle(const std::shared_ptr<api::Peer>& peer, api::Request request, const api::Responder& respond);
  void closed(const std::shared_ptr<api::Peer>& peer);
  Result<Seq> append(journal::RecordType type, text::Json payload);
  void audit(text::Json payload);
  enum class When : std::uint8_t { kDue, kStopping };
  void keep_checkpoint(When when);
  void flush_audit();
  void watch_idleness();
  void hello(const std::shared_ptr<api::Peer>& peer, const api::Request& request,
             const api::Responder& respond);
  void host_audit(const api::Request& request, const api::Responder& respond);
  void status(const api::Responder& respond);
  void tap(const std::shared_ptr<api::Peer>& peer, const api::Request& request,
           const api::Responder& respond);
  void ls_routes(const api::Request& request, const api::Responder& respond);
  void ls_drivers(const api::Request& request, const api::Responder& respond);
  Result<SharedContract> contract(const Digest& hash);
  void keep_contracts(const registry::Snapshot& snapshot);

  // ---- changes.cc
  void enqueue(Change change);
  void next_change();
  Result<std::optional<apply::Start>> begin(const Change& change, text::Json& body);
  Result<std::optional<apply::Start>> begin_verb(const Change& change, text::Json& body);
  Result<std::optional<apply::Start>> begin_apply(const Change& change, text::Json& body);
  Result<std::optional<apply::Start>> begin_return(const Change& change, text::Json& body);
  Result<std::optional<apply::Start>> begin_quick_connect(const Change& change, text::Json& body);
  Result<std::optional<apply::Start>> keep_for_later(const model::Plan& plan, text::Json& body);
  Result<std::optional<apply::Start>> begin_acceptance(const Change& change, text::Json& body);
  Result<std::optional<apply::Start>> begin_own(model::Plan plan, const Change& change, std::string reason,
                                                text::Json& body, apply::AcceptedChanges accepted = {});
  Result<registry::KnownSnapshot::Shared> in_force_with(const std::vector<std::string>& trust_keys);
  Status still_in_force(const model::Plan& plan, const registry::Snapshot& snapshot);
  Result<apply::Decision> decide(const model::Plan& plan);
  Result<std::vector<apply::Participant>> participants(const model::Plan& plan);
  void run(apply::Start start);
  void settled(const apply::Answer& answer);
  void finish_change(Result<api::Answer> answer);
  void tell_rolled_back(text::Json& body, const Error& reason);
  void end_in_doubt(const Error& reason);

  // ---- canaries.cc
  Result<apply::Start> begin_canary(const Watch& watch, const Change& change, const apply::Start& whole,
                                    text::Json& body);
  Result<apply::Start> start_of(apply::CanaryPart part, const CanaryRun& run, const std::string& who,
                                const std::string& reason);
  void canary_settled(const apply::Answer& answer);
  void canary_host_lost(const std::string& instance);
  void canary_step(const apply::CanaryEvent& event);
  void canary_answered(const apply::CanaryAnswer& answer);
  bool ends_canary(const Change& change);  // whether it is answered with the canary
  void take_back_canary();

  // ---- sweep.cc
  Status show_committed_views();
  bool keep_views_up(views::Project::Failed failed);
  void say_how_shown(text::Json& body) const;
  void collect_views();  // what is no longer needed of the others goes, in the loop's spare time
  void collect_views_on();
  void sweep_in(Nanos wait);
  void sweep_now();
  bool sweep();
  void watch_mount();

  // ---- calls.cc
  void call_open(const api::Request& request, const api::Responder& respond);
  void open_link(const std::string& instance, const text::Json& link, const std::shared_ptr<os::Fd>& end,
                 int tries, const std::function<void(Status)>& opened);
  void mcp_ls(const api::Request& request, const api::Responder& respond);
  void mcp_logs(const api::Request& request, const api::Responder& respond);
  void mcp_restart(const api::Request& request, const api::Responder& respond);
  Result<std::vector<model::Contract>> attachable(const std::vector<std::string>& references);
  Result<model::Contract> callable(const std::string& word, const model::Saddr& caller);

  os::Loop& loop;
  registry::Workspace workspace;
  PanelOptions options;
  registry::ObjectStore store;
  registry::KnownSnapshot known_snapshot;
  std::unique_ptr<journal::Journal> journal;
  apply::Fold fold;
  model::Graph graph;
  std::uint64_t generation = 0;
  bool asked = false;  // by anybody but a driver host
  std::vector<std::string> notices;
  Wiring wiring;
  Hosts hosts;
  ViewStage view_stage;
  std::unique_ptr<api::Server> server;
  std::deque<Change> changes;  // front: the one under way
  std::unique_ptr<Transition> transition;
  std::unique_ptr<CanaryRun> canary;  // of the change under way
  std::string canary_who;
  os::Loop::TimerId canary_timer = 0;
  std::vector<api::Responder> canary_undos;  // answered when it is over
  text::Json change_body;                    // of the answer to the change under way
  std::vector<journal::NewRecord> audit_waiting;
  os::Loop::TimerId audit_timer = 0, idle_timer = 0, collect_timer = 0, sweep_timer = 0;
  std::uint64_t audit_dropped = 0;
  ViewKeeping view_keeping;
  MountWatch mount_watch;
  std::string views_trouble;  // told last; empty: none since
  Instant started, last_used;
  std::uint32_t next_link = 1;
  StatusKey status_key;
  std::string status_known;  // the answer to `status` for status_key, without the time and the last brace
  std::map<Digest, SharedContract> contracts;  // verified, by hash
};

}  // namespace rtt::panel
