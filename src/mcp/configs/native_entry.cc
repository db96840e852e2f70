// SPDX-License-Identifier: Apache-2.0
#include "mcp/configs/native_entry.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace rtt::mcp {
namespace {

using text::Json;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}
bool is_variable(std::string_view name) {
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') && std::ranges::all_of(name, is_word);
}
// `${NAME}` and nothing else.
std::optional<std::string_view> sole_variable(std::string_view text) {
  if (!text.starts_with("${") || !text.ends_with('}')) return std::nullopt;
  const std::string_view name = text.substr(2, text.size() - 3);
  return is_variable(name) && name != "workspace" && name != "home" ? std::optional(name) : std::nullopt;
}

class EntryWriter {
 public:
  EntryWriter(const Json& entry, const Dialect& dialect) : in_(entry), dialect_(dialect) {}

  Result<NativeEntry> run() {
    if (!in_.is_object()) return fail(Code::kBadShape, "the server is no object");
    out_.entry = text::JsonObject{};
    const std::string_view type = in_.string_or("type", in_.find("url") != nullptr ? "http" : "stdio");
    if (type == "stdio") {
      RTT_TRY(local());
    } else if (type == "http" || type == "sse") {
      RTT_TRY(remote(type == "sse"));
    } else {
      return fail(Code::kBadShape, "its `type` is none of stdio, http and sse");
    }
    constexpr std::string_view kLocal[] = {"type", "command", "args", "env", "cwd"};
    constexpr std::string_view kRemote[] = {"type", "url", "headers"};
    for (const auto& [key, value] : in_.as_object()) {
      const bool said = type == "stdio" ? std::ranges::find(kLocal, key) != std::end(kLocal)
                                        : std::ranges::find(kRemote, key) != std::end(kRemote);
      if (!said && key != "native")
        out_.lost.emplace_back("/" + text::escape_pointer(key), "no member of such a server");
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] bool is(ClientForm form) const { return dialect_.form == form; }
  void set(std::string_view key, Json value) { out_.entry.set(key, std::move(value)); }
  static std::unexpected<Error> refused(std::string_view member, std::string_view why) {
    return fail(Code::kBadShape, fmt::format("its `{}` {}", member, why));
  }
  void state(std::string_view type) {
    if (is(ClientForm::kOpenCode)) return set("type", type == "stdio" ? "local" : "remote");
    if (is(ClientForm::kVibeToml)) return set("transport", type);
    if (dialect_.type == Stated::kYes) set("type", type);
  }

  Status local() {
    state("stdio");
    const Json* command = in_.find("command");
    if (command == nullptr || !command->is_string() || command->as_string().empty())
      return refused("command", "is missing or no text");
    RTT_TRY_SET(std::string program, written("command", *command));
    const Json* args = in_.find("args");
    if (args != nullptr && !args->is_array()) return refused("args", "is no list");
    Json words = text::JsonArray{};
    if (is(ClientForm::kOpenCode)) words.push(program);
    if (args != nullptr) {
      for (std::size_t i = 0; i < args->as_array().size(); ++i) {
        RTT_TRY_SET(std::string word, written(fmt::format("args/{}", i), args->as_array()[i]));
        words.push(std::move(word));
      }
    }
    if (is(ClientForm::kOpenCode)) {
      set("command", std::move(words));
    } else {
      set("command", std::move(program));
      if (!words.as_array().empty()) set("args", std::move(words));
    }
    RTT_TRY(environment());
    const Json* cwd = in_.find("cwd");
    if (cwd == nullptr) return {};
    if (dialect_.cwd == Stated::kNo) {
      out_.lost.emplace_back("/cwd", "it starts servers in a folder of its own choice");
      return {};
    }
    RTT_TRY_SET(std::string folder, written("cwd", *cwd));
    set("cwd", std::move(folder));
    return {};
  }

  Status environment() {
    const Json* env = in_.find("env");
    if (env == nullptr) return {};
    if (!env->is_object()) return refused("env", "is no object");
    Json said = text::JsonObject{}, named = text::JsonArray{};
    for (const auto& [name, value] : env->as_object()) {
      if (dialect_.variables == Variables::kNamed && value.is_string() &&
          sole_variable(value.as_string()) == name) {
        named.push(name);
        continue;
      }
      RTT_TRY_SET(std::string text, written("env/" + name, value));
      said.set(name, std::move(text));
    }
    if (!said.as_object().empty()) set(is(ClientForm::kOpenCode) ? "environment" : "env", std::move(said));
    if (!named.as_array().empty()) set("env_vars", std::move(named));
    return {};
  }

  Status remote(bool sse) {
    if (sse && dialect_.sse == Sse::kNever) return refused("type", "is sse, which it does not speak");
    if (sse && dialect_.sse == Sse::kGuessed) out_.lost.emplace_back("/type", "it tells SSE by itself");
    state(sse ? "sse" : "http");
    const Json* url = in_.find("url");
    if (url == nullptr || !url->is_string() || url->as_string().empty())
      return refused("url", "is missing or no text");
    RTT_TRY_SET(std::string address, written("url", *url));
    set(sse && dialect_.sse == Sse::kUrl ? "url" : dialect_.url, std::move(address));
    const Json* headers = in_.find("headers");
    if (headers == nullptr) return {};
    if (!headers->is_object()) return refused("headers", "is no object");
    Json said = text::JsonObject{}, named = text::JsonObject{};
    for (const auto& [name, value] : headers->as_object()) {
      RTT_TRY_SET(const bool made, made_of_variable(name, value, named));
      if (made) continue;
      RTT_TRY_SET(std::string text, written("headers/" + name, value));
      said.set(name, std::move(text));
    }
    const bool codex = is(ClientForm::kCodexToml);
    if (!said.as_object().empty()) set(codex ? "http_headers" : "headers", std::move(said));
    if (!named.as_object().empty()) set("env_http_headers", std::move(named));
    return {};
  }

  // Headers that are said by the names of variables; false: as a text.
  Result<bool> made_of_variable(const std::string& name, const Json& value, Json& named) {
    if (!value.is_string()) return false;
    const std::string& text = value.as_string();
    if (dialect_.variables == Variables::kNamed) {
      if (const auto variable = sole_variable(text)) {
        named.set(name, *variable);
        return true;
      }
      if (name != "Authorization" || !text.starts_with("Bearer ")) return false;
      const auto variable = sole_variable(std::string_view(text).substr(7));
      if (variable) set("bearer_token_env_var", *variable);
      return variable.has_value();
    }
    if (dialect_.variables != Variables::kApiKey) return false;
    const std::size_t begin = text.find("${"), end = text.find('}');
    if (begin == std::string::npos || end == std::string::npos || end < begin) return false;
    const auto variable = sole_variable(std::string_view(text).substr(begin, end + 1 - begin));
    const std::string format = text.substr(0, begin) + "{token}" + text.substr(end + 1);
    if (!variable || format.contains("${") || format.find("{token}") != begin) return false;
    if (out_.entry.find("api_key_env") != nullptr)
      return refused("headers", "are made of several variables; it takes one");
    set("api_key_env", *variable);
    if (name != "Authorization") set("api_key_header", name);
    if (format != "Bearer {token}") set("api_key_format", format);
    return true;
  }

  // A text with its variables the client's way.
  Result<std::string> written(std::string_view member, const Json& value) const {
    if (!value.is_string())
      return refused(member, value.is_object() ? "is a secret that only RTT fills in" : "is no text");
    const std::string& in = value.as_string();
    if (dialect_.variables == Variables::kBraceEnv && (in.contains("{env:") || in.contains("{file:")))
      return refused(member, "holds what it would replace");
    std::string out;
    for (std::size_t at = 0; at < in.size();) {
      if (in[at] != '$' || at + 1 == in.size() || (in[at + 1] != '{' && !is_word(in[at + 1]))) {
        out += in[at++];
        continue;
      }
      if (in[at + 1] != '{') {
        if (dialect_.variables == Variables::kDollar)
          return refused(member, "holds a $ that it would take for a variable");
        out += in[at++];
        continue;
      }
      const std::size_t close = in.find('}', at);
      const auto said = close == std::string::npos
                            ? std::nullopt
                            : reference(std::string_view(in).substr(at + 2, close - at - 2));
      if (!said) return refused(member, "uses a variable that it does not expand");
      out += *said;
      at = close + 1;
    }
    return out;
  }

  [[nodiscard]] std::optional<std::string> reference(std::string_view inside) const {
    if (inside == "workspace" || inside == "home") {
      const std::string_view folder = inside == "home" ? dialect_.home : dialect_.workspace;
      return folder.empty() ? std::nullopt : std::optional<std::string>(folder);
    }
    const bool plain = is_variable(inside);
    const std::size_t colon = inside.find(":-");
    const bool otherwise = colon != std::string_view::npos && is_variable(inside.substr(0, colon));
    switch (dialect_.variables) {
      case Variables::kBraces:
      case Variables::kDollar:
        return plain ? std::optional(fmt::format("${{{}}}", inside)) : std::nullopt;
      case Variables::kDefaults:
        return plain || otherwise ? std::optional(fmt::format("${{{}}}", inside)) : std::nullopt;
      case Variables::kEnvBraces:
        return plain ? std::optional(fmt::format("${{env:{}}}", inside)) : std::nullopt;
      case Variables::kBraceEnv:
        return plain ? std::optional(fmt::format("{{env:{}}}", inside)) : std::nullopt;
      case Variables::kNone:
      case Variables::kNamed:
      case Variables::kApiKey:
        return std::nullopt;
    }
    return std::nullopt;
  }

  const Json& in_;
  const Dialect& dialect_;
  NativeEntry out_;
};

}  // namespace

Result<NativeEntry> native_entry(const Json& entry, const Dialect& dialect) {
  return EntryWriter(entry, dialect).run();
}

}  // namespace rtt::mcp
