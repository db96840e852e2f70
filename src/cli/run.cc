// SPDX-License-Identifier: Apache-2.0
#include "cli/run.h"

#include "cli/dispatch.h"

namespace rtt::cli {

int run(int argc, char** argv, const Ports& ports) {
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) words.emplace_back(argv[i]);
  return dispatch(words, ports, real_screen());
}

}  // namespace rtt::cli
