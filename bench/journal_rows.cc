// SPDX-License-Identifier: Apache-2.0
// Journal rows: a durable commit against the bare write and sync of the same bytes in the same kind of file,
// commits shared by eight writers, and how long a history takes to verify.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <thread>

#include "client.h"
#include "journal/crash_world_for_test.h"
#include "journal/journal.h"
#include "model/limits.h"
#include "os/disk_file.h"
#include "os/file.h"
#include "panel/acceptance.h"
#include "panel/ledger_replay.h"
#include "registry/identity.h"
#include "registry/snapshot.h"
#include "report.h"

namespace rtt::bench {
namespace {

using journal::Journal;
using text::Json;

constexpr std::size_t kRecordBytes = 400;
constexpr std::size_t kFillingBytes = 305;

// A record of 400 bytes as it stands in a segment, a few less while `n` is short.
journal::NewRecord record(std::int64_t n) {
  Json payload;
  payload.set("action", "bench").set("n", n).set("text", std::string(kFillingBytes, 'x'));
  return {.type = journal::RecordType::kAudit, .payload = std::move(payload)};
}

std::unique_ptr<Journal> open(const std::string& directory) {
  auto opened = Journal::open(directory, {});
  if (!opened) give_up(opened.error().message);
  return std::move(opened->journal);
}

// The same bytes written and synced one by one, in blocks that were written before, as the journal's are.
class BareFile {
 public:
  explicit BareFile(const std::string& directory) : path_(directory + "/bare") {
    if (!os::make_directories(directory)) give_up("cannot make " + directory);
    constexpr std::uint64_t kBytes = limits::kSegmentBytes;
    if (!os::DiskFile::create_zeroed(path_, {.bytes = kBytes, .written_bytes = kBytes}, {}))
      give_up("cannot make " + path_);
    file_ =
        std::make_unique<os::DiskFile>(os::DiskFile::open(path_, os::DiskFile::Access::kReadWrite).value());
  }
  std::int64_t write() {
    const std::int64_t begin = now_ns();
    if (!file_->write_at(at_, bytes_) || !file_->sync_data()) give_up("cannot write " + path_);
    at_ = (at_ + kRecordBytes) % (limits::kSegmentBytes - kRecordBytes);
    return now_ns() - begin;
  }

 private:
  std::string path_;
  std::unique_ptr<os::DiskFile> file_;
  Bytes bytes_ = Bytes(kRecordBytes, std::byte{'x'});
  std::uint64_t at_ = 0;
};

void commit_row(const Settings& settings, Report& report) {
  const auto journal = open(settings.work_dir + "/commit/wal");
  BareFile bare(settings.work_dir + "/commit");
  std::int64_t n = 0;
  const auto commit = [&] {
    std::vector<journal::NewRecord> one;
    one.push_back(record(++n));
    const std::int64_t begin = now_ns();
    if (!journal->append_batch(std::move(one))) give_up("the journal took no record");
    return now_ns() - begin;
  };
  for (int i = 0; i < 1000 / settings.scale; ++i) {
    commit();
    bare.write();
  }
  Samples ours, reference;
  for (int block = 0; block < 40; ++block) {
    for (int i = 0; i < 250 / settings.scale; ++i) ours.add(commit());
    for (int i = 0; i < 250 / settings.scale; ++i) reference.add(bare.write());
  }
  report.add({"journal.commit.p99", ours.percentile(99) / 1e3, "us", {}, {}});
  report.add_with_reference({"journal.commit.p50", ours.median() / 1e3, "us", {}, {}},
                            {"pwrite_fdatasync.p50", reference.median() / 1e3, "us", {}, {}});
}

// One of the eight: submits record after record, keeps kInFlight of them under way, and counts one only when
// it was told that it is durable. Half of all that is under way is on its way to the disk and half is made
// ready meanwhile, so with fewer the row shows how long one sync takes here and not what the journal does.
constexpr std::size_t kInFlight = 512;
void submit_many(Journal& journal, std::int64_t count) {
  std::deque<Seq> under_way;
  for (std::int64_t n = 0; n < count; ++n) {
    if (under_way.size() == kInFlight) {
      if (!journal.wait(under_way.front())) give_up("a record was not made durable");
      under_way.pop_front();
    }
    std::vector<journal::NewRecord> one;
    one.push_back(record(n));
    const auto seq = journal.submit(std::move(one));
    if (!seq) give_up("the journal took no record");
    under_way.push_back(*seq);
  }
  for (const Seq seq : under_way) {
    if (!journal.wait(seq)) give_up("a record was not made durable");
  }
}

void group_row(const Settings& settings, Report& report) {
  constexpr std::int64_t kWriters = 8;
  const std::int64_t each = 100'000 / settings.scale;
  Samples per_second;
  for (int round = 0; round < 3; ++round) {
    const auto journal = open(fmt::format("{}/group{}/wal", settings.work_dir, round));
    const std::int64_t begin = now_ns();
    {
      std::vector<std::jthread> writers;
      for (std::int64_t i = 0; i < kWriters; ++i) writers.emplace_back([&] { submit_many(*journal, each); });
    }
    const std::int64_t took = now_ns() - begin;
    if (journal->last_seq().value != static_cast<std::uint64_t>(kWriters * each))
      give_up("the journal lost a record");
    per_second.add(kWriters * each * 1'000'000'000 / took);
  }
  report.add({"journal.group_commit", per_second.median(), "records/s", {}, {}});
}

void fill(Journal& journal, std::int64_t records) {
  constexpr std::int64_t kBatch = 2000;
  for (std::int64_t n = 0; n < records;) {
    std::vector<journal::NewRecord> batch;
    for (std::int64_t i = 0; i < kBatch && n < records; ++i) batch.push_back(record(++n));
    if (const auto last = journal.append_batch(std::move(batch)); !last) give_up(last.error().message);
  }
}

void replay_1k_row(const Settings& settings, Report& report) {
  const std::string directory = settings.work_dir + "/replay1k/wal";
  fill(*open(directory), 1000);
  Samples samples;
  for (int i = 0; i < 100 / settings.scale + 5; ++i) {
    const std::int64_t begin = now_ns();
    const auto read = journal::read_journal(directory, [](const auto&) {});
    samples.add(now_ns() - begin);
    if (!read || read->records != 1000) give_up("the journal of 1,000 records did not read back");
  }
  report.add({"journal.replay.1k", samples.median() / 1e6, "ms", {}, {}});
}

void replay_1m_row(const Settings& settings, Report& report) {
  const std::string directory = settings.work_dir + "/replay1M/wal";
  const std::int64_t records = 1'000'000;
  Digest root;
  {
    const auto journal = open(directory);
    fill(*journal, records);
    root = journal->root();
  }
  Samples samples;
  for (int i = 0; i < (settings.scale == 1 ? 7 : 3); ++i) {
    const std::int64_t begin = now_ns();
    const auto read = journal::verify_journal(directory);
    samples.add(now_ns() - begin);
    if (!read || read->tree.root() != root) give_up("the journal of 1,000,000 records did not verify");
  }
  report.add({"journal.replay.1M", samples.median() / 1e6, "ms", {}, {}});
}

// A workspace whose journal holds a million records and a checkpoint, and behind it as many records as there
// may be before the next one: what the panel does before it takes its first request.
void restart_row(const Settings& settings, Report& report) {
  const registry::Workspace workspace{.root = settings.work_dir + "/restart",
                                      .user_dir = settings.work_dir + "/restart-user"};
  if (!registry::create_workspace(workspace)) give_up("cannot make " + workspace.root);
  if (!registry::create_own_key(workspace.user_dir, "bench")) give_up("cannot make a key");
  {
    auto opened = panel::open_journal(workspace);
    if (!opened) give_up(opened.error().message);
    fill(*opened->journal, 1'000'000);
    if (!panel::write_checkpoint(workspace, *opened->journal, opened->fold.state(), 0))
      give_up("no checkpoint was written");
    fill(*opened->journal, static_cast<std::int64_t>(panel::kCheckpointEveryBytes / kRecordBytes));
  }
  Samples samples;
  for (int i = 0; i < 100 / settings.scale + 5; ++i) {
    const std::int64_t begin = now_ns();
    const auto opened = panel::open_journal(workspace);
    samples.add(now_ns() - begin);
    if (!opened || opened->journal->last_seq().value < 1'000'000 || !opened->notices.empty())
      give_up("the journal did not open from its checkpoint");
  }
  report.add({"journal.restart", samples.median() / 1e6, "ms", {}, {}});
}

// States of a disk after a crash, each recovered from and held to the law of crash_world_for_test.h.
void crash_states_row(const Settings& settings, Report& report) {
  const std::vector<journal::Script> scripts{{journal::batch({10, 300}), journal::checkpoint(),
                                              journal::group({40, 500, 7}), journal::batch({900, 90})},
                                             {journal::batch({700}), journal::batch({600, 50, 900}),
                                              journal::checkpoint(), journal::batch({20, 800})}};
  std::vector<journal::ScriptRun> runs;
  for (const journal::Script& script : scripts) runs.emplace_back(script);
  Samples per_second;
  for (int round = 0; round < (settings.scale == 1 ? 5 : 2); ++round) {
    std::uint64_t states = 0;
    const std::int64_t begin = now_ns();
    for (const journal::ScriptRun& run : runs) {
      journal::Law law(run);
      for (const journal::Moment& moment : run.moments()) {
        journal::every_crash_state(moment.image, 61, [&](journal::DiskImage after, const auto&) {
          if (const std::string fault = law.fault(std::move(after), moment.acknowledged); !fault.empty())
            give_up("a crash state breaks the journal's law: " + fault);
        });
      }
      states += law.states;
    }
    per_second.add(static_cast<std::int64_t>(states) * 1'000'000'000 / (now_ns() - begin));
  }
  report.add({"crash_states.per_s", per_second.median(), "per s", {}, {}});
}

}  // namespace

void journal_rows(const Settings& settings, Report& report) {
  commit_row(settings, report);
  group_row(settings, report);
  replay_1k_row(settings, report);
  replay_1m_row(settings, report);
  restart_row(settings, report);
  crash_states_row(settings, report);
}

}  // namespace rtt::bench
