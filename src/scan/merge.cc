// SPDX-License-Identifier: Apache-2.0
#include "scan/merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "model/limits.h"

namespace rtt::scan {
namespace {

struct Keyed {
  std::string identity;
  FoundSymbol symbol;
};

bool before(const Keyed& a, const Keyed& b) {
  const auto order = model::canonical_order(a.symbol.contract.saddr, b.symbol.contract.saddr);
  if (order != std::strong_ordering::equal) return order == std::strong_ordering::less;
  return std::tie(a.identity, a.symbol.file, a.symbol.pointer) <
         std::tie(b.identity, b.symbol.file, b.symbol.pointer);
}

model::Problem duplicate(const Keyed& here, const Keyed& there, const std::string& root) {
  const FoundSymbol& symbol = here.symbol;
  model::Problem problem{
      .file = symbol.file,
      .line = 1,
      .column = 1,
      .code = Code::kDuplicateDefinition,
      .message = fmt::format("{} is also defined in {}{}{}; neither counts", here.identity, there.symbol.file,
                             there.symbol.pointer.empty() ? "" : "#", there.symbol.pointer),
      .hint = "keep one of the two"};
  if (!symbol.file.ends_with(".json")) return problem;
  const auto again = os::read_beneath(root, symbol.file, limits::kManifestBytesMax);
  if (!again) return problem;
  if (const auto position = text::locate(again->content, symbol.pointer + "/symbol/saddr")) {
    problem.line = position->line;
    problem.column = position->column;
  }
  return problem;
}

}  // namespace

Found merge(ProbeOutcome all, const std::string& root) {
  std::vector<Keyed> keyed;
  keyed.reserve(all.symbols.size());
  for (FoundSymbol& symbol : all.symbols) {
    std::string identity = model::identity(symbol.contract.saddr);
    keyed.push_back({.identity = std::move(identity), .symbol = std::move(symbol)});
  }
  std::ranges::sort(keyed, before);
  Found found;
  found.problems = std::move(all.problems);
  for (std::size_t first = 0; first < keyed.size();) {
    std::size_t end = first + 1;
    while (end < keyed.size() && keyed[end].identity == keyed[first].identity) ++end;
    if (end - first == 1) {
      found.symbols.push_back(std::move(keyed[first].symbol));
    } else {
      found.duplicated.push_back(keyed[first].identity);
      for (std::size_t at = first; at < end && found.problems.size() < limits::kProblemsMax; ++at) {
        found.problems.push_back(duplicate(keyed[at], keyed[at == first ? first + 1 : first], root));
      }
    }
    first = end;
  }
  std::ranges::sort(found.duplicated);
  found.servers = std::move(all.servers);
  std::ranges::sort(found.servers, [](const FoundServer& a, const FoundServer& b) {
    return std::tie(a.name, a.file) < std::tie(b.name, b.file);
  });
  found.problems = in_order(std::move(found.problems));
  return found;
}

std::vector<model::Problem> in_order(std::vector<model::Problem> problems) {
  std::ranges::sort(problems, [](const model::Problem& a, const model::Problem& b) {
    return std::tie(a.file, a.line, a.column, a.code, a.message, a.severity, a.hint) <
           std::tie(b.file, b.line, b.column, b.code, b.message, b.severity, b.hint);
  });
  const auto rest = std::ranges::unique(problems);
  problems.erase(rest.begin(), rest.end());
  if (problems.size() > limits::kProblemsMax) {
    const std::size_t missing = problems.size() - limits::kProblemsMax + 1;
    problems.resize(limits::kProblemsMax - 1);
    problems.push_back({.code = Code::kLimit, .message = fmt::format("and {} more problems", missing)});
  }
  return problems;
}

}  // namespace rtt::scan
