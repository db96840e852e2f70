// SPDX-License-Identifier: Apache-2.0
#include "panel/endpoint.h"

#include <fmt/format.h>

namespace rtt::panel {
namespace {

using model::Saddr;
using registry::Standing;
using registry::SymbolEntry;

// Why a symbol that exists in a file may not be used, in the words of the problem that was found with it.
Error refused_because(const registry::Snapshot& snapshot, const registry::SymbolEntry& entry) {
  for (const model::Problem& problem : snapshot.problems) {
    if (problem.file == entry.source && problem.severity == model::Severity::kError) {
      return {problem.code,
              problem.message,
              problem.line == 0 ? problem.file
                                : fmt::format("{}:{}:{}", problem.file, problem.line, problem.column),
              problem.hint,
              {}};
    }
  }
  return {Code::kUnsigned,
          model::identity(entry.contract.saddr) + " is not signed",
          entry.source,
          "rtt sign " + entry.source,
          {}};
}

bool is_side(const SymbolEntry& entry, Side side) {
  return side == Side::kConsumer ? entry.contract.consumes() : entry.contract.provides();
}

std::string_view side_word(Side side) { return side == Side::kConsumer ? "consumer" : "provider"; }

std::vector<Saddr> addresses(const registry::Snapshot& snapshot, Side side) {
  std::vector<Saddr> out;
  for (const SymbolEntry& entry : snapshot.symbols) {
    if (is_side(entry, side)) out.push_back(entry.contract.saddr);
  }
  return out;
}

bool satisfies(const Saddr& saddr, const Saddr& wanted) {
  return saddr.ns == wanted.ns && saddr.type == wanted.type && saddr.name == wanted.name &&
         (wanted.variant.empty() || wanted.variant == saddr.variant) &&
         (!wanted.version || wanted.version == saddr.version) &&
         (!wanted.range || wanted.range->contains(*saddr.version));
}

// Somebody has that name, only at the other end of a route.
std::optional<Error> wrong_way(const registry::Snapshot& snapshot, const std::string& word, Side side) {
  const Side other = side == Side::kConsumer ? Side::kProvider : Side::kConsumer;
  const auto named = model::resolve_short(word, addresses(snapshot, other));
  if (!named) return std::nullopt;
  for (const SymbolEntry& entry : snapshot.symbols) {
    if (!is_side(entry, other) || !satisfies(entry.contract.saddr, *named)) continue;
    return Error{Code::kDirection,
                 fmt::format("{} is a {} only, a {} is needed here", model::identity(entry.contract.saddr),
                             side_word(other), side_word(side)),
                 entry.source, "a route goes from a consumer to a provider"};
  }
  return std::nullopt;
}

Error nobody(const Saddr& wanted, const std::vector<Saddr>& known, Side side) {
  std::vector<std::string> names;
  for (const Saddr& saddr : known) {
    const std::string id = model::identity(saddr);
    names.push_back(id.substr(0, id.find('@')));  // a version asked for is not what was mistyped in a name
  }
  const auto near =
      model::nearest(fmt::format("rtt://{}/{}/{}", wanted.ns, to_string(wanted.type), wanted.name), names);
  return {Code::kNotFound,
          fmt::format("no {} satisfies {}", side_word(side), model::to_string(wanted)),
          {},
          near ? fmt::format("did you mean {}?", *near) : "rtt ls symbols"};
}

}  // namespace

Result<Endpoint> find_endpoint(const registry::Snapshot& snapshot, const std::string& word, Side side) {
  const std::vector<Saddr> known = addresses(snapshot, side);
  auto wanted = model::resolve_short(word, known);
  if (!wanted) {
    if (wanted.error().code != Code::kNotFound) return std::unexpected(std::move(wanted).error());
    auto other = wrong_way(snapshot, word, side);
    return std::unexpected(other ? *std::move(other) : std::move(wanted).error());
  }
  const SymbolEntry* best = nullptr;
  const SymbolEntry* refused = nullptr;
  for (const SymbolEntry& entry : snapshot.symbols) {
    const Saddr& saddr = entry.contract.saddr;
    if (!satisfies(saddr, *wanted) || !is_side(entry, side)) continue;
    if (entry.standing == Standing::kRefused) {
      refused = &entry;
    } else if (best == nullptr || model::precedence(*best->contract.saddr.version, *saddr.version) < 0) {
      best = &entry;
    }
  }
  if (best != nullptr) return Endpoint{best, *std::move(wanted)};
  if (refused != nullptr) return std::unexpected(refused_because(snapshot, *refused));
  auto other = wrong_way(snapshot, word, side);
  return std::unexpected(other ? *std::move(other) : nobody(*wanted, known, side));
}

}  // namespace rtt::panel
