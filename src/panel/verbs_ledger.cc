// SPDX-License-Identifier: Apache-2.0
// Verbs that read history and present state: status, ls routes, ls drivers, log, audit. All work without a
// panel.
#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "apply/reconcile.h"
#include "apply/records.h"
#include "os/clock.h"
#include "panel/audit_proof.h"
#include "panel/ledger.h"
#include "panel/receipts.h"
#include "panel/record_filter.h"
#include "panel/rows.h"
#include "panel/workbench.h"

namespace rtt::panel {
namespace {

using journal::Record;
using text::Json;

Json seq_json(Seq seq) { return static_cast<std::int64_t>(seq.value); }

// `10m`, `2h`, `3d` before now, or an RFC 3339 time: the least `ts` to show, as text (RFC 3339 sorts as
// text).
Result<std::string> since_text(const std::string& since) {
  if (since.empty()) return std::string();
  if (since.find('T') != std::string::npos) return since;
  std::int64_t count = 0;
  std::size_t digits = 0;
  while (digits < since.size() && digits < 9 && since[digits] >= '0' && since[digits] <= '9') {
    count = count * 10 + (since[digits++] - '0');
  }
  const std::string unit = since.substr(digits);
  const std::int64_t seconds = unit == "s"   ? 1
                               : unit == "m" ? 60
                               : unit == "h" ? 3600
                               : unit == "d" ? 86400
                                             : 0;
  if (digits == 0 || seconds == 0) {
    return fail(Code::kBadArgument,
                fmt::format("`{}` is no time: write 10m, 2h, 3d or 2026-01-31T12:00:00Z", since), {},
                "rtt log --since 2h");
  }
  return os::rfc3339({os::wall_now().us - count * seconds * 1'000'000});
}

Result<Json> line_of(const Record& record) {
  RTT_TRY_SET(const Json payload, record.payload());
  return apply::log_line(record.type, record.seq, payload);
}

Result<Json> whole(const Record& record) {
  RTT_TRY_SET(Json line, line_of(record));
  RTT_TRY_SET(Json payload, record.payload());
  line.set("hash", to_string(record.hash));
  line.set("payload", std::move(payload));
  line.set("prev", to_string(record.prev));
  line.set("type", to_string(record.type));
  return line;
}

// --limit as given; nothing means all.
Result<std::optional<std::size_t>> limit_of(const Turn& turn) {
  if (turn.ask.args.find("limit") == nullptr) return std::optional<std::size_t>();
  const std::int64_t limit = turn.ask.args.int_or("limit", -1);
  if (limit < 0) return fail(Code::kBadArgument, "--limit is a count, 0 or more", {}, "rtt log --help");
  return std::optional(static_cast<std::size_t>(limit));
}

struct Selection {
  enum class Calls : std::uint8_t { kHide, kShow } calls = Calls::kHide;
  enum class Form : std::uint8_t { kLine, kWhole } form = Form::kLine;
};

bool is_shown(const Record& record, const Json& line, const Selection& selection) {
  if (selection.calls == Selection::Calls::kShow) return true;
  // A PREPARE changed nothing yet: what came of it is a line of its own. A CHECKPOINT sums up.
  const std::string_view action = line.string_or("action");
  return record.type != journal::RecordType::kPrepare && record.type != journal::RecordType::kCheckpoint &&
         action != "call" && action != "receipts";
}

// Lines as they are asked for: all at once, or the last so many at the end.
class Lines {
 public:
  Lines(const Turn& turn, std::string since, std::optional<std::size_t> limit)
      : turn_(turn), since_(std::move(since)), limit_(limit) {}
  void add(Json line) {
    if (!since_.empty() && line.string_or("ts") < since_) return;
    if (!limit_) return turn_.part(std::move(line));
    last_.push_back(std::move(line));
    if (last_.size() > *limit_) last_.pop_front();
  }
  void finish() {
    for (Json& line : std::exchange(last_, {})) turn_.part(std::move(line));
  }

 private:
  const Turn& turn_;
  std::string since_;
  std::optional<std::size_t> limit_;
  std::deque<Json> last_;
};

// The receipts made before `ts` (empty: all).
Status add_receipts(ReceiptLines& receipts, std::string_view ts, const RecordFilter& filter, Lines& lines) {
  for (;;) {  // ends with the log
    RTT_TRY_SET(std::optional<Json> line, receipts.next_before(ts));
    if (!line) return {};
    if (filter.keeps_call(*line)) lines.add(std::move(*line));
  }
}

Result<Json> stream_records(const Turn& turn, Selection selection) {
  RTT_TRY_SET(const auto workspace, turn.workspace());
  RTT_TRY_SET(const std::string since, since_text(turn.text("since")));
  RTT_TRY_SET(const std::optional<std::size_t> limit, limit_of(turn));
  RecordFilter filter(workspace,
                      {.route = turn.text("route"), .who = turn.text("who"), .action = turn.text("action")});
  RTT_TRY_SET(ReceiptLines receipts, ReceiptLines::open(workspace));
  Lines lines(turn, since, limit);
  const bool calls = selection.calls == Selection::Calls::kShow;
  const auto take = [&](const Record& record) -> Status {
    RTT_TRY_SET(Json line, selection.form == Selection::Form::kWhole ? whole(record) : line_of(record));
    RTT_TRY_SET(const bool kept, filter.keeps(record, line));
    const std::string ts(line.string_or("ts"));
    if (calls && !ts.empty()) {
      RTT_TRY(add_receipts(receipts, ts, filter, lines));
    }
    if (kept && is_shown(record, line, selection)) lines.add(std::move(line));
    return {};
  };
  RTT_TRY(read_records(workspace, take));
  if (calls) {
    RTT_TRY(add_receipts(receipts, {}, filter, lines));
  }
  lines.finish();
  return Json::object({});
}

Result<Json> verify(const Turn& turn) {
  RTT_TRY_SET(const auto workspace, turn.workspace());
  RTT_TRY_SET(JournalVerdict verdict, verify_whole(workspace));
  RTT_TRY_SET(Json receipts, verify_receipts(workspace, verdict.seal));
  Json body = std::move(verdict.body);
  const bool journal_ok = body.bool_or("ok", false), receipts_ok = receipts.bool_or("ok", false);
  body.set("ok", journal_ok && receipts_ok);
  if (journal_ok && !receipts_ok) body.set("problem", receipts.string_or("problem"));
  if (!journal_ok || !receipts_ok) body.set("exit", static_cast<std::int64_t>(Exit::kCorrupt));
  body.set("receipts", std::move(receipts));
  return body;
}

// What a commit added to the graph before it and took away, in words.
Result<Json> graph_diff(const registry::Workspace& workspace, const Json& line) {
  const auto before = parse_digest(line.string_or("before")), after = parse_digest(line.string_or("after"));
  if (line.string_or("type") != "COMMIT" || !before || !after)
    return fail(Code::kNotACommit, "only a COMMIT has a difference to show", {}, "rtt log");
  RTT_TRY_SET(const model::Graph from, graph_of(workspace, *before, std::nullopt));
  RTT_TRY_SET(const model::Graph to, graph_of(workspace, *after, std::nullopt));
  const apply::Changes changes = apply::changes_between(from, to);
  Json add(text::JsonArray{}), del(text::JsonArray{});
  for (const model::Route& route : changes.add) add.push(model::route_name(route));
  for (const model::Route& route : changes.del) del.push(model::route_name(route));
  const auto views_only_in = [](const model::Graph& one, const model::Graph& other, Json& out) {
    for (const model::View& view : one.views) {
      if (std::ranges::find(other.views, view) == other.views.end())
        out.push(fmt::format("view {} {}", view.provider, to_string(view.root)));
    }
  };
  views_only_in(to, from, add);
  views_only_in(from, to, del);
  return Json::object({{"add", std::move(add)}, {"del", std::move(del)}});
}

Result<Json> show(const Turn& turn, std::int64_t seq) {
  RTT_TRY_SET(const auto workspace, turn.workspace());
  Result<Json> found = fail(Code::kNotFound, fmt::format("no record with seq {}", seq), {}, "rtt audit");
  RTT_TRY_SET(const auto report, journal::read_journal(workspace.wal(), [&](const Record& record) {
                if (static_cast<std::int64_t>(record.seq.value) == seq) found = whole(record);
              }));
  if (!found && seq > 0 && static_cast<std::uint64_t>(seq) <= report.compacted_to.value) {
    return fail(Code::kNotFound,
                fmt::format("of record {} only the hash is kept: the records up to {} were compacted", seq,
                            report.compacted_to.value),
                {}, fmt::format("rtt audit --prove {}", seq));
  }
  // Reading ends at damage, so that nothing was found behind it proves nothing.
  const bool behind = report.end != journal::ReadReport::End::kClean &&
                      seq >= static_cast<std::int64_t>(report.bad_seq.value);
  if (!found && behind) return std::unexpected(damaged(report));
  if (!found || !turn.set("diff")) return found;
  RTT_TRY_SET(Json diff, graph_diff(workspace, *found));
  found->set("diff", std::move(diff));
  return found;
}

}  // namespace

Result<Json> verb_log(const Turn& turn) { return stream_records(turn, {}); }

Result<Json> verb_audit(const Turn& turn) {
  const bool one = turn.ask.args.find("show") != nullptr;
  const bool proof = turn.ask.args.find("receipt") != nullptr;
  const bool record = turn.ask.args.find("prove") != nullptr;
  if (static_cast<int>(turn.set("verify")) + static_cast<int>(one) + static_cast<int>(proof) +
          static_cast<int>(record) >
      1) {
    return fail(Code::kBadArgument,
                "--verify, --show, --prove and --receipt answer different questions: ask one at a time", {},
                "rtt audit --verify");
  }
  if (turn.set("verify")) return verify(turn);
  if (proof) {
    const std::int64_t index = turn.ask.args.int_or("receipt", -1);
    if (index < 0) return fail(Code::kBadArgument, "--receipt is a number", {}, "rtt audit --action call");
    RTT_TRY_SET(const auto workspace, turn.workspace());
    return prove_receipt(workspace, static_cast<std::uint64_t>(index));
  }
  if (record) {
    const std::int64_t seq = turn.ask.args.int_or("prove", -1);
    if (seq < 1) return fail(Code::kBadArgument, "--prove is the seq of a record", {}, "rtt audit");
    RTT_TRY_SET(const auto workspace, turn.workspace());
    return prove_record(workspace, {static_cast<std::uint64_t>(seq)});
  }
  if (const std::int64_t seq = turn.ask.args.int_or("show", -1); seq >= 0) return show(turn, seq);
  return stream_records(turn,
                        {.calls = Selection::Calls::kShow,
                         .form = turn.set("export") ? Selection::Form::kWhole : Selection::Form::kLine});
}

Result<Json> verb_status(const Turn& turn) {
  RTT_TRY_SET(const auto workspace, turn.workspace());
  RTT_TRY_SET(const LedgerView view, read_ledger(workspace));
  return Json::object({{"drivers", text::JsonArray{}},
                       {"generation", Json()},
                       {"graph", to_string(view.recovered.root)},
                       {"panel", "down"},
                       {"pid", Json()},
                       {"routes", static_cast<std::int64_t>(view.graph.routes.size())},
                       {"seq", seq_json(view.recovered.seq)},
                       {"workspace", workspace.root}});
}

Result<Json> verb_ls_routes(const Turn& turn) {
  RTT_TRY_SET(const auto workspace, turn.workspace());
  RTT_TRY_SET(const LedgerView view, read_ledger(workspace));
  Json rows = text::JsonArray{};
  for (const model::Route& route : view.graph.routes)
    rows.push(route_row(route, {.state = "detached", .lane = {}}));
  return Json::object({{"graph", to_string(view.recovered.root)},
                       {"routes", filtered(std::move(rows), turn.text("filter"))},
                       {"seq", seq_json(view.recovered.seq)}});
}

Result<Json> verb_ls_drivers(const Turn& turn) {
  RTT_TRY_SET(const auto workspace, turn.workspace());
  RTT_TRY_SET(const auto snapshot,
              registry::load_snapshot(workspace,
                                      {.trust_keys = {}, .store = registry::LoadOptions::Store::kReadOnly}));
  return Json::object({{"drivers", filtered(driver_rows(snapshot, text::JsonArray{}), turn.text("filter"))}});
}

}  // namespace rtt::panel
