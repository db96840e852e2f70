// SPDX-License-Identifier: Apache-2.0
#include "journal/disk_storage.h"

#include <utility>

#include "os/disk_file.h"
#include "os/file.h"

namespace rtt::journal {
namespace {

class RealFile final : public StoredFile {
 public:
  explicit RealFile(os::DiskFile file) : file_(std::move(file)) {}
  Result<std::uint64_t> size() override { return file_.size(); }
  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    return file_.read_at(offset, into);
  }
  Result<Range> next_data(std::uint64_t offset) override {
    RTT_TRY_SET(const auto range, file_.next_data(offset));
    return Range{.begin = range.begin, .end = range.end};
  }
  Status write_at(std::uint64_t offset, ByteView bytes) override { return file_.write_at(offset, bytes); }
  Status sync_data() override { return file_.sync_data(); }
  void forget_cache() override { file_.forget_cache(); }

 private:
  os::DiskFile file_;
};

class RealFolder final : public Storage {
 public:
  explicit RealFolder(std::string directory) : directory_(std::move(directory)) {}

  Result<std::vector<std::string>> names() override {
    auto names = os::list_directory(directory_);
    if (!names && names.error().code == Code::kNotFound) return std::vector<std::string>{};
    return names;
  }
  Result<std::unique_ptr<StoredFile>> open(const std::string& name, Access access) override {
    using Mode = os::DiskFile::Access;
    RTT_TRY_SET(auto file,
                os::DiskFile::open(path_of(name), access == Access::kRead ? Mode::kRead : Mode::kReadWrite));
    return std::make_unique<RealFile>(std::move(file));
  }
  Status create_zeroed(const std::string& name, const NewFile& file) override {
    return os::DiskFile::create_zeroed(path_of(name),
                                       {.bytes = file.bytes, .written_bytes = file.written_bytes}, file.head);
  }
  Status save(const std::string& name, ByteView content) override {
    return os::write_atomic(path_of(name), as_text(content), {.mode = 0600});
  }
  Status remove(const std::string& name) override { return os::remove_file(path_of(name)); }
  bool writer_active() override { return os::FileLock::held(path_of(kLockName)); }
  [[nodiscard]] std::string path_of(const std::string& name) const override {
    return directory_ + "/" + name;
  }

 private:
  std::string directory_;
};

}  // namespace

std::unique_ptr<Storage> disk_storage(const std::string& directory) {
  return std::make_unique<RealFolder>(directory);
}
Layout disk_layout() { return {}; }

}  // namespace rtt::journal
