// SPDX-License-Identifier: Apache-2.0
// Journal under crashes. Law: after a crash at any moment, with any part of the unsynced writes lost, the
// journal opens, every acknowledged record is there, every other one is whole or absent, and it can be
// written again; a crash while it recovers changes none of that.
//
// Method: a script of batches runs on a simulated disk; after every change of the disk, every state it could
// show after a crash is built (all subsets of lost sectors, sectors torn at every point) and recovered from.
#include <gtest/gtest.h>

#include <random>

#include "journal/recover.h"
#include "journal/simulated_disk_for_test.h"
#include "text/json_canonical.h"

namespace rtt::journal {
namespace {

using End = ReadReport::End;
constexpr Layout kLayout{.segment_bytes = 4096, .zeros_ahead_bytes = 0};
const OpenOptions kOptions{.layout = kLayout,
                           .timestamp = [] { return std::string("2026-01-01T00:00:00.000000Z"); }};

struct Script {
  std::vector<std::vector<std::size_t>> batches;  // bytes of filling of each record
};

std::string filling(std::uint64_t seq, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>('a' + (seq * 7 + i * i) % 26);
  return text;
}
NewRecord record_of(std::uint64_t seq, std::size_t bytes) {
  return {.type = RecordType::kCommit,
          .payload = text::Json::object({{"id", seq}, {"text", filling(seq, bytes)}})};
}

// What a script asked for and how far it got when the picture was taken.
struct Moment {
  DiskImage image;
  std::uint64_t acknowledged = 0;  // all records up to this seq
};

std::vector<Moment> moments_of(const Script& script, const OpenOptions& options = kOptions) {
  std::vector<Moment> moments;
  std::uint64_t acknowledged = 0;
  SimulatedDisk disk({}, [&](const DiskImage& image) { moments.push_back({image, acknowledged}); });
  auto opened = open_storage(disk, options, {});
  EXPECT_TRUE(opened);
  std::uint64_t seq = opened->writer.last_seq().value;
  for (const auto& batch : script.batches) {
    std::vector<NewRecord> records;
    for (const std::size_t bytes : batch) records.push_back(record_of(++seq, bytes));
    const auto written = opened->writer.append_batch(std::move(records));
    EXPECT_TRUE(written);
    acknowledged = written->back().value;
  }
  moments.push_back({disk.image(), acknowledged});
  return moments;
}

// Recovers from `image` and checks the law. Returns the number of records found.
class Law {
 public:
  explicit Law(const Script& script) {
    std::uint64_t seq = 0;
    for (const auto& batch : script.batches) {
      for (const std::size_t bytes : batch) sizes_[++seq] = bytes;
    }
  }

  void check(const DiskImage& image, std::uint64_t acknowledged, const std::string& what) {
    ++states;
    SimulatedDisk disk(image);
    std::uint64_t last = 0, own = 0;
    bool told = false;
    const auto visit = [&](const Record& record) {
      last = record.seq.value;
      if (record.type == RecordType::kAudit) {
        told = true;
        return;
      }
      EXPECT_FALSE(told) << what;  // nothing of the script follows a cut
      own = last;
      const auto payload = record.payload();
      ASSERT_TRUE(payload) << what;
      EXPECT_EQ(payload->int_or("id", 0), static_cast<std::int64_t>(last)) << what;
      EXPECT_EQ(payload->string_or("text"), filling(last, sizes_.at(last))) << what;
    };
    auto opened = open_storage(disk, kOptions, visit);
    ASSERT_TRUE(opened) << what << ": " << opened.error().message << " " << opened.error().where;
    EXPECT_GE(own, acknowledged) << what;
    torn += opened->torn ? 1 : 0;
    const auto more = opened->writer.append_batch({record_of(99, 10)});
    ASSERT_TRUE(more) << what;
    const auto again = read_storage(disk, kLayout, Access::kAlone, {});
    EXPECT_EQ(again->report.end, End::kClean) << what;
    EXPECT_EQ(again->report.last_seq, more->back()) << what;
    EXPECT_EQ(again->report.tree.root(), opened->writer.root()) << what;
  }

  std::uint64_t states = 0, torn = 0;

 private:
  std::map<std::uint64_t, std::size_t> sizes_;
};

std::string show(const std::vector<std::size_t>& survived) {
  std::string text;
  for (const std::size_t bytes : survived) text += std::to_string(bytes) + " ";
  return text;
}

// Every subset of the pieces, and beside each subset every piece in turn torn at every `tear_step`-th byte
// and at each of its first and last nine (0: no tears).
void every_crash_state(const DiskImage& image, std::size_t tear_step,
                       const std::function<void(const DiskImage&, const std::string&)>& visit) {
  const std::vector<Piece> pieces = pieces_of(image);
  ASSERT_LE(pieces.size(), 9u);
  for (std::size_t subset = 0; subset < std::size_t{1} << pieces.size(); ++subset) {
    std::vector<std::size_t> survived(pieces.size());
    for (std::size_t i = 0; i < pieces.size(); ++i)
      survived[i] = (subset >> i & 1) != 0 ? pieces[i].to - pieces[i].from : 0;
    visit(crashed(image, pieces, survived), show(survived));
    for (std::size_t i = 0; i < pieces.size() && tear_step > 0; ++i) {
      if (survived[i] != 0) continue;
      const std::size_t bytes = pieces[i].to - pieces[i].from;
      for (std::size_t tear = 1; tear < bytes; ++tear) {
        if (tear > 9 && tear + 9 < bytes && tear % tear_step != 0) continue;
        survived[i] = tear;
        visit(crashed(image, pieces, survived), show(survived));
      }
      survived[i] = 0;
    }
  }
}

const Script kScripts[] = {
    {{{10}, {100, 5}, {300}, {1, 1, 1}}},                          // small records, several in a sector
    {{{700}, {600, 50, 900}, {20, 800}}},                          // records over several sectors
    {{{400, 400}, {400, 400}, {1500, 1500}, {10}, {1700, 1700}}},  // rotation, large batches
    {{{455}, {456, 457}, {391, 1, 450}}},                          // ends on and around sector borders
};

TEST(Crash, every_lost_subset_of_sectors_with_one_of_them_torn) {
  std::uint64_t states = 0, torn = 0;
  for (const Script& script : kScripts) {
    Law law(script);
    const auto moments = moments_of(script);
    for (std::size_t m = 0; m < moments.size(); ++m) {
      every_crash_state(moments[m].image, 61, [&](const DiskImage& after, const std::string& how) {
        law.check(after, moments[m].acknowledged, "moment " + std::to_string(m) + " kept " + how);
      });
      if (::testing::Test::HasFailure()) return;
    }
    states += law.states;
    torn += law.torn;
  }
  std::printf("%llu crash states, %llu torn\n", static_cast<unsigned long long>(states),
              static_cast<unsigned long long>(torn));
  EXPECT_GT(torn, 1000u);
}

TEST(Crash, zeros_written_ahead_are_no_part_of_what_can_be_lost) {
  OpenOptions options = kOptions;
  options.layout.zeros_ahead_bytes = 600;
  const Script script{{{10}, {300, 40}, {500}, {900, 90}, {700}}};
  Law law(script);
  for (const Moment& moment : moments_of(script, options)) {
    every_crash_state(moment.image, 100, [&](const DiskImage& after, const std::string& how) {
      law.check(after, moment.acknowledged, how);
    });
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(law.torn, 100u);
}

TEST(Crash, one_write_torn_at_every_single_byte) {
  for (const Script& script : kScripts) {
    Law law(script);
    for (const Moment& moment : moments_of(script)) {
      for (const auto& [name, file] : moment.image) {
        if (file.pending.empty()) continue;
        for (std::size_t kept = 0; kept <= file.pending[0].bytes.size(); ++kept) {
          DiskImage after;
          for (const auto& [other, content] : moment.image) after[other].durable = content.durable;
          FileImage::apply(after[name].durable, file.pending[0], 0, kept);
          law.check(after, moment.acknowledged, name + " kept " + std::to_string(kept));
        }
      }
      if (::testing::Test::HasFailure()) return;
    }
  }
}

// A disk that loses single words: more than disks do, and for a batch of one record still within the law.
TEST(Crash, single_record_batches_survive_any_loss_of_words) {
  constexpr unsigned kSeed = 20261121;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  const Script script{{{10}, {200}, {450}, {1}, {77}}};
  Law law(script);
  for (const Moment& moment : moments_of(script)) {
    const auto pieces = pieces_of(moment.image, 8);
    for (int i = 0; i < 300; ++i) {
      std::vector<std::size_t> survived(pieces.size());
      const auto odds = random() % 9;
      for (std::size_t p = 0; p < pieces.size(); ++p)
        survived[p] = random() % 8 < odds ? pieces[p].to - pieces[p].from : 0;
      law.check(crashed(moment.image, pieces, survived), moment.acknowledged, "words " + show(survived));
    }
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(Crash, a_crash_while_recovering_changes_nothing) {
  std::uint64_t states = 0;
  for (const Script& script : {kScripts[0], kScripts[1], kScripts[3]}) {
    Law law(script);
    const auto moments = moments_of(script);
    for (const Moment& moment : moments) {
      every_crash_state(moment.image, 0, [&](const DiskImage& first, const std::string& how) {
        std::vector<DiskImage> pictures;
        SimulatedDisk disk(first, [&](const DiskImage& image) { pictures.push_back(image); });
        auto opened = open_storage(disk, kOptions, {});
        ASSERT_TRUE(opened);
        if (!opened->torn) return;
        for (const DiskImage& picture : pictures) {
          every_crash_state(picture, 0, [&](const DiskImage& second, const std::string& then) {
            law.check(second, moment.acknowledged, how + "then " + then);
          });
        }
      });
      if (::testing::Test::HasFailure()) return;
    }
    states += law.states;
  }
  EXPECT_GT(states, 500u);
}

// kill -9 leaves the unsynced writes in the page cache: the next process sees them, builds on them, and then
// the power fails. What it had read must not vanish beneath what it acknowledged.
TEST(Crash, a_killed_writer_and_then_a_power_failure) {
  for (const Script& script : kScripts) {
    for (const Moment& moment : moments_of(script)) {
      std::uint64_t acknowledged = 0;
      std::vector<Moment> pictures;
      SimulatedDisk disk(moment.image,
                         [&](const DiskImage& image) { pictures.push_back({image, acknowledged}); });
      std::uint64_t inherited = 0;
      auto opened = open_storage(disk, kOptions, [&](const Record& record) { inherited = record.seq.value; });
      ASSERT_TRUE(opened);
      EXPECT_FALSE(opened->torn);
      acknowledged = inherited;
      for (int i = 0; i < 3; ++i) {
        const auto written = opened->writer.append_batch(
            {{.payload = text::Json::object({{"text", std::string(1500, 'n')}})}});
        ASSERT_TRUE(written);
        acknowledged = written->back().value;
      }
      pictures.push_back({disk.image(), acknowledged});
      for (const Moment& picture : pictures) {
        every_crash_state(picture.image, 0, [&](const DiskImage& image, const std::string& how) {
          SimulatedDisk last(image);
          const auto again = open_storage(last, kOptions, {});
          ASSERT_TRUE(again) << how << again.error().message;
          EXPECT_GE(again->writer.last_seq().value, picture.acknowledged) << how;
        });
      }
    }
  }
}

TEST(Crash, a_cut_is_told_once_and_its_bytes_are_kept_even_if_the_telling_was_lost) {
  const Script script{{{10}, {600, 600}}};
  const auto moments = moments_of(script);
  const Moment* writing = nullptr;
  for (const Moment& moment : moments) {
    if (!pieces_of(moment.image).empty()) writing = &moment;
  }
  ASSERT_NE(writing, nullptr);
  const auto pieces = pieces_of(writing->image);
  std::vector<std::size_t> survived(pieces.size());
  survived[0] = 100;  // in the middle of the second record
  std::vector<DiskImage> pictures;
  SimulatedDisk disk(crashed(writing->image, pieces, survived),
                     [&](const DiskImage& image) { pictures.push_back(image); });
  ASSERT_TRUE(open_storage(disk, kOptions, {})->torn);
  EXPECT_EQ(disk.image().at("torn-2.bin").durable.size(), 100u);
  for (const DiskImage& picture : pictures) {
    DiskImage lost;  // everything unsynced is gone
    for (const auto& [name, file] : picture) lost[name].durable = file.durable;
    SimulatedDisk after(lost);
    ASSERT_TRUE(open_storage(after, kOptions, {}));
    std::vector<std::string> told;
    ASSERT_TRUE(open_storage(after, kOptions, [&](const Record& record) {
      if (record.type == RecordType::kAudit)
        told.push_back(std::string(record.payload()->string_or("saved")));
    }));
    std::vector<std::string> saved;
    const auto names = after.names();
    for (const std::string& name : *names) {
      if (name.starts_with("torn-")) saved.push_back(name);
    }
    std::sort(told.begin(), told.end());
    EXPECT_EQ(told, saved);
    EXPECT_FALSE(saved.empty());
  }
}

TEST(Crash, a_failing_disk_stops_the_writer_and_loses_nothing_acknowledged) {
  const Script script{{{10}, {400, 400}, {1500, 1500}, {1500, 100}, {10}}};
  for (int failing = 0; failing < 16; ++failing) {
    Law law(script);
    SimulatedDisk disk;
    auto opened = open_storage(disk, kOptions, {});
    ASSERT_TRUE(opened);
    disk.fail_after(failing);
    std::uint64_t acknowledged = 0, seq = 0;
    bool stopped = false;
    for (const auto& batch : script.batches) {
      std::vector<NewRecord> records;
      for (const std::size_t bytes : batch) records.push_back(record_of(++seq, bytes));
      const auto written = opened->writer.append_batch(std::move(records));
      if (stopped) {
        EXPECT_FALSE(written) << "went on after a failed write";
      }
      stopped = stopped || !written;
      if (written) acknowledged = written->back().value;
    }
    EXPECT_EQ(opened->writer.last_seq().value, acknowledged);
    every_crash_state(disk.image(), 100, [&](const DiskImage& after, const std::string& how) {
      law.check(after, acknowledged, "failing " + std::to_string(failing) + " kept " + how);
    });
    if (::testing::Test::HasFailure()) return;
  }
}

// Damage in acknowledged records is never taken for a crash, even in the last batch, unless it looks exactly
// like one.
TEST(Crash, rot_in_a_finished_batch_is_damage) {
  const Script script{{{100}, {200, 300, 50}}};
  const DiskImage image = moments_of(script).back().image;
  const auto& [name, file] = *image.begin();
  const auto clean = [&] {
    SimulatedDisk disk(image);
    return read_storage(disk, kLayout, Access::kAlone, {})->end_offset;
  }();
  std::uint64_t start_of_last = 0;
  {
    SimulatedDisk disk(image);
    std::uint64_t last_span = 0;
    (void)read_storage(disk, kLayout, Access::kAlone,
                       [&](const Record& r) { last_span = (56 + r.payload_text.size() + 7) / 8 * 8; });
    start_of_last = clean - last_span;
  }
  for (std::size_t at = 64; at < start_of_last; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      DiskImage rotten = image;
      rotten[name].durable[at] ^= static_cast<std::byte>(1 << bit);
      SimulatedDisk disk(std::move(rotten));
      EXPECT_EQ(read_storage(disk, kLayout, Access::kAlone, {})->report.end, End::kDamaged)
          << at << " bit " << bit;
    }
  }
}

// A sector of zeros looks like a lost write; before a later batch it cannot be one.
TEST(Crash, sectors_lost_from_an_earlier_batch_are_damage) {
  const DiskImage image = moments_of({{{1000}, {300, 300}, {200}, {200}}}).back().image;
  const std::string name = image.begin()->first;
  for (const std::size_t sector : {1u, 2u, 3u}) {
    DiskImage rotten = image;
    auto& bytes = rotten[name].durable;
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(sector * 512), 512, std::byte{0});
    SimulatedDisk disk(std::move(rotten));
    EXPECT_EQ(read_storage(disk, kLayout, Access::kAlone, {})->report.end, End::kDamaged) << sector;
  }
}

}  // namespace
}  // namespace rtt::journal
