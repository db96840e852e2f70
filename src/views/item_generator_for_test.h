// SPDX-License-Identifier: Apache-2.0
// Generator: random items of every kind whose texts are as hostile as they may be; one seed, one sequence.
//
// Thread: one.   Fails: never.
#pragma once

#include "model/random_for_test.h"
#include "text/utf8.h"
#include "views/provider.h"

namespace rtt::views {

class Generator {
 public:
  using Json = text::Json;

  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::string text() {
    constexpr std::string_view kPieces[] = {
        "---",   "\n",           "\n---\n", "\r",         "\r\n",       "\"\"\"", "'''",  "\\",   ": ",
        " #",    "{{args}}",     "é",       "true",       "null",       "1e3",    "0x1F", "- ",   "* ",
        "%YAML", "\t",           " ",       "$ARGUMENTS", "!{x}",       "${A}",   "@{b}", "word", "Words",
        "\x7f",  "\xEF\xBB\xBF", "{env:X}", "$X",         ",",          "]}",     "\"",   "'",    "|",
        ">",     "&a",           "!t",      "?",          "2024-01-01", "...",    "a: b", "~"};
    constexpr char32_t kEdges[] = {0,      1,      0x1F,   0x80,   0x85,    0xA0,
                                   0x2028, 0x2029, 0xFEFF, 0xFFFE, 0x1F600, 0x10FFFF};
    std::string out;
    for (std::size_t i = 1 + random_.below(6); i > 0; --i) {
      if (random_.below(8) == 0) {
        text::append_utf8(out, kEdges[random_.below(std::size(kEdges))]);
      } else {
        out += kPieces[random_.below(std::size(kPieces))];
      }
    }
    return out;
  }
  std::string word() { return random_.from_bytes("abcdefgh", 1 + random_.below(8)); }
  std::string name() {
    const std::string out = word();
    switch (random_.below(8)) {
      case 0:
        return out + "_" + word();
      case 1:
        return "A" + out + "." + word();
      default:
        return out + (random_.below(2) == 0 ? "-" + word() : "");
    }
  }
  Json value(int depth) {
    switch (random_.below(depth > 0 ? 8 : 6)) {
      case 0:
        return random_.below(6) == 0 ? Json() : Json(true);
      case 1:
        return static_cast<std::int64_t>(random_.below(2000)) - 1000;
      case 2:
        return 0.25 * static_cast<double>(random_.below(9)) * (random_.below(5) == 0 ? 1e30 : 1);
      case 3:
      case 4:
      case 5:
        return text();
      case 6: {
        Json out = text::JsonArray{};
        for (std::size_t i = random_.below(4); i > 0; --i) out.push(value(depth - 1));
        return out;
      }
      default: {
        Json out = text::JsonObject{};
        for (std::size_t i = random_.below(4); i > 0; --i) out.set(text(), value(depth - 1));
        return out;
      }
    }
  }
  bool often() { return random_.below(3) != 0; }
  bool seldom() { return random_.below(6) == 0; }
  std::size_t below(std::size_t bound) { return random_.below(bound); }

  Json references(std::string_view type) {
    Json out = text::JsonArray{};
    std::string before = "a";
    for (std::size_t i = 1 + below(3); i > 0; --i) {
      before += word();
      const std::string_view ns = type == "skill" ? "local" : "n";
      std::string to =
          "rtt://" + std::string(ns) + (seldom() ? "_x" : "") + "/" + std::string(type) + "/" + before;
      if (seldom()) to += "@^1";
      if (seldom()) {
        out.push(Json::object({{"to", to}, {"optional", true}}));
      } else {
        out.push(seldom() ? Json(text()) : Json(to));
      }
    }
    return out;
  }
  Json texts() {
    Json out = text::JsonArray{};
    for (std::size_t i = 1 + below(3); i > 0; --i)
      out.push(seldom() ? text()
                        : "src/" + word() + (often() ? "/*." : "/*.{a,") + word() + (often() ? "" : "}"));
    return out;
  }
  Json native() {
    Json out = text::JsonObject{};
    for (const Provider& provider : providers()) {
      if (!seldom()) continue;
      Json own = text::JsonObject{};
      for (std::size_t i = 1 + below(2); i > 0; --i) own.set("x" + (seldom() ? text() : word()), value(3));
      out.set(provider.name, std::move(own));
    }
    return out;
  }

  Item item() {
    Item out{.kind = static_cast<ItemKind>(below(5)), .name = name(), .object = text::JsonObject{}};
    Json& object = out.object;
    if (out.kind == ItemKind::kServer) {
      server(object);
    } else {
      if (out.kind == ItemKind::kRules && seldom()) out.name = "main";
      if (out.kind != ItemKind::kRules) object.set("name", seldom() ? text() : out.name);
      if (often()) object.set("description", text());
      if (often()) object.set("instructions", text());
    }
    if (out.kind == ItemKind::kAgent || out.kind == ItemKind::kCommand) {
      constexpr std::string_view kModels[] = {"inherit",        "sonnet", "gpt-5", "a/b",
                                              "gemini-2.5-pro", "qwen3",  "x: y"};
      if (often()) object.set("model", kModels[below(std::size(kModels))]);
      if (often()) object.set("tools", references("tool"));
    }
    if (out.kind == ItemKind::kAgent) {
      if (often()) object.set("skills", references("skill"));
      if (often()) object.set("permissions", Json::object({{word(), value(2)}}));
    }
    if (out.kind == ItemKind::kSkill) {
      for (const char* key : {"license", "compatibility", "allowed-tools"}) {
        if (often()) object.set(key, text());
      }
      if (often()) object.set("metadata", Json::object({{text(), text()}, {word(), word()}}));
      if (often()) out.files.push_back({.path = "a/" + word(), .bytes = text(), .executable = often()});
    }
    if (out.kind == ItemKind::kRules && often()) object.set("globs", texts());
    if (out.kind == ItemKind::kCommand && often()) object.set("argument_hint", text());
    if (seldom()) object.set(word() + "_", value(2));
    if (often()) {
      Json own = native();
      if (!own.as_object().empty()) object.set("native", std::move(own));
    }
    return out;
  }

  void server(Json& object) {
    const auto said = [&] { return seldom() ? text() : seldom() ? "${" + word() + "}" : word(); };
    if (often()) {
      object.set("type", "stdio").set("command", said());
      if (often()) object.set("args", Json::array({said(), said()}));
      const std::string variable = word();
      if (often()) object.set("env", Json::object({{variable, often() ? said() : "${" + variable + "}"}}));
      if (seldom()) object.set("cwd", seldom() ? "${workspace}" : said());
    } else {
      object.set("type", often() ? "http" : "sse").set("url", "https://" + said());
      if (often())
        object.set("headers", Json::object({{often() ? "Authorization" : word(), "Bearer ${" + word() + "}"},
                                            {word(), said()}}));
    }
  }

 private:
  model::TestRandom random_;
};

}  // namespace rtt::views
