// SPDX-License-Identifier: Apache-2.0
// RecordFilter: which journal records `log` and `audit` show, by route, by who acted and by action.
//
// A call touches the route from its caller to its provider; a commit touches the routes it added or removed,
// found by comparing its graph with that of the commit before; a refusal touches what its reason names. Words
// match as in `ls`: a part of the text, or with `*` the whole.
//
// Owns: the routes of the last commit seen, so records must come in order.   Thread: one.
// Fails: as reading a commit's graph does.   Limits: the graph's.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "panel/ledger.h"

namespace rtt::panel {

// Empty words keep everything.
struct RecordWords {
  std::string route;  // an address, or 'A -> B'
  std::string who, action;
};

class RecordFilter {
 public:
  RecordFilter(const registry::Workspace& workspace, RecordWords words);
  // `line` is the record's line of `log`.
  Result<bool> keeps(const journal::Record& record, const text::Json& line);
  [[nodiscard]] bool keeps_call(const text::Json& line) const;  // {action,to,who}

 private:
  struct Ends {
    std::string from, to;
    friend auto operator<=>(const Ends&, const Ends&) = default;
  };
  [[nodiscard]] bool on_route(const Ends& ends) const;
  [[nodiscard]] bool said(const text::Json& line) const;  // by whom and what the words ask for
  Result<bool> commit_touches(const journal::Record& record);

  const registry::Workspace& workspace_;
  RecordWords words_;
  std::string from_, to_;                 // of 'A -> B'
  bool both_ = false;                     // both ends were given
  std::optional<std::set<Ends>> before_;  // nothing before the first commit that is kept
};

}  // namespace rtt::panel
