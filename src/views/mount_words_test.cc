// SPDX-License-Identifier: Apache-2.0
#include "views/mount_words.h"

#include <gtest/gtest.h>

namespace rtt::views {
namespace {

std::string_view without_end(std::string_view line) { return line.substr(0, line.size() - 1); }

TEST(MountWords, what_is_asked_is_understood) {
  using Verb = MountAsk::Verb;
  for (const MountAsk& ask :
       {MountAsk{Verb::kAdd, "w-1", 7}, MountAsk{Verb::kShow, "a.b", 18446744073709551615U},
        MountAsk{Verb::kDrop, "w", 0}, MountAsk{Verb::kList, "", 0}}) {
    const auto again = parse_ask(without_end(to_line(ask)));
    ASSERT_TRUE(again) << to_line(ask);
    EXPECT_EQ(again->verb, ask.verb);
    EXPECT_EQ(again->workspace, ask.workspace);
    EXPECT_EQ(again->generation, ask.generation);
  }
}

TEST(MountWords, anything_else_is_refused) {
  for (const char* line :
       {"", " ", "add", "add w", "add w 0", "add w 01", "add w -1", "add w 1 2", "add ../w 1", "show .w 1",
        "show w 18446744073709551616", "drop", "drop a/b", "list x", "LIST"}) {
    const auto ask = parse_ask(line);
    ASSERT_FALSE(ask) << line;
    EXPECT_EQ(ask.error().code, Code::kBadArgument);
  }
}

TEST(MountWords, answers_keep_their_code) {
  EXPECT_EQ(*parse_answer(without_end(answer_line(std::string("w/1 w/2*")))), "w/1 w/2*");
  EXPECT_EQ(*parse_answer(without_end(answer_line(std::string()))), "");
  const auto error = parse_answer(without_end(answer_line(fail(Code::kTampered, "torn\nin two", "/x"))));
  EXPECT_EQ(error.error().code, Code::kTampered);
  EXPECT_EQ(error.error().message, "torn in two: /x");
  for (const char* line : {"", "okay", "error", "error x y", "error 7 y"})
    EXPECT_FALSE(parse_answer(line)) << line;
}

TEST(MountWords, notes_between_keeper_and_server) {
  using What = MountNote::What;
  for (const MountNote& note :
       {MountNote{What::kHello, 0, std::string("\0\xff\n", 3)}, MountNote{What::kNumber, 77, "w/claude"},
        MountNote{What::kNumber, 0, "w#3"}, MountNote{What::kLast, 5, ""}, MountNote{What::kStarted, 9, ""},
        MountNote{What::kReady}, MountNote{What::kGo}}) {
    const auto again = parse_note(without_end(to_line(note)));
    ASSERT_TRUE(again) << to_line(note);
    EXPECT_EQ(again->what, note.what);
    EXPECT_EQ(again->number, note.number);
    EXPECT_EQ(again->text, note.text);
  }
  for (const char* line : {"", "hello x", "number", "number x w", "stay"})
    EXPECT_FALSE(parse_note(line)) << line;
}

}  // namespace
}  // namespace rtt::views
