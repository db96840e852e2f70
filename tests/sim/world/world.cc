// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "host_process.h"
#include "os/file.h"
#include "text/json_canonical.h"

namespace rtt::sim {
namespace {

using text::Json;

constexpr std::int64_t kAskingMs = 6'000, kRunMs = 30'000, kSettleMs = 60'000, kLookMs = 200;
constexpr std::size_t kAsksMax = 5;  // of each client

struct Intent {
  Instant at;
  std::size_t client = 0;
  std::string verb;
  Json args;
};

class World {
 public:
  World(const Stage& stage, std::uint64_t seed, const std::vector<Fault>& faults, std::FILE* tell)
      : stage_(stage), tell_(tell), chance_(seed ^ 0x776f), nature_(seed), faults_(faults) {
    nature_.rule();
    nature_.workspace_stays();
    network_ = std::make_unique<NetworkProcess>(nature_, stage_);
    for (std::size_t i = 0; i <= kClients; ++i) {
      const std::string name = fmt::format("client{}", i);
      RTT_ASSERT(network_->relay.open(name, stage_.door(name)).has_value());
      clients_.push_back(std::make_unique<ClientProcess>(nature_, stage_, name));
      network_->relay.is_process(name, clients_.back()->pid);
    }
    for (const Program& program : stage_.programs) {
      ends_.push_back({.program = &program, .process = nullptr});
      ends_.back().due = nature_.time + nanos_from_ms(chance_.between(0, 100));
    }
    panel_due_ = nature_.time;
    began_ = nature_.time;
    plan_asks();
  }

  Report run() {
    const Instant end = began_ + nanos_from_ms(kRunMs);
    while (!report_.broken && nature_.time < end && !quiet()) round(end);
    settle();
    finish();
    report_.events = events_;
    report_.virtual_ms = (nature_.time - began_).value / 1'000'000;
    return report_;
  }

 private:
  struct End {
    const Program* program = nullptr;
    std::unique_ptr<EndProcess> process;
    Instant due;  // of its start, while there is none
    bool badly = false;
  };
  struct Unborn {
    Instant due;
    Birth birth;
  };

  // ---- what people ask
  void plan_asks() {
    for (std::size_t client = 0; client < kClients; ++client) {
      const std::size_t asks = 1 + chance_.below(kAsksMax);
      for (std::size_t i = 0; i < asks; ++i) {
        Intent intent{.at = began_ + nanos_from_ms(chance_.between(0, kAskingMs)),
                      .client = client,
                      .verb = {},
                      .args = {}};
        choose(intent);
        intents_.push_back(std::move(intent));
      }
    }
    std::ranges::stable_sort(intents_, [](const Intent& a, const Intent& b) { return a.at < b.at; });
    for (std::size_t i = 0; i < ends_.size(); ++i) ends_[i].badly = i < 2 && chance_.one_in(6);
  }
  void choose(Intent& intent) {
    const std::uint64_t what = chance_.below(20);
    const StagedPlan& plan = stage_.plans[chance_.below(stage_.plans.size())];
    if (what < 10) {
      intent.verb = "apply";
      intent.args = Json::object({{"plan", to_string(plan.id)}});
    } else if (what < 12) {
      intent.verb = "apply";
      intent.args = Json::object({{"canary", chance_.between(1, 99)},
                                  {"plan", to_string(plan.id)},
                                  {"window", fmt::format("{}s", chance_.between(1, 4))}});
    } else if (what < 14) {
      intent.verb = "undo";
      intent.args = Json::object({});
    } else if (what < 16) {
      intent.verb = "rollback";
      intent.args = Json::object({{"seq", chance_.between(0, 40)}});
    } else {
      intent.verb = "ls.routes";
      intent.args = Json::object({});
    }
  }
  // Most plans asked for begin where the wiring is: chance alone would find too many of them stale.
  void aim(Intent& intent) {
    if (intent.verb == "rollback" && !told_.empty() && chance_.one_in(2))
      intent.args.set("seq", told_[chance_.below(told_.size())].seq);
    if (intent.verb == "apply" && !chance_.one_in(4)) (void)aim_at_graph(intent);
  }
  bool aim_at_graph(Intent& intent) {
    const std::string graph = told_.empty() ? to_string(stage_.roots.front()) : told_.back().graph;
    std::vector<const StagedPlan*> fitting;
    for (const StagedPlan& plan : stage_.plans) {
      if (to_string(stage_.roots[plan.from]) == graph) fitting.push_back(&plan);
    }
    if (!fitting.empty()) intent.args.set("plan", to_string(fitting[chance_.below(fitting.size())]->id));
    return !fitting.empty();
  }
  void ask_what_is_due() {
    while (next_intent_ < intents_.size() && intents_[next_intent_].at <= nature_.time) {
      Intent intent = intents_[next_intent_++];
      aim(intent);
      ClientProcess& client = *clients_[intent.client];
      if (client.busy()) continue;
      as(client, [&] { client.ask(intent.verb, intent.args); });
    }
  }
  void hear_answers() {
    for (const auto& client : clients_) {
      for (; heard_[client.get()] < client->done.size(); ++heard_[client.get()]) {
        const Ask& ask = client->done[heard_[client.get()]];
        if (!ask.answer) break;
        hear(*client, ask);
      }
    }
  }
  void hear(const ClientProcess& client, const Ask& ask) {
    const Result<api::Answer>& answer = *ask.answer;
    const bool canary = ask.args.find("canary") != nullptr;
    const std::string outcome = answer ? std::string(answer->body.string_or("state", "seen"))
                                       : std::string(code_name(answer.error().code));
    if (&client != clients_.back().get())
      ++report_.answers[ask.verb + (canary ? " --canary " : " ") + outcome];
    say(fmt::format("{} {} {}: {}", client.name, ask.verb, outcome,
                    answer ? text::canonical_json(answer->body) : answer.error().message));
    note(answer ? text::canonical_json(answer->body) : answer.error().message);
    if (!answer || answer->body.find("graph") == nullptr || answer->body.find("seq") == nullptr) return;
    told_.push_back({.seq = static_cast<std::uint64_t>(answer->body.int_or("seq", 0)),
                     .graph = std::string(answer->body.string_or("graph")),
                     .what = client.name + " " + ask.verb + " " + outcome});
  }

  // ---- time
  [[nodiscard]] bool quiet() const {
    return next_intent_ == intents_.size() &&
           std::ranges::none_of(clients_, [](const auto& client) { return client->busy(); });
  }
  std::vector<Process*> everybody() {
    std::vector<Process*> list{network_.get()};
    if (panel_) list.push_back(panel_.get());
    for (const auto& host : hosts_) list.push_back(host.get());
    for (const End& end : ends_) {
      if (end.process) list.push_back(end.process.get());
    }
    for (const auto& client : clients_) list.push_back(client.get());
    return list;
  }
  // Who has something to do: to wait for all at once costs less than to ask each.
  std::vector<Process*> awake() {
    std::vector<Process*> list = everybody();
    for (Process* process : list) process->called = false;
    (void)nature_.waiting->run_once({0});
    std::erase_if(list, [&](const Process* process) {
      return process->sleeps_until > nature_.time || !process->has_work();
    });
    return list;
  }
  void round(Instant end) {
    begin_what_is_due();
    std::vector<Process*> list = awake();
    for (std::size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[chance_.below(i)]);
    bool any = false;
    for (Process* process : list) {
      if (process->sleeps_until > nature_.time || !lives(process)) continue;
      any |= turn(*process);
      if (report_.broken) return;
    }
    if (!any) nature_.time = std::min(end, next_time());
  }
  bool lives(const Process* process) {
    const auto list = everybody();
    return std::ranges::find(list, process) != list.end();
  }
  // One turn of one loop.
  bool turn(Process& process) {
    nature_.running = process.pid;
    bool ran = false;
    try {
      ran = process.loop->run_once({0});
    } catch (const Killed&) {
      power_cut();
      return true;
    }
    if (!ran) return false;
    ++events_;
    trace(static_cast<std::uint64_t>(nature_.time.ns));
    trace(static_cast<std::uint64_t>(process.pid));
    if (process.slow.value > 0) process.sleeps_until = nature_.time + process.slow;
    nature_.time = nature_.time + Nanos{chance_.between(1'000, 20'000)};
    if (events_ > kEventsMax) report_.broken = "it does not come to rest: too many events";
    if (panel_ && panel_.get() == &process && panel_->loop->stopping()) end_panel_by_itself();
    std::erase_if(hosts_, [&](const auto& host) {
      if (host.get() != &process || !host->loop->stopping()) return false;
      host->ended_as = {};
      return true;
    });
    hear_answers();
    strike_what_is_due();
    return true;
  }
  Instant next_time() {
    Instant next{INT64_MAX};
    const auto no_later = [&](Instant at) {
      if (at > nature_.time) next = std::min(next, at);
    };
    for (const Process* process : everybody()) {
      if (process->sleeps_until > nature_.time) {
        no_later(process->sleeps_until);
      } else if (const auto timer = process->loop->next_timer()) {
        next = std::min(next, std::max(*timer, nature_.time + Nanos{1}));
      }
    }
    if (next_intent_ < intents_.size()) no_later(intents_[next_intent_].at);
    if (!panel_) no_later(panel_due_);
    for (const Unborn& host : unborn_) no_later(host.due);
    for (const End& end : ends_) {
      if (!end.process) no_later(end.due);
    }
    no_later(full_until_);
    return next;
  }
  template <typename Deed>
  void as(const Process& process, Deed deed) {
    nature_.running = process.pid;
    deed();
  }

  // ---- births and deaths
  void begin_what_is_due() {
    if (full_until_ <= nature_.time) nature_.disk.set_full(false);
    if (!panel_ && panel_due_ <= nature_.time) start_panel();
    start_hosts();
    for (End& end : ends_) {
      if (end.process || end.due > nature_.time) continue;
      end.process = std::make_unique<EndProcess>(nature_, stage_, *end.program);
      end.process->answers_badly = end.badly;
      end.process->asking = asking_;
      network_->relay.is_process(end.program->name, end.process->pid);
    }
    ask_what_is_due();
    hear_answers();
  }
  void start_panel() {
    ++report_.panels;
    say("a panel starts");
    try {
      panel_ = std::make_unique<PanelProcess>(nature_, stage_);
    } catch (const Killed&) {
      power_cut();
      return;
    }
    if (panel_->started) return;
    const Error why = panel_->started.error();
    note(why.message);
    if (why.code != Code::kIo && why.code != Code::kNoSpace)
      report_.broken =
          fmt::format("the panel does not start: {} {} {}", code_name(why.code), why.message, why.where);
    end_panel();
  }
  void start_hosts() {
    for (Birth& birth : std::exchange(nature_.births, {}))
      unborn_.push_back(
          {.due = nature_.time + nanos_from_ms(chance_.between(1, 80)), .birth = std::move(birth)});
    std::erase_if(unborn_, [&](const Unborn& one) {
      if (one.due > nature_.time) return false;
      auto host = std::make_unique<HostProcess>(nature_, stage_, one.birth);
      if (!host->serves()) {
        say("a driver host is not needed");
        host->ended_as = {};
        return true;
      }
      say("a driver host starts");
      ++report_.hosts;
      network_->relay.is_process(host->name, host->pid);
      hosts_.push_back(std::move(host));
      return true;
    });
  }
  void end_panel() {
    say("the panel has ended");
    panel_ = nullptr;
    panel_due_ = nature_.time + nanos_from_ms(chance_.between(1, 300));
    // What a failed sync should have written, the kernel may have dropped.
    if (nature_.disk.synced_in_vain()) nature_.disk.lose_power(chance_);
    look_at_journal();
  }
  void end_panel_by_itself() {
    nature_.running = panel_->pid;
    try {
      (*panel_->started)->stop();
    } catch (const Killed&) {
      power_cut();
      return;
    }
    end_panel();
  }
  void power_cut() {
    panel_ = nullptr;
    ++report_.struck.at(static_cast<std::size_t>(FaultKind::kPowerCut));
    nature_.disk.lose_power(chance_);
    end_panel();
  }
  void look_at_journal() {
    if (report_.broken) return;
    const auto history = history_of(stage_.workspace, stage_.roots, known_, Tail::kMayBeTorn);
    if (!history) {
      report_.broken = history.error().message;
    } else if (const Status held = holds(*history, told_); !held) {
      report_.broken = held.error().message;
    }
  }

  // ---- faults
  void strike_what_is_due() {
    while (next_fault_ < faults_.size() && faults_[next_fault_].at <= events_ && !settling_)
      strike(faults_[next_fault_++]);
  }
  void strike(const Fault& fault) {
    if (fault.kind != FaultKind::kPowerCut) ++report_.struck.at(static_cast<std::size_t>(fault.kind));
    note(describe(fault));
    say(describe(fault));
    const std::size_t programs = ends_.size() + (stage_.cast == Cast::kWithDriverHost ? 1 : 0);
    const std::size_t whom = fault.whom % programs;
    Process* const victim = whom < ends_.size() ? ends_[whom].process.get()
                            : hosts_.empty()    ? nullptr
                                                : static_cast<Process*>(hosts_.front().get());
    const Nanos much = nanos_from_ms(fault.much_ms);
    const std::size_t way = fault.whom % (programs + kClients);
    const std::string way_name = way < ends_.size() ? ends_[way].program->name
                                 : way < programs   ? "host"
                                                    : fmt::format("client{}", way - programs);
    switch (fault.kind) {
      case FaultKind::kPanelKilled:
        if (panel_) end_panel();
        break;
      case FaultKind::kPowerCut:
        nature_.disk.strike(1 + fault.whom, Disk::Fault::kPowerCut);
        break;
      case FaultKind::kDiskError:
        nature_.disk.strike(1 + fault.whom, Disk::Fault::kIoError);
        break;
      case FaultKind::kEndKilled:
        if (whom == ends_.size()) {  // whoever needs it starts it again
          hosts_.clear();
        } else {
          ends_[whom].process = nullptr;
          ends_[whom].due = nature_.time + much;
        }
        break;
      case FaultKind::kEndHangs:
        if (victim != nullptr) victim->sleeps_until = nature_.time + much;
        break;
      case FaultKind::kEndSlow:
        if (victim != nullptr) victim->slow = Nanos{much.value / 20};
        break;
      case FaultKind::kConnectionCut:
        network_->relay.cut(way_name);
        break;
      case FaultKind::kConnectionSlow:
        network_->relay.delay(way_name, Nanos{much.value / 10});
        break;
      case FaultKind::kConnectionStalls:
        network_->relay.stall_until(way_name, nature_.time + much);
        break;
      case FaultKind::kDiskFull:
        nature_.disk.set_full(true);
        full_until_ = nature_.time + much;
        break;
      case FaultKind::kClockJump:
        nature_.wall_us += (fault.whom % 2 == 0 ? -1 : 1) * fault.much_ms * 3'600'000;
        if (fault.whom % 3 == 0) nature_.time = nature_.time + much;
        break;
      case FaultKind::kDriverGivenUp:
        for (const auto& host : hosts_) host->driver->ill_until = nature_.time + much;
        break;
      case FaultKind::kStartRefused:
        nature_.no_births_until = nature_.time + much;
        break;
      case FaultKind::kCount:
        break;
    }
  }

  // ---- the end
  void settle() {
    settling_ = true;
    nature_.disk.take_no_orders();
    nature_.disk.set_full(false);
    full_until_ = {};
    network_->relay.hurry();
    nature_.no_births_until = {};
    for (const auto& host : hosts_) host->driver->ill_until = {};
    for (Process* process : everybody()) {
      process->sleeps_until = {};
      process->slow = {0};
    }
    const Instant began = nature_.time, end = began + nanos_from_ms(kSettleMs);
    come_to_rest(end);
    stop_asking();
    if (!report_.broken) change_once_more(end);
    if (!report_.broken) come_to_rest(end);
    report_.settled_ms = (nature_.time - began).value / 1'000'000;
  }
  void come_to_rest(Instant end) {
    std::string why = "nobody looked";
    int looks = 0;
    while (!report_.broken && nature_.time < end && looks < 2) {
      rest(nanos_from_ms(kLookMs));
      if (report_.broken) return;
      why = restless();
      looks = why.empty() ? looks + 1 : 0;
    }
    if (!report_.broken && looks < 2) report_.broken = "it does not come to rest: " + why;
  }
  // When nothing is wrong any more a change has to succeed, whatever was wrong before.
  void change_once_more(Instant end) {
    ClientProcess& looker = *clients_.back();
    std::string why;
    for (bool done = false; !done && !report_.broken && nature_.time < end; rest(nanos_from_ms(kLookMs))) {
      if (looker.busy()) continue;
      if (const Ask& last = looker.done.back(); last.verb != "ls.routes" && last.answer) {
        why = *last.answer ? text::canonical_json((*last.answer)->body) : (*last.answer).error().message;
        done = *last.answer && (*last.answer)->body.string_or("state") == "committed";
        if (done) break;
      }
      Intent intent{.at = {}, .client = kClients, .verb = "apply", .args = Json::object({})};
      if (!aim_at_graph(intent)) intent.verb = "undo";  // a part of a canary stayed
      as(looker, [&] { looker.ask(intent.verb, intent.args); });
    }
    if (!report_.broken && nature_.time >= end) report_.broken = "no change can be made any more: " + why;
  }
  void rest(Nanos span) {
    const Instant end = nature_.time + span;
    while (!report_.broken && nature_.time < end) round(end);
  }
  void stop_asking() {
    asking_ = false;
    for (const End& end : ends_) {
      if (end.process) end.process->asking = false;
    }
    rest(nanos_from_ms(3'000));  // longer than any call
  }
  // Nothing: it has come to rest.
  std::string restless() {
    if (!quiet()) return "somebody waits for an answer";
    ClientProcess& looker = *clients_.back();
    as(looker, [&] { looker.ask("ls.routes", Json::object({})); });
    rest(nanos_from_ms(kLookMs));
    if (report_.broken || !looker.done.back().answer || !*looker.done.back().answer)
      return "the panel does not answer";
    const Json& seen = (*looker.done.back().answer)->body;
    const auto history = history_of(stage_.workspace, stage_.roots, known_, Tail::kMayBeTorn);
    if (!history) {
      report_.broken = history.error().message;
      return {};
    }
    if (seen.string_or("graph") != to_string(history->root))
      return "the graph in force is not the last commit's";
    std::vector<Holder> holders;
    for (const End& end : ends_) {
      if (!end.process || !end.process->attachment->attached()) return end.program->name + " is not attached";
      holders.push_back({end.program->name, end.process->board->describe()});
    }
    for (const auto& host : hosts_) holders.push_back({host->name, host->host->lanes()});
    for (const Json& row : seen.find("routes")->as_array()) {
      if (row.string_or("state") != "ready")
        return fmt::format("route {} is {}", row.string_or("from"), row.string_or("state"));
    }
    const auto graph =
        history->seq == 0 ? std::optional(model::Graph{}) : history->commits.at(history->seq).graph;
    if (!graph) return "the graph in force is not in its record";
    if (graph->routes.size() != seen.find("routes")->as_array().size())
      return "routes are shown that are not in force";
    const Status lanes = lanes_are(*graph, holders);
    return lanes ? std::string() : lanes.error().message;
  }
  void finish() {
    for (const End& end : ends_) {
      if (!end.process) continue;
      report_.calls += end.process->answered;
      if (end.process->wrong_answer && !report_.broken) report_.broken = *end.process->wrong_answer;
    }
    if (panel_ && !report_.broken) {
      nature_.running = panel_->pid;
      (*panel_->started)->stop();
    }
    panel_ = nullptr;
    if (!report_.broken) {
      const auto history = history_of(stage_.workspace, stage_.roots, known_, Tail::kWhole);
      if (!history) {
        report_.broken = history.error().message;
      } else {
        if (const Status held = holds(*history, told_); !held) report_.broken = held.error().message;
        report_.commits = history->commits.size();
        report_.records = history->records;
        report_.torn_tails = history->torn_tails;
        report_.checkpoints = history->checkpoints;
        note(to_string(history->last_hash));
      }
    }
    report_.torn = nature_.disk.torn();
    report_.disk_errors = nature_.disk.errors();
    report_.disk_full = nature_.disk.refused_full();
    report_.trace = trace_;
  }

  void say(std::string_view what) const {
    if (tell_ != nullptr)
      fmt::print(tell_, "{:10.3f} ms, event {}: {}\n",
                 static_cast<double>((nature_.time - began_).value) / 1e6, events_, what);
  }
  void trace(std::uint64_t what) {
    for (int i = 0; i < 8; ++i) {  // FNV-1a
      trace_ = (trace_ ^ (what >> (8 * i) & 0xff)) * 0x100000001b3u;
    }
  }
  void note(std::string_view text) {
    for (const char c : text) trace_ = (trace_ ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }

  const Stage& stage_;
  std::FILE* tell_;
  Random chance_;
  Nature nature_;
  const std::vector<Fault>& faults_;
  Report report_;
  std::unique_ptr<NetworkProcess> network_;
  std::vector<std::unique_ptr<ClientProcess>> clients_;  // the last one looks
  std::vector<End> ends_;
  std::unique_ptr<PanelProcess> panel_;
  std::vector<std::unique_ptr<HostProcess>> hosts_;
  std::vector<Unborn> unborn_;
  Instant panel_due_, full_until_, began_;
  std::vector<Intent> intents_;
  std::size_t next_intent_ = 0, next_fault_ = 0;
  std::map<const ClientProcess*, std::size_t> heard_;
  std::vector<Told> told_;
  KnownCommits known_;
  bool settling_ = false, asking_ = true;
  std::uint64_t events_ = 0, trace_ = 0xcbf29ce484222325u;
};

std::size_t descriptors() {
  const auto names = os::list_directory("/proc/self/fd");
  return names ? names->size() : 0;
}

}  // namespace

Report run_world(const Stage& stage, std::uint64_t seed, const std::vector<Fault>& faults, std::FILE* tell) {
  Report report;
  const std::size_t before = descriptors();
  {
    World world(stage, seed, faults, tell);
    report = world.run();
  }
  if (const Status swept = stage.sweep(); !swept && !report.broken) report.broken = swept.error().message;
  const std::size_t after = descriptors();
  if (!report.broken && after != before)
    report.broken = fmt::format("{} descriptors are left behind", after - before);
  return report;
}

std::vector<Fault> shortened(const Stage& stage, std::uint64_t seed, std::vector<Fault> faults) {
  for (std::size_t i = faults.size(); i > 0; --i) {
    std::vector<Fault> fewer = faults;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i - 1));
    if (run_world(stage, seed, fewer).broken) faults = std::move(fewer);
  }
  return faults;
}

}  // namespace rtt::sim
