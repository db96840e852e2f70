// SPDX-License-Identifier: Apache-2.0
#include "panel/signed_write.h"

#include <fmt/format.h>

#include "os/file.h"
#include "os/link.h"
#include "registry/identity.h"
#include "registry/snapshot.h"
#include "views/tree.h"

namespace rtt::panel {
namespace {

constexpr std::uint32_t kUsualMode = 0644;

// The mode of what is written at `path`: a file keeps its own.
std::uint32_t mode_at(const std::string& path) {
  const auto stamp = os::stamp_of(path);
  return stamp && !os::is_symlink(path) ? stamp->mode : kUsualMode;
}

// What is behind a link lies elsewhere, maybe outside: nothing is written there.
Status leads_nowhere_else(const registry::Workspace& workspace, const std::string& path) {
  for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string folder = path.substr(0, slash);
    if (os::is_symlink(workspace.path(folder)))
      return fail(Code::kEscapes,
                  fmt::format("{} is a symbolic link, so {} is not written behind it", folder, path), folder,
                  "put a folder in its place");
  }
  return {};
}

}  // namespace

Result<SignedWrite::Before> SignedWrite::as_it_is(std::string path) {
  Before before{.path = std::move(path), .text = {}, .mode = kUsualMode};
  if (!os::exists(before.path)) return before;
  RTT_TRY_SET(before.text, os::read_file(before.path, views::kTreeFileBytesMax));
  before.mode = mode_at(before.path);
  return before;
}

Result<std::size_t> SignedWrite::commit() {
  before_.clear();
  for (const Change& change : changes_) {
    RTT_TRY(leads_nowhere_else(workspace_, change.path));
    for (const std::string& file : {change.path, change.path + ".sig"}) {
      RTT_TRY_SET(Before before, as_it_is(workspace_.path(file)));
      before_.push_back(std::move(before));
    }
  }
  auto done = write_and_sign();
  if (done) return done;
  Error why = std::move(done).error();
  if (const Status back = put_back(); !back)
    std::ranges::copy(back.error().causes, std::back_inserter(why.causes));
  return std::unexpected(std::move(why));
}

Status SignedWrite::put_back() const {
  Error why{.code = Code::kIo, .message = "not every file could be put back"};
  for (const Before& before : before_) {
    const Status back = before.text ? os::write_atomic(before.path, *before.text, {.mode = before.mode})
                                    : os::remove_file(before.path);
    if (!back)
      why.causes.push_back("it could not be put back: " + back.error().message + " (" + before.path + ")");
  }
  if (why.causes.empty()) return {};
  return std::unexpected(std::move(why));
}

Result<std::size_t> SignedWrite::write_and_sign() {
  std::vector<std::string> paths = signed_too_;
  for (const Change& change : changes_) {
    if (change.text && change.sign == Sign::kYes) paths.push_back(change.path);
  }
  if (changes_.empty() && paths.empty()) return std::size_t{0};
  std::optional<crypto::SecretKey> key;
  if (!paths.empty()) {
    RTT_TRY_SET(key, registry::load_own_key(workspace_.user_dir));
  }
  for (const Change& change : changes_) {
    const std::string place = workspace_.path(change.path);
    if (!change.text) {
      RTT_TRY(os::remove_file(place));
      continue;
    }
    RTT_TRY(os::make_directories(place.substr(0, place.rfind('/'))));
    RTT_TRY(os::write_atomic(place, *change.text, {.mode = change.mode.value_or(mode_at(place))}));
  }
  if (paths.empty()) return std::size_t{0};
  RTT_TRY_SET(const auto items, registry::items_to_sign(workspace_, paths));
  RTT_TRY(registry::sign_items(workspace_, items, *key));
  return items.size();
}

}  // namespace rtt::panel
