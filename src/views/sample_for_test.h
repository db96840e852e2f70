// SPDX-License-Identifier: Apache-2.0
// One set of items of every kind, whose texts are as hostile as they may be, for golden trees and timing.
//
// Thread: any.   Fails: never.
#pragma once

#include <vector>

#include "views/item.h"

namespace rtt::views {

inline std::vector<Item> sample_items() {
  using text::Json;
  const auto words = [](std::initializer_list<Json> items) { return Json::array(items); };
  std::vector<Item> out;
  out.push_back(
      {.kind = ItemKind::kAgent,
       .name = "reviewer",
       .object = Json::object(
           {{"name", "reviewer"},
            {"description", "Reviews code. Use it when: a change is \"done\" # not before\n--- \n{{x}} '''"},
            {"instructions",
             "# Review\n\nRead the change.\n\n---\nname: no front matter\n---\n\n"
             "\"\"\" and ''' and \\ and \xE2\x82\xAC; trailing blanks:  \r\nend"},
            {"model", "inherit"},
            {"tools", words({"rtt://files/tool/read_text_file", "rtt://git/tool/diff"})},
            {"skills", words({"rtt://local/skill/summary"})},
            {"permissions", Json::object({{"edit", "deny"}})},
            {"native", Json::object({{"claude", Json::object({{"color", "blue"}})},
                                     {"codex", Json::object({{"sandbox_mode", "read-only"}})},
                                     {"opencode", Json::object({{"temperature", 0.1}})}})}})});
  out.push_back({.kind = ItemKind::kAgent,
                 .name = "tester",
                 .object = Json::object({{"name", "tester"},
                                         {"description", "true"},
                                         {"instructions", "Write the test first."},
                                         {"model", "sonnet"}})});
  out.push_back(
      {.kind = ItemKind::kSkill,
       .name = "summary",
       .object = Json::object({{"name", "summary"},
                               {"description", "Short texts: what stays of a long one"},
                               {"instructions", "Run `scripts/count.sh` on the text, then cut it by half."},
                               {"license", "Apache-2.0"},
                               {"metadata", Json::object({{"author", "rtt"}, {"version", "1.0"}})}}),
       .files = {{.path = "reference.md", .bytes = "# Words\n"},
                 {.path = "scripts/count.sh", .bytes = "#!/bin/sh\nwc -w\n", .executable = true}}});
  out.push_back({.kind = ItemKind::kServer,
                 .name = "files",
                 .object = Json::object({{"type", "stdio"},
                                         {"command", "npx"},
                                         {"args", words({"-y", "@scope/files", "a b \"c\""})},
                                         {"env", Json::object({{"LEVEL", "debug"}})}})});
  out.push_back(
      {.kind = ItemKind::kServer,
       .name = "far",
       .object = Json::object({{"type", "http"},
                               {"url", "https://mcp.example/mcp"},
                               {"headers", Json::object({{"Authorization", "Bearer ${FAR_TOKEN}"}})}})});
  out.push_back({.kind = ItemKind::kRules,
                 .name = "main",
                 .object = Json::object({{"instructions", "# The project\n\nBuild with `make`."}})});
  out.push_back({.kind = ItemKind::kRules,
                 .name = "typescript",
                 .object = Json::object({{"description", "How TypeScript is written here"},
                                         {"globs", words({"**/*.ts", "**/*.tsx"})},
                                         {"instructions", "No `any`."}})});
  out.push_back({.kind = ItemKind::kCommand,
                 .name = "explain",
                 .object = Json::object({{"name", "explain"},
                                         {"description", "Explains a file"},
                                         {"argument_hint", "[file]"},
                                         {"instructions", "Explain $ARGUMENTS to a newcomer."}})});
  return out;
}

}  // namespace rtt::views
