// SPDX-License-Identifier: Apache-2.0
// Unix sockets and descriptors that are not ours: descriptors pass whole or not at all, deep paths work,
// nothing blocks and nobody's flags change.
#include "os/pipe.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "os/process.h"
#include "os/temp_dir.h"
#include "os/unix_socket.h"

namespace rtt::os {
namespace {

Code code_of(const auto& result) { return result ? Code::kInternal : result.error().code; }
int open_descriptors() { return static_cast<int>(list_directory("/proc/self/fd")->size()); }
std::string text_of(const Bytes& buffer, std::size_t count) {
  return std::string(as_text(ByteView(buffer).first(count)));
}

TEST(UnixSocket, works_at_a_path_longer_than_sun_path) {
  const auto temp = TempDir::create();
  std::string deep = temp->path();
  while (deep.size() < 300) deep += "/a-folder-with-a-rather-long-name";
  auto listener = UnixListener::bind(deep, "panel.sock");
  ASSERT_TRUE(listener) << listener.error().message;
  EXPECT_FALSE(*listener->accept());  // nobody yet, and no blocking
  const auto client = connect_unix(deep, "panel.sock");
  ASSERT_TRUE(client) << client.error().message;
  const auto server = listener->accept();
  ASSERT_TRUE(*server);
  const auto peer = peer_identity((*server)->get());
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->pid, own_pid());
  EXPECT_EQ(peer->uid, own_uid());
  struct stat info{};
  ASSERT_EQ(::stat((deep + "/panel.sock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat(deep.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST(UnixSocket, dead_socket_is_replaced_live_one_and_other_files_are_not) {
  const auto temp = TempDir::create();
  {
    const std::string link = temp->path() + "/link";
    ASSERT_EQ(::symlink(temp->path().c_str(), link.c_str()), 0);
    EXPECT_FALSE(UnixListener::bind(link, "s"));  // would put the socket where the link leads
    const std::string open = temp->path() + "/open";
    ASSERT_TRUE(make_directories(open, 0755));
    EXPECT_EQ(code_of(UnixListener::bind(open, "s")), Code::kPermission);
    const auto first = UnixListener::bind(temp->path(), "s");
    ASSERT_TRUE(first);
    EXPECT_EQ(code_of(UnixListener::bind(temp->path(), "s")), Code::kBusy);
    EXPECT_TRUE(connect_unix(temp->path(), "s"));  // and it still listens
  }
  EXPECT_EQ(code_of(connect_unix(temp->path(), "s")), Code::kPanelDown);
  EXPECT_TRUE(UnixListener::bind(temp->path(), "s"));
  ASSERT_TRUE(write_atomic(*temp / "file", "precious"));
  EXPECT_EQ(code_of(UnixListener::bind(temp->path(), "file")), Code::kNotRegular);
  EXPECT_EQ(read_file(*temp / "file", 100), "precious");
  EXPECT_EQ(code_of(connect_unix(temp->path(), "absent")), Code::kPanelDown);
  EXPECT_EQ(code_of(connect_unix(*temp / "absent", "s")), Code::kPanelDown);
  EXPECT_EQ(code_of(UnixListener::bind(temp->path(), std::string(200, 'n'))), Code::kTooLarge);
}

TEST(UnixSocket, descriptors_arrive_close_on_exec_and_usable) {
  auto pair = *socket_pair();
  auto pipe = *make_pipe();
  ASSERT_TRUE(send_all(pair.first.get(), as_bytes("hello"), {pipe.second.get()}));
  pipe.second.reset();
  Bytes buffer(64);
  auto got = receive(pair.second.get(), buffer, kFdsPerMessageMax);
  ASSERT_TRUE(got);
  EXPECT_EQ(text_of(buffer, got->bytes), "hello");
  ASSERT_EQ(got->fds.size(), 1u);
  EXPECT_NE(::fcntl(got->fds[0].get(), F_GETFD) & FD_CLOEXEC, 0);
  ASSERT_TRUE(write_nowait(got->fds[0].get(), as_bytes("through")));
  EXPECT_EQ(read_nowait(pipe.first.get(), buffer)->bytes, 7u);
}

TEST(UnixSocket, more_descriptors_than_asked_for_are_refused_and_closed) {
  const auto pipe = *make_pipe();
  for (const int allowed : {0, 1, 2, 3}) {
    const auto pair = *socket_pair();
    const std::vector<int> sent(static_cast<std::size_t>(allowed) + 1, pipe.first.get());
    ASSERT_TRUE(send(pair.first.get(), as_bytes("x"), sent));
    const int before = open_descriptors();
    Bytes buffer(8);
    EXPECT_EQ(code_of(receive(pair.second.get(), buffer, allowed)), Code::kLimit) << allowed;
    EXPECT_EQ(open_descriptors(), before) << allowed;
  }
}

TEST(UnixSocket, end_would_block_and_lost_are_told_apart) {
  auto pair = *socket_pair();
  Bytes buffer(64);
  EXPECT_TRUE(receive(pair.first.get(), buffer)->would_block);
  EXPECT_EQ(code_of(receive_wait(pair.first.get(), buffer, 0, 0)), Code::kDeadline);
  const Bytes large(std::size_t{1} << 20);
  std::size_t queued = 0;
  for (;;) {  // fills the socket's buffer; the loop ends because the kernel bounds it
    const auto sent = send(pair.first.get(), large);
    ASSERT_TRUE(sent);
    if (sent->would_block) break;
    queued += sent->bytes;
  }
  EXPECT_GT(queued, 0u);
  EXPECT_EQ(code_of(send_all(pair.first.get(), large, {}, 0)), Code::kDeadline);
  pair.second.reset();
  EXPECT_EQ(code_of(send(pair.first.get(), as_bytes("x"))), Code::kLost);
  EXPECT_TRUE(receive(pair.first.get(), buffer)->closed);
}

class Nowait : public ::testing::Test {
 protected:
  void SetUp() override { ignore_broken_pipes(); }
  Bytes buffer_ = Bytes(1 << 16);
};

TEST_F(Nowait, pipe) {
  auto pipe = *make_pipe();
  EXPECT_TRUE(read_nowait(pipe.first.get(), buffer_)->would_block);
  std::size_t written = 0;
  for (;;) {
    const auto sent = write_nowait(pipe.second.get(), Bytes(10'000, std::byte{7}));
    ASSERT_TRUE(sent);
    if (sent->would_block) break;
    ASSERT_GT(sent->bytes, 0u);
    written += sent->bytes;
  }
  EXPECT_GE(written, 60'000u);
  std::size_t read = 0;
  for (;;) {
    const auto got = read_nowait(pipe.first.get(), buffer_);
    ASSERT_TRUE(got);
    if (got->would_block) break;
    read += got->bytes;
  }
  EXPECT_EQ(read, written);
  EXPECT_EQ(::fcntl(pipe.first.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(::fcntl(pipe.second.get(), F_GETFL) & O_NONBLOCK, 0);
  pipe.second.reset();
  EXPECT_TRUE(read_nowait(pipe.first.get(), buffer_)->closed);
  auto broken = *make_pipe();
  broken.first.reset();
  EXPECT_EQ(code_of(write_nowait(broken.second.get(), as_bytes("x"))), Code::kLost);
}

TEST_F(Nowait, socket_pair) {
  auto pair = *socket_pair();
  EXPECT_TRUE(read_nowait(pair.first.get(), buffer_)->would_block);
  EXPECT_EQ(write_nowait(pair.second.get(), as_bytes("abc"))->bytes, 3u);
  EXPECT_EQ(read_nowait(pair.first.get(), buffer_)->bytes, 3u);
  EXPECT_EQ(::fcntl(pair.first.get(), F_GETFL) & O_NONBLOCK, 0);
  pair.second.reset();
  EXPECT_TRUE(read_nowait(pair.first.get(), buffer_)->closed);
  EXPECT_EQ(code_of(write_nowait(pair.first.get(), as_bytes("x"))), Code::kLost);
}

TEST_F(Nowait, regular_file_is_always_ready_and_ends) {
  const auto temp = TempDir::create();
  const Fd file(::open((*temp / "f").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  EXPECT_EQ(write_nowait(file.get(), as_bytes("content"))->bytes, 7u);
  ASSERT_EQ(::lseek(file.get(), 0, SEEK_SET), 0);
  EXPECT_EQ(read_nowait(file.get(), buffer_)->bytes, 7u);
  EXPECT_TRUE(read_nowait(file.get(), buffer_)->closed);
  // Not in the page cache: the kernel would say "later", and no poll would ever announce it.
  ASSERT_EQ(::fsync(file.get()), 0);
  ASSERT_EQ(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
  ASSERT_EQ(::lseek(file.get(), 0, SEEK_SET), 0);
  EXPECT_EQ(read_nowait(file.get(), buffer_)->bytes, 7u);
}

TEST_F(Nowait, dev_null) {
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_TRUE(read_nowait(null.get(), buffer_)->closed);
  EXPECT_EQ(write_nowait(null.get(), as_bytes("gone"))->bytes, 4u);
}

TEST_F(Nowait, terminal) {
  int master = -1, slave = -1;
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  Fd ours(master);
  const Fd theirs(slave);
  EXPECT_TRUE(read_nowait(theirs.get(), buffer_)->would_block);
  EXPECT_EQ(write_nowait(ours.get(), as_bytes("line\n"))->bytes, 5u);
  EXPECT_EQ(receive_wait(theirs.get(), buffer_, 0, 0).has_value(),
            false);  // not a socket: an error, not a hang
  const auto got = read_nowait(theirs.get(), buffer_);
  EXPECT_EQ(text_of(buffer_, got->bytes), "line\n");
  EXPECT_EQ(write_nowait(theirs.get(), as_bytes("out"))->bytes, 3u);
  EXPECT_EQ(::fcntl(theirs.get(), F_GETFL) & O_NONBLOCK, 0);
  ours.reset();
  EXPECT_TRUE(read_nowait(theirs.get(), buffer_)->closed);
}

}  // namespace
}  // namespace rtt::os
