// SPDX-License-Identifier: Apache-2.0
// Goal: what was sealed is read as it was written, whatever is done to a byte of it is told, and a writer
// that was killed or had no room goes on without giving a number twice.
#include <gtest/gtest.h>

#include <fstream>

#include "base/crc32c.h"
#include "os/temp_dir.h"
#include "receipts/log.h"

namespace rtt::receipts {
namespace {

Subject subject(std::string_view tool) {
  return {.who = "rtt://client/agent/test@0.0.0",
          .to = "rtt://demo/tool/" + std::string(tool) + "@1.0.0",
          .method = "tools/call",
          .pin = crypto::merkle_leaf(as_bytes(tool))};
}

Receipt receipt(std::uint64_t salt) {
  return {.ts_us = 1'700'000'000'000'000 + static_cast<std::int64_t>(salt),
          .latency_ns = 1000 + salt,
          .in_bytes = salt,
          .out_bytes = 3 * salt,
          .route = static_cast<std::uint32_t>(salt % 7),
          .outcome = static_cast<std::uint16_t>(salt % 3),
          .arguments = crypto::merkle_leaf(as_bytes("a" + std::to_string(salt))),
          .result = crypto::merkle_leaf(as_bytes("r" + std::to_string(salt)))};
}

const crypto::SecretKey& key() {
  static const crypto::SecretKey made = crypto::SecretKey::from_seed({});
  return made;
}

struct Writer {
  explicit Writer(const std::string& folder) : log(*ReceiptLog::open(folder)), next(log.next_index()) {}
  Status write(std::uint64_t count) {
    BatchBuilder batch;
    for (std::uint64_t i = 0; i < count; ++i, ++next)
      batch.add(next, receipt(next), subject(i % 2 ? "a" : "b"));
    const ByteView block = batch.close({.at_us = 5, .lost = 2, .prev = log.head(), .key = &key()});
    return log.append(block, batch.seal());
  }
  ReceiptLog log;
  std::uint64_t next;
};

struct Read {
  LogReport report;
  std::vector<Receipt> receipts;
  std::vector<Seal> seals;
};
Read read(const std::string& folder) {
  Read out;
  LogReader reader = *LogReader::open(folder);
  for (;;) {
    const auto batch = reader.next();
    EXPECT_TRUE(batch);
    if (!batch || !*batch) break;
    for (std::uint64_t i = 0; i < (*batch)->seal.count; ++i) {
      out.receipts.push_back((*batch)->at(i));
      EXPECT_EQ((*batch)->subjects[out.receipts.back().subject], subject(i % 2 ? "a" : "b"));
    }
    out.seals.push_back((*batch)->seal);
  }
  out.report = reader.report();
  return out;
}

std::string text_of(const std::string& path) { return *os::read_file(path, std::size_t{64} << 20); }
void put(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

TEST(Receipts, are_read_as_they_were_written) {
  const auto dir = *os::TempDir::create();
  Writer writer(dir.path());
  ASSERT_TRUE(writer.write(3));
  ASSERT_TRUE(writer.write(kReceiptsPerBatchMax));
  const Read got = read(dir.path());
  EXPECT_EQ(got.report.problem, "");
  EXPECT_EQ(got.report.receipts, 3 + kReceiptsPerBatchMax);
  EXPECT_EQ(got.report.lost, 4U);
  ASSERT_EQ(got.receipts.size(), got.report.receipts);
  for (std::size_t i = 0; i < got.receipts.size(); ++i) {
    Receipt wanted = receipt(i + 1);
    wanted.index = i + 1;
    wanted.subject = got.receipts[i].subject;
    EXPECT_EQ(got.receipts[i], wanted);
  }
  crypto::Keyring ring;
  ring.add({.key = key().public_key(), .label = "test"});
  for (const Seal& seal : got.seals) {
    const auto outcome = ring.check(crypto::SignKind::kReceipt, digest_of(seal), seal.sign);
    EXPECT_EQ(outcome.verdict, crypto::Verdict::kTrusted);
  }
}

TEST(Receipts, every_byte_that_is_changed_is_told) {
  const auto dir = *os::TempDir::create();
  Writer writer(dir.path());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(writer.write(3));
  const std::string path = dir / "0000000000000001.rcp";
  const std::string whole = text_of(path);
  crypto::Keyring ring;
  ring.add({.key = key().public_key(), .label = "test"});
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x20);
    put(path, changed);
    const Read got = read(dir.path());
    EXPECT_TRUE(!got.report.problem.empty() || got.report.torn_bytes > 0) << at;
    EXPECT_LT(got.receipts.size(), 9U) << at;
  }
}

// Whoever can compute a crc can change a receipt, but not so that the root that was signed stays.
TEST(Receipts, a_changed_receipt_with_a_right_checksum_does_not_have_the_sealed_root) {
  const auto dir = *os::TempDir::create();
  Writer writer(dir.path());
  ASSERT_TRUE(writer.write(3));
  const std::string path = dir / "0000000000000001.rcp";
  std::string text = text_of(path);
  text[184 + 16] ^= 1;  // the first receipt's latency
  const std::uint32_t crc = crc32c(as_bytes(text).subspan(12));
  std::memcpy(text.data() + 8, &crc, sizeof crc);
  put(path, text);
  EXPECT_NE(read(dir.path()).report.problem.find("root"), std::string::npos);
}

TEST(Receipts, a_log_cut_anywhere_keeps_its_whole_batches_and_gives_no_number_twice) {
  const auto dir = *os::TempDir::create();
  Writer writer(dir.path());
  ASSERT_TRUE(writer.write(2));
  const std::string path = dir / "0000000000000001.rcp";
  const std::size_t first = text_of(path).size();
  ASSERT_TRUE(writer.write(2));
  const std::string whole = text_of(path);
  for (std::size_t size = first; size < whole.size(); ++size) {
    put(path, whole.substr(0, size));
    const Read cut = read(dir.path());
    EXPECT_EQ(cut.report.problem, "");
    EXPECT_EQ(cut.report.torn_bytes, size - first);
    EXPECT_EQ(cut.receipts.size(), 2U);
    Writer again(dir.path());
    EXPECT_GE(again.next, writer.next);
    ASSERT_TRUE(again.write(1));
    const Read after = read(dir.path());
    EXPECT_EQ(after.report.problem, "") << size;
    EXPECT_EQ(after.report.torn_bytes, 0U);
    EXPECT_EQ(after.receipts.size(), 3U);
  }
}

TEST(Receipts, behind_damage_the_writer_goes_on_elsewhere_and_the_damage_stays_to_be_seen) {
  const auto dir = *os::TempDir::create();
  {
    Writer writer(dir.path());
    ASSERT_TRUE(writer.write(2));
  }
  const std::string path = dir / "0000000000000001.rcp";
  std::string text = text_of(path);
  text[200] ^= 1;
  put(path, text);
  Writer again(dir.path());
  ASSERT_TRUE(again.write(1));
  EXPECT_EQ(text_of(path), text);
  EXPECT_NE(read(dir.path()).report.problem, "");
}

TEST(Receipts, the_log_has_a_size_at_most) {
  const auto dir = *os::TempDir::create();
  Writer writer(dir.path());
  const std::size_t batches = (kSegmentsMax + 2) * kSegmentBytes / (kReceiptsPerBatchMax * kReceiptBytes);
  for (std::size_t i = 0; i < batches; ++i) ASSERT_TRUE(writer.write(kReceiptsPerBatchMax));
  const Read got = read(dir.path());
  EXPECT_EQ(got.report.problem, "");
  EXPECT_EQ(got.report.segments, kSegmentsMax);
  EXPECT_GT(got.report.first, 1U);
  EXPECT_EQ(got.report.last + 1, writer.next);
}

}  // namespace
}  // namespace rtt::receipts
