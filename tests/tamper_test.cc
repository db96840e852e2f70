// SPDX-License-Identifier: Apache-2.0
// Every byte of a small journal's used part and of every file of a small object store is altered, one at a
// time, and each time the reader must find it. The files are altered in place and put back, so one pass costs
// one read a byte.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "journal/journal.h"
#include "os/temp_dir.h"
#include "registry/identity.h"
#include "registry/snapshot.h"
#include "text/json_canonical.h"

namespace rtt {
namespace {

namespace fs = std::filesystem;
using text::Json;

std::uint64_t seed() {
  const char* given = std::getenv("RTT_TEST_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

class TamperTest : public ::testing::Test {
 protected:
  TamperTest() : seed_(seed()), random_(seed_) {
    std::printf("seed %llu (again: RTT_TEST_SEED=…)\n", static_cast<unsigned long long>(seed_));
    auto made = os::TempDir::create();
    if (made) directory_.emplace(*std::move(made));
  }
  void SetUp() override { ASSERT_TRUE(directory_); }

  // Any other value than the one it has.
  char other(char byte) {
    return static_cast<char>(byte ^ std::uniform_int_distribution<int>(1, 255)(random_));
  }

  std::uint64_t seed_;
  std::mt19937_64 random_;
  std::optional<os::TempDir> directory_;
};

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put_byte(const std::string& path, std::size_t offset, char byte) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
  ASSERT_TRUE(file.flush());
}

TEST_F(TamperTest, every_altered_byte_of_a_journal_is_found) {
  const std::string wal = *directory_ / "wal";
  {
    auto opened = journal::Journal::open(wal, {});
    ASSERT_TRUE(opened) << opened.error().message;
    for (int i = 0; i < 3; ++i) {  // of different padding
      Json payload = Json::object({{"x", std::string(static_cast<std::size_t>(i), 'x')}});
      ASSERT_TRUE(opened->journal->append_batch(
          {{.type = journal::RecordType::kAudit, .payload = std::move(payload)}}));
    }
  }
  std::vector<std::string> segments;
  for (const auto& entry : fs::directory_iterator(wal)) {
    if (entry.path().extension() == ".seg") segments.push_back(entry.path());
  }
  ASSERT_EQ(segments.size(), 1U);
  const std::string bytes = content(segments[0]);
  const std::size_t last = bytes.find_last_not_of('\0');
  const std::size_t used = (last / 8 + 1) * 8;
  const auto clean = [&] {
    const auto report = journal::read_journal(wal, [](const journal::Record&) {});
    return report && report->end == journal::ReadReport::End::kClean;
  };
  ASSERT_TRUE(clean());
  std::vector<std::size_t> offsets(used);
  for (std::size_t i = 0; i < used; ++i) offsets[i] = i;
  std::uniform_int_distribution<std::size_t> behind(used, bytes.size() - 1);
  for (int i = 0; i < 40; ++i) offsets.push_back(behind(random_));  // zeros that must stay zeros
  for (const std::size_t offset : offsets) {
    const char altered = other(bytes[offset]);
    put_byte(segments[0], offset, altered);
    EXPECT_FALSE(clean()) << "byte " << offset << " as " << static_cast<int>(altered);
    put_byte(segments[0], offset, bytes[offset]);
  }
  EXPECT_TRUE(clean());
}

class StoreTest : public TamperTest {
 protected:
  void SetUp() override {
    TamperTest::SetUp();
    workspace_ = {.root = *directory_ / "ws", .user_dir = *directory_ / "user"};
    fs::create_directories(workspace_.root);
    ASSERT_TRUE(registry::create_workspace(workspace_));
    const auto made = registry::create_own_key(workspace_.user_dir, "test");
    ASSERT_TRUE(made) << made.error().message;
    author("first");
    sign();
    author("second");  // so that one object is superseded
    sign();
  }

  void author(const std::string& description) {
    fs::create_directories(workspace_.path("a"));
    std::ofstream(workspace_.path("a/rtt.manifest.json"))
        << R"({"$schema":"https://rtt/spec/v1","symbol":{"saddr":"rtt://core/api/a@1.0.0","type":"api",)"
        << R"("direction":"provider","description":")" << description << "\"}}\n";
  }

  void sign() {
    auto key = registry::load_own_key(workspace_.user_dir);
    ASSERT_TRUE(key) << key.error().message;
    ASSERT_TRUE(registry::publish_key(workspace_, key->public_key(), "test"));
    const auto items = registry::items_to_sign(workspace_, {});
    ASSERT_TRUE(items) << items.error().message;
    ASSERT_FALSE(items->empty());
    ASSERT_TRUE(registry::sign_items(workspace_, *items, *key));
  }

  [[nodiscard]] bool sound() const {
    const registry::ObjectStore store(workspace_.cas(), workspace_.dot("registry/index.json"));
    const auto keys = registry::load_keyring(workspace_);
    if (!keys) return false;
    const auto report = store.verify_all(*keys);
    return report && report->bad.empty();
  }

  registry::Workspace workspace_;
};

TEST_F(StoreTest, every_altered_byte_of_an_object_or_signature_is_found) {
  ASSERT_TRUE(sound());
  std::vector<std::string> files{workspace_.dot("registry/index.json")};
  for (const auto& entry : fs::recursive_directory_iterator(workspace_.cas())) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  ASSERT_GE(files.size(),
            9U);  // two versions of a symbol, three configuration files, their signatures, the index
  std::size_t altered = 0;
  for (const std::string& path : files) {
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
    const std::string bytes = content(path);
    for (std::size_t offset = 0; offset < bytes.size(); ++offset, ++altered) {
      const char byte = other(bytes[offset]);
      put_byte(path, offset, byte);
      EXPECT_FALSE(sound()) << path << ": byte " << offset << ", '" << bytes[offset] << "' as "
                            << static_cast<int>(byte);
      put_byte(path, offset, bytes[offset]);
    }
    fs::resize_file(path, bytes.size() - 1);
    EXPECT_FALSE(sound()) << path << " cut by one byte";
    std::ofstream(path, std::ios::binary) << bytes << '\n';
    EXPECT_FALSE(sound()) << path << " with one byte more";
    std::ofstream(path, std::ios::binary) << bytes;
    if (path == files.front()) continue;  // an absent index is only one not built yet
    fs::rename(path, path + ".away");
    EXPECT_FALSE(sound()) << path << " gone";
    fs::rename(path + ".away", path);
  }
  EXPECT_TRUE(sound());
  std::printf("%zu bytes altered in %zu files\n", altered, files.size());
}

}  // namespace
}  // namespace rtt
