// SPDX-License-Identifier: Apache-2.0
#include "mcp/pins/server_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "mcp/wire/jsonrpc.h"

namespace rtt::mcp {
namespace {

using model::SymbolType;
using text::Json;

Json portable_value(const Json& value, const PathBases& bases) {
  if (value.is_string()) return portable_text(value.as_string(), bases);
  if (value.is_array()) {
    Json out{text::JsonArray{}};
    for (const Json& item : value.as_array()) out.push(portable_value(item, bases));
    return out;
  }
  if (value.is_object()) {
    Json out = Json::object({});
    for (const auto& [key, item] : value.as_object()) {
      out.set(key, key == "secret" || key == "env" ? item : portable_value(item, bases));
    }
    return out;
  }
  return value;
}

bool is_text_value(const Json& value) {
  return value.is_string() ||
         (value.is_object() && (value.find("secret") || value.find("concat") || value.find("env")));
}

Status check_sandbox(const Json& sandbox, std::string_view where) {
  const auto wrong = [&](std::string_view what) {
    return fail(Code::kBadShape, fmt::format("`sandbox`{}", what), std::string(where),
                "rtt mcp sandbox --help");
  };
  if (!sandbox.is_object()) return wrong(" is no object");
  for (const auto& [key, value] : sandbox.as_object()) {
    if (key == "network") {
      if (value != Json("none")) return wrong(".network is not \"none\"");
    } else if (key == "read" || key == "write") {
      const bool list = value.is_array() && std::ranges::all_of(value.as_array(), [](const Json& path) {
                          return path.is_string() && !path.as_string().empty();
                        });
      if (!list) return wrong(fmt::format(".{} is no array of paths", key));
    } else {
      return wrong(fmt::format(" has the unknown member '{}'", clean_text(key.substr(0, 40))));
    }
  }
  return {};
}

}  // namespace

std::string_view to_string(Instances instances) {
  switch (instances) {
    case Instances::kSession:
      return "session";
    case Instances::kWorkspace:
      return "workspace";
    case Instances::kShared:
      break;
  }
  return "shared";
}

std::string_view to_string(Drift drift) { return drift == Drift::kHold ? "hold" : "refuse"; }

std::string portable_text(std::string_view text, const PathBases& bases) {
  std::string out;
  const auto starts_path = [&](std::size_t at, std::string_view base) {
    if (base.empty() || base == "/" || text.substr(at, base.size()) != base) return false;
    const char before = at == 0 ? '=' : text[at - 1];
    const bool begins = std::string_view("=:,; \"'").find(before) != std::string_view::npos ||
                        text.substr(0, at).ends_with("://");
    const std::size_t end = at + base.size();
    const bool ends =
        end == text.size() || std::string_view("/:,; \"'").find(text[end]) != std::string_view::npos;
    return begins && ends;
  };
  for (std::size_t i = 0; i < text.size();) {
    if (starts_path(i, bases.workspace)) {
      out += "${workspace}";
      i += bases.workspace.size();
    } else if (starts_path(i, bases.home)) {
      out += "${home}";
      i += bases.home.size();
    } else {
      out.push_back(text[i++]);
    }
  }
  return out;
}

std::string native_text(const Json& value, const PathBases& bases,
                        const std::function<std::string(std::string_view name)>& variable) {
  std::string out;
  if (value.is_string()) {
    out = value.as_string();
    for (const auto& [mark, folder] : {std::pair<std::string, std::string>{"${workspace}", bases.workspace},
                                       std::pair<std::string, std::string>{"${home}", bases.home}}) {
      for (std::size_t at = out.find(mark); at != std::string::npos; at = out.find(mark, at + folder.size()))
        out.replace(at, mark.size(), folder);
    }
    return out;
  }
  if (const std::string_view secret = value.string_or("secret"); !secret.empty())
    return variable(secret.substr(secret.rfind('.') + 1));
  if (const std::string_view env = value.string_or("env"); !env.empty()) return variable(env);
  if (const Json* parts = value.find("concat"); parts != nullptr && parts->is_array()) {
    for (const Json& part : parts->as_array()) out += native_text(part, bases, variable);
  }
  return out;
}

namespace {

Result<ServerConfig> http_config(std::string_view name, const Json& entry, const PathBases& bases) {
  const auto wrong = [&](std::string_view what) {
    return fail(Code::kBadShape, fmt::format("server '{}': {}", name, what));
  };
  ServerConfig config{.name = std::string(name), .transport = "http"};
  const Json* const url = entry.find("url");
  if (!url || !is_text_value(*url)) return wrong("'url' must be a string");
  config.url = *url;
  config.headers = Json::object({});
  if (const Json* headers = entry.find("headers"); headers && !headers->is_null()) {
    if (!headers->is_object()) return wrong("'headers' must be an object of strings");
    for (const auto& [key, value] : headers->as_object()) {
      if (!is_text_value(value)) return wrong("'headers' must be an object of strings");
      config.headers.set(key, value);
    }
  }
  config.ca_file = portable_text(entry.string_or("ca_file"), bases);
  config.plain_http = entry.bool_or("plain_http", false);
  return config;
}

}  // namespace

Result<ServerConfig> config_from_entry(std::string_view name, const Json& entry, const PathBases& bases) {
  const auto wrong = [&](std::string_view what) {
    return fail(Code::kBadShape, fmt::format("server '{}': {}", name, what));
  };
  if (!entry.is_object()) return wrong("its entry is no object");
  if (entry.find("url") && !entry.find("command")) return http_config(name, entry, bases);
  ServerConfig config{.name = std::string(name)};
  const Json* const command = entry.find("command");
  if (!command || !command->is_string() || command->as_string().empty())
    return wrong("'command' must be a string");
  config.command = portable_value(*command, bases);
  config.args = Json(text::JsonArray{});
  if (const Json* args = entry.find("args")) {
    if (!args->is_array()) return wrong("'args' must be an array of strings");
    for (const Json& arg : args->as_array()) {
      if (!is_text_value(arg)) return wrong("'args' must be an array of strings");
    }
    config.args = portable_value(*args, bases);
  }
  config.env = Json::object({});
  if (const Json* env = entry.find("env"); env && !env->is_null()) {
    if (!env->is_object()) return wrong("'env' must be an object of strings");
    for (const auto& [key, value] : env->as_object()) {
      if (key.empty() || key.find_first_of(std::string_view("=\0", 2)) != std::string::npos) {
        return wrong("'env' has a name no environment can hold");
      }
      if (!is_text_value(value)) return wrong("'env' must be an object of strings");
      config.env.set(key, portable_value(value, bases));
    }
  }
  config.directory = portable_text(entry.string_or("cwd"), bases);
  return config;
}

Result<ServerConfig> config_from_connector(const model::Contract& connector) {
  const std::string where = to_string(connector.saddr);
  if (!connector.driver || connector.driver->use != "mcp" || connector.saddr.type != SymbolType::kConnector) {
    return fail(Code::kBadShape, "not an MCP connector", where);
  }
  const Json& params = connector.driver->params;
  ServerConfig config{.name = std::string(params.string_or("name", connector.saddr.ns)),
                      .transport = std::string(params.string_or("transport", "stdio"))};
  if (config.transport == "http") {
    const Json* const url = params.find("url");
    if (!url || !is_text_value(*url)) return fail(Code::kBadShape, "driver.params.url is no address", where);
    config.url = *url;
    const Json* const headers = params.find("headers");
    config.headers = headers && headers->is_object() ? *headers : Json::object({});
    config.ca_file = params.string_or("ca_file");
    config.plain_http = params.bool_or("plain_http", false);
  } else if (config.transport == "stdio") {
    const Json* const command = params.find("command");
    if (!command || !command->is_string())
      return fail(Code::kBadShape, "driver.params.command is no string", where);
    config.command = *command;
    const Json* const args = params.find("args");
    config.args = args && args->is_array() ? *args : Json(text::JsonArray{});
    const Json* const env = params.find("env");
    config.env = env && env->is_object() ? *env : Json::object({});
    config.directory = params.string_or("cwd");
  } else {
    return fail(Code::kBadShape,
                fmt::format("transport '{}' is not supported", clean_text(config.transport.substr(0, 40))),
                where, "it is stdio or http");
  }
  if (const Json* const sandbox = params.find("sandbox")) {
    RTT_TRY(check_sandbox(*sandbox, where));
    config.sandbox = *sandbox;
  }
  const std::string_view instances = params.string_or("instances", "session");
  if (instances != "session" && instances != "workspace" && instances != "shared") {
    return fail(Code::kBadShape, fmt::format("`instances` is '{}'", clean_text(instances.substr(0, 40))),
                where, "session: one for each AI client; workspace: one for all; shared: one a user");
  }
  config.instances = instances == "session"     ? Instances::kSession
                     : instances == "workspace" ? Instances::kWorkspace
                                                : Instances::kShared;
  const std::string_view drift = params.string_or("drift", "hold");
  if (drift != "hold" && drift != "refuse") {
    return fail(Code::kBadShape, fmt::format("`drift` is '{}'", clean_text(drift.substr(0, 40))), where,
                "hold: changed words are held; refuse: they are refused like any other change");
  }
  config.drift = drift == "hold" ? Drift::kHold : Drift::kRefuse;
  return config;
}

}  // namespace rtt::mcp
