// SPDX-License-Identifier: Apache-2.0
// Report: samples, percentiles and the table of rows (`make bench`).
//
// Thread: one.   Units: nanoseconds inside; each row names its own.   Fails: never.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rtt::bench {

class Samples {
 public:
  void add(std::int64_t ns) { values_.push_back(ns); }
  [[nodiscard]] double percentile(double p);  // 0 to 100; sorts
  [[nodiscard]] double median() { return percentile(50); }
  [[nodiscard]] std::size_t size() const { return values_.size(); }

 private:
  std::vector<std::int64_t> values_;
};

struct Row {
  std::string name;
  double value = 0;
  std::string unit;
  std::string ref;              // name of the reference row, empty for none
  std::optional<double> ratio;  // value / reference
};

class Report {
 public:
  void add(Row row);
  // A row and its reference, measured in alternating blocks.
  void add_with_reference(Row row, Row reference);
  void print() const;
  bool write_json(const std::string& path) const;

 private:
  std::vector<Row> rows_;
};

struct Settings {
  std::string rtt;       // the binary measured
  std::string bin_dir;   // where the peers lie
  std::string work_dir;  // emptied and used
  std::string peers;     // where npm put other gateways; empty: not measured
  int scale = 1;         // divides sample counts: 1 full, 10 quick
  // What rulesync 17.0.0 takes for 1,000 agents and 5 clients; measured anew with `peers`.
  double rulesync_disk_bytes = 20.5e6;
};

void apply_rows(const Settings& settings, Report& report);
void control_rows(const Settings& settings, Report& report);
void engine_rows(const Settings& settings, Report& report);
void explore_rows(const Settings& settings, Report& report);
void gateway_rows(const Settings& settings, Report& report);
void journal_rows(const Settings& settings, Report& report);
void live_rows(const Settings& settings, Report& report);
void mcp_rows(const Settings& settings, Report& report);
void peer_rows(const Settings& settings, Report& report);
void shm_rows(const Settings& settings, Report& report);
void view_peer_rows(const Settings& settings, Report& report);
void view_render_rows(const Settings& settings, Report& report);
void view_rows(const Settings& settings, Report& report);

}  // namespace rtt::bench
