// SPDX-License-Identifier: Apache-2.0
// Scratch: a folder of one test, removed with it. HOME and XDG_CONFIG_HOME point into it, so nothing outside
// is read or written.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace rtt::scan {

class Scratch {
 public:
  Scratch() {
    // In memory where that is offered: every durable write costs milliseconds on a busy disk and proves
    // nothing here.
    const std::filesystem::path base =
        std::filesystem::exists("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path();
    std::string pattern = (base / "rtt-test-XXXXXX").string();
    path_ = std::filesystem::canonical(::mkdtemp(pattern.data())).string();
    std::filesystem::create_directory(path_ + "/tree");
    std::filesystem::create_directory(path_ + "/home");
    ::setenv("HOME", (path_ + "/home").c_str(), 1);
    ::setenv("XDG_CONFIG_HOME", (path_ + "/home/.config").c_str(), 1);
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string root() const { return path_ + "/tree"; }
  [[nodiscard]] std::string at(std::string_view relative) const {
    return root() + "/" + std::string(relative);
  }
  void write(std::string_view relative, std::string_view text) const {
    const std::filesystem::path file = at(relative);
    std::filesystem::create_directories(file.parent_path());
    if (std::filesystem::exists(file)) std::filesystem::permissions(file, std::filesystem::perms(0644));
    std::ofstream(file, std::ios::binary) << text;
  }
  [[nodiscard]] std::string read(std::string_view relative) const {
    std::ifstream file(at(relative), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::string path_;
};

// The smallest manifest of a provider.
inline std::string manifest_of(std::string_view saddr, std::string_view direction = "provider") {
  const std::string_view rest = saddr.substr(saddr.find("//") + 2);
  const std::string_view after = rest.substr(rest.find('/') + 1);
  const std::string type(after.substr(0, after.find('/')));
  return "{\"$schema\":\"https://rtt/spec/v1\",\"symbol\":{\"saddr\":\"" + std::string(saddr) +
         "\",\"type\":\"" + type + "\",\"direction\":\"" + std::string(direction) + "\"}}";
}

}  // namespace rtt::scan
