// SPDX-License-Identifier: Apache-2.0
// The world of the crash tests: a journal that is written, checkpointed and compacted on a simulated disk,
// every state that the disk could show after a crash at any moment, and the law that holds in each of them:
//
//   it opens; every acknowledged record is there, every other one is whole or absent; it can be written
//   again, and then reads back from the first record, and from the newest checkpoint, to the same root.
//
// What each record has to be is known from a run without a crash, so a state costs some microseconds.
//
// Thread: one.   Fails: a broken law is told by fault(), in words.   Limits: those of the scripts. For tests.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "journal/checkpoint.h"
#include "journal/checkpoint_writer.h"
#include "journal/compact.h"
#include "journal/group_commit.h"
#include "journal/recover.h"
#include "journal/simulated_disk_for_test.h"

namespace rtt::journal {

struct Step {
  enum class Kind : std::uint8_t {
    kBatch,       // records of these sizes, in one append
    kGroup,       // the same, each submitted for itself, and then written by whoever waits first
    kCheckpoint,  //
    kCompact,     // all but the last two segments
  } kind = Kind::kBatch;
  std::vector<std::size_t> sizes{};
};
using Script = std::vector<Step>;

inline Step batch(std::vector<std::size_t> sizes) { return {Step::Kind::kBatch, std::move(sizes)}; }
inline Step group(std::vector<std::size_t> sizes) { return {Step::Kind::kGroup, std::move(sizes)}; }
inline Step checkpoint() { return {Step::Kind::kCheckpoint}; }
inline Step compaction() { return {Step::Kind::kCompact}; }

inline std::string filling(std::uint64_t seq, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>('a' + (seq * 7 + i * i) % 26);
  return text;
}
inline NewRecord record_of(std::uint64_t seq, std::size_t bytes) {
  return {.type = RecordType::kCommit,
          .payload = text::Json::object({{"id", seq}, {"text", filling(seq, bytes)}})};
}

inline constexpr Layout kCrashLayout{.segment_bytes = 4096, .zeros_ahead_bytes = 0};
inline OpenOptions crash_options(const Layout& layout = kCrashLayout) {
  return {.layout = layout, .timestamp = [] { return std::string("2026-01-01T00:00:00.000000Z"); }};
}

// How far a script had got when the picture was taken.
struct Moment {
  DiskImage image;
  std::uint64_t acknowledged = 0;  // all records up to this seq
};

// A script run without a crash.
class ScriptRun {
 public:
  explicit ScriptRun(const Script& script, const OpenOptions& options = crash_options()) : options_(options) {
    SimulatedDisk disk({}, [this](const DiskImage& image) { take(image); });
    auto opened = open_storage(disk, options_, {});
    RTT_ASSERT(opened.has_value());
    GroupCommit commits(std::move(opened->writer));
    for (const Step& step : script) perform(step, disk, commits);
    take(disk.image());
    const auto read =
        read_storage(disk, options_.layout, Access::kAlone, [this](const Record& record) { know(record); });
    RTT_ASSERT(read.has_value() && read->report.end == ReadReport::End::kClean);
  }
  [[nodiscard]] const std::vector<Moment>& moments() const { return moments_; }
  // Of record `seq`, as it was written; empty where it is compacted away at the end.
  [[nodiscard]] const std::string& text(std::uint64_t seq) const { return texts_[seq]; }
  [[nodiscard]] std::uint64_t records() const { return written_; }

 private:
  void take(const DiskImage& image) { moments_.push_back({image, acknowledged_}); }
  void know(const Record& record) {
    texts_.resize(std::max<std::size_t>(texts_.size(), record.seq.value + 1));
    texts_[record.seq.value] = record.payload_text;
  }
  std::vector<ReadyRecord> ready(std::size_t bytes) {
    return make_ready(std::vector<NewRecord>{record_of(++written_, bytes)}).value();
  }

  void perform(const Step& step, SimulatedDisk& disk, GroupCommit& commits) {
    if (step.kind == Step::Kind::kCompact || step.kind == Step::Kind::kCheckpoint) {
      const bool checkpoint = step.kind == Step::Kind::kCheckpoint;
      if (checkpoint) ++written_;
      const Status done = commits.alone([&](Writer& writer) {
        return checkpoint
                   ? write_checkpoint(disk, writer, {.seq = writer.last_seq(), .ts = "2026", .who = "test"},
                                      key_, places_)
                   : compact_all(disk);
      });
      RTT_ASSERT(done.has_value());
    } else if (step.kind == Step::Kind::kGroup) {
      for (const std::size_t bytes : step.sizes) RTT_ASSERT(commits.submit(ready(bytes)).has_value());
      RTT_ASSERT(commits.wait({acknowledged_ + 1}).has_value());
    } else {
      std::vector<ReadyRecord> records;
      for (const std::size_t bytes : step.sizes) records.push_back(std::move(ready(bytes).front()));
      const auto last = commits.submit(std::move(records));
      RTT_ASSERT(last && commits.wait(*last));
    }
    acknowledged_ = written_;
    // Compaction takes bodies away that earlier moments still have.
    const auto read =
        read_storage(disk, options_.layout, Access::kAlone, [this](const Record& record) { know(record); });
    RTT_ASSERT(read.has_value());
  }
  Status compact_all(SimulatedDisk& disk) {
    RTT_TRY_SET(const Seq first, first_of_last(disk, 2));
    const Seq keep{std::min(first.value, places_.empty() ? 0 : places_.back().seq.value)};
    RTT_TRY(compact(disk, options_.layout, keep));
    return {};
  }

  OpenOptions options_;
  crypto::SecretKey key_ = crypto::SecretKey::from_seed(std::array<std::byte, 32>{});
  std::vector<CheckpointPlace> places_;
  std::vector<Moment> moments_;
  std::vector<std::string> texts_;
  std::uint64_t acknowledged_ = 0, written_ = 0;
};

// Recovers from states of a script's disk and holds them to the law.
class Law {
 public:
  explicit Law(const ScriptRun& run, const Layout& layout = kCrashLayout)
      : run_(run), options_(crash_options(layout)) {
    options_.accept = [this](const Checkpoint&) {
      ++from_checkpoints;
      return Status();
    };
    one_more_ = make_ready(std::vector<NewRecord>{record_of(99, 10)}).value();
  }

  // Empty, or what is broken.
  std::string fault(DiskImage image, std::uint64_t acknowledged) {
    ++states;
    SimulatedDisk disk(std::move(image));
    std::uint64_t own = 0;
    std::string wrong;
    auto opened = open_storage(disk, options_, [&](const Record& record) {
      if (record.type == RecordType::kAudit) {
        own = std::max(own, record.seq.value - 1);
        return;
      }
      own = record.seq.value;
      if (own > run_.records() || run_.text(own) != record.payload_text)
        wrong = "record " + std::to_string(own);
    });
    if (!opened) return opened.error().message + " " + opened.error().where;
    if (!wrong.empty()) return wrong + " is not what was written";
    own = std::max(own, opened->begun.value);
    if (own < acknowledged) return "only " + std::to_string(own) + " of the acknowledged records are there";
    torn += opened->torn ? 1 : 0;
    if (!opened->writer.append(one_more_)) return "it takes no record any more";
    const auto again = read_storage(disk, options_.layout, Access::kAlone, {});
    if (!again || again->report.end != ReadReport::End::kClean) return "it does not read back clean";
    if (again->report.last_seq != opened->writer.last_seq()) return "it reads back to another record";
    if (again->report.tree.root() != opened->writer.root()) return "it reads back to another root";
    return {};
  }

  std::uint64_t states = 0, torn = 0, from_checkpoints = 0;

 private:
  const ScriptRun& run_;
  OpenOptions options_;
  std::vector<ReadyRecord> one_more_;
};

// Every subset of the pieces, and beside each subset every piece in turn torn at every `tear_step`-th byte
// and at each of its first and last nine (0: no tears).
using OnState = std::function<void(DiskImage, const std::vector<std::size_t>& survived)>;
inline void every_crash_state(const DiskImage& image, std::size_t tear_step, const OnState& visit) {
  const std::vector<Piece> pieces = pieces_of(image);
  RTT_ASSERT(pieces.size() <= 9);
  for (std::size_t subset = 0; subset < std::size_t{1} << pieces.size(); ++subset) {
    std::vector<std::size_t> survived(pieces.size());
    for (std::size_t i = 0; i < pieces.size(); ++i)
      survived[i] = (subset >> i & 1) != 0 ? pieces[i].to - pieces[i].from : 0;
    visit(crashed(image, pieces, survived), survived);
    for (std::size_t i = 0; i < pieces.size() && tear_step > 0; ++i) {
      if (survived[i] != 0) continue;
      const std::size_t bytes = pieces[i].to - pieces[i].from;
      for (std::size_t tear = 1; tear < bytes; ++tear) {
        if (tear > 9 && tear + 9 < bytes && tear % tear_step != 0) continue;
        survived[i] = tear;
        visit(crashed(image, pieces, survived), survived);
      }
      survived[i] = 0;
    }
  }
}

}  // namespace rtt::journal
