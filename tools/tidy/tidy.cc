// SPDX-License-Identifier: Apache-2.0
// tidy ROOT: lists what is not as src/FLOORS and STYLE.md say; exit 1 if anything is.
#include "tidy.h"

#include <cstdio>
#include <filesystem>

int main(int argc, char** argv) {
  if (argc != 2 || !std::filesystem::exists(std::filesystem::path(argv[1]) / "src/FLOORS")) {
    std::fprintf(stderr, "usage: tidy ROOT, a folder with src/FLOORS\n");
    return 2;
  }
  const auto found = rtt::tidy::check(argv[1]);
  for (const auto& one : found) {
    std::printf("%s:%zu: %s: %s\n", one.file.c_str(), one.line, one.rule.c_str(), one.message.c_str());
  }
  std::vector<rtt::tidy::Violation> ignored;
  const auto shape = rtt::tidy::shape_of(rtt::tidy::read_tree(argv[1], ignored));
  std::printf(
      "src: %zu files, %zu lines, median %zu, longest %zu; %zu%% in pure files; %zu functions, longest %zu\n",
      shape.files, shape.lines, shape.median, shape.longest,
      shape.lines == 0 ? 0 : shape.pure_lines * 100 / shape.lines, shape.functions, shape.longest_function);
  std::printf("tidy: %zu violations\n", found.size());
  return found.empty() ? 0 : 1;
}
