// SPDX-License-Identifier: Apache-2.0
#include "machine_table.h"

#include <algorithm>

#include "base/assert.h"

namespace rtt::explore {
namespace {

using apply::Written;

Error failed(std::string message) { return {.code = Code::kIo, .message = std::move(message)}; }

}  // namespace

MachineTable::MachineTable(const apply::Start& start) : start_(start) {
  target_ = *model::apply_to(start_.base, start_.plan);
  old_root_ = model::graph_root(start_.base);
  new_root_ = model::graph_root(target_);
  intern(apply::TwoPhase());
}

const Outcome& MachineTable::step(std::uint32_t machine, const Event& event) {
  const std::uint32_t code = event.code();
  for (const Known& known : nodes_[machine].known) {
    if (known.code != code) continue;
    if (++lookups_ % kRecheckEvery == 0) RTT_ASSERT(compute(machine, event) == outcomes_[known.outcome]);
    return outcomes_[known.outcome];
  }
  ++steps_;
  Outcome outcome = compute(machine, event);
  nodes_[machine].known.push_back({.code = code, .outcome = static_cast<std::uint32_t>(outcomes_.size())});
  return outcomes_.emplace_back(std::move(outcome));
}

Outcome MachineTable::compute(std::uint32_t machine, const Event& event) {
  apply::TwoPhase next = nodes_[machine].machine;
  const std::vector<apply::Action> actions = next.step(full(event), Instant{0});
  Outcome out;
  for (const apply::Action& action : actions) {
    if (std::holds_alternative<apply::StoreGraph>(action)) continue;
    out.acts.push_back(small(action));
    out.endless = out.endless || out.acts.back().number > kRoundsMax;
  }
  out.next = intern(std::move(next));
  return out;
}

std::uint32_t MachineTable::intern(apply::TwoPhase machine) {
  const auto [at, fresh] =
      by_text_.emplace(text::to_json(machine.describe()), static_cast<std::uint32_t>(nodes_.size()));
  if (fresh) {
    nodes_.push_back({.machine = std::move(machine), .known = {}});
  } else {
    RTT_ASSERT(nodes_[at->second].machine == machine);
  }
  return at->second;
}

apply::Event MachineTable::full(const Event& event) const {
  const std::string name =
      event.party < start_.participants.size() ? start_.participants[event.party].name : "";
  const std::uint32_t number = event.number;
  switch (event.what) {
    case Happens::kStart:
      return start_;
    case Happens::kPrepareDone:
      return apply::PrepareDone{name, number};
    case Happens::kNack: {
      const std::uint32_t share = event.detail == 0 ? 0 : shares_[event.detail - 1U];
      RouteId first;
      while (share > 1 && (share >> first.value & 1U) == 0) ++first.value;
      return apply::Nack{name, number, first, failed("not today")};
    }
    case Happens::kDurable:
      return apply::Durable{.what = static_cast<Written>(event.detail), .seq = Seq{number}};
    case Happens::kJournalFailed:
      return apply::JournalFailed{failed("disk full")};
    case Happens::kFilesWritten:
      return apply::AcceptedWritten{number};
    case Happens::kFilesFailed:
      return apply::AcceptedFailed{number, failed("disk full")};
    case Happens::kFlipDone:
      return apply::FlipDone{name, number};
    case Happens::kVerifyOk:
      return apply::VerifyOk{};
    case Happens::kVerifyFailed:
      return apply::VerifyFailed{failed("a call came back wrong")};
    case Happens::kTimeout:
      return apply::Timeout{number};
    case Happens::kLost:
      return apply::ParticipantLost{name, "killed"};
  }
  RTT_ASSERT(false);
}

std::uint8_t MachineTable::party(const std::string& name) const {
  const auto at = std::ranges::find(start_.participants, name, &apply::Participant::name);
  RTT_ASSERT(at != start_.participants.end());
  return static_cast<std::uint8_t>(at - start_.participants.begin());
}

std::uint16_t MachineTable::record(const apply::AppendJournal& append) {
  const auto at = std::ranges::find_if(records_, [&](const RecordKind& known) {
    return known.what == append.what && known.payload == append.payload;
  });
  if (at != records_.end()) return static_cast<std::uint16_t>(at - records_.begin());
  records_.push_back({.what = append.what, .type = append.type, .payload = append.payload});
  return static_cast<std::uint16_t>(records_.size() - 1);
}

std::uint8_t MachineTable::share_number(const apply::Prepare& prepare) {
  std::uint32_t bits = prepare.routes.empty() ? 1U : 0U;
  for (const model::Route& route : prepare.routes) bits |= 1U << route.id.value;
  const auto at = std::ranges::find(shares_, bits);
  if (at != shares_.end()) return static_cast<std::uint8_t>(at - shares_.begin());
  shares_.push_back(bits);
  return static_cast<std::uint8_t>(shares_.size() - 1);
}

Act MachineTable::small(const apply::Action& action) {
  const auto byte = [](auto value) {
    RTT_ASSERT(value < 256);
    return static_cast<std::uint8_t>(value);
  };
  const auto side = [&](const Digest& root) {
    return root == new_root_ ? std::uint8_t{1} : root == old_root_ ? std::uint8_t{0} : std::uint8_t{2};
  };
  if (const auto* append = std::get_if<apply::AppendJournal>(&action))
    return {.what = Asks::kAppend, .record = record(*append)};
  if (const auto* write = std::get_if<apply::WriteAccepted>(&action)) {
    return {.what = Asks::kWriteFiles,
            .number = byte(write->write),
            .to_new = write->changes == start_.accepted ? std::uint8_t{1} : std::uint8_t{0}};
  }
  if (const auto* prepare = std::get_if<apply::Prepare>(&action)) {
    return {.what = Asks::kPrepare,
            .party = party(prepare->participant),
            .number = byte(prepare->round),
            .share = share_number(*prepare)};
  }
  if (const auto* flip = std::get_if<apply::Flip>(&action)) {
    return {.what = Asks::kFlip,
            .party = party(flip->participant),
            .number = byte(flip->round),
            .to_new = *flip->graph == target_ ? std::uint8_t{1} : std::uint8_t{0}};
  }
  if (const auto* abort = std::get_if<apply::Abort>(&action))
    return {.what = Asks::kAbort, .party = party(abort->participant)};
  if (std::holds_alternative<apply::Verify>(action)) return {.what = Asks::kVerify};
  if (const auto* timer = std::get_if<apply::SetTimer>(&action))
    return {.what = Asks::kTimer, .number = byte(timer->timer)};
  const auto& answer = std::get<apply::Answer>(action);
  Act out{.what = Asks::kAnswer,
          .number = byte(answer.seq.value),
          .to_new = side(answer.graph),
          .settled = static_cast<std::uint8_t>(answer.state),
          .reasoned = answer.reason.message.empty() ? std::uint8_t{0} : std::uint8_t{1}};
  for (const std::string& name : answer.detached)
    out.detached |= static_cast<std::uint8_t>(1U << party(name));
  return out;
}

}  // namespace rtt::explore
