// SPDX-License-Identifier: Apache-2.0
#include "actors.h"

#include <fmt/format.h>

namespace rtt::sim {
namespace {

constexpr Nanos kAskEvery = nanos_from_ms(120);
constexpr std::int64_t kIdleMs = 3'600'000;  // no panel of a run ends for want of use

}  // namespace

Process::Process(Nature& the_nature, std::string the_name)
    : Process(the_nature, std::move(the_name), the_nature.born()) {}
Process::Process(Nature& the_nature, std::string the_name, int the_pid)
    : nature(the_nature), name(std::move(the_name)), pid(the_pid), loop(os::Loop::create().value()) {
  const auto call = [this](std::uint32_t) { called = true; };
  RTT_ASSERT(nature.waiting->watch(loop->fd(), os::kReadable, call).has_value());
}
Process::~Process() {
  end_loop();
  nature.died(pid, ended_as);
}
void Process::end_loop() {
  if (!loop) return;
  nature.waiting->unwatch(loop->fd());
  loop.reset();
}
bool Process::has_work() const {
  const std::optional<Instant> timer = loop->next_timer();
  return called || (timer && *timer <= nature.time);
}

PanelProcess::PanelProcess(Nature& the_nature, const Stage& stage) : Process(the_nature, "panel") {
  nature.at_the_door.clear();
  nature.panel = nature.running = pid;
  started = panel::Panel::start(*loop, stage.workspace, {.idle_after = nanos_from_ms(kIdleMs)});
}
PanelProcess::~PanelProcess() {
  started = fail(Code::kLost, "ended");
  end_loop();
}

EndProcess::EndProcess(Nature& the_nature, const Stage& stage, const Program& the_program)
    : Process(the_nature, the_program.name), program(the_program), ports(stage.ports) {
  nature.running = pid;
  board = std::make_unique<endpoint::Board>(
      *loop,
      [this](const endpoint::Arrival& arrival) {
        if (answers_badly) {
          (void)board->reply(arrival.lane, arrival.id, Error{Code::kDriverFailed, "badly", {}, {}});
          return;
        }
        const std::string text = name + " " + std::string(as_text(arrival.payload));
        (void)board->reply(arrival.lane, arrival.id, as_bytes(text));
      },
      [this](const endpoint::Board::Gone& gone) { attachment->gone(gone); });
  attachment = endpoint::Attachment::start(
      *loop, {.sockets_dir = stage.door(name), .symbols = program.symbols, .client_name = name},
      [this](const std::function<void(endpoint::Board&)>& task) { task(*board); }, board->bell(),
      [](const auto&) {}, [](const Error&) {});
  if (program.asks) ask_on();
}
EndProcess::~EndProcess() {
  attachment.reset();
  board.reset();
  end_loop();
}

void EndProcess::ask_on() {
  (void)loop->after(kAskEvery, [this] { ask_on(); });
  if (!asking) return;
  for (const std::string& port : ports) {
    if (!board->wired(port)) continue;
    const std::string text = fmt::format("{} {}", port, ++asked);
    (void)board->call(port, as_bytes(text), nanos_from_ms(2'000), [this, text](const auto& reply) {
      if (!reply) {
        ++failed;
        return;
      }
      ++answered;
      const std::string said(as_text(reply->payload));
      if (said != "old " + text && said != "new " + text && said != "host " + text)
        wrong_answer = fmt::format("`{}` was answered by `{}`", text, said);
    });
  }
}

ClientProcess::ClientProcess(Nature& the_nature, const Stage& stage, std::string the_name)
    : Process(the_nature, std::move(the_name)), door_(stage.door(name)) {}
ClientProcess::~ClientProcess() {
  if (peer_) peer_->close();
  peer_.reset();
  end_loop();
}

void ClientProcess::connect() {
  auto socket = os::connect_unix(door_, "panel.sock");
  if (!socket) return;
  peer_ = api::Peer::start(
      *loop, std::move(*socket), {.role = api::Peer::Role::kConnecting, .client_name = name},
      [](const auto&, const auto&) {}, [this](const Error&) { peer_ = nullptr; });
}

void ClientProcess::ask(std::string verb, text::Json args) {
  if (under_way_) return;
  if (!peer_) connect();
  done.push_back({.verb = verb, .args = args, .answer = std::nullopt});
  if (!peer_) {
    done.back().answer = fail(Code::kPanelDown, "no way to the panel");
    return;
  }
  under_way_ = true;
  peer_->ask(std::move(verb), args, [this](Result<api::Answer> answer) {
    under_way_ = false;
    done.back().answer = std::move(answer);
  });
}

NetworkProcess::NetworkProcess(Nature& the_nature, const Stage& stage)
    : Process(the_nature, "network"), relay(*loop, nature, stage.workspace.sockets()) {
  for (const Program& program : stage.programs)
    RTT_ASSERT(relay.open(program.name, stage.door(program.name)).has_value());
  if (stage.cast == Cast::kWithDriverHost) RTT_ASSERT(relay.open("host", stage.door("host")).has_value());
}

}  // namespace rtt::sim
