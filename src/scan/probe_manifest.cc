// SPDX-License-Identifier: Apache-2.0
// `rtt.manifest.json` at any depth and every JSON file under `.rtt/manifests`.
#include "scan/probes.h"

namespace rtt::scan {
namespace {

// Where each contract of `{"contracts":[…]}` stands; a reader drops unusable ones, so places are found by
// identity.
std::string pointer_of(const text::Json& document, const std::string& identity, std::size_t& next) {
  const text::Json* contracts = document.find("contracts");
  if (contracts == nullptr || !contracts->is_array()) return {};
  for (std::size_t index = next; index < contracts->as_array().size(); ++index) {
    const text::Json* symbol = contracts->as_array()[index].find("symbol");
    if (symbol == nullptr) continue;
    const auto saddr = model::parse_definition(symbol->string_or("saddr"));
    if (!saddr || model::identity(*saddr) != identity) continue;
    next = index + 1;
    return "/contracts/" + std::to_string(index);
  }
  return {};
}

}  // namespace

bool wants_manifest(const Candidate& candidate) {
  if (candidate.name == "rtt.manifest.json") return true;
  return candidate.path.starts_with(".rtt/manifests/") && candidate.name.ends_with(".json") &&
         !candidate.name.starts_with('.');
}

ProbeOutcome read_manifest_file(std::string_view text, std::string_view file, model::Strictness strictness) {
  model::ReadOutcome read = model::read_manifest(text, file, strictness);
  ProbeOutcome outcome{.symbols = {}, .servers = {}, .problems = std::move(read.problems)};
  if (read.contracts.empty()) return outcome;
  const auto document = text::parse_json(text, {.source_name = file});
  std::size_t next = 0;
  for (model::Contract& contract : read.contracts) {
    std::string pointer =
        document ? pointer_of(*document, model::identity(contract.saddr), next) : std::string();
    outcome.symbols.push_back({.contract = std::move(contract),
                               .file = std::string(file),
                               .pointer = std::move(pointer),
                               .probe = "manifest"});
  }
  return outcome;
}

}  // namespace rtt::scan
