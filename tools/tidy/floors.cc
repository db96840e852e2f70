// SPDX-License-Identifier: Apache-2.0
// The tower: order and arrows of src/FLOORS against includes and CMakeLists.txt, purity by reachability,
// where system and third-party headers may be named.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

#include "tidy.h"

namespace rtt::tidy {
namespace {

namespace fs = std::filesystem;

// Libraries and the floors that may name them. A trailing slash stands for everything below it.
struct Library {
  std::string_view header;
  std::array<std::string_view, 4> floors;  // "*": any, "test": only tests
};
constexpr auto kLibraries = std::to_array<Library>({
    {"fmt/", {"*"}},
    {"gtest/", {"test"}},
    {"gmock/", {"test"}},
    {"rapidcheck.h", {"test"}},
    {"rapidcheck/", {"test"}},
    {"benchmark/", {"test"}},
    {"openssl/", {"crypto"}},
    {"curl/", {"web"}},
    {"sodium.h", {"crypto"}},
    {"re2/", {"drivers"}},
    {"toml++/", {"text"}},
    {"yaml-cpp/", {"text"}},
    {"simdjson.h", {"text", "mcp", "test"}},
    {"flatbuffers/", {"api"}},
    {"fuse_lowlevel.h", {"views"}},
    {"zstd.h", {"views"}},
    {"nmmintrin.h", {"base", "crypto"}},
    {"immintrin.h", {"base", "crypto"}},
});

// Standard headers that read a clock, a file, a thread or chance, or whose order is nobody's promise.
constexpr auto kImpureStandard = std::to_array<std::string_view>(
    {"chrono", "condition_variable", "cstdarg", "ctime", "filesystem", "fstream", "future", "iostream",
     "mutex", "random", "semaphore", "shared_mutex", "thread", "time.h", "unordered_map", "unordered_set"});

// Names that reach the world although their header is harmless.
constexpr auto kImpureCalls = std::to_array<std::string_view>(
    {"rand", "srand", "time", "clock", "getenv", "fopen", "system", "gettimeofday", "random_device"});

const Floor* find_floor(const Tree& tree, std::string_view name) {
  const auto at = std::find_if(tree.floors.begin(), tree.floors.end(),
                               [&](const Floor& floor) { return floor.name == name; });
  return at == tree.floors.end() ? nullptr : &*at;
}

std::string_view floor_of_include(std::string_view target) { return target.substr(0, target.find('/')); }

const Library* library_of(std::string_view header) {
  for (const Library& library : kLibraries) {
    if (library.header.ends_with('/') ? header.starts_with(library.header) : header == library.header)
      return &library;
  }
  return nullptr;
}

bool is_system_header(const Include& include) {
  return include.angled && library_of(include.target) == nullptr &&
         include.target.find('.') != std::string::npos;
}

void check_floors_file(const Tree& tree, std::vector<Violation>& into) {
  std::set<std::string> below;
  for (const Floor& floor : tree.floors) {
    for (const std::string& name : floor.below) {
      if (!below.contains(name)) {
        into.push_back({"src/FLOORS", floor.line, "floor-order",
                        floor.name + " includes " + name + ", which is not listed above it"});
      }
      const Floor* other = find_floor(tree, name);
      if (floor.pure && other != nullptr && !other->pure) {
        into.push_back(
            {"src/FLOORS", floor.line, "pure", floor.name + " is pure and may not include " + name});
      }
    }
    if (!below.insert(floor.name).second) {
      into.push_back({"src/FLOORS", floor.line, "floor-order", floor.name + " is listed twice"});
    }
    for (const std::string& stem : floor.pure_files) {
      const std::string base = "src/" + floor.name + "/" + stem;
      if (!tree.at.contains(base + ".h") && !tree.at.contains(base + ".cc")) {
        into.push_back({"src/FLOORS", floor.line, "floors-file", "no file " + base + ".h or .cc"});
      }
    }
  }
  const fs::path src = fs::path(tree.root) / "src";
  for (const auto& entry : fs::directory_iterator(src)) {
    const std::string name = entry.path().filename().string();
    if (name == ".clang-tidy") continue;  // where the linter looks for it
    if (entry.is_directory() ? find_floor(tree, name) == nullptr : (name != "FLOORS" && name != "main.cc")) {
      into.push_back({"src/" + name, 0, "floor", "not a floor of src/FLOORS"});
    }
  }
}

void check_arrows(const Tree& tree, const Source& source, std::vector<Violation>& into) {
  const Floor* floor = find_floor(tree, source.floor);
  for (const Include& include : source.includes) {
    if (include.angled) continue;
    if (include.target.ends_with("_generated.h")) continue;  // written by the build
    const std::string_view target = floor_of_include(include.target);
    if (find_floor(tree, target) == nullptr || !tree.at.contains("src/" + include.target)) {
      into.push_back({source.path, include.line, "include", "no such file: src/" + include.target});
      continue;
    }
    if (floor == nullptr || target == floor->name) continue;
    if (std::find(floor->below.begin(), floor->below.end(), target) == floor->below.end()) {
      into.push_back({source.path, include.line, "floor",
                      floor->name + " may not include " + std::string(target) + " (src/FLOORS)"});
    }
  }
}

void check_angled(const Source& source, std::vector<Violation>& into) {
  for (const Include& include : source.includes) {
    if (!include.angled) continue;
    if (const Library* library = library_of(include.target)) {
      const bool allowed =
          std::any_of(library->floors.begin(), library->floors.end(), [&](std::string_view floor) {
            return floor == "*" || (floor == "test" && source.is_test()) ||
                   (!floor.empty() && floor == source.floor);
          });
      if (!allowed)
        into.push_back(
            {source.path, include.line, "library", "<" + include.target + "> is not used on this floor"});
    } else if (is_system_header(include) && source.floor != "os" && !source.floor.empty()) {
      into.push_back(
          {source.path, include.line, "system-header", "<" + include.target + "> belongs in src/os"});
    }
  }
}

bool must_be_pure(const Tree& tree, const Source& source) {
  const Floor* floor = find_floor(tree, source.floor);
  if (floor == nullptr || source.is_test()) return false;
  if (floor->pure) return true;
  const std::string inside = source.path.substr(5 + floor->name.size());
  const std::string stem = inside.substr(0, inside.rfind('.'));
  return std::find(floor->pure_files.begin(), floor->pure_files.end(), stem) != floor->pure_files.end();
}

// The chain of includes by which `source` reaches something impure, or nothing.
std::optional<std::string> impure_chain(const Tree& tree, const Source& source, std::set<std::string>& seen) {
  if (source.floor == "os") return source.path;
  for (const Include& include : source.includes) {
    if (include.angled) {
      const bool impure =
          std::find(kImpureStandard.begin(), kImpureStandard.end(), include.target) != kImpureStandard.end();
      if (impure || is_system_header(include)) return source.path + " -> <" + include.target + ">";
      continue;
    }
    const auto at = tree.at.find("src/" + include.target);
    if (at == tree.at.end() || !seen.insert(at->first).second) continue;
    if (const auto chain = impure_chain(tree, tree.sources[at->second], seen))
      return source.path + " -> " + *chain;
  }
  return std::nullopt;
}

void check_purity(const Tree& tree, const Source& source, std::vector<Violation>& into) {
  if (!must_be_pure(tree, source)) return;
  std::set<std::string> seen{source.path};
  if (const auto chain = impure_chain(tree, source, seen)) {
    into.push_back({source.path, 0, "pure", "must be pure, but reaches " + *chain});
  }
  for (std::size_t i = 0; i < source.code_lines.size(); ++i) {
    const std::string_view line = source.code_lines[i];
    for (const std::string_view call : kImpureCalls) {
      const std::size_t at = line.find(std::string(call) + "(");
      if (at == std::string_view::npos || !has_word(line, call)) continue;
      if (at > 0 && (line[at - 1] == '.' || line[at - 1] == '>' || line[at - 1] == '_' ||
                     std::isalnum(static_cast<unsigned char>(line[at - 1])) != 0))
        continue;
      into.push_back({source.path, i + 1, "pure", std::string(call) + "() in a pure file"});
    }
    if (line.find("std::unordered_") != std::string_view::npos || has_word(line, "random_device")) {
      into.push_back({source.path, i + 1, "pure",
                      "unordered or random containers in a pure file: use FlatMap or a sorted vector"});
    }
  }
}

struct BuildFloor {
  std::string name;
  std::vector<std::string> below;
  std::size_t line = 0;
};

std::vector<BuildFloor> floors_in_build(const std::string& root) {
  std::vector<BuildFloor> floors;
  std::ifstream text(fs::path(root) / "CMakeLists.txt");
  std::size_t number = 0;
  for (std::string line; std::getline(text, line);) {
    ++number;
    if (!line.starts_with("rtt_floor(")) continue;
    line = line.substr(10, line.find(')') - 10);
    std::istringstream words(line);
    BuildFloor floor;
    floor.line = number;
    words >> floor.name;
    for (std::string word; words >> word && word != "LIBS";) floor.below.push_back(word);
    floors.push_back(std::move(floor));
  }
  return floors;
}

void check_build(const Tree& tree, std::vector<Violation>& into) {
  const auto build = floors_in_build(tree.root);
  for (std::size_t i = 0; i < std::max(build.size(), tree.floors.size()); ++i) {
    if (i >= build.size()) {
      into.push_back({"CMakeLists.txt", 0, "build", "no rtt_floor(" + tree.floors[i].name + " …)"});
    } else if (i >= tree.floors.size() || build[i].name != tree.floors[i].name) {
      into.push_back({"CMakeLists.txt", build[i].line, "build",
                      "rtt_floor(" + build[i].name + " …) is not in the order of src/FLOORS"});
    } else if (build[i].below != tree.floors[i].below) {
      into.push_back({"CMakeLists.txt", build[i].line, "build",
                      "rtt_floor(" + build[i].name + " …) names other floors than src/FLOORS"});
    }
  }
}

void check_tests(const Tree& tree, std::vector<Violation>& into) {
  for (const Floor& floor : tree.floors) {
    bool has_code = false, has_test = false;
    for (const Source& source : tree.sources) {
      if (source.floor != floor.name) continue;
      has_code = true;
      has_test = has_test || source.path.ends_with("_test.cc");
    }
    if (has_code && !has_test) into.push_back({"src/" + floor.name, 0, "tests", "a floor without a test"});
  }
}

void check_dead_headers(const Tree& tree, std::vector<Violation>& into) {
  std::set<std::string> included;
  for (const Source& source : tree.sources) {
    for (const Include& include : source.includes) {
      if (!include.angled && "src/" + include.target != source.path) included.insert("src/" + include.target);
    }
  }
  for (const Source& source : tree.sources) {
    if (!source.floor.empty() && source.is_header() && !included.contains(source.path)) {
      into.push_back({source.path, 0, "dead-header", "nothing includes it"});
    }
  }
}

}  // namespace

void check_floors(const Tree& tree, std::vector<Violation>& into) {
  check_floors_file(tree, into);
  check_build(tree, into);
  check_tests(tree, into);
  check_dead_headers(tree, into);
  for (const Source& source : tree.sources) {
    if (source.path.starts_with("src/")) check_arrows(tree, source, into);
    check_angled(source, into);
    check_purity(tree, source, into);
  }
}

Shape shape_of(const Tree& tree) {
  Shape shape;
  std::vector<std::size_t> sizes;
  for (const Source& source : tree.sources) {
    if (source.floor.empty()) continue;
    ++shape.files;
    shape.lines += source.lines.size();
    if (must_be_pure(tree, source)) shape.pure_lines += source.lines.size();
    sizes.push_back(source.lines.size());
    for (const auto& [first, last] : functions_of(source)) {
      ++shape.functions;
      shape.longest_function = std::max(shape.longest_function, last - first + 1);
    }
  }
  std::sort(sizes.begin(), sizes.end());
  if (!sizes.empty()) {
    shape.median = sizes[sizes.size() / 2];
    shape.longest = sizes.back();
  }
  return shape;
}

}  // namespace rtt::tidy
