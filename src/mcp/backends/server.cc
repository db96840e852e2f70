// SPDX-License-Identifier: Apache-2.0
#include "mcp/backends/server.h"

#include <algorithm>
#include <utility>

namespace rtt::mcp {
namespace {

int rank(const Backend& backend) {
  switch (backend.state()) {
    case BackendState::kReady:
      return 3;
    case BackendState::kStarting:
      return 2;
    case BackendState::kNeedsLogin:
    case BackendState::kFailed:
      return 1;
    case BackendState::kStopped:
      break;
  }
  return 0;
}

}  // namespace

Server::Server(os::Loop& loop, std::shared_ptr<const PinnedServer> pins, registry::Workspace workspace,
               WriteBatch& writes, std::shared_ptr<CodeDigests> digests, Events events)
    : loop_(loop),
      pins_(std::move(pins)),
      workspace_(std::move(workspace)),
      writes_(writes),
      digests_(std::move(digests)),
      events_(std::move(events)) {
  common_ = make({.owner = this});
}

std::unique_ptr<Backend> Server::make(BackendProfile profile) {
  profile.record = record_;
  profile.digests = digests_;
  auto backend = std::make_unique<Backend>(loop_, pins_, workspace_, std::move(profile));
  backend->write_together(writes_);
  return backend;
}

Backend& Server::common() { return *common_; }

Backend& Server::of(Client& client) {
  if (pins_->config.instances != Instances::kSession) return *common_;
  std::unique_ptr<Backend>& own = own_[&client];
  if (!own) {
    own = make({.client_capabilities = client.capabilities(),
                .owner = this,
                .client = &client,
                .stops_idle = false,
                .surroundings = client.options().surroundings});
    if (!client.log_level().empty()) own->set_log_level(client.log_level());
  }
  return *own;
}

Backend* Server::running_of(const Client& client) const {
  if (pins_->config.instances != Instances::kSession) return common_.get();
  const auto at = own_.find(&client);
  return at == own_.end() ? nullptr : at->second.get();
}

void Server::client_gone(const Client& client) {
  const auto at = own_.find(&client);
  if (at == own_.end()) return;
  std::unique_ptr<Backend> own = std::move(at->second);
  own_.erase(at);
  own->leave_client();
  retire(std::move(own));
}

void Server::retire(std::unique_ptr<Backend> backend) {
  retired_.push_back(std::move(backend));
  Backend* const gone = retired_.back().get();
  gone->stop([this, gone, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    std::erase_if(retired_, [gone](const auto& held) { return held.get() == gone; });
    if (retired_.empty() && on_stopped_) std::exchange(on_stopped_, nullptr)();
  });
}

std::vector<Backend*> Server::all() const {
  std::vector<Backend*> out{common_.get()};
  for (const auto& [client, backend] : own_) out.push_back(backend.get());
  return out;
}

void Server::set_pins(std::shared_ptr<const PinnedServer> pins) {
  pins_ = std::move(pins);
  for (Backend* const backend : all()) backend->set_pins(pins_);
}

void Server::restart() {
  for (Backend* const backend : all()) backend->restart();
}

void Server::stop(const std::function<void()>& done) {
  on_stopped_ = done;
  for (auto& [client, backend] : std::exchange(own_, {})) {
    backend->leave_client();
    retire(std::move(backend));
  }
  retire(std::exchange(common_, make({.owner = this})));
}

void Server::on_backend_notice(Backend& backend, std::string_view method, std::string_view params) {
  if (is_common(backend)) return events_.on_notice(*this, method, params);
  for (const auto& [client, own] : own_) {
    if (own.get() == &backend) return client->on_notice(backend, method, params);
  }
}

void Server::on_backend_breaker(Backend& backend) {
  if (is_common(backend)) return events_.on_breaker(*this, nullptr);
  for (const auto& [client, own] : own_) {
    if (own.get() == &backend) return events_.on_breaker(*this, client);
  }
}

text::Json Server::health() const {
  const std::vector<Backend*> backends = all();
  // The row of the one that is furthest, with what concerns all of them.
  const auto best = std::ranges::max_element(
      backends, [](const Backend* a, const Backend* b) { return rank(*a) < rank(*b); });
  text::Json row = (*best)->health();
  std::int64_t instances = 0, in_flight = 0, junk = 0, stray = 0;
  for (const Backend* backend : backends) {
    const text::Json one = backend->health();
    instances += one.int_or("instances", 0);
    in_flight += one.int_or("in_flight", 0);
    junk += one.int_or("junk_lines", 0);
    stray += one.int_or("stray_replies", 0);
    if (const auto since = one.string_or("unknown_since"); !since.empty()) {
      if (row.string_or("state") == "ready") row.set("state", "unknown");
      row.set("unknown_since", since);
    }
  }
  row.set("instances", instances);
  row.set("in_flight", in_flight);
  row.set("junk_lines", junk);
  row.set("stray_replies", stray);
  return row;
}

}  // namespace rtt::mcp
