// SPDX-License-Identifier: Apache-2.0
#include "registry/judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/limits.h"
#include "os/dir.h"
#include "registry/own_cache.h"
#include "registry/trust.h"
#include "text/glob.h"

namespace rtt::registry {
namespace {

using crypto::Verdict;
using text::Json;

Code code_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kUnknownSigner:
      return Code::kUnknownSigner;
    case Verdict::kRevokedSigner:
      return Code::kRevokedSigner;
    case Verdict::kBadSignature:
      return Code::kBadSignature;
    case Verdict::kTrusted:
    case Verdict::kUnsigned:
      break;
  }
  return Code::kUnsigned;
}

std::string reason_of(const Case& matter, const crypto::Keyring::Outcome& outcome) {
  switch (outcome.verdict) {
    case Verdict::kUnknownSigner:
      return fmt::format("{} is signed by {}, a key not accepted here", matter.id, outcome.signer);
    case Verdict::kRevokedSigner:
      return fmt::format("{} is signed by {}, a revoked key", matter.id, outcome.signer);
    case Verdict::kBadSignature:
      return fmt::format("the signature by {} does not verify over {}", outcome.signer, matter.id);
    case Verdict::kTrusted:
    case Verdict::kUnsigned:
      break;
  }
  return fmt::format("{} is not signed", matter.id);
}

model::Problem problem_of(const Case& matter, Code code, std::string message, std::string_view signer = {}) {
  const std::string hint = code == Code::kUnknownSigner ? fmt::format("rtt keys trust {}", signer)
                           : code == Code::kTampered    ? "rtt registry verify"
                                                        : "rtt sign " + matter.file;
  return {.file = matter.file, .code = code, .message = std::move(message), .hint = hint};
}

void append(std::vector<crypto::SignRecord>& all, const std::vector<crypto::SignRecord>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

// The last signed version, if there is one and it can be proven.
struct Last {
  SigFile record;
  Json object;
  std::string signer;
};
Result<std::optional<Last>> last_signed(const Evidence& evidence, const Case& matter) {
  RTT_TRY_SET(const SigFile* live, evidence.lineage.live(matter.id));
  // The tree's own list first: the store's live version may be the one of another branch.
  for (const SigFile* record : {matter.beside, live}) {
    if (record == nullptr || record->hash == matter.hash) continue;
    const auto outcome = evidence.keys.check(matter.kind, record->hash, record->sign);
    if (outcome.verdict != Verdict::kTrusted) continue;
    auto object = evidence.store.get(record->hash);
    if (!object && object.error().code == Code::kNotFound) continue;
    if (!object) return std::unexpected(object.error());
    return std::optional(Last{.record = *record, .object = std::move(*object), .signer = outcome.signer});
  }
  return std::optional<Last>();
}

Judgement fall_back(const Evidence& evidence, const Case& matter, const crypto::Keyring::Outcome& outcome) {
  Judgement result;
  auto last = last_signed(evidence, matter);
  if (!last) {
    result.problem = problem_of(matter, last.error().code, last.error().message);
    return result;
  }
  const bool changed = matter.beside != nullptr || *last;
  std::string reason = reason_of(matter, outcome);
  Code code = code_of(outcome.verdict);
  if (code == Code::kUnsigned && changed) {
    code = Code::kChangedUnsigned;
    reason = fmt::format("{} changed since it was signed", matter.id);
  }
  if (*last) {
    result.standing = Standing::kLastSigned;
    result.signed_by = (*last)->signer;
    result.record = std::move((*last)->record);
    result.last = std::move((*last)->object);
    reason += "; its last signed version stays in force";
  }
  result.problem = problem_of(matter, code, std::move(reason), outcome.signer);
  if (code == Code::kUnknownSigner) result.unknown_signer = outcome.signer;
  return result;
}

// The store's copy of what is in force is what graphs refer to, so a changed one is found here and not by a
// caller.
std::optional<model::Problem> damage_in_store(const Case& matter, const Status& intact) {
  if (intact || intact.error().code == Code::kNotFound) return std::nullopt;
  return problem_of(
      matter, intact.error().code,
      fmt::format("the stored copy of {} is not what was signed: {}", matter.id, intact.error().message));
}

}  // namespace

Result<Evidence> gather_keys(const Workspace& workspace, const std::vector<std::string>& trust_keys) {
  RTT_TRY_SET(crypto::Keyring keys, load_keyring(workspace, trust_keys));
  auto verified = std::make_unique<VerifiedSignatures>(load_verified(workspace));
  keys.verify_with([known = verified.get()](const crypto::PublicKey& key, ByteView message,
                                            const crypto::Signature& signature) {
    return known->verify(key, message, signature);
  });
  Evidence evidence{.keys = std::move(keys),
                    .verified = std::move(verified),
                    .store = ObjectStore(workspace.cas(), workspace.dot("registry/index.json")),
                    .lineage = {},
                    .problems = {}};
  RTT_TRY_SET(PublishedKeys published, published_keys(workspace));
  evidence.problems = std::move(published.problems);
  return evidence;
}

Result<Evidence> gather_evidence(const Workspace& workspace, const std::vector<std::string>& trust_keys) {
  RTT_TRY_SET(Evidence evidence, gather_keys(workspace, trust_keys));
  auto records = evidence.store.signatures();
  if (records) {
    evidence.lineage = Lineage(std::move(*records));
    return evidence;
  }
  // Half a history could bring an old version back, so none of it is used.
  evidence.state = Evidence::Store::kDamaged;
  evidence.problems.push_back(model::problem_from(records.error(), ".rtt/registry/cas"));
  evidence.problems.back().hint =
      "rtt registry verify; what it names may be removed, the next scan rebuilds it";
  return evidence;
}

const SigFile* SigList::find(std::string_view id) const {
  const auto at = std::ranges::lower_bound(records, id, std::less<>{},
                                           [](const SigFile& record) { return std::string_view(record.id); });
  return at != records.end() && at->id == id ? &*at : nullptr;
}

namespace {

SigList sig_list_from(const Result<os::BeneathFile>& text, const std::string& file) {
  const std::string name = file + ".sig";
  SigList list;
  const auto refuse = [&list, &name](const Error& error) {
    list.records.clear();
    list.problem = model::problem_from(error, name);
    list.problem->file = name;
    return std::move(list);
  };
  if (!text && text.error().code == Code::kNotFound) return list;
  if (!text) return refuse(text.error());
  const auto json = text::parse_json(text->content, {.source_name = name});
  if (!json) return refuse(json.error());
  if (!json->is_array()) {
    return refuse(
        {.code = Code::kBadShape, .message = "a signature file is an array", .where = name, .hint = {}});
  }
  for (const Json& one : json->as_array()) {
    auto record = sig_file_from_json(one, name);
    if (!record) return refuse(record.error());
    list.records.push_back(std::move(*record));
  }
  std::ranges::sort(list.records, {}, &SigFile::id);
  if (std::ranges::adjacent_find(list.records, {}, &SigFile::id) != list.records.end()) {
    return refuse({.code = Code::kBadShape,
                   .message = "a signature file names an id twice",
                   .where = name,
                   .hint = "rtt sign " + file});
  }
  return list;
}

}  // namespace

SigList read_sig_list(const std::string& root, const std::string& file) {
  return sig_list_from(os::read_beneath(root, file + ".sig", limits::kManifestBytesMax), file);
}

SigList read_sig_list(const os::Folder& root, const std::string& file) {
  return sig_list_from(root.read(file + ".sig", limits::kManifestBytesMax), file);
}

Judgement judge(const Evidence& evidence, const Case& matter) {
  std::vector<crypto::SignRecord> carried = matter.inline_records;
  if (matter.beside != nullptr && matter.beside->hash == matter.hash) append(carried, matter.beside->sign);
  std::vector<crypto::SignRecord> all = carried;
  const auto live = evidence.lineage.live(matter.id);
  if (live && *live != nullptr && (*live)->hash == matter.hash) append(all, (*live)->sign);
  const auto outcome = evidence.keys.check(matter.kind, matter.hash, all);
  Judgement result;
  if (outcome.verdict == Verdict::kTrusted) {
    const Status intact = evidence.store.intact(matter.hash);
    result.stored = intact.has_value();
    result.problem = damage_in_store(matter, intact);
    if (result.problem) return result;
    const auto with_file = evidence.keys.check(matter.kind, matter.hash, carried);
    result.standing = Standing::kSigned;
    result.signed_by = outcome.signer;
    result.carried =
        with_file.verdict == Verdict::kTrusted ? Judgement::Carried::kYes : Judgement::Carried::kNo;
    std::ranges::sort(all);
    const auto rest = std::ranges::unique(all);
    all.erase(rest.begin(), rest.end());
    result.record =
        SigFile{.id = matter.id, .hash = matter.hash, .supersedes = std::nullopt, .sign = std::move(all)};
    return result;
  }
  const bool harmless = outcome.verdict == Verdict::kUnsigned || outcome.verdict == Verdict::kUnknownSigner;
  if (matter.leniency == Case::Leniency::kUnsigned && harmless) {
    result.standing = Standing::kAllowedUnsigned;
    if (outcome.verdict == Verdict::kUnknownSigner) {
      result.problem = problem_of(matter, Code::kUnknownSigner,
                                  reason_of(matter, outcome) + "; used as unsigned", outcome.signer);
      result.problem->severity = model::Severity::kWarning;
    }
    return result;
  }
  return fall_back(evidence, matter, outcome);
}

bool allows_unsigned(const std::vector<std::string>& patterns, std::string_view ns) {
  return std::ranges::any_of(patterns, [ns](std::string_view pattern) {
    const std::size_t slash = std::min(pattern.find('/'), pattern.size());
    const std::string_view rest = pattern.substr(slash);
    return (rest.empty() || rest == "/*" || rest == "/**") && text::glob_match(pattern.substr(0, slash), ns);
  });
}

}  // namespace rtt::registry
