// SPDX-License-Identifier: Apache-2.0
#include "journal/journal.h"

#include "journal/disk_storage.h"
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
  RTT_TRY_SET(ReadState state, read_storage(*storage, Layout{}, Access::kBeside, visit));
  return std::move(state.report);
}

struct Journal::State {
  os::FileLock lock;  // first, so that it is let go last
  std::unique_ptr<Storage> storage;
  std::optional<Writer> writer;
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

Result<Journal::Opened> Journal::open(const std::string& directory,
                                      const std::function<void(const Record&)>& replay) {
  std::unique_ptr<Journal> journal(new Journal);
  State& state = *journal->state_;
  RTT_TRY(os::make_directories(directory, 0700));
  const std::string lock = directory + "/" + kLockName;
  RTT_TRY_SET(state.lock, os::FileLock::take(lock, os::FileLock::Wait::kNo));
  RTT_TRY(remove_leftovers(directory));
  state.storage = disk_storage(directory);
  const OpenOptions options{.layout = {}, .timestamp = [] { return os::rfc3339(os::wall_now()); }};
  RTT_TRY_SET(OpenedWriter opened, open_storage(*state.storage, options, replay));
  state.writer.emplace(std::move(opened.writer));
  return Opened{.journal = std::move(journal), .torn = std::move(opened.torn)};
}

Result<std::vector<Seq>> Journal::append_batch(std::vector<NewRecord> records) {
  return state_->writer->append_batch(std::move(records));
}
Seq Journal::last_seq() const { return state_->writer->last_seq(); }
Digest Journal::root() const { return state_->writer->root(); }

}  // namespace rtt::journal
