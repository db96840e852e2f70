// SPDX-License-Identifier: Apache-2.0
#include "mcp/clients/tool_index.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace rtt::mcp {
namespace {

using text::Json;

// The usual constants of BM25: how soon a repeated word counts no more, how much long texts are held back.
constexpr double kSaturation = 1.2;
constexpr double kLengthShare = 0.75;
// A name is chosen, a description rambles.
constexpr double kNameWeight = 6, kTitleWeight = 4, kServerWeight = 2, kArgumentWeight = 2, kTextWeight = 1,
                 kArgumentTextWeight = 0.5;
constexpr double kPartShare = 0.4;        // of a word that is only the beginning of another
constexpr std::size_t kPartBytesMin = 3;  // shorter beginnings mean nothing
constexpr std::size_t kWordBytesMax = 64;
constexpr std::size_t kTextBytesMax = 8192;  // of one description
constexpr std::size_t kArgumentsMax = 256;

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) {
  return is_upper(c) || (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80;
}

void finish(std::string& word, std::vector<std::string>& out) {
  const bool plural = word.size() > kPartBytesMin && word.ends_with('s') && !word.ends_with("ss");
  if (plural && word.ends_with("ies")) {
    word.replace(word.size() - 3, 3, "y");
  } else if (plural) {
    word.pop_back();
  }
  if (!word.empty() && word.size() <= kWordBytesMax) out.push_back(word);
  word.clear();
}

}  // namespace

std::vector<std::string> search_words(std::string_view text) {
  text = text.substr(0, kTextBytesMax);
  std::vector<std::string> out;
  std::string word;
  char before = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool next_small = i + 1 < text.size() && text[i + 1] >= 'a' && text[i + 1] <= 'z';
    // "readFile" is two words, "HTTPServer" too.
    const bool begins = is_upper(c) && (!is_upper(before) || next_small);
    if (begins || (!is_letter(c) && !is_digit(c))) finish(word, out);
    if (is_letter(c) || is_digit(c)) word.push_back(is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c);
    before = c;
  }
  finish(word, out);
  return out;
}

ToolIndex::ToolIndex(std::vector<Tool> tools) : tools_(std::move(tools)) {
  std::ranges::sort(tools_, {}, &Tool::name);
  lengths_.resize(tools_.size(), 0);
  for (std::uint32_t i = 0; i < tools_.size(); ++i) {
    const Tool& tool = tools_[i];
    add_words(i, tool.name, kNameWeight);
    add_words(i, tool.server, kServerWeight);
    add_words(i, tool.definition.string_or("title"), kTitleWeight);
    add_words(i, tool.definition.string_or("description"), kTextWeight);
    const Json* const schema = tool.definition.find("inputSchema");
    const Json* const arguments = schema != nullptr ? schema->find("properties") : nullptr;
    if (arguments == nullptr || !arguments->is_object()) continue;
    std::size_t count = 0;
    for (const auto& [name, value] : arguments->as_object()) {
      if (++count > kArgumentsMax) break;
      add_words(i, name, kArgumentWeight);
      if (value.is_object()) add_words(i, value.string_or("description"), kArgumentTextWeight);
    }
  }
  double total = 0;
  for (const double length : lengths_) total += length;
  if (total > 0) mean_length_ = total / static_cast<double>(lengths_.size());
}

void ToolIndex::add_words(std::uint32_t tool, std::string_view text, double weight) {
  for (std::string& word : search_words(text)) {
    std::vector<Posting>& postings = words_[std::move(word)];
    if (postings.empty() || postings.back().tool != tool) postings.push_back({tool, 0});
    postings.back().weight += weight;
    lengths_[tool] += 1;
  }
}

// What a word adds to each tool that has it, where that is more than what is there.
void ToolIndex::score_word(const std::vector<Posting>& postings, double share,
                           std::vector<double>& best) const {
  const double count = static_cast<double>(tools_.size()), with = static_cast<double>(postings.size());
  const double rare = std::log(1 + (count - with + 0.5) / (with + 0.5));
  for (const Posting& posting : postings) {
    const double held = 1 - kLengthShare + kLengthShare * lengths_[posting.tool] / mean_length_;
    const double score =
        share * rare * posting.weight * (kSaturation + 1) / (posting.weight + kSaturation * held);
    best[posting.tool] = std::max(best[posting.tool], score);
  }
}

void ToolIndex::score_term(std::string_view term, std::vector<double>& scores) const {
  std::vector<double> best(tools_.size(), 0);
  if (const auto exact = words_.find(term); exact != words_.end()) score_word(exact->second, 1, best);
  if (term.size() >= kPartBytesMin) {
    for (auto at = words_.lower_bound(term); at != words_.end() && at->first.starts_with(term); ++at)
      if (at->first.size() > term.size()) score_word(at->second, kPartShare, best);
    for (std::size_t length = kPartBytesMin; length < term.size(); ++length) {
      const auto part = words_.find(term.substr(0, length));
      if (part != words_.end()) score_word(part->second, kPartShare, best);
    }
  }
  for (std::size_t i = 0; i < scores.size(); ++i) scores[i] += best[i];
}

std::vector<const ToolIndex::Tool*> ToolIndex::search(std::string_view query, std::size_t limit) const {
  std::vector<double> scores(tools_.size(), 0);
  std::vector<std::string> terms = search_words(query);
  std::ranges::sort(terms);
  terms.erase(std::ranges::unique(terms).begin(), terms.end());
  if (terms.size() > kSearchTermsMax) terms.resize(kSearchTermsMax);
  for (const std::string& term : terms) score_term(term, scores);
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < tools_.size(); ++i) {
    if (terms.empty() || scores[i] > 0 || tools_[i].name == query) order.push_back(i);
  }
  const auto rank = [&](std::uint32_t i) { return std::pair(tools_[i].name != query, -scores[i]); };
  std::ranges::stable_sort(order, {}, rank);
  std::vector<const Tool*> out;
  for (std::size_t i = 0; i < order.size() && i < limit; ++i) out.push_back(&tools_[order[i]]);
  return out;
}

const ToolIndex::Tool* ToolIndex::find(std::string_view name) const {
  const auto at =
      std::ranges::lower_bound(tools_, name, {}, [](const Tool& t) -> std::string_view { return t.name; });
  return at != tools_.end() && at->name == name ? &*at : nullptr;
}

std::vector<std::string> ToolIndex::names() const {
  std::vector<std::string> out;
  for (const Tool& tool : tools_) out.push_back(tool.name);
  return out;
}

}  // namespace rtt::mcp
