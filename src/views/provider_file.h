// SPDX-License-Identifier: Apache-2.0
// ProviderTable: the built-in providers and those a workspace adds in providers/providers.yaml.
//
// A client of one's own nearly always reads another one's forms in other places, so a row says whom it is
// like and where its files lie (docs/formats/providers.md).
//
// Owns: the texts its added rows name, so it moves and does not copy.   Thread: any (values).
// Fails: never; a row with a problem is left out.   Limits: kProvidersMax rows, kConfigBytesMax, those of
// YAML.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/problem.h"
#include "views/provider.h"

namespace rtt::views {

inline constexpr std::size_t kProvidersMax = 1'000;

class ProviderTable {
 public:
  ProviderTable();  // the built-in ones
  ProviderTable(ProviderTable&&) = default;
  ProviderTable& operator=(ProviderTable&&) = default;
  ProviderTable(const ProviderTable&) = delete;
  ProviderTable& operator=(const ProviderTable&) = delete;
  ~ProviderTable() = default;

  [[nodiscard]] std::span<const Provider> rows() const { return rows_; }  // sorted by name
  [[nodiscard]] const Provider* find(std::string_view name) const;

  // Adds the rows of a file; what is wrong with it.
  std::vector<model::Problem> add(std::string_view yaml, std::string_view file);

 private:
  std::string_view keep(std::string_view text) { return texts_.emplace_back(text); }

  std::deque<std::string> texts_;  // its elements stay where they are, also when it is moved
  std::vector<Provider> rows_;
};

}  // namespace rtt::views
