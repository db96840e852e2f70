// SPDX-License-Identifier: Apache-2.0
// Journal under crashes. Law: after a crash at any moment, with any part of the unsynced writes lost, the
// journal opens, every acknowledged record is there, every other one is whole or absent, and it can be
// written again; a crash while it recovers changes none of that. Checkpoints, compaction and shared syncs are
// no exception.
//
// Method: a script runs on a simulated disk; after every change of the disk, every state it could show after
// a crash is built (all subsets of lost sectors, sectors torn at every point) and recovered from
// (crash_world_for_test.h).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "journal/crash_world_for_test.h"

namespace rtt::journal {
namespace {

using End = ReadReport::End;
constexpr Layout kLayout = kCrashLayout;
const OpenOptions kOptions = crash_options();

std::string show(const std::vector<std::size_t>& survived) {
  std::string text;
  for (const std::size_t bytes : survived) text += std::to_string(bytes) + " ";
  return text;
}

// The law in every crash state of one moment; false at the first that breaks it.
bool holds(Law& law, const Moment& moment, std::size_t tear_step, const std::string& where) {
  bool well = true;
  every_crash_state(moment.image, tear_step, [&](DiskImage after, const std::vector<std::size_t>& survived) {
    if (!well) return;
    const std::string fault = law.fault(std::move(after), moment.acknowledged);
    well = fault.empty();
    EXPECT_TRUE(well) << where << " kept " << show(survived) << ": " << fault;
  });
  return well;
}
bool holds(Law& law, const ScriptRun& run, std::size_t tear_step) {
  for (std::size_t m = 0; m < run.moments().size(); ++m) {
    if (!holds(law, run.moments()[m], tear_step, "moment " + std::to_string(m))) return false;
  }
  return true;
}

const Script kScripts[] = {
    {batch({10}), batch({100, 5}), batch({300}), batch({1, 1, 1})},  // small records, several in a sector
    {batch({700}), batch({600, 50, 900}), batch({20, 800})},         // records over several sectors
    {batch({400, 400}), batch({400, 400}), batch({1500, 1500}), batch({10}),
     batch({1700, 1700})},                                    // rotation
    {batch({455}), batch({456, 457}), batch({391, 1, 450})},  // ends on and around sector borders
};

TEST(Crash, every_lost_subset_of_sectors_with_one_of_them_torn) {
  std::uint64_t states = 0, torn = 0;
  for (const Script& script : kScripts) {
    const ScriptRun run(script);
    Law law(run);
    if (!holds(law, run, 61)) return;
    states += law.states;
    torn += law.torn;
  }
  std::printf("%llu crash states, %llu torn\n", static_cast<unsigned long long>(states),
              static_cast<unsigned long long>(torn));
  EXPECT_GT(torn, 1000u);
}

TEST(Crash, checkpoints_rotation_compaction_and_shared_syncs) {
  const Script script{batch({10, 300}),  checkpoint(),         group({40, 500, 7}), batch({900, 900}),
                      checkpoint(),      batch({1500, 1200}),  checkpoint(),        group({800, 800, 90}),
                      checkpoint(),      checkpoint(),         batch({1700}),       compaction(),
                      group({300, 300}), batch({1000, 1000}),  checkpoint(),        compaction(),
                      batch({50, 2000}), group({1, 1, 1, 900})};
  const ScriptRun run(script);
  const auto& names = run.moments().back().image;
  ASSERT_TRUE(std::ranges::any_of(names, [](const auto& file) { return file.first.ends_with(".hsh"); }));
  Law law(run);
  if (!holds(law, run, 29)) return;
  EXPECT_GT(law.from_checkpoints, law.states / 2);
  EXPECT_GT(law.torn, 1000u);
}

// As many scripts as it takes. RTT_CRASH_STATES asks for more than a test run can wait for.
TEST(Crash, random_scripts_in_a_million_crash_states) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
  std::uint64_t wanted = 50'000;
#else
  std::uint64_t wanted = 1'000'000;
#endif
  if (const char* const asked = std::getenv("RTT_CRASH_STATES")) wanted = std::strtoull(asked, nullptr, 10);
  constexpr unsigned kSeed = 20261127;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  std::uint64_t states = 0, torn = 0, from_checkpoints = 0, scripts = 0;
  for (; states < wanted; ++scripts) {
    Script script;
    for (int i = 0; i < 8; ++i) {
      std::vector<std::size_t> sizes(1 + random() % 4);
      for (std::size_t& size : sizes) size = random() % 4 == 0 ? random() % 880 : random() % 100;
      const auto kind = random() % 8;
      script.push_back(kind < 3   ? batch(sizes)
                       : kind < 5 ? group(sizes)
                       : kind < 7 ? checkpoint()
                                  : compaction());
    }
    const ScriptRun run(script);
    Law law(run);
    ASSERT_TRUE(holds(law, run, 101)) << "script " << scripts;
    states += law.states;
    torn += law.torn;
    from_checkpoints += law.from_checkpoints;
  }
  std::printf("%llu crash states of %llu scripts, %llu torn, %llu recovered from a checkpoint\n",
              static_cast<unsigned long long>(states), static_cast<unsigned long long>(scripts),
              static_cast<unsigned long long>(torn), static_cast<unsigned long long>(from_checkpoints));
}

TEST(Crash, zeros_written_ahead_are_no_part_of_what_can_be_lost) {
  // Behind every batch; and behind none of the large ones, which then end in blocks never written.
  for (const std::uint64_t large : {4096U, 600U}) {
    const Layout layout{.segment_bytes = 4096, .zeros_ahead_bytes = 600, .large_batch_bytes = large};
    const ScriptRun run({batch({10}), batch({300, 40}), batch({500}), batch({900, 90}), batch({700})},
                        crash_options(layout));
    const auto with_zeros = std::ranges::count_if(run.moments(), [](const Moment& moment) {
      return std::ranges::any_of(moment.image,
                                 [](const auto& file) { return file.second.pending.size() > 1; });
    });
    EXPECT_EQ(with_zeros, large == 600 ? 2 : 4);
    Law law(run, layout);
    if (!holds(law, run, 100)) return;
    EXPECT_GT(law.torn, 100u);
  }
}

TEST(Crash, one_write_torn_at_every_single_byte) {
  for (const Script& script : kScripts) {
    const ScriptRun run(script);
    Law law(run);
    for (const Moment& moment : run.moments()) {
      for (const auto& [name, file] : moment.image) {
        if (file.pending.empty()) continue;
        for (std::size_t kept = 0; kept <= file.pending[0].bytes.size(); ++kept) {
          DiskImage after = crashed(moment.image, {}, {});
          FileImage::apply(after[name].durable, file.pending[0], 0, kept);
          ASSERT_EQ(law.fault(std::move(after), moment.acknowledged), "") << name << " kept " << kept;
        }
      }
    }
  }
}

// A disk that loses single words: more than disks do, and for a batch of one record still within the law.
TEST(Crash, single_record_batches_survive_any_loss_of_words) {
  constexpr unsigned kSeed = 20261121;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  const ScriptRun run({batch({10}), batch({200}), batch({450}), batch({1}), batch({77})});
  Law law(run);
  for (const Moment& moment : run.moments()) {
    const auto pieces = pieces_of(moment.image, 8);
    for (int i = 0; i < 300; ++i) {
      std::vector<std::size_t> survived(pieces.size());
      const auto odds = random() % 9;
      for (std::size_t p = 0; p < pieces.size(); ++p)
        survived[p] = random() % 8 < odds ? pieces[p].to - pieces[p].from : 0;
      ASSERT_EQ(law.fault(crashed(moment.image, pieces, survived), moment.acknowledged), "")
          << "words " << show(survived);
    }
  }
}

TEST(Crash, a_crash_while_recovering_changes_nothing) {
  std::uint64_t states = 0;
  for (const Script& script : {kScripts[0], kScripts[1], kScripts[3]}) {
    const ScriptRun run(script);
    Law law(run);
    for (const Moment& moment : run.moments()) {
      every_crash_state(moment.image, 0, [&](const DiskImage& first, const std::vector<std::size_t>& how) {
        std::vector<DiskImage> pictures;
        SimulatedDisk disk(first, [&](const DiskImage& image) { pictures.push_back(image); });
        auto opened = open_storage(disk, kOptions, {});
        ASSERT_TRUE(opened);
        if (!opened->torn) return;
        for (const DiskImage& picture : pictures)
          holds(law, {picture, moment.acknowledged}, 0, show(how) + "then");
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
    const ScriptRun run(script);
    for (const Moment& moment : run.moments()) {
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
        every_crash_state(picture.image, 0, [&](const DiskImage& image, const std::vector<std::size_t>& how) {
          SimulatedDisk last(image);
          const auto again = open_storage(last, kOptions, {});
          ASSERT_TRUE(again) << show(how) << again.error().message;
          EXPECT_GE(again->writer.last_seq().value, picture.acknowledged) << show(how);
        });
      }
    }
  }
}

TEST(Crash, a_cut_is_told_once_and_its_bytes_are_kept_even_if_the_telling_was_lost) {
  const ScriptRun run({batch({10}), batch({600, 600})});
  const Moment* writing = nullptr;
  for (const Moment& moment : run.moments()) {
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
    SimulatedDisk after(crashed(picture, {}, {}));  // everything unsynced is gone
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
  const std::vector<std::vector<std::size_t>> batches{{10}, {400, 400}, {1500, 1500}, {1500, 100}, {10}};
  Script script;
  for (const auto& sizes : batches) script.push_back(batch(sizes));
  const ScriptRun run(script);
  for (int failing = 0; failing < 16; ++failing) {
    Law law(run);
    SimulatedDisk disk;
    auto opened = open_storage(disk, kOptions, {});
    ASSERT_TRUE(opened);
    disk.fail_after(failing);
    std::uint64_t acknowledged = 0, seq = 0;
    bool stopped = false;
    for (const auto& sizes : batches) {
      std::vector<NewRecord> records;
      for (const std::size_t bytes : sizes) records.push_back(record_of(++seq, bytes));
      const auto written = opened->writer.append_batch(records);
      if (stopped) {
        EXPECT_FALSE(written) << "went on after a failed write";
      }
      stopped = stopped || !written;
      if (written) acknowledged = written->back().value;
    }
    EXPECT_EQ(opened->writer.last_seq().value, acknowledged);
    if (!holds(law, {disk.image(), acknowledged}, 100, "failing " + std::to_string(failing))) return;
  }
}

// Damage in acknowledged records is never taken for a crash, even in the last batch, unless it looks exactly
// like one.
TEST(Crash, rot_in_a_finished_batch_is_damage) {
  const DiskImage image = ScriptRun({batch({100}), batch({200, 300, 50})}).moments().back().image;
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
  const DiskImage image =
      ScriptRun({batch({1000}), batch({300, 300}), batch({200}), batch({200})}).moments().back().image;
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
