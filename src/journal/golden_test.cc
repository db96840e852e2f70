// SPDX-License-Identifier: Apache-2.0
// A journal of some KB with every type of record and the borders of its segments: each changed byte and each
// missing end shows, whoever reads.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "crypto/sha256.h"
#include "journal/begin.h"
#include "journal/checkpoint_writer.h"
#include "journal/compact.h"
#include "journal/record.h"
#include "journal/recover.h"
#include "journal/simulated_disk_for_test.h"

namespace rtt::journal {
namespace {

using End = ReadReport::End;
constexpr Layout kSmall{.segment_bytes = 2048, .zeros_ahead_bytes = 256};

// The same bytes on every machine and in every version that reads this one's journals.
DiskImage golden() {
  SimulatedDisk disk;
  const auto key = crypto::SecretKey::from_seed({});
  std::vector<CheckpointPlace> places;
  auto opened = open_storage(disk, {.layout = kSmall, .timestamp = [] { return std::string("2026"); }}, {});
  const auto add = [&](std::initializer_list<RecordType> types) {
    std::vector<NewRecord> batch;
    for (const RecordType type : types) {
      batch.push_back({.type = type,
                       .payload = text::Json::object({{"action", "golden"},
                                                      {"n", opened->writer.last_seq().value},
                                                      {"text", std::string(40 + batch.size() * 57, 'g')}})});
    }
    RTT_ASSERT(opened->writer.append_batch(batch).has_value());
  };
  for (int round = 0; round < 5; ++round) {
    add({RecordType::kPrepare});
    add({RecordType::kAudit, RecordType::kCommit, RecordType::kAudit});
    add({RecordType::kPrepare, RecordType::kAbort});
    add({RecordType::kRollback});
    add({RecordType::kCommit});
    const Journal::NewCheckpoint what{.seq = opened->writer.last_seq(),
                                      .graph_root = crypto::sha256("graph"),
                                      .state = crypto::sha256("state"),
                                      .ts = "2026",
                                      .who = "golden"};
    RTT_ASSERT(write_checkpoint(disk, opened->writer, what, key, places).has_value());
  }
  RTT_ASSERT(compact(disk, kSmall, {12}).has_value());
  return disk.image();
}

ReadReport read(const DiskImage& image) {
  SimulatedDisk disk(image);
  const Seq remembered = remembered_to(disk);
  ReadReport report = read_storage(disk, kSmall, Access::kAlone, {})->report;
  hold_to(remembered, disk, report);
  return report;
}

TEST(Golden, is_what_it_always_was) {
  const DiskImage image = golden();
  const ReadReport report = read(image);
  EXPECT_EQ(report.end, End::kClean);
  EXPECT_EQ(report.last_seq, Seq{45});
  EXPECT_EQ(bare_hex(report.tree.root()), "3c40025d52039ca11c25fe17eb6f2e21e43b0e05b6837c80e716e698f8714b40");
  std::string files;
  for (const auto& [name, file] : image) files += name.substr(name.size() - 4) + " ";
  EXPECT_EQ(files, ".hsh .seg .seg .seg .seg .seg json ");
  Bytes all;
  for (const auto& [name, file] : image) all.insert(all.end(), file.durable.begin(), file.durable.end());
  EXPECT_EQ(bare_hex(crypto::sha256(all)),
            "70b56010043df9092103281314ff95da053b5378eff5c5f5fe69db0fec069e2c");
}

// RTT_GOLDEN_ALL=1: every other value of every byte, which takes some minutes.
TEST(Golden, every_flipped_bit_and_every_truncation_shows) {
  const DiskImage image = golden();
  std::vector<int> flips{0xff};
  const bool all = std::getenv("RTT_GOLDEN_ALL") != nullptr;
  for (int flip = 1; flip < 256; ++flip) {
    if (all || (flip & (flip - 1)) == 0) flips.push_back(flip);
  }
  std::uint64_t flipped = 0, truncated = 0, undetected = 0;
  for (const auto& [name, file] : image) {
    if (name == kPlacesName) continue;  // it says where to look first, no more
    DiskImage changed = image;
    Bytes& bytes = changed[name].durable;
    for (std::byte& byte : bytes) {
      const std::byte was = byte;
      for (const int flip : flips) {
        byte = was ^ static_cast<std::byte>(flip);
        undetected += read(changed).end == End::kClean ? 1U : 0U;
        ++flipped;
      }
      byte = was;
    }
    while (!bytes.empty()) {
      bytes.pop_back();
      undetected += read(changed).end == End::kClean ? 1U : 0U;
      ++truncated;
    }
    changed.erase(name);
    undetected += read(changed).end == End::kClean ? 1U : 0U;
  }
  std::printf("%llu flips, %llu truncations, %llu undetected\n", static_cast<unsigned long long>(flipped),
              static_cast<unsigned long long>(truncated), static_cast<unsigned long long>(undetected));
  EXPECT_EQ(undetected, 0u);
  EXPECT_GT(flipped, 50'000u);
}

// Whatever is wrong with the file of places, nothing but the way there changes.
TEST(Golden, a_changed_file_of_places_changes_nothing_that_is_read) {
  const DiskImage image = golden();
  const Digest root = read(image).tree.root();
  const OpenOptions options{.layout = kSmall,
                            .timestamp = [] { return std::string("2026"); },
                            .accept = [](const Checkpoint&) { return Status(); }};
  const std::size_t size = image.at(std::string(kPlacesName)).durable.size();
  for (std::size_t at = 0; at < size; ++at) {
    DiskImage changed = image;
    changed[std::string(kPlacesName)].durable[at] ^= std::byte{0x04};
    SimulatedDisk disk(std::move(changed));
    const auto opened = open_storage(disk, options, {});
    ASSERT_TRUE(opened) << at << " " << opened.error().message;
    EXPECT_EQ(opened->writer.root(), root) << at;
  }
}

}  // namespace
}  // namespace rtt::journal
