// SPDX-License-Identifier: Apache-2.0
// Journal on a real folder: what was appended is replayed, the chain and the root are those of the published
// construction, every changed byte and every truncation shows, one writer at a time.
#include "journal/journal.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/hex.h"
#include "crypto/sha256.h"
#include "journal/disk_storage.h"
#include "journal/record.h"
#include "journal/recover.h"
#include "journal/simulated_disk_for_test.h"
#include "os/disk_file.h"
#include "os/temp_dir.h"
#include "text/json_canonical.h"

namespace rtt::journal {
namespace {

using End = ReadReport::End;

NewRecord note(std::int64_t n, RecordType type = RecordType::kAudit) {
  return {.type = type, .payload = text::Json::object({{"action", "note"}, {"n", n}})};
}
std::vector<NewRecord> notes(std::int64_t from, std::size_t count) {
  std::vector<NewRecord> records;
  for (std::size_t i = 0; i < count; ++i) records.push_back(note(from + static_cast<std::int64_t>(i)));
  return records;
}

class JournalTest : public ::testing::Test {
 protected:
  os::TempDir dir_ = *os::TempDir::create();
  std::string wal_ = dir_ / "wal";
  static constexpr Layout kSmall{.segment_bytes = 1024, .zeros_ahead_bytes = 256};

  std::unique_ptr<Journal> open() {
    auto opened = Journal::open(wal_, {});
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(opened->journal) : nullptr;
  }
  // The same with small segments, below the lock.
  Result<OpenedWriter> open_small(Storage& storage) const {
    return open_storage(
        storage, {.layout = kSmall, .timestamp = [] { return std::string("2026-01-01T00:00:00.000000Z"); }},
        {});
  }
  ReadState read_small() const {
    const auto storage = disk_storage(wal_);
    return *read_storage(*storage, kSmall, Access::kBeside, {});
  }
};

TEST_F(JournalTest, who_lost_the_lock_writes_nothing_more_and_who_took_it_goes_on) {
  const auto first = open();
  ASSERT_TRUE(first->append_batch(notes(0, 3)));
  EXPECT_EQ(Journal::open(wal_, {}).error().code, Code::kBusy);
  ASSERT_TRUE(os::remove_file(wal_ + "/lock"));  // by whoever
  EXPECT_EQ(first->held().error().code, Code::kApplyBusy);
  const auto second = open();
  ASSERT_NE(second, nullptr);
  const auto gone = first->append_batch(notes(100, 1));
  ASSERT_FALSE(gone) << "another file of that name is not its lock";
  EXPECT_EQ(gone.error().code, Code::kApplyBusy);
  EXPECT_EQ(gone.error().where, wal_ + "/lock");
  ASSERT_TRUE(second->append_batch(notes(3, 2)));
  EXPECT_FALSE(first->append_batch(notes(100, 1)));
  const auto report = verify_journal(wal_);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->end, End::kClean);
  EXPECT_EQ(report->last_seq.value, 5U);
}

TEST_F(JournalTest, empty_or_absent_folder_is_an_empty_journal) {
  const auto report = read_journal(wal_, {});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->end, End::kClean);
  EXPECT_EQ(report->records, 0u);
  EXPECT_EQ(report->tree.root(), crypto::sha256(""));
  EXPECT_EQ(open()->last_seq().value, 0u);
}

TEST_F(JournalTest, replays_what_was_appended_with_chain_and_root) {
  Digest root;
  {
    const auto journal = open();
    EXPECT_EQ(journal->append_batch({note(1, RecordType::kPrepare)}), (std::vector<Seq>{{1}}));
    EXPECT_EQ(journal->append_batch({note(2, RecordType::kCommit), note(3)}), (std::vector<Seq>{{2}, {3}}));
    EXPECT_EQ(journal->append_batch({}), std::vector<Seq>{});
    EXPECT_EQ(journal->last_seq(), Seq{3});
    root = journal->root();
  }
  std::vector<Digest> hashes;
  std::string seen;
  const auto opened =
      Journal::open(wal_, {.visit = [&](const Record& record) {
                      EXPECT_EQ(record.prev, hashes.empty() ? Digest{} : hashes.back());
                      hashes.push_back(record.hash);
                      seen += std::string(to_string(record.type)) + " " + record.payload_text + "\n";
                      EXPECT_EQ(record.payload()->string_or("action"), "note");
                    }});
  ASSERT_TRUE(opened);
  EXPECT_FALSE(opened->torn);
  EXPECT_EQ(seen,
            "PREPARE {\"action\":\"note\",\"n\":1}\n"
            "COMMIT {\"action\":\"note\",\"n\":2}\n"
            "AUDIT {\"action\":\"note\",\"batch\":2,\"n\":3}\n");
  EXPECT_EQ(opened->journal->root(), root);
  crypto::MerkleTree tree;
  for (const Digest& hash : hashes) tree.append(hash);
  EXPECT_EQ(tree.root(), root);
  EXPECT_EQ(os::list_directory(wal_), (std::vector<std::string>{"0000000000000001.seg", "lock"}));
}

TEST_F(JournalTest, one_writer_and_any_readers) {
  const auto journal = open();
  const auto second = Journal::open(wal_, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kBusy);
  ASSERT_TRUE(journal->append_batch(notes(1, 5)));
  EXPECT_EQ(read_journal(wal_, {})->last_seq, Seq{5});
}

TEST_F(JournalTest, reopening_and_appending_many_times_is_the_same_as_once) {
  Digest root;
  for (std::int64_t i = 1; i <= 20; ++i) {
    const auto journal = open();
    EXPECT_EQ(journal->append_batch({note(i)})->front().value, static_cast<std::uint64_t>(i));
    root = journal->root();
  }
  const os::TempDir other = *os::TempDir::create();
  const auto opened = Journal::open(other / "wal", {});
  for (std::int64_t i = 1; i <= 20; ++i) ASSERT_TRUE(opened->journal->append_batch({note(i)}));
  EXPECT_EQ(opened->journal->root(), root);
}

TEST_F(JournalTest, rotates_into_segments_that_chain) {
  ASSERT_TRUE(os::make_directories(wal_));
  const auto storage = disk_storage(wal_);
  std::int64_t n = 1;
  Digest root;
  for (int round = 0; round < 4; ++round) {  // each time a fresh writer goes on where the last one ended
    auto opened = open_small(*storage);
    ASSERT_TRUE(opened);
    for (int i = 0; i < 10; ++i, n += 3) ASSERT_TRUE(opened->writer.append_batch(notes(n, 3)));
    root = opened->writer.root();
  }
  const ReadState state = read_small();
  EXPECT_EQ(state.report.end, End::kClean);
  EXPECT_EQ(state.report.records, 120u);
  EXPECT_EQ(state.report.tree.root(), root);
  const auto names = storage->names();
  EXPECT_GT(names->size(), 10u);
  for (const std::string& name : *names)
    EXPECT_EQ(*os::DiskFile::open(storage->path_of(name), os::DiskFile::Access::kRead)->size(), 1024u);
  const std::string third = storage->path_of((*names)[2]);
  const std::string content = *os::read_file(third, 4096);
  const SegmentHeader header = *decode_segment_header(as_bytes(content));
  for (const SegmentHeader& wrong : {SegmentHeader{header.first_seq, crypto::sha256("other")},
                                     SegmentHeader{{header.first_seq.value + 1}, header.prev}}) {
    const Bytes head = encode_segment_header(wrong);
    ASSERT_TRUE(os::write_atomic(third, std::string(as_text(head)) + content.substr(head.size())));
    const ReadState state_now = read_small();
    EXPECT_EQ(state_now.report.end, End::kDamaged);
    EXPECT_EQ(state_now.report.bad_seq, header.first_seq);
  }
  ASSERT_TRUE(os::write_atomic(third, content));
  EXPECT_EQ(read_small().report.end, End::kClean);
  ASSERT_TRUE(os::remove_file(storage->path_of((*names)[4])));
  const ReadState gap = read_small();
  EXPECT_EQ(gap.report.end, End::kDamaged);
  EXPECT_EQ(segment_name(gap.report.bad_seq), (*names)[4]);
}

TEST_F(JournalTest, what_does_not_fit_is_refused_before_anything_is_written) {
  const auto journal = open();
  const std::string large(limits::kRecordPayloadBytesMax, 'x');
  const auto refused = journal->append_batch({note(1), {.payload = text::Json::object({{"text", large}})}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kTooLarge);
  EXPECT_EQ(journal->append_batch({note(1)})->front(), Seq{1});
  std::vector<NewRecord> batch;
  for (int i = 0; i < 17; ++i) batch.push_back({.payload = text::Json::object({{"text", large.substr(40)}})});
  EXPECT_EQ(journal->append_batch(batch).error().code, Code::kTooLarge);
  EXPECT_EQ(journal->append_batch({note(2)})->front(), Seq{2});
  ASSERT_TRUE(
      journal->append_batch({{.payload = text::Json::object({{"text", large.substr(40)}})}}));  // the largest
  EXPECT_EQ(read_journal(wal_, {})->records, 3u);
}

TEST_F(JournalTest, torn_tail_is_saved_cut_and_told) {
  {
    ASSERT_TRUE(open()->append_batch(notes(1, 2)));
  }
  const std::string path = wal_ + "/" + segment_name({1});
  std::uint64_t at = kSegmentHeaderBytes;
  (void)read_journal(wal_,
                     [&](const Record& r) { at += padded(kRecordHeaderBytes + r.payload_text.size()); });
  ASSERT_TRUE(
      os::DiskFile::open(path, os::DiskFile::Access::kReadWrite)->write_at(at, as_bytes("half a rec")));
  const auto before = read_journal(wal_, {});
  EXPECT_EQ(before->end, End::kTorn);
  EXPECT_EQ(before->bad_seq, Seq{3});
  EXPECT_EQ(before->bad_offset, at);
  EXPECT_EQ(before->bad_file, path);
  std::string audit;
  {
    const auto opened = Journal::open(wal_, {});
    ASSERT_TRUE(opened);
    ASSERT_TRUE(opened->torn);
    EXPECT_EQ(opened->torn->saved_to, wal_ + "/torn-3.bin");
    EXPECT_EQ(opened->torn->bytes, 10u);
    EXPECT_EQ(opened->journal->last_seq(), Seq{3});
  }
  EXPECT_EQ(os::read_file(wal_ + "/torn-3.bin", 100), "half a rec");
  const auto after =
      Journal::open(wal_, {.visit = [&](const Record& record) { audit = record.payload_text; }});
  EXPECT_FALSE(after->torn);
  EXPECT_NE(audit.find("\"action\":\"torn_tail\""), std::string::npos);
  EXPECT_NE(audit.find("torn-3.bin"), std::string::npos);
}

TEST_F(JournalTest, damage_in_the_middle_is_refused_with_seq_and_place) {
  {
    ASSERT_TRUE(open()->append_batch({note(1)}));
  }
  {
    ASSERT_TRUE(open()->append_batch({note(2)}));
  }
  const std::string path = wal_ + "/" + segment_name({1});
  ASSERT_TRUE(os::DiskFile::open(path, os::DiskFile::Access::kReadWrite)->write_at(64 + 60, as_bytes("!")));
  const auto refused = Journal::open(wal_, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kJournalDamaged);
  EXPECT_NE(refused.error().message.find("record 1"), std::string::npos);
  EXPECT_EQ(refused.error().where, path + ":64");
  const auto again = Journal::open(wal_, {});
  EXPECT_EQ(again.error().code, Code::kJournalDamaged);
}

// The worked example of the format's page is what the code writes.
TEST_F(JournalTest, worked_example_of_the_documentation) {
  const auto page = os::read_file(std::string(RTT_SOURCE_DIR) + "/docs/formats/journal.md", 1 << 20);
  ASSERT_TRUE(page);
  std::string dense;
  for (const char c : *page) {
    if (c != ' ' && c != '\n') dense += c;
  }
  Bytes record;
  const Digest hash =
      encode_record(record, {.seq = {1}, .type = RecordType::kAudit, .prev = {}}, "{\"action\":\"note\"}");
  EXPECT_NE(dense.find(to_hex(encode_segment_header({.first_seq = {1}, .prev = {}}))), std::string::npos);
  EXPECT_NE(dense.find(to_hex(record)), std::string::npos);
  EXPECT_NE(dense.find("recordhash" + to_string(hash)), std::string::npos);
  crypto::MerkleTree tree;
  tree.append(hash);
  EXPECT_NE(dense.find("root" + to_string(tree.root())), std::string::npos);
}

// --- every byte
// ------------------------------------------------------------------------------------------------------

// In memory, because it reads thousands of variants of one small journal.
class EveryByte : public JournalTest {
 protected:
  void SetUp() override {
    SimulatedDisk disk;
    auto opened = open_small(disk);
    ASSERT_TRUE(opened->writer.append_batch({note(1)}));
    ASSERT_TRUE(opened->writer.append_batch(notes(2, 2)));
    ASSERT_TRUE(opened->writer.append_batch({note(4)}));
    original_ = std::string(as_text(disk.image().at(segment_name({1})).durable));
    end_ = static_cast<std::size_t>(read_with(original_).end_offset);
    ASSERT_EQ(original_.size(), kSmall.segment_bytes);
    ASSERT_LT(end_, original_.size());
  }
  static DiskImage image_of(std::string_view content) {
    const ByteView bytes = as_bytes(content);
    return {{segment_name({1}), FileImage{.durable = Bytes(bytes.begin(), bytes.end()), .pending = {}}}};
  }
  static ReadState read_with(std::string_view content) {
    SimulatedDisk disk(image_of(content));
    return *read_storage(disk, kSmall, Access::kBeside, {});
  }
  std::string original_;
  std::size_t end_ = 0;
};

TEST_F(EveryByte, flipped_anywhere_shows) {
  for (std::size_t i = 0; i < original_.size(); ++i) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::string changed = original_;
      changed[i] = static_cast<char>(changed[i] ^ flip);
      const ReadState state = read_with(changed);
      EXPECT_NE(state.report.end, End::kClean) << "byte " << i << " flip " << flip;
      // All but the last record are followed by a later batch: that is damage, never a tail to cut.
      if (state.report.bad_seq < Seq{4} && i < end_) {
        EXPECT_EQ(state.report.end, End::kDamaged) << i;
      }
    }
  }
}

TEST_F(EveryByte, truncated_anywhere_shows) {
  for (std::size_t size = 0; size < original_.size(); ++size) {
    EXPECT_NE(read_with(original_.substr(0, size)).report.end, End::kClean) << size;
  }
  EXPECT_NE(read_with(original_ + std::string(8, '\0')).report.end, End::kClean);
}

TEST_F(EveryByte, truncated_journal_is_recovered_to_the_records_it_still_holds) {
  for (std::size_t size = kSegmentHeaderBytes; size < original_.size(); ++size) {
    SimulatedDisk disk(image_of(std::string_view(original_).substr(0, size)));
    auto opened = open_small(disk);
    ASSERT_TRUE(opened) << size;
    EXPECT_TRUE(opened->torn) << size;
    ASSERT_TRUE(opened->writer.append_batch({note(9)})) << size;
    const auto again = read_storage(disk, kSmall, Access::kAlone, {});
    EXPECT_EQ(again->report.end, End::kClean) << size;
    EXPECT_EQ(again->report.last_seq, opened->writer.last_seq()) << size;
    EXPECT_EQ(disk.image().at(segment_name({1})).durable.size(), kSmall.segment_bytes) << size;
  }
}

TEST_F(EveryByte, records_swapped_dropped_or_doubled_show) {
  std::vector<std::string> parts;
  std::size_t at = kSegmentHeaderBytes;
  while (at < end_) {
    const auto record = decode_record(as_bytes(std::string_view(original_).substr(at)));
    ASSERT_TRUE(record);
    parts.push_back(original_.substr(at, record->span()));
    at += record->span();
  }
  ASSERT_EQ(parts.size(), 4u);
  const auto with = [&](const std::vector<std::size_t>& order) {
    std::string content = original_.substr(0, kSegmentHeaderBytes);
    for (const std::size_t i : order) content += parts[i];
    content.resize(original_.size());
    return read_with(content).report.end;
  };
  EXPECT_EQ(with({0, 1, 2, 3}), End::kClean);
  EXPECT_EQ(with({0, 1, 3}), End::kDamaged);
  EXPECT_EQ(with({1, 2, 3}), End::kDamaged);
  EXPECT_EQ(with({0, 2, 1, 3}), End::kDamaged);
  EXPECT_NE(with({0, 1, 2, 3, 3}), End::kClean);
  EXPECT_NE(with({0, 1, 2, 3, 1}), End::kClean);
}

TEST_F(EveryByte, a_well_formed_record_that_does_not_follow_from_the_one_before_is_damage) {
  std::size_t last = kSegmentHeaderBytes;
  for (int i = 0; i < 3; ++i)
    last += decode_record(as_bytes(std::string_view(original_).substr(last)))->span();
  const auto genuine = decode_record(as_bytes(std::string_view(original_).substr(last)));
  ASSERT_EQ(genuine->seq, Seq{4});
  const auto with = [&](const RecordHead& head) {
    Bytes forged;
    (void)encode_record(forged, head, genuine->payload_text);
    std::string content = original_;
    content.replace(last, forged.size(), as_text(forged));
    return read_with(content).report.end;
  };
  EXPECT_EQ(with({.seq = {4}, .type = genuine->type, .prev = genuine->prev}), End::kClean);
  EXPECT_EQ(with({.seq = {4}, .type = genuine->type, .prev = crypto::sha256("other")}), End::kDamaged);
  EXPECT_EQ(with({.seq = {5}, .type = genuine->type, .prev = genuine->prev}), End::kDamaged);
}

// --- a reader beside a writer
// ----------------------------------------------------------------------------------------

TEST_F(JournalTest, a_reader_beside_a_writer_never_sees_damage_or_a_torn_tail) {
  const auto journal = open();
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (std::int64_t n = 0; n < 400; ++n) {
      EXPECT_TRUE(journal->append_batch(notes(n, 1 + static_cast<std::size_t>(n % 40))));
    }
    done = true;
  });
  std::uint64_t last = 0, looks = 0;
  while (!done || looks == 0) {
    const auto report = read_journal(wal_, {});
    ASSERT_TRUE(report);
    EXPECT_EQ(report->end, End::kClean);
    EXPECT_GE(report->last_seq.value, last);
    last = report->last_seq.value;
    ++looks;
  }
  writer.join();
  EXPECT_EQ(read_journal(wal_, {})->last_seq, journal->last_seq());
}

}  // namespace
}  // namespace rtt::journal
