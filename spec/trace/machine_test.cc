// SPDX-License-Identifier: Apache-2.0
// Ledger.tla and Machine.tla, operator by operator.
#include "machine_for_test.h"

namespace rtt::spec {
namespace {

bool is(const Machine& m, std::initializer_list<Phase> phases) {
  for (const Phase phase : phases) {
    if (m.phase == phase) return true;
  }
  return false;
}

unsigned bit(int n) { return 1U << static_cast<unsigned>(n); }

}  // namespace

// ---- Ledger.tla ----

Folded fold(const std::vector<Record>& disk) {
  Folded state;
  int seq = 0;
  for (const Record& record : disk) {
    ++seq;
    switch (record.type) {
      case Type::kTorn:
        return state;
      case Type::kPrepare:
        state.prepare = true;
        break;
      case Type::kAbort:
        state.prepare = false;
        break;
      case Type::kRollback:
        state.back = record.to;
        break;
      case Type::kCommit:
        state = {.graph = record.to, .seq = seq};
        break;
    }
  }
  return state;
}

std::vector<Record> repairs(const Folded& folded) {
  if (folded.prepare) return {{.type = Type::kAbort}};
  if (folded.back != kNone) return {{.type = Type::kCommit, .from = folded.graph, .to = folded.back}};
  return {};
}

// ---- Machine.tla: phases ----

bool Rules::rolling_back(const Machine& m) { return m.phase >= Phase::kBackRecording; }

Effect Rules::quiet(Machine m) const {
  return {.m = std::move(m), .send = std::vector<std::vector<Letter>>(static_cast<std::size_t>(c_.parties))};
}

Effect Rules::write(Machine m, Record record) const {
  Effect out = quiet(std::move(m));
  out.write = {record};
  return out;
}

Effect Rules::file(Machine m, int graph) const {
  Effect out = quiet(std::move(m));
  out.file = {graph};
  return out;
}

void Rules::to(Effect& effect, unsigned set, Letter letter) const {
  for (int p = 0; p < c_.parties; ++p) {
    if ((set & bit(p)) != 0) effect.send[static_cast<std::size_t>(p)] = {letter};
  }
}

Effect Rules::settle(Machine m, Said state) const {
  const int graph = state == Said::kCommitted ? m.target : state == Said::kRolledBack ? m.base : kNone;
  m.phase = Phase::kIdle;
  m.owing = 0;
  m.answer = {.state = state, .graph = graph, .seq = m.seq};
  m.detached |= m.lost | m.silent;
  return quiet(m);
}

Effect Rules::write_commit(Machine m) const {
  const bool back = rolling_back(m);
  m.phase = back ? Phase::kBackCommitting : Phase::kCommitting;
  const Record record{
      .type = Type::kCommit, .from = back ? m.target : m.base, .to = back ? m.base : m.target};
  return write(m, record);
}

Effect Rules::begin_round(Machine m) const {
  const bool back = rolling_back(m);
  const auto& order = back ? c_.back : c_.forward;
  const int size = static_cast<int>(order.size());
  ++m.round;
  m.owing = 0;
  for (int b = m.batch; b <= size; ++b) {
    const unsigned asks = order[static_cast<std::size_t>(b - 1)] & ~m.lost;
    if (asks == 0) continue;
    m.batch = b + 1;
    m.owing = asks;
    m.asked |= asks;
    m.timer = true;
    Effect out = quiet(m);
    to(out, asks, {.kind = back ? Kind::kRestore : Kind::kPrepare, .round = m.round, .what = b});
    return out;
  }
  m.batch = size + 1;
  return write_commit(m);
}

Effect Rules::begin_verify(Machine m) const {
  m.phase = Phase::kVerifying;
  m.checking = m.timer = true;
  return quiet(m);
}

Effect Rules::round_over(Machine m) const {
  if (m.owing != 0) return quiet(m);
  if (is(m, {Phase::kPreparing, Phase::kBackPreparing})) return begin_round(m);
  if (m.phase == Phase::kFlipping) return begin_verify(m);
  if (m.phase == Phase::kBackFlipping) return settle(m, Said::kRolledBack);
  return quiet(m);
}

Effect Rules::begin_flip(Machine m) const {
  const bool back = rolling_back(m);
  m.phase = back ? Phase::kBackFlipping : Phase::kFlipping;
  ++m.round;
  m.owing = (bit(c_.parties) - 1) & ~m.lost;
  if (m.owing == 0) return round_over(m);
  m.timer = true;
  Effect out = quiet(m);
  to(out, m.owing, {.kind = Kind::kFlip, .round = m.round, .what = back ? m.base : m.target});
  return out;
}

Effect Rules::abort(Machine m) const {
  const bool touched = c_.accepts && m.phase != Phase::kRecording;
  m.phase = touched ? Phase::kUnfiling : Phase::kAborting;
  m.owing = 0;
  Effect out = touched ? file(m, m.base) : write(m, {.type = Type::kAbort});
  to(out, m.asked & ~m.lost, {.kind = Kind::kDrop});
  return out;
}

Effect Rules::roll_back(Machine m) const {
  m.phase = Phase::kBackRecording;
  m.owing = 0;
  return write(m, {.type = Type::kRollback, .to = m.base});
}

Effect Rules::trouble(Machine m) const {
  if (is(m, {Phase::kRecording, Phase::kFiling, Phase::kPreparing})) return abort(m);
  if (is(m, {Phase::kFlipping, Phase::kVerifying})) return roll_back(m);
  if (is(m, {Phase::kBackPreparing, Phase::kBackFlipping})) return round_over(m);
  return quiet(m);
}

// ---- Machine.tla: events ----

Effect Rules::on_start(Machine m, int base, int target, int seq) const {
  m = {.phase = Phase::kRecording,
       .round = m.round,
       .first = m.round,
       .base = base,
       .target = target,
       .seq = seq,
       .detached = m.detached};
  return write(m, {.type = Type::kPrepare, .from = base, .to = target});
}

Effect Rules::on_durable(Machine m, Type type, int seq) const {
  if (type == Type::kPrepare && m.phase == Phase::kRecording) {
    m.phase = c_.accepts ? Phase::kFiling : Phase::kPreparing;
    return c_.accepts ? file(m, m.target) : begin_round(m);
  }
  if (type == Type::kCommit && m.phase == Phase::kCommitting) {
    m.seq = seq;
    return m.lost == 0 ? begin_flip(m) : roll_back(m);
  }
  if (type == Type::kAbort && m.phase == Phase::kAborting) return settle(m, Said::kRolledBack);
  if (type == Type::kRollback && m.phase == Phase::kBackRecording) {
    m.batch = 1;
    m.phase = c_.accepts ? Phase::kBackFiling : Phase::kBackPreparing;
    return c_.accepts ? file(m, m.base) : begin_round(m);
  }
  if (type == Type::kCommit && m.phase == Phase::kBackCommitting) {
    m.seq = seq;
    return begin_flip(m);
  }
  return quiet(m);
}

Effect Rules::on_journal_failed(Machine m) const {
  if (is(m, {Phase::kRecording, Phase::kAborting})) return settle(m, Said::kRolledBack);
  if (is(m, {Phase::kCommitting, Phase::kBackRecording, Phase::kBackCommitting}))
    return settle(m, Said::kInDoubt);
  return quiet(m);
}

Effect Rules::on_accepted_written(Machine m) const {
  if (is(m, {Phase::kFiling, Phase::kBackFiling})) {
    m.phase = m.phase == Phase::kFiling ? Phase::kPreparing : Phase::kBackPreparing;
    return begin_round(m);
  }
  if (m.phase != Phase::kUnfiling) return quiet(m);
  m.phase = Phase::kAborting;
  return write(m, {.type = Type::kAbort});
}

Effect Rules::on_accepted_failed(Machine m) const {
  if (m.phase == Phase::kFiling) return abort(m);
  if (is(m, {Phase::kUnfiling, Phase::kBackFiling})) return settle(m, Said::kInDoubt);
  return quiet(m);
}

bool Rules::owed(const Machine& m, int p, int round) { return round == m.round && (m.owing & bit(p)) != 0; }

Effect Rules::on_prepare_done(Machine m, int p, int round) const {
  if (!is(m, {Phase::kPreparing, Phase::kBackPreparing}) || !owed(m, p, round)) return quiet(m);
  m.owing &= ~bit(p);
  return round_over(m);
}

Effect Rules::on_flip_done(Machine m, int p, int round) const {
  if (!is(m, {Phase::kFlipping, Phase::kBackFlipping}) || !owed(m, p, round)) return quiet(m);
  m.owing &= ~bit(p);
  return round_over(m);
}

Effect Rules::on_nack(Machine m, int p, int round) const {
  if (!owed(m, p, round)) return quiet(m);
  m.owing &= ~bit(p);
  if (m.phase == Phase::kBackFlipping) m.silent |= bit(p);
  return trouble(m);
}

Effect Rules::on_participant_lost(Machine m, int p) const {
  if (m.phase == Phase::kIdle) return quiet(m);
  const bool was_owing = (m.owing & bit(p)) != 0;
  m.lost |= bit(p);
  m.owing &= ~bit(p);
  return rolling_back(m) && !was_owing ? quiet(m) : trouble(m);
}

Effect Rules::on_timeout(Machine m) const {
  const bool asking =
      is(m, {Phase::kPreparing, Phase::kFlipping, Phase::kBackPreparing, Phase::kBackFlipping});
  if (asking && m.owing != 0) {
    if (m.phase == Phase::kBackFlipping) m.silent |= m.owing;
    m.owing = 0;
    return trouble(m);
  }
  return m.phase == Phase::kVerifying ? trouble(m) : quiet(m);
}

Effect Rules::on_verify_ok(Machine m) const {
  return m.phase == Phase::kVerifying ? settle(m, Said::kCommitted) : quiet(m);
}

Effect Rules::on_verify_failed(Machine m) const {
  return m.phase == Phase::kVerifying ? roll_back(m) : quiet(m);
}

}  // namespace rtt::spec
