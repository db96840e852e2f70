// SPDX-License-Identifier: Apache-2.0
// Reading: files into lines, code without comments and strings, includes; src/FLOORS into floors.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tidy.h"

namespace rtt::tidy {
namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// Blanks comments and the insides of literals, keeping every newline, so that lines and columns still agree.
class Blanker {
 public:
  explicit Blanker(Source& source) : source_(source), code_(source.text) {}

  void run() {
    while (at_ < code_.size()) {
      const char c = code_[at_];
      const char next = at_ + 1 < code_.size() ? code_[at_ + 1] : '\0';
      if (c == '/' && next == '/') {
        blank_until("\n", 0);
      } else if (c == '/' && next == '*') {
        blank_until("*/", 2);
      } else if (c == 'R' && next == '"' && !in_word()) {
        raw_string();
      } else if (c == '"' || (c == '\'' && !in_word())) {
        literal(c);
      } else {
        ++at_;
      }
    }
    source_.code = std::move(code_);
  }

 private:
  [[nodiscard]] bool in_word() const {  // 1'000 and uR"" are not literals of ours
    return at_ > 0 &&
           (std::isalnum(static_cast<unsigned char>(code_[at_ - 1])) != 0 || code_[at_ - 1] == '_');
  }
  void blank(std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to && i < code_.size(); ++i) {
      if (code_[i] != '\n') code_[i] = ' ';
    }
  }
  void blank_until(std::string_view end, std::size_t keep) {
    const std::size_t found = std::min(code_.find(end, at_ + 2), code_.size());
    blank(at_, found + keep);
    at_ = found + keep;
  }
  void raw_string() {
    const std::size_t open = code_.find('(', at_);
    if (open == std::string::npos) {
      ++at_;
      return;
    }
    const std::string close = ")" + code_.substr(at_ + 2, open - at_ - 2) + "\"";
    const std::size_t end = std::min(code_.find(close, open), code_.size());
    const auto line_of = [&](std::size_t i) {
      return static_cast<std::size_t>(
          std::count(code_.begin(), code_.begin() + static_cast<std::ptrdiff_t>(i), '\n'));
    };
    for (std::size_t line = line_of(at_); line <= line_of(end); ++line) raw_lines_.push_back(line);
    blank(open + 1, end);
    at_ = end + close.size();
  }
  void literal(char quote) {
    std::size_t end = at_ + 1;
    while (end < code_.size() && code_[end] != quote && code_[end] != '\n') end += code_[end] == '\\' ? 2 : 1;
    blank(at_ + 1, std::min(end, code_.size()));
    at_ = end + 1;
  }

  Source& source_;
  std::string code_;
  std::size_t at_ = 0;

 public:
  std::vector<std::size_t> raw_lines_;
};

std::vector<Include> includes_of(const Source& source) {
  std::vector<Include> found;
  for (std::size_t i = 0; i < source.lines.size(); ++i) {
    std::string_view line = source.lines[i];
    if (!line.starts_with("#include ") || !source.code_lines[i].starts_with("#include")) continue;
    line.remove_prefix(9);
    const char close = line.starts_with('<') ? '>' : '"';
    const std::size_t end = line.find(close, 1);
    if (end == std::string_view::npos) continue;
    found.push_back({.target = std::string(line.substr(1, end - 1)), .line = i + 1, .angled = close == '>'});
  }
  return found;
}

std::vector<Floor> read_floors(const std::string& root, std::vector<Violation>& into) {
  std::vector<Floor> floors;
  std::istringstream text(read_text(fs::path(root) / "src/FLOORS"));
  std::size_t number = 0;
  for (std::string line; std::getline(text, line);) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    if (line[0] == ' ') {
      std::string file, purity, rest;
      if (floors.empty() || !(words >> file >> purity) || purity != "pure" || (words >> rest)) {
        into.push_back(
            {"src/FLOORS", number, "floors-file", "an indented line is `FILE pure`, below its floor"});
      } else {
        floors.back().pure_files.push_back(file);
      }
      continue;
    }
    Floor floor;
    std::string purity, colon;
    floor.line = number;
    if (!(words >> floor.name >> purity >> colon) || colon != ":" ||
        (purity != "pure" && purity != "effects")) {
      into.push_back({"src/FLOORS", number, "floors-file", "a line is `NAME pure|effects : FLOOR...`"});
      continue;
    }
    floor.pure = purity == "pure";
    for (std::string below; words >> below;) floor.below.push_back(below);
    floors.push_back(std::move(floor));
  }
  return floors;
}

}  // namespace

bool has_word(std::string_view line, std::string_view word) {
  const auto in_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (std::size_t at = line.find(word); at != std::string_view::npos; at = line.find(word, at + 1)) {
    const bool left = at == 0 || !in_word(line[at - 1]);
    const std::size_t end = at + word.size();
    if (left && (end == line.size() || !in_word(line[end]))) return true;
  }
  return false;
}

bool Source::is_test() const {
  const std::string_view stem = std::string_view(path).substr(0, path.rfind('.'));
  return stem.ends_with("_test") || stem.ends_with("_fuzz") || stem.ends_with("_bench") ||
         stem.ends_with("_for_test") || path.starts_with("tests/") || path.starts_with("fuzz/") ||
         path.starts_with("bench/");
}

Source read_source(const std::string& root, const std::string& path) {
  Source source;
  source.path = path;
  source.text = read_text(fs::path(root) / path);
  Blanker blanker(source);
  blanker.run();
  source.lines = split_lines(source.text);
  source.code_lines = split_lines(source.code);
  source.in_raw_string.assign(source.lines.size(), 0);
  for (const std::size_t line : blanker.raw_lines_) {
    if (line < source.in_raw_string.size()) source.in_raw_string[line] = 1;
  }
  source.includes = includes_of(source);
  if (path.starts_with("src/")) {
    const std::size_t slash = path.find('/', 4);
    if (slash != std::string::npos) source.floor = path.substr(4, slash - 4);
  }
  return source;
}

Tree read_tree(const std::string& root, std::vector<Violation>& into) {
  Tree tree;
  tree.root = root;
  tree.floors = read_floors(root, into);
  std::vector<std::string> paths;
  for (const char* folder : {"src", "tests", "bench", "fuzz", "tools"}) {
    if (!fs::is_directory(fs::path(root) / folder)) continue;
    for (auto it = fs::recursive_directory_iterator(fs::path(root) / folder);
         it != fs::recursive_directory_iterator(); ++it) {
      const std::string name = it->path().filename().string();
      if (it->is_directory() && name == "node_modules") it.disable_recursion_pending();
      if (!it->is_regular_file() || (!name.ends_with(".cc") && !name.ends_with(".h"))) continue;
      paths.push_back(fs::relative(it->path(), root).generic_string());
    }
  }
  std::sort(paths.begin(), paths.end());
  tree.sources.reserve(paths.size());  // lines are views into the sources' own text
  for (const std::string& path : paths) {
    tree.at[path] = tree.sources.size();
    tree.sources.push_back(read_source(root, path));
    Source& source = tree.sources.back();
    source.lines = split_lines(source.text);
    source.code_lines = split_lines(source.code);
  }
  return tree;
}

}  // namespace rtt::tidy
