// SPDX-License-Identifier: Apache-2.0
#include "views/mechanism.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace rtt::views {
namespace {

constexpr auto kLast = Mechanism::kCopies;  // of every row: it cannot be refused
// What is tried, first to last.
constexpr std::array kMany{Mechanism::kFuse, Mechanism::kLinks, kLast};
constexpr std::array kFew{Mechanism::kLinks, kLast};
constexpr std::array kByErofs{Mechanism::kErofs, Mechanism::kLinks, kLast};
constexpr std::array kByHardLinks{Mechanism::kHardLinks, kLast};
constexpr std::array kByCopies{kLast};

std::span<const Mechanism> tried(std::optional<Mechanism> wish, std::size_t files) {
  if (!wish) return files > kFilesForFuse ? std::span<const Mechanism>(kMany) : kFew;
  switch (*wish) {
    case Mechanism::kFuse:
      return kMany;
    case Mechanism::kErofs:
      return kByErofs;
    case Mechanism::kHardLinks:
      return kByHardLinks;
    case Mechanism::kCopies:
      return kByCopies;
    case Mechanism::kLinks:
      break;
  }
  return kFew;
}

}  // namespace

Choice choose(std::optional<Mechanism> wish, std::size_t files, const Refusals& refusals) {
  std::string why = wish                    ? "panel.yaml asks for it"
                    : files > kFilesForFuse ? fmt::format("more than {} files are shown", kFilesForFuse)
                                            : fmt::format("no more than {} files are shown", kFilesForFuse);
  std::string missed;
  for (const Mechanism mechanism : tried(wish, files)) {
    const auto& refused = refusals[static_cast<std::size_t>(mechanism)];
    if (!refused || mechanism == kLast)
      return {.mechanism = mechanism, .why = missed.empty() ? std::move(why) : std::move(missed)};
    missed +=
        fmt::format("{}{} cannot be had: {}", missed.empty() ? "" : "; ", to_string(mechanism), *refused);
  }
  return {.mechanism = kLast, .why = std::move(missed)};
}

}  // namespace rtt::views
