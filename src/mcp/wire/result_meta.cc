// SPDX-License-Identifier: Apache-2.0
#include "mcp/wire/result_meta.h"

#include "mcp/wire/jsonrpc.h"

namespace rtt::mcp {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

// Where in the object a member can be put in front of the others; whether there are any.
struct Front {
  std::size_t at = 0;
  bool others = false;
};
Front front_of(std::string_view object) {
  const std::size_t first = object.find_first_not_of(kBlank, 1);
  return {.at = 1, .others = first != std::string_view::npos && object[first] != '}'};
}

}  // namespace

std::string with_meta(std::string_view result, std::string_view member_text) {
  std::string out;
  if (!result.starts_with('{')) return std::string(result);
  const bool may_have = result.find("_meta\"") != std::string_view::npos;
  const auto meta = may_have ? member(result, "_meta") : std::nullopt;
  if (meta && !meta->starts_with('{')) return std::string(result);
  const std::string_view object = meta ? *meta : result;
  const Front front = front_of(object);
  const std::size_t at = static_cast<std::size_t>(object.data() - result.data()) + front.at;
  out.reserve(result.size() + member_text.size() + 16);
  out.append(result, 0, at);
  if (!meta) out += R"("_meta":{)";
  out += member_text;
  if (!meta) out += '}';
  if (front.others) out += ',';
  out.append(result, at);
  return out;
}

}  // namespace rtt::mcp
