// SPDX-License-Identifier: Apache-2.0
#include "view_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "client.h"

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

}  // namespace rtt::bench
