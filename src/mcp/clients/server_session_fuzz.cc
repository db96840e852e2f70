// SPDX-License-Identifier: Apache-2.0
// Goal: no bytes an AI client sends break the session, and every answer is one valid JSON-RPC line.
#include <cstddef>
#include <span>

#include "base/assert.h"
#include "base/bytes.h"
#include "mcp/clients/server_session.h"

using namespace rtt::mcp;  // NOLINT: a fuzz target is one function

int fuzz_one(std::span<const std::byte> input_bytes);
int fuzz_one(std::span<const std::byte> input_bytes) {
  ServerSession session("a key of this test");
  const auto check = [](std::string_view line) {
    RTT_ASSERT(line.empty() || (line.ends_with('\n') && line.find('\n') == line.size() - 1));
    RTT_ASSERT(line.empty() || is_json(line.substr(0, line.size() - 1)));
  };
  std::string_view input = rtt::as_text(input_bytes);
  while (!input.empty()) {
    const std::size_t end = std::min(input.find('\n'), input.size());
    std::vector<ClientAction> actions = session.on_line(input.substr(0, end));
    input.remove_prefix(std::min(input.size(), end + 1));
    for (std::size_t i = 0; i < actions.size(); ++i) {
      if (const auto* send = std::get_if<emit::Send>(&actions[i])) check(send->line);
      if (std::holds_alternative<emit::Identify>(actions[i])) {
        for (auto& more :
             session.identified(std::make_shared<const Catalog>(build_catalog({.trouble = "t"})))) {
          actions.push_back(std::move(more));
        }
      }
      if (const auto* forward = std::get_if<emit::Forward>(&actions[i])) {
        RTT_ASSERT(is_json(forward->params));
        check(session.on_reply(forward->key, act::Reply::Kind::kResult, "{}"));
      }
    }
  }
  return 0;
}
