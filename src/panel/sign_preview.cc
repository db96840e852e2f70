// SPDX-License-Identifier: Apache-2.0
#include "panel/sign_preview.h"

#include <fmt/format.h>

#include <algorithm>

#include "registry/change.h"
#include "text/json.h"

namespace rtt::panel {
namespace {

using registry::SignItem;
using text::Json;

constexpr std::size_t kChangesShownMax = 5;  // of one item

// A word as it stands if nothing in it could be taken for something else, as a JSON string otherwise.
std::string word(const Json& value) {
  if (!value.is_string())
    return value.is_object() && value.find("secret") ? "<secret>" : text::to_json(value);
  const std::string& text = value.as_string();
  const bool plain = !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./:@=+,%${}").find(c) != std::string_view::npos;
  });
  return plain ? text : text::to_json(value);
}

std::string cut(std::string line) {
  if (line.size() <= kCommandBytesMax) return line;
  std::size_t keep = kCommandBytesMax;
  while (keep > 0 && (static_cast<unsigned char>(line[keep]) & 0xC0U) == 0x80U) --keep;
  return fmt::format("{} … and {} bytes more, in the file", line.substr(0, keep), line.size() - keep);
}

void add_item(std::vector<std::string>& lines, const SignItem& item) {
  std::string line =
      fmt::format("sign {} ({}), {}", item.id, item.path, item.previous.is_null() ? "new" : "changed");
  if (item.carried.verdict == crypto::Verdict::kRevokedSigner)
    line += fmt::format("; signed by {}, a revoked key", item.carried.signer);
  if (item.carried.verdict == crypto::Verdict::kBadSignature)
    line += fmt::format("; its signature by {} does not verify", item.carried.signer);
  if (item.carried.verdict == crypto::Verdict::kUnknownSigner)
    line += fmt::format("; signed by {}, a key not accepted here", item.carried.signer);
  lines.push_back(std::move(line));
  if (!item.previous.is_null()) {
    std::size_t shown = 0;
    for (const auto& change : registry::changes(item.previous, item.object)) {
      if (++shown > kChangesShownMax) {
        lines.emplace_back("    …");
        break;
      }
      lines.push_back("    " + registry::to_string(change));
    }
  }
  if (std::string command = runs(item.object); !command.empty())
    lines.push_back("    runs: " + std::move(command));
}

}  // namespace

std::string runs(const Json& object) {
  const Json* symbol = object.find("symbol");
  const Json* driver = symbol != nullptr ? symbol->find("driver") : nullptr;
  const Json* params = driver != nullptr ? driver->find("params") : nullptr;
  if (params == nullptr || !params->is_object()) return {};
  const Json* command = params->find("command");
  if (command == nullptr) {
    const Json* url = params->find("url");
    return url != nullptr ? cut(word(*url)) : std::string();
  }
  std::string line;
  if (const Json* env = params->find("env"); env != nullptr && env->is_object()) {
    for (const auto& [name, value] : env->as_object()) line += fmt::format("{}={} ", name, word(value));
  }
  line += word(*command);
  if (const Json* args = params->find("args"); args != nullptr && args->is_array()) {
    for (const Json& arg : args->as_array()) line += " " + word(arg);
  }
  if (const std::string_view directory = params->string_or("cwd"); !directory.empty())
    line += fmt::format(" (in {})", word(Json(directory)));
  return cut(std::move(line));
}

SignParts parts_of(std::vector<SignItem> items, const std::vector<registry::KeyInfo>& keys) {
  SignParts parts;
  for (SignItem& item : items) {
    if (item.carried.verdict != crypto::Verdict::kUnknownSigner) {
      parts.own.push_back(std::move(item));
      continue;
    }
    auto at = std::ranges::lower_bound(parts.foreign, item.carried.signer, {}, &Foreign::key_id);
    if (at == parts.foreign.end() || at->key_id != item.carried.signer) {
      at = parts.foreign.insert(at, {.key_id = item.carried.signer, .label = {}, .file = {}, .items = {}});
      const auto key = std::ranges::find(keys, at->key_id, &registry::KeyInfo::key_id);
      if (key != keys.end()) {
        at->label = key->label;
        at->file = key->file;
      }
    }
    at->items.push_back(std::move(item));
  }
  return parts;
}

std::vector<std::string> describe(const std::vector<SignItem>& items) {
  std::vector<std::string> lines;
  std::size_t shown = 0, left = 0;
  for (const SignItem& item : items) {
    if (runs(item.object).empty() && ++shown > kPreviewLinesMax) {
      ++left;
      continue;
    }
    add_item(lines, item);
  }
  if (left != 0) lines.push_back(fmt::format("… and {} more, which run nothing", left));
  return lines;
}

std::vector<std::string> describe(const Foreign& foreign, std::string_view verb) {
  std::vector<std::string> lines{
      fmt::format("{} key {} \"{}\" ({}), not accepted here, and with it what it signed:", verb,
                  foreign.key_id, foreign.label, foreign.file.empty() ? "not in this folder" : foreign.file)};
  std::size_t shown = 0, left = 0;
  for (const SignItem& item : foreign.items) {
    const std::string command = runs(item.object);
    if (command.empty() && ++shown > kPreviewLinesMax) {
      ++left;
      continue;
    }
    lines.push_back(fmt::format("    {} ({})", item.id, item.path));
    if (!command.empty()) lines.push_back("        runs: " + command);
  }
  if (left != 0) lines.push_back(fmt::format("    … and {} more, which run nothing", left));
  return lines;
}

}  // namespace rtt::panel
