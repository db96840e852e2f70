// SPDX-License-Identifier: Apache-2.0
// Whatever reads as JSON with comments can be edited: the edit reads again, changes the member named and
// nothing else, and taking the member out again gives the values of before.
#include "base/assert.h"
#include "base/bytes.h"
#include "text/jsonc.h"

int fuzz_one(std::span<const std::byte> input);

int fuzz_one(std::span<const std::byte> input) {
  using namespace rtt::text;
  const auto before = JsoncText::read(std::string(rtt::as_text(input)), {.source_name = "fuzz"});
  if (!before) {
    RTT_ASSERT(before.error().where.starts_with("fuzz"));
    return 0;
  }
  for (const auto& [span, said] : before->strings()) RTT_ASSERT(span.of(before->text()).starts_with('"'));
  const KeyPath path = {"servers", "new"};
  const auto made = before->with(path, "{}");
  if (!made) return 0;  // `servers` is no object, or is there twice
  const auto after = JsoncText::read(*made, {.source_name = "fuzz"});
  RTT_ASSERT(after.has_value());
  const auto present = before->find(path), found = after->find(path);
  RTT_ASSERT(found && *found && (**found).of(*made) == "{}");
  const auto back = after->without(path);
  RTT_ASSERT(back.has_value());
  const auto again = JsoncText::read(*back, {.source_name = "fuzz"});
  RTT_ASSERT(again && again->find(path) && !*again->find(path));
  const auto was = before->value(*before->find({}).value());
  if (!was) return 0;  // JSON in form, but not a value RTT reads
  auto is = again->value(*again->find({}).value());
  RTT_ASSERT(is.has_value());
  Json wanted = *was;
  if (*present) wanted.as_object().find("servers")->as_object().erase("new");
  if (wanted.find("servers") == nullptr) wanted.set("servers", Json(JsonObject{}));
  RTT_ASSERT(*is == wanted);
  return 0;
}
