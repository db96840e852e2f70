// SPDX-License-Identifier: Apache-2.0
// render: an answer's JSON as text for people. One function a service verb; what people see is always made
// from the same document that `--json` prints, so the two cannot disagree.
//
// Absent or unexpected fields print as empty: an answer of a newer panel must not break an older command
// line.
//
// Thread: any (pure).   Fails: never.   Limits: none of its own; lists are as long as the answer's.
#pragma once

#include <string>
#include <string_view>

#include "cli/screen.h"
#include "text/json.h"

namespace rtt::cli {

struct View {
  Paint paint{};
  std::size_t columns = 0;  // 0: nothing is cut
  bool explain = false;     // plan --explain
  bool all = false;         // scan --all
};

std::string render(std::string_view service_verb, const text::Json& body, const View& view);
// One streamed document of log or audit.
std::string render_line(const text::Json& entry, const View& view);

// The parts, each in its own file by subject.
std::string render_plan(const text::Json& body, const View& view);                         // render_plan.cc
std::string render_scan(const text::Json& body, const View& view);                         // render_plan.cc
std::string render_commit(const text::Json& body, const View& view);                       // render_plan.cc
std::string render_quick_connect(const text::Json& body, const View& view);                // render_plan.cc
std::string render_list(std::string_view what, const text::Json& body, const View& view);  // render_list.cc
std::string render_run(const text::Json& body, const View& view);                          // render_view.cc
std::string render_view(std::string_view what, const text::Json& body, const View& view);  // render_view.cc
// What an apply could not show as it should, or found written into what was shown; none: empty.
std::string render_view_notes(const text::Json& body, const View& view);  // render_view.cc
std::string render_copies(std::string_view verb, const text::Json& body,
                          const View& view);                                              // render_copies.cc
std::string render_mcp(std::string_view what, const text::Json& body, const View& view);  // render_mcp.cc
std::string render_driver_test(const text::Json& body, const View& view);                 // render_driver.cc
std::string render_chaos(const text::Json& body, const View& view);                       // render_chaos.cc
std::string render_problems(const text::Json& body, std::string_view field, const View& view);  // render.cc

// Small words shared by them.
std::string short_hash(std::string_view hash);                   // sha256-0123456789ab…
std::string duration(std::int64_t ns);                           // 410 ns, 12.3 µs, 4.56 ms, 1.2 s
std::string counted(std::int64_t count, std::string_view noun);  // "1 route", "2 routes"
std::vector<text::Json> items(const text::Json& body, std::string_view field);  // empty if absent
std::string joined(const text::Json& list, std::string_view separator = ", ");
std::string plain(const text::Json* value);  // a scalar as people write it

}  // namespace rtt::cli
