// SPDX-License-Identifier: Apache-2.0
#include "disk.h"

#include <utility>

namespace rtt::sim {

class WorldFile final : public journal::StoredFile {
 public:
  WorldFile(Disk& disk, std::unique_ptr<StoredFile> file) : disk_(disk), file_(std::move(file)) {}
  Result<std::uint64_t> size() override { return file_->size(); }
  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    return file_->read_at(offset, into);
  }
  Result<Range> next_data(std::uint64_t offset) override { return file_->next_data(offset); }
  Status write_at(std::uint64_t offset, ByteView bytes) override {
    if (Status allowed = disk_.before_change(); !allowed) {
      // A write that failed may have been done in part.
      (void)file_->write_at(offset, bytes.first(bytes.size() / 2));
      return allowed;
    }
    RTT_TRY(file_->write_at(offset, bytes));
    disk_.after_change();
    return {};
  }
  Status sync_data() override {
    if (Status allowed = disk_.before_change(); !allowed) {
      disk_.failed_sync_ = true;
      return allowed;
    }
    RTT_TRY(file_->sync_data());
    disk_.after_change();
    return {};
  }
  void forget_cache() override {}

 private:
  Disk& disk_;
  std::unique_ptr<StoredFile> file_;
};

class WorldStorage final : public journal::Storage {
 public:
  explicit WorldStorage(Disk& disk) : disk_(disk) {}
  Result<std::vector<std::string>> names() override { return disk_.disk_.names(); }
  Result<std::unique_ptr<journal::StoredFile>> open(const std::string& name, Access access) override {
    RTT_TRY_SET(auto file, disk_.disk_.open(name, access));
    return std::make_unique<WorldFile>(disk_, std::move(file));
  }
  Status create_zeroed(const std::string& name, const NewFile& file) override {
    RTT_TRY(disk_.before_change());
    RTT_TRY(disk_.disk_.create_zeroed(name, file));
    disk_.after_change();
    return {};
  }
  Status save(const std::string& name, ByteView content) override {
    RTT_TRY(disk_.before_change());
    RTT_TRY(disk_.disk_.save(name, content));
    disk_.after_change();
    return {};
  }
  Status remove(const std::string& name) override {
    RTT_TRY(disk_.before_change());
    RTT_TRY(disk_.disk_.remove(name));
    disk_.after_change();
    return {};
  }
  bool writer_active() override { return false; }
  [[nodiscard]] std::string path_of(const std::string& name) const override { return "wal/" + name; }

 private:
  Disk& disk_;
};

std::unique_ptr<journal::Storage> Disk::open() { return std::make_unique<WorldStorage>(*this); }

Status Disk::moment() {
  const auto due = faults_.find(++moments_);
  if (due == faults_.end()) return {};
  const Fault fault = due->second;
  faults_.erase(due);
  if (fault == Fault::kPowerCut) throw Killed{};
  ++errors_;
  return fail(Code::kIo, "the simulated disk failed");
}

Status Disk::before_change() {
  if (full_) {
    ++refused_full_;
    return fail(Code::kNoSpace, "the simulated disk is full");
  }
  return moment();
}

// What is done is done: a device that is to fail here fails the next change.
void Disk::after_change() {
  if (!moment()) faults_[moments_ + 1] = Fault::kIoError;
}

void Disk::lose_power(Random& chance) {
  const auto pieces = journal::pieces_of(disk_.image());
  std::vector<std::size_t> survived;
  for (const journal::Piece& piece : pieces) {
    const std::size_t bytes = piece.to - piece.from;
    const std::uint64_t how = chance.below(5);
    survived.push_back(how < 2 ? 0 : how < 4 ? bytes : static_cast<std::size_t>(chance.below(bytes)));
  }
  if (!pieces.empty()) ++torn_;
  disk_.become(journal::crashed(disk_.image(), pieces, survived));
  failed_sync_ = false;
}

}  // namespace rtt::sim
