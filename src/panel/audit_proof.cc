// SPDX-License-Identifier: Apache-2.0
#include "panel/audit_proof.h"

#include <fmt/format.h>

#include <thread>

#include "base/hex.h"
#include "journal/begin.h"
#include "journal/checkpoint.h"
#include "journal/disk_storage.h"
#include "journal/reader.h"
#include "panel/ledger.h"
#include "registry/identity.h"

namespace rtt::panel {
namespace {

using journal::RecordType;
using text::Json;

bool is_checkpoint(const journal::RecordView& record) { return record.type == RecordType::kCheckpoint; }
bool speaks_of_receipts(const journal::RecordView& record) {
  return record.type == RecordType::kAudit &&
         record.payload_text.find(R"("action":"receipts")") != std::string_view::npos;
}

Result<journal::Verified> verify(const registry::Workspace& workspace,
                                 const journal::VerifyOptions& options) {
  const auto storage = journal::disk_storage(workspace.wal());
  const Seq remembered = journal::remembered_to(*storage);
  RTT_TRY_SET(journal::Verified verified,
              journal::verify_storage(*storage, journal::Layout{}, journal::Access::kBeside, options));
  journal::hold_to(remembered, *storage, verified.state.report);
  return verified;
}

// A checkpoint as it stands in the journal: what it says, whether that is so, and what its signature is
// worth.
struct Judged {
  journal::Checkpoint checkpoint;
  crypto::Verdict verdict = crypto::Verdict::kUnsigned;
};
Result<Judged> judge(const journal::Kept& kept, const crypto::Keyring& keyring) {
  RTT_TRY_SET(const Json payload, kept.record.payload());
  RTT_TRY_SET(journal::Checkpoint checkpoint, journal::checkpoint_from_json(payload, kept.record.seq));
  if (checkpoint.journal_root != kept.tree_before.root()) {
    return fail(Code::kJournalDamaged,
                fmt::format("the checkpoint after record {} is one of other records", checkpoint.seq.value));
  }
  const auto verdict =
      keyring.check(crypto::SignKind::kCheckpoint, journal::digest_of(checkpoint), checkpoint.sign).verdict;
  if (verdict == crypto::Verdict::kBadSignature) {
    return fail(
        Code::kJournalDamaged,
        fmt::format("the signature of the checkpoint after record {} does not verify", checkpoint.seq.value));
  }
  return Judged{.checkpoint = std::move(checkpoint), .verdict = verdict};
}

Json signed_part(const journal::Checkpoint& checkpoint) {
  Json out = journal::to_json(checkpoint);
  out.as_object().erase("frontier");
  return out;
}

void say_how_it_ends(const journal::ReadReport& report, Json& body) {
  const bool torn = report.end == journal::ReadReport::End::kTorn;
  body.set("bad_seq", report.bad_seq.value);
  body.set("problem", fmt::format("{} at seq {} ({}, byte {})",
                                  torn ? "a tail cut short by a crash" : "a record that does not verify",
                                  report.bad_seq.value, report.bad_file, report.bad_offset));
}

// The record's own bytes, as they are hashed.
std::string bytes_of(const journal::Record& record) {
  Bytes bytes;
  (void)journal::encode_record(bytes, {.seq = record.seq, .type = record.type, .prev = record.prev},
                               record.payload_text);
  bytes.resize(journal::kRecordHeaderBytes + record.payload_text.size());
  return to_hex(bytes);
}

}  // namespace

Result<JournalVerdict> verify_whole(const registry::Workspace& workspace) {
  RTT_TRY_SET(const journal::Verified verified,
              verify(workspace, {.threads = std::thread::hardware_concurrency(),
                                 .keep = [](const journal::RecordView& record) {
                                   return is_checkpoint(record) || speaks_of_receipts(record);
                                 }}));
  RTT_TRY_SET(const crypto::Keyring keyring, registry::load_keyring(workspace));
  const journal::ReadReport& report = verified.state.report;
  JournalVerdict out;
  std::uint64_t count = 0, trusted = 0;
  Seq newest;
  std::optional<Error> wrong;
  for (const journal::Kept& kept : verified.kept) {
    if (kept.record.type != RecordType::kCheckpoint) {
      const auto payload = kept.record.payload();
      const auto told = payload ? journaled_seal(*payload) : std::nullopt;
      if (told) out.seal = told;
      continue;
    }
    const auto judged = judge(kept, keyring);
    ++count;
    if (!judged) {
      if (!wrong) wrong = Error(judged.error()).at("seq " + std::to_string(kept.record.seq.value));
      if (!out.body.find("bad_seq")) out.body.set("bad_seq", kept.record.seq.value);
    } else if (judged->verdict == crypto::Verdict::kTrusted) {
      ++trusted;
      newest = judged->checkpoint.seq;
    }
  }
  out.body.set("records", report.records);
  out.body.set("root", to_string(report.tree.root()));
  out.body.set("seq", report.last_seq.value);
  out.body.set("checkpoints",
               Json::object({{"count", count}, {"trusted", trusted}, {"signed_to", newest.value}}));
  if (report.compacted_to.value > 0) out.body.set("compacted_to", report.compacted_to.value);
  if (report.end != journal::ReadReport::End::kClean) {
    say_how_it_ends(report, out.body);
  } else if (wrong) {
    out.body.set("problem", wrong->message);
  }
  out.body.set("ok", out.body.find("problem") == nullptr);
  return out;
}

Result<Json> prove_record(const registry::Workspace& workspace, Seq seq) {
  RTT_TRY_SET(const journal::Verified verified,
              verify(workspace, {.threads = std::thread::hardware_concurrency(),
                                 .keep =
                                     [seq](const journal::RecordView& record) {
                                       return record.seq == seq || is_checkpoint(record);
                                     },
                                 .hashes = journal::VerifyOptions::Hashes::kKeep}));
  const journal::ReadReport& report = verified.state.report;
  if (report.end == journal::ReadReport::End::kDamaged) return std::unexpected(damaged(report));
  if (seq.value == 0 || seq > report.last_seq)
    return fail(Code::kNotFound, fmt::format("no record with seq {}", seq.value), {}, "rtt audit");
  RTT_TRY_SET(const crypto::Keyring keyring, registry::load_keyring(workspace));
  const journal::Record* record = nullptr;
  for (const journal::Kept& kept : verified.kept) {
    if (kept.record.seq == seq) record = &kept.record;
    if (kept.record.type != RecordType::kCheckpoint || kept.record.seq <= seq) continue;
    RTT_TRY_SET(const Judged judged, judge(kept, keyring));
    if (judged.verdict != crypto::Verdict::kTrusted) continue;
    std::vector<Digest> leaves;
    leaves.reserve(judged.checkpoint.seq.value);
    for (std::size_t i = 0; i < judged.checkpoint.seq.value; ++i)
      leaves.push_back(crypto::merkle_leaf(verified.hashes[i].bytes));
    const std::size_t index = seq.value - 1;
    Json path(text::JsonArray{});
    for (const Digest& step : crypto::merkle_path(leaves, index)) path.push(to_string(step));
    return Json::object({{"checkpoint", signed_part(judged.checkpoint)},
                         {"digest", to_string(journal::digest_of(judged.checkpoint))},
                         {"hash", to_string(verified.hashes[index])},
                         {"index", index},
                         {"leaf", to_string(leaves[index])},
                         {"path", std::move(path)},
                         {"record", record == nullptr ? Json() : Json(bytes_of(*record))},
                         {"seq", seq.value},
                         {"signature", "trusted"},
                         {"size", judged.checkpoint.seq.value}});
  }
  return fail(
      Code::kNotFound,
      fmt::format("record {} is there, but no signed checkpoint covers it yet: one is written when the panel "
                  "stops, and every so many records",
                  seq.value),
      {}, "rtt down");
}

}  // namespace rtt::panel
