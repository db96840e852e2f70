// SPDX-License-Identifier: Apache-2.0
// Trees for tests of whatever shows one: ends of files and of listings around a block's, names that sort
// before `.` and before `/`, equal files, programs.
//
// Thread: any.   Fails: never.
#pragma once

#include <array>

#include "model/random_for_test.h"
#include "views/tree.h"

namespace rtt::views {

inline Tree random_tree(model::TestRandom& random, std::size_t files) {
  std::vector<TreeFile> made;
  constexpr auto kLengths =
      std::to_array<std::size_t>({0, 1, 4063, 4064, 4065, 4095, 4096, 4097, 8192, 8192 + 4064, 8192 + 4065});
  for (std::size_t i = 0; i < files; ++i) {
    std::string path;
    for (std::size_t depth = random.below(4); depth > 0; --depth)
      path += "d" + random.from_bytes("ab-.", 1 + random.below(2)) + "/";
    path += random.from_bytes("!+-.abcdefg ", 1 + random.below(random.below(8) == 0 ? 200 : 12)) +
            std::to_string(i);
    const std::size_t bytes =
        random.below(3) == 0 ? kLengths[random.below(kLengths.size())] : random.below(3000);
    made.push_back(
        {.path = path,
         .bytes = random.below(3) == 0 ? std::string(bytes, 'x') : random.from_bytes("abc\n", bytes),
         .executable = random.below(5) == 0});
  }
  return Tree::of(std::move(made)).value();
}

}  // namespace rtt::views
