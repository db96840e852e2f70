// SPDX-License-Identifier: Apache-2.0
#include "endpoint/attachment.h"

#include "os/clock.h"
#include "os/unix_socket.h"

namespace rtt::endpoint {
namespace {

using text::Json;

constexpr Nanos kFirstRetry = nanos_from_ms(20);
constexpr Nanos kLongestRetry = nanos_from_ms(1000);

}  // namespace

struct Attachment::State {
  State(os::Loop& the_loop, Options the_options, Desk::OnBoard on_board, const os::Fd& bell)
      : loop(the_loop), options(std::move(the_options)), desk(the_loop, std::move(on_board), bell, nullptr) {}

  void connect();
  void retry();
  void introduce();

  os::Loop& loop;
  Options options;
  Desk desk;
  OnAttached on_attached;
  OnRefused on_refused;
  std::shared_ptr<api::Peer> panel;
  bool attached = false;
  Nanos retry_delay = kFirstRetry;
  os::Loop::TimerId retry_timer = 0;
};

Attachment::Attachment() = default;
Attachment::~Attachment() {
  if (state_->retry_timer != 0) state_->loop.cancel(state_->retry_timer);
  if (state_->panel) state_->panel->close();
}

std::unique_ptr<Attachment> Attachment::start(os::Loop& loop, Options options, Desk::OnBoard on_board,
                                              const os::Fd& bell, OnAttached on_attached,
                                              OnRefused on_refused) {
  RTT_ASSERT(!options.symbols.empty() && options.symbols.size() <= kSymbolsMax);
  std::unique_ptr<Attachment> attachment(new Attachment);
  attachment->state_ = std::make_unique<State>(loop, std::move(options), std::move(on_board), bell);
  State& state = *attachment->state_;
  state.on_attached = std::move(on_attached);
  state.on_refused = std::move(on_refused);
  state.connect();
  return attachment;
}

void Attachment::State::connect() {
  retry_timer = 0;
  auto socket = os::connect_unix(options.sockets_dir, "panel.sock");
  if (!socket) return retry();
  panel = api::Peer::start(
      loop, std::move(*socket), {.role = api::Peer::Role::kConnecting, .client_name = options.client_name},
      [this](api::Request request, api::Responder respond) {
        if (desk.handle(request, respond)) return;
        respond.finish(fail(Code::kUnknownVerb, "an endpoint has no `" + request.verb + "`"));
      },
      [this](const Error&) {
        panel = nullptr;
        attached = false;
        desk.disconnected();
        retry();
      });
  introduce();
}

void Attachment::State::retry() {
  if (retry_timer != 0) return;
  retry_timer = loop.after(retry_delay, [this] { connect(); });
  retry_delay = std::min(Nanos{retry_delay.value * 2}, kLongestRetry);
}

void Attachment::State::introduce() {
  Json symbols = text::JsonArray{};
  for (const std::string& symbol : options.symbols) symbols.push(symbol);
  panel->ask("endpoint.attach", Json::object({{"lanes", desk.lanes()}, {"symbols", std::move(symbols)}}),
             [this](const Result<api::Answer>& answer) {
               if (!answer) {
                 // The connection's own end reports itself; a refusal leaves it open, so it is closed here.
                 if (answer.error().code != Code::kLost) on_refused(answer.error());
                 if (panel) std::exchange(panel, nullptr)->close();
                 return retry();
               }
               attached = true;
               retry_delay = kFirstRetry;
               desk.connected(panel);
               std::vector<std::string> accepted;
               if (const Json* list = answer->body.find("symbols"); list != nullptr && list->is_array()) {
                 for (const Json& symbol : list->as_array()) accepted.emplace_back(symbol.string_or("saddr"));
               }
               on_attached(accepted);
             });
}

void Attachment::gone(const Board::Gone& gone) {
  auto report = state_->desk.gone(gone);
  if (report && state_->attached) state_->panel->ask("endpoint.gone", *report, [](const auto&) {});
}

bool Attachment::attached() const { return state_->attached; }

}  // namespace rtt::endpoint
