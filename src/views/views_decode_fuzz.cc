// SPDX-License-Identifier: Apache-2.0
// Whatever files a client's folder holds, what is read of them makes a tree, and reading that again says the
// same. What clients have of the same items becomes one, with overlays that can be read.
//
// An input is the provider's name and then paths and bytes of files, each ended by a zero byte.
#include "base/assert.h"
#include "base/bytes.h"
#include "views/dedupe.h"
#include "views/own_forms.h"

int fuzz_one(std::span<const std::byte> input);

int fuzz_one(std::span<const std::byte> input) {
  using namespace rtt::views;
  std::string_view rest = rtt::as_text(input);
  const auto next = [&] {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return std::string(part);
  };
  const Provider* provider = find_provider(next());
  if (provider == nullptr) return 0;
  std::vector<TreeFile> files;
  while (!rest.empty() && files.size() < 64) {
    std::string path = next();
    files.push_back({.path = std::move(path), .bytes = next()});
  }
  const Decoded first = decode(*provider, files);
  RTT_ASSERT(first.files.size() == first.items.size());
  for (const std::vector<std::string>& read : first.files) {
    RTT_ASSERT(!read.empty());
    for (const std::string& path : read) RTT_ASSERT(reads(*provider, path));
  }
  for (const DecodeProblem& problem : first.problems) RTT_ASSERT(!problem.why.empty());
  const Encoded made = encode(*provider, first.items);
  RTT_ASSERT(Tree::of(made.files).has_value());
  const Decoded second = decode(*provider, made.files);
  RTT_ASSERT(encode(*provider, second.items).files == made.files);
  std::vector<Version> versions;
  for (const Provider& other : providers()) {
    Decoded all = decode(other, files);
    for (std::size_t i = 0; i < all.items.size(); ++i) {
      if (auto item = adopted(std::move(all.items[i]), other))
        versions.push_back({&other, *std::move(item), std::move(all.files[i])});
    }
  }
  for (const Shared& one : dedupe(std::move(versions), {})) {
    for (const NewOverlay& overlay : one.overlays)
      RTT_ASSERT(rtt::model::read_overlay(overlay.text, overlay.path).problems.empty());
  }
  for (const Provider& other : providers())
    RTT_ASSERT(Tree::of(encode(other, first.items).files).has_value());
  return 0;
}
