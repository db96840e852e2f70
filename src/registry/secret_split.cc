// SPDX-License-Identifier: Apache-2.0
#include "registry/secret_split.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/hex.h"
#include "base/id.h"
#include "crypto/sha256.h"

namespace rtt::registry {
namespace {

using text::Json;

constexpr std::size_t kNameBytesMax = 128;
// What a scheme announces is public; keeping it as text keeps the entry readable.
constexpr std::string_view kSchemes[] = {"Bearer ", "Basic ", "Token ", "token ", "ApiKey "};
constexpr std::string_view kKeptText[] = {"command", "cwd", "description", "transport", "type"};
constexpr std::string_view kKeptScalar[] = {"disabled", "timeout"};

bool is_word(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
         byte == '_';
}

struct Reference {
  std::size_t begin = 0, end = 0;  // of `${…}`
  std::string_view name;
  std::optional<std::string_view> otherwise;
};

std::optional<Reference> next_reference(std::string_view text, std::size_t from) {
  for (std::size_t open = text.find("${", from); open != std::string_view::npos;
       open = text.find("${", open + 2)) {
    std::size_t end = open + 2;
    while (end < text.size() && is_word(text[end])) ++end;
    const std::string_view name = text.substr(open + 2, end - open - 2);
    const std::size_t close = text.find('}', end);
    if (name.empty() || close == std::string_view::npos) continue;
    const std::string_view rest = text.substr(end, close - end);
    if (rest.empty())
      return Reference{.begin = open, .end = close + 1, .name = name, .otherwise = std::nullopt};
    if (rest.starts_with(":-")) {
      return Reference{.begin = open, .end = close + 1, .name = name, .otherwise = rest.substr(2)};
    }
  }
  return std::nullopt;
}

// Collects the parts of one value; neighbouring texts join, and one part alone needs no concat.
class Parts {
 public:
  void text(std::string_view more) {
    if (more.empty()) return;
    if (!parts_.empty() && parts_.back().is_string()) {
      parts_.back() = parts_.back().as_string() + std::string(more);
    } else {
      parts_.emplace_back(more);
    }
  }
  void reference(Json part) { parts_.push_back(std::move(part)); }
  void all(Parts more) {
    for (Json& part : more.parts_) {
      if (part.is_string()) {
        text(part.as_string());
      } else {
        reference(std::move(part));
      }
    }
  }
  Json take() {
    if (parts_.empty()) return "";
    if (parts_.size() == 1) return std::move(parts_.front());
    return Json::object({{"concat", std::move(parts_)}});
  }

 private:
  text::JsonArray parts_;
};

// Options and variables that are set to a secret, by the last words of their names.
constexpr std::string_view kSecretWords[] = {"access-key", "api-key",    "apikey",     "api-token",
                                             "bearer",     "passphrase", "passwd",     "password",
                                             "pat",        "secret",     "secret-key", "token"};
bool names_secret(std::string_view option) {
  option.remove_prefix(std::min(option.find_first_not_of('-'), option.size()));
  std::string name;
  char before = '-';
  for (const char c : option) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && before >= 'a' && before <= 'z') name += '-';  // apiKey
    name += c == '_' || c == '.' ? '-' : upper ? static_cast<char>(c - 'A' + 'a') : c;
    before = c;
  }
  return std::ranges::any_of(kSecretWords, [&](std::string_view word) {
    return name == word || (name.ends_with(word) && name[name.size() - word.size() - 1] == '-');
  });
}
// What an option with such a name is set to without being a secret: a count, a switch.
bool is_setting(std::string_view value) {
  const bool digits = value.size() < 6 && value.find_first_not_of("0123456789") == std::string_view::npos;
  return digits || value == "true" || value == "false" || value == "none";
}
// Tokens by how their issuers begin them, and how much has to follow.
struct Beginning {
  std::string_view text;
  std::size_t more;
};
constexpr Beginning kTokens[] = {
    {"sk-", 6},   {"ghp_", 6},   {"gho_", 6},  {"ghu_", 6},  {"ghs_", 6},  {"ghr_", 6},  {"github_pat_", 6},
    {"xoxa-", 6}, {"xoxb-", 6},  {"xoxp-", 6}, {"xoxr-", 6}, {"xoxs-", 6}, {"xapp-", 6}, {"AKIA", 16},
    {"ASIA", 16}, {"glpat-", 6}, {"AIza", 30}, {"npm_", 30}, {"hf_", 30},  {"pypi-", 30}};
bool is_token(std::string_view text) {
  const auto known =
      std::ranges::find_if(kTokens, [&](const Beginning& one) { return text.starts_with(one.text); });
  if (known == std::end(kTokens) || text.size() < known->text.size() + known->more) return false;
  return std::ranges::all_of(text, [](char c) { return is_word(c) || c == '-'; }) &&
         text.find_first_of("0123456789") != std::string_view::npos;
}

class Splitter {
 public:
  explicit Splitter(const SplitOptions& options) : options_(options), used_(options.marked.size(), false) {}

  Result<SplitServer> run(const Json& entry) {
    if (!entry.is_object()) return fail(Code::kBadShape, "a server's configuration must be an object");
    Json out = text::JsonObject{};
    for (const auto& [key, value] : entry.as_object()) {
      if (key == "env" || key == "headers") {
        RTT_TRY_SET(Json values, named_values(key, value));
        out.set(key, std::move(values));
      } else if (key == "args") {
        RTT_TRY_SET(Json values, arguments(value));
        out.set(key, std::move(values));
      } else if (key == "url") {
        if (!value.is_string()) return fail(Code::kBadShape, "`url` must be text");
        out.set(key,
                mark("url") ? secret_text(value.as_string(), "url").take() : url(value.as_string()).take());
      } else if (kept(key, value)) {
        out.set(key, value);
      } else {
        split_.dropped.push_back(key);
      }
    }
    for (std::size_t at = 0; at < used_.size(); ++at) {
      if (!used_[at]) split_.unmet.push_back(options_.marked[at]);
    }
    split_.entry = std::move(out);
    std::ranges::sort(split_.secrets);
    return std::move(split_);
  }

 private:
  static bool kept(std::string_view key, const Json& value) {
    if (std::ranges::find(kKeptText, key) != std::end(kKeptText)) return value.is_string();
    if (std::ranges::find(kKeptScalar, key) != std::end(kKeptScalar))
      return value.is_bool() || value.is_int();
    return false;
  }

  bool mark(std::string_view name) {
    const auto at = std::ranges::find(options_.marked, name);
    if (at == options_.marked.end()) return false;
    used_[static_cast<std::size_t>(at - options_.marked.begin())] = true;
    return true;
  }
  [[nodiscard]] bool plain(std::string_view name) const {
    return std::ranges::find(options_.plain, name) != options_.plain.end();
  }

  // A name for a secret that no other value of this server has.
  std::string free_name(std::string_view key) {
    std::string base = options_.ns + ".";
    for (const char byte : key) base += is_word(byte) || byte == '.' || byte == '-' ? byte : '_';
    if (base.size() > kNameBytesMax - 8) {
      const std::string tail = bare_hex(crypto::sha256(base)).substr(0, 16);
      base = base.substr(0, kNameBytesMax - 32) + "-" + tail;
    }
    std::string name = base;
    const auto taken = [&name](const auto& secret) { return secret.first == name; };
    for (int count = 2; std::ranges::any_of(split_.secrets, taken); ++count)
      name = fmt::format("{}-{}", base, count);
    return name;
  }
  Json store(std::string_view literal, std::string_view key) {
    std::string name = free_name(key);
    Json reference = Json::object({{"secret", name}});
    split_.secrets.emplace_back(std::move(name), std::string(literal));
    return reference;
  }

  // Every literal byte is stored; references stay.
  Parts secret_text(std::string_view value, std::string_view key) {
    Parts parts;
    std::size_t at = 0;
    for (auto found = next_reference(value, 0); found; found = next_reference(value, at)) {
      if (found->begin > at) parts.reference(store(value.substr(at, found->begin - at), key));
      if (found->otherwise && !found->otherwise->empty()) {
        parts.reference(Json::object({{"env", found->name}, {"else", store(*found->otherwise, key)}}));
      } else {
        parts.text(value.substr(found->begin, found->end - found->begin));
      }
      at = found->end;
    }
    if (at < value.size()) parts.reference(store(value.substr(at), key));
    return parts;
  }

  Parts header(std::string_view value, std::string_view key) {
    Parts parts;
    for (const std::string_view scheme : kSchemes) {
      if (!value.starts_with(scheme)) continue;
      parts.text(scheme);
      value.remove_prefix(scheme.size());
      break;
    }
    parts.all(secret_text(value, key));
    return parts;
  }

  Result<Json> named_values(std::string_view section, const Json& values) {
    if (values.is_null()) return Json(text::JsonObject{});
    if (!values.is_object()) return fail(Code::kBadShape, fmt::format("`{}` must be an object", section));
    Json out = text::JsonObject{};
    for (const auto& [name, value] : values.as_object()) {
      if (!value.is_string() && !value.is_bool() && !value.is_number()) {
        return fail(Code::kBadShape, fmt::format("`{}` of `{}` must be text", name, section));
      }
      const std::string text = value.is_string() ? value.as_string() : text::to_json(value);
      if (plain(name)) {
        out.set(name, text);
      } else {
        out.set(name, (section == "headers" ? header(text, name) : secret_text(text, name)).take());
      }
    }
    return out;
  }

  // scheme://userinfo@host/path?name=value#fragment: userinfo and query values are stored.
  Parts url(std::string_view text) {
    Parts parts;
    const std::size_t scheme = text.find("://");
    if (scheme == std::string_view::npos) {
      parts.text(text);
      return parts;
    }
    parts.text(text.substr(0, scheme + 3));
    text.remove_prefix(scheme + 3);
    const std::size_t authority = std::min(text.find_first_of("/?#"), text.size());
    // The last `@`, as a URL parser reads it: a password may hold one unescaped.
    if (const std::size_t at = text.substr(0, authority).rfind('@'); at != std::string_view::npos) {
      parts.all(user_information(text.substr(0, at)));
      text.remove_prefix(at);
    }
    const std::size_t question = std::min(text.find('?'), text.size());
    // `#` may come first; what follows it is no query, and is stored as a whole if it looks like one.
    const std::size_t hash = std::min(text.find('#'), text.size());
    const std::size_t rest = std::min(question, hash);
    parts.text(text.substr(0, rest));
    text.remove_prefix(rest);
    while (!text.empty()) {
      const std::size_t end = std::min(text.find_first_of("&;?#", 1), text.size());
      parts.text(text.substr(0, 1));
      parts.all(query_item(text.substr(1, end - 1)));
      text.remove_prefix(end);
    }
    return parts;
  }

  Parts user_information(std::string_view user) {
    const std::size_t colon = user.find(':');
    Parts parts;
    if (plain("url.user")) {
      parts.text(user.substr(0, colon));
    } else {
      parts = secret_text(user.substr(0, colon), "url.user");
    }
    if (colon == std::string_view::npos) return parts;
    parts.text(":");
    parts.all(secret_text(user.substr(colon + 1), "url.password"));
    return parts;
  }

  Parts query_item(std::string_view item) {
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) return secret_text(item, "url.query");
    const std::string_view name = item.substr(0, equals);
    Parts parts;
    parts.text(item.substr(0, equals + 1));
    if (plain(name)) {
      parts.text(item.substr(equals + 1));
    } else {
      parts.all(secret_text(item.substr(equals + 1), fmt::format("url.{}", name)));
    }
    return parts;
  }

  Result<Json> arguments(const Json& values) {
    if (!values.is_array()) return fail(Code::kBadShape, "`args` must be an array of text");
    Json out = text::JsonArray{};
    std::string option;  // the option an argument follows
    for (std::size_t index = 0; index < values.as_array().size(); ++index) {
      const Json& value = values.as_array()[index];
      if (!value.is_string())
        return fail(Code::kBadShape, fmt::format("argument {} must be text", index + 1));
      const std::string& text = value.as_string();
      out.push(argument(text, option, index).take());
      option = text.starts_with('-') && !text.contains('=') ? text : std::string();
    }
    return out;
  }

  Parts argument(std::string_view text, std::string_view after, std::size_t index) {
    const std::string number = std::to_string(index + 1);
    if (mark(number)) return secret_text(text, "arg" + number);
    if (!after.empty() && mark(after)) return secret_text(text, option_key(after));
    if (plain(number)) return as_text(text);
    Parts parts;
    if (text.starts_with('-')) {
      const std::size_t equals = text.find('=');
      if (equals == std::string_view::npos) {
        parts.text(text);
        return parts;
      }
      const std::string_view option = text.substr(0, equals);
      const std::string_view value = text.substr(equals + 1);
      parts.text(text.substr(0, equals + 1));
      parts.all(mark(option) ? secret_text(value, option_key(option)) : option_value(value, option, number));
      return parts;
    }
    return option_value(text, after, number);
  }

  static Parts as_text(std::string_view text) {
    Parts parts;
    parts.text(text);
    return parts;
  }
  // What looks like a secret; a value that is a reference to a variable holds none.
  Parts guess(std::string_view value, std::string_view key, std::string said) {
    const std::size_t before = split_.secrets.size();
    Parts parts = secret_text(value, key);
    if (split_.secrets.size() != before) split_.guessed.push_back(std::move(said));
    return parts;
  }

  // `option` sets this text, the argument at `number`; without one it stands for itself.
  Parts option_value(std::string_view text, std::string_view option, const std::string& number) {
    if (plain(option) || plain(option_key(option))) return as_text(text);
    if (names_secret(option) && !is_setting(text))
      return guess(text, option_key(option), std::string(option));
    if (is_token(text)) return guess(text, "arg" + number, "argument " + number);
    const std::size_t sets = text.find('=');
    if (option.empty() && sets != std::string_view::npos && names_secret(text.substr(0, sets)) &&
        !plain(text.substr(0, sets))) {
      Parts parts = as_text(text.substr(0, sets + 1));
      parts.all(guess(text.substr(sets + 1), text.substr(0, sets), std::string(text.substr(0, sets))));
      return parts;
    }
    if (option == "--header" || option == "-H") {
      const std::size_t colon = text.find(':');
      if (colon != std::string_view::npos && !plain(text.substr(0, colon))) {
        const std::size_t value = std::min(text.find_first_not_of(' ', colon + 1), text.size());
        Parts parts;
        parts.text(text.substr(0, value));
        parts.all(header(text.substr(value), text.substr(0, colon)));
        return parts;
      }
    }
    if (option == "--env" || option == "-e") {
      const std::size_t equals = text.find('=');
      if (equals != std::string_view::npos && !plain(text.substr(0, equals))) {
        Parts parts;
        parts.text(text.substr(0, equals + 1));
        parts.all(secret_text(text.substr(equals + 1), text.substr(0, equals)));
        return parts;
      }
    }
    return url(text);
  }

  static std::string_view option_key(std::string_view option) {
    option.remove_prefix(std::min(option.find_first_not_of('-'), option.size()));
    return option.empty() ? "arg" : option;
  }

  const SplitOptions& options_;
  std::vector<bool> used_;
  SplitServer split_;
};

}  // namespace

Result<SplitServer> split_secrets(const Json& entry, const SplitOptions& options) {
  return Splitter(options).run(entry);
}

}  // namespace rtt::registry
