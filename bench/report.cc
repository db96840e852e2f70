// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace rtt::bench {

double Samples::percentile(double p) {
  if (values_.empty()) return std::nan("");
  std::sort(values_.begin(), values_.end());
  const double place = p / 100.0 * static_cast<double>(values_.size() - 1);
  return static_cast<double>(values_[static_cast<std::size_t>(std::llround(place))]);
}

void Report::add(Row row) { rows_.push_back(std::move(row)); }

void Report::add_with_reference(Row row, Row reference) {
  row.ref = reference.name;
  row.ratio = row.value / reference.value;
  rows_.push_back(std::move(row));
  const bool known =
      std::any_of(rows_.begin(), rows_.end(), [&](const Row& r) { return r.name == reference.name; });
  if (!known) rows_.push_back(std::move(reference));
}

void Report::print() const {
  fmt::print("{:<28} {:>14} {:<8} {:>8}  {}\n", "row", "value", "unit", "ratio", "reference");
  for (const Row& row : rows_) {
    fmt::print("{:<28} {:>14.3f} {:<8} {:>8}  {}\n", row.name, row.value, row.unit,
               row.ratio ? fmt::format("{:.2f}", *row.ratio) : "", row.ref);
  }
}

bool Report::write_json(const std::string& path) const {
  std::string out = "{\"schema\":\"rtt.bench/1\",\"rows\":[";
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const Row& row = rows_[i];
    out += fmt::format("{}\n{{\"name\":\"{}\",\"value\":{:.6g},\"unit\":\"{}\",\"ref\":{},\"ratio\":{}}}",
                       i == 0 ? "" : ",", row.name, row.value, row.unit,
                       row.ref.empty() ? "null" : "\"" + row.ref + "\"",
                       row.ratio ? fmt::format("{:.6g}", *row.ratio) : "null");
  }
  out += "\n]}\n";
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) return false;
  const bool ok = std::fwrite(out.data(), 1, out.size(), file) == out.size();
  return std::fclose(file) == 0 && ok;
}

}  // namespace rtt::bench
