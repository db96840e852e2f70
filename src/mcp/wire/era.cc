// SPDX-License-Identifier: Apache-2.0
#include "mcp/wire/era.h"

#include <algorithm>
#include <array>

namespace rtt::mcp {
namespace {

// RFC 5424, as the protocol lists them.
constexpr std::array<std::string_view, 8> kLogLevels{"debug", "info",     "notice", "warning",
                                                     "error", "critical", "alert",  "emergency"};

bool is_object(std::optional<std::string_view> raw) { return raw && raw->starts_with('{'); }

bool is_task_method(std::string_view method) { return method.starts_with("tasks/"); }

std::string tasks_refusal(std::string_view method) {
  return error_object(
      RpcCode::kMethodNotFound,
      "Method not found: " + std::string(method) +
          " (tasks do not cross between protocol 2025-11-25 and 2026-07-28: the server behind "
          "RTT speaks the other one)");
}

// The code of a raw error object put in the place of its own.
std::string with_code(std::string_view error, RpcCode code) {
  const auto own = member(error, "code");
  return own ? spliced(error, *own, std::to_string(static_cast<std::int32_t>(code))) : std::string(error);
}

}  // namespace

int log_rank(std::string_view level) {
  const auto* const at = std::ranges::find(kLogLevels, level);
  return at == kLogLevels.end() ? -1 : static_cast<int>(at - kLogLevels.begin());
}

bool names_version(std::string_view params) {
  if (params.find("protocolVersion") == std::string_view::npos) return false;
  const auto meta = member(params, "_meta");
  return meta && member(*meta, meta_key::kVersion).has_value();
}

std::string unsupported_version(std::string_view requested) {
  std::string supported;
  for (const std::string_view one : kModernProtocols) {
    supported += (supported.empty() ? "" : ",") + json_quoted(one);
  }
  return error_object(RpcCode::kUnsupportedVersion, "Unsupported protocol version",
                      R"({"supported":[)" + supported + R"(],"requested":)" + json_quoted(requested) + "}");
}

std::expected<RequestMeta, std::string> read_meta(std::string_view params) {
  const auto missing = [](std::string_view what) {
    return Refused(error_object(RpcCode::kInvalidParams, "Invalid params: " + std::string(what) +
                                                             " is missing from the request's _meta"));
  };
  const auto meta = member(params, "_meta");
  if (!is_object(meta)) return missing(meta_key::kVersion);
  RequestMeta out;
  std::optional<std::string_view> version, capabilities, level;
  for (const RawMember& one : members(*meta)) {
    if (one.key == meta_key::kVersion) version = one.value;
    if (one.key == meta_key::kCapabilities) capabilities = one.value;
    if (one.key == meta_key::kClientInfo && one.value.starts_with('{')) out.client_info = one.value;
    if (one.key == meta_key::kLogLevel) level = one.value;
  }
  const auto revision = version ? decode_string(*version) : std::nullopt;
  if (!revision) return missing(meta_key::kVersion);
  if (!speaks_modern(*revision)) return Refused(unsupported_version(*revision));
  if (!is_object(capabilities)) return missing(meta_key::kCapabilities);
  out.version = *version;
  out.capabilities = *capabilities;
  if (level) {
    out.log_level = decode_string(*level).value_or("");
    if (log_rank(out.log_level) < 0) {
      return Refused(
          error_object(RpcCode::kInvalidParams, "Invalid params: the log level is none of RFC 5424's"));
    }
  }
  return out;
}

std::string edited(std::string_view object, std::initializer_list<std::string_view> keys,
                   std::string_view added) {
  std::string out = "{";
  const auto put = [&out](std::string_view text) {
    if (text.empty()) return;
    if (out.size() > 1) out.push_back(',');
    out.append(text);
  };
  for (const RawMember& one : members(object)) {
    if (std::ranges::find(keys, one.key) != keys.end()) continue;
    put(json_quoted(one.key));
    out.append(":").append(one.value);
  }
  put(added);
  out.push_back('}');
  return out;
}

std::string edited_meta(std::string_view params, std::initializer_list<std::string_view> keys,
                        std::string_view added) {
  if (params.empty()) params = "{}";
  const auto meta = member(params, "_meta");
  const std::string changed = edited(is_object(meta) ? *meta : "{}", keys, added);
  if (meta && changed != "{}") return spliced(params, *meta, changed);
  if (changed == "{}") return meta ? edited(params, {"_meta"}) : std::string(params);
  return edited(params, {}, R"("_meta":)" + changed);
}

std::expected<std::string, std::string> modern_params(std::string_view method, std::string_view params,
                                                      const ModernSpeaker& speaker) {
  if (is_task_method(method)) return Refused(tasks_refusal(method));
  if (!params.empty() && member(params, "task")) {
    return Refused(error_object(RpcCode::kInvalidParams,
                                "Invalid params: `task` is of protocol 2025-11-25 and the server behind RTT "
                                "speaks 2026-07-28: call without it"));
  }
  std::string said = json_quoted(meta_key::kVersion) + ":" + json_quoted(kModernNewest);
  said.append(",").append(json_quoted(meta_key::kCapabilities)).append(":").append(speaker.capabilities);
  said.append(",").append(json_quoted(meta_key::kClientInfo)).append(R"(:{"name":)");
  said.append(json_quoted(kImplementationName)).append(R"(,"version":)");
  said.append(json_quoted(kImplementationVersion)).append("}");
  if (!speaker.log_level.empty())
    said.append(",")
        .append(json_quoted(meta_key::kLogLevel))
        .append(":")
        .append(json_quoted(speaker.log_level));
  return edited_meta(
      params, {meta_key::kVersion, meta_key::kCapabilities, meta_key::kClientInfo, meta_key::kLogLevel},
      said);
}

std::expected<std::string, std::string> legacy_params(std::string_view method, std::string_view params) {
  if (is_task_method(method)) return Refused(tasks_refusal(method));
  if (member(params, "requestState") || member(params, "inputResponses")) {
    return Refused(error_object(RpcCode::kInvalidParams,
                                "Invalid params: nothing is known of this requestState (it was used, has "
                                "expired, or is another call's): call again without it"));
  }
  return edited_meta(
      params, {meta_key::kVersion, meta_key::kCapabilities, meta_key::kClientInfo, meta_key::kLogLevel});
}

std::optional<std::string_view> progress_token(std::string_view params) {
  if (params.find("progressToken") == std::string_view::npos) return std::nullopt;
  const auto meta = member(params, "_meta");
  return meta ? member(*meta, "progressToken") : std::nullopt;
}

std::string result_type(std::string_view result) {
  if (result.find("resultType") == std::string_view::npos) return "complete";
  const auto raw = member(result, "resultType");
  return (raw ? decode_string(*raw) : std::nullopt).value_or("complete");
}

std::string modern_result(std::string_view method, std::string_view result) {
  if (!result.starts_with('{')) return std::string(result);
  std::string dress = R"("resultType":"complete")";
  const bool cacheable = method == "resources/read" || method.ends_with("/list");
  if (cacheable) dress += R"(,"ttlMs":0,"cacheScope":"private")";
  if (result.find("resultType") != std::string_view::npos || (cacheable && member(result, "ttlMs")))
    return edited(result, {"resultType", "ttlMs", "cacheScope"}, dress);
  const std::size_t rest = result.find_first_not_of(" \t", 1);
  return "{" + dress + (result[rest] == '}' ? "" : ",") + std::string(result.substr(1));
}

std::string legacy_result(std::string_view result) {
  if (result.find("resultType") == std::string_view::npos) return std::string(result);
  return edited(result, {"resultType", "ttlMs", "cacheScope"});
}

std::string modern_error(std::string_view error) {
  const auto code = member(error, "code");
  if (code == std::string_view("-32002")) return with_code(error, RpcCode::kInvalidParams);
  if (code == std::string_view("-32042")) return with_code(error, RpcCode::kInternal);
  return std::string(error);
}

std::string legacy_error(std::string_view method, std::string_view error) {
  if (method != "resources/read" || member(error, "code") != std::string_view("-32602"))
    return std::string(error);
  // With the URI it means that the resource is not there; without, that the request was wrong.
  const auto data = member(error, "data");
  return data && member(*data, "uri") ? with_code(error, RpcCode::kResourceNotFound) : std::string(error);
}

}  // namespace rtt::mcp
