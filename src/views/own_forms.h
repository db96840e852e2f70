// SPDX-License-Identifier: Apache-2.0
// How a workspace itself writes items down (docs/formats/workspace.md), as one more row of the encoder's
// table: agents/NAME.md, skills/NAME/, rules/NAME.md, commands/NAME.md.
//
// A client's item becomes the workspace's by adopted(): it is called what its file is called, for that is
// what the same item has in common in all clients; a name of its own in the file stays that client's. The
// model `inherit` is what an item without one means (docs/formats/contract.md), so both are one. Tools
// and skills it refers to are written as optional wiring: the client did without one that was not there, so
// the plan does too.
//
// Thread: any (pure).   Fails: adopted: kBadAddress, kNameClash.   Limits: those of encode.h.
#pragma once

#include "views/encode.h"

namespace rtt::views {

const Provider& own_forms();
// The workspace's files of one item, and what of it has no place there.
Encoded written_down(const Item& item);
// `item` as `from` has it.
Result<Item> adopted(Item item, const Provider& from);
// Whether an agent's tools are limited in words that `from` alone knows: every other client gives it all.
[[nodiscard]] bool limits_tools_for_itself(const Item& item, const Provider& from);

}  // namespace rtt::views
