// SPDX-License-Identifier: Apache-2.0
#include "chaos/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "chaos/load_end.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/output_of.h"
#include "os/pipe.h"

namespace rtt::chaos {
namespace {

using text::Json;

constexpr std::size_t kLandedBytesMax = std::size_t{64} << 20;
constexpr std::size_t kAnswerBytesMax = std::size_t{4} << 20;
constexpr std::int64_t kFinishMs = kLoadEndMs + 3000;

std::string echo(std::size_t which) { return fmt::format("{}@1.0.0#{}", kEcho, which == 0 ? "a" : "b"); }

// What an end counted of that sender; nothing if it never heard of it.
Json from(const Json& counts, const std::string& sender) {
  const Json* of = counts.find(sender);
  return of == nullptr ? Json() : *of;
}

// The lines that this publisher's events became.
Events landed(const Landing& landing, const Json& published) {
  Events events{.route = landing.route, .sent = published.int_or("sent", 0)};
  const auto text = os::read_file(landing.file, kLandedBytesMax);
  if (!text) return events;
  std::int64_t last = 0;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (const auto line = text::parse_json(rest.substr(0, end)); line && line->find("n") != nullptr) {
      const std::int64_t n = line->int_or("n", 0);
      ++events.received;
      if (n == last) ++events.doubled;
      if (n < last) ++events.reordered;
      if (n > last + 1 && events.missing == 0) events.missing = last + 1;
      last = std::max(last, n);
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (events.missing == 0 && events.received < events.sent) events.missing = last + 1;
  return events;
}

}  // namespace

Result<End> End::start(const Rig& rig, std::string role, std::string symbol, std::string port) {
  os::SpawnOptions options = rig.command({"driver-host", "--chaos-end", std::move(role), std::move(symbol),
                                          port.empty() ? "-" : std::move(port)});
  options.in = os::Wire::kPipe;
  End end;
  RTT_TRY_SET(end.child_, os::spawn(options));
  return end;
}

Json End::finish() {
  child_.in.reset();
  const auto ended =
      os::end_of(std::move(child_), {.bytes_max = kAnswerBytesMax, .time_max = nanos_from_ms(kFinishMs)});
  auto counts = ended ? text::parse_json(ended->output) : std::unexpected(ended.error());
  return counts ? *std::move(counts) : Json();
}

void End::go() {
  constexpr std::array kByte{std::byte{'\n'}};
  (void)os::write_nowait(child_.in.get(), kByte);  // one that is gone already shows as having sent nothing
}

Result<Job> Job::start(const Rig& rig, std::vector<std::string> words) {
  words.emplace_back("--json");
  Job job;
  job.began_ = os::now();
  RTT_TRY_SET(job.child_, os::spawn(rig.command(std::move(words))));
  return job;
}

// What a command prints fits the pipe's buffer, so it never waits for us and all is there when it has ended.
std::optional<Answer> Job::poll() {
  const auto state = child_.poll();
  if (!state) return std::nullopt;
  std::string text;
  std::array<std::byte, 65536> buffer;  // NOLINT(*-member-init): written before it is read
  for (;;) {                            // ends with the pipe
    const auto got = os::read_nowait(child_.out.get(), buffer);
    if (!got || got->closed || got->would_block) break;
    text.append(reinterpret_cast<const char*>(buffer.data()), got->bytes);
  }
  Answer answer{.status = state->code, .document = {}};
  if (auto document = text::parse_json(text)) answer.document = *std::move(document);
  return answer;
}

bool Job::overdue() const { return os::now() - began_ > nanos_from_ms(kRttMs); }

Result<Load> Load::start(Rig& rig, Options options) {
  Load load(rig);
  load.options_ = std::move(options);
  struct One {
    std::string_view role;
    std::string symbol, port;
  };
  std::vector<One> wanted{{"answerer", echo(0), {}},
                          {"answerer", echo(1), {}},
                          {"sink", std::string(kSink), {}},
                          {"asker", std::string(kCaller), std::string(kEcho)},
                          {"publisher", std::string(kBus), {}}};
  if (const auto& landing = load.options_.landing) {
    if (!landing->file.empty()) RTT_TRY(os::remove_file(landing->file));
    wanted.push_back({"feeder", landing->publisher, {}});
  }
  for (One& one : wanted) {
    RTT_TRY_SET(End end, End::start(rig, std::string(one.role), one.symbol, one.port));
    load.ends_.emplace(one.symbol, std::move(end));
  }
  return load;
}

void Load::feed() {
  if (!options_.landing) return;
  if (const auto at = ends_.find(options_.landing->publisher); at != ends_.end()) at->second.go();
}

int Load::pid_of(const std::string& symbol) const {
  for (const auto& [name, end] : ends_) {
    if (symbol == name || symbol.starts_with(name + "@")) return end.pid();
  }
  return 0;
}

void Load::refused(const Answer& answer) {
  const Json* error = answer.error();
  seen_.refusals.push_back(error == nullptr ? Refusal{}
                                            : Refusal{.code = std::string(error->string_or("code")),
                                                      .message = std::string(error->string_or("message"))});
}

void Load::take_change(const Answer& answer) {
  const std::string_view state = answer.document.string_or("state");
  if (state == "committed") {
    seen_.acknowledged.push_back(
        {.seq = answer.document.int_or("seq", 0), .graph = std::string(answer.document.string_or("graph"))});
    changed_ = true;
  }
  if (state == "committed" || state == "unchanged") {
    rig_->went_to(next_, answer.document.int_or("seq", 0));
    next_ = 1 - next_;
    return;
  }
  ++seen_.changes_refused;
  if (state == "rolled_back")
    seen_.self_rollbacks.emplace_back(answer.document.string_or("reason"));
  else
    refused(answer);
}

void Load::take_call(const Answer& answer) {
  called_ = called_ || answer.status == 0;
  if (answer.status != 0) refused(answer);
}

void Load::tick(Begin begin) {
  if (change_) {
    if (const auto answer = change_->poll()) {
      take_change(*answer);
      change_.reset();
    } else if (change_->overdue()) {
      refused({});
      change_.reset();
    }
  }
  if (call_) {
    if (const auto answer = call_->poll()) {
      take_call(*answer);
      call_.reset();
    } else if (call_->overdue()) {
      refused({});
      call_.reset();
    }
  }
  if (begin == Begin::kNo) return;
  if (!change_) {
    auto job = Job::start(*rig_, {"rollback", fmt::format("{}", rig_->wiring(next_).commit.seq)});
    if (job) change_ = *std::move(job);
  }
  if (!call_ && options_.calls_http) {
    auto job = Job::start(*rig_, {"call", std::string(kHttp), "path=/", "--deadline", "2000"});
    if (job) call_ = *std::move(job);
  }
}

// Who sends ends first, so that what is under way still finds its other end.
void Load::end(Observed& into, const std::function<void()>& pause) {
  const auto finish = [this](const std::string& symbol) {
    const auto at = ends_.find(symbol);
    return at == ends_.end() ? Json() : at->second.finish();
  };
  const std::string caller = fmt::format("{}", pid_of(std::string(kCaller)));
  const std::string publisher = fmt::format("{}", pid_of(std::string(kBus)));
  const Json asked = finish(std::string(kCaller));
  const Json published = finish(std::string(kBus));
  Json fed;
  if (options_.landing) fed = finish(options_.landing->publisher);
  const Json sunk = from(finish(std::string(kSink)), publisher);
  const std::array<Json, 2> answered{from(finish(echo(0)), caller), from(finish(echo(1)), caller)};
  into = std::move(seen_);
  Calls calls{.route = fmt::format("{} -> {}", kCaller, kEcho),
              .asked = asked.int_or("asked", 0),
              .answered = asked.int_or("answered", 0),
              .wrong = asked.int_or("wrong", 0),
              .lost = asked.int_or("lost", 0),
              .late = asked.int_or("late", 0),
              .other = asked.int_or("other", 0)};
  std::int64_t came = 0;
  for (const Json& counts : answered) {
    calls.doubled += counts.int_or("doubled", 0);
    calls.reordered += counts.int_or("reordered", 0);
    came += counts.int_or("received", 0);
  }
  calls.doubled += std::max<std::int64_t>(0, came - calls.asked);  // by both of them, so neither sees it
  into.calls.push_back(std::move(calls));
  into.events.push_back({.route = fmt::format("{} -> {}", kBus, kSink),
                         .sent = published.int_or("sent", 0),
                         .received = sunk.int_or("received", 0),
                         .doubled = sunk.int_or("doubled", 0),
                         .reordered = sunk.int_or("reordered", 0)});
  if (!options_.landing || options_.landing->file.empty()) return;
  const Instant then = os::now() + nanos_from_ms(kLoadEndMs);
  Events events = landed(*options_.landing, fed);
  while (events.received < events.sent && os::now() < then) {
    pause();
    events = landed(*options_.landing, fed);
  }
  into.events.push_back(std::move(events));
}

}  // namespace rtt::chaos
