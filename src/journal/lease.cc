// SPDX-License-Identifier: Apache-2.0
#include "journal/lease.h"

#include <utility>

#include "journal/disk_storage.h"

namespace rtt::journal {
namespace {

class FencedFile final : public StoredFile {
 public:
  FencedFile(std::unique_ptr<StoredFile> behind, const Lease& lease)
      : behind_(std::move(behind)), lease_(lease) {}
  Result<std::uint64_t> size() override { return behind_->size(); }
  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    return behind_->read_at(offset, into);
  }
  Result<Range> next_data(std::uint64_t offset) override { return behind_->next_data(offset); }
  Status write_at(std::uint64_t offset, ByteView bytes) override {
    RTT_TRY(lease_.in_force());
    return behind_->write_at(offset, bytes);
  }
  // What was written under a lease that was taken away meanwhile is not said to be durable.
  Status sync_data() override {
    RTT_TRY(behind_->sync_data());
    return lease_.in_force();
  }
  void forget_cache() override { behind_->forget_cache(); }

 private:
  std::unique_ptr<StoredFile> behind_;
  const Lease& lease_;
};

class FencedStorage final : public Storage {
 public:
  FencedStorage(std::unique_ptr<Storage> behind, const Lease& lease)
      : behind_(std::move(behind)), lease_(lease) {}
  Result<std::vector<std::string>> names() override { return behind_->names(); }
  Result<std::unique_ptr<StoredFile>> open(const std::string& name, Access access) override {
    RTT_TRY_SET(auto file, behind_->open(name, access));
    return std::make_unique<FencedFile>(std::move(file), lease_);
  }
  Status create_zeroed(const std::string& name, const NewFile& file) override {
    RTT_TRY(lease_.in_force());
    return behind_->create_zeroed(name, file);
  }
  Status save(const std::string& name, ByteView content) override {
    RTT_TRY(lease_.in_force());
    return behind_->save(name, content);
  }
  Status remove(const std::string& name) override {
    RTT_TRY(lease_.in_force());
    return behind_->remove(name);
  }
  bool writer_active() override { return behind_->writer_active(); }
  [[nodiscard]] std::string path_of(const std::string& name) const override { return behind_->path_of(name); }

 private:
  std::unique_ptr<Storage> behind_;
  const Lease& lease_;
};

}  // namespace

Lease::Lease(os::FileLock lock, os::Folder folder, std::string path)
    : lock_(std::move(lock)), folder_(std::move(folder)), path_(std::move(path)), held_(look()) {}

os::FileStamp Lease::look() const { return folder_.stamp_of(kLockName); }

Result<Lease> Lease::take(const std::string& directory) {
  std::string path = directory + "/" + kLockName;
  RTT_TRY_SET(os::FileLock lock, os::FileLock::take(path, os::FileLock::Wait::kNo));
  RTT_TRY_SET(os::Folder folder, os::Folder::open(directory));
  return Lease(std::move(lock), std::move(folder), std::move(path));
}

Status Lease::in_force() const {
  const os::FileStamp now = look();
  if (now.inode != 0 && now.inode == held_.inode && now.device == held_.device) return {};
  return fail(
      Code::kApplyBusy,
      "the lock of the journal was removed or replaced while it was held: another panel may be writing, "
      "so this one writes nothing any more",
      path_, "rtt down; rtt panel start");
}

std::unique_ptr<Storage> fenced(std::unique_ptr<Storage> behind, const Lease& lease) {
  return std::make_unique<FencedStorage>(std::move(behind), lease);
}

}  // namespace rtt::journal
