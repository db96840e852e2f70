// SPDX-License-Identifier: Apache-2.0
// Goal: what classify() lets through is JSON to the last byte, its views lie inside the line, and a server's
// reply put into an envelope for a client stays one message.
#include <cstddef>
#include <span>

#include "base/assert.h"
#include "base/bytes.h"
#include "mcp/backends/backend_session.h"
#include "mcp/wire/jsonrpc.h"
#include "mcp/wire/line_stream.h"
#include "text/json.h"

using namespace rtt::mcp;  // NOLINT: a fuzz target is one function

int fuzz_one(std::span<const std::byte> input_bytes);
int fuzz_one(std::span<const std::byte> input_bytes) {
  const std::string_view line = rtt::as_text(input_bytes);
  const Message message = classify(line);
  RTT_ASSERT((message.fault == Fault::kSyntax) == !is_json(line));
  if (message.kind == MessageKind::kResult) {
    RTT_ASSERT(is_json(message.payload) && is_json(message.id));
    const std::string copy = result_line(message.id, message.payload);
    RTT_ASSERT(classify(copy).payload == message.payload);
  }
  if (message.kind == MessageKind::kRequest) {
    RTT_ASSERT(message.params.empty() || is_json(message.params));
    (void)member(message.params, "name");
  }
  if (rtt::text::parse_json(line)) RTT_ASSERT(is_json(line));
  (void)id_from_ends(line, line);

  BackendSession session("fuzz");
  (void)session.start(Opening::kDiscover, {0});
  (void)session.on_line(
      R"({"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}}}})",
      {1});
  (void)session.on_line(line, {2});
  (void)session.on_closed({});
  return 0;
}
