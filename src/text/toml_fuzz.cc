// SPDX-License-Identifier: Apache-2.0
// Whatever reads as TOML is walked without leaving the text, and each statement's place says what it holds.
#include "base/assert.h"
#include "base/bytes.h"
#include "text/toml.h"

int fuzz_one(std::span<const std::byte> input);

int fuzz_one(std::span<const std::byte> input) {
  using namespace rtt::text;
  const auto toml = TomlText::read(std::string(rtt::as_text(input)), {.source_name = "fuzz"});
  if (!toml) {
    RTT_ASSERT(toml.error().where.starts_with("fuzz"));
    return 0;
  }
  std::size_t end = 0;
  for (const TomlText::Statement& statement : toml->statements()) {
    RTT_ASSERT(statement.lines.begin >= end && statement.lines.end > statement.lines.begin);
    end = statement.lines.end;
    RTT_ASSERT(end <= toml->text().size());
    if (statement.kind != TomlText::Kind::kValue) continue;
    const std::string alone = "v = " + std::string(statement.value.of(toml->text()));
    const auto read = parse_toml(alone);
    RTT_ASSERT(read.has_value());
    const Json* at = &toml->json();
    for (const std::string& part : statement.path) {
      if (at == nullptr) break;
      at = at->is_array() && part.starts_with('[')
               ? &at->as_array().at(static_cast<std::size_t>(std::stoi(part.substr(1))))
               : at->find(part);
    }
    RTT_ASSERT(at != nullptr && *at == *read->find("v"));
    std::ignore = toml->inline_members(statement.value);
    std::ignore = toml->items(statement.value);
  }
  std::ignore = toml->strings();
  return 0;
}
