// SPDX-License-Identifier: Apache-2.0
#include "mcp/backends/code_watch.h"

#include <utility>

namespace rtt::mcp {

struct CodeWatch::Look {
  CodeReader reader;
  const registry::Workspace& workspace;
  std::string ns;
  text::Json package;  // as accepted
  Digest pin;
  std::optional<CodeRecord> record;
  Moment moment;
  std::function<void()> done;
};

CodeWatch::CodeWatch(os::Loop& loop, std::shared_ptr<CodeDigests> known)
    : loop_(loop), known_(known ? std::move(known) : std::make_shared<CodeDigests>()) {}
CodeWatch::~CodeWatch() = default;

void CodeWatch::drop() { look_.reset(); }

void CodeWatch::look(const PinnedServer& pins, const registry::Workspace& workspace,
                     const SecretValues& fresh, const Surroundings* client, Moment moment,
                     std::function<void()> done) {
  changes_.clear();
  digest_.reset();
  whole_ = true;
  // RTT's own tools and a server that is just being imported have no contract that anybody accepted.
  if (pins.config.transport != "stdio" || pins.hash == Digest{}) return done();
  auto launch = resolve_launch(pins.config, workspace, fresh, client);
  if (!launch) return done();  // the start says why
  launch->options.directory = std::move(launch->base);
  auto record = read_code_record(workspace, pins.ns());
  if (record) known_->know(record->code);
  look_.reset(new Look{.reader = CodeReader(std::move(launch->options), *known_),
                       .workspace = workspace,
                       .ns = pins.ns(),
                       .package = pins.info.package,
                       .pin = code_pin(pins.config, pins.info),
                       .record = std::move(record),
                       .moment = moment,
                       .done = std::move(done)});
  step();
}

void CodeWatch::step() {
  if (!look_->reader.step()) return finish();
  loop_.post([this, look = std::weak_ptr(look_)] {
    if (!look.expired()) step();
  });
}

void CodeWatch::finish() {
  const std::shared_ptr<Look> look = std::exchange(look_, nullptr);
  CodeIdentity live = look->reader.take();
  whole_ = live.whole;
  digest_ = live.digest();
  changes_ = compare_package(look->package, live.package);
  const bool taken_down = look->record && look->record->pin == look->pin;
  if (taken_down) {
    for (PinChange& change : compare_code(look->record->code, live)) {
      // What npx has yet to bring is looked for once it runs.
      if (whole_ || look->moment == Moment::kRunning || change.after) changes_.push_back(std::move(change));
    }
  }
  const bool as_known = taken_down && look->record->code.parts == live.parts;
  if (changes_.empty() && whole_ && !as_known) {
    // Without the record the next start takes it down: nothing that is accepted changes by it.
    (void)write_code_record(look->workspace, look->ns, {.pin = look->pin, .code = std::move(live)});
  }
  if (look->moment == Moment::kRunning) whole_ = true;
  look->done();
}

}  // namespace rtt::mcp
