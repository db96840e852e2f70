// SPDX-License-Identifier: Apache-2.0
#include "mcp/surroundings.h"

#include <algorithm>
#include <map>

#include "os/file.h"
#include "os/process.h"
#include "text/utf8.h"

namespace rtt::mcp {
namespace {

using text::Json;

bool is_text(std::string_view bytes) { return text::find_invalid_utf8(bytes) == std::string_view::npos; }

std::size_t json_bytes(const std::string& text) { return text::to_json(Json(text)).size(); }

std::string quoted(const std::string& name) { return "the variable " + text::to_json(Json(name)); }

bool is_variable_name(const std::string& name) {
  return !name.empty() && name.find('=') == std::string::npos && !name.contains('\0');
}

}  // namespace

KeptSurroundings keep_surroundings(Surroundings all) {
  KeptSurroundings out;
  std::size_t room = kSurroundingsBytesMax;
  std::map<std::string, std::string> variables;  // the last of one name counts
  for (auto& [name, value] : all.environment) variables.insert_or_assign(name, std::move(value));
  Surroundings kept;
  if (is_text(all.directory)) {
    room -= std::min(room, json_bytes(all.directory));
    kept.directory = std::move(all.directory);
  } else {
    out.left_out.emplace_back("the working folder, whose name is no UTF-8");
  }
  std::vector<std::pair<std::size_t, std::string>> by_size;
  std::size_t unnamed = 0;
  for (const auto& [name, value] : variables) {
    if (!is_text(name) || !is_variable_name(name)) {
      ++unnamed;
    } else if (!is_text(value)) {
      out.left_out.push_back(quoted(name) + ", which is no UTF-8");
    } else {
      by_size.emplace_back(json_bytes(name) + json_bytes(value) + 2, name);  // and a colon and a comma
    }
  }
  if (unnamed > 0) {
    out.left_out.push_back(std::to_string(unnamed) + (unnamed == 1 ? " variable whose name is no UTF-8"
                                                                   : " variables whose names are no UTF-8"));
  }
  std::ranges::sort(by_size);
  for (auto& [bytes, name] : by_size) {
    if (bytes > room) {
      out.left_out.push_back(quoted(name) + ": together they are larger than " +
                             std::to_string(kSurroundingsBytesMax >> 10U) + " KiB");
      continue;
    }
    room -= bytes;
    kept.environment.emplace_back(name, std::move(variables[name]));
  }
  std::ranges::sort(kept.environment);
  out.surroundings = std::make_shared<const Surroundings>(std::move(kept));
  return out;
}

KeptSurroundings own_surroundings() {
  // A folder that is gone is no folder to start a server in.
  return keep_surroundings(
      {.environment = os::own_environment(), .directory = os::current_directory().value_or(std::string())});
}

void write_surroundings(const Surroundings& surroundings, Json& hello) {
  text::JsonObject variables;
  for (const auto& [name, value] : surroundings.environment) variables.set(name, value);
  hello.set("env", std::move(variables));
  if (!surroundings.directory.empty()) hello.set("cwd", surroundings.directory);
}

Result<std::shared_ptr<const Surroundings>> read_surroundings(const Json& hello) {
  const Json* const variables = hello.find("env");
  if (variables == nullptr) return nullptr;
  if (!variables->is_object()) return fail(Code::kPanelProtocol, "env is no object");
  Surroundings out;
  out.environment.reserve(variables->as_object().size());
  for (const auto& [name, value] : variables->as_object()) {
    if (!is_variable_name(name) || !value.is_string() || value.as_string().contains('\0'))
      return fail(Code::kPanelProtocol, "env holds what is no variable of an environment");
    out.environment.emplace_back(name, value.as_string());
  }
  out.directory = hello.string_or("cwd");
  const bool is_place = out.directory.empty() || out.directory.starts_with('/');
  if (!is_place || out.directory.contains('\0')) return fail(Code::kPanelProtocol, "cwd is no folder");
  return std::make_shared<const Surroundings>(std::move(out));
}

}  // namespace rtt::mcp
