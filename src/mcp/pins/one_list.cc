// SPDX-License-Identifier: Apache-2.0
#include "mcp/pins/one_list.h"

#include <utility>

#include "os/clock.h"

namespace rtt::mcp {

OneList::OneList(os::Loop& loop, Options options, std::function<void(Answer)> done)
    : loop_(loop),
      done_(std::move(done)),
      deadline_(os::now() + nanos_from_ms(options.deadline_ms)),
      backend_(loop, std::move(options.pins), std::move(options.workspace),
               BackendProfile{.fresh = std::move(options.fresh),
                              .client_capabilities = capabilities_of(options.client)}) {
  ask("");
}

void OneList::ask(std::string method) {
  auto ticket = backend_.call({.method = std::move(method), .deadline = deadline_, .user = this});
  if (!ticket) on_backend_failure(0, ticket.error());
}

void OneList::on_backend_reply(std::uint64_t, act::Reply::Kind, std::string_view) {
  // Servers that add tools once they know their client say so (list_changed) before they answer a ping.
  if (round_ == 0 || (backend_.live()->listing() && round_ < kSettleRounds)) {
    ++round_;
    return ask("ping");
  }
  answer_.info = backend_.live()->info();
  answer_.definitions = backend_.live()->definitions();
  finish();
}

void OneList::on_backend_failure(std::uint64_t, const Error& why) {
  if (round_ > 0 && backend_.live() != nullptr) {  // it does not answer ping; its lists are there
    round_ = kSettleRounds;
    return on_backend_reply(0, act::Reply::Kind::kError, {});
  }
  answer_.error = why;
  answer_.log = backend_.log();
  finish();
}

void OneList::finish() {
  loop_.post([this, alive = std::weak_ptr(alive_)] {  // not from inside a call of the backend's
    if (alive.expired()) return;
    backend_.stop([this, still = std::weak_ptr(alive_)] {
      if (still.expired()) return;
      loop_.post([this, again = still] {
        if (again.expired()) return;
        const auto done = std::exchange(done_, nullptr);
        if (done) done(std::move(answer_));
      });
    });
  });
}

}  // namespace rtt::mcp
