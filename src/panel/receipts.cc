// SPDX-License-Identifier: Apache-2.0
#include "panel/receipts.h"

#include <fmt/format.h>

#include "base/hex.h"
#include "os/clock.h"
#include "registry/identity.h"

namespace rtt::panel {
namespace {

using text::Json;

std::string folder_of(const registry::Workspace& workspace) {
  return workspace.dot(std::string(receipts::kFolder));
}

Json line_of(const receipts::Batch& batch, std::uint64_t i) {
  const receipts::Receipt receipt = batch.at(i);
  return receipts::to_json(receipt, batch.subjects[receipt.subject], os::rfc3339({receipt.ts_us}));
}

std::string_view word_of(crypto::Verdict verdict) {
  switch (verdict) {
    case crypto::Verdict::kTrusted:
      return "trusted";
    case crypto::Verdict::kUnsigned:
      return "unsigned";
    case crypto::Verdict::kUnknownSigner:
      return "signed by a key that is not trusted here";
    case crypto::Verdict::kRevokedSigner:
      return "signed by a revoked key";
    case crypto::Verdict::kBadSignature:
      break;
  }
  return "with a signature that does not verify";
}

// What the keyring says of one seal; a chain that nobody signed is still a chain.
std::string signature_fault(const crypto::Keyring& keyring, const receipts::Seal& seal) {
  const auto outcome = keyring.check(crypto::SignKind::kReceipt, receipts::digest_of(seal), seal.sign);
  if (outcome.verdict == crypto::Verdict::kTrusted || outcome.verdict == crypto::Verdict::kUnsigned)
    return {};
  return fmt::format("the batch of receipts from {} is {}", seal.first, word_of(outcome.verdict));
}

}  // namespace

Result<ReceiptLines> ReceiptLines::open(const registry::Workspace& workspace) {
  RTT_TRY_SET(receipts::LogReader reader, receipts::LogReader::open(folder_of(workspace)));
  return ReceiptLines(std::move(reader));
}

Result<bool> ReceiptLines::load() {
  if (waiting_) return true;
  if (!batch_ || in_batch_ == batch_->seal.count) {
    RTT_TRY_SET(batch_, reader_.next());
    in_batch_ = 0;
  }
  if (!batch_) return false;
  waiting_ = line_of(*batch_, in_batch_++);
  return true;
}

Result<std::optional<Json>> ReceiptLines::next_before(std::string_view ts) {
  RTT_TRY_SET(const bool any, load());
  if (!any || (!ts.empty() && waiting_->string_or("ts") >= ts)) return std::optional<Json>();
  return std::exchange(waiting_, std::nullopt);
}

std::optional<JournaledSeal> journaled_seal(const Json& payload) {
  if (payload.string_or("action") != "receipts") return std::nullopt;
  const auto digest = parse_digest(payload.string_or("seal"));
  if (!digest) return std::nullopt;
  return JournaledSeal{
      *digest, static_cast<std::uint64_t>(payload.int_or("first", 0) + payload.int_or("count", 0) - 1)};
}

Result<Json> verify_receipts(const registry::Workspace& workspace,
                             const std::optional<JournaledSeal>& journaled) {
  RTT_TRY_SET(const crypto::Keyring keyring, registry::load_keyring(workspace));
  RTT_TRY_SET(receipts::LogReader reader, receipts::LogReader::open(folder_of(workspace)));
  std::uint64_t without_signature = 0;
  bool found = false;
  std::string problem;
  for (;;) {  // ends with the log
    RTT_TRY_SET(const std::optional<receipts::Batch> batch, reader.next());
    if (!batch) break;
    if (batch->seal.sign.empty()) ++without_signature;
    found = found || (journaled && receipts::digest_of(batch->seal) == journaled->seal);
    if (problem.empty()) problem = signature_fault(keyring, batch->seal);
  }
  const receipts::LogReport& report = reader.report();
  if (!report.problem.empty()) problem = report.problem + " (" + report.where + ")";
  if (problem.empty() && report.torn_bytes > 0)
    problem =
        fmt::format("the newest batch of receipts was cut short by a crash ({} bytes)", report.torn_bytes);
  // One older than what is kept has been rotated out; a later one is missing.
  if (problem.empty() && journaled && !found && journaled->last >= report.first) {
    problem =
        fmt::format("the journal vouches for receipts up to {}, which are not in the log", journaled->last);
  }
  Json body = Json::object({{"batches", report.batches},
                            {"first", report.first},
                            {"journaled", journaled ? Json(journaled->last) : Json()},
                            {"last", report.last},
                            {"lost", report.lost},
                            {"ok", problem.empty()},
                            {"receipts", report.receipts},
                            {"unsigned", without_signature}});
  if (!report.head.is_zero()) body.set("head", to_string(report.head));
  if (!problem.empty()) body.set("problem", problem);
  return body;
}

Result<Json> prove_receipt(const registry::Workspace& workspace, std::uint64_t index) {
  RTT_TRY_SET(const crypto::Keyring keyring, registry::load_keyring(workspace));
  RTT_TRY_SET(receipts::LogReader reader, receipts::LogReader::open(folder_of(workspace)));
  for (;;) {  // ends with the log
    RTT_TRY_SET(const std::optional<receipts::Batch> batch, reader.next());
    if (!batch) break;
    const receipts::Seal& seal = batch->seal;
    if (index < seal.first || index >= seal.end()) continue;
    const std::uint64_t i = index - seal.first;
    Json path(text::JsonArray{}), subjects(text::JsonArray{});
    for (const Digest& digest : receipts::path_of(*batch, i)) path.push(to_string(digest));
    for (const receipts::Subject& subject : batch->subjects) subjects.push(receipts::to_json(subject));
    const ByteView bytes = batch->receipts.subspan(i * receipts::kReceiptBytes, receipts::kReceiptBytes);
    const auto outcome = keyring.check(crypto::SignKind::kReceipt, receipts::digest_of(seal), seal.sign);
    return Json::object({{"bytes", to_hex(bytes)},
                         {"leaf", to_string(crypto::merkle_leaf(bytes))},
                         {"path", std::move(path)},
                         {"place", i},
                         {"receipt", line_of(*batch, i)},
                         {"seal", receipts::to_json(seal)},
                         {"signature", word_of(outcome.verdict)},
                         {"subjects", std::move(subjects)}});
  }
  const receipts::LogReport& report = reader.report();
  if (!report.problem.empty()) {
    return fail(Code::kJournalDamaged, "no receipt with this number stands before damage: " + report.problem,
                report.where, "rtt audit --verify");
  }
  return fail(Code::kNotFound,
              report.receipts == 0 ? std::string("there are no receipts here")
                                   : fmt::format("no receipt {}; those from {} to {} are kept", index,
                                                 report.first, report.last),
              folder_of(workspace), "rtt audit --action call");
}

}  // namespace rtt::panel
