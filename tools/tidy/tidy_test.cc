// SPDX-License-Identifier: Apache-2.0
// tidy: a small clean tree has no violation; each kind planted into it is found, by name and at its line.
#include "tidy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

namespace rtt::tidy {
namespace {

namespace fs = std::filesystem;

const std::string kHead = "// SPDX-License-Identifier: Apache-2.0\n";
const std::string kHeader = kHead + "// X: a thing.\n//\n// Thread: any.   Fails: never.\n#pragma once\n";

class TreeTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / ("rtt-tidy-" + std::to_string(std::random_device{}()));
    fs::create_directories(root_);
    put("src/FLOORS",
        "# The tower.\nbase pure :\nos effects : base\napply effects : base os\n  machine pure\n");
    put("CMakeLists.txt", "rtt_floor(base)\nrtt_floor(os base LIBS x)\nrtt_floor(apply base os)\n");
    put(".gitignore", "/build/\n");
    put("src/base/result.h", kHeader + "#include <vector>\n");
    put("src/base/result.cc", kHead + "#include \"base/result.h\"\n\nint f() { return 1; }\n");
    put("src/base/result_test.cc", kHead + "#include <gtest/gtest.h>\n#include \"base/result.h\"\n");
    put("src/os/fd.h", kHeader + "#include \"base/result.h\"\n");
    put("src/os/fd.cc", kHead + "#include \"os/fd.h\"\n#include <unistd.h>\n");
    put("src/os/fd_test.cc", kHead + "#include \"os/fd.h\"\n");
    put("src/apply/machine.h", kHeader + "#include \"base/result.h\"\n");
    put("src/apply/machine.cc", kHead + "#include \"apply/machine.h\"\n");
    put("src/apply/run.cc", kHead + "#include \"apply/machine.h\"\n#include \"os/fd.h\"\n");
    put("src/apply/run_test.cc", kHead);
    put("src/main.cc", kHead + "#include \"os/fd.h\"\nint main() { return 0; }\n");
  }
  void TearDown() override { fs::remove_all(root_); }

  void put(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  std::vector<Violation> found() { return check(root_.string()); }
  // Exactly one violation: this rule, in this file, at this line.
  void expect_only(const std::string& rule, const std::string& file, std::size_t line) {
    const auto all = found();
    EXPECT_EQ(all.size(), 1U);
    for (const Violation& one : all) {
      EXPECT_EQ(one.rule, rule) << one.message;
      EXPECT_EQ(one.file, file) << one.message;
      EXPECT_EQ(one.line, line) << one.message;
      EXPECT_FALSE(one.message.empty());
    }
  }

  fs::path root_;
};

TEST_F(TreeTest, clean_tree_has_no_violation) {
  for (const Violation& one : found())
    ADD_FAILURE() << one.file << ":" << one.line << " " << one.rule << " " << one.message;
}

TEST_F(TreeTest, include_upward) {
  put("src/base/result.cc", kHead + "#include \"base/result.h\"\n#include \"apply/machine.h\"\n");
  expect_only("floor", "src/base/result.cc", 3);
}
TEST_F(TreeTest, include_of_nothing) {
  put("src/apply/run.cc", kHead + "#include \"apply/machine.h\"\n#include \"os/gone.h\"\n");
  expect_only("include", "src/apply/run.cc", 3);
}
TEST_F(TreeTest, pure_floor_reaches_os_through_a_chain) {
  put("src/base/other.h", kHeader + "#include \"os/fd.h\"\n");
  put("src/base/result.cc", kHead + "#include \"base/other.h\"\n");
  const auto all = found();
  EXPECT_TRUE(std::any_of(all.begin(), all.end(), [](const Violation& one) {
    return one.rule == "pure" && one.file == "src/base/result.cc" &&
           one.message.find("src/base/result.cc -> src/base/other.h -> src/os/fd.h") != std::string::npos;
  }));
}
TEST_F(TreeTest, listed_step_machine_reaches_os) {
  put("src/apply/machine.cc", kHead + "#include \"apply/machine.h\"\n#include \"os/fd.h\"\n");
  expect_only("pure", "src/apply/machine.cc", 0);
}
TEST_F(TreeTest, impure_standard_header) {
  put("src/base/result.cc", kHead + "#include <chrono>\n");
  expect_only("pure", "src/base/result.cc", 0);
}
TEST_F(TreeTest, clock_in_pure_code) {
  put("src/base/result.cc", kHead + "long now() { return time(nullptr) + x.time(1) + run_time(2); }\n");
  expect_only("pure", "src/base/result.cc", 2);
}
TEST_F(TreeTest, unordered_container_in_pure_code) {
  put("src/base/result.cc", kHead + "std::unordered_map<int, int> m;\n");
  expect_only("pure", "src/base/result.cc", 2);
}
TEST_F(TreeTest, system_header_outside_os) {
  put("src/apply/run.cc", kHead + "#include <sys/socket.h>\n#include \"os/fd.h\"\n");
  expect_only("system-header", "src/apply/run.cc", 2);
}
TEST_F(TreeTest, library_on_another_floor) {
  put("src/apply/run.cc", kHead + "#include <openssl/evp.h>\n#include \"os/fd.h\"\n");
  expect_only("library", "src/apply/run.cc", 2);
}
TEST_F(TreeTest, test_library_in_the_program) {
  put("src/apply/run.cc", kHead + "#include <gtest/gtest.h>\n");
  expect_only("library", "src/apply/run.cc", 2);
}
TEST_F(TreeTest, floors_out_of_order) {
  put("src/FLOORS", "base pure :\nos effects : base apply\napply effects : base os\n");
  put("CMakeLists.txt", "rtt_floor(base)\nrtt_floor(os base apply)\nrtt_floor(apply base os)\n");
  expect_only("floor-order", "src/FLOORS", 2);
}
TEST_F(TreeTest, pure_floor_that_names_an_effectful_one) {
  put("src/FLOORS", "base pure :\nos effects : base\napply pure : base os\n");
  const auto all = found();
  EXPECT_TRUE(std::any_of(all.begin(), all.end(),
                          [](const Violation& one) { return one.rule == "pure" && one.line == 3; }));
}
TEST_F(TreeTest, unreadable_floors_line) {
  put("src/FLOORS", "base pure :\nos effects : base\napply effects : base os\n  machine pure\nbroken\n");
  expect_only("floors-file", "src/FLOORS", 5);
}
TEST_F(TreeTest, listed_file_that_is_gone) {
  put("src/FLOORS", "base pure :\nos effects : base\napply effects : base os\n  ghost pure\n");
  expect_only("floors-file", "src/FLOORS", 3);
}
TEST_F(TreeTest, folder_that_is_no_floor) {
  put("src/extra/x.cc", kHead);
  expect_only("floor", "src/extra", 0);
}
TEST_F(TreeTest, build_with_other_arrows) {
  put("CMakeLists.txt", "rtt_floor(base)\nrtt_floor(os base LIBS x)\nrtt_floor(apply base)\n");
  expect_only("build", "CMakeLists.txt", 3);
}
TEST_F(TreeTest, build_in_another_order) {
  put("CMakeLists.txt", "rtt_floor(base)\nrtt_floor(apply base os)\nrtt_floor(os base)\n");
  EXPECT_EQ(found().size(), 2U);
}
TEST_F(TreeTest, build_without_a_floor) {
  put("CMakeLists.txt", "rtt_floor(base)\nrtt_floor(os base)\n");
  expect_only("build", "CMakeLists.txt", 0);
}
TEST_F(TreeTest, floor_without_tests) {
  fs::remove(root_ / "src/apply/run_test.cc");
  expect_only("tests", "src/apply", 0);
}
TEST_F(TreeTest, header_nobody_includes) {
  put("src/os/lonely.h", kHeader);
  expect_only("dead-header", "src/os/lonely.h", 0);
}
TEST_F(TreeTest, file_too_long) {
  put("src/apply/run.cc", kHead + std::string(kFileLinesMax, '\n'));
  expect_only("size", "src/apply/run.cc", 0);
  put("src/apply/run.cc", kHead + std::string(kFileLinesMax - 1, '\n'));
  EXPECT_TRUE(found().empty());
}
TEST_F(TreeTest, header_too_long) {
  put("src/os/fd.h", kHeader + std::string(kHeaderLinesMax, '\n'));
  expect_only("size", "src/os/fd.h", 0);
}
TEST_F(TreeTest, function_too_long) {
  const auto function = [&](std::size_t lines) {
    std::string text = kHead + "namespace a {\nstruct S {\n  void g(int x) const {\n";
    for (std::size_t i = 2; i < lines; ++i) text += i % 2 == 0 ? "    if (x) {\n" : "    }\n";
    return text + "  }\n};\n}\n";
  };
  put("src/apply/run.cc", function(kFunctionLinesMax));
  EXPECT_TRUE(found().empty());
  put("src/apply/run.cc", function(kFunctionLinesMax + 2));
  expect_only("size", "src/apply/run.cc", 4);
}
TEST_F(TreeTest, tables_and_scopes_are_no_functions) {
  std::string rows;
  for (std::size_t i = 0; i < kFunctionLinesMax + 10; ++i) rows += "    {1, f(2), \"{\"},\n";
  put("src/apply/run.cc",
      kHead + "constexpr auto k = std::to_array<X>({\n" + rows + "});\nint t[] = {\n" + rows + "};\n");
  EXPECT_TRUE(found().empty());
}
TEST_F(TreeTest, line_too_wide) {
  put("src/apply/run.cc", kHead + "//" + std::string(kColumnsMax - 2, 'x') + "\n");
  EXPECT_TRUE(found().empty());
  put("src/apply/run.cc", kHead + "//" + std::string(kColumnsMax - 1, 'x') + "\n");
  expect_only("columns", "src/apply/run.cc", 2);
  put("src/apply/run.cc", kHead + "const char* t = R\"(\n" + std::string(300, 'x') + "\n)\";\n");
  EXPECT_TRUE(found().empty());
  std::string umlauts = "//";
  for (std::size_t i = 2; i < kColumnsMax; ++i) umlauts += "ü";
  put("src/apply/run.cc", kHead + umlauts + "\n");
  EXPECT_TRUE(found().empty());
}
TEST_F(TreeTest, drawer_names) {
  for (const char* name : {"util", "string_utils", "test_helper", "common", "misc", "route_manager"}) {
    const std::string path = std::string("src/apply/") + name + ".cc";
    put(path, kHead);
    expect_only("name", path, 0);
    fs::remove(root_ / path);
  }
  put("src/apply/uncommon.cc", kHead);
  EXPECT_TRUE(found().empty());
}
TEST_F(TreeTest, banned_words) {
  put("src/apply/run.cc", kHead + "void f() { throw 1; }\n");
  expect_only("word", "src/apply/run.cc", 2);
  put("src/apply/run.cc", kHead + "// FIXME later\n");
  expect_only("word", "src/apply/run.cc", 2);
  put("src/apply/run.cc", kHead + "// never throw here\nconst char* t = \"throw\";\n");
  put("tests/sim/world/disk.cc", kHead + "void f() { throw 1; }\n");
  EXPECT_TRUE(found().empty());
}
TEST_F(TreeTest, sleeping_tests) {
  for (const char* call : {"std::this_thread::sleep_for(x)", "usleep(5)", "nanosleep(a, b)", "sleep(1)"}) {
    put("src/apply/run_test.cc", kHead + "void f() { " + call + "; }\n");
    expect_only("word", "src/apply/run_test.cc", 2);
  }
  put("src/apply/run_test.cc", kHead + "bool asleep(int);\n");
  EXPECT_TRUE(found().empty());
}
TEST_F(TreeTest, missing_licence) {
  put("src/apply/run.cc", "int x;\n");
  expect_only("licence", "src/apply/run.cc", 1);
}
TEST_F(TreeTest, header_without_contract_words) {
  put("src/os/fd.h", kHead + "// X: a thing.   Thread: any.\n#pragma once\n#include \"base/result.h\"\n");
  expect_only("contract", "src/os/fd.h", 1);
  put("src/os/fd.h",
      kHead + "// X: a thing.   Fails: never.\n#pragma once\n#include \"base/result.h\"\n// Thread: any\n");
  expect_only("contract", "src/os/fd.h", 1);
}
TEST_F(TreeTest, header_without_pragma_once) {
  put("src/os/fd.h", kHead + "// X: a thing.   Thread: any.   Fails: never.\n");
  expect_only("head", "src/os/fd.h", 0);
}
TEST_F(TreeTest, full_root) {
  for (std::size_t i = 0; i < kRootEntriesMax; ++i) put("entry" + std::to_string(i), "");
  expect_only("root", ".", 0);
  fs::create_directories(root_ / "build");
  for (std::size_t i = 0; i < 3; ++i) fs::remove(root_ / ("entry" + std::to_string(i)));
  EXPECT_TRUE(found().empty());  // src, CMakeLists.txt and .gitignore are the rest; build/ is ignored
}

}  // namespace
}  // namespace rtt::tidy
