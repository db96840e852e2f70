// SPDX-License-Identifier: Apache-2.0
#include "views/mount_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/hex.h"

namespace rtt::views {
namespace {

constexpr std::array<std::string_view, 4> kVerbs{"add", "show", "drop", "list"};
constexpr std::array<std::string_view, 6> kNotes{"hello", "number", "last", "started", "ready", "go"};

// The word before the first space, which is taken off with it.
std::string_view take_word(std::string_view& line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

template <std::size_t count>
std::optional<std::size_t> place_in(const std::array<std::string_view, count>& words, std::string_view word) {
  const auto at = std::ranges::find(words, word);
  if (at == words.end()) return std::nullopt;
  return static_cast<std::size_t>(at - words.begin());
}

std::optional<std::uint32_t> number_in(std::string_view word) {
  std::uint32_t number = 0;
  const auto parsed = std::from_chars(word.data(), word.data() + word.size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr != word.data() + word.size()) return std::nullopt;
  return number;
}

std::unexpected<Error> not_a_line(std::string_view line) {
  return fail(Code::kBadArgument, "not a line that a mount of views understands",
              fmt::format("{:?}", line.substr(0, 80)));
}

}  // namespace

std::string to_line(const MountAsk& ask) {
  const std::string_view verb = kVerbs[static_cast<std::size_t>(ask.verb)];
  switch (ask.verb) {
    case MountAsk::Verb::kAdd:
    case MountAsk::Verb::kShow:
      return fmt::format("{} {} {}\n", verb, ask.workspace, ask.generation);
    case MountAsk::Verb::kDrop:
      return fmt::format("{} {}\n", verb, ask.workspace);
    case MountAsk::Verb::kList:
      break;
  }
  return fmt::format("{}\n", verb);
}

Result<MountAsk> parse_ask(std::string_view line) {
  std::string_view rest = line;
  const auto verb = place_in(kVerbs, take_word(rest));
  if (!verb) return not_a_line(line);
  MountAsk ask{.verb = static_cast<MountAsk::Verb>(*verb)};
  if (ask.verb != MountAsk::Verb::kList) {
    ask.workspace = take_word(rest);
    RTT_TRY(check_workspace_id(ask.workspace));
  }
  if (ask.verb == MountAsk::Verb::kAdd || ask.verb == MountAsk::Verb::kShow) {
    const auto generation = parse_generation(take_word(rest));
    if (!generation) return not_a_line(line);
    ask.generation = *generation;
  }
  if (!rest.empty()) return not_a_line(line);
  return ask;
}

std::string answer_line(const Result<std::string>& answer) {
  if (answer) return answer->empty() ? "ok\n" : fmt::format("ok {}\n", *answer);
  std::string line =
      fmt::format("error {} {}", static_cast<unsigned>(answer.error().code), answer.error().message);
  if (!answer.error().where.empty()) line += ": " + answer.error().where;
  std::ranges::replace(line, '\n', ' ');
  return line.substr(0, kMountLineBytesMax - 1) + "\n";
}

Result<std::string> parse_answer(std::string_view line) {
  std::string_view rest = line;
  const std::string_view word = take_word(rest);
  if (word == "ok") return std::string(rest);
  if (word != "error") return not_a_line(line);
  const auto number = number_in(take_word(rest));
  if (number) {
    for (const CodeInfo& info : all_codes()) {
      if (static_cast<std::uint32_t>(info.code) == *number) return fail(info.code, std::string(rest));
    }
  }
  return not_a_line(line);
}

std::string to_line(const MountNote& note) {
  const std::string_view what = kNotes[static_cast<std::size_t>(note.what)];
  switch (note.what) {
    case MountNote::What::kHello:
      return fmt::format("{} {}\n", what, to_hex(as_bytes(note.text)));
    case MountNote::What::kNumber:
      return fmt::format("{} {} {}\n", what, note.number, note.text);
    case MountNote::What::kLast:
    case MountNote::What::kStarted:
      return fmt::format("{} {}\n", what, note.number);
    case MountNote::What::kReady:
    case MountNote::What::kGo:
      break;
  }
  return fmt::format("{}\n", what);
}

Result<MountNote> parse_note(std::string_view line) {
  std::string_view rest = line;
  const auto what = place_in(kNotes, take_word(rest));
  if (!what) return not_a_line(line);
  MountNote note{.what = static_cast<MountNote::What>(*what)};
  if (note.what == MountNote::What::kHello) {
    const auto bytes = from_hex(rest);
    if (!bytes) return not_a_line(line);
    note.text = as_text(*bytes);
  } else if (note.what != MountNote::What::kReady && note.what != MountNote::What::kGo) {
    const auto number = number_in(take_word(rest));
    if (!number) return not_a_line(line);
    note.number = *number;
    note.text = rest;
  }
  return note;
}

}  // namespace rtt::views
