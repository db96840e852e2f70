// SPDX-License-Identifier: Apache-2.0
// Goal: RTT's entry goes in and out of any client's text and leaves no trace; what is shown holds no secret.
#include "mcp/configs/client_edit.h"

#include <gtest/gtest.h>

#include <random>

namespace rtt::mcp {
namespace {

Started door(const std::string& name) {
  return {.name = name, .command = {"rtt", "mcp", "serve", name, "-C", "/w é"}};
}

ClientText read(const std::string& text, ClientForm form) {
  const Section section{.form = form, .path = {is_toml(form) ? "mcp_servers" : "mcpServers"}};
  auto out = ClientText::read(text, section, "f");
  if (!out) ADD_FAILURE() << out.error().where << " " << out.error().message << "\n" << text;
  return out ? *std::move(out) : *ClientText::read("", section, "f");
}

// A client's TOML in one of the spellings people use for servers a, b and c.
class TomlWriter {
 public:
  TomlWriter(std::mt19937& random, ClientForm form) : random_(random), vibe_(form == ClientForm::kVibeToml) {
    newline_ = below(3) == 0 ? "\r\n" : "\n";
    spelling_ = below(vibe_ ? 2 : 4);
  }
  std::string document() {
    line(note() + "title = \"x # é\"" + tail());
    if (below(2) == 0) line("");
    const std::size_t count = below(4);
    if (spelling_ == 1) {  // one inline value
      std::string all;
      for (std::size_t i = 0; i < count; ++i) {
        all += (i > 0 ? ", " : "") +
               (vibe_ ? table(i) : std::string(1, static_cast<char>('a' + i)) + " = " + table(i));
      }
      line(std::string("mcp_servers = ") + (vibe_ ? "[" : "{") + all + (vibe_ ? "]" : "}") + tail());
    } else {
      if (spelling_ >= 2 && count > 0) line("[mcp_servers]" + tail());
      for (std::size_t i = 0; i < count; ++i) server(i);
    }
    line("");
    line("[tools]" + tail());
    line("x = [\"[mcp_servers.no]\", # no");
    line("  '''it''']");
    return out_;
  }

 private:
  std::size_t below(std::size_t n) { return random_() % n; }
  void line(const std::string& text) { out_ += text + newline_; }
  std::string tail() { return below(3) == 0 ? " # \"why\" = 1" : ""; }
  std::string note() { return below(2) == 0 ? "# note" + newline_ : ""; }
  std::string table(std::size_t i) {
    return (vibe_ ? "{ name = \"" + std::string(1, static_cast<char>('a' + i)) + "\", " : std::string("{ ")) +
           "command = \"c\", args = [\"1\", '2'], env.K = \"v\", timeout = 3 }";
  }
  void server(std::size_t i) {
    const std::string name(1, static_cast<char>('a' + i));
    if (spelling_ == 2) return line(name + " = " + table(i) + tail());
    if (spelling_ == 3) {
      line(name + ".command = \"c\"" + tail());
      return line(name + ".env.K = 'v'" + tail());
    }
    line((vibe_ ? "[[mcp_servers]]" : "[mcp_servers." + name + "]") + tail());
    if (vibe_) line("name = \"" + name + "\"");
    line("command = \"c\"" + tail());
    if (below(2) == 0) line("args = [" + newline_ + "  \"1\", # one" + newline_ + "]");
    line("timeout = 3" + tail());
    if (below(2) == 0) {
      line("");
      line((vibe_ ? "[mcp_servers.env]" : "[mcp_servers." + name + ".env]") + tail());
      line("K = \"\"\"" + newline_ + "v\"\"\"" + tail());
    }
    line("");
  }

  std::mt19937& random_;
  bool vibe_;
  std::string newline_, out_;
  std::size_t spelling_;
};

TEST(ClientEdit, toml_gets_its_entries_back_as_they_were) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  int replaced = 0;
  for (int round = 0; round < 2000; ++round) {
    const ClientForm form = round % 2 == 0 ? ClientForm::kCodexToml : ClientForm::kVibeToml;
    const std::string before = TomlWriter(random, form).document();
    SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + before);
    const ClientText text = read(before, form);
    const auto added = text.with(door("new"));
    ASSERT_TRUE(added) << added.error().message;
    const auto taken = added->without("new");
    ASSERT_TRUE(taken);
    ASSERT_EQ(taken->text(), before) << added->text();
    for (const EntryText& entry : text.entries()) {
      const auto ours = text.with(door(entry.name));
      ASSERT_TRUE(ours) << entry.name << ": " << ours.error().message;
      EXPECT_EQ(ours->find(entry.name)->native.string_or("command"), "rtt");
      EXPECT_EQ(ours->find(entry.name)->native.find("env"), nullptr);
      EXPECT_EQ(ours->find(entry.name)->native.int_or("timeout", 3), 3);
      EXPECT_EQ(ours->with(door(entry.name))->text(), ours->text());
      const auto back = ours->with_raw(entry.name, entry.raw);
      ASSERT_TRUE(back);
      ASSERT_EQ(back->find(entry.name)->native, entry.native) << back->text();
      const auto gone = text.without(entry.name);
      ASSERT_TRUE(gone) << gone.error().message;
      const auto again = gone->with_raw(entry.name, entry.raw);
      ASSERT_TRUE(again) << again.error().message << gone->text();
      ASSERT_EQ(again->find(entry.name)->native, entry.native) << again->text();
      ++replaced;
    }
  }
  EXPECT_GT(replaced, 500);
}

TEST(ClientEdit, what_a_client_keeps_in_an_entry_stays) {
  const ClientText text =
      read(R"({"mcpServers":{"a":{"type":"http","url":"https://h","headers":{"K":"v"},"trust":true}}})",
           ClientForm::kMcpServers);
  const auto ours = text.with(door("a"));
  ASSERT_TRUE(ours);
  EXPECT_EQ(
      ours->text(),
      R"({"mcpServers":{"a":{"type":"stdio","trust":true,"command":"rtt","args":["mcp", "serve", "a", "-C", "/w é"]}}})");
}

TEST(ClientEdit, what_is_shown_holds_only_what_may_be_shown) {
  const std::string json =
      "{ // \"token\": \"sentinel-1\", \"x\"\n\"key\": \"sentinel-2\", \"mcpServers\": {\"a\": {\"command\": "
      "\"c\", "
      "\"env\": {\"K\": \"sentinel-\\u0033\"}, /* K = 'sentinel-4' */ \"args\": [\"x\"]}}}";
  const std::string shown = read(json, ClientForm::kMcpServers).masked({"c", "x"});
  EXPECT_FALSE(shown.contains("sentinel")) << shown;
  EXPECT_TRUE(shown.contains("\"command\": \"c\"")) << shown;
  EXPECT_TRUE(shown.contains("\"args\": [\"x\"]")) << shown;
  EXPECT_EQ(std::ranges::count(shown, '\n'), std::ranges::count(json, '\n'));
  const std::string toml =
      "key = 'sentinel-1' # K = \"sentinel-2\"\n[mcp_servers.a]\ncommand = \"c\"\nenv = { K = "
      "\"\"\"sentinel\n-3\"\"\" }\n";
  const std::string hidden = read(toml, ClientForm::kCodexToml).masked({"c"});
  EXPECT_FALSE(hidden.contains("sentinel")) << hidden;
  EXPECT_TRUE(hidden.contains("command = \"c\"")) << hidden;
  EXPECT_EQ(std::ranges::count(hidden, '\n'), std::ranges::count(toml, '\n'));
}

TEST(ClientEdit, a_name_that_is_there_twice_is_refused) {
  for (const auto& [text, form] : std::vector<std::pair<std::string, ClientForm>>{
           {R"({"mcpServers":{"a":{},"a":{}}})", ClientForm::kMcpServers},
           {"[[mcp_servers]]\nname='a'\n[[mcp_servers]]\nname='a'\n", ClientForm::kVibeToml}}) {
    const Section section{.form = form, .path = {is_toml(form) ? "mcp_servers" : "mcpServers"}};
    EXPECT_EQ(ClientText::read(text, section, "f").error().code, Code::kJsonDuplicateKey);
  }
}

}  // namespace
}  // namespace rtt::mcp
