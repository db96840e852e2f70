// SPDX-License-Identifier: Apache-2.0
#include "os/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "os/file.h"
#include "os/symlink.h"
#include "os/temp_dir.h"

namespace rtt::os {
namespace {

TEST(MappedFile, shows_the_whole_file_and_outlives_its_name) {
  const auto dir = TempDir::create();
  const std::string path = *dir / "file", content(10'000, 'x');
  ASSERT_TRUE(write_atomic(path, content, {}));
  auto mapped = MappedFile::open(path, content.size());
  ASSERT_TRUE(mapped);
  ASSERT_TRUE(remove_file(path));
  const MappedFile moved = std::move(*mapped);
  EXPECT_EQ(as_text(moved.bytes()), content);
}

TEST(MappedFile, an_empty_file_has_no_bytes) {
  const auto dir = TempDir::create();
  ASSERT_TRUE(write_atomic(*dir / "file", "", {}));
  EXPECT_TRUE(MappedFile::open(*dir / "file", 0)->bytes().empty());
}

TEST(MappedFile, what_is_no_plain_file_of_that_size_is_refused) {
  const auto dir = TempDir::create();
  ASSERT_TRUE(write_atomic(*dir / "file", "12345", {}));
  ASSERT_TRUE(replace_link(*dir / "link", "file"));
  ASSERT_EQ(::mkfifo((*dir / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(MappedFile::open(*dir / "file", 4).error().code, Code::kTooLarge);
  EXPECT_EQ(MappedFile::open(*dir / "link", 100).error().code, Code::kNotRegular);
  EXPECT_EQ(MappedFile::open(*dir / "fifo", 100).error().code, Code::kNotRegular);
  EXPECT_EQ(MappedFile::open(dir->path(), 100).error().code, Code::kNotRegular);
  EXPECT_EQ(MappedFile::open(*dir / "none", 100).error().code, Code::kNotFound);
}

TEST(MappedFile, a_file_that_is_cut_ends_the_process_or_reads_as_zeros) {
  const auto dir = TempDir::create();
  const std::string path = *dir / "file";
  const auto read_after_the_cut = [&] {
    (void)write_atomic(path, std::string(100'000, 'x'), {});
    const auto file = MappedFile::open(path, 1 << 20);
    if (::truncate(path.c_str(), 50'000) != 0) return 2;
    const ByteView bytes = file->bytes();
    const auto zeros = std::ranges::count(bytes, std::byte{0});
    return zeros == 50'000 ? 0 : 1;
  };
  EXPECT_EXIT(
      {
        (void)::signal(SIGBUS, SIG_DFL);  // a sanitizer takes it otherwise
        ::_exit(read_after_the_cut());
      },
      testing::KilledBySignal(SIGBUS), "");
  EXPECT_EXIT(
      {
        if (!read_cut_pages_as_zeros()) ::_exit(3);
        ::_exit(read_after_the_cut());
      },
      testing::ExitedWithCode(0), "");
}

TEST(Symlink, is_replaced_and_read) {
  const auto dir = TempDir::create();
  const std::string path = *dir / "link";
  for (const char* target : {"a", "b/c", "nowhere at all"}) {
    ASSERT_TRUE(replace_link(path, target));
    EXPECT_EQ(*read_link(path), target);
  }
  EXPECT_EQ(list_directory(dir->path())->size(), 1u);
  ASSERT_TRUE(write_atomic(*dir / "file", "", {}));
  EXPECT_EQ(read_link(*dir / "file").error().code, Code::kNotRegular);
  EXPECT_EQ(read_link(*dir / "none").error().code, Code::kNotFound);
  ASSERT_TRUE(make_directories(*dir / "folder"));
  EXPECT_FALSE(replace_link(*dir / "folder", "a"));  // a folder is no link to replace
  EXPECT_EQ(list_directory(dir->path())->size(), 3u);
}

}  // namespace
}  // namespace rtt::os
