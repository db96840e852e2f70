// SPDX-License-Identifier: Apache-2.0
// dedupe: what several AI clients have of the same item, and the one item that can stand for all of it.
//
// Items of one kind and name are the same item. Its canonical form is chosen so that it says as much as can
// be said to all: the version that most clients have (of equally many the first by the client's name, or the
// one that is preferred), and every member another client has beside it, as long as no client that does
// without would be shown it. Whether two versions are the same is decided by what their client would read:
// the canonical item, written for that client, must be what its own version is, written for it. So a copy
// that differs only in what its client has no place for is the same, and that is told. What differs in
// earnest becomes an overlay for that client, which is tried before it is offered; where none can say it (the
// files beside a skill), the copy stays where it is.
//
// Thread: any (pure).   Fails: never; what cannot be is told in Copy::stays.   Limits: kItemsMax versions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/overlay.h"
#include "views/decode.h"

namespace rtt::views {

struct Version {  // one client's
  const Provider* provider = nullptr;
  Item item;                         // adopted() (own_forms.h)
  std::vector<std::string> files{};  // what it was read from
};
struct Copy {  // what lies in one place, for one client or several
  std::vector<std::string> providers, files;
  // kMore: it says more than the canonical item says to its client. kDrifted: it says something else.
  enum class State : std::uint8_t { kSame, kMore, kDrifted } state = State::kSame;
  std::vector<std::string> differs;  // RFC 6901, into the item; /files/PATH of a file beside a skill
  std::vector<Loss> lacks;           // what its clients have no place for
  std::string stays{};               // why no overlay can say it; empty: one can, or none is needed
};
std::string_view to_string(Copy::State state);  // same more drifted

struct NewOverlay {
  std::string path, text;
};
struct Shared {
  Item item;         // canonical
  std::string from;  // the client whose version it is; empty: the workspace has it already
  std::vector<Copy> copies;
  std::vector<NewOverlay> overlays;
};
struct DedupeOptions {
  std::string_view prefer{};      // a client's name
  std::span<const Item> there{};  // what the workspace has already
  std::span<const model::Overlay> overlays_there{};
};
// By kind and name. REQUIRES: a provider has one version of an item.
std::vector<Shared> dedupe(std::vector<Version> versions, const DedupeOptions& options);

// Clients whose folders these are: each that alone reads one of the files that were read, and, for files that
// several read and none of these does, as few as possible. `read` is beside `providers`.
std::vector<bool> in_use(std::span<const Provider> providers, std::span<const Decoded> read);

}  // namespace rtt::views
