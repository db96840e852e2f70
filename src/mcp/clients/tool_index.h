// SPDX-License-Identifier: Apache-2.0
// ToolIndex: the tools one AI client may call, searched by words.
//
// For clients that cannot take hundreds of definitions into their context. Ranked by BM25 over weighted
// fields (name, title, server, argument names, descriptions); a word counts in part where it only begins a
// word of the tool, or the reverse. Equal scores are ordered by name, so the same question gets the same
// answer on every machine.
//
// Owns: its text (share as const).   Thread: any (a value).   Fails: never.
// Limits: kSearchTermsMax words of a query, kSearchLimitMax results.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "text/json.h"

namespace rtt::mcp {

inline constexpr std::size_t kSearchTermsMax = 32;
inline constexpr std::int64_t kSearchLimitMax = 50;

class ToolIndex {
 public:
  struct Tool {
    std::string name, server;  // as the client calls them
    text::Json definition;     // as it would be listed
  };
  explicit ToolIndex(std::vector<Tool> tools);

  // Best first; of an empty query the first in order of names.
  [[nodiscard]] std::vector<const Tool*> search(std::string_view query, std::size_t limit) const;
  [[nodiscard]] const Tool* find(std::string_view name) const;
  [[nodiscard]] std::size_t size() const { return tools_.size(); }
  // The names most like this one, for those who mistyped it.
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  struct Posting {
    std::uint32_t tool = 0;
    double weight = 0;  // of all its occurrences in the tool
  };
  void add_words(std::uint32_t tool, std::string_view text, double weight);
  void score_term(std::string_view term, std::vector<double>& scores) const;
  void score_word(const std::vector<Posting>& postings, double share, std::vector<double>& best) const;

  std::vector<Tool> tools_;  // sorted by name
  std::map<std::string, std::vector<Posting>, std::less<>> words_;
  std::vector<double> lengths_;
  double mean_length_ = 1;
};

// Lower-case words of a text: split at what is no letter or digit and where capitals begin a word, the plural
// -s taken off. Bytes beyond ASCII are letters.
std::vector<std::string> search_words(std::string_view text);

}  // namespace rtt::mcp
