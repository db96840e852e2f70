// SPDX-License-Identifier: Apache-2.0
#include "laws.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/json_canonical.h"

namespace rtt::sim {
namespace {

auto broken(std::string what) { return fail(Code::kInternal, std::move(what)); }

class Reader {
 public:
  Reader(const std::vector<Digest>& whole, KnownCommits& known) : whole_(whole), known_(known) {
    history_.root = whole.front();  // of the empty graph
  }
  void see(const journal::Record& record) {
    history_.last_hash = record.hash;
    ++history_.records;
    if (fault_) fault_ = judge(record);
  }
  Result<History> result() {
    RTT_TRY(fault_);
    return std::move(history_);
  }

 private:
  Status judge(const journal::Record& record) {
    using journal::RecordType;
    if (record.type == RecordType::kCheckpoint) ++history_.checkpoints;
    if (record.type == RecordType::kAudit && record.payload_text.find("torn_tail") != std::string::npos)
      ++history_.torn_tails;
    if (record.type == RecordType::kPrepare) {
      if (open_)
        return broken(
            fmt::format("two changes at once: PREPARE {} while {} is open", record.seq.value, open_->value));
      open_ = record.seq;
    }
    if (record.type == RecordType::kAbort) open_.reset();
    if (record.type != RecordType::kCommit) return {};
    open_.reset();
    RTT_TRY_SET(const apply::CommitRecord* const commit, commit_in(record));
    if (commit->before != history_.root)
      return broken(fmt::format("COMMIT {} starts from a graph that was not in force", record.seq.value));
    history_.root = commit->after;
    history_.seq = record.seq.value;
    history_.commits.emplace(record.seq.value, *commit);
    return {};
  }
  Result<const apply::CommitRecord*> commit_in(const journal::Record& record) {
    const auto met = known_.find(record.hash);
    if (met != known_.end()) return &met->second;
    RTT_TRY_SET(const text::Json payload, record.payload());
    RTT_TRY_SET(apply::CommitRecord commit, apply::commit_from_json(payload, record.seq));
    RTT_TRY(judge(commit, record.seq));
    return &known_.emplace(record.hash, std::move(commit)).first->second;
  }
  // A canary's part is no graph of the stage, but it is whole in itself.
  [[nodiscard]] Status judge(const apply::CommitRecord& commit, Seq seq) const {
    if (commit.graph && model::graph_root(*commit.graph) != commit.after)
      return broken(fmt::format("the graph of COMMIT {} is not the one it names", seq.value));
    if (std::ranges::find(whole_, commit.after) == whole_.end() && !commit.graph)
      return broken(fmt::format("COMMIT {} leads to a graph that nobody planned", seq.value));
    return {};
  }

  const std::vector<Digest>& whole_;
  KnownCommits& known_;
  History history_;
  std::optional<Seq> open_;
  Status fault_;
};

}  // namespace

Result<History> history_of(const registry::Workspace& workspace, const std::vector<Digest>& whole,
                           KnownCommits& known, Tail tail) {
  Reader reader(whole, known);
  RTT_TRY_SET(
      const journal::ReadReport report,
      journal::read_journal(workspace.wal(), [&](const journal::Record& record) { reader.see(record); }));
  using End = journal::ReadReport::End;
  if (report.end == End::kDamaged || (report.end == End::kTorn && tail == Tail::kWhole))
    return broken(fmt::format("the journal does not verify at seq {}", report.bad_seq.value));
  return reader.result();
}

Status holds(const History& history, const std::vector<Told>& told) {
  for (const Told& one : told) {
    if (one.seq == 0) {
      if (one.graph != to_string(model::graph_root(model::Graph{})))
        return broken(fmt::format("{}: before the first commit there was a graph", one.what));
      continue;
    }
    const auto at = history.commits.find(one.seq);
    if (at == history.commits.end())
      return broken(fmt::format("{}: COMMIT {} was acknowledged and is lost", one.what, one.seq));
    if (to_string(at->second.after) != one.graph)
      return broken(fmt::format("{}: COMMIT {} is of another graph", one.what, one.seq));
  }
  return {};
}

Status lanes_are(const model::Graph& graph, const std::vector<Holder>& ends) {
  std::map<std::string, std::vector<std::uint64_t>> carried;  // by route: a generation for each end
  for (const Holder& end : ends) {
    for (const text::Json& row : end.lanes.as_array()) {
      RTT_TRY_SET(const endpoint::Binding lane, endpoint::binding_from_json(row));
      const bool wanted =
          std::ranges::any_of(graph.routes, [&](const model::Route& route) { return route == lane.route; });
      const std::string name = model::route_name(lane.route);
      if (!wanted) {
        return broken(fmt::format("{} holds lane {} of {}, which is no route: {}", end.name, lane.generation,
                                  name, text::canonical_json(row)));
      }
      if (!row.bool_or("carrying", false)) {
        return broken(fmt::format("{} holds lane {} of {}, which carries nothing: {}", end.name,
                                  lane.generation, name, text::canonical_json(row)));
      }
      carried[name].push_back(lane.generation);
    }
  }
  for (const model::Route& route : graph.routes) {
    const auto& lanes = carried[model::route_name(route)];
    if (lanes.size() != 2 || lanes[0] != lanes[1])
      return broken(fmt::format("{} has {} ends of lanes", model::route_name(route), lanes.size()));
  }
  return {};
}

}  // namespace rtt::sim
