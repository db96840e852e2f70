// SPDX-License-Identifier: Apache-2.0
// Files: what is not a regular file is refused without blocking, a write shows whole or not at all, nothing
// follows a symlink it should not.
#include "os/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/dir.h"
#include "os/disk_file.h"
#include "os/link.h"
#include "os/temp_dir.h"

namespace rtt::os {
namespace {

class FileTest : public ::testing::Test {
 protected:
  TempDir dir_ = *TempDir::create();
  std::string at(const std::string& name) const { return dir_ / name; }
  void put(const std::string& name, std::string_view content) const {
    const auto slash = name.rfind('/');
    if (slash != std::string::npos) {
      ASSERT_TRUE(make_directories(at(name.substr(0, slash))));
    }
    ASSERT_TRUE(write_atomic(at(name), content, {.durable = Durable::kNo}));
  }
};

Code code_of(const auto& result) { return result ? Code::kInternal : result.error().code; }

TEST_F(FileTest, reads_back_what_was_written_at_every_size_around_the_limits) {
  for (const std::size_t size : {0u, 1u, 4095u, 4096u, 4097u, 65536u, 65537u, 200000u}) {
    std::string content(size, 'x');
    for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 31);
    ASSERT_TRUE(write_atomic(at("f"), content));
    EXPECT_EQ(read_file(at("f"), size), content);
    if (size > 0) {
      EXPECT_EQ(code_of(read_file(at("f"), size - 1)), Code::kTooLarge);
    }
  }
}

TEST_F(FileTest, fifo_device_socketlike_and_directory_are_refused_without_blocking) {
  ASSERT_EQ(::mkfifo(at("fifo").c_str(), 0600), 0);
  EXPECT_EQ(code_of(read_file(at("fifo"), 10)), Code::kNotRegular);
  EXPECT_EQ(code_of(read_file("/dev/zero", 10)), Code::kNotRegular);
  EXPECT_EQ(code_of(read_file(dir_.path(), 10)), Code::kNotRegular);
  const auto absent = read_file(at("absent"), 10);
  EXPECT_EQ(code_of(absent), Code::kNotFound);
  EXPECT_EQ(absent.error().where, at("absent"));
  EXPECT_NE(absent.error().message.find("No such file"), std::string::npos);
}

TEST_F(FileTest, files_that_claim_size_zero_are_read_whole) {
  const auto status = read_file("/proc/self/status", 1 << 20);
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->starts_with("Name:"));
}

TEST_F(FileTest, write_atomic_replaces_and_leaves_no_temp_behind_even_when_it_fails) {
  put("f", "one");
  put("f", "two");
  EXPECT_EQ(read_file(at("f"), 100), "two");
  ASSERT_TRUE(make_directories(at("folder/inner")));
  EXPECT_FALSE(write_atomic(at("folder"), "x"));  // a non-empty folder cannot be renamed over
  EXPECT_EQ(list_directory(dir_.path()), (std::vector<std::string>{"f", "folder"}));
  EXPECT_EQ(code_of(write_atomic(at("absent/f"), "x")), Code::kNotFound);
}

TEST_F(FileTest, write_all_replaces_each_and_leaves_no_temp_behind_even_when_it_fails) {
  put("a/old", "1");
  put("b/other", "1");
  std::vector<NewFile> files{{at("a/old"), "2"}};
  for (int i = 0; i < 130; ++i) files.push_back({at("b/f" + std::to_string(i)), std::to_string(i)});
  ASSERT_TRUE(write_all(files));
  for (const NewFile& file : files) EXPECT_EQ(*read_file(file.path, 1000), file.content);
  EXPECT_EQ(list_directory(at("a"))->size(), 1U);
  EXPECT_EQ(list_directory(at("b"))->size(), 131U);
  EXPECT_EQ(code_of(write_all({{at("a/old"), "3"}, {at("absent/f"), "x"}})), Code::kNotFound);
  EXPECT_EQ(*read_file(at("a/old"), 1000), "2");  // none was put in its place before all were written
  EXPECT_EQ(list_directory(at("a"))->size(), 1U);
  EXPECT_TRUE(write_all({}));
}

// Kept open it stays the folder it was, and never leads out of itself.
TEST_F(FileTest, a_folder_that_is_kept_open_is_read_wherever_it_is_moved) {
  put("a/f", "1");
  put("out", "secret");
  ASSERT_EQ(::symlink("../out", at("a/link").c_str()), 0);
  const auto folder = Folder::open(at("a"));
  ASSERT_TRUE(folder);
  ASSERT_EQ(::rename(at("a").c_str(), at("b").c_str()), 0);
  put("a/f", "another");
  EXPECT_EQ(folder->read("f", 1000)->content, "1");
  EXPECT_EQ(folder->stamp_of("f"), *stamp_beneath(at("b"), "f"));
  EXPECT_EQ(folder->stamp_of("absent").inode, 0U);
  EXPECT_EQ(code_of(folder->read("absent", 1000)), Code::kNotFound);
  EXPECT_EQ(code_of(folder->read("link", 1000)), Code::kEscapes);
  EXPECT_EQ(code_of(folder->read("../out", 1000)), Code::kEscapes);
  EXPECT_EQ(code_of(folder->read("f", 0)), Code::kTooLarge);
  EXPECT_EQ(code_of(Folder::open(at("absent"))), Code::kNotFound);
}

TEST_F(FileTest, mode_is_as_asked) {
  ASSERT_TRUE(write_atomic(at("secret"), "s", {.mode = 0600}));
  struct stat info{};
  ASSERT_EQ(::stat(at("secret").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(FileTest, write_once_keeps_what_is_there) {
  ASSERT_TRUE(write_once(at("f"), "first", {.mode = 0444}));
  ASSERT_TRUE(write_once(at("f"), "second"));
  EXPECT_EQ(read_file(at("f"), 100), "first");
  EXPECT_EQ(list_directory(dir_.path()), std::vector<std::string>{"f"});
}

TEST_F(FileTest, make_directories_accepts_existing_and_names_what_is_in_the_way) {
  ASSERT_TRUE(make_directories(at("a/b/c")));
  ASSERT_TRUE(make_directories(at("a/b/c")));
  put("a/file", "");
  const auto blocked = make_directories(at("a/file/deeper"));
  ASSERT_FALSE(blocked);
  EXPECT_EQ(blocked.error().code, Code::kNotRegular);
  EXPECT_EQ(blocked.error().where, at("a/file"));
}

TEST_F(FileTest, remove_tree_removes_links_and_not_what_they_point_to) {
  put("keep/file", "kept");
  put("gone/a/b/file", "x");
  ASSERT_EQ(::symlink(at("keep").c_str(), at("gone/link").c_str()), 0);
  ASSERT_EQ(::symlink("..", at("gone/a/up").c_str()), 0);
  ASSERT_EQ(::mkfifo(at("gone/fifo").c_str(), 0600), 0);
  ASSERT_TRUE(remove_tree(at("gone")));
  EXPECT_FALSE(exists(at("gone")));
  EXPECT_EQ(read_file(at("keep/file"), 10), "kept");
  ASSERT_TRUE(remove_tree(at("gone")));
  ASSERT_EQ(::symlink(at("keep").c_str(), at("alias").c_str()), 0);
  ASSERT_TRUE(remove_tree(at("alias")));
  EXPECT_TRUE(exists(at("keep/file")));
}

TEST_F(FileTest, lock_excludes_until_released) {
  auto held = FileLock::take(at("lock"), FileLock::Wait::kNo);
  ASSERT_TRUE(held);
  EXPECT_EQ(code_of(FileLock::take(at("lock"), FileLock::Wait::kNo)), Code::kBusy);
  EXPECT_TRUE(FileLock::held(at("lock")));
  held = fail(Code::kInternal, "released");
  EXPECT_FALSE(FileLock::held(at("lock")));
  EXPECT_FALSE(FileLock::held(at("absent")));
  EXPECT_TRUE(FileLock::take(at("lock"), FileLock::Wait::kNo));
}

TEST_F(FileTest, every_descriptor_is_close_on_exec) {
  const Fd first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const auto copy = first.duplicate();
  ASSERT_TRUE(copy);
  EXPECT_NE(::fcntl(copy->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(FileTest, disk_file_is_created_whole_and_written_in_place) {
  ASSERT_TRUE(
      DiskFile::create_zeroed(at("seg"), {.bytes = 10'000, .written_bytes = 5'000}, as_bytes("head")));
  EXPECT_FALSE(DiskFile::create_zeroed(at("seg"), {.bytes = 10, .written_bytes = 10}, {}));
  EXPECT_EQ(list_directory(dir_.path()), std::vector<std::string>{"seg"});
  auto file = DiskFile::open(at("seg"), DiskFile::Access::kReadWrite);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->size(), 10'000u);
  ASSERT_TRUE(file->write_at(9'998, as_bytes("xy")));
  ASSERT_TRUE(file->sync_data());
  Bytes all(20'000, std::byte{1});
  EXPECT_EQ(file->read_at(0, all), 10'000u);
  EXPECT_EQ(as_text(ByteView(all).first(5)), std::string_view("head\0", 5));
  EXPECT_EQ(as_text(ByteView(all).subspan(9'996, 4)), std::string_view("\0\0xy", 4));
  EXPECT_EQ(file->next_data(0)->begin, 0u);
  EXPECT_EQ(file->next_data(9'999)->begin, 9'999u);
  EXPECT_EQ(file->next_data(9'999)->end, 10'000u);
  EXPECT_EQ(file->next_data(10'000)->begin, 10'000u);
  ASSERT_TRUE(DiskFile::create_zeroed(at("large"), {.bytes = 1 << 20, .written_bytes = 4096}, {}));
  const auto large = DiskFile::open(at("large"), DiskFile::Access::kRead);
  EXPECT_EQ(large->size(), 1u << 20);
  EXPECT_EQ(large->next_data(0)->begin, 0u);
  EXPECT_EQ(large->next_data(65536)->end, 1u << 20);  // all of it where the file system does not know better
  ASSERT_EQ(::symlink("seg", at("link").c_str()), 0);
  EXPECT_FALSE(DiskFile::open(at("link"), DiskFile::Access::kRead));
  EXPECT_EQ(code_of(DiskFile::open(dir_.path(), DiskFile::Access::kRead)), Code::kNotRegular);
  EXPECT_EQ(code_of(DiskFile::open(at("absent"), DiskFile::Access::kRead)), Code::kNotFound);
}

// --- dir.h
// -----------------------------------------------------------------------------------------------------------

std::vector<std::string> walked(const std::string& root, const WalkOptions& options = {},
                                std::string_view skip = {}) {
  std::vector<std::string> paths;
  const auto stats = walk(root, options, [&](const Entry& entry) {
    paths.push_back(std::string(entry.path) + ":" + std::to_string(entry.depth));
    return entry.name == skip ? Visit::kSkip : Visit::kContinue;
  });
  EXPECT_TRUE(stats);
  return paths;
}

TEST_F(FileTest, walk_goes_in_name_order_parents_first_and_never_through_links) {
  put("b/x", "");
  put("a/z/deep", "");
  put("a/y", "");
  ASSERT_EQ(::symlink("..", at("a/loop").c_str()), 0);
  ASSERT_EQ(::symlink("/etc", at("out").c_str()), 0);
  EXPECT_EQ(walked(dir_.path()), (std::vector<std::string>{"a:0", "a/loop:1", "a/y:1", "a/z:1", "a/z/deep:2",
                                                           "b:0", "b/x:1", "out:0"}));
  EXPECT_EQ(walked(dir_.path(), {}, "a"), (std::vector<std::string>{"a:0", "b:0", "b/x:1", "out:0"}));
}

TEST_F(FileTest, walk_limits_show_as_truncated) {
  put("a/b/c", "");
  put("d", "");
  const auto keep = [](const Entry&) { return Visit::kContinue; };
  EXPECT_TRUE(walk(dir_.path(), {.entries_max = 2}, keep)->truncated);
  EXPECT_EQ(walk(dir_.path(), {.entries_max = 2}, keep)->entries, 2u);
  EXPECT_FALSE(walk(dir_.path(), {.entries_max = 4}, keep)->truncated);
  EXPECT_TRUE(walk(dir_.path(), {.depth_max = 2}, keep)->truncated);
  EXPECT_EQ(walk(dir_.path(), {.depth_max = 2}, keep)->entries, 3u);
  EXPECT_FALSE(walk(dir_.path(), {.depth_max = 3}, keep)->truncated);
}

TEST_F(FileTest, walk_counts_folders_it_may_not_read) {
  if (::geteuid() == 0) GTEST_SKIP() << "root reads everything";
  put("closed/f", "");
  ASSERT_EQ(::chmod(at("closed").c_str(), 0), 0);
  EXPECT_EQ(walk(dir_.path(), {}, [](const Entry&) { return Visit::kContinue; })->errors, 1u);
  ASSERT_EQ(::chmod(at("closed").c_str(), 0700), 0);
}

TEST_F(FileTest, read_beneath_never_leaves_the_root) {
  put("secret", "outside");
  put("root/in/file", "inside");
  const std::string root = at("root");
  ASSERT_EQ(::symlink("../secret", (root + "/link").c_str()), 0);
  ASSERT_EQ(::symlink("in", (root + "/alias").c_str()), 0);
  ASSERT_EQ(::symlink("self", (root + "/self").c_str()), 0);
  ASSERT_EQ(::mkfifo((root + "/fifo").c_str(), 0600), 0);
  const auto inside = read_beneath(root, "in/file", 100);
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->content, "inside");
  EXPECT_EQ(inside->stamp, *stamp_beneath(root, "in/file"));
  EXPECT_EQ(inside->stamp.size, 6u);
  for (const char* bad : {"../secret", "link", "alias/file", "self", "in/../../secret", "/etc/passwd"}) {
    EXPECT_EQ(code_of(read_beneath(root, bad, 100)), Code::kEscapes) << bad;
    EXPECT_EQ(code_of(stamp_beneath(root, bad)), Code::kEscapes) << bad;
  }
  EXPECT_EQ(code_of(read_beneath(root, "fifo", 100)), Code::kNotRegular);
  EXPECT_EQ(code_of(read_beneath(root, "in", 100)), Code::kNotRegular);
  EXPECT_EQ(code_of(read_beneath(root, "absent", 100)), Code::kNotFound);
  EXPECT_EQ(code_of(read_beneath(root, "in/file", 5)), Code::kTooLarge);
}

// --- clock.h
// ---------------------------------------------------------------------------------------------------------

TEST(Clock, rfc3339_known_instants) {
  EXPECT_EQ(rfc3339({0}), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(rfc3339({-1}), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(rfc3339({951'782'400'000'123}), "2000-02-29T00:00:00.000123Z");
  EXPECT_EQ(rfc3339({4'102'444'799'999'999}), "2099-12-31T23:59:59.999999Z");
  const Instant earlier = now();
  EXPECT_LE(earlier, now());
}

TEST(Entropy, differs_each_time) {
  EXPECT_EQ(random_hex(16).size(), 32u);
  EXPECT_NE(random_hex(16), random_hex(16));
}

TEST(HardLink, is_put_in_the_place_of_a_file_and_leaves_no_other_name) {
  const auto dir = TempDir::create();
  const std::string kept = *dir / "kept", path = *dir / "path";
  ASSERT_TRUE(write_atomic(kept, "kept"));
  ASSERT_TRUE(write_atomic(path, "old"));
  for (int again = 0; again < 2; ++again) {
    EXPECT_EQ(*put_hard_link(kept, path), Linked::kDone);
    EXPECT_TRUE(same_file(kept, path));
    EXPECT_EQ(list_directory(dir->path())->size(), 2U);
  }
  ASSERT_TRUE(make_directories(*dir / "folder"));
  EXPECT_FALSE(put_hard_link(kept, *dir / "folder"));
  EXPECT_EQ(put_hard_link(*dir / "nothing", path).error().code, Code::kNotFound);
  EXPECT_EQ(list_directory(dir->path())->size(), 3U);
}

}  // namespace
}  // namespace rtt::os
