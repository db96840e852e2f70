// SPDX-License-Identifier: Apache-2.0
#include "views/image_mounts.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/sha256.h"
#include "os/entropy.h"
#include "os/file.h"
#include "os/link.h"
#include "os/mount.h"
#include "os/permissions.h"
#include "os/process.h"
#include "views/erofs_image.h"
#include "views/tree_folder.h"

namespace rtt::views {
namespace {

constexpr std::string_view kType = "erofs", kEnd = ".erofs";
constexpr std::int64_t kTime = 0;  // when an image was made says nothing about what is in it

// What lies in the folders of `place` is what the set says.
Status check_roots(const ImageMounts::Set& set, const std::string& place) {
  for (const auto& [provider, root] : set) {
    const std::string folder = place + "/" + provider;
    const auto tree = read_folder(folder);
    if (tree && tree->root() == root) continue;
    return fail(Code::kTampered,
                tree ? fmt::format("the image shows {}, not {}", to_string(tree->root()), to_string(root))
                     : fmt::format("the image cannot be read: {}", tree.error().message),
                folder, "rtt apply makes it again");
  }
  return {};
}

Status must_be_root() {
  if (os::own_uid() == 0) return {};
  return fail(Code::kPermission, "only root may mount an image");
}

}  // namespace

std::string ImageMounts::name_of(const Set& set) {
  std::string text;
  for (const auto& [provider, root] : set) text += fmt::format("{} {}\n", bare_hex(root), provider);
  return bare_hex(crypto::sha256(text));
}

std::string ImageMounts::place_of(const Set& set) const { return mounts_ + "/" + name_of(set); }
std::string ImageMounts::image_of(const Set& set) const {
  return fmt::format("{}/{}{}", images_, name_of(set), kEnd);
}

Status ImageMounts::make_folders() const {
  for (const std::string& folder : {images_, mounts_}) {
    RTT_TRY(os::make_directories(folder, 0700));
    RTT_TRY(os::check_only_ours(folder));
  }
  return {};
}

Status ImageMounts::probe() const {
  RTT_TRY(must_be_root());
  RTT_TRY(make_folders());
  const std::string name = ".probe-" + os::random_hex(8);
  const std::string image = images_ + "/" + name, place = mounts_ + "/" + name;
  RTT_TRY_SET(const std::string bytes, erofs_image({}, kTime));
  RTT_TRY(os::make_directories(place, 0700));
  Status mounted = os::write_atomic(image, bytes, {.mode = 0400, .durable = os::Durable::kNo});
  if (mounted) mounted = os::mount_image(std::string(kType), image, place, through_);
  if (mounted) (void)os::detach_mount(place);
  (void)os::remove_file(image);
  (void)os::remove_tree(place);
  return mounted;
}

Status ImageMounts::write(const Set& set, std::span<const NamedTree> trees) const {
  const std::string path = image_of(set);
  if (os::exists(path)) return {};
  RTT_TRY(make_folders());
  RTT_TRY_SET(const std::string bytes, erofs_image(trees, kTime));
  return os::write_atomic(path, bytes, {.mode = 0400});
}

Result<std::string> ImageMounts::mount(const Set& set) const {
  RTT_TRY(must_be_root());
  const std::string image = image_of(set), place = place_of(set);
  RTT_TRY(make_folders());
  RTT_TRY(os::make_directories(place, 0700));
  RTT_TRY_SET(const auto there, os::mounted_at(place));
  if (there && there->type == kType) return place;
  if (there)
    return fail(Code::kBusy, fmt::format("something of type {} is mounted there", there->type), place);
  if (!os::exists(image)) return fail(Code::kNotFound, "the set has no image", image, "rtt apply");
  RTT_TRY_SET(const auto mounts, os::list_directory(mounts_));
  if (mounts.size() > kImageMountsMax)
    return fail(Code::kLimit, fmt::format("more than {} images are mounted", kImageMountsMax), mounts_);
  RTT_TRY(os::mount_image(std::string(kType), image, place, through_));
  Status right = check_roots(set, place);
  if (right) return place;
  (void)os::detach_mount(place);
  (void)os::remove_file(image);  // it can be made again, and is nobody's work
  return std::unexpected(right.error());
}

Status ImageMounts::keep(std::span<const Set> sets) const {
  std::vector<std::string> kept;
  for (const Set& set : sets) kept.push_back(name_of(set));
  const auto stays = [&](const std::string& name) { return std::ranges::find(kept, name) != kept.end(); };
  if (os::exists(mounts_)) {
    RTT_TRY_SET(const auto names, os::list_directory(mounts_));
    for (const std::string& name : names) {
      if (stays(name)) continue;
      const std::string place = mounts_ + "/" + name;
      RTT_TRY(os::detach_mount(place));
      RTT_TRY(os::remove_empty_folder(place));
    }
  }
  if (!os::exists(images_)) return {};
  RTT_TRY_SET(const auto images, os::list_directory(images_));
  for (const std::string& name : images) {
    if (!name.ends_with(kEnd) || !stays(name.substr(0, name.size() - kEnd.size())))
      RTT_TRY(os::remove_file(images_ + "/" + name));
  }
  return {};
}

}  // namespace rtt::views
