// SPDX-License-Identifier: Apache-2.0
// What one file may say: its name, head, sizes and words; and how full the root is.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <set>

#include "tidy.h"

namespace rtt::tidy {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLicence = "SPDX-License-Identifier: Apache-2.0";

struct Banned {
  std::string_view word, instead;
};
constexpr auto kBannedNames = std::to_array<Banned>({{"util", ""},
                                                     {"utils", ""},
                                                     {"helper", ""},
                                                     {"helpers", ""},
                                                     {"common", ""},
                                                     {"misc", ""},
                                                     {"manager", ""}});
constexpr auto kSleeps =
    std::to_array<std::string_view>({"sleep_for", "sleep_until", "usleep", "nanosleep", "sleep"});

std::size_t columns(std::string_view line) {
  return static_cast<std::size_t>(std::count_if(
      line.begin(), line.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

void check_name(const std::string& path, std::vector<Violation>& into) {
  std::string stem = path.substr(path.rfind('/') + 1);
  stem = stem.substr(0, stem.find('.'));
  for (std::size_t start = 0; start <= stem.size();) {
    const std::size_t end = std::min(stem.find('_', start), stem.size());
    const std::string part = stem.substr(start, end - start);
    for (const Banned& banned : kBannedNames) {
      if (part == banned.word)
        into.push_back({path, 0, "name", "a file is named for the noun inside, not `" + part + "`"});
    }
    start = end + 1;
  }
}

void check_head(const Source& source, std::vector<Violation>& into) {
  if (source.lines.empty() || source.lines[0].find(kLicence) == std::string_view::npos) {
    into.push_back({source.path, 1, "licence", "the first line is `// " + std::string(kLicence) + "`"});
  }
  if (!source.is_header()) return;
  std::string head;
  for (const std::string_view line : source.lines) {
    if (!line.starts_with("//")) break;
    head += line;
    head += '\n';
  }
  if (source.text.find("#pragma once") == std::string::npos) {
    into.push_back({source.path, 0, "head", "no #pragma once"});
  }
  if (source.floor.empty() || source.is_test()) return;
  for (const std::string_view word : {std::string_view("Thread:"), std::string_view("Fails:")}) {
    if (head.find(word) == std::string::npos) {
      into.push_back({source.path, 1, "contract", "the leading comment has no `" + std::string(word) + "`"});
    }
  }
}

void check_sizes(const Source& source, std::vector<Violation>& into) {
  const std::size_t lines_max = source.is_header() && !source.is_test() ? kHeaderLinesMax : kFileLinesMax;
  if (source.lines.size() > lines_max) {
    into.push_back({source.path, 0, "size",
                    std::to_string(source.lines.size()) + " lines, at most " + std::to_string(lines_max)});
  }
  for (std::size_t i = 0; i < source.lines.size(); ++i) {
    if (source.in_raw_string[i] == 0 && columns(source.lines[i]) > kColumnsMax) {
      into.push_back(
          {source.path, i + 1, "columns",
           std::to_string(columns(source.lines[i])) + " columns, at most " + std::to_string(kColumnsMax)});
    }
  }
  for (const auto& [first, last] : functions_of(source)) {
    const std::size_t length = last - first + 1;
    if (length > kFunctionLinesMax) {
      into.push_back({source.path, first, "size",
                      "a function of " + std::to_string(length) + " lines, at most " +
                          std::to_string(kFunctionLinesMax)});
    }
  }
}

void check_words(const Source& source, std::vector<Violation>& into) {
  if (source.path.starts_with("tools/tidy/")) return;  // names what it bans
  for (std::size_t i = 0; i < source.lines.size(); ++i) {
    const std::string_view code = source.code_lines[i];
    if (has_word(source.lines[i], "FIXME"))
      into.push_back({source.path, i + 1, "word", "FIXME: mend it before it lands"});
    // A simulated world ends a process in the middle of a call, which nothing else can.
    if (has_word(code, "throw") && !source.path.starts_with("tests/sim/"))
      into.push_back({source.path, i + 1, "word", "throw: errors are Result<T>"});
    for (const std::string_view sleep : kSleeps) {
      if (source.is_test() && has_word(code, sleep) &&
          code.find(std::string(sleep) + "(") != std::string_view::npos) {
        into.push_back(
            {source.path, i + 1, "word", std::string(sleep) + " in a test: wait for the event itself"});
      }
    }
  }
}

std::set<std::string> ignored_names(const std::string& root) {
  std::set<std::string> names{".git"};
  std::ifstream text(fs::path(root) / ".gitignore");
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with('/')) line.erase(0, 1);
    if (line.ends_with('/')) line.pop_back();
    if (!line.empty() && line.find('/') == std::string::npos) names.insert(line);
  }
  return names;
}

void check_root(const std::string& root, std::vector<Violation>& into) {
  const auto ignored = ignored_names(root);
  std::size_t entries = 0;
  for (const auto& entry : fs::directory_iterator(root)) {
    if (!ignored.contains(entry.path().filename().string())) ++entries;
  }
  if (entries > kRootEntriesMax) {
    into.push_back(
        {".", 0, "root",
         std::to_string(entries) + " entries in the root, at most " + std::to_string(kRootEntriesMax)});
  }
}

// What stands between the last `;`, `{` or `}` and an opening brace tells what it opens.
enum class Opens { kScope, kFunction, kOther };
Opens what_opens(std::string_view head) {
  int depth = 0;
  bool parameters = false;
  for (const char c : head) {
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    parameters = parameters || c == '(';
  }
  for (const std::string_view word : {"namespace", "class", "struct", "union", "enum", "extern"}) {
    const bool function = parameters && depth == 0 && head.find('(') < head.find(word);
    if (has_word(head, word) && !function && head.find("operator") == std::string_view::npos) {
      const std::size_t at = head.find(word);
      if (!parameters || head.find('(') > at) {
        // `struct Foo f() {` is a function, `struct alignas(64) Foo {` is not.
        const bool ends_like_function = head.find_last_not_of(" \n\t") != std::string_view::npos &&
                                        head[head.find_last_not_of(" \n\t")] == ')';
        return ends_like_function ? Opens::kFunction : Opens::kScope;
      }
    }
  }
  return parameters && depth == 0 ? Opens::kFunction : Opens::kOther;
}

}  // namespace

std::vector<std::pair<std::size_t, std::size_t>> functions_of(const Source& source) {
  std::vector<std::pair<std::size_t, std::size_t>> found;
  std::vector<Opens> open;
  std::size_t function_depth = 0, function_line = 0;  // depth 0: outside
  std::size_t line = 1;
  std::size_t head_start = 0;
  bool preprocessor = false;
  for (std::size_t i = 0; i < source.code.size(); ++i) {
    const char c = source.code[i];
    if (c == '#' && (i == 0 || source.code[i - 1] == '\n')) preprocessor = true;
    if (c == '\n') {
      if (preprocessor && (i == 0 || source.code[i - 1] != '\\')) {
        preprocessor = false;
        if (function_depth == 0) head_start = i + 1;
      }
      ++line;
    }
    if (preprocessor) continue;
    if (c == '{') {
      const Opens opens = function_depth > 0
                              ? Opens::kOther
                              : what_opens(std::string_view(source.code).substr(head_start, i - head_start));
      open.push_back(opens);
      if (opens == Opens::kFunction) {
        function_depth = open.size();
        function_line = line;
      }
    } else if (c == '}' && !open.empty()) {
      if (function_depth == open.size()) {
        found.emplace_back(function_line, line);
        function_depth = 0;
      }
      open.pop_back();
    }
    if (c == ';' || c == '{' || c == '}') head_start = i + 1;
  }
  return found;
}

void check_texts(const Tree& tree, std::vector<Violation>& into) {
  for (const Source& source : tree.sources) {
    check_name(source.path, into);
    check_head(source, into);
    check_sizes(source, into);
    check_words(source, into);
  }
  check_root(tree.root, into);
}

std::vector<Violation> check(const std::string& root) {
  std::vector<Violation> found;
  const Tree tree = read_tree(root, found);
  check_floors(tree, found);
  check_texts(tree, found);
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace rtt::tidy
