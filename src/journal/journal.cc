// SPDX-License-Identifier: Apache-2.0
#include "journal/journal.h"

#include <thread>

#include "journal/checkpoint_writer.h"
#include "journal/compact.h"
#include "journal/disk_storage.h"
#include "journal/group_commit.h"
#include "journal/lease.h"
#include "journal/reader.h"
#include "journal/recover.h"
#include "os/clock.h"
#include "os/file.h"

namespace rtt::journal {

std::string_view to_string(RecordType type) {
  switch (type) {
    case RecordType::kPrepare:
      return "PREPARE";
    case RecordType::kCommit:
      return "COMMIT";
    case RecordType::kAbort:
      return "ABORT";
    case RecordType::kRollback:
      return "ROLLBACK";
    case RecordType::kCheckpoint:
      return "CHECKPOINT";
    case RecordType::kAudit:
      return "AUDIT";
  }
  RTT_ASSERT(false);
  return {};
}

Result<text::Json> Record::payload() const {
  auto parsed = text::parse_json(payload_text, {.bytes_max = limits::kRecordPayloadBytesMax});
  if (!parsed)
    return std::unexpected(std::move(parsed).error().in("journal record " + std::to_string(seq.value)));
  return parsed;
}

Result<ReadReport> read_journal(const std::string& directory,
                                const std::function<void(const Record&)>& visit) {
  const std::unique_ptr<Storage> storage = disk_storage(directory);
  RTT_TRY_SET(ReadState state, read_storage(*storage, disk_layout(), Access::kBeside, visit));
  return std::move(state.report);
}

Result<Replayed> replay_journal(const std::string& directory, const Replay& replay) {
  const std::unique_ptr<Storage> storage = disk_storage(directory);
  RTT_TRY_SET(Beginning beginning, find_beginning(*storage, disk_layout(), replay.accept));
  const Begin* const from = beginning.from ? &*beginning.from : nullptr;
  RTT_TRY_SET(ReadState state, read_storage(*storage, disk_layout(), Access::kBeside, replay.visit, from));
  hold_to(beginning.remembered_to, *storage, state.report);
  return Replayed{.report = std::move(state.report), .passed_over = std::move(beginning.passed_over)};
}

Result<ReadReport> verify_journal(const std::string& directory) {
  const std::unique_ptr<Storage> storage = disk_storage(directory);
  RTT_TRY_SET(Verified verified,
              verify_storage(*storage, disk_layout(), Access::kBeside,
                             {.threads = std::thread::hardware_concurrency(), .keep = {}}));
  return std::move(verified.state.report);
}

struct Journal::State {
  std::optional<Lease> lease;  // first, so that it is let go last
  std::unique_ptr<Storage> storage;
  std::optional<GroupCommit> commits;
  std::vector<CheckpointPlace> checkpoints;
  Seq checkpoint_seq;             // of the last CHECKPOINT record that a restart would begin from
  std::int64_t bytes_before = 0;  // appended_bytes() less this is what follows it
};

namespace {

// Files that a crash left before they got their name. Under the lock nobody else is writing one.
Status remove_leftovers(const std::string& directory) {
  RTT_TRY_SET(const auto names, os::list_directory(directory));
  for (const std::string& name : names) {
    if (name.starts_with(".tmp-")) RTT_TRY(os::remove_file(directory + "/" + name));
  }
  return {};
}

}  // namespace

Journal::Journal() : state_(std::make_unique<State>()) {}
Journal::~Journal() = default;

Result<Journal::Opened> Journal::open(const std::string& directory, const Replay& replay) {
  std::unique_ptr<Journal> journal(new Journal);
  State& state = *journal->state_;
  RTT_TRY(os::make_directories(directory, 0700));
  RTT_TRY_SET(state.lease, Lease::take(directory));
  RTT_TRY(remove_leftovers(directory));
  state.storage = fenced(disk_storage(directory), *state.lease);
  const OpenOptions options{.layout = disk_layout(),
                            .timestamp = [] { return os::rfc3339(os::wall_now()); },
                            .accept = replay.accept};
  RTT_TRY_SET(OpenedWriter opened, open_storage(*state.storage, options, replay.visit));
  state.commits.emplace(std::move(opened.writer));
  state.checkpoints = std::move(opened.checkpoints);
  state.checkpoint_seq = opened.begun;
  state.bytes_before = -static_cast<std::int64_t>(opened.replayed_bytes);
  return Opened{.journal = std::move(journal),
                .torn = std::move(opened.torn),
                .passed_over = std::move(opened.passed_over)};
}

Result<Seq> Journal::submit(const std::vector<NewRecord>& records) {
  RTT_TRY_SET(std::vector<ReadyRecord> ready, make_ready(records));
  return state_->commits->submit(std::move(ready));
}
Status Journal::wait(Seq seq) { return state_->commits->wait(seq); }

Result<std::vector<Seq>> Journal::append_batch(const std::vector<NewRecord>& records) {
  const std::size_t count = records.size();
  std::vector<Seq> seqs;
  if (count == 0) return seqs;
  RTT_TRY_SET(const Seq last, submit(records));
  RTT_TRY(wait(last));
  for (std::size_t i = 0; i < count; ++i) seqs.push_back({last.value - count + 1 + i});
  return seqs;
}

Status Journal::checkpoint(const NewCheckpoint& what, const crypto::SecretKey& key) {
  State& state = *state_;
  return state.commits->alone([&](Writer& writer) -> Status {
    RTT_TRY(write_checkpoint(*state.storage, writer, what, key, state.checkpoints));
    state.checkpoint_seq = writer.last_seq();
    state.bytes_before = static_cast<std::int64_t>(writer.appended_bytes());
    return {};
  });
}
Result<bool> Journal::has_more_segments_than(std::size_t segments) const {
  RTT_TRY_SET(const Seq first, first_of_last(*state_->storage, segments));
  return first.value > 0;
}
Result<std::size_t> Journal::compact(std::size_t segments_kept) {
  State& state = *state_;
  std::size_t count = 0;
  RTT_TRY(state.commits->alone([&](Writer&) -> Status {
    RTT_TRY_SET(Seq keep_from, first_of_last(*state.storage, segments_kept));
    // Without a checkpoint the first record is where a restart begins.
    keep_from = std::min(keep_from, state.checkpoints.empty() ? Seq{0} : state.checkpoints.back().seq);
    RTT_TRY_SET(count, journal::compact(*state.storage, disk_layout(), keep_from));
    return {};
  }));
  return count;
}
const std::vector<CheckpointPlace>& Journal::checkpoints() const { return state_->checkpoints; }
Journal::Since Journal::since_checkpoint() const {
  const auto bytes = static_cast<std::int64_t>(state_->commits->appended_bytes()) - state_->bytes_before;
  return {.records = last_seq().value - state_->checkpoint_seq.value,
          .bytes = static_cast<std::uint64_t>(bytes)};
}

Status Journal::held() const { return state_->lease->in_force(); }
Status Journal::takes_records() const { return state_->commits->takes_records(); }
Seq Journal::last_seq() const { return state_->commits->durable(); }
Digest Journal::root() const { return state_->commits->root(); }

}  // namespace rtt::journal
