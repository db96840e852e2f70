// SPDX-License-Identifier: Apache-2.0
// Exposed names: what an AI client calls the tools and prompts of several servers.
//
// A name is a function of its server's namespace, its own name and the mode, and in mode `conflict` of
// whether another server has the same name; no count or order of servers enters it, so tools keep their names
// when other servers come and go. Clients refuse names over 64 bytes, and with one of them often the whole
// list: a longer one keeps its first 47 bytes and gets 16 hex digits of its hash, as does one that would
// meet another.
//
// Thread: any (pure).   Fails: never.   Limits: kExposedNameBytesMax a name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/mcp_settings.h"

namespace rtt::mcp {

inline constexpr std::size_t kExposedNameBytesMax = 64;

struct NameClaim {
  std::string ns, key;
  std::string exposed;  // given by expose_names(); empty: in mode `plain` an earlier namespace has the name
};
// REQUIRES: no two claims agree in namespace and key.   ENSURES: exposed names differ, `reserved` is unused.
void expose_names(std::vector<NameClaim>& claims, model::NameMode mode,
                  const std::vector<std::string>& reserved = {});

}  // namespace rtt::mcp
