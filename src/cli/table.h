// SPDX-License-Identifier: Apache-2.0
// Table: rows under short headings, as wide as they need, and on a terminal no wider than it.
//
// When the text goes to a file or a pipe nothing is ever cut, so that grep finds whole addresses. On a
// terminal the widest column gives way first, a cell at a time, never below kColumnCellsMin.
//
// Owns: its cells.   Thread: one.   Units: terminal cells.   Fails: never.   Limits: the caller's rows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/screen.h"

namespace rtt::cli {

inline constexpr std::size_t kColumnCellsMin = 8;

enum class Align : std::uint8_t { kLeft, kRight };
struct Column {
  std::string heading;
  Align align = Align::kLeft;
};
struct Cell {
  std::string text;  // printable() is applied here
  Tone tone = Tone::kPlain;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<Cell> row);  // REQUIRES: as many cells as columns
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  // `columns_max` 0: nothing is cut.
  [[nodiscard]] std::string text(const Paint& paint, std::size_t columns_max) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace rtt::cli
