// SPDX-License-Identifier: Apache-2.0
#include "views/image_home.h"

#include <fmt/format.h>

#include <algorithm>

#include "os/entropy.h"
#include "os/file.h"
#include "os/link.h"
#include "os/mount.h"
#include "os/permissions.h"
#include "os/process.h"
#include "os/symlink.h"
#include "views/erofs_image.h"
#include "views/mount_home.h"
#include "views/tree_folder.h"

namespace rtt::views {
namespace {

constexpr const char* kType = "erofs";
constexpr std::string_view kImage = ".erofs", kRoots = ".roots", kWorkspace = ".workspace";
constexpr std::int64_t kTime = 0;  // when an image was made says nothing about what is in it

Status must_be_root() {
  if (os::own_uid() == 0) return {};
  return fail(Code::kPermission, "only root may mount an image");
}

Status make_ours(const std::string& folder) {
  RTT_TRY(os::make_directories(folder, 0700));
  return os::check_only_ours(folder);
}

Status unmount(const std::string& place) {
  RTT_TRY(os::detach_mount(place));
  return os::remove_empty_folder(place);
}

// All mounts of one workspace but one, and the folder if nothing is left in it.
Status unmount_all(const std::string& folder, const std::string& but = {}) {
  if (!os::exists(folder)) return {};
  RTT_TRY_SET(const auto names, os::list_directory(folder));
  for (const std::string& name : names) {
    if (name != kWorkspace && name != but) RTT_TRY(unmount(folder + "/" + name));
  }
  if (!but.empty()) return {};
  RTT_TRY(os::remove_file(folder + "/" + std::string(kWorkspace)));
  return os::remove_empty_folder(folder);
}

// What workspaces left that are gone.
void sweep(const std::string& mounts) {
  const auto names = os::list_directory(mounts);
  for (const std::string& name : names ? *names : std::vector<std::string>{}) {
    const std::string folder = mounts + "/" + name;
    const auto root = os::read_link(folder + "/" + std::string(kWorkspace));
    if (root && !os::is_directory(*root)) (void)unmount_all(folder);
  }
}

std::optional<std::string> provider_with(const std::string& list, const Digest& root) {
  const std::string begin = bare_hex(root) + " ";
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t end = std::min(list.find('\n', at), list.size());
    const std::string_view line = std::string_view(list).substr(at, end - at);
    if (line.starts_with(begin)) return std::string(line.substr(begin.size()));
    at = end + 1;
  }
  return std::nullopt;
}

Status check_whole(const std::string& place, std::span<const NamedTree> trees) {
  for (const NamedTree& one : trees) {
    RTT_TRY_SET(const Tree there, read_folder(place + "/" + one.name));
    if (there.root() != one.tree->root())
      return fail(Code::kTampered, "the image shows another tree", place + "/" + one.name);
  }
  return {};
}

Status look_at(const std::string& place, std::span<const NamedTree> trees) {
  LookThrough how;
  for (const NamedTree& one : trees) RTT_TRY(look_through(place + "/" + one.name, *one.tree, how));
  return {};
}

}  // namespace

std::string ImageHome::image_of(const std::string& set) const {
  return images() + "/" + set + std::string(kImage);
}
std::string ImageHome::roots_of(const std::string& set) const {
  return images() + "/" + set + std::string(kRoots);
}

Result<std::string> ImageHome::mounts() const {
  if (!options_.mounts.empty()) return options_.mounts;
  RTT_TRY_SET(const MountPlace place, user_mount_place());
  return place.mountpoint + "-images";
}

Result<std::string> ImageHome::our_mounts() const {
  RTT_TRY_SET(const std::string all, mounts());
  return all + "/" + mount_id(options_.workspace);
}

Result<std::string> ImageHome::make_folders() const {
  RTT_TRY_SET(const std::string all, mounts());
  RTT_TRY_SET(std::string ours, our_mounts());
  for (const std::string& folder : {images(), all, ours}) RTT_TRY(make_ours(folder));
  RTT_TRY(os::replace_link(ours + "/" + std::string(kWorkspace), options_.workspace));
  return ours;
}

// On the file system where images are, and nothing of it stays, folders neither.
Status ImageHome::try_one() const {
  RTT_TRY(must_be_root());
  RTT_TRY_SET(const std::string all, mounts());
  RTT_TRY(make_ours(all));
  std::string folder = images();
  if (os::exists(folder)) RTT_TRY(os::check_only_ours(folder));
  while (!os::exists(folder) && folder.rfind('/') > 0) folder.resize(folder.rfind('/'));
  const std::string name = "/.probe-" + os::random_hex(8), image = folder + name, place = all + name;
  RTT_TRY_SET(const std::string bytes, erofs_image({}, kTime));
  RTT_TRY(os::make_directories(place, 0700));
  Status done = os::write_atomic(image, bytes, {.mode = 0400, .durable = os::Durable::kNo});
  if (done) done = os::mount_image(kType, image, place, options_.through);
  (void)unmount(place);
  (void)os::remove_file(image);
  return done;
}

std::optional<std::string> ImageHome::refusal() {
  const Status tried = try_one();
  return tried ? std::nullopt : std::optional(tried.error().message);
}

std::vector<std::string> ImageHome::sets() const {
  auto names = os::list_directory(images());
  if (!names) return {};
  std::erase_if(*names, [](const std::string& name) { return !name.ends_with(kRoots); });
  for (std::string& name : *names) name.resize(name.size() - kRoots.size());
  return *std::move(names);
}

void ImageHome::drop(const std::string& set) const {
  if (const auto ours = our_mounts()) (void)unmount(*ours + "/" + set);
  (void)os::remove_file(image_of(set));  // it can be made again, and is nobody's work
  (void)os::remove_file(roots_of(set));
}

bool ImageHome::mounted(const std::string& set) const {
  const auto ours = our_mounts();
  const auto there = ours ? os::mounted_at(*ours + "/" + set) : std::unexpected(ours.error());
  return there && *there && (*there)->type == kType;
}

// Of the image that is there; one that is mounted stays.
Result<std::string> ImageHome::mount(const std::string& set) const {
  RTT_TRY(must_be_root());
  RTT_TRY_SET(const std::string ours, make_folders());
  const std::string place = ours + "/" + set;
  RTT_TRY(os::make_directories(place, 0700));
  RTT_TRY_SET(const auto there, os::mounted_at(place));
  if (there && there->type == kType) return place;
  if (there)
    return fail(Code::kBusy, fmt::format("something of type {} is mounted there", there->type), place);
  const Status mounted = os::mount_image(kType, image_of(set), place, options_.through);
  if (mounted) return place;
  (void)os::remove_empty_folder(place);
  return std::unexpected(mounted.error());
}

Status ImageHome::write(const std::string& set, std::span<const NamedTree> trees) const {
  RTT_TRY_SET(const std::string bytes, erofs_image(trees, kTime));
  RTT_TRY(make_folders());
  RTT_TRY(os::write_atomic(roots_of(set), roots_text(trees), {.durable = os::Durable::kNo}));
  return os::write_atomic(image_of(set), bytes, {.mode = 0400});
}

// Whoever only asks leaves no mount behind.
Result<Tree> ImageHome::read(const std::string& set, const std::string& provider) const {
  RTT_TRY(must_be_root());
  RTT_TRY_SET(const std::string ours, make_folders());
  if (mounted(set)) return read_folder(ours + "/" + set + "/" + provider);
  const std::string place = ours + "/.read-" + os::random_hex(8);
  RTT_TRY(os::make_directories(place, 0700));
  const Status mounted = os::mount_image(kType, image_of(set), place, options_.through);
  auto tree = mounted ? read_folder(place + "/" + provider) : std::unexpected(mounted.error());
  (void)unmount(place);
  return tree;
}

Result<Tree> ImageHome::find(const Digest& root) {
  for (const std::string& set : sets()) {
    const auto list = os::read_file(roots_of(set), kRootsBytesMax);
    const auto provider = list ? provider_with(*list, root) : std::nullopt;
    auto tree = provider ? read(set, *provider) : fail(Code::kNotFound, "no such tree");
    if (tree && tree->root() == root) return tree;
  }
  return fail(Code::kNotFound, "the tree is in no image", images(), "rtt apply");
}

Result<std::vector<std::string>> ImageHome::hold(std::span<const NamedTree> trees) {
  RTT_TRY(must_be_root());
  if (const auto all = mounts()) sweep(*all);
  const std::string set = set_name(trees);
  Result<std::string> place = fail(Code::kNotFound, "the set has no image");
  if (os::exists(image_of(set))) {
    const bool was_mounted = mounted(set);
    place = mount(set);
    if (place) {
      const Status right = was_mounted ? look_at(*place, trees) : check_whole(*place, trees);
      if (!right) place = std::unexpected(right.error());
    }
    if (!place) drop(set);
  }
  if (!place) {
    RTT_TRY(write(set, trees));
    RTT_TRY_SET(place, mount(set));
    RTT_TRY(look_at(*place, trees));
  }
  std::vector<std::string> paths;
  for (const NamedTree& one : trees) paths.push_back(*place + "/" + one.name);
  return paths;
}

Status ImageHome::settle(std::span<const NamedTree> trees) {
  RTT_TRY_SET(const std::string ours, our_mounts());
  return unmount_all(ours, set_name(trees));
}

Status ImageHome::leave() {
  RTT_TRY_SET(const std::string ours, our_mounts());
  return unmount_all(ours);
}

std::vector<TreeHome::Holder> ImageHome::holders() const {
  std::vector<Holder> holders;
  for (const std::string& set : sets()) {
    const auto list = os::read_file(roots_of(set), kRootsBytesMax);
    const auto numbers = os::numbers_of(image_of(set));
    if (!list || !numbers) continue;
    Holder& holder = holders.emplace_back(Holder{.roots = {}, .bytes = numbers->bytes});
    for (std::size_t at = 0; at < list->size(); at = std::min(list->find('\n', at), list->size()) + 1) {
      if (const auto root = parse_bare_hex(std::string_view(*list).substr(at, 64)))
        holder.roots.push_back(*root);
    }
  }
  return holders;
}

Status ImageHome::collect(const std::vector<Digest>& keep) {
  RTT_TRY_SET(const std::string ours, our_mounts());
  for (const std::string& set : sets()) {
    const auto list = os::read_file(roots_of(set), kRootsBytesMax);
    const bool wanted =
        os::exists(ours + "/" + set) || (list && std::ranges::any_of(keep, [&](const Digest& root) {
                                           return provider_with(*list, root).has_value();
                                         }));
    if (!wanted) drop(set);
  }
  return {};
}

}  // namespace rtt::views
