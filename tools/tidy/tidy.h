// SPDX-License-Identifier: Apache-2.0
// tidy: makes src/FLOORS and STYLE.md true, as a test.
//
// A drawing of the source tree that nothing checks is wrong within a month. Here the drawing is a file, and
// this program compares every include, name, size and head with it: floors include downward only and only
// what they name; nothing pure reaches os/ through any chain of includes; system headers stay in os/. It
// reads text, not C++: comments and string contents are blanked first, and a function is what a brace after a
// parameter list opens. That is exact enough for code that clang-format has laid out, and it takes a tenth of
// a second.
//
// Thread: one.   Units: lines, and columns in code points.   Fails: every violation is listed; nothing stops
// at the first.   Limits: below.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace rtt::tidy {

inline constexpr std::size_t kFileLinesMax = 600;
inline constexpr std::size_t kHeaderLinesMax = 250;
inline constexpr std::size_t kFunctionLinesMax = 70;
inline constexpr std::size_t kColumnsMax = 110;
inline constexpr std::size_t kRootEntriesMax = 23;

struct Violation {
  std::string file;
  std::size_t line = 0;  // 0: the file or folder as a whole
  std::string rule;      // short name: "floor", "pure", "system-header", "size", …
  std::string message;
  friend auto operator<=>(const Violation&, const Violation&) = default;
};

struct Include {
  std::string target;
  std::size_t line = 0;
  bool angled = false;
};

struct Source {
  std::string path;  // relative to the root, '/' separated
  std::string text;  // as it is
  std::string code;  // same length: comments and string contents blanked
  std::vector<std::string_view> lines, code_lines;
  std::vector<char> in_raw_string;  // per line: it lies in, or ends, a raw string
  std::vector<Include> includes;
  std::string floor;  // "base" for src/base/…; empty outside src/<floor>/

  [[nodiscard]] bool is_header() const { return path.ends_with(".h"); }
  // Code that only tests, fuzzers and benches see.
  [[nodiscard]] bool is_test() const;
};

struct Floor {
  std::string name;
  bool pure = false;
  std::vector<std::string> below;
  std::vector<std::string> pure_files;  // stems, relative to the floor
  std::size_t line = 0;
};

struct Tree {
  std::string root;
  std::vector<Source> sources;            // sorted by path
  std::vector<Floor> floors;              // as in src/FLOORS
  std::map<std::string, std::size_t> at;  // path → index into sources
};

// source.cc
Source read_source(const std::string& root, const std::string& path);
Tree read_tree(const std::string& root, std::vector<Violation>& into);
bool has_word(std::string_view line, std::string_view word);

// floors.cc: the tower. text_rules.cc: what one file may say.
void check_floors(const Tree& tree, std::vector<Violation>& into);
void check_texts(const Tree& tree, std::vector<Violation>& into);

struct Shape {
  std::size_t files = 0, lines = 0, pure_lines = 0, median = 0, longest = 0, functions = 0,
              longest_function = 0;
};
Shape shape_of(const Tree& tree);
std::vector<std::pair<std::size_t, std::size_t>> functions_of(const Source& source);  // first and last line

std::vector<Violation> check(const std::string& root);  // everything, sorted

}  // namespace rtt::tidy
