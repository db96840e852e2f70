// SPDX-License-Identifier: Apache-2.0
#include "registry/lineage.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace rtt::registry {

Lineage::Lineage(std::vector<SigFile> records) : records_(std::move(records)) {
  std::ranges::sort(records_, [](const SigFile& a, const SigFile& b) {
    return std::tie(a.id, a.hash) < std::tie(b.id, b.hash);
  });
}

std::pair<std::size_t, std::size_t> Lineage::range(std::string_view id) const {
  const auto found = std::ranges::equal_range(
      records_, id, std::less<>{}, [](const SigFile& record) { return std::string_view(record.id); });
  return {static_cast<std::size_t>(found.begin() - records_.begin()),
          static_cast<std::size_t>(found.end() - records_.begin())};
}

const SigFile* Lineage::find(std::string_view id, const Digest& hash) const {
  const auto [first, end] = range(id);
  for (std::size_t at = first; at < end; ++at) {
    if (records_[at].hash == hash) return &records_[at];
  }
  return nullptr;
}

Result<const SigFile*> Lineage::live(std::string_view id) const {
  const auto [first, end] = range(id);
  if (first == end) return nullptr;
  std::vector<Digest> superseded;  // sorted: an id may have many versions
  for (std::size_t at = first; at < end; ++at) {
    if (records_[at].supersedes) superseded.push_back(*records_[at].supersedes);
  }
  std::ranges::sort(superseded);
  const SigFile* live = nullptr;
  for (std::size_t at = first; at < end; ++at) {
    if (std::ranges::binary_search(superseded, records_[at].hash)) continue;
    if (live != nullptr) {
      return fail(Code::kTampered,
                  fmt::format("{} has two live versions, {} and {}", id, to_string(live->hash),
                              to_string(records_[at].hash)),
                  std::string(id), "rtt registry verify");
    }
    live = &records_[at];
  }
  if (live == nullptr) {
    return fail(Code::kTampered,
                fmt::format("the signed versions of {} supersede each other in a circle", id),
                std::string(id), "rtt registry verify");
  }
  return live;
}

std::vector<std::string_view> Lineage::ids() const {
  std::vector<std::string_view> all;
  for (const SigFile& record : records_) {
    if (all.empty() || all.back() != record.id) all.emplace_back(record.id);
  }
  return all;
}

}  // namespace rtt::registry
