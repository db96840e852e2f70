// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "text/json.h"
#include "text/json_members.h"
#include "text/json_pointer.h"
#include "text/json_reader.h"

namespace rtt::text {
Result<Json> parse_json(std::string_view text, ParseOptions options) {
  const std::string name(options.source_name);
  if (text.size() > options.bytes_max) {
    return fail(Code::kTooLarge,
                "the text has " + std::to_string(text.size()) + " bytes, at most " +
                    std::to_string(options.bytes_max) + " are read",
                name);
  }
  JsonReader reader(text);
  std::optional<Json> value = reader.document();
  if (value) return *std::move(value);
  Error error = reader.error();
  if (!name.empty()) error.where = name + ':' + error.where;
  return std::unexpected(std::move(error));
}

std::optional<Position> locate(std::string_view text, std::string_view pointer, Part part) {
  const std::optional<std::size_t> offset = JsonReader(text).find(pointer, part);
  if (!offset) return std::nullopt;
  return position_of(text, *offset);
}

// Each step moves at_ to the start of the value its token names.
std::optional<std::size_t> JsonReader::find(std::string_view pointer, Part part) {
  skip_space();
  std::size_t found = at_;
  while (!pointer.empty()) {
    if (pointer.front() != '/') return std::nullopt;
    const std::size_t end = std::min(pointer.find('/', 1), pointer.size());
    const std::optional<std::string> token = unescape_pointer(pointer.substr(1, end - 1));
    pointer.remove_prefix(end);
    if (!token || !enter()) return std::nullopt;
    if (peek() == '{') {
      const std::optional<std::size_t> key_at = find_member(*token);
      if (!key_at) return std::nullopt;
      found = part == Part::kKey ? *key_at : at_;
    } else if (peek() == '[' && find_item(*token)) {
      found = at_;
    } else {
      return std::nullopt;
    }
  }
  if (at_end()) return std::nullopt;
  return found;
}

// REQUIRES: at_ on `{`. Returns the key's offset and leaves at_ on its value.
std::optional<std::size_t> JsonReader::find_member(std::string_view wanted) {
  ++at_;
  skip_space();
  while (!at_end() && peek() != '}') {
    const std::size_t key_at = at_;
    const std::optional<std::string> name = key();
    if (!name) return std::nullopt;
    if (*name == wanted) return key_at;
    if (!value() || !after_item('}')) return std::nullopt;
  }
  return std::nullopt;
}

// REQUIRES: at_ on `[`. Leaves at_ on the item.
bool JsonReader::find_item(std::string_view wanted) {
  std::optional<std::size_t> index = pointer_index(wanted);
  if (!index) return false;
  ++at_;
  skip_space();
  while (!at_end() && peek() != ']') {
    if ((*index)-- == 0) return true;
    if (!value() || !after_item(']')) return false;
  }
  return false;
}

}  // namespace rtt::text
