// SPDX-License-Identifier: Apache-2.0
// A sandbox holds what it says it holds, for the child and all it starts; a test that the kernel cannot run
// says so.
#include "os/sandbox.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/file.h"
#include "os/process.h"
#include "os/temp_dir.h"

namespace rtt::os {
namespace {

class Sandboxed : public ::testing::Test {
 protected:
  void SetUp() override { fresh(); }
  void fresh() const {
    for (const char* folder : {"data", "work", "secret", "new"}) {
      ASSERT_TRUE(remove_tree(temp_ / folder));
      if (folder == std::string("new")) continue;
      ASSERT_TRUE(make_directories(temp_ / folder));
      ASSERT_TRUE(write_atomic(temp_ / folder + "/file", std::string(folder) + "\n"));
    }
  }

  int run(const std::string& script, const Sandbox& sandbox) {
    auto child = spawn({.argv = {"sh", "-c", "cd " + temp_.path() + "; " + script},
                        .env = {{"PATH", "/usr/bin:/bin"}},
                        .in = Wire::kNull,
                        .out = Wire::kNull,
                        .err = Wire::kNull,
                        .sandbox = sandbox});
    if (!child) ADD_FAILURE() << child.error().message;
    return child ? child->wait().code : -1;
  }

  Sandbox files() { return {.read = {temp_ / "data"}, .write = {temp_ / "work"}}; }
  TempDir temp_ = *TempDir::create();
};

bool has_landlock() { return ::syscall(444, nullptr, 0, 1U) >= 3; }

TEST_F(Sandboxed, reads_and_writes_what_is_listed_and_nothing_else) {
  if (!has_landlock()) GTEST_SKIP() << "this kernel has no Landlock 3";
  const std::string held =
      "cat data/file && cat work/file && echo new > work/new && rm work/new && "
      "mkdir work/folder && mv work/file work/folder/file && echo x > /dev/null";
  EXPECT_EQ(run(held, files()), 0);
  for (const char* refused :
       {"cat secret/file", "ls secret", "echo x > data/file", "echo x > data/new", "rm data/file",
        "mkdir new", "echo x > secret/file", "ln secret/file work/link",
        "ln -s ../secret work/out && cat work/out/file", "mv data/file work/stolen",
        "cp /bin/true secret/true", "truncate -s 0 data/file", "setsid sh -c 'cat secret/file'",
        "cat /proc/$PPID/environ", "dd if=secret/file", "cd secret && cat file"}) {
    fresh();
    EXPECT_EQ(run(refused, {}), 0) << refused;
    fresh();
    EXPECT_NE(run(refused, files()), 0) << refused;
  }
  EXPECT_EQ(*read_file(temp_ / "data" + "/file", 100), "data\n");
  EXPECT_EQ(*read_file(temp_ / "secret" + "/file", 100), "secret\n");
}

TEST_F(Sandboxed, no_network_means_no_sockets_of_any_family_and_files_as_before) {
  const Sandbox none{.network = Sandbox::Network::kNone};
  const std::string python = "python3 -c '";
  for (const char* family : {"AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"}) {
    const std::string script =
        python + "import socket; socket.socket(socket." + family + ", socket.SOCK_DGRAM)'";
    EXPECT_EQ(run(script, {}), 0) << family;
    EXPECT_NE(run(script, none), 0) << family;
  }
  EXPECT_EQ(run(python + "import socket; a, b = socket.socketpair(); a.send(b\"x\"); b.recv(1)'", none), 0);
  EXPECT_EQ(run("cat secret/file && echo x > secret/new", none), 0);
}

TEST_F(Sandboxed, what_it_lists_must_be_there) {
  if (!has_landlock()) GTEST_SKIP() << "this kernel has no Landlock 3";
  const auto child = spawn({.argv = {"true"}, .sandbox = {.read = {temp_ / "absent"}}});
  ASSERT_FALSE(child);
  EXPECT_NE(child.error().message.find("absent"), std::string::npos) << child.error().message;
}

}  // namespace
}  // namespace rtt::os
