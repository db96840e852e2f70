// SPDX-License-Identifier: Apache-2.0
#include "cli/help.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "cli/pages.h"
#include "cli/verbs.h"

namespace rtt::cli {
namespace {

std::string_view first_word(std::string_view name) { return name.substr(0, name.find(' ')); }

std::string second_words(std::string_view group) {
  std::string words;
  for (const Verb& verb : verbs()) {
    if (first_word(verb.name) != group || verb.name.size() == group.size() || verb.listed == Listed::kHidden)
      continue;
    words += (words.empty() ? "" : "|") + std::string(verb.name.substr(group.size() + 1));
  }
  return words;
}

}  // namespace

const Page* find_page(std::string_view name) {
  const auto all = pages();
  const auto at = std::find_if(all.begin(), all.end(), [&](const Page& page) { return page.name == name; });
  return at == all.end() ? nullptr : &*at;
}

std::string_view title(const Page& page) {
  std::string_view line = page.text.substr(0, page.text.find('\n'));
  const std::size_t colon = line.find(": ");
  return colon == std::string_view::npos ? line : line.substr(colon + 2);
}

std::string overview(const Paint& paint) {
  constexpr std::size_t kNameCells = 12;
  std::string text = fmt::format("rtt {}: signed wiring for tools, agents and services\n\n", version());
  text += "    rtt VERB [WORD]... [FLAG]...\n\n";
  std::string_view last;
  for (const Verb& verb : verbs()) {
    const std::string_view first = first_word(verb.name);
    if (verb.listed == Listed::kHidden || first == last) continue;
    last = first;
    const Page* page = find_page(first);
    const std::string_view what = is_group(first) && page != nullptr ? title(*page) : verb.what;
    text += "  " + paint(Tone::kBold, first) + std::string(kNameCells - first.size(), ' ') +
            std::string(what) + "\n";
    if (is_group(first))
      text += "  " + std::string(kNameCells, ' ') + paint(Tone::kDim, second_words(first)) + "\n";
  }
  text += "\nEvery verb:\n";
  for (const Flag& flag : global_flags()) {
    std::string name = flag.name == "C" ? "-C" : "--" + std::string(flag.name);
    if (!flag.value.empty()) name += " " + std::string(flag.value);
    text += fmt::format("  {:<14}{}\n", name, flag.what);
  }
  return text + "\n`rtt VERB --help` shows a verb's page, `rtt explain CODE` what an error means.\n";
}

std::string page_text(const Page& page, const Paint& paint) {
  std::string text;
  std::string_view rest = page.text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const bool heading = line.starts_with("# ") || line.starts_with("## ");
    if (heading) line.remove_prefix(line.find(' ') + 1);
    text += heading ? paint(Tone::kBold, line) : std::string(line);
    text += '\n';
  }
  return text;
}

}  // namespace rtt::cli
