// SPDX-License-Identifier: Apache-2.0
#include "views/mount_nodes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace rtt::views {
namespace {

constexpr int kIndexBits = 40;
constexpr NodeId kIndexMask = (NodeId{1} << kIndexBits) - 1;
constexpr NodeId kLinkBit = NodeId{1}
                            << (kIndexBits - 1);  // the link `cur` of a generation and a tree of its
constexpr std::uint32_t kNumbersMax = (1U << 24U) - 1;
constexpr std::uint64_t kCurOffset = 3;  // in a provider's listing; every number is larger
constexpr std::uint32_t kNumberBefore = 15;
constexpr std::string_view kCur = "cur";

NodeId id_of(std::uint32_t number, NodeId index) { return NodeId{number} << kIndexBits | index; }
std::uint32_t number_of(NodeId id) { return static_cast<std::uint32_t>(id >> kIndexBits); }
std::string generation_name(GenerationNumber generation) { return fmt::format("gen-{}", generation); }
std::string generation_key(std::string_view workspace, GenerationNumber generation) {
  return fmt::format("{}#{}", workspace, generation);  // no id of a workspace has a #
}

}  // namespace

MountNodes::MountNodes(Numbers known, std::uint32_t last, Numbered numbered)
    : numbers_(std::move(known)), last_(std::max(last, kNumberBefore)), numbered_(std::move(numbered)) {
  for (const auto& [name, number] : numbers_) last_ = std::max(last_, number);
}

template <typename Value>
Answer<Value> MountNodes::judged(Result<Value> result) const {
  if (result) {
    if constexpr (std::is_void_v<Value>)
      return {};
    else
      return *std::move(result);
  }
  damage(result.error());
  return std::unexpected(EIO);
}

// --- changes ---------------------------------------------------------------------------------------------

std::uint32_t MountNodes::number_for(const std::string& name) {
  const auto known = numbers_.find(name);
  if (known != numbers_.end()) return known->second;
  numbers_[name] = ++last_;
  numbered_(name, last_);
  return last_;
}

void MountNodes::release(const std::string& name) {
  if (numbers_.erase(name) > 0) numbered_(name, 0);
}

MountNodes::Workspace* MountNodes::find_workspace(std::string_view name) const {
  const auto at = workspaces_.find(name);
  return at == workspaces_.end() ? nullptr : at->second.get();
}

MountNodes::Workspace& MountNodes::workspace_of(const std::string& name) {
  if (Workspace* known = find_workspace(name)) return *known;
  auto made = std::make_unique<Workspace>();
  made->name = name;
  made->number = number_for(name);
  Workspace& workspace = *made;
  slots_[workspace.number] = Slot{.workspace = &workspace, .provider = nullptr, .generation = {}};
  workspaces_[name] = std::move(made);
  return workspace;
}

bool MountNodes::has(const std::string& workspace, GenerationNumber generation) const {
  const std::scoped_lock lock(mutex_);
  const Workspace* in = find_workspace(workspace);
  return in != nullptr &&
         std::ranges::any_of(in->generations, [&](const Held& held) { return held->number == generation; });
}

std::optional<std::uint32_t> MountNodes::tree_of(const Generation& generation, std::string_view provider) {
  const auto at = std::ranges::lower_bound(generation.trees, provider);
  if (at == generation.trees.end() || *at != provider) return std::nullopt;
  return static_cast<std::uint32_t>(at - generation.trees.begin());
}

bool MountNodes::shows(const Provider& provider) {
  return std::ranges::any_of(provider.in->generations, [&](const Held& generation) {
    return tree_of(*generation, provider.name).has_value();
  });
}

// A folder's listing changes only when a name of its own comes.
std::vector<Stale> MountNodes::listings_with(const Workspace& workspace, const Held& generation,
                                             bool provider_came) const {
  std::vector<Stale> stale;
  if (workspace.generations.size() == 1) stale.push_back({.what = Stale::What::kListing, .folder = kTopNode});
  if (provider_came) stale.push_back({.what = Stale::What::kListing, .folder = id_of(workspace.number, 0)});
  for (const auto& [name, provider] : workspace.providers) {
    if (tree_of(*generation, name))
      stale.push_back({.what = Stale::What::kListing, .folder = id_of(provider.number, 0)});
  }
  return stale;
}

Result<std::vector<Stale>> MountNodes::add(const std::string& workspace, GenerationNumber generation,
                                           Pack pack) {
  RTT_TRY(check_workspace_id(workspace));
  std::vector<std::string> providers;
  for (std::uint32_t tree = 0; tree < pack.trees(); ++tree) {
    RTT_TRY_SET(const Pack::Node node, pack.node(Pack::tree_entry(tree)));
    if (node.kind != Pack::Kind::kFolder || node.parent != 0 || (tree > 0 && node.name <= providers.back()))
      return std::unexpected(pack.damaged("its trees are not folders in order"));
    providers.emplace_back(node.name);
  }
  const std::scoped_lock lock(mutex_);
  if (last_ > kNumbersMax - kPackTreesMax - 2)
    return fail(Code::kLimit, "this mount has shown 16 million generations", workspace,
                "rtt view unmount, then rtt view mount");
  if (find_workspace(workspace) == nullptr && workspaces_.size() == kWorkspacesMax)
    return fail(Code::kLimit, fmt::format("more than {} workspaces have views", kWorkspacesMax), workspace);
  Workspace& in = workspace_of(workspace);
  for (const Held& held : in.generations) {
    if (held->number == generation)
      return fail(Code::kNameClash,
                  fmt::format("generation {} of {} is shown already", generation, workspace));
  }
  bool provider_came = false;
  for (const std::string& name : providers) {
    const auto known = in.providers.find(name);
    provider_came = provider_came || known == in.providers.end() || !shows(known->second);
    if (known != in.providers.end()) continue;
    const std::uint32_t number = number_for(workspace + "/" + name);
    Provider& made = in.providers[name] = {.name = name, .number = number, .in = &in};
    slots_[number] = Slot{.workspace = nullptr, .provider = &made, .generation = {}};
  }
  auto added = std::make_shared<Generation>(
      Generation{.workspace = workspace,
                 .number = generation,
                 .node_number = number_for(generation_key(workspace, generation)),
                 .pack = std::move(pack),
                 .trees = std::move(providers)});
  slots_[added->node_number] = Slot{.workspace = nullptr, .provider = nullptr, .generation = added};
  in.generations.push_back(added);
  return listings_with(in, added, provider_came);
}

Result<std::vector<Stale>> MountNodes::show(const std::string& workspace, GenerationNumber generation) {
  const std::scoped_lock lock(mutex_);
  Workspace* in = find_workspace(workspace);
  const auto missing = [&] {
    return fail(Code::kNotFound, fmt::format("generation {} of {} is not there", generation, workspace));
  };
  if (in == nullptr) return missing();
  const auto at =
      std::ranges::find(in->generations, generation, [](const Held& held) { return held->number; });
  if (at == in->generations.end()) return missing();
  std::vector<Stale> stale;
  if (in->current == *at) return stale;
  const Held before = std::exchange(in->current, *at);
  for (const auto& [name, provider] : in->providers) {
    const bool was = before && tree_of(*before, name), is = tree_of(*in->current, name).has_value();
    const NodeId folder = id_of(provider.number, 0);
    if (was) stale.push_back({.what = Stale::What::kName, .folder = folder, .name = std::string(kCur)});
    if (was != is) stale.push_back({.what = Stale::What::kListing, .folder = folder});
  }
  return stale;
}

std::optional<MountNodes::Dropped> MountNodes::drop_surplus(const std::string& workspace) {
  const std::scoped_lock lock(mutex_);
  Workspace* in = find_workspace(workspace);
  if (in == nullptr || in->generations.size() <= kGenerationsKept) return std::nullopt;
  const auto at =
      std::ranges::find_if(in->generations, [&](const Held& held) { return held != in->current; });
  Held going = std::move(*at);
  in->generations.erase(at);
  slots_.erase(going->node_number);
  release(generation_key(workspace, going->number));
  Dropped dropped{
      .workspace = workspace, .generation = going->number, .node_number = going->node_number, .stale = {}};
  for (const auto& [name, provider] : in->providers) {
    if (!tree_of(*going, name)) continue;
    const NodeId folder = id_of(provider.number, 0);
    dropped.stale.push_back(
        {.what = Stale::What::kTree, .folder = folder, .name = generation_name(going->number)});
    dropped.stale.push_back({.what = Stale::What::kListing, .folder = folder});
  }
  return dropped;
}

std::vector<Stale> MountNodes::drop_workspace(const std::string& workspace) {
  const std::scoped_lock lock(mutex_);
  Workspace* in = find_workspace(workspace);
  if (in == nullptr) return {};
  for (const Held& generation : in->generations) {
    slots_.erase(generation->node_number);
    release(generation_key(workspace, generation->number));
  }
  for (const auto& [name, provider] : in->providers) {
    slots_.erase(provider.number);
    release(workspace + "/" + name);
  }
  slots_.erase(in->number);
  release(workspace);
  workspaces_.erase(workspaces_.find(workspace));
  return {{.what = Stale::What::kTree, .folder = kTopNode, .name = workspace},
          {.what = Stale::What::kListing, .folder = kTopNode}};
}

// --- questions -------------------------------------------------------------------------------------------

MountNodes::Slot MountNodes::slot(NodeId id) const {
  const auto at = slots_.find(number_of(id));
  return at == slots_.end() ? Slot{} : at->second;
}

MountNode MountNodes::folder_node(std::uint32_t number) const {
  return {.id = number == 0 ? kTopNode : id_of(number, 0), .kind = NodeKind::kFolder};
}

MountNode MountNodes::tree_node(const Generation& in, Pack::Index index, const Pack::Node& node) {
  MountNode shown{.id = id_of(in.node_number, index), .kind = NodeKind::kFolder, .time_s = in.pack.time_s()};
  switch (node.kind) {
    case Pack::Kind::kFolder:
      shown.folders = node.folders;
      break;
    case Pack::Kind::kFile:
    case Pack::Kind::kProgram:
      shown.kind = node.kind == Pack::Kind::kFile ? NodeKind::kFile : NodeKind::kProgram;
      shown.bytes = node.count;
      break;
  }
  return shown;
}

MountNode MountNodes::link_node(const Generation& generation, std::uint32_t tree) {
  return {.id = id_of(generation.node_number, kLinkBit | tree),
          .kind = NodeKind::kLink,
          .bytes = generation_name(generation.number).size(),
          .folders = {},
          .time_s = generation.pack.time_s()};
}

// REQUIRES: the lock.
Answer<std::optional<MountNode>> MountNodes::lookup_changing(const Slot& in, std::string_view name) const {
  if (in.workspace != nullptr) {
    const auto at = in.workspace->providers.find(name);
    if (at == in.workspace->providers.end() || !shows(at->second)) return std::unexpected(ENOENT);
    return folder_node(at->second.number);
  }
  if (in.provider == nullptr) {  // the top
    const Workspace* found = find_workspace(name);
    if (found == nullptr) return std::unexpected(ENOENT);
    return folder_node(found->number);
  }
  const Workspace& workspace = *in.provider->in;
  if (name == kCur) {
    if (!workspace.current) return std::unexpected(ENOENT);
    const auto tree = tree_of(*workspace.current, in.provider->name);
    if (!tree) return std::unexpected(ENOENT);
    return link_node(*workspace.current, *tree);
  }
  if (!name.starts_with("gen-")) return std::unexpected(ENOENT);
  const auto number = parse_generation(name.substr(4));
  for (const Held& held : workspace.generations) {
    if (!number || held->number != *number) continue;
    const auto tree = tree_of(*held, in.provider->name);
    if (!tree) break;
    const auto found = judged(held->pack.node(Pack::tree_entry(*tree)));
    if (!found) return std::unexpected(found.error());
    return tree_node(*held, Pack::tree_entry(*tree), *found);
  }
  return std::unexpected(ENOENT);
}

Answer<std::optional<MountNode>> MountNodes::lookup(NodeId folder, std::string_view name) const {
  Held generation;
  {
    const std::scoped_lock lock(mutex_);
    const Slot in = slot(folder);
    if (folder == kTopNode || in.workspace != nullptr || in.provider != nullptr)
      return lookup_changing(in, name);
    if (!in.generation) return std::unexpected(ESTALE);
    generation = in.generation;
  }
  const NodeId index = folder & kIndexMask;
  if (index >= kLinkBit) return std::unexpected(ENOTDIR);
  const Pack& pack = generation->pack;
  const auto found = judged(pack.find(static_cast<Pack::Index>(index), name));
  if (!found) return std::unexpected(found.error());
  if (!*found) return std::nullopt;
  const auto node = judged(pack.node(**found));
  if (!node) return std::unexpected(node.error());
  return tree_node(*generation, **found, *node);
}

Answer<MountNode> MountNodes::node(NodeId id) const {
  Slot in;
  {
    const std::scoped_lock lock(mutex_);
    in = slot(id);
  }
  if (id == kTopNode) return folder_node(0);
  if (in.workspace != nullptr || in.provider != nullptr) return folder_node(number_of(id));
  if (!in.generation) return std::unexpected(ESTALE);
  const NodeId index = id & kIndexMask;
  if (index >= kLinkBit) return link_node(*in.generation, static_cast<std::uint32_t>(index & ~kLinkBit));
  const auto found = judged(in.generation->pack.node(static_cast<Pack::Index>(index)));
  if (!found) return std::unexpected(found.error());
  return tree_node(*in.generation, static_cast<Pack::Index>(index), *found);
}

Answer<std::string> MountNodes::link(NodeId id) const {
  const std::scoped_lock lock(mutex_);
  const Slot in = slot(id);
  if (!in.generation) return std::unexpected(ESTALE);
  if ((id & kIndexMask) < kLinkBit) return std::unexpected(EINVAL);
  return generation_name(in.generation->number);
}

// Entries come in the order of their numbers, so an offset means the same after others came or went.
// REQUIRES: the lock.
Answer<void> MountNodes::list_changing(const Slot& in, std::uint64_t offset, const Visit& visit) const {
  struct Line {
    std::uint64_t number;
    std::string name;
    MountNode node;
  };
  std::vector<Line> lines;
  if (in.workspace != nullptr) {
    for (const auto& [name, provider] : in.workspace->providers) {
      if (shows(provider)) lines.push_back({provider.number, name, folder_node(provider.number)});
    }
  } else if (in.provider != nullptr) {
    const Workspace& workspace = *in.provider->in;
    for (const Held& held : workspace.generations) {
      const auto tree = tree_of(*held, in.provider->name);
      if (!tree) continue;
      const auto node = judged(held->pack.node(Pack::tree_entry(*tree)));
      if (!node) return std::unexpected(node.error());
      lines.push_back({held->node_number, generation_name(held->number),
                       tree_node(*held, Pack::tree_entry(*tree), *node)});
      if (held == workspace.current)
        lines.push_back({kCurOffset, std::string(kCur), link_node(*held, *tree)});
    }
  } else {
    for (const auto& [name, workspace] : workspaces_)
      lines.push_back({workspace->number, name, folder_node(workspace->number)});
  }
  std::ranges::sort(lines, {}, &Line::number);
  for (const Line& line : lines) {
    if (line.number > offset && !visit(line.name, line.node, line.number)) break;
  }
  return {};
}

Answer<void> MountNodes::list_tree(const Generation& in, Pack::Index index, std::uint64_t offset,
                                   const Visit& visit) const {
  const auto folder = judged(in.pack.node(index));
  if (!folder) return std::unexpected(folder.error());
  if (folder->kind != Pack::Kind::kFolder) return std::unexpected(ENOTDIR);
  for (std::uint64_t place = offset; place < folder->count; ++place) {
    const auto node = judged(in.pack.child(index, *folder, static_cast<std::uint32_t>(place)));
    if (!node) return std::unexpected(node.error());
    const auto child = static_cast<Pack::Index>(folder->at + place);
    if (!visit(node->name, tree_node(in, child, *node), place + 1)) break;
  }
  return {};
}

Answer<void> MountNodes::list(NodeId folder, std::uint64_t offset, const Visit& visit) const {
  Held generation;
  {
    const std::scoped_lock lock(mutex_);
    const Slot in = slot(folder);
    if (folder == kTopNode || in.workspace != nullptr || in.provider != nullptr)
      return list_changing(in, offset, visit);
    if (!in.generation) return std::unexpected(ESTALE);
    generation = in.generation;
  }
  const NodeId index = folder & kIndexMask;
  if (index >= kLinkBit) return std::unexpected(ENOTDIR);
  return list_tree(*generation, static_cast<Pack::Index>(index), offset, visit);
}

Answer<MountNodes::Range> MountNodes::range(NodeId file, std::uint64_t from, std::size_t bytes) const {
  Range range;
  {
    const std::scoped_lock lock(mutex_);
    range.generation = slot(file).generation;
  }
  if (!range.generation) return std::unexpected(number_of(file) == 0 ? EISDIR : ESTALE);
  const NodeId index = file & kIndexMask;
  if (index >= kLinkBit) return std::unexpected(EINVAL);
  const auto node = judged(range.generation->pack.node(static_cast<Pack::Index>(index)));
  if (!node) return std::unexpected(node.error());
  if (node->kind == Pack::Kind::kFolder) return std::unexpected(EISDIR);
  if (from < node->count) {
    range.at = node->at + from;
    range.bytes = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, node->count - from));
  }
  return range;
}

}  // namespace rtt::views
