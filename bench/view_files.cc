// SPDX-License-Identifier: Apache-2.0
#include "view_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <set>

#include "client.h"
#include "model/random_for_test.h"

namespace rtt::bench {

namespace fs = std::filesystem;

void write_files(const views::Tree& tree, const std::string& root) {
  std::string made;
  for (const views::TreeFile& file : tree.files()) {
    const std::string folder = root + "/" + file.path.substr(0, file.path.rfind('/') + 1);
    if (folder != made) fs::create_directories(made = folder);
    std::ofstream(root + "/" + file.path) << file.bytes;
  }
}

std::vector<std::string> paths_below(const views::Tree& tree, const std::string& root) {
  std::vector<std::string> paths;
  for (const views::TreeFile& file : tree.files()) paths.push_back(root + "/" + file.path);
  return paths;
}

void read_all(const std::vector<std::string>& paths, Samples* into) {
  std::array<char, 8192> bytes;
  for (const std::string& path : paths) {
    const std::int64_t begin = now_ns();
    struct stat info{};
    const bool there = ::stat(path.c_str(), &info) == 0;
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd < 0 ? -1 : ::read(fd, bytes.data(), bytes.size());
    if (fd >= 0) ::close(fd);
    const std::int64_t end = now_ns();
    if (!there || got != info.st_size) give_up("cannot read " + path);
    if (into != nullptr) into->add(end - begin);
  }
}

std::string agent_name(int agent) { return fmt::format("agent-{:04}", agent); }

void write_agents(const std::string& folder, int agents, std::string_view more) {
  model::TestRandom random(3);
  std::vector<std::string> words;
  for (int word = 0; word < 2000; ++word)
    words.push_back(random.from_bytes("etaoinshrdlucmfwypvbgk", 2 + random.below(8)));
  const auto prose = [&](std::size_t bytes, char between) {
    std::string text;
    for (std::size_t line = 0; text.size() < bytes; ++line) {
      if (line > 0) text += line % 12 == 0 ? between : ' ';
      text += words[random.below(words.size())];
    }
    return text;
  };
  fs::create_directories(folder);
  for (int agent = 0; agent < agents; ++agent) {
    std::ofstream(fmt::format("{}/{}.md", folder, agent_name(agent)))
        << fmt::format("---\nname: {}\ndescription: {}\n{}---\n\n{}\n", agent_name(agent), prose(60, ' '),
                       more, prose(960, '\n'));
  }
}

double disk_bytes(const std::string& folder) {
  double bytes = 0;
  struct stat top{};
  if (::lstat(folder.c_str(), &top) != 0) give_up("cannot look at " + folder);
  std::set<ino_t> seen;
  const fs::recursive_directory_iterator end;
  for (fs::recursive_directory_iterator at(folder); at != end; ++at) {
    struct stat info{};
    if (::lstat(at->path().c_str(), &info) != 0) continue;
    if (info.st_dev != top.st_dev) {
      at.disable_recursion_pending();  // a mount: what it shows lies elsewhere
    } else if (seen.insert(info.st_ino).second) {
      bytes += static_cast<double>(info.st_blocks) * 512;
    }
  }
  return bytes;
}

}  // namespace rtt::bench
