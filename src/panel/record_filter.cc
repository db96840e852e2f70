// SPDX-License-Identifier: Apache-2.0
#include "panel/record_filter.h"

#include <algorithm>
#include <vector>

#include "apply/records.h"
#include "text/glob.h"

namespace rtt::panel {
namespace {

using journal::RecordType;
using text::Json;

std::string trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return std::string(text);
}

bool fits(const std::string& word, std::string_view text) {
  return word.find('*') != std::string::npos ? text::glob_match(word, text)
                                             : text.find(word) != std::string_view::npos;
}

}  // namespace

RecordFilter::RecordFilter(const registry::Workspace& workspace, RecordWords words)
    : workspace_(workspace), words_(std::move(words)) {
  const std::size_t arrow = words_.route.find("->");
  both_ = arrow != std::string::npos;
  from_ = trimmed(words_.route.substr(0, arrow));
  if (both_) to_ = trimmed(words_.route.substr(arrow + 2));
}

bool RecordFilter::on_route(const Ends& ends) const {
  if (both_) return fits(from_, ends.from) && fits(to_, ends.to);
  return fits(from_, ends.from) || fits(from_, ends.to);
}

Result<bool> RecordFilter::commit_touches(const journal::Record& record) {
  RTT_TRY_SET(const Json payload, record.payload());
  RTT_TRY_SET(const apply::CommitRecord commit, apply::commit_from_json(payload, record.seq));
  const auto ends_of = [](const model::Graph& graph) {
    std::set<Ends> ends;
    for (const model::Route& route : graph.routes)
      ends.insert({.from = model::identity(route.from), .to = model::identity(route.to)});
    return ends;
  };
  if (!before_) {  // what led to it may be compacted away, its graph with it
    const auto before = graph_of(workspace_, commit.before, std::nullopt);
    before_ = before ? ends_of(*before) : std::set<Ends>();
  }
  RTT_TRY_SET(const model::Graph graph, graph_of(workspace_, commit.after, commit.graph));
  std::set<Ends> now = ends_of(graph);
  std::vector<Ends> changed;
  std::ranges::set_symmetric_difference(*before_, now, std::back_inserter(changed));
  before_ = std::move(now);
  return std::ranges::any_of(changed, [this](const Ends& ends) { return on_route(ends); });
}

bool RecordFilter::said(const Json& line) const {
  return (words_.who.empty() || fits(words_.who, line.string_or("who"))) &&
         (words_.action.empty() || words_.action == line.string_or("action"));
}

bool RecordFilter::keeps_call(const Json& line) const {
  const Ends ends{.from = std::string(line.string_or("who")), .to = std::string(line.string_or("to"))};
  return said(line) && (words_.route.empty() || on_route(ends));
}

Result<bool> RecordFilter::keeps(const journal::Record& record, const Json& line) {
  bool kept = true;
  if (!words_.route.empty()) {
    if (record.type == RecordType::kCommit) {
      RTT_TRY_SET(kept, commit_touches(record));
    } else if (!line.string_or("to").empty()) {
      kept = keeps_call(line);
    } else {
      const std::string reason(line.string_or("reason"));
      kept = on_route({.from = reason, .to = reason});
    }
  }
  return kept && said(line);
}

}  // namespace rtt::panel
