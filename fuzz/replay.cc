// SPDX-License-Identifier: Apache-2.0
// Runs one fuzz target over every file of the directories named, so that known inputs are tried in each test
// run under any compiler. An empty or missing directory fails: a test that read nothing proves nothing.
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

int fuzz_one(std::span<const std::byte> input);

int main(int argc, char** argv) {
  std::size_t count = 0;
  for (const char* directory : std::span(argv, static_cast<std::size_t>(argc)).subspan(1)) {
    std::error_code failure;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory, failure)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
      fuzz_one(std::as_bytes(std::span(text)));
      ++count;
    }
    if (failure) std::fprintf(stderr, "%s: %s\n", directory, failure.message().c_str());
  }
  std::printf("%zu inputs\n", count);
  return count > 0 ? 0 : 1;
}
