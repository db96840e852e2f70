// SPDX-License-Identifier: Apache-2.0
// encode: items as one provider's native files, and what of them it has no place for.
//
// The bytes are the same for the same items in any order. Every member of an item is in a file or in
// `losses`; `native.PROVIDER` is written for that provider as it is, in place of what the item says under the
// same key, and is nobody else's loss. An item that a client would read as something else than it says is
// left out whole: the loss at pointer "" says why.
//
// Thread: any (pure).   Fails: never; what cannot be shown is a loss.
// Limits: kPromptBytesMax a text, kItemFilesMax files a skill, kMcpServersMax servers.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "views/item.h"
#include "views/provider.h"
#include "views/tree.h"

namespace rtt::views {

inline constexpr std::size_t kPromptBytesMax = std::size_t{1} << 20;

struct Loss {
  std::string provider;
  ItemKind kind = ItemKind::kAgent;
  std::string item;     // its name
  std::string pointer;  // RFC 6901, into the item's object; "" = all of it; /files/PATH = a file beside it
  std::string why;      // "Codex has no place for it"; or of the value: "is no text"
  friend bool operator==(const Loss&, const Loss&) = default;
};
struct Encoded {
  std::vector<TreeFile> files;  // sorted by path, as Tree::of wants them
  std::vector<Loss> losses;     // by kind and name
};
// REQUIRES: at most kItemsMax items.
Encoded encode(const Provider& provider, std::span<const Item> items);
// What was encoded before, with these servers in the place of its own: all else stays, in the servers' file
// too. REQUIRES: servers, at most kItemsMax.
Encoded with_servers(const Provider& provider, const Tree& before, std::span<const Item> servers);

}  // namespace rtt::views
