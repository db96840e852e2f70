// SPDX-License-Identifier: Apache-2.0
#include "journal/recover.h"

#include <algorithm>
#include <charconv>

#include "journal/record.h"
#include "journal/tail.h"

namespace rtt::journal {
namespace {

constexpr int kSavedTailsMax =
    1000;  // of one seq: as many crashes in a row before one record could be written
constexpr std::string_view kSavedPrefix = "torn-", kSavedSuffix = ".bin";

// Notes which saved tails the journal already speaks of. Records are not parsed unless their text looks like
// one.
class Mentioned {
 public:
  void see(const Record& record) {
    if (record.type != RecordType::kAudit || record.payload_text.find("torn_tail") == std::string::npos)
      return;
    const auto payload = record.payload();
    if (payload && payload->string_or("action") == "torn_tail")
      names_.emplace_back(payload->string_or("saved"));
  }
  [[nodiscard]] bool has(const std::string& name) const {
    return std::find(names_.begin(), names_.end(), name) != names_.end();
  }

 private:
  std::vector<std::string> names_;
};

Result<std::string> free_name(Storage& storage, Seq seq) {
  RTT_TRY_SET(const auto names, storage.names());
  const std::string stem = std::string(kSavedPrefix) + std::to_string(seq.value);
  for (int n = 1; n <= kSavedTailsMax; ++n) {
    std::string name = stem + (n == 1 ? "" : "-" + std::to_string(n)) + std::string(kSavedSuffix);
    if (!std::binary_search(names.begin(), names.end(), name)) return name;
  }
  return fail(Code::kLimit, "too many saved tails of record " + std::to_string(seq.value),
              storage.path_of(stem));
}

// Saves the torn bytes, then puts zeros in their place.
Result<Torn> cut(Storage& storage, const Layout& layout, ReadState& state) {
  RTT_TRY_SET(const auto file, storage.open(state.segment, Storage::Access::kReadWrite));
  Bytes tail(static_cast<std::size_t>(state.tail_bytes));
  RTT_TRY_SET(const std::size_t got, file->read_at(state.end_offset, tail));
  tail.resize(got);
  RTT_TRY_SET(const std::string name, free_name(storage, state.report.bad_seq));
  RTT_TRY(storage.save(name, tail));
  const std::uint64_t zeros = state.short_file ? layout.segment_bytes - state.end_offset : tail.size();
  RTT_TRY(file->write_at(state.end_offset, Bytes(static_cast<std::size_t>(zeros))));
  // Synced by Writer::resume, before anything is appended: old bytes may not come back beneath a new record.
  state.report.end = ReadReport::End::kClean;
  state.tail_bytes = 0;
  state.short_file = false;
  return Torn{.saved_to = storage.path_of(name), .bytes = tail.size()};
}

// The record that a saved tail began with; 0 for another file.
Seq torn_at(std::string_view name) {
  if (!name.starts_with(kSavedPrefix) || !name.ends_with(kSavedSuffix)) return {};
  Seq seq;
  const char* const begin = name.data() + kSavedPrefix.size();
  return std::from_chars(begin, name.data() + name.size(), seq.value).ec == std::errc() ? seq : Seq{};
}

// A tail cut before `begun` is mentioned before it: nothing else is ever written first.
Status mention(Storage& storage, const OpenOptions& options, const Mentioned& mentioned, Seq begun,
               Writer& writer) {
  RTT_TRY_SET(const auto names, storage.names());
  for (const std::string& name : names) {
    if (torn_at(name) <= begun || mentioned.has(name)) continue;
    std::vector<NewRecord> audit(1);
    audit[0].type = RecordType::kAudit;
    audit[0].payload =
        text::Json::object({{"action", "torn_tail"},
                            {"reason", "a crash cut the last write short; its bytes were set aside"},
                            {"saved", name},
                            {"ts", options.timestamp()},
                            {"who", "rtt"}});
    RTT_TRY(writer.append_batch(audit));
  }
  return {};
}

}  // namespace

Result<OpenedWriter> open_storage(Storage& storage, const OpenOptions& options,
                                  const std::function<void(const Record&)>& replay) {
  Mentioned mentioned;
  std::uint64_t replayed_bytes = 0;
  const auto visit = [&](const Record& record) {
    mentioned.see(record);
    replayed_bytes += padded(kRecordHeaderBytes + record.payload_text.size());
    if (replay) replay(record);
  };
  RTT_TRY_SET(Beginning beginning, find_beginning(storage, options.layout, options.accept));
  const Begin* const from = beginning.from ? &*beginning.from : nullptr;
  RTT_TRY_SET(ReadState state, read_storage(storage, options.layout, Access::kAlone, visit, from));
  hold_to(beginning.remembered_to, storage, state.report);
  if (state.report.end == ReadReport::End::kDamaged) {
    const ReadReport& report = state.report;
    return fail(Code::kJournalDamaged,
                "record " + std::to_string(report.bad_seq.value) +
                    " of the journal does not verify, and it is not the "
                    "last: nothing is built on it",
                report.bad_file + ":" + std::to_string(report.bad_offset), "rtt audit --verify");
  }
  std::optional<Torn> torn;
  if (state.report.end == ReadReport::End::kTorn) {
    RTT_TRY_SET(torn, cut(storage, options.layout, state));
  }
  RTT_TRY_SET(Writer writer, Writer::resume(storage, options.layout, std::move(state)));
  const Seq begun = from != nullptr ? from->last.seq : Seq{0};
  RTT_TRY(mention(storage, options, mentioned, begun, writer));
  return OpenedWriter{.writer = std::move(writer),
                      .torn = std::move(torn),
                      .checkpoints = std::move(beginning.places),
                      .passed_over = std::move(beginning.passed_over),
                      .begun = begun,
                      .replayed_bytes = replayed_bytes};
}

}  // namespace rtt::journal
