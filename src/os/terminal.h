// SPDX-License-Identifier: Apache-2.0
// What the faces need to know of a terminal: whether there is one, how wide it is, and one line typed by a
// person.
//
// Thread: one.   Fails: never.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rtt::os {

bool is_terminal(int fd);
int terminal_columns(int fd, int otherwise);
std::optional<std::string> read_answer(std::string_view prompt);  // prompt to stderr; nothing at end of input
void write_out(std::string_view text);                            // stdout, whole; a closed pipe ends quietly
void write_err(std::string_view text);

}  // namespace rtt::os
