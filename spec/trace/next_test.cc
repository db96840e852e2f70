// SPDX-License-Identifier: Apache-2.0
// Apply.tla, action by action.
#include <algorithm>
#include <set>

#include "machine_for_test.h"
#include "next_for_test.h"

namespace rtt::spec {
namespace {

unsigned bit(int n) { return 1U << static_cast<unsigned>(n); }

// The TLA+ gives a state by primed variables; here an action pushes the states it allows.
class Actions {
 public:
  Actions(const Constants& constants, const State& from) : c_(constants), rules_(constants), from_(from) {}
  std::vector<Successor> all();

 private:
  int& spend(State& to, Fault fault) const { return to.left[static_cast<std::size_t>(fault)]; }
  [[nodiscard]] bool has(Fault fault) const { return from_.left[static_cast<std::size_t>(fault)] > 0; }
  [[nodiscard]] const Party& who(int p) const { return from_.who[static_cast<std::size_t>(p)]; }
  static Party& who(State& to, int p) { return to.who[static_cast<std::size_t>(p)]; }
  void push(std::string action, State to) { out_.push_back({std::move(action), std::move(to)}); }
  void perform(std::string action, State to, const Effect& effect);

  void edit();
  void scan();
  void plan();
  void plan_back(int graph);
  void start();
  void prepares(int p);
  void flips(int p);
  void drops(int p);
  void refuses(int p);
  void dies(int p);
  void lose(int p);
  void double_(int p);
  void attach(int p);
  void hears(int p);  // PrepareDone, FlipDone, Nack, ParticipantLost
  void timeout();
  void verify_ok();
  void verify_failed();
  void journal_writes();
  void journal_fails(bool written);
  void journal_refuses();
  void journal_reports();
  void accepted_written();
  void accepted_failed();
  void crash(std::size_t survived, bool torn);
  void recover();
  void repair();

  static void report(State& to, bool written, bool ok);
  static Letter read(State& to, int p);

  const Constants& c_;
  Rules rules_;
  const State& from_;
  std::vector<Successor> out_;
};

std::string of(const char* action, int p) { return std::string(action) + "(" + std::to_string(p) + ")"; }

void Actions::perform(std::string action, State to, const Effect& effect) {
  const bool ended = effect.m.phase == Phase::kIdle && from_.m.phase != Phase::kIdle;
  const Told& told = effect.m.answer;
  to.m = effect.m;
  to.queue.insert(to.queue.end(), effect.write.begin(), effect.write.end());
  for (int p = 0; p < c_.parties; ++p) {
    const auto& letters = effect.send[static_cast<std::size_t>(p)];
    if (who(to, p).alive) who(to, p).inbox.insert(who(to, p).inbox.end(), letters.begin(), letters.end());
  }
  to.writes.insert(to.writes.end(), effect.file.begin(), effect.file.end());
  if (ended && told.state == Said::kInDoubt) to.panel = Life::kStopped;
  if (ended && (told.state == Said::kCommitted || told.state == Said::kRolledBack))
    to.acked = {.graph = told.graph, .seq = told.seq};
  push(std::move(action), std::move(to));
}

// ---- scan and plan ----

void Actions::edit() {
  if (!has(Fault::kEdits)) return;
  State to = from_;
  --spend(to, Fault::kEdits);
  ++to.tree;
  push("Edit", to);
}

void Actions::scan() {
  if (from_.snapshot == from_.tree) return;
  State to = from_;
  to.snapshot = to.tree;
  push("Scan", to);
}

void Actions::plan() {
  const int force = fold(from_.disk).graph;
  if (from_.plan_base != kNone || from_.snapshot == force || !has(Fault::kPlans)) return;
  State to = from_;
  --spend(to, Fault::kPlans);
  to.plan_base = force;
  to.plan_target = to.snapshot;
  push("Plan", to);
}

void Actions::plan_back(int graph) {
  const int force = fold(from_.disk).graph;
  if (from_.plan_base != kNone || graph == force || !has(Fault::kPlans)) return;
  State to = from_;
  --spend(to, Fault::kPlans);
  to.plan_base = force;
  to.plan_target = graph;
  push(of("PlanBack", graph), to);
}

void Actions::start() {
  const bool all_there =
      from_.m.detached == 0 && std::ranges::all_of(from_.who, [](const Party& p) { return p.alive; });
  if (from_.panel != Life::kUp || from_.m.phase != Phase::kIdle || from_.plan_base == kNone || !all_there ||
      !from_.queue.empty() || !from_.news.empty() || !from_.writes.empty())
    return;
  const Folded now = fold(from_.disk);
  State to = from_;
  to.plan_base = to.plan_target = kNone;
  if (now.graph == from_.plan_target || now.graph != from_.plan_base) {
    const Said said = now.graph == from_.plan_target ? Said::kUnchanged : Said::kStale;
    to.m.answer = {.state = said, .graph = now.graph, .seq = now.seq};
    return push("Start", to);
  }
  for (Party& party : to.who) {
    party.up = 0;
    party.outbox.clear();
  }
  to.refused = false;
  perform("Start", to, rules_.on_start(from_.m, from_.plan_base, from_.plan_target, now.seq));
}

// ---- participants ----

Letter Actions::read(State& to, int p) {
  const Letter letter = who(to, p).inbox.front();
  who(to, p).inbox.erase(who(to, p).inbox.begin());
  return letter;
}

void Actions::prepares(int p) {
  if (who(p).inbox.empty()) return;
  State to = from_;
  const Letter letter = read(to, p);
  if (letter.kind != Kind::kPrepare && letter.kind != Kind::kRestore) return;
  if (letter.kind == Kind::kPrepare) who(to, p).up |= bit(letter.what);
  who(to, p).outbox.push_back({.kind = Kind::kPrepared, .round = letter.round});
  push(of("Prepares", p), to);
}

void Actions::flips(int p) {
  if (who(p).inbox.empty() || who(p).inbox.front().kind != Kind::kFlip) return;
  State to = from_;
  const Letter letter = read(to, p);
  who(to, p).carries = letter.what;
  who(to, p).outbox.push_back({.kind = Kind::kFlipped, .round = letter.round});
  push(of("Flips", p), to);
}

void Actions::drops(int p) {
  if (who(p).inbox.empty() || who(p).inbox.front().kind != Kind::kDrop) return;
  State to = from_;
  read(to, p);
  who(to, p).up = 0;
  push(of("Drops", p), to);
}

void Actions::refuses(int p) {
  if (who(p).inbox.empty() || who(p).inbox.front().kind == Kind::kDrop || !has(Fault::kNacks)) return;
  State to = from_;
  --spend(to, Fault::kNacks);
  const Letter letter = read(to, p);
  who(to, p).outbox.push_back({.kind = Kind::kNack, .round = letter.round});
  to.refused = to.refused || letter.round > from_.m.first;
  push(of("Refuses", p), to);
}

void Actions::dies(int p) {
  if (!who(p).alive || from_.m.phase == Phase::kIdle || !has(Fault::kDeaths)) return;
  State to = from_;
  --spend(to, Fault::kDeaths);
  who(to, p).alive = false;
  who(to, p).inbox.clear();
  who(to, p).outbox.push_back({.kind = Kind::kLost});
  push(of("Dies", p), to);
}

void Actions::lose(int p) {
  if (who(p).inbox.empty() || !has(Fault::kLosses)) return;
  State to = from_;
  --spend(to, Fault::kLosses);
  read(to, p);
  push(of("Lose", p), to);
}

void Actions::double_(int p) {
  if (who(p).outbox.empty() || !has(Fault::kDoubles)) return;
  State to = from_;
  --spend(to, Fault::kDoubles);
  who(to, p).outbox.push_back(who(p).outbox.front());
  push(of("Double", p), to);
}

void Actions::attach(int p) {
  const bool away = (from_.m.detached & bit(p)) != 0 || !who(p).alive;
  if (from_.panel != Life::kUp || from_.m.phase != Phase::kIdle || !away) return;
  State to = from_;
  who(to, p) = {.carries = fold(from_.disk).graph};
  to.m.detached &= ~bit(p);
  push(of("Attach", p), to);
}

// ---- the panel hears ----

void Actions::hears(int p) {
  if (from_.panel == Life::kDown || from_.panel == Life::kRecovering || who(p).outbox.empty()) return;
  State to = from_;
  const Letter said = who(p).outbox.front();
  who(to, p).outbox.erase(who(to, p).outbox.begin());
  if (said.kind == Kind::kPrepared) {
    perform(of("PrepareDone", p), to, rules_.on_prepare_done(from_.m, p, said.round));
  } else if (said.kind == Kind::kFlipped) {
    perform(of("FlipDone", p), to, rules_.on_flip_done(from_.m, p, said.round));
  } else if (said.kind == Kind::kNack) {
    perform(of("Nack", p), to, rules_.on_nack(from_.m, p, said.round));
  } else {
    to.refused = to.refused || from_.m.phase != Phase::kIdle;
    perform(of("ParticipantLost", p), to, rules_.on_participant_lost(from_.m, p));
  }
}

void Actions::timeout() {
  if (!from_.m.timer) return;
  Machine m = from_.m;
  m.timer = false;
  perform("Timeout", from_, rules_.on_timeout(m));
}

void Actions::verify_ok() {
  if (!from_.m.checking) return;
  Machine m = from_.m;
  m.checking = false;
  perform("VerifyOk", from_, rules_.on_verify_ok(m));
}

void Actions::verify_failed() {
  if (!from_.m.checking || !has(Fault::kVerifies)) return;
  State to = from_;
  --spend(to, Fault::kVerifies);
  to.refused = to.refused || from_.m.phase == Phase::kVerifying;
  Machine m = from_.m;
  m.checking = false;
  perform("VerifyFailed", to, rules_.on_verify_failed(m));
}

// ---- the journal ----

void Actions::report(State& to, bool written, bool ok) {
  const Record record = to.queue.front();
  to.queue.erase(to.queue.begin());
  if (written) to.disk.push_back(record);
  to.news.push_back({.type = record.type, .seq = ok ? static_cast<int>(to.disk.size()) : 0, .ok = ok});
}

void Actions::journal_writes() {
  if (from_.queue.empty() || from_.broken) return;
  State to = from_;
  report(to, true, true);
  push("JournalWrites", to);
}

void Actions::journal_fails(bool written) {
  if (from_.queue.empty() || from_.broken || !has(Fault::kJournals)) return;
  State to = from_;
  --spend(to, Fault::kJournals);
  report(to, written, false);
  to.broken = true;
  push(of("JournalFails", written ? 1 : 0), to);
}

void Actions::journal_refuses() {
  if (from_.queue.empty() || !from_.broken) return;
  State to = from_;
  report(to, false, false);
  push("JournalRefuses", to);
}

void Actions::journal_reports() {
  if (from_.news.empty()) return;
  State to = from_;
  const News news = from_.news.front();
  to.news.erase(to.news.begin());
  perform("JournalReports", to,
          news.ok ? rules_.on_durable(from_.m, news.type, news.seq) : rules_.on_journal_failed(from_.m));
}

void Actions::accepted_written() {
  if (from_.writes.empty()) return;
  State to = from_;
  to.files = from_.writes.front();
  to.writes.erase(to.writes.begin());
  const bool last = from_.writes.size() == 1;
  perform("AcceptedWritten", to, last ? rules_.on_accepted_written(from_.m) : rules_.quiet(from_.m));
}

void Actions::accepted_failed() {
  if (from_.writes.empty() || !has(Fault::kFiles)) return;
  State to = from_;
  --spend(to, Fault::kFiles);
  to.files = kMixed;
  to.writes.erase(to.writes.begin());
  to.refused = true;
  const bool last = from_.writes.size() == 1;
  perform("AcceptedFailed", to, last ? rules_.on_accepted_failed(from_.m) : rules_.quiet(from_.m));
}

// ---- crash and recovery ----

void Actions::crash(std::size_t survived, bool torn) {
  const std::size_t at_risk = from_.broken ? 0 : from_.queue.size();
  const bool repairing = from_.panel == Life::kRecovering && !repairs(fold(from_.disk)).empty();
  if (from_.panel == Life::kDown || survived > at_risk) return;
  if (from_.panel != Life::kStopped && !has(Fault::kCrashes)) return;
  if (torn && survived == at_risk && !repairing) return;
  State to = from_;
  if (from_.panel != Life::kStopped) --spend(to, Fault::kCrashes);
  for (std::size_t i = 0; i < survived; ++i) to.disk.push_back(from_.queue[i]);
  if (torn) to.disk.push_back({.type = Type::kTorn});
  to.queue.clear();
  to.news.clear();
  to.broken = false;
  to.panel = Life::kDown;
  to.m = {.detached = bit(c_.parties) - 1};
  for (Party& party : to.who) {
    party.inbox.clear();
    party.outbox.clear();
    party.up = 0;
  }
  if (!from_.writes.empty()) to.files = kMixed;
  to.writes.clear();
  push("Crash", to);
}

void Actions::recover() {
  if (from_.panel != Life::kDown) return;
  State to = from_;
  const auto torn =
      std::ranges::find_if(to.disk, [](const Record& record) { return record.type == Type::kTorn; });
  to.disk.erase(torn, to.disk.end());
  const Folded now = fold(to.disk);
  if (c_.accepts && now.back != kNone) {
    to.files = now.back;
  } else if (c_.accepts && now.prepare) {
    to.files = now.graph;
  }
  to.panel = Life::kRecovering;
  push("Recover", to);
}

void Actions::repair() {
  if (from_.panel != Life::kRecovering) return;
  State to = from_;
  const auto owed = repairs(fold(from_.disk));
  if (owed.empty()) to.panel = Life::kUp;
  to.disk.insert(to.disk.end(), owed.begin(), owed.end());
  push("Repair", to);
}

std::vector<Successor> Actions::all() {
  for (int p = 0; p < c_.parties; ++p) {
    for (const auto action :
         {&Actions::prepares, &Actions::flips, &Actions::drops, &Actions::refuses, &Actions::dies,
          &Actions::lose, &Actions::double_, &Actions::attach, &Actions::hears})
      (this->*action)(p);
  }
  for (const auto action :
       {&Actions::edit, &Actions::scan, &Actions::plan, &Actions::start, &Actions::timeout,
        &Actions::verify_ok, &Actions::verify_failed, &Actions::journal_writes, &Actions::journal_refuses,
        &Actions::journal_reports, &Actions::accepted_written, &Actions::accepted_failed, &Actions::recover,
        &Actions::repair})
    (this->*action)();
  journal_fails(false);
  journal_fails(true);
  for (std::size_t survived = 0; survived <= from_.queue.size(); ++survived) {
    crash(survived, false);
    crash(survived, true);
  }
  std::set<int> committed{kEmpty};
  for (const Record& record : from_.disk) {
    if (record.type == Type::kCommit) committed.insert(record.to);
  }
  for (const int graph : committed) plan_back(graph);
  return std::move(out_);
}

}  // namespace

State init(const Constants& constants, const Left& budget) {
  State out;
  out.who.resize(static_cast<std::size_t>(constants.parties));
  out.left = budget;
  return out;
}

std::vector<Successor> next(const Constants& constants, const State& state) {
  return Actions(constants, state).all();
}

std::string refusal(const Constants& constants, const State& first, const std::vector<std::string>& lines) {
  State now = first;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i] == text(now)) continue;
    const auto allowed = next(constants, now);
    const auto at =
        std::ranges::find_if(allowed, [&](const Successor& each) { return text(each.state) == lines[i]; });
    if (at == allowed.end())
      return "line " + std::to_string(i + 1) + " is no step of the spec\n  from " + text(now) + "\n  to   " +
             lines[i];
    now = at->state;
  }
  return {};
}

namespace {

std::string number(int value) { return std::to_string(value); }

template <typename Range, typename Each>
std::string listed(const Range& range, Each each) {
  std::string out;
  for (const auto& one : range) out += (out.empty() ? "" : ",") + each(one);
  return out;
}

std::string letters(const std::vector<Letter>& box) {
  constexpr const char* kKinds = "prfdPFNL";
  return listed(box, [&](const Letter& letter) {
    return std::string(1, kKinds[static_cast<int>(letter.kind)]) + number(letter.round) +
           (letter.what == kNone ? "" : ":" + number(letter.what));
  });
}

std::string records(const std::vector<Record>& log) {
  constexpr const char* kTypes = "PCARt";
  return listed(log, [&](const Record& record) {
    return kTypes[static_cast<int>(record.type)] + number(record.from) + ">" + number(record.to);
  });
}

}  // namespace

std::string text(const State& s) {
  constexpr std::array<const char*, 14> kPhases{
      "idle",        "recording",      "filing",          "preparing",    "committing",
      "flipping",    "verifying",      "unfiling",        "aborting",     "back-recording",
      "back-filing", "back-preparing", "back-committing", "back-flipping"};
  const Machine& m = s.m;
  std::string out = kPhases[static_cast<std::size_t>(m.phase)];
  out += " round " + number(m.round - m.first) + "+" + number(m.first) + " batch " + number(m.batch) +
         " plan " + number(m.base) + ">" + number(m.target) + " seq " + number(m.seq);
  for (const unsigned set : {m.asked, m.lost, m.owing, m.silent, m.detached})
    out += " " + std::to_string(set);
  out += std::string(m.timer ? " timer" : "") + (m.checking ? " checking" : "") + " answer " +
         number(static_cast<int>(m.answer.state)) + "/" + number(m.answer.graph) + "/" + number(m.answer.seq);
  out += " | src " + number(s.tree) + " " + number(s.snapshot) + " " + number(s.plan_base) + ">" +
         number(s.plan_target) + " | panel " + number(static_cast<int>(s.panel));
  out += " | disk " + records(s.disk) + " queue " + records(s.queue) + " news " +
         listed(s.news,
                [](const News& news) {
                  return number(static_cast<int>(news.type)) + "@" + number(news.seq) + (news.ok ? "+" : "-");
                }) +
         (s.broken ? " broken" : "");
  for (const Party& party : s.who) {
    out += std::string(" | ") + (party.alive ? "" : "dead ") + number(party.carries) + " up " +
           std::to_string(party.up) + " in " + letters(party.inbox) + " out " + letters(party.outbox);
  }
  out += " | files " + number(s.files) + " writes " + listed(s.writes, number) + " | left " +
         listed(s.left, number) + " | " + (s.refused ? "refused " : "") + "acked " + number(s.acked.seq) +
         "/" + number(s.acked.graph);
  return out;
}

}  // namespace rtt::spec
