// SPDX-License-Identifier: Apache-2.0
#include "drivers/conformance.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <optional>

#include "api/server.h"
#include "drivers/wire_child.h"
#include "model/limits.h"
#include "os/clock.h"
#include "os/temp_dir.h"
#include "text/utf8.h"

namespace rtt::drivers {
namespace {

using State = CheckOutcome::State;
using Kind = WireMessage::Kind;

constexpr std::size_t kBigPayloadBytes = 512 * 1024;
constexpr std::size_t kLinesKeptMax = 4096;
constexpr Nanos kRxPause = nanos_from_ms(5);

// The scene: one child, asked one thing at a time; every line it prints is looked at.
class Scene {
 public:
  Scene(const model::Connector& connector, const ConformanceOptions& options)
      : connector_(connector), options_(options), wire_(make_wire(connector.wire)) {}

  Result<Conformance> run();

 private:
  struct Reply {
    std::optional<WireMessage> message;  // none: it did not come
    Result<WireResult> result = fail(Code::kDeadline, "no answer");
    [[nodiscard]] bool is_error(WireError::Kind kind) const {
      return message && message->kind == Kind::kError && message->error.kind == kind;
    }
  };

  void note(std::string name, State state, std::string detail = {}) {
    report_.checks.push_back({std::move(name), state, std::move(detail)});
  }
  bool expect(std::string name, const Reply& reply);
  void expect_error(std::string name, const Reply& reply, WireError::Kind kind);
  Reply ask(const WireRequest& request);
  Reply fetch(const std::string& link, WireEncoding encoding);
  bool wait(std::int64_t ms, const std::function<bool()>& until);
  void on_line(std::string_view line);
  [[nodiscard]] std::string why(const Reply& reply) const;
  [[nodiscard]] bool offers(std::string_view method) const;

  bool hello();
  void probe();
  std::string open(std::string name);
  void exchange(const std::string& link);
  void errors(const std::string& link);
  void malformed();
  void payload(std::string name, const std::string& bytes, WireEncoding encoding);
  void close(const std::string& link);
  void idle();
  void leave();

  const model::Connector& connector_;
  const ConformanceOptions& options_;
  std::unique_ptr<Wire> wire_;
  std::unique_ptr<os::Loop> loop_;
  std::unique_ptr<WireChild> child_;
  WireId next_ = 1;
  std::deque<WireMessage> replies_;
  std::vector<std::string> stray_;  // junk, unasked and doubled lines, shortened
  std::size_t events_ = 0, overlong_ = 0, lines_ = 0;
  std::optional<WireId> asked_;
  WireResult hello_;
  std::string ended_;
  Conformance report_;
};

std::string shortened(std::string_view text) {
  constexpr std::size_t kShown = 120;
  std::string out;
  for (const char c : text.substr(0, kShown)) {
    const bool plain = static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f;
    out += plain ? c : '?';
  }
  return text.size() > kShown ? out + "…" : out;
}

void Scene::on_line(std::string_view line) {
  ++lines_;
  WireMessage message = wire_->decode(line);
  const bool stray =
      message.kind == Kind::kJunk || (message.kind != Kind::kEvent && (!asked_ || message.id != *asked_));
  if (stray && stray_.size() < kLinesKeptMax) {
    stray_.push_back(fmt::format("`{}` ({})", shortened(line),
                                 message.kind == Kind::kJunk ? message.junk : "an id that nobody waits for"));
  }
  if (message.kind == Kind::kEvent) ++events_;
  if (stray || message.kind == Kind::kEvent || replies_.size() >= kLinesKeptMax) return;
  asked_.reset();  // a second answer of this id is one too many
  replies_.push_back(std::move(message));
}

bool Scene::wait(std::int64_t ms, const std::function<bool()>& until) {
  const Instant deadline = os::now() + nanos_from_ms(ms);
  while (!until()) {
    const Nanos left = deadline - os::now();
    if (left.value <= 0) return false;
    loop_->run_once(left);
  }
  return true;
}

Scene::Reply Scene::ask(const WireRequest& request) {
  Reply reply;
  const WireId id = next_++;
  auto line = wire_->encode(id, request);
  if (!line) {
    reply.result = std::unexpected(line.error());
    return reply;
  }
  replies_.clear();
  asked_ = id;
  if (!child_ || !child_->write(*line)) return reply;
  wait(kCheckWaitMs, [&] { return !replies_.empty() || !ended_.empty(); });
  asked_.reset();
  if (replies_.empty()) return reply;
  reply.message = std::move(replies_.front());
  if (reply.message->kind == Kind::kReply) reply.result = wire_->result(request, *reply.message);
  return reply;
}

std::string Scene::why(const Reply& reply) const {
  if (!reply.message && !ended_.empty()) return ended_;
  if (!reply.message) return fmt::format("no answer within {} s", kCheckWaitMs / 1000);
  if (reply.message->kind == Kind::kError) return "answered an error: " + reply.message->error.text;
  return reply.result ? std::string() : reply.result.error().message;
}

bool Scene::expect(std::string name, const Reply& reply) {
  const bool good = reply.result.has_value();
  note(std::move(name), good ? State::kPassed : State::kFailed, why(reply));
  return good;
}

void Scene::expect_error(std::string name, const Reply& reply, WireError::Kind kind) {
  if (reply.is_error(kind)) return note(std::move(name), State::kPassed);
  const bool other = reply.message && reply.message->kind == Kind::kError;
  const std::string detail = reply.result ? "answered as if all were well" : why(reply);
  note(std::move(name), State::kFailed, other ? "another error than the protocol's: " + detail : detail);
}

bool Scene::offers(std::string_view method) const {
  return std::ranges::find(hello_.methods, method) != hello_.methods.end();
}

bool Scene::hello() {
  Reply reply = ask({.verb = WireVerb::kHello});
  if (!reply.result) return expect("hello", reply);
  hello_ = std::move(*reply.result);
  report_.name = hello_.name;
  report_.language = hello_.language;
  std::string missing;
  for (const std::string_view method : {"open", "tx", "rx", "close"}) {
    if (!offers(method)) missing += (missing.empty() ? "" : ", ") + std::string(method);
  }
  if (hello_.version != kDriverProtocolVersion) {
    note("hello", State::kFailed,
         fmt::format("version {} instead of {}", hello_.version, kDriverProtocolVersion));
  } else if (!missing.empty()) {
    note("hello", State::kFailed, "does not offer " + missing);
  } else if (hello_.name != connector_.name) {
    note("hello", State::kFailed,
         fmt::format("says its name is `{}`, not `{}`", hello_.name, connector_.name));
  } else {
    note("hello", State::kPassed);
    return true;
  }
  return false;
}

void Scene::probe() {
  if (!offers("probe")) return note("probe", State::kSkipped, "not offered");
  expect("probe", ask({.verb = WireVerb::kProbe, .root = options_.workspace_root}));
}

std::string Scene::open(std::string name) {
  const Reply reply = ask({.verb = WireVerb::kOpen, .saddr = options_.saddr, .params = options_.params});
  return expect(std::move(name), reply) ? reply.result->link : std::string();
}

// An answer may take a moment: empty is asked again.
Scene::Reply Scene::fetch(const std::string& link, WireEncoding encoding) {
  const Instant deadline = os::now() + nanos_from_ms(kCheckWaitMs);
  for (;;) {
    Reply reply = ask({.verb = WireVerb::kRx, .link = link, .timeout_ms = 100, .encoding = encoding});
    if (!reply.is_error(WireError::Kind::kEmpty) || os::now() >= deadline) return reply;
    const Instant again = os::now() + kRxPause;
    while (os::now() < again) loop_->run_once(again - os::now());
  }
}

void Scene::exchange(const std::string& link) {
  expect_error("rx of nothing is empty", ask({.verb = WireVerb::kRx, .link = link}), WireError::Kind::kEmpty);
  if (!expect("tx", ask({.verb = WireVerb::kTx, .link = link, .payload = options_.payload}))) return;
  expect("rx", fetch(link, WireEncoding::kText));
  if (!offers("health")) return note("health", State::kSkipped, "not offered");
  expect("health", ask({.verb = WireVerb::kHealth, .link = link}));
}

void Scene::errors(const std::string& link) {
  // A link no driver would name by chance, in the spelling of its own.
  const bool quoted = link.starts_with('"');
  const std::string unknown =
      connector_.wire == model::DriverWire::kLine || !quoted ? "987654321" : "\"no-such-link\"";
  for (const WireVerb verb : {WireVerb::kTx, WireVerb::kRx}) {
    expect_error(fmt::format("{} of an unknown link", to_string(verb)),
                 ask({.verb = verb, .link = unknown, .payload = options_.payload}), WireError::Kind::kNoLink);
  }
}

// A line that is no request: the driver may say nothing or an error of no id, and goes on.
void Scene::malformed() {
  const std::size_t before = stray_.size();
  for (const std::string_view line : {"this is no request\n", "{\"jsonrpc\":\n", "\n"}) {
    if (!child_ || !child_->write(line)) break;  // it ended: what is asked next says so
  }
  const Reply reply = ask({.verb = WireVerb::kOpen, .saddr = options_.saddr, .params = options_.params});
  stray_.resize(std::min(stray_.size(), before));  // what it says to those lines is its own affair
  if (expect("goes on after malformed lines", reply)) {
    static_cast<void>(ask({.verb = WireVerb::kClose, .link = reply.result->link}));
  }
}

void Scene::payload(std::string name, const std::string& bytes, WireEncoding encoding) {
  const Reply opened = ask(
      {.verb = WireVerb::kOpen, .saddr = options_.saddr, .params = options_.params, .encoding = encoding});
  const bool may_refuse = encoding == WireEncoding::kBase64 && connector_.wire == model::DriverWire::kLine;
  if (may_refuse && opened.is_error(WireError::Kind::kRefused)) {
    return note(std::move(name), State::kSkipped, "refuses enc=b64");
  }
  if (!opened.result) {
    static_cast<void>(expect(std::move(name), opened));
    return;
  }
  const std::string link = opened.result->link;
  const Reply sent = ask({.verb = WireVerb::kTx, .link = link, .payload = bytes, .encoding = encoding});
  const bool judged = sent.message && sent.message->kind == Kind::kError &&
                      sent.message->error.kind == WireError::Kind::kFailed;
  if (judged) {
    note(std::move(name), State::kPassed, "answered with an error of its own");
  } else if (!sent.result) {
    expect(std::move(name), sent);
  } else {
    const Reply got = fetch(link, encoding);
    const bool own = got.message && got.message->kind == Kind::kError &&
                     got.message->error.kind == WireError::Kind::kFailed;
    note(std::move(name), got.result || own ? State::kPassed : State::kFailed, why(got));
  }
  static_cast<void>(ask({.verb = WireVerb::kClose, .link = link}));
}

void Scene::close(const std::string& link) {
  if (!expect("close", ask({.verb = WireVerb::kClose, .link = link}))) return;
  expect_error("a closed link is gone",
               ask({.verb = WireVerb::kTx, .link = link, .payload = options_.payload}),
               WireError::Kind::kNoLink);
}

void Scene::idle() {
  const std::size_t before = lines_ + overlong_;
  wait(kIdleWatchMs, [&] { return lines_ + overlong_ != before || !ended_.empty(); });
  const bool quiet = lines_ + overlong_ == before && ended_.empty();
  note("silent when idle", quiet ? State::kPassed : State::kFailed,
       quiet ? "" : "wrote to its output, or ended, while nothing was asked and no link open");
  const bool clean = stray_.empty() && overlong_ == 0;
  note("nothing but answers", clean ? State::kPassed : State::kFailed,
       clean            ? ""
       : overlong_ != 0 ? "a line over 1 MiB"
                        : "printed " + stray_.front());
}

void Scene::leave() {
  if (connector_.wire == model::DriverWire::kLine && ended_.empty()) {
    static_cast<void>(ask({.verb = WireVerb::kBye}));
  }
  if (child_) child_->close_input();
  const bool ended = wait(kCheckWaitMs, [&] { return !ended_.empty(); });
  note("ends when told", ended ? State::kPassed : State::kFailed,
       ended ? "" : fmt::format("still runs {} s after its input ended", kCheckWaitMs / 1000));
}

Result<Conformance> Scene::run() {
  RTT_TRY_SET(loop_, os::Loop::create());
  WireChild::Events events{.on_line = [this](std::string_view line) { on_line(line); },
                           .on_overlong = [this] { ++overlong_; },
                           .on_stderr = [this](std::string_view text) { report_.keep_stderr(text); },
                           .on_ended = [this](const Error& why) { ended_ = why.message; }};
  RTT_TRY_SET(child_,
              WireChild::start(*loop_, spawn_options(connector_, options_.folder, options_.workspace_root),
                               std::move(events)));
  if (hello()) {
    probe();
    if (const std::string link = open("open"); !link.empty()) {
      exchange(link);
      errors(link);
      malformed();
      payload("a payload of 512 KiB", std::string(kBigPayloadBytes, 'x'), WireEncoding::kText);
      payload("text with tabs, newlines and percents", "a\tb\r\nc 100% %09 \xc3\xa9\n", WireEncoding::kText);
      payload("binary payload", std::string("\0\xff\xfe\n\x80", 5), WireEncoding::kBase64);
      close(link);
    }
    idle();
  }
  leave();
  child_.reset();
  return std::move(report_);
}

// A native driver speaks to a panel: here to the part of one that it attaches to, in a folder of its own.
Result<Conformance> check_native(const model::Connector& connector, const ConformanceOptions& options) {
  Conformance report;
  report.name = connector.name;
  std::string said, ended;
  bool attached = false;
  RTT_TRY_SET(const os::TempDir place, os::TempDir::create());
  RTT_TRY_SET(const auto loop, os::Loop::create());
  RTT_TRY_SET(os::UnixListener listener, os::UnixListener::bind(place / ".rtt/sockets", "panel.sock"));
  const auto panel = api::Server::start(
      *loop, std::move(listener), {.generation = 1},
      [&](const auto&, const api::Request& request, const api::Responder& respond) {
        if (request.verb != "endpoint.attach")
          return respond.finish(fail(Code::kUnknownVerb, "this panel only attaches"));
        attached = true;
        text::Json symbols = text::JsonArray{};
        if (const text::Json* asked = request.args.find("symbols"); asked != nullptr && asked->is_array()) {
          for (const text::Json& symbol : asked->as_array()) {
            said += " " + shortened(symbol.is_string() ? symbol.as_string() : std::string());
            symbols.push(text::Json::object({{"saddr", symbol}}));
          }
        }
        respond.finish(api::Answer{text::Json::object({{"symbols", std::move(symbols)}}), {}, {}});
      });
  RTT_TRY_SET(
      const auto child,
      WireChild::start(*loop, native_options(connector, options.folder, place.path(), {options.saddr}),
                       {.on_line = [](std::string_view) {},
                        .on_overlong = [] {},
                        .on_stderr = [&](std::string_view text) { report.keep_stderr(text); },
                        .on_ended = [&](const Error& why) { ended = why.message; }}));
  const auto wait = [&](const auto& until, std::int64_t ms) {
    const Instant deadline = os::now() + nanos_from_ms(ms);
    while (!until() && os::now() < deadline) loop->run_once(deadline - os::now());
    return until();
  };
  const auto note = [&](std::string name, State state, std::string detail = {}) {
    report.checks.push_back({std::move(name), state, std::move(detail)});
  };
  if (!wait([&] { return attached || !ended.empty(); }, kCheckWaitMs) || !attached) {
    note("attach", State::kFailed,
         ended.empty() ? fmt::format("did not attach within {} s", kCheckWaitMs / 1000) : ended);
  } else if (said.empty()) {
    note("attach", State::kFailed, "attached as no symbol");
  } else {
    note("attach", State::kPassed, "as" + said);
    wait([&] { return !ended.empty(); }, kIdleWatchMs);
    note("stays attached", ended.empty() ? State::kPassed : State::kFailed, ended);
  }
  note("answers", State::kSkipped, "it answers on lanes: apply a route to it");
  if (ended.empty()) child->terminate();
  const bool over = wait([&] { return !ended.empty(); }, kCheckWaitMs);
  note("ends when told", over ? State::kPassed : State::kFailed,
       over ? "" : fmt::format("still runs {} s after SIGTERM", kCheckWaitMs / 1000));
  return report;
}

}  // namespace

std::string_view to_string(CheckOutcome::State state) {
  switch (state) {
    case State::kPassed:
      return "passed";
    case State::kFailed:
      return "failed";
    case State::kSkipped:
      break;
  }
  return "skipped";
}

void Conformance::keep_stderr(std::string_view text) {
  stderr_text += text;
  if (stderr_text.size() > kStderrShownMax) stderr_text.erase(0, stderr_text.size() - kStderrShownMax);
}

bool Conformance::ok() const {
  return !checks.empty() && std::ranges::none_of(checks, [](const CheckOutcome& check) {
    return check.state == State::kFailed;
  });
}

Result<Conformance> check_driver(const model::Connector& connector, const ConformanceOptions& options) {
  if (connector.wire == model::DriverWire::kNative) return check_native(connector, options);
  return Scene(connector, options).run();
}

}  // namespace rtt::drivers
