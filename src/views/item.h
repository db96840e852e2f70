// SPDX-License-Identifier: Apache-2.0
// Item: one thing that AI clients are shown, in RTT's own canonical form, before any client's format.
//
// `object` is what the item says, by kind (item_shape.h checks it); absent members are absent, never null:
//   agent    {"name","description","instructions","model","tools":[…],"skills":[…],"permissions":{…},
//             "metadata":{…}}
//   skill    {"name","description","instructions","license","compatibility","allowed-tools",
//             "metadata":{…},"tools":[…],"skills":[…],"permissions":{…}}
//   server   {"type":"stdio","command","args":[…],"env":{…},"cwd"} or
//             {"type":"http"|"sse","url","headers":{…}}
//   rules    {"instructions","description","globs":[…]}; the one called `main` is the project's own
//   command  {"name","description","instructions","argument_hint","model","tools":[…]}
// and in each of them "native": {PROVIDER: {KEY: value}}, what only that provider knows, kept as it was
// written.
//
// Owns: its bytes.   Thread: any (values).   Fails: never.   Limits: kItemsMax, kItemFilesMax; those of
// tree.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "text/json.h"

namespace rtt::views {

enum class ItemKind : std::uint8_t { kAgent, kSkill, kServer, kRules, kCommand };
std::string_view to_string(ItemKind kind);  // agent skill server rules command

struct ItemFile {    // what lies beside a skill's SKILL.md
  std::string path;  // below the skill's folder
  std::string bytes;
  bool executable = false;
  friend bool operator==(const ItemFile&, const ItemFile&) = default;
};

struct Item {
  ItemKind kind = ItemKind::kAgent;
  std::string name;  // one part of an address, in the user's case
  text::Json object;
  std::vector<ItemFile> files{};  // sorted by path
  friend bool operator==(const Item&, const Item&) = default;
};

// SHA-256 of the canonical JSON of {"kind","name","object","files":{PATH:{"sha256","executable"}}}.
Digest digest_of(const Item& item);

inline constexpr std::size_t kItemsMax = 100'000;
inline constexpr std::size_t kItemFilesMax = 1'000;

}  // namespace rtt::views
