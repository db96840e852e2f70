// SPDX-License-Identifier: Apache-2.0
#include "text/json_members.h"

#include <algorithm>

#include "text/json_token.h"

namespace rtt::text {
namespace {

constexpr std::size_t kKeyBytesShown = 80;

}  // namespace

std::expected<JsonObject, RepeatedKey> build_object(std::vector<JsonMember> members) {
  const auto less = [](const JsonMember& a, const JsonMember& b) {
    const int order = a.key.compare(b.key);
    return order != 0 ? order < 0 : a.at < b.at;
  };
  if (!std::is_sorted(members.begin(), members.end(), less)) std::sort(members.begin(), members.end(), less);
  const JsonMember* again = nullptr;
  const JsonMember* first = nullptr;
  for (std::size_t i = 1; i < members.size(); ++i) {
    if (members[i].key != members[i - 1].key) continue;
    if (again != nullptr && again->at < members[i].at) continue;
    again = &members[i];
    first = &members[i - 1];
  }
  if (again != nullptr) {
    return std::unexpected(RepeatedKey{.key = again->key, .first_at = first->at, .again_at = again->at});
  }
  JsonObject object;
  for (JsonMember& member : members) object.set(std::move(member.key), std::move(member.value));
  return object;
}

Error repeated_key_error(std::string_view text, const RepeatedKey& repeated) {
  return {.code = Code::kJsonDuplicateKey,
          .message = "the key " + quoted_key(repeated.key) + " stands twice in one object, first at " +
                     to_string(position_of(text, repeated.first_at)),
          .where = to_string(position_of(text, repeated.again_at)),
          .hint = "keep one of the two"};
}

std::string quoted_key(std::string_view key) {
  std::string out;
  if (key.size() <= kKeyBytesShown) {
    append_json_string(out, key);
    return out;
  }
  std::size_t end = kKeyBytesShown;  // not in the middle of a character
  while (end > 0 && (static_cast<unsigned char>(key[end]) & 0xC0) == 0x80) --end;
  append_json_string(out, key.substr(0, end));
  return out + "…";
}

Position position_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 = 0
  return {.line = static_cast<std::uint32_t>(lines + 1),
          .column = static_cast<std::uint32_t>(before.size() - line_start + 1)};
}

std::string to_string(Position position) {
  return std::to_string(position.line) + ':' + std::to_string(position.column);
}

}  // namespace rtt::text
