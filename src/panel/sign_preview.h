// SPDX-License-Identifier: Apache-2.0
// SignPreview: what signing would put in force, in lines a person reads before agreeing.
//
// A signature lets a later call run the command an object names, so that command is always among the lines,
// however many objects there are: a folder somebody else filled must not hide it behind forty harmless ones.
// What another key signed is told apart: it is that key, not the object, that has to be agreed to.
//
// Thread: any (values).   Fails: never.
// Limits: kPreviewLinesMax items that run nothing, kCommandBytesMax of one command; the rest is counted.
#pragma once

#include <string>
#include <vector>

#include "registry/identity.h"
#include "registry/snapshot.h"

namespace rtt::panel {

inline constexpr std::size_t kPreviewLinesMax = 40;
inline constexpr std::size_t kCommandBytesMax = 2000;

// Items that carry no other person's signature, and those that do, by the key that made it.
struct Foreign {
  std::string key_id;
  std::string label, file;  // of the key as it lies in this workspace; empty if it does not
  std::vector<registry::SignItem> items;
};
struct SignParts {
  std::vector<registry::SignItem> own;
  std::vector<Foreign> foreign;  // sorted by key_id
};
SignParts parts_of(std::vector<registry::SignItem> items, const std::vector<registry::KeyInfo>& keys);

// "sign ID (FILE), new", what changed in it, and below it what it runs.
std::vector<std::string> describe(const std::vector<registry::SignItem>& items);
// "key KEY "label" (FILE) signed:" and what, for a question that would trust it or a note that it is left.
std::vector<std::string> describe(const Foreign& foreign, std::string_view verb);
// The command, environment and all, that being in force lets a call run; empty if none.
std::string runs(const text::Json& object);

}  // namespace rtt::panel
