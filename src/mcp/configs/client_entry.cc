// SPDX-License-Identifier: Apache-2.0
#include "mcp/configs/client_entry.h"

#include <fmt/format.h>

#include <algorithm>

namespace rtt::mcp {
namespace {

using text::Json;

constexpr std::string_view kRead[] = {"api_key_env",
                                      "api_key_format",
                                      "api_key_header",
                                      "args",
                                      "bearer_token_env_var",
                                      "command",
                                      "cwd",
                                      "env_http_headers",
                                      "env_vars",
                                      "headers",
                                      "httpUrl",
                                      "http_headers",
                                      "serverUrl",
                                      "transport",
                                      "type",
                                      "url"};

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class EntryReader {
 public:
  EntryReader(const Json& native, const EntryContext& context) : native_(native), context_(context) {}

  ReadEntry run() {
    if (!native_.is_object()) {
      refuse("is no object");
      return std::move(out_);
    }
    out_.entry = text::JsonObject{};
    out_.enabled = native_.bool_or("enabled", true) && !native_.bool_or("disabled", false);
    command();
    environment(context_.form == ClientForm::kOpenCode ? "environment" : "env");
    forwarded();
    remote();
    if (const std::string_view cwd = native_.string_or("cwd"); !cwd.empty()) set("cwd", expanded(cwd));
    if (native_.find("envFile") != nullptr)
      refuse("takes variables from a file (envFile); write them into `env`");
    if (!out_.entry.find("command") && !out_.entry.find("url")) {
      refuse(context_.form == ClientForm::kContextServers
                 ? "is an extension's own server, without a command here"
                 : "has neither a command nor a url");
    }
    transport();
    return std::move(out_);
  }

 private:
  void refuse(std::string_view reason) {
    if (out_.why) return;
    out_.why = Error{.code = Code::kServerStart,
                     .message = fmt::format("server '{}' {}", context_.name, reason),
                     .where = {},
                     .hint = {}};
  }
  void set(std::string_view key, Json value) { out_.entry.set(key, std::move(value)); }

  void command() {
    const Json* command = native_.find("command");
    const Json* args = native_.find("args");
    Json words = text::JsonArray{};
    if (command != nullptr && command->is_object()) {  // Zed's older form: {"path","args","env"}
      args = command->find("args");
      if (const Json* env = command->find("env")) named("env", *env);
      command = command->find("path");
    }
    if (command != nullptr && command->is_array()) {
      for (const Json& word : command->as_array()) push_word(words, word);
      if (words.as_array().empty()) {
        refuse("has an empty command");
        return;
      }
      set("command", words.as_array().front());
      words.as_array().erase(words.as_array().begin());
    } else if (command != nullptr && command->is_string() && !command->as_string().empty()) {
      set("command", expanded(command->as_string()));
    } else if (command != nullptr && !command->is_null()) {
      refuse("has a command that is no text");
      return;
    } else {
      return;
    }
    if (args != nullptr && args->is_array()) {
      for (const Json& word : args->as_array()) push_word(words, word);
    } else if (args != nullptr && !args->is_null()) {
      refuse("has `args` that are no list");
    }
    if (args != nullptr || !words.as_array().empty()) set("args", std::move(words));
  }
  void push_word(Json& words, const Json& word) {
    if (word.is_string()) {
      words.push(expanded(word.as_string()));
    } else if (word.is_number() || word.is_bool()) {
      words.push(text::to_json(word));
    } else {
      refuse("has an argument that is no text");
    }
  }

  void environment(std::string_view key) {
    if (const Json* env = native_.find(key)) named("env", *env);
  }
  void named(std::string_view section, const Json& values) {
    if (values.is_null()) return;
    if (!values.is_object()) {
      refuse(fmt::format("has `{}` that is no object", section));
      return;
    }
    Json out = out_.entry.find(section) != nullptr ? *out_.entry.find(section) : Json(text::JsonObject{});
    for (const auto& [name, value] : values.as_object()) {
      if (value.is_null()) {  // mcp-hub: taken from its own environment
        out.set(name, "${" + name + "}");
      } else if (value.is_string()) {
        out.set(name, expanded(value.as_string()));
      } else if (value.is_number() || value.is_bool()) {
        out.set(name, text::to_json(value));
      } else {
        refuse(fmt::format("has `{}` of `{}` that is no text", name, section));
      }
    }
    set(section, std::move(out));
  }
  // Codex names variables to hand on, and headers made of them.
  void forwarded() {
    if (const Json* names = native_.find("env_vars"); names != nullptr && names->is_array()) {
      Json env = text::JsonObject{};
      for (const Json& item : names->as_array()) {
        const std::string name(item.is_string() ? item.as_string() : std::string(item.string_or("name")));
        if (!name.empty()) env.set(name, "${" + name + "}");
      }
      named("env", env);
    }
  }

  void remote() {
    std::string_view url = native_.string_or("url");
    if (url.empty()) url = native_.string_or("httpUrl", native_.string_or("serverUrl"));
    if (!url.empty()) set("url", expanded(url));
    for (const char* key : {"headers", "http_headers"}) {
      if (const Json* headers = native_.find(key)) named("headers", *headers);
    }
    if (const Json* headers = native_.find("env_http_headers"); headers != nullptr && headers->is_object()) {
      Json out = text::JsonObject{};
      for (const auto& [name, variable] : headers->as_object()) {
        if (variable.is_string()) out.set(name, "${" + variable.as_string() + "}");
      }
      named("headers", out);
    }
    if (const std::string_view token = native_.string_or("bearer_token_env_var"); !token.empty())
      named("headers", Json::object({{"Authorization", fmt::format("Bearer ${{{}}}", token)}}));
    if (const std::string_view key = native_.string_or("api_key_env"); !key.empty()) {
      std::string value(native_.string_or("api_key_format", "Bearer {token}"));
      if (const std::size_t at = value.find("{token}"); at != std::string::npos)
        value.replace(at, 7, fmt::format("${{{}}}", key));
      named("headers", Json::object({{native_.string_or("api_key_header", "Authorization"), value}}));
    }
  }

  void transport() {
    const std::string_view given = native_.string_or("type", native_.string_or("transport"));
    if (out_.entry.find("command") != nullptr && (given.empty() || given == "local" || given == "stdio")) {
      set("type", "stdio");
    } else if (given == "sse" || (given.empty() && native_.find("url") != nullptr &&
                                  native_.find("httpUrl") == nullptr && context_.bare_variables)) {
      set("type", "sse");
    } else if (given.empty() || given == "remote" || given == "streamable-http" ||
               given == "streamableHttp" || given == "streamable_http" || given == "http" || given == "url") {
      set("type", out_.entry.find("url") != nullptr ? "http" : "stdio");
    } else {
      set("type", given);
    }
  }

  // Each client's way to name a variable or a folder becomes ours; what has none here is refused.
  std::string expanded(std::string_view in) {
    std::string out;
    for (std::size_t at = 0; at < in.size();) {
      const std::string_view rest = in.substr(at);
      const std::size_t close = rest.find('}');
      if (rest.starts_with("${") && close != std::string_view::npos) {
        out += reference(rest.substr(2, close - 2));
        at += close + 1;
      } else if (context_.form == ClientForm::kOpenCode && rest.starts_with("{env:") &&
                 close != std::string_view::npos) {
        out += fmt::format("${{{}}}", rest.substr(5, close - 5));
        at += close + 1;
      } else if (context_.form == ClientForm::kOpenCode && rest.starts_with("{file:")) {
        refuse("takes a value from a file ({file:…}); name a variable ({env:…}) instead");
        out += rest;
        break;
      } else if (context_.bare_variables && rest.size() > 1 && rest[0] == '$' && is_word(rest[1])) {
        std::size_t end = 1;
        while (end < rest.size() && is_word(rest[end])) ++end;
        out += fmt::format("${{{}}}", rest.substr(1, end - 1));
        at += end;
      } else {
        out += rest[0];
        ++at;
      }
    }
    return out;
  }

  std::string reference(std::string_view inside) {
    if (inside == "workspaceFolder" || inside == "CLAUDE_PROJECT_DIR") return "${workspace}";
    if (inside == "userHome") return "${home}";
    if (inside == "pathSeparator" || inside == "/") return "/";
    if (inside.starts_with("env:")) return fmt::format("${{{}}}", inside.substr(4));
    if (inside.starts_with("input:")) return input(inside.substr(6));
    const bool ours = !inside.empty() && is_word(inside[0]);
    const std::size_t end = std::min(inside.find(":-"), inside.size());
    if (!ours || !std::ranges::all_of(inside.substr(0, end), is_word))
      refuse(fmt::format("uses ${{{}}}, which RTT has no value for",
                         inside.substr(0, inside.find_first_of(" :"))));
    return fmt::format("${{{}}}", inside);
  }

  // What the client would ask its user becomes a variable of that name, or the answer it suggests.
  std::string input(std::string_view id) {
    std::string variable;
    for (const char c : id)
      variable += is_word(c) ? static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) : '_';
    if (context_.inputs.is_array()) {
      for (const Json& input : context_.inputs.as_array()) {
        if (input.string_or("id") != id || input.bool_or("password", false)) continue;
        if (const Json* otherwise = input.find("default"); otherwise != nullptr && otherwise->is_string())
          return otherwise->as_string();
      }
    }
    return fmt::format("${{{}}}", variable);
  }

  const Json& native_;
  const EntryContext& context_;
  ReadEntry out_;
};

}  // namespace

bool is_read_key(ClientForm form, std::string_view key) {
  if (key == (form == ClientForm::kOpenCode ? "environment" : "env")) return true;
  return (form == ClientForm::kVibeToml && key == "name") || std::ranges::find(kRead, key) != std::end(kRead);
}

bool leads_elsewhere(std::string_view key) {
  // Beside those: what one client or another starts, reads variables from, or connects to as well or instead.
  constexpr std::string_view kAround[] = {"bearer_token",
                                          "dev",
                                          "env",
                                          "envFile",
                                          "environment",
                                          "environment_id",
                                          "experimental_environment",
                                          "extension",
                                          "headersHelper",
                                          "name",
                                          "remote",
                                          "settings",
                                          "source",
                                          "tcp"};
  return std::ranges::find(kRead, key) != std::end(kRead) ||
         std::ranges::find(kAround, key) != std::end(kAround);
}

ReadEntry read_entry(const Json& native, const EntryContext& context) {
  return EntryReader(native, context).run();
}

}  // namespace rtt::mcp
