// SPDX-License-Identifier: Apache-2.0
#include "registry/snapshot.h"

#include <fmt/format.h>

#include <algorithm>

#include "os/dir.h"
#include "os/file.h"
#include "os/parallel.h"
#include "registry/config_files.h"
#include "registry/judge.h"
#include "registry/own_cache.h"
#include "scan/merge.h"

namespace rtt::registry {
namespace {

using text::Json;

void append(std::vector<model::Problem>& all, const std::vector<model::Problem>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

// Loads one snapshot, in the order in which one part decides about the next: trust, panel.yaml, scan,
// judgement.
class Loader {
 public:
  Loader(const Workspace& workspace, const LoadOptions& options, os::Folder root, Evidence evidence)
      : workspace_(workspace), options_(options), root_(std::move(root)), evidence_(std::move(evidence)) {}

  Result<Snapshot> run() {
    append(snapshot_.problems, evidence_.problems);
    RTT_TRY(load_panel());
    RTT_TRY(load_configs());
    RTT_TRY_SET(found_, scan::scan({.root = workspace_.root,
                                    .roots = snapshot_.panel.scan_roots,
                                    .ignore = snapshot_.panel.scan_ignore,
                                    .strictness = snapshot_.panel.strictness}));
    append(snapshot_.problems, found_.problems);
    judge_symbols();
    snapshot_.servers = std::move(found_.servers);
    snapshot_.files_seen = found_.files_seen;
    if (options_.store == LoadOptions::Store::kImportSigned) {
      import_signed();
      keep_verified(workspace_, *evidence_.verified);
    } else {
      snapshot_.all_signed = false;  // not looked at
    }
    snapshot_.problems = scan::in_order(std::move(snapshot_.problems));
    return std::move(snapshot_);
  }

 private:
  Status load_panel() {
    RTT_TRY_SET(JudgedConfig panel, judge_panel(workspace_, evidence_));
    snapshot_.panel = panel_of(panel.entry);
    keep(std::move(panel));
    return {};
  }

  Status load_configs() {
    RTT_TRY_SET(const ConfigPaths found, config_paths(workspace_));
    append(snapshot_.problems, found.problems);
    for (const std::string& path : found.paths) {
      if (path == snapshot_.configs.front().path) continue;
      RTT_TRY_SET(JudgedConfig judged, judge_config(workspace_, evidence_, path, snapshot_.panel.strictness));
      if (path == ".rtt/policy.json" && judged.file.state == ConfigFile::State::kAbsent) warn_no_policy();
      keep(std::move(judged));
    }
    std::ranges::sort(snapshot_.configs, {}, &ConfigEntry::path);
    snapshot_.policy = model::empty_policy();
    snapshot_.topology = model::one_node_topology();
    snapshot_.routes = {
        .routes = {}, .object = Json::object({{"routes", text::JsonArray{}}}), .problems = {}};
    snapshot_.flags = text::JsonObject{};
    for (const ConfigEntry& entry : snapshot_.configs) {
      if (entry.text.empty()) continue;
      if (entry.path == ".rtt/policy.json") snapshot_.policy = model::read_policy(entry.text, entry.path);
      if (entry.path == ".rtt/routes.json") snapshot_.routes = model::read_routes(entry.text, entry.path);
      if (entry.path == ".rtt/topology.json")
        snapshot_.topology = model::read_topology(entry.text, entry.path);
      if (entry.path == ".rtt/flags.json") snapshot_.flags = entry.object;
    }
    return {};
  }

  // Without the file everything is denied, which looks the same as a file that allows something else.
  void warn_no_policy() {
    snapshot_.problems.push_back({.severity = model::Severity::kWarning,
                                  .file = ".rtt/policy.json",
                                  .code = Code::kNotFound,
                                  .message = "there is no policy.json, so every route and call is denied",
                                  .hint = "restore it, or rtt init, which writes the default one"});
  }

  // As items_to_sign() asks it.
  void note_signed(const Judgement& judgement) {
    snapshot_.all_signed = snapshot_.all_signed && judgement.standing == Standing::kSigned &&
                           judgement.carried == Judgement::Carried::kYes;
  }

  void keep(JudgedConfig judged) {
    note_signed(judged.judgement);
    append(snapshot_.problems, judged.file.problems);
    if (judged.judgement.problem) snapshot_.problems.push_back(*judged.judgement.problem);
    note_signer(judged.judgement, judged.entry.path);
    note_import(judged.judgement, judged.entry.object);
    snapshot_.configs.push_back(std::move(judged.entry));
  }

  // Of the workspace's own configuration and imports; a stranger's symbol in the tree stands in nobody's way.
  void note_signer(const Judgement& judgement, std::string_view file) {
    if (!file.starts_with(".rtt/")) return;
    auto& known = snapshot_.unknown_signers;
    const auto at = std::ranges::lower_bound(known, judgement.unknown_signer);
    if (judgement.unknown_signer.empty() || (at != known.end() && *at == judgement.unknown_signer)) return;
    known.insert(at, judgement.unknown_signer);
  }

  void judge_symbols() {
    std::vector<SigList> lists(found_.candidates.size());  // beside found_.candidates
    os::in_parallel(lists.size(),
                    [&](std::size_t i) { lists[i] = read_sig_list(root_, found_.candidates[i]); });
    for (const SigList& list : lists) {
      if (list.problem) snapshot_.problems.push_back(*list.problem);
    }
    std::vector<Judgement> judgements(found_.symbols.size());  // beside found_.symbols
    os::in_parallel(judgements.size(), [&](std::size_t i) {
      judgements[i] = judge(evidence_, case_of(found_.symbols[i], lists));
    });
    std::vector<std::string> known = found_.duplicated;
    for (std::size_t i = 0; i < judgements.size(); ++i) {
      known.push_back(model::identity(found_.symbols[i].contract.saddr));
      take(std::move(found_.symbols[i]), std::move(judgements[i]));
    }
    std::ranges::sort(known);
    for (std::size_t index = 0; index < lists.size(); ++index) {
      if (is_broken(found_.candidates[index])) revive(found_.candidates[index], lists[index], known);
    }
    std::ranges::stable_sort(snapshot_.symbols, [](const SymbolEntry& a, const SymbolEntry& b) {
      return model::canonical_order(a.contract.saddr, b.contract.saddr) == std::strong_ordering::less;
    });
  }

  // `lists`: beside found_.candidates.
  [[nodiscard]] Case case_of(const scan::FoundSymbol& symbol, const std::vector<SigList>& lists) const {
    const auto at = std::ranges::lower_bound(found_.candidates, symbol.file);
    RTT_ASSERT(at != found_.candidates.end() && *at == symbol.file);
    Case matter{.id = model::identity(symbol.contract.saddr),
                .file = symbol.file,
                .kind = crypto::SignKind::kManifest,
                .hash = symbol.contract.hash,
                .inline_records = symbol.contract.signatures};
    matter.beside = lists[static_cast<std::size_t>(at - found_.candidates.begin())].find(matter.id);
    if (snapshot_.panel.strictness == model::Strictness::kRelaxed ||
        allows_unsigned(snapshot_.panel.allow_unsigned, symbol.contract.saddr.ns)) {
      matter.leniency = Case::Leniency::kUnsigned;
    }
    return matter;
  }

  void take(scan::FoundSymbol symbol, Judgement judgement) {
    if (judgement.problem) snapshot_.problems.push_back(*judgement.problem);
    note_signer(judgement, symbol.file);
    note_signed(judgement);
    note_import(judgement, symbol.contract.object);
    const Digest found_hash = symbol.contract.hash;
    SymbolEntry entry{.contract = std::move(symbol.contract),
                      .standing = judgement.standing,
                      .signed_by = std::move(judgement.signed_by),
                      .source = std::move(symbol.file),
                      .pointer = std::move(symbol.pointer),
                      .found_hash = found_hash};
    if (judgement.standing == Standing::kLastSigned)
      put_last(entry, std::move(*judgement.last), model::identity(entry.contract.saddr));
    snapshot_.symbols.push_back(std::move(entry));
  }

  void put_last(SymbolEntry& entry, Json object, const std::string& id) {
    auto contract = model::contract_from_object(std::move(object), entry.source);
    if (contract && model::identity(contract->saddr) == id) {
      entry.contract = std::move(*contract);
      return;
    }
    entry.standing = Standing::kRefused;
    entry.signed_by.clear();
    snapshot_.problems.push_back(
        {.file = entry.source,
         .code = Code::kTampered,
         .message = fmt::format("the stored version of {} is not a contract of that address", id),
         .hint = "rtt registry verify"});
  }

  // A file of which something could not be read; what its signature list names may still be in force.
  bool is_broken(const std::string& file) const {
    return std::ranges::any_of(found_.problems, [&file](const model::Problem& problem) {
      return problem.file == file && problem.severity == model::Severity::kError &&
             problem.code != Code::kDuplicateDefinition;
    });
  }

  void revive(const std::string& file, const SigList& beside, std::vector<std::string>& known) {
    for (const SigFile& record : beside.records) {
      const auto at = std::ranges::lower_bound(known, record.id);
      if (at != known.end() && *at == record.id) continue;
      // The found version has no hash of its own: whatever is live counts as the last signed one.
      Judgement judgement = judge(evidence_, {.id = record.id,
                                              .file = file,
                                              .kind = crypto::SignKind::kManifest,
                                              .hash = {},
                                              .inline_records = {},
                                              .beside = &record});
      if (judgement.problem) snapshot_.problems.push_back(*judgement.problem);
      if (judgement.standing != Standing::kLastSigned) continue;
      SymbolEntry entry{.contract = {},
                        .standing = Standing::kLastSigned,
                        .signed_by = judgement.signed_by,
                        .source = file,
                        .pointer = {},
                        .found_hash = {}};
      put_last(entry, std::move(*judgement.last), record.id);
      if (entry.standing != Standing::kLastSigned) continue;
      known.insert(at, record.id);
      snapshot_.symbols.push_back(std::move(entry));
    }
  }

  // Copies what is signed into the store. The store is a cache of the tree: failing to write it costs
  // history, not the snapshot.
  void import_signed() {
    if (evidence_.state == Evidence::Store::kDamaged) {
      snapshot_.all_signed = false;
      return;
    }
    const bool indexed = os::exists(workspace_.dot("registry/index.json"));
    if (imports_.empty() && (indexed || evidence_.lineage.records().empty())) return;
    const Status done = write_imports();
    snapshot_.all_signed = snapshot_.all_signed && done.has_value();
    if (done || done.error().code == Code::kBusy) return;  // whoever holds the lock imports the same
    model::Problem problem = model::problem_from(done.error(), ".rtt/registry");
    if (problem.code != Code::kTampered) problem.severity = model::Severity::kWarning;
    snapshot_.problems.push_back(std::move(problem));
  }

  struct Import {
    SigFile record;
    Json object;
  };
  void note_import(const Judgement& judgement, const Json& object) {
    if (judgement.standing != Standing::kSigned || !judgement.record) return;
    const SigFile& record = *judgement.record;
    const auto live = evidence_.lineage.live(record.id);
    const bool imported = judgement.stored && live && *live != nullptr && (*live)->hash == record.hash &&
                          (*live)->sign == record.sign;
    if (!imported) imports_.push_back({.record = record, .object = object});
  }
  Status write_imports() {
    RTT_TRY(os::make_directories(workspace_.dot("registry")));
    RTT_TRY_SET(const os::FileLock lock,
                os::FileLock::take(workspace_.dot("registry/.lock"), os::FileLock::Wait::kNo));
    static_cast<void>(lock);
    std::vector<SigFile> records;
    for (const Import& one : imports_) {
      RTT_TRY_SET(const Digest hash, evidence_.store.put(one.object));
      RTT_ASSERT(hash == one.record.hash);
      records.push_back(one.record);
    }
    RTT_TRY(evidence_.store.promote(std::move(records)));
    return evidence_.store.write_index();
  }

  const Workspace& workspace_;
  const LoadOptions& options_;
  os::Folder root_;
  Evidence evidence_;
  Snapshot snapshot_;
  scan::Found found_;
  std::vector<Import> imports_;
};

}  // namespace

std::vector<model::Contract> Snapshot::in_force() const {
  std::vector<model::Contract> contracts;
  for (const SymbolEntry& entry : symbols) {
    if (entry.standing != Standing::kRefused) contracts.push_back(entry.contract);
  }
  return contracts;
}

std::vector<model::Contract> Snapshot::driven_by(std::string_view driver) const {
  std::vector<model::Contract> contracts;
  for (const SymbolEntry& entry : symbols) {
    const auto& use = entry.contract.driver;
    if (entry.standing != Standing::kRefused && use && use->use == driver)
      contracts.push_back(entry.contract);
  }
  return contracts;
}

Json Snapshot::registry_object() const {
  Json object = text::JsonObject{};
  for (const SymbolEntry& entry : symbols) {
    if (entry.standing == Standing::kRefused) continue;
    object.set(model::identity(entry.contract.saddr), to_string(entry.contract.hash));
  }
  return object;
}

Status Snapshot::signers_known() const {
  if (unknown_signers.empty()) return {};
  return fail(
      Code::kUnknownSigner,
      fmt::format("what is here is signed by {}, not accepted here by this user",
                  unknown_signers.size() == 1 ? "the key " + unknown_signers.front()
                                              : fmt::format("the keys {}", fmt::join(unknown_signers, ", "))),
      ".rtt/registry/trust/keys", "rtt keys trust " + unknown_signers.front());
}

Result<model::Connector> Snapshot::connector(std::string_view name) const {
  const std::string path = model::connector_path(name);
  const auto entry = std::ranges::find(configs, path, &ConfigEntry::path);
  if (entry == configs.end()) {
    return fail(Code::kDriverStart, fmt::format("no driver is called `{}`: there is no {}", name, path), path,
                "rtt driver test FOLDER");
  }
  if (entry->text.empty()) {
    const auto why = std::ranges::find(problems, path, &model::Problem::file);
    return fail(why == problems.end() ? Code::kUnsigned : why->code,
                why == problems.end() ? path + " is refused" : why->message, path, "rtt sign " + path);
  }
  return model::read_connector(entry->text, path);  // sound: must_be_sound() let it pass
}

Result<Snapshot> load_snapshot(const Workspace& workspace, const LoadOptions& options) {
  RTT_TRY_SET(Evidence evidence, gather_evidence(workspace, options.trust_keys));
  if (options.vouch == LoadOptions::Vouch::kFilesAlone) evidence.lineage = Lineage();
  RTT_TRY_SET(os::Folder root, os::Folder::open(workspace.root));
  return Loader(workspace, options, std::move(root), std::move(evidence)).run();
}

}  // namespace rtt::registry
