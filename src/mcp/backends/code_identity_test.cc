// SPDX-License-Identifier: Apache-2.0
// Goal: the code behind a command is found, told apart by content and by nothing else, and read once. Method:
// commands over files in a folder of the test's own.
#include "mcp/backends/code_identity.h"

#include <gtest/gtest.h>

#include "crypto/sha256.h"
#include "os/file.h"
#include "os/temp_dir.h"

namespace rtt::mcp {
namespace {

using text::Json;

class CodeIdentityTest : public testing::Test {
 protected:
  std::string write(const std::string& name, std::string_view content) {
    const std::string path = dir_.path() + "/" + name;
    EXPECT_TRUE(os::make_directories(path.substr(0, path.rfind('/'))));
    EXPECT_TRUE(os::write_atomic(path, content, {.mode = 0755}));
    return path;
  }
  CodeIdentity read(std::vector<std::string> argv) { return read(std::move(argv), digests_); }
  CodeIdentity read(std::vector<std::string> argv, CodeDigests& digests) {
    return code_of({.argv = std::move(argv),
                    .env = {{"PATH", dir_.path() + "/bin"}, {"HOME", dir_.path()}},
                    .directory = dir_.path()},
                   digests);
  }
  static std::string roles(const CodeIdentity& code) {
    std::string out;
    for (const CodePart& part : code.parts) out += part.role + " ";
    return out;
  }
  static const CodePart& part(const CodeIdentity& code, std::string_view role) {
    static const CodePart kNone;
    const auto at = std::ranges::find(code.parts, role, &CodePart::role);
    return at == code.parts.end() ? kNone : *at;
  }
  // Two packages, `notes` that needs `dep`, and one that nobody needs.
  void install(std::string_view dep = "1.0.0", std::string_view other = "1.0.0") {
    write("node_modules/notes/package.json", R"({"name":"notes","version":"2.0.0"})");
    write("node_modules/notes/dist/index.js", "//");
    const auto entry = [](std::string_view version) {
      return Json::object({{"version", version}, {"integrity", "sha512-" + std::string(version)}});
    };
    Json notes = entry("2.0.0");
    notes.set("dependencies", Json::object({{"dep", "^1"}}));
    const Json lock = Json::object({{"packages", Json::object({{"node_modules/notes", notes},
                                                               {"node_modules/dep", entry(dep)},
                                                               {"node_modules/other", entry(other)}})}});
    write("node_modules/.package-lock.json", text::to_json(lock));
  }

  os::TempDir dir_ = *os::TempDir::create();
  CodeDigests digests_;
};

TEST_F(CodeIdentityTest, a_digest_is_that_of_the_content) {
  const std::string program = write("bin/tool", "#!/no/such/shell\n" + std::string(600'000, 'x'));
  const CodeIdentity code = read({"tool"});
  EXPECT_EQ(roles(code), "executable ");
  EXPECT_EQ(part(code, "executable").digest, crypto::sha256(*os::read_file(program, 1'000'000)));
  EXPECT_TRUE(code.whole);
}

TEST_F(CodeIdentityTest, an_unchanged_file_is_not_read_again) {
  const std::string program = write("bin/tool", "one");
  CodePart known = part(read({"tool"}), "executable");
  known.digest = crypto::sha256("what was said of it before");
  CodeDigests digests;
  digests.keep(known);
  EXPECT_EQ(part(read({"tool"}, digests), "executable").digest, known.digest);
  write("bin/tool", "two");  // another file by its stamp, of the same length
  EXPECT_EQ(part(read({"tool"}, digests), "executable").digest, crypto::sha256("two"));
}

TEST_F(CodeIdentityTest, a_large_file_is_read_in_steps) {
  constexpr std::size_t kPieces = 5;
  write("bin/tool", std::string(kPieces * CodeReader::kStepBytes, 'x'));
  CodeReader reader({.argv = {"tool"}, .env = {{"PATH", dir_.path() + "/bin"}}, .directory = dir_.path()},
                    digests_);
  std::size_t steps = 1;
  while (reader.step()) ++steps;
  EXPECT_GE(steps, kPieces);
  EXPECT_EQ(roles(reader.take()), "executable ");
}

TEST_F(CodeIdentityTest, interpreter_and_script_count) {
  write("bin/node", "a program");
  write("bin/wrapped", "#!/usr/bin/env -S A=1 node\n");
  const std::string script = write("server.js", "//");
  EXPECT_EQ(roles(read({"node", "--no-warnings", script, "--port", "1"})), "executable script ");
  EXPECT_EQ(roles(read({"node", "server.js"})), "executable script ");
  EXPECT_EQ(roles(read({"wrapped"})), "executable interpreter ");
  EXPECT_EQ(roles(read({"node", "-e", script})), "executable ");  // its code is an argument
  EXPECT_FALSE(read({"missing"}).whole);
}

TEST_F(CodeIdentityTest, a_package_is_its_files_its_integrity_and_what_it_depends_on) {
  install();
  write("bin/node", "a program");
  const std::vector<std::string> argv{"node", dir_.path() + "/node_modules/notes/dist/index.js"};
  const CodeIdentity before = read(argv);
  EXPECT_EQ(roles(before), "executable script package dependencies ");
  EXPECT_EQ(text::to_json(before.package),
            R"({"integrity":"sha512-2.0.0","manager":"npm","name":"notes","version":"2.0.0"})");
  EXPECT_TRUE(compare_code(before, read(argv)).empty());

  install("1.0.0", "9.0.0");  // what the package does not need
  EXPECT_TRUE(compare_code(before, read(argv)).empty());

  install("1.0.1");
  auto changes = compare_code(before, read(argv));
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].pointer, "/code/dependencies");

  install();
  write("node_modules/notes/extra.js", "//");
  changes = compare_code(before, read(argv));
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].pointer, "/code/package");
}

TEST_F(CodeIdentityTest, npx_runs_the_folders_package_or_the_one_it_keeps) {
  write("bin/npx", "a program");
  EXPECT_FALSE(read({"npx", "-y", "notes@2.0.0"}).whole);  // it is yet to be fetched
  write(".npm/_npx/0a/package.json", R"({"_npx":{"packages":["notes@2.0.0"]}})");
  write(".npm/_npx/0a/node_modules/notes/package.json", R"({"name":"notes","version":"2.0.0"})");
  const CodeIdentity kept = read({"npx", "-y", "notes@2.0.0"});
  EXPECT_TRUE(kept.whole);
  EXPECT_EQ(kept.package.string_or("version"), "2.0.0");
  install();
  EXPECT_EQ(read({"npx", "notes"}).package.string_or("integrity"), "sha512-2.0.0");
}

TEST_F(CodeIdentityTest, what_was_accepted_comes_back_from_its_record) {
  install();
  write("bin/npx", "a program");
  const registry::Workspace workspace{.root = dir_.path(), .user_dir = dir_.path() + "/user"};
  EXPECT_FALSE(read_code_record(workspace, "notes"));
  const CodeRecord record{.pin = crypto::sha256("pin"), .code = read({"npx", "notes"})};
  ASSERT_TRUE(write_code_record(workspace, "notes", record));
  const auto back = read_code_record(workspace, "notes");
  ASSERT_TRUE(back);
  EXPECT_EQ(back->pin, record.pin);
  EXPECT_EQ(back->code.parts, record.code.parts);
  EXPECT_EQ(back->code.package, record.code.package);
  CodeDigests known;
  known.know(back->code);
  EXPECT_EQ(read({"npx", "notes"}, known).parts, record.code.parts);
}

}  // namespace
}  // namespace rtt::mcp
