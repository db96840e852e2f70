// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "model/saddr.h"

namespace rtt::model {
namespace {

constexpr std::size_t kComparedMax = 256;

std::string folded(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// Optimal string alignment: insert, delete, replace, swap neighbours, each costing one. Three rows suffice.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

std::optional<std::string> nearest(std::string_view wrong, const std::vector<std::string>& choices) {
  if (wrong.empty() || wrong.size() > kComparedMax) return std::nullopt;
  const std::size_t allowed = std::max<std::size_t>(2, wrong.size() / 3);
  const std::string wanted = folded(wrong);
  const std::string* best = nullptr;
  std::size_t best_distance = allowed + 1;
  for (const std::string& choice : choices) {
    const std::size_t longer = std::max(choice.size(), wrong.size());
    if (choice.size() > kComparedMax || longer - std::min(choice.size(), wrong.size()) >= best_distance)
      continue;
    const std::size_t cost = distance(wanted, folded(choice));
    // A "nearest" that shares nothing with what was written is noise: at least half must stay.
    if (cost >= best_distance || cost * 2 > longer) continue;
    best = &choice;
    best_distance = cost;
  }
  if (best == nullptr) return std::nullopt;
  return *best;
}

}  // namespace rtt::model
