// SPDX-License-Identifier: Apache-2.0
#include "processes.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace rtt::bench {
namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

double number_in(const std::string& text) {
  double value = 0;
  std::istringstream(text) >> value;
  return value;
}

}  // namespace

std::vector<int> processes_with(const std::vector<std::string>& words) {
  std::vector<int> found;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (!std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) continue;
    const std::string line = text_of(entry.path() / "cmdline");
    if (std::ranges::all_of(words,
                            [&](const std::string& word) { return line.find(word) != std::string::npos; }) &&
        std::stoi(name) != ::getpid())
      found.push_back(std::stoi(name));
  }
  return found;
}

Usage usage_of(const std::vector<int>& pids) {
  Usage usage;
  for (const int pid : pids) {
    std::error_code gone;
    for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid), gone))
      usage.cpu_ns += number_in(text_of(task.path() / "schedstat"));
    const std::string status = text_of(fmt::format("/proc/{}/status", pid));
    if (const auto at = status.find("VmRSS:"); at != std::string::npos)
      usage.resident_bytes += number_in(status.substr(at + 6)) * 1024;
  }
  return usage;
}

}  // namespace rtt::bench
