// SPDX-License-Identifier: Apache-2.0
#include "model/view_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/document.h"
#include "model/limits.h"
#include "model/overlay.h"
#include "model/saddr.h"
#include "model/saddr_text.h"
#include "text/glob.h"
#include "text/yaml.h"

namespace rtt::model {
namespace {

using text::Json;

constexpr std::string_view kFolder = "views/";
constexpr std::string_view kSuffix = ".view.json";
constexpr std::string_view kNameHint = "lower-case letters, digits, '.', '_' and '-'";
constexpr auto kViewKeys = std::to_array<Key>({{"env", Shape::kText}, {"show", Shape::kArray}});
constexpr auto kProvidersKeys = std::to_array<Key>({{"providers", Shape::kObject, Need::kRequired}});
constexpr auto kProviderKeys = std::to_array<Key>({{"like", Shape::kText, Need::kRequired},
                                                   {"agents", Shape::kAny},
                                                   {"commands", Shape::kAny},
                                                   {"main_rules", Shape::kAny},
                                                   {"product", Shape::kAny},
                                                   {"prompts", Shape::kAny},
                                                   {"rules", Shape::kAny},
                                                   {"servers", Shape::kAny},
                                                   {"skills", Shape::kAny}});

bool is_provider_name(std::string_view name) {
  return check_word({name, 1}, "provider", Stars::kRefused).has_value();
}

// Whether some item could be called so.
bool names_a_kind(std::string_view pattern) {
  const std::size_t slash = pattern.find('/');
  return slash != pattern.npos && slash + 1 < pattern.size() &&
         std::ranges::any_of(kTargetKinds, [&](std::string_view kind) {
           return text::glob_match(pattern.substr(0, slash), kind);
         });
}

std::string kind_hint(std::string_view pattern) {
  const std::string_view kind = pattern.substr(0, std::min(pattern.find('/'), pattern.size()));
  const auto near = nearest(kind, {kTargetKinds.begin(), kTargetKinds.end()});
  return near ? fmt::format("did you mean {}/…?", *near)
              : "KIND/NAME, KIND one of agent, skill, server, rules, command";
}

}  // namespace

bool ViewFile::shows(std::string_view kind, std::string_view name) const {
  const std::string item = fmt::format("{}/{}", kind, name);
  return show.empty() ||
         std::ranges::any_of(show, [&](const std::string& one) { return text::glob_match(one, item); });
}

bool is_view_path(std::string_view path) {
  return path.starts_with(kFolder) && path.ends_with(kSuffix) && !path.starts_with("views/.") &&
         path.size() > kFolder.size() + kSuffix.size() &&
         path.find('/', kFolder.size()) == std::string_view::npos;
}

std::string view_path(std::string_view provider) { return fmt::format("{}{}{}", kFolder, provider, kSuffix); }

ViewFile read_view_file(std::string_view text, std::string_view path) {
  ViewFile out;
  auto json = text::parse_json(text, {.source_name = path, .bytes_max = limits::kConfigBytesMax});
  if (!json) {
    out.problems.push_back(problem_from(json.error(), path));
    return out;
  }
  Document document({.text = text, .file = path});
  const std::string_view name = path.substr(std::min(kFolder.size(), path.size()));
  if (!is_provider_name(name.substr(0, name.size() - std::min(kSuffix.size(), name.size())))) {
    document.error("", {.message = "the file's name names no provider", .hint = std::string(kNameHint)});
  }
  if (document.check(*json, "", kViewKeys)) {
    out.env = json->string_or("env");
    if (!out.env.empty() && !check_word({out.env, 1}, "environment", Stars::kRefused)) {
      document.error("/env", {.message = "no name of an environment", .hint = std::string(kNameHint)});
    }
    if (const Json* show = member(*json, "show", Shape::kArray)) {
      for (std::size_t i = 0; i < show->as_array().size(); ++i) {
        const Json& pattern = show->as_array()[i];
        if (!document.check_shape(pattern, child("/show", i), Shape::kText)) continue;
        out.show.push_back(pattern.as_string());
        if (names_a_kind(out.show.back())) continue;
        document.error(child("/show", i),
                       {.message = fmt::format("'{}' can name nothing", out.show.back().substr(0, 64)),
                        .hint = kind_hint(out.show.back())});
      }
      // An empty list would say the opposite of what it looks like.
      if (show->as_array().empty()) {
        document.error("/show",
                       {.message = "'show' names nothing", .hint = "leave it away to show everything"});
      }
    }
  }
  out.problems = document.take_problems();
  return out;
}

std::vector<Problem> provider_problems(std::string_view text, std::string_view path) {
  const auto json = text::parse_yaml(text, {.source_name = path, .bytes_max = limits::kConfigBytesMax});
  if (!json) {
    return {problem_from(json.error(), path)};
  }
  if (json->is_null()) return {};
  Document document({.text = text, .file = path, .syntax = Document::Syntax::kYaml});
  const Json* providers =
      document.check(*json, "", kProvidersKeys) ? member(*json, "providers", Shape::kObject) : nullptr;
  if (providers != nullptr && providers->as_object().size() > kProvidersMax) {
    document.error("/providers",
                   {.code = Code::kLimit, .message = fmt::format("more than {}", kProvidersMax)});
  } else if (providers != nullptr) {
    for (const auto& [name, provider] : providers->as_object()) {
      const std::string at = child("/providers", name);
      if (!is_provider_name(name)) {
        document.error(at, {.message = fmt::format("'{}' names no provider", name.substr(0, 64)),
                            .hint = std::string(kNameHint),
                            .part = text::Part::kKey});
      }
      document.check(provider, at, kProviderKeys);
    }
  }
  return document.take_problems();
}

}  // namespace rtt::model
