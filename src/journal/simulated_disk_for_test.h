// SPDX-License-Identifier: Apache-2.0
// SimulatedDisk: a Storage in memory that knows which writes were synced, so that a test can stop it at any
// moment and look at every state a real disk might show after the power comes back. Killing a process cannot
// do that: the page cache survives the process, and a forgotten sync goes unseen.
//
// Model: what was synced stays. Of what was not, each 512-byte sector shows the old or the new bytes,
// independently of all others, or the new bytes up to some point and the old ones after it. create_zeroed,
// save and remove are whole or absent.
//
// Owns: its images (values: copying one is taking a picture).   Thread: one.   Limits: memory. For tests.
//
// Fails: as the seam it stands behind, when told to.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "journal/storage.h"

namespace rtt::journal {

struct PendingWrite {
  std::uint64_t offset = 0;
  Bytes bytes;
};
struct FileImage {
  Bytes durable;
  std::vector<PendingWrite> pending;  // in order, not synced

  [[nodiscard]] std::size_t size() const {
    std::size_t end = durable.size();
    for (const PendingWrite& write : pending)
      end = std::max(end, static_cast<std::size_t>(write.offset) + write.bytes.size());
    return end;
  }
  // What a reader sees before a crash: `into` from `offset` on, as far as the file goes.
  std::size_t read(std::uint64_t offset, MutableBytes into) const {
    const std::size_t end = size(), at = static_cast<std::size_t>(std::min<std::uint64_t>(offset, end));
    const MutableBytes seen = into.first(std::min(into.size(), end - at));
    if (seen.empty()) return 0;
    std::ranges::fill(seen, std::byte{0});
    lay_over(seen, at, durable, 0);
    for (const PendingWrite& write : pending)
      lay_over(seen, at, write.bytes, static_cast<std::size_t>(write.offset));
    return seen.size();
  }
  static void lay_over(MutableBytes seen, std::size_t at, ByteView bytes, std::size_t offset) {
    const std::size_t from = std::max(at, offset), to = std::min(at + seen.size(), offset + bytes.size());
    if (from < to) std::memcpy(seen.data() + (from - at), bytes.data() + (from - offset), to - from);
  }
  static void apply(Bytes& bytes, const PendingWrite& write, std::size_t from, std::size_t to) {
    const auto at = static_cast<std::size_t>(write.offset);
    if (at + to > bytes.size()) bytes.resize(at + to);
    std::copy(write.bytes.begin() + static_cast<std::ptrdiff_t>(from),
              write.bytes.begin() + static_cast<std::ptrdiff_t>(to),
              bytes.begin() + static_cast<std::ptrdiff_t>(at + from));
  }
};
using DiskImage = std::map<std::string, FileImage>;

// One sector's part of a pending write.
struct Piece {
  std::string file;
  std::size_t write = 0;
  std::size_t from = 0, to = 0;  // in the write's bytes
};
inline constexpr std::size_t kSimulatedSectorBytes = 512;

inline std::vector<Piece> pieces_of(const DiskImage& image, std::size_t unit = kSimulatedSectorBytes) {
  std::vector<Piece> pieces;
  for (const auto& [name, file] : image) {
    for (std::size_t w = 0; w < file.pending.size(); ++w) {
      const PendingWrite& write = file.pending[w];
      for (std::size_t from = 0; from < write.bytes.size();) {
        const std::size_t into = static_cast<std::size_t>(write.offset + from) % unit;
        const std::size_t to = std::min(write.bytes.size(), from + unit - into);
        pieces.push_back({.file = name, .write = w, .from = from, .to = to});
        from = to;
      }
    }
  }
  return pieces;
}

// The disk after a crash in which, of each piece, the first survived[i] bytes were kept.
inline DiskImage crashed(const DiskImage& image, const std::vector<Piece>& pieces,
                         const std::vector<std::size_t>& survived) {
  DiskImage after;
  for (const auto& [name, file] : image) after[name].durable = file.durable;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (survived[i] == 0) continue;
    const Piece& piece = pieces[i];
    FileImage::apply(after[piece.file].durable, image.at(piece.file).pending[piece.write], piece.from,
                     piece.from + survived[i]);
  }
  return after;
}

class SimulatedDisk final : public Storage {
 public:
  // `step` is called after every change of the image, which is when a crash may happen.
  explicit SimulatedDisk(DiskImage image = {}, std::function<void(const DiskImage&)> step = {})
      : image_(std::move(image)), step_(std::move(step)) {}

  const DiskImage& image() const { return image_; }
  void become(DiskImage image) { image_ = std::move(image); }  // REQUIRES: no file of it is open
  // The n-th change from now on fails (0: the next one); a failed write may still have left its bytes
  // pending.
  void fail_after(int changes) { failing_ = changes; }

  Result<std::vector<std::string>> names() override {
    std::vector<std::string> names;
    for (const auto& entry : image_) names.push_back(entry.first);
    return names;
  }
  Result<std::unique_ptr<StoredFile>> open(const std::string& name, Access) override {
    const auto found = image_.find(name);
    if (found == image_.end()) return fail(Code::kNotFound, name + " is not there", name);
    return std::make_unique<File>(*this, found->second);
  }
  Status create_zeroed(const std::string& name, const NewFile& asked) override {
    RTT_TRY(change());
    if (image_.contains(name)) return fail(Code::kIo, name + " exists", name);
    FileImage file;
    file.durable.resize(static_cast<std::size_t>(asked.bytes));
    std::copy(asked.head.begin(), asked.head.end(), file.durable.begin());
    image_[name] = std::move(file);
    moment();
    return {};
  }
  Status save(const std::string& name, ByteView content) override {
    RTT_TRY(change());
    image_[name] = FileImage{.durable = Bytes(content.begin(), content.end()), .pending = {}};
    moment();
    return {};
  }
  // As a journalling file system: removed at once, or not at all.
  Status remove(const std::string& name) override {
    RTT_TRY(change());
    image_.erase(name);
    moment();
    return {};
  }
  bool writer_active() override { return false; }
  [[nodiscard]] std::string path_of(const std::string& name) const override { return "disk/" + name; }

 private:
  class File final : public StoredFile {
   public:
    File(SimulatedDisk& disk, FileImage& image) : disk_(disk), image_(image) {}
    Result<std::uint64_t> size() override { return image().size(); }
    Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
      return image().read(offset, into);
    }
    Result<Range> next_data(std::uint64_t offset) override {
      const std::uint64_t end = image().size();
      return Range{.begin = std::min(offset, end), .end = end};
    }
    Status write_at(std::uint64_t offset, ByteView bytes) override {
      const Status allowed = disk_.change();
      image().pending.push_back({.offset = offset, .bytes = Bytes(bytes.begin(), bytes.end())});
      disk_.moment();
      return allowed;
    }
    Status sync_data() override {
      RTT_TRY(disk_.change());
      for (const PendingWrite& write : image().pending)
        FileImage::apply(image().durable, write, 0, write.bytes.size());
      image().pending.clear();
      disk_.moment();
      return {};
    }
    void forget_cache() override {}

   private:
    FileImage& image() { return image_; }
    SimulatedDisk& disk_;
    FileImage& image_;  // a map's values stay where they are
  };

  Status change() {
    if (failing_ >= 0 && failing_-- == 0) return fail(Code::kIo, "the simulated disk failed");
    return {};
  }
  void moment() {
    if (step_) step_(image_);
  }

  DiskImage image_;
  std::function<void(const DiskImage&)> step_;
  int failing_ = -1;
};

}  // namespace rtt::journal
