// SPDX-License-Identifier: Apache-2.0
// What a backend holds its server to: the pin, and which calls it lets pass.
#include <algorithm>
#include <utility>

#include "mcp/backends/backend.h"
#include "os/clock.h"

namespace rtt::mcp {

void Backend::set_pins(std::shared_ptr<const PinnedServer> pins) {
  const bool other_start = !(pins->config == pins_->config);
  pins_ = seen_by(std::move(pins), features_of(profile_.client_capabilities));
  if (!session_) {  // the next start looks again
    code_.drop();
    server_verdict_ = {};
    drifting_ = false;
    if (!waiting_.empty()) start_soon();
  }
  if (other_start) {
    restart();
  } else if (session_ && session_->phase() == BackendSession::Phase::kReady) {
    compare();
  }
}

void Backend::take_code_changes() {
  if (code_.changes().empty()) return;
  server_verdict_.state = PinState::kContractDrift;
  server_verdict_.changes.insert(server_verdict_.changes.begin(), code_.changes().begin(),
                                 code_.changes().end());
  drifting_ = true;
}

void Backend::compare() {
  if (!session_->lists_unknown()) {
    unknown_since_.clear();
  } else if (unknown_since_.empty()) {
    unknown_since_ = os::rfc3339(os::wall_now());
    record_->note("it says that its lists changed, and does not give them");
  }
  verdicts_ = compare_server(*pins_, session_->definitions());
  // Nothing is pinned yet while it is being imported.
  server_verdict_ =
      pins_->info == ServerInfo{} ? ServerVerdict{} : compare_info(pins_->info, session_->info());
  take_code_changes();
  drifting_ = !admit(server_verdict_, pins_->config) ||
              std::ranges::any_of(verdicts_, [this](const PinVerdict& verdict) {
                // What comes and goes with the server's data hides nothing.
                const bool goes = verdict.state == PinState::kNew || (verdict.state == PinState::kRemoved &&
                                                                      verdict.kind == ItemKind::kResource);
                return !goes && !admit(verdict, pins_->config);
              });
}

const PinVerdict* Backend::verdict_of(const BackendCall& call) const {
  const auto at = std::lower_bound(verdicts_.begin(), verdicts_.end(), call,
                                   [](const PinVerdict& v, const BackendCall& c) {
                                     return v.kind != c.kind ? v.kind < c.kind : v.key < c.item;
                                   });
  const bool found = at != verdicts_.end() && at->kind == call.kind && at->key == call.item;
  return found ? &*at : nullptr;
}

Status Backend::check_pin(const BackendCall& call) const {
  if (!call.method.empty() || !call.item.empty()) RTT_TRY(admit(server_verdict_, pins_->config));
  if (call.item.empty()) return {};
  if (!unknown_since_.empty() && pins_->config.drift == Drift::kRefuse) {
    return fail(Code::kDrift,
                "server '" + pins_->config.name +
                    "' said that its lists changed and does not give them: what " +
                    "it offers is unknown since " + unknown_since_,
                {}, "rtt mcp restart " + pins_->config.name);
  }
  if (call.pin) {  // a route's own contract, perhaps older than the snapshot's
    const Definitions& live = session_->definitions();
    const PinnedServer alone{.config = pins_->config,
                             .items = {PinnedItem{.kind = call.kind, .definition = *call.pin}}};
    for (const PinVerdict& verdict : compare_server(alone, live)) {
      if (verdict.kind != call.kind || verdict.key != call.item) continue;
      Status admitted = admit(verdict, pins_->config);
      const PinVerdict* const in_force = verdict_of(call);
      if (!admitted && in_force && in_force->state == PinState::kSame) {
        Error why = std::move(admitted).error().in("the route was planned for an earlier definition");
        why.hint = "rtt plan, then rtt apply";
        return std::unexpected(std::move(why));
      }
      return admitted;
    }
    return {};
  }
  const PinVerdict* const at = verdict_of(call);
  if (at == nullptr) {
    return fail(Code::kUnknownTool, "server '" + pins_->config.name + "' has no " +
                                        std::string(to_string(call.kind)) + " '" + call.item + "'");
  }
  // Resources come and go with the server's data; whether one is there, only the server knows.
  if (at->state == PinState::kRemoved && at->kind == ItemKind::kResource) return {};
  return admit(*at, pins_->config);
}

}  // namespace rtt::mcp
