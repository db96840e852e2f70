// SPDX-License-Identifier: Apache-2.0
#include "disk_table.h"

#include <algorithm>

#include "base/assert.h"

namespace rtt::explore {
namespace {

using apply::Entry;
using apply::Written;
using journal::RecordType;

Entry next_entry(const std::vector<Entry>& entries, RecordType type, text::Json payload) {
  return {.type = type, .seq = Seq{entries.back().seq.value + 1}, .payload = std::move(payload)};
}

}  // namespace

DiskTable::DiskTable(const Scenario& scenario, const MachineTable& machines)
    : scenario_(scenario), machines_(machines) {
  old_root_ = model::graph_root(scenario.start.base);
  new_root_ = model::graph_root(*model::apply_to(scenario.start.base, scenario.start.plan));
  Disk first{.seq = static_cast<std::uint8_t>(scenario.history.size())};
  judge(first, scenario.history);
  disks_.push_back(std::move(first));
}

std::uint32_t DiskTable::append(std::uint32_t disk, std::uint16_t record) {
  for (const auto& [known, next] : disks_[disk].after) {
    if (known == record) return next;
  }
  const auto number = static_cast<std::uint32_t>(disks_.size());
  const auto seq = static_cast<std::uint8_t>(disks_[disk].seq + 1);
  const bool committed = disks_[disk].committed || machines_.records()[record].what == Written::kCommit;
  disks_[disk].after.emplace_back(record, number);
  disks_.push_back({.before = disk, .record = record, .seq = seq, .committed = committed});
  Disk fresh = disks_.back();
  judge(fresh, entries(number));
  disks_.back() = std::move(fresh);
  return number;
}

std::vector<Entry> DiskTable::entries(std::uint32_t disk) const {
  std::vector<Entry> out;
  for (; disk != 0; disk = disks_[disk].before) {
    const RecordKind& record = machines_.records()[disks_[disk].record];
    out.push_back({.type = record.type, .seq = Seq{disks_[disk].seq}, .payload = record.payload});
  }
  out.insert(out.end(), scenario_.history.rbegin(), scenario_.history.rend());
  std::ranges::reverse(out);
  return out;
}

void DiskTable::judge(Disk& disk, const std::vector<Entry>& entries) const {
  const auto folded = apply::fold(entries);
  if (!folded) {
    disk.law = Law::kRecoveryRefuses;
    return;
  }
  disk.ledger = std::make_shared<const apply::Recovered>(*folded);
  disk.is_new = folded->root == new_root_;
  disk.rolling_back = folded->rollback.has_value();
  disk.commit_seq = static_cast<std::uint8_t>(folded->seq.value);
  const apply::AcceptedChanges back = apply::unfinished(*folded);
  if (!back.empty()) disk.restores = back == scenario_.start.accepted ? Restores::kNew : Restores::kOld;
  if (!disk.is_new && folded->root != old_root_) {
    disk.law = Law::kRecoveryMixed;
    return;
  }
  // What the disk says, read without the code under test: the graph of the last COMMIT; a ROLLBACK decides,
  // whatever comes after it.
  Digest said = old_root_;
  bool turned = false;
  for (const Entry& entry : entries) {
    turned = turned || entry.type == RecordType::kRollback;
    if (entry.type == RecordType::kCommit) said = *parse_digest(entry.payload.string_or("after"));
  }
  const Digest decided = turned ? old_root_ : said;
  disk.law = folded->root != said ? Law::kCommitLost : restart(entries, decided);
  if (disk.law != Law::kHolds) return;
  std::vector<Entry> cut = entries;  // something stood behind them that did not verify
  cut.push_back(next_entry(cut, RecordType::kAudit,
                           to_json(apply::AuditRecord{"torn_tail", "recovery", text::Json::object({})})));
  disk.law = restart(std::move(cut), decided);
}

// A panel that starts, and may be killed after each of the records that settle the journal.
Law DiskTable::restart(std::vector<Entry> entries, const Digest& decided) const {
  const auto found = apply::fold(entries);
  if (!found) return Law::kRecoveryRefuses;
  const std::vector<journal::NewRecord> repairs = apply::repairs(*found);
  if (repairs.empty()) return settled(*found, decided);
  if (entries.size() > scenario_.history.size() + 16) return Law::kRecoveryUnsettled;  // it repairs for ever
  for (const journal::NewRecord& repair : repairs) {
    entries.push_back(next_entry(entries, repair.type, repair.payload));
    if (&repair == &repairs.back()) break;
    if (const Law law = restart(entries, decided); law != Law::kHolds) return law;
  }
  const auto after = apply::fold(entries);
  if (!after) return Law::kRecoveryRefuses;
  if (!apply::repairs(*after).empty()) return Law::kRecoveryUnsettled;
  return settled(*after, decided);
}

Law DiskTable::settled(const apply::Recovered& state, const Digest& decided) const {
  if (state.prepare || state.rollback) return Law::kRecoveryUnsettled;
  if (state.root != decided) return decided == old_root_ ? Law::kRollbackUnfinished : Law::kRecoveryInvents;
  if (!state.graph) return Law::kRecoveryMixed;
  const apply::Committed committed{.ledger = state, .graph = *state.graph};
  const auto decision = apply::decide(scenario_.start.plan, committed);
  const auto expected = decided == new_root_ ? apply::Decision::kUnchanged : apply::Decision::kProceed;
  if (!decision || *decision != expected) return Law::kDecisionWrong;
  model::Plan stale = scenario_.start.plan;  // of a graph that was never here
  stale.base = scenario_.start.plan_id;
  const auto refused = apply::decide(stale, committed);
  return !refused && refused.error().code == Code::kStalePlan ? Law::kHolds : Law::kDecisionWrong;
}

}  // namespace rtt::explore
