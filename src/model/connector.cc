// SPDX-License-Identifier: Apache-2.0
#include "model/connector.h"

#include <algorithm>

#include "model/document.h"
#include "model/limits.h"
#include "model/saddr.h"

namespace rtt::model {
namespace {

using text::Json;

constexpr auto kKeys = std::to_array<Key>({{"name", Shape::kText, Need::kRequired},
                                           {"exec", Shape::kArray, Need::kRequired},
                                           {"wire", Shape::kText, Need::kRequired},
                                           {"types", Shape::kArray},
                                           {"env", Shape::kObject},
                                           {"params", Shape::kObject}});
constexpr std::array<std::string_view, 3> kWires{"native", "json", "line"};
constexpr std::string_view kFolder = ".rtt/drivers/";

std::string_view folder_in(std::string_view file) {
  if (!file.starts_with(kFolder)) return {};
  file.remove_prefix(kFolder.size());
  return file.substr(0, file.find('/'));
}

void read_name(Document& document, const Json& object, Connector& out) {
  const Json* name = member(object, "name", Shape::kString);
  if (name == nullptr || name->as_string().empty()) return;
  out.name = name->as_string();
  if (!is_connector_name(out.name)) {
    document.error("/name",
                   {.message = "a connector's name is lower-case letters, digits, '.', '_' and '-'"});
  } else if (is_built_in_driver(out.name)) {
    document.error("/name",
                   {.message = "'" + out.name + "' is a built-in driver", .hint = "choose another name"});
  } else if (const auto folder = folder_in(document.file()); !folder.empty() && folder != out.name) {
    document.error("/name", {.message = "the name differs from its folder '" + std::string(folder) + "'"});
  }
}

void read_exec(Document& document, const Json& object, Connector& out) {
  const Json* exec = member(object, "exec", Shape::kArray);
  if (exec == nullptr) return;
  const auto& words = exec->as_array();
  if (words.empty() || words.size() > kConnectorExecMax) {
    document.error("/exec", {.message = "exec is the program and its arguments, 1 to 256 words"});
  }
  for (std::size_t at = 0; at < words.size() && at < kConnectorExecMax; ++at) {
    const std::string pointer = child("/exec", at);
    if (!document.check_shape(words[at], pointer, at == 0 ? Shape::kText : Shape::kString)) continue;
    if (words[at].as_string().find('\0') != std::string::npos) {
      document.error(pointer, {.message = "a word holds a NUL byte"});
    }
    out.exec.push_back(words[at].as_string());
  }
}

void read_types(Document& document, const Json& object, Connector& out) {
  const Json* types = member(object, "types", Shape::kArray);
  if (types == nullptr) return;
  for (std::size_t at = 0; at < types->as_array().size(); ++at) {
    const Json& type = types->as_array()[at];
    const std::string pointer = child("/types", at);
    if (!document.check_shape(type, pointer, Shape::kText)) continue;
    if (!parse_symbol_type(type.as_string())) {
      document.error(pointer, {.message = "'" + type.as_string().substr(0, 64) + "' is no symbol type"});
    }
    out.types.push_back(type.as_string());
  }
}

void read_env(Document& document, const Json& object, Connector& out) {
  const Json* env = member(object, "env", Shape::kObject);
  if (env == nullptr) return;
  for (const auto& [key, value] : env->as_object()) {
    const std::string pointer = child("/env", key);
    if (key.empty() || key.find('=') != std::string::npos || key.find('\0') != std::string::npos) {
      document.error(pointer, {.message = "no name of an environment variable", .part = text::Part::kKey});
    }
    if (!document.check_shape(value, pointer, Shape::kString)) continue;
    if (value.as_string().find('\0') != std::string::npos) {
      document.error(pointer, {.message = "a value holds a NUL byte"});
    }
    out.env.emplace_back(key, value.as_string());
  }
}

}  // namespace

bool is_built_in_driver(std::string_view use) {
  return std::ranges::find(kBuiltInDrivers, use) != kBuiltInDrivers.end();
}

bool is_connector_name(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (name.empty() || name.size() > limits::kNameBytesMax || !plain(name.front())) return false;
  return std::ranges::all_of(name, [&](char c) { return plain(c) || c == '.' || c == '_' || c == '-'; });
}

std::string_view to_string(DriverWire wire) { return kWires[static_cast<std::size_t>(wire)]; }

std::string connector_path(std::string_view name) {
  return std::string(kFolder) + std::string(name) + "/driver.json";
}

Connector read_connector(std::string_view text, std::string_view file) {
  Connector out;
  auto json = text::parse_json(text, {.source_name = file, .bytes_max = limits::kConfigBytesMax});
  if (!json) {
    out.problems.push_back(problem_from(json.error(), file));
    return out;
  }
  Document document({.text = text, .file = file});
  if (document.check(*json, "", kKeys)) {
    read_name(document, *json, out);
    read_exec(document, *json, out);
    if (const Json* wire = json->find("wire")) {
      if (const auto known = read_enum<DriverWire>(document, "/wire", *wire, kWires)) out.wire = *known;
    }
    read_types(document, *json, out);
    read_env(document, *json, out);
    if (const Json* params = member(*json, "params", Shape::kObject)) out.params = *params;
  }
  out.problems = document.take_problems();
  return out;
}

}  // namespace rtt::model
