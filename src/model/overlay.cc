// SPDX-License-Identifier: Apache-2.0
#include "model/overlay.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/document.h"
#include "model/limits.h"
#include "model/saddr_text.h"

namespace rtt::model {
namespace {

using text::Json;

constexpr std::string_view kFolder = "overlays/";
constexpr std::string_view kSuffix = ".patch.json";
constexpr auto kWrapperKeys =
    std::to_array<Key>({{"target", Shape::kText}, {"merge", Shape::kObject}, {"patch", Shape::kArray}});

bool is_wrapper(const Json& json) {
  return std::ranges::any_of(kWrapperKeys, [&](const Key& key) { return json.find(key.name) != nullptr; });
}

// KIND/NAME with the name in canonical spelling.
Result<std::string> canonical_target(std::string_view written) {
  if (written == kGlobalTarget) return std::string(written);
  const std::size_t slash = written.find('/');
  const std::string_view kind = written.substr(0, slash);
  if (slash == std::string_view::npos || std::ranges::find(kTargetKinds, kind) == kTargetKinds.end()) {
    return fail(Code::kBadShape, fmt::format("'{}' names no item", written.substr(0, 64)), {},
                fmt::format("a target is {} or one of {} with a name: agent/summarize", kGlobalTarget,
                            fmt::join(kTargetKinds, ", ")));
  }
  RTT_TRY_SET(const std::string name, decode_name({written.substr(slash + 1), 1}));
  return fmt::format("{}/{}", kind, encode_name(name));
}

// summarize -> agent/summarize, review.skill -> skill/review.
std::string target_of_stem(std::string_view stem) {
  if (stem == kGlobalTarget) return std::string(stem);
  for (const std::string_view kind : kTargetKinds) {
    if (stem.size() > kind.size() + 1 && stem.ends_with(kind) && stem[stem.size() - kind.size() - 1] == '.')
      return fmt::format("{}/{}", kind, encode_name(stem.substr(0, stem.size() - kind.size() - 1)));
  }
  return fmt::format("agent/{}", encode_name(stem));
}

class Reader {
 public:
  Reader(Document& document, Overlay& out) : document_(document), out_(out) {}

  void read(const Json& json) {
    const std::string_view stem = read_path();
    if (stem.empty()) return;  // what it is for is not known
    if (json.is_array()) {
      read_target(target_of_stem(stem), {});
      read_patch(json);
    } else if (json.is_object() && is_wrapper(json)) {
      read_wrapper(json, stem);
    } else if (document_.check_shape(json, "", Shape::kObject)) {
      read_target(target_of_stem(stem), {});
      read_merge(json);
    }
  }

 private:
  // FILE of overlays/provider/P/FILE.patch.json.
  std::string_view read_path() {
    const std::string_view path = out_.path;
    const std::string_view below = path.substr(kFolder.size());
    const std::size_t first = below.find('/');
    const std::size_t second = first == std::string_view::npos ? first : below.find('/', first + 1);
    const std::string_view layer = below.substr(0, first);
    const bool known = layer == "provider" || layer == "env";
    if (!known || second == std::string_view::npos || below.find('/', second + 1) != std::string_view::npos) {
      document_.error("", {.message = "no overlay has its place here",
                           .hint = "move it to overlays/provider/NAME/ or overlays/env/NAME/"});
      return {};
    }
    out_.layer = layer == "env" ? Overlay::Layer::kEnv : Overlay::Layer::kProvider;
    out_.of = below.substr(first + 1, second - first - 1);
    if (!check_word({out_.of, 1}, layer, Stars::kRefused)) {
      document_.error("", {.message = fmt::format("'{}' can be no {}", out_.of.substr(0, 64), layer),
                           .hint = "lower-case letters, digits, '.', '_' and '-'"});
    }
    const std::string_view file = below.substr(second + 1);
    return file.substr(0, file.size() - kSuffix.size());
  }

  void read_target(std::string_view written, std::string_view pointer) {
    auto target = canonical_target(written);
    if (target) {
      out_.target = *std::move(target);
    } else {
      document_.error(
          pointer,
          {.code = target.error().code, .message = target.error().message, .hint = target.error().hint});
    }
  }

  void read_wrapper(const Json& json, std::string_view stem) {
    if (!document_.check(json, "", kWrapperKeys)) return;
    const Json* target = member(json, "target", Shape::kText);
    read_target(target != nullptr ? target->as_string() : target_of_stem(stem), "/target");
    const Json* merge = member(json, "merge", Shape::kObject);
    const Json* patch = member(json, "patch", Shape::kArray);
    if ((json.find("merge") != nullptr) == (json.find("patch") != nullptr)) {
      document_.error("", {.message = "an overlay has either 'merge' or 'patch'"});
    } else if (merge != nullptr) {
      out_.pointer = "/merge";
      read_merge(*merge);
    } else if (patch != nullptr) {
      out_.pointer = "/patch";
      read_patch(*patch);
    }
  }

  // A signature covers everything but a top-level `sign`, so nothing may be said there.
  void read_merge(const Json& merge) {
    if (merge.find("sign") != nullptr) {
      document_.error(
          out_.pointer + "/sign",
          {.code = Code::kUnknownKey, .message = "no item has a member 'sign'", .part = text::Part::kKey});
    }
    out_.merge = merge;
  }

  void read_patch(const Json& list) {
    auto patch = text::JsonPatch::read(list);
    if (patch) {
      out_.patch = *std::move(patch);
    } else {
      document_.error(
          out_.pointer + patch.error().where,
          {.code = patch.error().code, .message = patch.error().message, .hint = patch.error().hint});
    }
  }

  Document& document_;
  Overlay& out_;
};

}  // namespace

std::string Overlay::place(std::string_view inside) const {
  std::string at = pointer + std::string(inside);
  for (;;) {
    if (const auto found = text::locate(text, at))
      return fmt::format("{}:{}:{}", path, found->line, found->column);
    if (at.empty()) return path;
    at.resize(at.rfind('/'));
  }
}

bool is_overlay_path(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return path.starts_with(kFolder) && name.ends_with(kSuffix) && name.size() > kSuffix.size() &&
         !name.starts_with('.');
}

Overlay read_overlay(std::string_view text, std::string_view path) {
  Overlay out{.path = std::string(path), .text = std::string(text)};
  auto json = text::parse_json(text, {.source_name = path, .bytes_max = limits::kConfigBytesMax});
  if (!json) {
    out.problems.push_back(problem_from(json.error(), path));
    return out;
  }
  Document document({.text = text, .file = path});
  Reader(document, out).read(*json);
  out.problems = document.take_problems();
  return out;
}

}  // namespace rtt::model
