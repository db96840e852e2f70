// SPDX-License-Identifier: Apache-2.0
#include "views/placeholders.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ranges>

#include "model/limits.h"
#include "os/process.h"
#include "os/process_watch.h"
#include "text/json_canonical.h"
#include "views/tree.h"

namespace rtt::views {
namespace {

using os::FileLock;
using text::Json;

constexpr std::size_t kRecordMax = std::size_t{4} << 20;
constexpr auto kKinds = std::to_array<std::string_view>({"folder", "socket", "file"});

std::string record_of(const std::string& records) { return records + "/run.json"; }
std::string turn_of(const std::string& records) { return records + "/run.turn"; }
std::string at_work_of(const std::string& records) { return records + "/run.at-work"; }

}  // namespace

Status Placeholders::read() {
  const std::string path = record_of(where_.records);
  if (!os::exists(path)) return {};
  RTT_TRY_SET(const std::string text, os::read_file(path, kRecordMax));
  const auto bad = [&] {
    return fail(Code::kBadShape, "no record of what private views hold in the project", path,
                "remove it; what it held are empty folders, sockets and files where clients look");
  };
  const auto record = text::parse_json(text, {.source_name = path, .bytes_max = kRecordMax});
  const Json* const list = record ? record->find("held") : nullptr;
  if (list == nullptr || !list->is_array()) return bad();
  for (const Json& one : list->as_array()) {
    const auto kind = std::ranges::find(kKinds, one.string_or("kind"));
    Held held{.path = std::string(one.string_or("path")),
              .kind = static_cast<os::Placeholder>(kind - kKinds.begin())};
    if (kind == kKinds.end() || !check_path(held.path)) return bad();
    held_.push_back(std::move(held));
  }
  return {};
}

Status Placeholders::write() const {
  if (held_.empty()) return os::remove_file(record_of(where_.records));
  Json list = text::JsonArray{};
  for (const Held& held : held_) {
    list.push(Json::object({{"path", held.path}, {"kind", kKinds[static_cast<std::size_t>(held.kind)]}}));
  }
  return os::write_atomic(record_of(where_.records),
                          text::canonical_json(Json::object({{"held", std::move(list)}, {"v", 1}})),
                          {.mode = 0600, .durable = os::Durable::kNo});
}

Result<Placeholders> Placeholders::look(HeldWhere where) {
  Placeholders mine(std::move(where));
  RTT_TRY(mine.read());
  return mine;
}

Result<Placeholders> Placeholders::open(HeldWhere where) {
  Placeholders mine(std::move(where));
  RTT_TRY(os::make_directories(mine.where_.records, 0700));
  RTT_TRY_SET(mine.turn_, FileLock::take(turn_of(mine.where_.records), FileLock::Wait::kYes));
  RTT_TRY(mine.read());
  if (!mine.held_.empty() && FileLock::take(at_work_of(mine.where_.records), FileLock::Wait::kNo))
    RTT_TRY(mine.take_away());
  RTT_TRY_SET(mine.at_work_, FileLock::take(at_work_of(mine.where_.records), FileLock::Wait::kYes,
                                            FileLock::Hold::kTogether));
  return mine;
}

Status Placeholders::start_guard() {
  RTT_TRY_SET(const os::ProcessId own, os::own_process());
  RTT_TRY_SET(const os::Fd run, os::watch_process(own.pid, own.start_time));
  return os::run_apart("rtt-guard", {run.get(), at_work()},
                       [this, &run] { return guard_placeholders(where_, run.get(), at_work()); });
}

bool Placeholders::holds(const std::string& path) const {
  return std::ranges::any_of(held_, [&](const Held& held) {
    return held.path == path && os::is_placeholder(where_.root, path, held.kind);
  });
}

Status Placeholders::make(const std::vector<Held>& wanted) {
  std::vector<Held> more;
  for (const Held& one : wanted) {
    if (std::ranges::find(held_, one) == held_.end()) more.push_back(one);
  }
  if (held_.size() + more.size() > kPlaceholdersMax) {
    return fail(Code::kLimit,
                fmt::format("{} names of a private view are not in the project yet; {} are the most",
                            held_.size() + more.size(), kPlaceholdersMax));
  }
  held_.insert(held_.end(), more.begin(), more.end());
  if (!more.empty()) RTT_TRY(write());
  for (const Held& one : wanted) {
    RTT_TRY_SET(const bool made, os::put_placeholder(where_.root, one.path, one.kind));
    if (made || os::is_placeholder(where_.root, one.path, one.kind)) continue;
    // Somebody else's since it was looked for: neither ours to take away nor to cover.
    if (std::ranges::find(more, one) != more.end()) std::erase(held_, one);
    if (one.kind == os::Placeholder::kFolder && os::is_directory(where_.root + "/" + one.path)) continue;
    return fail(Code::kBusy, fmt::format("{} came into the project this moment", one.path), one.path,
                "the same again");
  }
  return write();
}

Status Placeholders::take_away() {
  Status done;
  for (const Held& held : held_ | std::views::reverse) {
    const auto taken = os::take_placeholder(where_.root, held.path, held.kind);
    if (!taken && done) done = std::unexpected(taken.error());
  }
  if (!done) return done;  // the rest is tried again by the next one
  held_.clear();
  return write();
}

int guard_placeholders(HeldWhere where, int run, int at_work) {
  os::Fd mine(at_work);
  os::await_end(os::Fd(run));
  Placeholders left(std::move(where));
  const std::string& records = left.where_.records;
  const auto turn = FileLock::take(turn_of(records), FileLock::Wait::kYes);
  if (!turn) return static_cast<int>(exit_status(turn.error().code));
  mine.reset();
  const auto alone = FileLock::take(at_work_of(records), FileLock::Wait::kNo);
  if (!alone) return 0;  // another is at work and goes last
  const Status done = left.read() ? left.take_away() : Status{};
  return done ? 0 : static_cast<int>(exit_status(done.error().code));
}

}  // namespace rtt::views
