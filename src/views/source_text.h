// SPDX-License-Identifier: Apache-2.0
// SourceText: the workspace's own files of items, read as items and written with a change in them.
//
// An item that changed is written into the file it came from, not over it: front matter keeps its order, its
// comments and the keys that are no member (`saddr`, `version`), and only what the change is about is
// another. What was written is read back, and where that is not the item meant, the front matter is written
// anew; what no writing gets right is an error. Of JSON only the members are kept, not the layout.
//
// Thread: any (pure).   Fails: kBadShape, with the file in `where`; as the reader of the file.
// Limits: kManifestBytesMax.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "text/json.h"
#include "views/item.h"

namespace rtt::views {

// The object of an item, as the body of its contract says it.
text::Json object_of(const text::Json& body);
// The item of that kind and name in a file of the workspace: agents/, skills/, rules/, commands/ or a
// manifest.
Result<Item> read_source(std::string_view text, std::string_view file, ItemKind kind, std::string_view name);
// The file's text with `item` in it. REQUIRES: read_source finds the item there.
Result<std::string> with_item(std::string_view text, std::string_view file, const Item& item);

}  // namespace rtt::views
