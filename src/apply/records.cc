// SPDX-License-Identifier: Apache-2.0
#include "apply/records.h"

#include <array>

#include "journal/record.h"
#include "text/json_canonical.h"

namespace rtt::apply {
namespace {

using text::Json;

constexpr std::array<std::string_view, 11> kVerbNames{"apply",      "rollback", "undo",       "qc",
                                                      "canary",     "promote",  "mcp_import", "mcp_pin",
                                                      "mcp_accept", "mcp_rm",   "mcp_sandbox"};

// Seqs stay below 2^53 for as long as one journal lives; a larger one is a decimal string, as everywhere.
constexpr std::uint64_t kIntegerMax = (std::uint64_t{1} << 53) - 1;

Json seq_json(Seq seq) {
  return seq.value <= kIntegerMax ? Json(seq.value) : Json(std::to_string(seq.value));
}

// Cut between characters: a reason is text that people read, and canonical JSON is valid UTF-8.
std::string cut(std::string reason) {
  if (reason.size() <= kReasonBytesMax) return reason;
  std::size_t end = kReasonBytesMax;
  while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xC0U) == 0x80U) --end;
  reason.resize(end);
  return reason;
}

std::unexpected<Error> damaged(Seq seq, std::string_view record, const std::string& what) {
  return fail(Code::kJournalDamaged,
              std::string(record) + " record " + std::to_string(seq.value) + " has no valid " + what,
              "seq " + std::to_string(seq.value), "rtt audit --verify");
}

Result<Digest> digest_at(const Json& payload, std::string_view key, std::string_view record, Seq seq) {
  const auto digest = parse_digest(payload.string_or(key));
  if (!digest) return damaged(seq, record, std::string(key));
  return *digest;
}

Result<Seq> seq_at(const Json& payload, std::string_view key, std::string_view record, Seq seq) {
  const auto found = journal::seq_member(payload, key);
  if (!found) return damaged(seq, record, std::string(key));
  return *found;
}

}  // namespace

std::string_view to_string(Verb verb) { return kVerbNames[static_cast<std::size_t>(verb)]; }

std::optional<Verb> parse_verb(std::string_view text) {
  for (std::size_t i = 0; i < kVerbNames.size(); ++i) {
    if (kVerbNames[i] == text) return static_cast<Verb>(i);
  }
  return std::nullopt;
}

bool accepts(Verb verb) { return verb >= Verb::kMcpImport; }

Json to_json(const PrepareRecord& record) {
  Json out = Json::object({{"base", rtt::to_string(record.base)},
                           {"plan_id", rtt::to_string(record.plan_id)},
                           {"who", record.who}});
  if (!record.accepted.empty()) out.set("accepted", to_json(record.accepted));
  return out;
}

Json to_json(const CommitRecord& record) {
  Json out = Json::object({{"action", to_string(record.action)},
                           {"after", rtt::to_string(record.after)},
                           {"before", rtt::to_string(record.before)},
                           {"graph_root", rtt::to_string(record.after)},
                           {"plan_id", rtt::to_string(record.plan_id)},
                           {"reason", cut(record.reason)},
                           {"who", record.who}});
  if (record.graph) out.set("graph", model::to_json(*record.graph));
  if (!record.accepted.empty()) out.set("accepted", to_json(record.accepted));
  if (!record.ts.empty()) out.set("ts", record.ts);
  return out;
}

Json to_json(const AbortRecord& record) {
  return Json::object({{"plan_id", rtt::to_string(record.plan_id)}, {"reason", cut(record.reason)}});
}

Json to_json(const RollbackRecord& record) {
  return Json::object({{"plan_id", rtt::to_string(record.plan_id)},
                       {"reason", cut(record.reason)},
                       {"to_seq", seq_json(record.to_seq)}});
}

Json to_json(const AuditRecord& record) {
  Json out = record.detail.is_object() ? record.detail : Json::object({});
  out.set("action", record.action);
  out.set("who", record.who);
  return out;
}

Result<PrepareRecord> prepare_from_json(const Json& payload, Seq seq) {
  RTT_TRY_SET(const Digest plan_id, digest_at(payload, "plan_id", "PREPARE", seq));
  RTT_TRY_SET(const Digest base, digest_at(payload, "base", "PREPARE", seq));
  RTT_TRY_SET(AcceptedChanges accepted, accepted_from_json(payload, "PREPARE", seq));
  return PrepareRecord{.plan_id = plan_id,
                       .base = base,
                       .who = std::string(payload.string_or("who")),
                       .accepted = std::move(accepted)};
}

Result<CommitRecord> commit_from_json(const Json& payload, Seq seq, const KnownGraphs& known) {
  RTT_TRY_SET(const Digest plan_id, digest_at(payload, "plan_id", "COMMIT", seq));
  RTT_TRY_SET(const Digest before, digest_at(payload, "before", "COMMIT", seq));
  RTT_TRY_SET(const Digest after, digest_at(payload, "graph_root", "COMMIT", seq));
  RTT_TRY_SET(AcceptedChanges accepted, accepted_from_json(payload, "COMMIT", seq));
  const auto action = parse_verb(payload.string_or("action"));
  if (!action) return damaged(seq, "COMMIT", "action");
  CommitRecord record{.plan_id = plan_id,
                      .before = before,
                      .after = after,
                      .who = std::string(payload.string_or("who")),
                      .action = *action,
                      .reason = std::string(payload.string_or("reason")),
                      .ts = std::string(payload.string_or("ts")),
                      .accepted = std::move(accepted)};
  const Json* graph = payload.find("graph");
  if (graph == nullptr) return record;
  if (const model::Graph* same = known ? known(after) : nullptr) {
    record.graph = *same;
    return record;
  }
  auto parsed = model::graph_from_json(*graph, "COMMIT " + std::to_string(seq.value));
  if (!parsed) return std::unexpected(std::move(parsed).error());
  if (model::graph_root(*parsed) != after) return damaged(seq, "COMMIT", "graph: its hash is not graph_root");
  record.graph = std::move(*parsed);
  return record;
}

Result<AbortRecord> abort_from_json(const Json& payload, Seq seq) {
  RTT_TRY_SET(const Digest plan_id, digest_at(payload, "plan_id", "ABORT", seq));
  return AbortRecord{.plan_id = plan_id, .reason = std::string(payload.string_or("reason"))};
}

Result<RollbackRecord> rollback_from_json(const Json& payload, Seq seq) {
  RTT_TRY_SET(const Digest plan_id, digest_at(payload, "plan_id", "ROLLBACK", seq));
  RTT_TRY_SET(const Seq to_seq, seq_at(payload, "to_seq", "ROLLBACK", seq));
  return RollbackRecord{
      .to_seq = to_seq, .plan_id = plan_id, .reason = std::string(payload.string_or("reason"))};
}

Json stamped(Json payload, std::string_view ts) {
  payload.set("ts", ts);
  return payload;
}

std::optional<model::Graph> inline_graph(const model::Graph& graph) {
  if (text::canonical_json(model::to_json(graph)).size() > kInlineGraphBytesMax) return std::nullopt;
  return graph;
}

Json log_line(journal::RecordType type, Seq seq, const Json& payload) {
  using journal::RecordType;
  std::string_view action = payload.string_or("action");
  switch (type) {
    case RecordType::kPrepare:
      action = "prepare";
      break;
    case RecordType::kAbort:
      action = "abort";
      break;
    case RecordType::kRollback:
      action = "rollback";
      break;
    case RecordType::kCheckpoint:
      action = "checkpoint";
      break;
    case RecordType::kCommit:
    case RecordType::kAudit:
      break;  // say what they are themselves
  }
  Json line = Json::object({{"action", action},
                            {"reason", payload.string_or("reason")},
                            {"seq", seq_json(seq)},
                            {"ts", payload.string_or("ts")},
                            {"who", payload.string_or("who")}});
  if (action == "call") {  // which tool, and how it ended unless it was answered
    const std::string_view outcome = payload.string_or("outcome");
    std::string reason(payload.string_or("to"));
    if (outcome != "result") reason += ": " + std::string(outcome);
    line.set("reason", std::move(reason));
  }
  const std::string_view before = payload.string_or("before", payload.string_or("base"));
  line.set("before", before.empty() ? Json() : Json(before));
  const std::string_view after = payload.string_or("after");
  line.set("after", after.empty() ? Json() : Json(after));
  if (const Json* const accepted = payload.find("accepted"); accepted && type == RecordType::kCommit)
    line.set("accepted", *accepted);
  for (const char* field : {"to", "outcome"}) {  // of a call: whom, and how it ended
    if (const auto text = payload.string_or(field); !text.empty()) line.set(field, text);
  }
  return line;
}

}  // namespace rtt::apply
