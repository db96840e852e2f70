// SPDX-License-Identifier: Apache-2.0
// MountNodes: everything that a user's mount of views shows, as nodes with numbers, without a word of FUSE.
//
//   /WORKSPACE/PROVIDER/cur    a symbolic link to the generation in force: gen-N
//   /WORKSPACE/PROVIDER/gen-N  that provider's tree in generation N
//
// Node ids are number << 40 | index. A number is given once in the life of a mount: to a workspace, to a
// provider of one, and to a generation, whose index is the entry in its pack; so what a node id shows never
// changes, and the kernel may keep all of it for ever. Only three kinds of folders change (the top, a
// workspace, a provider); each change says which names and folders the kernel must ask for again (Stale). A
// flip is one name a provider, however large the trees are.
//
// A workspace keeps kGenerationsKept generations: the one in force and those added last, so whoever holds a
// folder of an old one reads on for that many flips. What the kernel has to ask for then is ESTALE.
//
// Owns: the packs.   Thread: any; changes by one.   Units: bytes, seconds.
// Fails: changes: kNotFound, kLimit, kNameClash. Questions: errno.
// Limits: kGenerationsKept, kWorkspacesMax, 2^24 numbers.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "views/pack.h"
#include "views/pack_store.h"

namespace rtt::views {

inline constexpr std::size_t kGenerationsKept = 8;

using NodeId = std::uint64_t;
inline constexpr NodeId kTopNode = 1;  // what FUSE calls its root

enum class NodeKind : std::uint8_t { kFolder, kFile, kProgram, kLink };
struct MountNode {
  NodeId id = 0;
  NodeKind kind = NodeKind::kFolder;
  std::uint64_t bytes = 0;
  std::optional<std::uint32_t> folders{};  // in it; unknown of those that change
  std::int64_t time_s = 0;
};

// What the kernel must ask for again.
struct Stale {
  enum class What : std::uint8_t {
    kListing,  // of `folder`, and what it says of itself
    kName,     // in `folder`: a link, or a name that came or went
    kTree,     // in `folder`: a name below which much may be held; it is looked at again when next used
  } what;
  NodeId folder = 0;
  std::string name{};
};

template <typename Value>
using Answer = std::expected<Value, int>;  // errno

class MountNodes {
 public:
  // Numbers by what they stand for, as a predecessor on the same mount gave them.
  using Numbers = std::map<std::string, std::uint32_t, std::less<>>;
  // Told of each number before it is first used, and when it is no more (0).
  using Numbered = std::function<void(const std::string& name, std::uint32_t number)>;
  MountNodes(Numbers known, std::uint32_t last, Numbered numbered);

  struct Generation {
    std::string workspace;
    GenerationNumber number = 0;
    std::uint32_t node_number = 0;
    Pack pack;
    std::vector<std::string> trees;  // their names: what a flip needs is not asked of a pack that may rot
  };
  using Held = std::shared_ptr<const Generation>;  // the table's, and whoever reads from it

  [[nodiscard]] bool has(const std::string& workspace, GenerationNumber generation) const;
  Result<std::vector<Stale>> add(const std::string& workspace, GenerationNumber generation, Pack pack);
  Result<std::vector<Stale>> show(const std::string& workspace, GenerationNumber generation);
  std::vector<Stale> drop_workspace(const std::string& workspace);
  // The next generation that is one too many; dropped here, its file is the caller's.
  struct Dropped {
    std::string workspace;
    GenerationNumber generation = 0;
    std::uint32_t node_number = 0;
    std::vector<Stale> stale;
  };
  std::optional<Dropped> drop_surplus(const std::string& workspace);

  // Questions. Nothing of a folder that never changes is nothing for ever.
  [[nodiscard]] Answer<std::optional<MountNode>> lookup(NodeId folder, std::string_view name) const;
  [[nodiscard]] Answer<MountNode> node(NodeId id) const;
  [[nodiscard]] Answer<std::string> link(NodeId id) const;
  // Entries after `offset` (0: the first), until `visit` says enough; `next` is the offset after that one.
  using Visit = std::function<bool(std::string_view name, const MountNode& node, std::uint64_t next)>;
  [[nodiscard]] Answer<void> list(NodeId folder, std::uint64_t offset, const Visit& visit) const;
  struct Range {
    Held generation;
    std::uint64_t at = 0;  // in the stream
    std::size_t bytes = 0;
  };
  [[nodiscard]] Answer<Range> range(NodeId file, std::uint64_t from, std::size_t bytes) const;

  // Told, by any thread, of damage that a question met; its answer is EIO. REQUIRES: before any question.
  void on_damage(std::function<void(const Error&)> told) { damage_ = std::move(told); }
  void damage(const Error& error) const {
    if (damage_) damage_(error);
  }

 private:
  struct Workspace;
  struct Provider {
    std::string name;
    std::uint32_t number = 0;
    Workspace* in = nullptr;
  };
  struct Workspace {
    std::string name;
    std::uint32_t number = 0;
    std::map<std::string, Provider, std::less<>> providers;
    std::vector<Held> generations;  // in the order they were added
    Held current;
  };
  struct Slot {  // one of
    Workspace* workspace = nullptr;
    Provider* provider = nullptr;
    Held generation;
  };

  std::uint32_t number_for(const std::string& name);
  void release(const std::string& name);
  Workspace& workspace_of(const std::string& name);
  [[nodiscard]] Workspace* find_workspace(std::string_view name) const;
  [[nodiscard]] Slot slot(NodeId id) const;
  static std::optional<std::uint32_t> tree_of(const Generation& generation, std::string_view provider);
  static bool shows(const Provider& provider);
  [[nodiscard]] std::vector<Stale> listings_with(const Workspace& workspace, const Held& generation,
                                                 bool provider_came) const;

  [[nodiscard]] MountNode folder_node(std::uint32_t number) const;
  [[nodiscard]] static MountNode tree_node(const Generation& in, Pack::Index index, const Pack::Node& node);
  [[nodiscard]] static MountNode link_node(const Generation& generation, std::uint32_t tree);
  [[nodiscard]] Answer<std::optional<MountNode>> lookup_changing(const Slot& slot,
                                                                 std::string_view name) const;
  [[nodiscard]] Answer<void> list_changing(const Slot& slot, std::uint64_t offset, const Visit& visit) const;
  [[nodiscard]] Answer<void> list_tree(const Generation& in, Pack::Index index, std::uint64_t offset,
                                       const Visit& visit) const;
  template <typename Value>
  [[nodiscard]] Answer<Value> judged(Result<Value> result) const;

  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Workspace>, std::less<>> workspaces_;
  std::map<std::uint32_t, Slot> slots_;
  Numbers numbers_;
  std::uint32_t last_;
  Numbered numbered_;
  std::function<void(const Error&)> damage_;
};

}  // namespace rtt::views
