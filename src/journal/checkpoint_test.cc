// SPDX-License-Identifier: Apache-2.0
// Checkpoints, compaction and shared syncs. Laws: beginning at a checkpoint gives what beginning at the first
// record gives; one that does not verify is passed over, by name, for the one before; a compacted journal
// keeps its root; files read side by side give the report of files read in order.
#include "journal/checkpoint.h"

#include <gtest/gtest.h>

#include <thread>

#include "crypto/sha256.h"
#include "journal/begin.h"
#include "journal/checkpoint_writer.h"
#include "journal/compact.h"
#include "journal/group_commit.h"
#include "journal/hash_file.h"
#include "journal/record.h"
#include "journal/recover.h"
#include "journal/simulated_disk_for_test.h"
#include "os/temp_dir.h"
#include "text/json_canonical.h"

namespace rtt::journal {
namespace {

using End = ReadReport::End;
constexpr Layout kSmall{.segment_bytes = 4096, .zeros_ahead_bytes = 256};

NewRecord note(std::int64_t n) {
  return {.payload = text::Json::object({{"action", "note"}, {"n", n}, {"text", std::string(100, 'x')}})};
}

class CheckpointTest : public ::testing::Test {
 protected:
  OpenOptions options(Accept accept = {}) const {
    return {.layout = kSmall, .timestamp = [] { return std::string("2026"); }, .accept = std::move(accept)};
  }
  // A signature of ours and nothing else.
  Accept accepting() {
    return [this](const Checkpoint& checkpoint) -> Status {
      crypto::Keyring keyring;
      keyring.add({.key = key_.public_key(), .label = "me"});
      const auto verdict =
          keyring.check(crypto::SignKind::kCheckpoint, digest_of(checkpoint), checkpoint.sign).verdict;
      if (verdict != crypto::Verdict::kTrusted) return fail(Code::kUnknownSigner, "not signed by me");
      accepted_.push_back(checkpoint.seq);
      return {};
    };
  }
  // 10 records, a checkpoint, and so on.
  void fill(int rounds) {
    auto opened = open_storage(disk_, options(accepting()), {});
    ASSERT_TRUE(opened);
    places_ = opened->checkpoints;
    for (int round = 0; round < rounds; ++round) {
      for (int i = 0; i < 10; ++i) ASSERT_TRUE(opened->writer.append_batch({note(i)}));
      const Journal::NewCheckpoint what{.seq = opened->writer.last_seq(),
                                        .graph_root = crypto::sha256("graph"),
                                        .state = crypto::sha256("state")};
      ASSERT_TRUE(write_checkpoint(disk_, opened->writer, what, key_, places_));
    }
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(opened->writer.append_batch({note(i)}));
    root_ = opened->writer.root();
    last_ = opened->writer.last_seq();
  }
  // Changes one byte of the CHECKPOINT record at `place`.
  void spoil(const CheckpointPlace& place, std::size_t at) {
    DiskImage image = disk_.image();
    image.at(place.segment).durable[static_cast<std::size_t>(place.offset) + at] ^= std::byte{1};
    disk_.become(std::move(image));
  }
  std::uint64_t replayed() {
    accepted_.clear();
    std::uint64_t records = 0;
    auto opened = open_storage(disk_, options(accepting()), [&](const Record&) { ++records; });
    EXPECT_TRUE(opened) << opened.error().message;
    if (!opened) return 0;
    EXPECT_EQ(opened->writer.root(), root_);
    EXPECT_EQ(opened->writer.last_seq(), last_);
    passed_over_ = opened->passed_over;
    return records;
  }

  SimulatedDisk disk_;
  crypto::SecretKey key_ = crypto::SecretKey::from_seed({});
  std::vector<CheckpointPlace> places_;
  std::vector<Seq> accepted_;
  std::vector<std::string> passed_over_;
  Digest root_;
  Seq last_;
};

TEST_F(CheckpointTest, only_what_follows_the_newest_is_read_and_comes_to_the_same_root) {
  fill(6);
  EXPECT_EQ(places_.size(), kCheckpointsKept);
  EXPECT_EQ(replayed(), 3u);
  EXPECT_EQ(accepted_, std::vector<Seq>{{65}});
  EXPECT_TRUE(passed_over_.empty());
  std::uint64_t all = 0;
  const auto whole = open_storage(disk_, options(), [&](const Record&) { ++all; });
  EXPECT_EQ(whole->writer.root(), root_);
  EXPECT_EQ(all, last_.value);
}

// However it is spoilt: with its crc made to fit or not.
TEST_F(CheckpointTest, one_that_does_not_verify_is_passed_over_for_the_one_before) {
  fill(6);
  const std::string seq = std::to_string(places_[0].seq.value);
  DiskImage image = disk_.image();
  SimulatedDisk spoilt(image);
  auto places = places_;
  places[0].offset += 8;  // there stands something, and it is no record
  ASSERT_TRUE(spoilt.save(std::string(kPlacesName), as_bytes(encode_places(places))));
  disk_.become(spoilt.image());
  EXPECT_EQ(replayed(), 14u);
  EXPECT_EQ(accepted_, std::vector<Seq>{places_[1].seq});
  ASSERT_EQ(passed_over_.size(), 1u);
  EXPECT_NE(passed_over_[0].find("the checkpoint after record " + seq), std::string::npos) << passed_over_[0];
  // A record that is no checkpoint; a place beyond the file; a file that is not there.
  for (const CheckpointPlace& wrong :
       {CheckpointPlace{.seq = places_[0].seq, .segment = places_[0].segment, .offset = 64},
        CheckpointPlace{.seq = places_[0].seq, .segment = places_[0].segment, .offset = 1 << 20},
        CheckpointPlace{.seq = places_[0].seq, .segment = segment_name({5000}), .offset = 64}}) {
    places[0] = wrong;
    ASSERT_TRUE(disk_.save(std::string(kPlacesName), as_bytes(encode_places(places))));
    EXPECT_EQ(replayed(), 14u) << wrong.segment << ":" << wrong.offset;
  }
}

TEST_F(CheckpointTest, one_that_somebody_else_signed_is_passed_over) {
  fill(2);
  const crypto::SecretKey mine = std::move(key_);
  key_ = crypto::SecretKey::from_seed({std::byte{7}});
  EXPECT_EQ(replayed(), last_.value);
  EXPECT_EQ(passed_over_.size(), 2u);
  EXPECT_NE(passed_over_[0].find("not signed by me"), std::string::npos);
}

TEST_F(CheckpointTest, without_the_file_of_places_or_with_a_wrong_one_everything_is_read) {
  fill(3);
  for (const char* text :
       {"", "{}", "{\"checkpoints\":[{}]}", "not json", "{\"checkpoints\":[1,2,3,4,5,6]}"}) {
    ASSERT_TRUE(disk_.save(std::string(kPlacesName), as_bytes(text)));
    EXPECT_EQ(replayed(), last_.value) << text;
  }
  ASSERT_TRUE(disk_.remove(std::string(kPlacesName)));
  EXPECT_EQ(replayed(), last_.value);
}

TEST_F(CheckpointTest, what_it_says_is_held_to_its_signature_and_its_place) {
  fill(1);
  std::string text;
  Seq own;
  ASSERT_TRUE(read_storage(disk_, kSmall, Access::kAlone, [&](const Record& record) {
    if (record.type != RecordType::kCheckpoint) return;
    text = record.payload_text;
    own = record.seq;
  }));
  const text::Json payload = *text::parse_json(text);
  const auto checkpoint = checkpoint_from_json(payload, own);
  ASSERT_TRUE(checkpoint);
  EXPECT_TRUE(accepting()(*checkpoint));
  EXPECT_FALSE(checkpoint_from_json(payload, {own.value + 1}));
  for (Digest Checkpoint::* field :
       {&Checkpoint::graph_root, &Checkpoint::journal_root, &Checkpoint::state}) {
    Checkpoint changed = *checkpoint;
    (changed.*field).bytes[5] ^= std::byte{1};
    EXPECT_FALSE(accepting()(changed));
  }
  Checkpoint moved = *checkpoint;
  moved.seq.value += 1;
  EXPECT_FALSE(accepting()(moved));
  Checkpoint grown = *checkpoint;
  grown.frontier.front().bytes[0] ^= std::byte{1};
  EXPECT_FALSE(checkpoint_from_json(to_json(grown), own)) << "a frontier that leads elsewhere";
  for (const char* field : {"seq", "graph_root", "journal_root", "state", "frontier", "sign"}) {
    text::Json without = payload;
    without.as_object().erase(field);
    EXPECT_FALSE(checkpoint_from_json(without, own)) << field;
  }
}

TEST_F(CheckpointTest, a_journal_that_went_on_is_not_signed_as_it_was) {
  fill(1);
  auto opened = open_storage(disk_, options(accepting()), {});
  EXPECT_EQ(write_checkpoint(disk_, opened->writer, {.seq = {last_.value - 1}}, key_, places_).error().code,
            Code::kBusy);
}

// --- compaction

TEST_F(CheckpointTest, a_compacted_journal_keeps_its_root_and_goes_on) {
  fill(12);
  const auto before = read_storage(disk_, kSmall, Access::kAlone, {});
  const auto segments = [&] { return *parts_of(disk_); };
  const std::size_t all = segments().size();
  ASSERT_GT(all, 5u);
  const Seq keep = places_.back().seq;
  const auto count = compact(disk_, kSmall, keep);
  ASSERT_TRUE(count);
  EXPECT_GT(*count, 1u);
  EXPECT_EQ(segments().size(), all);
  const auto after = read_storage(disk_, kSmall, Access::kAlone, {});
  EXPECT_EQ(after->report.end, End::kClean);
  EXPECT_EQ(after->report.tree, before->report.tree);
  EXPECT_EQ(after->report.last_hash, before->report.last_hash);
  EXPECT_LT(after->report.compacted_to, keep);
  EXPECT_GT(after->report.compacted_to.value, 10u);
  EXPECT_EQ(compact(disk_, kSmall, keep), 0u) << "twice is once";
  EXPECT_EQ(replayed(), 3u);
  // Even if the places are lost, some checkpoint among the records is found.
  ASSERT_TRUE(disk_.remove(std::string(kPlacesName)));
  EXPECT_EQ(replayed(), 3u);
  // And if none can be used, that is said.
  key_ = crypto::SecretKey::from_seed({std::byte{7}});
  const auto refused = open_storage(disk_, options(accepting()), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kJournalDamaged);
  EXPECT_NE(refused.error().message.find("not signed by me"), std::string::npos) << refused.error().message;
}

TEST_F(CheckpointTest, a_changed_hash_of_a_compacted_record_shows) {
  fill(12);
  ASSERT_TRUE(compact(disk_, kSmall, places_.back().seq));
  const DiskImage image = disk_.image();
  std::size_t flips = 0;
  for (const auto& [name, file] : image) {
    if (!name.ends_with(".hsh")) continue;
    const auto decoded = decode_hash_file(file.durable);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(encode_hash_file(*decoded), file.durable);
    for (std::size_t at = 0; at < file.durable.size(); at += 3) {
      DiskImage changed = image;
      changed[name].durable[at] ^= std::byte{0x10};
      SimulatedDisk disk(std::move(changed));
      EXPECT_EQ(read_storage(disk, kSmall, Access::kAlone, {})->report.end, End::kDamaged)
          << name << " " << at;
      ++flips;
    }
    DiskImage shorter = image;
    shorter[name].durable.resize(file.durable.size() - 32);
    SimulatedDisk disk(std::move(shorter));
    EXPECT_EQ(read_storage(disk, kSmall, Access::kAlone, {})->report.end, End::kDamaged);
  }
  EXPECT_GT(flips, 100u);
}

TEST_F(CheckpointTest, a_segment_that_does_not_verify_is_not_compacted) {
  fill(12);
  DiskImage image = disk_.image();
  image.begin()->second.durable[100] ^= std::byte{1};
  SimulatedDisk disk(image);
  EXPECT_EQ(compact(disk, kSmall, places_.back().seq).error().code, Code::kJournalDamaged);
  EXPECT_TRUE(disk.image().contains(image.begin()->first));
}

// --- side by side

TEST_F(CheckpointTest, files_read_side_by_side_give_the_report_of_files_read_in_order) {
  fill(12);
  ASSERT_TRUE(compact(disk_, kSmall, places_.back().seq));
  const DiskImage image = disk_.image();
  std::uint64_t damaged = 0, looked = 0;
  const auto compare = [&](DiskImage changed, const std::string& what) {
    SimulatedDisk disk(std::move(changed));
    const auto in_order = read_storage(disk, kSmall, Access::kAlone, {});
    const auto beside = verify_storage(disk, kSmall, Access::kAlone, {.threads = 2, .keep = {}});
    ASSERT_TRUE(in_order && beside) << what;
    const ReadReport &a = in_order->report, &b = beside->state.report;
    EXPECT_EQ(a.end, b.end) << what;
    EXPECT_EQ(a.bad_seq, b.bad_seq) << what;
    EXPECT_EQ(a.bad_file, b.bad_file) << what;
    EXPECT_EQ(a.bad_offset, b.bad_offset) << what;
    EXPECT_EQ(a.tree, b.tree) << what;
    EXPECT_EQ(a.last_hash, b.last_hash) << what;
    damaged += a.end == End::kDamaged ? 1U : 0U;
    ++looked;
  };
  compare(image, "as it was");
  for (const auto& [name, file] : image) {
    if (!parse_segment_name(name) && !parse_hash_file_name(name)) continue;
    for (std::size_t at = 0; at < file.durable.size(); at += 61) {
      DiskImage changed = image;
      changed[name].durable[at] ^= std::byte{0x40};
      compare(std::move(changed), name + " byte " + std::to_string(at));
    }
    DiskImage without = image;
    without.erase(name);
    compare(std::move(without), "without " + name);
  }
  EXPECT_GT(damaged, looked / 2);
  SimulatedDisk disk(image);
  const auto kept =
      verify_storage(disk, kSmall, Access::kAlone, {.threads = 2, .keep = [](const RecordView& record) {
                                                      return record.type == RecordType::kCheckpoint;
                                                    }});
  ASSERT_FALSE(kept->kept.empty());
  EXPECT_EQ(kept->kept.back().record.seq.value, places_.front().seq.value + 1);
  EXPECT_EQ(kept->kept.back().place.offset, places_.front().offset);
}

// --- group commit

TEST_F(CheckpointTest, records_submitted_before_anybody_waits_share_one_sync) {
  int syncs = 0;
  SimulatedDisk disk({},
                     [&](const DiskImage& image) { syncs += image.begin()->second.pending.empty() ? 1 : 0; });
  auto opened = open_storage(disk, options(), {});
  GroupCommit commits(std::move(opened->writer));
  ASSERT_TRUE(commits.wait(*commits.submit(*make_ready(std::vector<NewRecord>{note(1)}))));
  syncs = 0;
  for (std::uint64_t n = 2; n <= 9; ++n)
    EXPECT_EQ(commits.submit(*make_ready(std::vector<NewRecord>{note(1)})), Seq{n});
  EXPECT_EQ(commits.durable(), Seq{1});
  ASSERT_TRUE(commits.wait({5}));
  EXPECT_EQ(commits.durable(), Seq{9});
  EXPECT_EQ(syncs, 1);
}

// What comes while a group is on its way to the disk is laid and chained meanwhile, and not written before
// the disk has the first: it could keep the second alone.
TEST_F(CheckpointTest, what_is_submitted_during_a_write_is_the_next_write) {
  GroupCommit* commits = nullptr;
  std::size_t pending_max = 0;
  std::uint64_t submitted = 1, during = 0;
  SimulatedDisk disk({}, [&](const DiskImage& image) {
    pending_max = std::max(pending_max, image.begin()->second.pending.size());
    if (commits == nullptr || ++during > 3) return;
    EXPECT_EQ(commits->submit(*make_ready(std::vector<NewRecord>{note(2)})), Seq{++submitted});
    EXPECT_EQ(commits->durable(), Seq{0});
  });
  OpenOptions only_records = options();
  only_records.layout.zeros_ahead_bytes = 0;
  auto opened = open_storage(disk, only_records, {});
  GroupCommit group_commit(std::move(opened->writer));
  commits = &group_commit;
  const Seq first = *group_commit.submit(*make_ready(std::vector<NewRecord>{note(1)}));
  std::jthread beside([&] { EXPECT_TRUE(group_commit.wait(first)); });
  ASSERT_TRUE(group_commit.wait(first));
  EXPECT_EQ(group_commit.durable(), Seq{1});
  ASSERT_TRUE(group_commit.wait({submitted}));
  EXPECT_EQ(group_commit.durable(), Seq{4});
  EXPECT_EQ(pending_max, 1u);
  const auto read = read_storage(disk, only_records.layout, Access::kAlone, {});
  EXPECT_EQ(read->report.last_seq, Seq{4});
  EXPECT_EQ(read->report.tree.root(), group_commit.root());
}

// So that the disk has no rest while nobody waits yet.
TEST(GroupCommit, enough_that_waits_is_written_by_who_submits_it) {
  const os::TempDir dir = *os::TempDir::create();
  auto opened = Journal::open(dir / "wal", {});
  ASSERT_TRUE(opened);
  const auto of_bytes = [](std::size_t bytes) {
    return std::vector<NewRecord>{{.payload = text::Json::object({{"text", std::string(bytes, 'x')}})}};
  };
  EXPECT_EQ(opened->journal->submit(of_bytes(kWorthWritingBytes / 2)), Seq{1});
  EXPECT_EQ(opened->journal->last_seq(), Seq{0});
  EXPECT_EQ(opened->journal->submit(of_bytes(kWorthWritingBytes / 2)), Seq{2});
  EXPECT_EQ(opened->journal->last_seq(), Seq{2});
  EXPECT_EQ(read_journal(dir / "wal", {})->last_seq, Seq{2});
}

TEST_F(CheckpointTest, a_failed_write_fails_all_that_wait_for_it_and_all_that_come) {
  auto opened = open_storage(disk_, options(), {});
  GroupCommit commits(std::move(opened->writer));
  ASSERT_TRUE(commits.wait(*commits.submit(*make_ready(std::vector<NewRecord>{note(1)}))));
  ASSERT_TRUE(commits.submit(*make_ready(std::vector<NewRecord>{note(2)})));
  ASSERT_TRUE(commits.submit(*make_ready(std::vector<NewRecord>{note(3)})));
  disk_.fail_after(0);
  EXPECT_FALSE(commits.wait({2}));
  EXPECT_FALSE(commits.wait({3}));
  EXPECT_TRUE(commits.wait({1}));
  EXPECT_FALSE(commits.submit(*make_ready(std::vector<NewRecord>{note(4)})));
  EXPECT_FALSE(commits.alone([](Writer&) { return Status(); }));
}

TEST_F(CheckpointTest, what_is_larger_than_a_segment_is_refused_and_harms_nobody) {
  auto opened = open_storage(disk_, options(), {});
  GroupCommit commits(std::move(opened->writer));
  ASSERT_TRUE(commits.submit(*make_ready(std::vector<NewRecord>{note(1)})));
  std::vector<NewRecord> large;
  for (int i = 0; i < 40; ++i) large.push_back(note(i));
  EXPECT_EQ(commits.submit(*make_ready(std::move(large))).error().code, Code::kTooLarge);
  // More than a segment in small submissions becomes several writes.
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(commits.submit(*make_ready(std::vector<NewRecord>{note(i)})));
  ASSERT_TRUE(commits.wait({61}));
  EXPECT_EQ(read_storage(disk_, kSmall, Access::kAlone, {})->report.last_seq, Seq{61});
}

TEST(GroupCommit, many_writers_each_told_when_durable_lose_nothing) {
  const os::TempDir dir = *os::TempDir::create();
  auto opened = Journal::open(dir / "wal", {});
  ASSERT_TRUE(opened);
  constexpr int kWriters = 8, kEach = 300;
  std::vector<std::vector<Seq>> told(kWriters);
  {
    std::vector<std::jthread> writers;
    for (int w = 0; w < kWriters; ++w) {
      writers.emplace_back([&, w] {
        for (int i = 0; i < kEach; ++i) {
          std::vector<NewRecord> one{note(w * 1000 + i)};
          const auto seqs = opened->journal->append_batch(one);
          ASSERT_TRUE(seqs);
          told[static_cast<std::size_t>(w)].push_back(seqs->front());
        }
      });
    }
  }
  std::vector<std::int64_t> found(kWriters * kEach + 1);
  const auto report = read_journal(dir / "wal", [&](const Record& record) {
    found[record.seq.value] = record.payload()->int_or("n", -1);
  });
  EXPECT_EQ(report->end, End::kClean);
  EXPECT_EQ(report->last_seq.value, static_cast<std::uint64_t>(kWriters * kEach));
  for (int w = 0; w < kWriters; ++w) {
    for (int i = 0; i < kEach; ++i)
      EXPECT_EQ(found[told[static_cast<std::size_t>(w)][static_cast<std::size_t>(i)].value], w * 1000 + i);
  }
  EXPECT_EQ(opened->journal->root(), report->tree.root());
  EXPECT_EQ(verify_journal(dir / "wal")->tree, report->tree);
}

// Where the journal's own member goes, it stands in canonical place whatever else is there.
TEST(Group, the_batch_member_keeps_the_text_canonical) {
  for (const char* text : {R"({})", R"({"a":1})", R"({"c":1})", R"({"a":{"z":"\"batch\""},"c":[1,{"d":2}]})",
                           R"({"batc":1,"batch0":2})", R"({"ba\\":1,"ba\"":2,"é":3})",
                           R"({"batch":{"a":1},"z":"\\"})", R"({"A":"}","bat":{},"batcha":"{"})"}) {
    text::Json payload = *text::parse_json(text);
    std::vector<NewRecord> two{{.payload = payload}, {.payload = payload}};
    const auto ready = make_ready(std::move(two));
    ASSERT_TRUE(ready) << text;
    Group group({41}, bytes_max(*ready));
    group.lay(*ready);
    group.seal({.seq = {41}, .hash = {}}, group.laid());
    ASSERT_EQ(group.end().seq, Seq{43});
    const ByteView out = group.bytes();
    payload.as_object().erase("batch");
    const auto first = decode_record(out);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->payload_text, text::canonical_json(payload));
    const auto second = decode_record(out.subspan(first->span()));
    ASSERT_TRUE(second);
    payload.set("batch", 42);
    EXPECT_EQ(second->payload_text, text::canonical_json(payload)) << text;
    EXPECT_EQ(second->prev, crypto::sha256(first->bytes));
  }
}

}  // namespace
}  // namespace rtt::journal
