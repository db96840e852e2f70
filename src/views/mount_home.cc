// SPDX-License-Identifier: Apache-2.0
#include "views/mount_home.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/sha256.h"
#include "os/clock.h"
#include "os/dir.h"
#include "os/file.h"
#include "os/link.h"
#include "os/mount.h"
#include "views/pack.h"
#include "views/pack_store.h"

namespace rtt::views {
namespace {

constexpr std::string_view kEnding = ".pack";
constexpr std::size_t kNameBytes = 40;  // of the workspace's folder, in its id
constexpr std::size_t kHashDigits = 16;
// Of each tree, less than elsewhere: all of a pack was read once it was written, so this shows that the mount
// serves that pack. Looking at every name of 5,000 through the mount takes 15 ms.
constexpr LookThrough kThroughTheMount{.entries = 32, .files_left = 16};
constexpr std::size_t kPackBytesMax = std::size_t{2} << 30;  // that is copied; what is linked has no limit

std::optional<std::uint32_t> tree_with(const Pack& pack, const Digest& root) {
  for (std::uint32_t tree = 0; tree < pack.trees(); ++tree) {
    const auto here = pack.root(tree);
    if (here && *here == root) return tree;
  }
  return std::nullopt;
}

// By what its index says; that its files are so is for verify().
bool has_just(const Pack& pack, std::span<const NamedTree> trees) {
  if (pack.trees() != trees.size()) return false;
  for (std::uint32_t tree = 0; tree < pack.trees(); ++tree) {
    const auto root = pack.root(tree);
    const auto node = pack.node(Pack::tree_entry(tree));
    const auto at = node ? std::ranges::find(trees, node->name, &NamedTree::name) : trees.end();
    if (!root || at == trees.end() || at->tree->root() != *root) return false;
  }
  return true;
}

std::vector<std::string> packs_in(const std::string& folder) {
  auto names = os::list_directory(folder);
  if (!names) return {};
  std::erase_if(*names, [](const std::string& name) { return !name.ends_with(kEnding); });
  return *std::move(names);
}

}  // namespace

std::string mount_id(const std::string& workspace) {
  std::string name = workspace.substr(workspace.rfind('/') + 1).substr(0, kNameBytes);
  std::ranges::replace_if(name, [](char c) { return !check_workspace_id(std::string{'x', c}); }, '_');
  if (name.empty() || name.front() == '.') name.insert(0, "_");
  return name + "-" + bare_hex(crypto::sha256(workspace)).substr(0, kHashDigits);
}

// One that is ending is still connected to, and answers no more.
Result<MountClient> MountHome::reach(const std::string& store) const {
  auto client = MountClient::connect(store);
  if (client && client->list()) return client;
  if (!options_.start)
    return fail(Code::kPanelDown, "nobody serves the mount of views", store, "rtt panel start");
  RTT_TRY_SET(const MountPlace place, user_mount_place());
  RTT_TRY(options_.start(place));
  return MountClient::connect(store);
}

std::optional<std::string> MountHome::refusal() {
  const auto place = user_mount_place();
  if (!place) return place.error().message;
  if (MountClient::connect(place->store)) return std::nullopt;
  return os::fuse_refusal();
}

MountHome::Opened* MountHome::opened(const std::string& name) {
  if (opened_ && opened_->name == name) return opened_.get();
  auto pack = Pack::open(packs() + "/" + name);
  if (!pack) return nullptr;
  opened_ = std::make_unique<Opened>(name, *std::move(pack));
  return opened_.get();
}

Result<Tree> MountHome::find(const Digest& root) {
  Result<Tree> found = fail(Code::kNotFound, "the tree is in no pack", packs(), "rtt apply");
  for (const std::string& name : packs_in(packs())) {
    Opened* const at = opened(name);
    if (at == nullptr) continue;  // hold makes it anew
    const auto tree = tree_with(at->pack, root);
    if (!tree) continue;
    found = read_tree(at->pack, *tree, at->cache);
    if (!found) continue;  // another set may have it
    sound_.emplace(name, root);
    break;
  }
  return found;
}

// The pack of these trees, by what its index says.
Result<std::string> MountHome::pack(std::span<const NamedTree> trees) const {
  std::string path = packs() + "/" + set_name(trees) + std::string(kEnding);
  if (os::exists(path)) {
    const auto kept = Pack::open(path);
    if (kept && has_just(*kept, trees)) return path;
    RTT_TRY(os::remove_file(path));
  }
  RTT_TRY(os::make_directories(packs()));
  const std::int64_t now_s = os::wall_now().us / 1'000'000;
  RTT_TRY(write_pack(path, trees, {.time_s = now_s}));
  return path;
}

// Read whole; one that was found by find() was.
Result<std::string> MountHome::sound_pack(std::span<const NamedTree> trees) const {
  RTT_TRY_SET(std::string path, pack(trees));
  const std::string name = path.substr(path.rfind('/') + 1);
  const bool read = std::ranges::all_of(
      trees, [&](const NamedTree& one) { return sound_.contains({name, one.tree->root()}); });
  if (read) return path;
  if (const auto there = Pack::open(path); there && verify(*there)) return path;
  RTT_TRY(os::remove_file(path));
  RTT_TRY_SET(path, pack(trees));
  RTT_TRY_SET(const Pack written, Pack::open(path));
  RTT_TRY(verify(written));
  return path;
}

Status MountHome::keep(std::span<const NamedTree> trees) const {
  RTT_TRY_SET(const std::string path, pack(trees));
  static_cast<void>(path);
  return {};
}

Result<GenerationNumber> MountHome::link_into(const PackStore& store, const std::string& pack,
                                              std::span<const NamedTree> trees) const {
  const std::string id = mount_id(options_.workspace);
  RTT_TRY(store.make_workspace(id, options_.workspace));
  RTT_TRY_SET(const PackStore::Kept kept, store.kept(id));
  for (const GenerationNumber number : kept.generations) {
    const std::string path = store.pack_path(id, number);
    if (os::same_file(path, pack)) return number;
    const auto there = Pack::open(path);
    if (there && has_just(*there, trees) && verify(*there)) return number;
  }
  const GenerationNumber next = kept.generations.empty() ? 1 : kept.generations.back() + 1;
  const std::string path = store.pack_path(id, next);
  RTT_TRY_SET(const os::Linked linked, os::hard_link(pack, path));
  if (linked == os::Linked::kUnsupported) {
    RTT_TRY_SET(const std::string bytes, os::read_file(pack, kPackBytesMax));
    RTT_TRY(os::write_atomic(path, bytes, {.mode = 0400}));
  }
  return next;
}

Result<std::vector<std::string>> MountHome::hold(std::span<const NamedTree> trees) {
  opened_.reset();  // it may be written anew
  RTT_TRY_SET(const MountPlace place, user_mount_place());
  RTT_TRY_SET(MountClient client, reach(place.store));
  RTT_TRY_SET(const std::string mountpoint, mounted_place(place.store));
  RTT_TRY_SET(const std::string path, sound_pack(trees));
  RTT_TRY_SET(const GenerationNumber number, link_into(PackStore(place.store), path, trees));
  const std::string id = mount_id(options_.workspace);
  RTT_TRY(client.add(id, number));
  std::vector<std::string> paths;
  for (const NamedTree& one : trees) {
    paths.push_back(fmt::format("{}/{}/{}/gen-{}", mountpoint, id, one.name, number));
    LookThrough how = kThroughTheMount;
    RTT_TRY(look_through(paths.back(), *one.tree, how));
  }
  held_ = number;
  return paths;
}

// From here on this generation is the one that is kept whatever comes after it.
Status MountHome::settle(std::span<const NamedTree>) {
  RTT_TRY_SET(const MountPlace place, user_mount_place());
  RTT_TRY_SET(MountClient client, reach(place.store));
  return client.show(mount_id(options_.workspace), held_);
}

Status MountHome::leave() {
  const auto place = user_mount_place();
  const std::string id = mount_id(options_.workspace);
  if (!place || !os::exists(place->store + "/" + id)) return {};
  if (auto client = MountClient::connect(place->store)) return client->drop(id);
  return PackStore(place->store).remove_workspace(id);
}

std::vector<TreeHome::Holder> MountHome::holders() const {
  std::vector<Holder> holders;
  for (const std::string& name : packs_in(packs())) {
    const std::string path = packs() + "/" + name;
    const auto pack = Pack::open(path);
    const auto numbers = os::numbers_of(path);
    if (!pack || !numbers) continue;
    Holder& holder = holders.emplace_back(Holder{.roots = {}, .bytes = numbers->bytes});
    for (std::uint32_t tree = 0; tree < pack->trees(); ++tree) {
      if (const auto root = pack->root(tree)) holder.roots.push_back(*root);
    }
  }
  return holders;
}

Status MountHome::collect(const std::vector<Digest>& keep) {
  for (const std::string& name : packs_in(packs())) {
    const std::string path = packs() + "/" + name;
    const auto pack = Pack::open(path);
    const bool wanted = pack && std::ranges::any_of(keep, [&](const Digest& root) {
                          return tree_with(*pack, root).has_value();
                        });
    if (!wanted) RTT_TRY(os::remove_file(path));
  }
  return {};
}

}  // namespace rtt::views
