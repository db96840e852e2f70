// SPDX-License-Identifier: Apache-2.0
#include "mcp/wire/result_meta.h"

#include <algorithm>
#include <vector>

#include "mcp/wire/jsonrpc.h"

namespace rtt::mcp {
namespace {

constexpr std::string_view kMeta = "_meta";

// `object` with the raw member `first` in front, which may be empty.
std::string with_front(std::string_view object, std::string_view first) {
  std::string out;
  out.reserve(object.size() + first.size() + 2);
  out += '{';
  out += first;
  const std::size_t next = object.find_first_not_of(" \t\r\n", 1);
  if (!first.empty() && next != std::string_view::npos && object[next] != '}') out += ',';
  return out.append(object, 1);
}

std::string written(const std::vector<RawMember>& members) {
  std::string out = "{";
  for (const RawMember& one : members) {
    if (out.size() > 1) out += ',';
    out.append(json_quoted(one.key)).append(":").append(one.value);
  }
  return out + '}';
}

}  // namespace

std::string with_meta(std::string_view result, std::string_view key, std::string_view value) {
  if (!result.starts_with('{')) return std::string(result);
  std::string own;
  own.reserve(key.size() + value.size() + 16);
  if (!value.empty()) own.append("\"").append(key).append("\":").append(value);
  // Results are large and most have none: only an escape of an ASCII letter could spell it otherwise.
  const bool may_have =
      result.find("_meta\"") != std::string_view::npos || result.find("\\u00") != std::string_view::npos;
  std::vector<RawMember> all = may_have ? members(result) : std::vector<RawMember>();
  std::string_view meta;  // the last one's
  for (const RawMember& one : all) meta = one.key == kMeta ? one.value : meta;
  if (meta.empty()) return own.empty() ? std::string(result) : with_front(result, "\"_meta\":{" + own + "}");
  std::string kept(meta);
  if (meta.starts_with('{')) {
    std::vector<RawMember> inside = members(meta);
    const std::size_t dropped = std::erase_if(inside, [key](const RawMember& one) { return one.key == key; });
    kept = with_front(dropped > 0 ? written(inside) : kept, own);
  }
  if (std::ranges::count(all, kMeta, &RawMember::key) == 1) return spliced(result, meta, kept);
  std::erase_if(all,
                [&](const RawMember& one) { return one.key == kMeta && one.value.data() != meta.data(); });
  std::ranges::find(all, kMeta, &RawMember::key)->value = kept;
  return written(all);
}

}  // namespace rtt::mcp
