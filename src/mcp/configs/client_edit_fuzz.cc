// SPDX-License-Identifier: Apache-2.0
// Whatever reads as a client's file takes RTT's entry, or is refused whole; another entry is never touched,
// and the entry of before comes back with the meaning it had.
#include "base/assert.h"
#include "base/bytes.h"
#include "mcp/configs/client_edit.h"

int fuzz_one(std::span<const std::byte> input);

int fuzz_one(std::span<const std::byte> input) {
  using namespace rtt::mcp;
  const std::string all(rtt::as_text(input));
  for (const ClientForm form :
       {ClientForm::kMcpServers, ClientForm::kOpenCode, ClientForm::kCodexToml, ClientForm::kVibeToml}) {
    const Section section{.form = form, .path = {is_toml(form) ? "mcp_servers" : "mcpServers"}};
    const auto before = ClientText::read(all, section, "fuzz");
    std::ignore =
        read_client_config(all, ReadOptions{.file = is_toml(form) ? "f.toml" : "f.json", .project = "/w"});
    if (!before) continue;
    std::ignore = before->masked({"a"});
    const auto added = before->with({.name = "rtt-new", .command = {"rtt", "x"}});
    if (added && before->find("rtt-new") == nullptr) {
      const auto taken = added->without("rtt-new");
      RTT_ASSERT(taken.has_value() && taken->entries().size() == before->entries().size());
    }
    for (const EntryText& entry : before->entries()) {
      const auto ours = before->with({.name = entry.name, .command = {"rtt", "x"}});
      if (!ours) continue;
      const auto back = ours->with_raw(entry.name, entry.raw);
      if (back) RTT_ASSERT(back->find(entry.name)->native == entry.native);
    }
  }
  return 0;
}
