// SPDX-License-Identifier: Apache-2.0
#include "mcp/configs/client_edit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "model/limits.h"
#include "text/toml.h"

namespace rtt::mcp {
namespace {

using text::Json;

constexpr std::string_view kHidden = "\"…\"";

constexpr auto kLaunchFields = std::to_array<std::string_view>({"api_key_env",
                                                                "api_key_format",
                                                                "api_key_header",
                                                                "args",
                                                                "auth",
                                                                "authProviderType",
                                                                "bearer_token",
                                                                "bearer_token_env_var",
                                                                "command",
                                                                "cwd",
                                                                "env",
                                                                "envFile",
                                                                "env_http_headers",
                                                                "env_vars",
                                                                "environment",
                                                                "headers",
                                                                "headersHelper",
                                                                "httpUrl",
                                                                "http_headers",
                                                                "oauth",
                                                                "oauth_resource",
                                                                "scopes",
                                                                "serverUrl",
                                                                "tcp",
                                                                "transport",
                                                                "type",
                                                                "url"});

// What lies in quotes after `:` or `=` in a comment may be a value that was switched off, a secret among
// them.
std::string masked_comment(std::string_view comment) {
  std::string out;
  bool value = false;
  for (std::size_t at = 0; at < comment.size();) {
    const char c = comment[at];
    if ((c == '"' || c == '\'') && value) {
      const std::size_t close = comment.find(c, at + 1);
      const std::size_t end = close == std::string_view::npos ? comment.size() : close + 1;
      if (close != std::string_view::npos || c == '"') {
        out += kHidden;
        for (const char inside : comment.substr(at, end - at)) {
          if (inside == '\n') out += '\n';
        }
        at = end;
        value = false;
        continue;
      }
    }
    if (c == ':' || c == '=') {
      value = true;
    } else if (c != ' ' && c != '\t' && c != '[' && c != ',') {
      value = false;
    }
    out += c;
    ++at;
  }
  return out;
}

}  // namespace

bool is_launch_field(ClientForm, std::string_view key) {
  return std::ranges::find(kLaunchFields, key) != kLaunchFields.end();
}

std::vector<std::pair<std::string, Json>> started_fields(ClientForm form, const Started& started) {
  Json words = text::JsonArray{}, args = text::JsonArray{}, env = text::JsonObject{};
  for (const std::string& word : started.command) words.push(word);
  for (std::size_t i = 1; i < started.command.size(); ++i) args.push(started.command[i]);
  for (const auto& [name, value] : started.env) env.set(name, value);
  std::vector<std::pair<std::string, Json>> out;
  if (form == ClientForm::kVibeToml) out.emplace_back("name", started.name);
  if (form == ClientForm::kServers) out.emplace_back("type", "stdio");
  if (form == ClientForm::kOpenCode) out.emplace_back("type", "local");
  if (form == ClientForm::kVibeToml) out.emplace_back("transport", "stdio");
  if (form == ClientForm::kOpenCode) {
    out.emplace_back("command", std::move(words));
  } else {
    out.emplace_back("command", started.command.front());
    out.emplace_back("args", std::move(args));
  }
  if (!started.env.empty())
    out.emplace_back(form == ClientForm::kOpenCode ? "environment" : "env", std::move(env));
  if (!started.directory.empty()) out.emplace_back("cwd", started.directory);
  return out;
}

Result<ClientText> ClientText::read(std::string text, Section section, std::string file) {
  ClientText out;
  if (text.empty() && !is_toml(section.form)) text = "{}\n";
  out.text_ = std::move(text);
  out.section_ = std::move(section);
  out.file_ = std::move(file);
  RTT_TRY_SET(out.entries_, is_toml(out.section_.form)
                                ? edit::toml_entries(out.text_, out.section_, out.file_)
                                : edit::json_entries(out.text_, out.section_, out.file_));
  for (std::size_t i = 0; i < out.entries_.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (out.entries_[i].name == out.entries_[j].name)
        return fail(Code::kJsonDuplicateKey,
                    fmt::format("the server `{}` is there twice", out.entries_[i].name), out.file_);
    }
  }
  return out;
}

const EntryText* ClientText::find(std::string_view name) const {
  const auto at = std::ranges::find(entries_, name, &EntryText::name);
  return at == entries_.end() ? nullptr : &*at;
}

Result<ClientText> ClientText::again(std::string text) const {
  auto out = read(std::move(text), section_, file_);
  if (!out) {
    return fail(Code::kBadShape, "this file is written in a way RTT has no safe edit of; nothing was changed",
                file_, "rtt mcp connect prints what to add by hand");
  }
  return out;
}

namespace {

// All entries but `name` are as they were, in the order they were.
Status others_kept(const ClientText& before, const ClientText& after, std::string_view name,
                   const std::string& file) {
  const auto listed = [&](const ClientText& in) {
    std::vector<std::pair<std::string, Json>> out;
    for (const EntryText& entry : in.entries()) {
      if (entry.name != name) out.emplace_back(entry.name, entry.native);
    }
    return out;
  };
  if (listed(before) == listed(after)) return {};
  return fail(Code::kBadShape, "this file is written in a way RTT has no safe edit of; nothing was changed",
              file);
}

}  // namespace

Result<ClientText> ClientText::with(const Started& started) const {
  RTT_TRY_SET(std::string made, is_toml(section_.form) ? edit::toml_with(text_, section_, started)
                                                       : edit::json_with(text_, section_, started));
  RTT_TRY_SET(ClientText out, again(std::move(made)));
  RTT_TRY(others_kept(*this, out, started.name, file_));
  const EntryText* entry = out.find(started.name);
  bool as_meant = entry != nullptr;
  for (const auto& [key, value] : started_fields(section_.form, started)) {
    const Json* written = as_meant ? entry->native.find(key) : nullptr;
    as_meant = as_meant && (key == "type" || key == "transport" || (written != nullptr && *written == value));
  }
  if (!as_meant) return fail(Code::kBadShape, "this file is written in a way RTT has no safe edit of", file_);
  return out;
}

Result<ClientText> ClientText::with_raw(std::string_view name, std::string_view raw) const {
  RTT_TRY_SET(std::string made, is_toml(section_.form) ? edit::toml_with_raw(text_, section_, name, raw)
                                                       : edit::json_with_raw(text_, section_, name, raw));
  RTT_TRY_SET(ClientText out, again(std::move(made)));
  RTT_TRY(others_kept(*this, out, name, file_));
  if (out.find(name) == nullptr) return fail(Code::kBadShape, "the recorded entry does not fit here", file_);
  return out;
}

Result<ClientText> ClientText::without(std::string_view name) const {
  RTT_TRY_SET(std::string made, is_toml(section_.form) ? edit::toml_without(text_, section_, name)
                                                       : edit::json_without(text_, section_, name));
  RTT_TRY_SET(ClientText out, again(std::move(made)));
  RTT_TRY(others_kept(*this, out, name, file_));
  if (out.find(name) != nullptr)
    return fail(Code::kBadShape, "this file is written in a way RTT has no safe edit of", file_);
  return out;
}

std::string ClientText::masked(const std::vector<std::string>& shown) const {
  std::vector<std::pair<text::Span, std::string>> strings;
  std::vector<text::Span> comments;
  if (is_toml(section_.form)) {
    const auto toml = text::TomlText::read(text_, {.bytes_max = limits::kClientConfigBytesMax});
    if (!toml) return {};
    strings = toml->strings();
    comments = toml->comments();
  } else {
    const auto json = text::JsoncText::read(text_, {.bytes_max = limits::kClientConfigBytesMax});
    if (!json) return {};
    strings = json->strings();
    comments = json->comments();
  }
  std::vector<text::Splice> splices;
  for (const auto& [span, said] : strings) {
    if (said.empty() || std::ranges::find(shown, said) != shown.end()) continue;
    std::string hidden(kHidden);
    for (const char c : span.of(text_)) {
      if (c == '\n') hidden += '\n';
    }
    splices.push_back({.at = span, .with = std::move(hidden)});
  }
  for (const text::Span& span : comments)
    splices.push_back({.at = span, .with = masked_comment(span.of(text_))});
  return text::spliced(text_, std::move(splices));
}

}  // namespace rtt::mcp
