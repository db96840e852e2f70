// SPDX-License-Identifier: Apache-2.0
// Records: what the journal says about transitions, as values (docs/formats/ledger.md).
//
// The journal floor knows bytes, chains and sequence numbers; what a payload means is decided here, in one
// place for the writer (two_phase), the reader (recover) and `log`. A COMMIT carries its whole graph when
// that is small enough, so a workspace of ordinary size recovers from its journal alone; a larger graph is
// named by its root and lies in the content-addressed store, written before the COMMIT. Payloads are built
// without a time: whoever appends them adds `ts` (stamped), so the step machines stay pure.
//
// Thread: any (values).   Fails: kJournalDamaged naming the record and the field.
// Limits: kInlineGraphBytesMax of canonical JSON; kReasonBytesMax of a reason (longer ones are cut).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "apply/accepted.h"
#include "journal/journal.h"
#include "model/graph.h"

namespace rtt::apply {

inline constexpr std::size_t kInlineGraphBytesMax = std::size_t{512} << 10;
inline constexpr std::size_t kReasonBytesMax = 4096;

enum class Verb : std::uint8_t {
  kApply,
  kRollback,
  kUndo,
  kQc,
  kCanary,   // a part of a plan, to be watched (canary.h)
  kPromote,  // the rest of it
  kMcpImport,
  kMcpPin,
  kMcpAccept,
  kMcpRm,
  kMcpSandbox
};
std::string_view to_string(Verb verb);
std::optional<Verb> parse_verb(std::string_view text);
[[nodiscard]] bool accepts(Verb verb);  // it changes what is accepted and no wiring

struct PrepareRecord {  // somebody began to move from `base` to the result of `plan_id`
  Digest plan_id, base;
  std::string who;
  AcceptedChanges accepted{};
  friend bool operator==(const PrepareRecord&, const PrepareRecord&) = default;
};
struct CommitRecord {  // from here on this graph is the truth
  Digest plan_id;
  Digest before, after;               // graph roots; `after` is written as graph_root too
  std::optional<model::Graph> graph;  // nothing: too large, in the object store under `after`
  std::string who;
  Verb action = Verb::kApply;
  std::string reason;  // why it was rolled back, or what the caller gave; may be empty
  std::string ts{};    // RFC 3339, as stamped; empty before that
  AcceptedChanges accepted{};
  friend bool operator==(const CommitRecord&, const CommitRecord&) = default;
};
struct AbortRecord {  // the PREPARE of this plan came to nothing
  Digest plan_id;
  std::string reason;
  friend bool operator==(const AbortRecord&, const AbortRecord&) = default;
};
struct RollbackRecord {  // decided: the graph of COMMIT `to_seq` comes back (its COMMIT follows)
  Seq to_seq;
  Digest plan_id;  // the plan taken back
  std::string reason;
  friend bool operator==(const RollbackRecord&, const RollbackRecord&) = default;
};
struct AuditRecord {  // a call, a refusal, a recovery: anything that changes no graph
  std::string action, who;
  text::Json detail;  // object; merged into the payload
  friend bool operator==(const AuditRecord&, const AuditRecord&) = default;
};

text::Json to_json(const PrepareRecord& record);
text::Json to_json(const CommitRecord& record);
text::Json to_json(const AbortRecord& record);
text::Json to_json(const RollbackRecord& record);
text::Json to_json(const AuditRecord& record);

Result<PrepareRecord> prepare_from_json(const text::Json& payload, Seq seq);
// Checks that an inline graph has the root it claims.
// Whoever made the record knows its graph: `known` gives it by its root, or nullptr, and it is not read
// again.
using KnownGraphs = std::function<const model::Graph*(const Digest& root)>;
Result<CommitRecord> commit_from_json(const text::Json& payload, Seq seq, const KnownGraphs& known = {});
Result<AbortRecord> abort_from_json(const text::Json& payload, Seq seq);
Result<RollbackRecord> rollback_from_json(const text::Json& payload, Seq seq);

// The payload with `ts` (RFC 3339 UTC, 6 decimals), as it is appended.
text::Json stamped(text::Json payload, std::string_view ts);

// `graph` if it may stand inline in a COMMIT, else nothing: then store it by its root first.
std::optional<model::Graph> inline_graph(const model::Graph& graph);

// {seq,ts,who,action,reason,before,after} of any record: a line of `log` and `audit`. A call also has
// {to,outcome}, a commit that changed what is accepted {accepted}.
text::Json log_line(journal::RecordType type, Seq seq, const text::Json& payload);

}  // namespace rtt::apply
