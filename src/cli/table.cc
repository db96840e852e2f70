// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/assert.h"

namespace rtt::cli {
namespace {

constexpr std::size_t kGap = 2;

void shrink(std::vector<std::size_t>& widths, std::size_t columns_max) {
  const std::size_t gaps = kGap * (widths.size() - 1);
  std::size_t total = std::accumulate(widths.begin(), widths.end(), gaps);
  while (total > columns_max) {
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kColumnCellsMin) return;
    --*widest;
    --total;
  }
}

}  // namespace

void Table::add(std::vector<Cell> row) {
  RTT_ASSERT(row.size() == columns_.size());
  for (Cell& cell : row) cell.text = printable(cell.text);
  rows_.push_back(std::move(row));
}

std::string Table::text(const Paint& paint, std::size_t columns_max) const {
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) widths.push_back(display_width(column.heading));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i].text));
  }
  if (columns_max > 0) shrink(widths, columns_max);

  std::string lines;
  const auto put = [&](std::size_t i, const std::string& whole, Tone tone) {
    const std::string cut = fit(whole, widths[i]);
    const std::string pad(widths[i] - display_width(cut), ' ');
    const bool last = i + 1 == columns_.size();
    if (columns_[i].align == Align::kRight) {
      lines += pad + paint(tone, cut);
    } else {
      lines += paint(tone, cut) + (last ? "" : pad);
    }
    lines += last ? "\n" : std::string(kGap, ' ');
  };
  for (std::size_t i = 0; i < columns_.size(); ++i) put(i, columns_[i].heading, Tone::kDim);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) put(i, row[i].text, row[i].tone);
  }
  return lines;
}

}  // namespace rtt::cli
