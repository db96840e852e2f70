// SPDX-License-Identifier: Apache-2.0
// Signing: what would be signed, shown before it is, and the writing of signatures.
#include <fmt/format.h>

#include <algorithm>

#include "model/limits.h"
#include "os/file.h"
#include "registry/config_files.h"
#include "registry/identity.h"
#include "registry/judge.h"
#include "registry/own_cache.h"
#include "registry/snapshot.h"

namespace rtt::registry {
namespace {

using text::Json;

bool is_wanted(const std::vector<std::string>& paths, const std::string& file) {
  return paths.empty() || std::ranges::any_of(paths, [&file](std::string_view path) {
           while (path.ends_with('/')) path.remove_suffix(1);
           return file == path ||
                  (file.starts_with(path) && file.size() > path.size() && file[path.size()] == '/');
         });
}

bool is_settled(const Judgement& judgement) {
  return judgement.standing == Standing::kSigned && judgement.carried == Judgement::Carried::kYes;
}

// What the new version replaces.
struct History {
  std::optional<Digest> supersedes;
  Json previous;
};
Result<History> history_of(const Evidence& evidence, const SigFile* beside, const Case& matter) {
  RTT_TRY_SET(const SigFile* live, evidence.lineage.live(matter.id));
  const SigFile* record = beside != nullptr ? beside : live;
  if (record == nullptr) return History{};
  History history{.supersedes = record->hash == matter.hash ? record->supersedes : record->hash,
                  .previous = {}};
  if (auto object = evidence.store.get(record->hash)) history.previous = std::move(*object);
  return history;
}

crypto::Keyring::Outcome carried_by(const Evidence& evidence, const Case& matter) {
  std::vector<crypto::SignRecord> records = matter.inline_records;
  if (matter.beside != nullptr && matter.beside->hash == matter.hash)
    records.insert(records.end(), matter.beside->sign.begin(), matter.beside->sign.end());
  return evidence.keys.check(matter.kind, matter.hash, records);
}

Error first_error(const std::vector<model::Problem>& problems, const std::string& file) {
  for (const model::Problem& problem : problems) {
    if (problem.severity != model::Severity::kError) continue;
    std::string where = problem.file;
    if (problem.line > 0) where += fmt::format(":{}:{}", problem.line, problem.column);
    return {
        .code = problem.code, .message = problem.message, .where = std::move(where), .hint = problem.hint};
  }
  return {.code = Code::kBadConfig, .message = file + " cannot be signed", .where = file, .hint = {}};
}

class Collector {
 public:
  Collector(const Workspace& workspace, const std::vector<std::string>& paths, Evidence evidence)
      : workspace_(workspace), paths_(paths), evidence_(std::move(evidence)), met_(paths.size(), false) {}

  Result<std::vector<SignItem>> run() {
    RTT_TRY_SET(const ConfigPaths configs, config_paths(workspace_));
    for (const std::string& path : configs.paths) RTT_TRY(add_config(path));
    RTT_TRY(add_symbols());
    for (std::size_t at = 0; at < paths_.size(); ++at) {
      if (!met_[at]) {
        return fail(Code::kNotFound, paths_[at] + " holds nothing that can be signed", paths_[at],
                    "rtt scan");
      }
    }
    std::ranges::sort(items_, [](const SignItem& a, const SignItem& b) {
      return std::tie(a.path, a.id) < std::tie(b.path, b.id);
    });
    return std::move(items_);
  }

 private:
  bool take(const std::string& file) {
    for (std::size_t at = 0; at < paths_.size(); ++at) {
      if (is_wanted({paths_[at]}, file)) met_[at] = true;
    }
    return is_wanted(paths_, file);
  }

  Status add_config(const std::string& path) {
    const ConfigFile file = read_config_file(workspace_, path);
    if (file.state == ConfigFile::State::kAbsent || !take(path)) return {};
    const bool broken = file.state == ConfigFile::State::kBroken ||
                        std::ranges::any_of(file.problems, [](const model::Problem& problem) {
                          return problem.severity == model::Severity::kError;
                        });
    if (broken) {
      // Named, it is refused; among everything, it is left to the scan to report.
      if (std::ranges::find(paths_, path) == paths_.end()) return {};
      return std::unexpected(first_error(file.problems, path));
    }
    const SigList beside = read_sig_list(workspace_.root, path);
    return add({.id = path,
                .file = path,
                .kind = crypto::SignKind::kConfig,
                .hash = object_hash(file.object),
                .inline_records = {},
                .beside = beside.find(path)},
               file.object);
  }

  // The object becomes an item unless a trusted signature lies with its file already.
  Status add(const Case& matter, const Json& object) {
    if (is_settled(judge(evidence_, matter))) return {};
    RTT_TRY_SET(History history, history_of(evidence_, matter.beside, matter));
    const bool config = matter.kind == crypto::SignKind::kConfig;
    items_.push_back({.id = matter.id,
                      .path = matter.file,
                      .kind = config ? SignItem::Kind::kConfig : SignItem::Kind::kManifest,
                      .hash = matter.hash,
                      .supersedes = history.supersedes,
                      .object = object,
                      .previous = std::move(history.previous),
                      .carried = carried_by(evidence_, matter)});
    return {};
  }

  Status add_symbols() {
    // What is in force decides where to look; a panel.yaml that cannot be used means the defaults.
    const auto judged = judge_panel(workspace_, evidence_);
    const model::PanelConfig panel = judged ? panel_of(judged->entry) : model::PanelConfig{};
    RTT_TRY_SET(const scan::Found found, scan::scan({.root = workspace_.root,
                                                     .roots = panel.scan_roots,
                                                     .ignore = panel.scan_ignore,
                                                     .strictness = panel.strictness}));
    for (const std::string& file : found.candidates) {
      if (std::ranges::find(paths_, file) == paths_.end()) continue;
      take(file);
      RTT_TRY(must_be_whole(found, file));
    }
    for (const scan::FoundSymbol& symbol : found.symbols) {
      if (take(symbol.file)) RTT_TRY(add_symbol(symbol));
    }
    return {};
  }

  static Status must_be_whole(const scan::Found& found, const std::string& file) {
    std::vector<model::Problem> own;
    for (const model::Problem& problem : found.problems) {
      if (problem.file == file && problem.severity == model::Severity::kError) own.push_back(problem);
    }
    if (own.empty()) return {};
    return std::unexpected(first_error(own, file));
  }

  Status add_symbol(const scan::FoundSymbol& symbol) {
    const std::string id = model::identity(symbol.contract.saddr);
    const SigList beside = read_sig_list(workspace_.root, symbol.file);
    return add({.id = id,
                .file = symbol.file,
                .kind = crypto::SignKind::kManifest,
                .hash = symbol.contract.hash,
                .inline_records = symbol.contract.signatures,
                .beside = beside.find(id)},
               symbol.contract.object);
  }

  const Workspace& workspace_;
  const std::vector<std::string>& paths_;
  Evidence evidence_;
  std::vector<bool> met_;
  std::vector<SignItem> items_;
};

crypto::SignKind kind_of(const SignItem& item) {
  return item.kind == SignItem::Kind::kConfig ? crypto::SignKind::kConfig : crypto::SignKind::kManifest;
}

// Ids a file still defines, or nothing if that cannot be told (then no record of it is dropped).
std::vector<std::string> ids_in(const Workspace& workspace, const std::string& file) {
  const scan::Found found = scan::scan_file(workspace.root, file, model::Strictness::kRelaxed);
  std::vector<std::string> ids;
  const bool whole = std::ranges::none_of(found.problems, [](const model::Problem& problem) {
    return problem.severity == model::Severity::kError;
  });
  if (!whole) return ids;
  for (const scan::FoundSymbol& symbol : found.symbols) ids.push_back(model::identity(symbol.contract.saddr));
  std::ranges::sort(ids);
  return ids;
}

// `F.sig` with `fresh` taken in; records of ids the file no longer defines go.
Status write_sig_list(const Workspace& workspace, const std::string& file,
                      const std::vector<SigFile>& fresh) {
  SigList list = read_sig_list(workspace.root, file);
  if (const std::vector<std::string> ids = ids_in(workspace, file); !ids.empty()) {
    std::erase_if(list.records,
                  [&ids](const SigFile& record) { return !std::ranges::binary_search(ids, record.id); });
  }
  for (SigFile record : fresh) {
    const auto at = std::ranges::find(list.records, record.id, &SigFile::id);
    if (at == list.records.end()) {
      list.records.push_back(std::move(record));
      continue;
    }
    if (at->hash == record.hash) {  // a further signer of the same version
      record.sign.insert(record.sign.end(), at->sign.begin(), at->sign.end());
      std::ranges::sort(record.sign);
      const auto rest = std::ranges::unique(record.sign);
      record.sign.erase(rest.begin(), rest.end());
      record.supersedes = at->supersedes;
    }
    *at = std::move(record);
  }
  std::ranges::sort(list.records, {}, &SigFile::id);
  Json array = text::JsonArray{};
  for (const SigFile& record : list.records) array.push(to_json(record));
  return os::write_atomic(workspace.path(file + ".sig"), text::to_pretty_json(array));
}

Result<std::vector<model::Contract>> contracts_in(const std::string& text, const std::string& file) {
  model::ReadOutcome read = model::read_manifest(text, file, model::Strictness::kStrict);
  const bool broken = std::ranges::any_of(read.problems, [](const model::Problem& problem) {
    return problem.severity == model::Severity::kError;
  });
  if (broken) return std::unexpected(first_error(read.problems, file));
  return std::move(read.contracts);
}

// By its `F.sig` alone, whatever the store says.
Status must_be_trusted(const crypto::Keyring& keys, const model::Contract& contract, const SigFile* beside,
                       const std::string& file) {
  std::vector<crypto::SignRecord> records;
  if (beside != nullptr && beside->hash == contract.hash) records = beside->sign;
  const auto outcome = keys.check(crypto::SignKind::kManifest, contract.hash, records);
  const auto why = [&](Code code, std::string_view what) {
    return fail(code, fmt::format("{} {}", model::identity(contract.saddr), what), file, "rtt sign " + file);
  };
  switch (outcome.verdict) {
    case crypto::Verdict::kTrusted:
      return {};
    case crypto::Verdict::kUnsigned:
      return why(Code::kUnsigned, "is not signed");
    case crypto::Verdict::kUnknownSigner:
      return why(Code::kUnknownSigner, fmt::format("is signed by {}, not trusted here", outcome.signer));
    case crypto::Verdict::kRevokedSigner:
      return why(Code::kRevokedSigner, fmt::format("is signed by {}, which is revoked", outcome.signer));
    case crypto::Verdict::kBadSignature:
      return why(Code::kBadSignature, "has a signature that does not verify");
  }
  return why(Code::kInternal, "has no known verdict");
}

}  // namespace

Result<std::string> signatures_for(const Workspace& workspace, const std::string& file,
                                   const std::string& text, const crypto::SecretKey& key) {
  RTT_TRY_SET(const std::vector<model::Contract> contracts, contracts_in(text, file));
  RTT_TRY_SET(const Evidence evidence, gather_evidence(workspace, {}));
  const SigList beside = read_sig_list(workspace.root, file);
  std::vector<SigFile> records;
  for (const model::Contract& contract : contracts) {
    const Case matter{.id = model::identity(contract.saddr),
                      .file = file,
                      .kind = crypto::SignKind::kManifest,
                      .hash = contract.hash,
                      .inline_records = {},
                      .beside = beside.find(model::identity(contract.saddr))};
    RTT_TRY_SET(const History history, history_of(evidence, matter.beside, matter));
    SigFile record{.id = matter.id,
                   .hash = matter.hash,
                   .supersedes = history.supersedes,
                   .sign = {crypto::sign(key, matter.kind, matter.hash)}};
    if (matter.beside != nullptr && matter.beside->hash == matter.hash)
      record.sign.insert(record.sign.end(), matter.beside->sign.begin(), matter.beside->sign.end());
    std::ranges::sort(record.sign);
    const auto rest = std::ranges::unique(record.sign);
    record.sign.erase(rest.begin(), rest.end());
    records.push_back(std::move(record));
  }
  std::ranges::sort(records, {}, &SigFile::id);
  Json array = text::JsonArray{};
  for (const SigFile& record : records) array.push(to_json(record));
  return text::to_pretty_json(array);
}

Status take_signed(const Workspace& workspace, const std::string& file) {
  RTT_TRY_SET(const std::string text, os::read_file(workspace.path(file), limits::kManifestBytesMax));
  RTT_TRY_SET(std::vector<model::Contract> contracts, contracts_in(text, file));
  RTT_TRY_SET(const crypto::Keyring keys, load_keyring(workspace));
  const SigList beside = read_sig_list(workspace.root, file);
  std::vector<SigFile> records;
  for (const model::Contract& contract : contracts) {
    const SigFile* const record = beside.find(model::identity(contract.saddr));
    RTT_TRY(must_be_trusted(keys, contract, record, file));
    records.push_back(*record);
  }
  RTT_TRY(os::make_directories(workspace.dot("registry")));
  RTT_TRY_SET(const os::FileLock lock,
              os::FileLock::take(workspace.dot("registry/.lock"), os::FileLock::Wait::kYes));
  static_cast<void>(lock);
  const ObjectStore store(workspace.cas(), workspace.dot("registry/index.json"));
  for (model::Contract& contract : contracts) {
    RTT_TRY_SET(const Digest hash, store.put(contract.object));
    static_cast<void>(hash);
  }
  RTT_TRY(store.promote(std::move(records)));
  return store.write_index();
}

Result<std::vector<SignItem>> items_to_sign(const Workspace& workspace,
                                            const std::vector<std::string>& paths) {
  RTT_TRY_SET(Evidence evidence, gather_evidence(workspace, {}));
  return Collector(workspace, paths, std::move(evidence)).run();
}

Status sign_items(const Workspace& workspace, const std::vector<SignItem>& items,
                  const crypto::SecretKey& key) {
  if (items.empty()) return {};
  RTT_TRY(os::make_directories(workspace.dot("registry")));
  RTT_TRY_SET(const os::FileLock lock,
              os::FileLock::take(workspace.dot("registry/.lock"), os::FileLock::Wait::kYes));
  static_cast<void>(lock);
  const ObjectStore store(workspace.cas(), workspace.dot("registry/index.json"));
  std::vector<SigFile> records;
  FlatMap<std::string, std::vector<SigFile>> by_file;
  const crypto::PublicKey signer = key.public_key();
  VerifiedSignatures verified = load_verified(workspace);
  verified.keep_known();
  for (const SignItem& item : items) {
    const auto hash = store.put(item.object);
    if (!hash) {
      Error error = hash.error();
      if (error.where.empty()) error.where = item.path;
      return std::unexpected(std::move(error));
    }
    if (*hash != item.hash) {
      return fail(Code::kInternal, "the object to sign is not the one that was shown", item.path);
    }
    SigFile record{.id = item.id,
                   .hash = *hash,
                   .supersedes = item.supersedes,
                   .sign = {crypto::sign(key, kind_of(item), *hash)}};
    verified.made(signer, as_bytes(crypto::signing_message(kind_of(item), *hash)),
                  record.sign.front().signature);
    by_file[item.path].push_back(record);
    records.push_back(std::move(record));
  }
  RTT_TRY(store.promote(std::move(records)));
  for (const auto& [file, fresh] : by_file) RTT_TRY(write_sig_list(workspace, file, fresh));
  keep_verified(workspace, verified);
  return store.write_index();
}

}  // namespace rtt::registry
