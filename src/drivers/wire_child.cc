// SPDX-License-Identifier: Apache-2.0
#include "drivers/wire_child.h"

#include <array>

#include "model/limits.h"
#include "os/pipe.h"

namespace rtt::drivers {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10;
constexpr Nanos kEndGrace = nanos_from_ms(250);  // from a closed output to giving the child up
constexpr int kReadsPerRound = 8;                // then other descriptors get their turn

std::string ending(const std::optional<os::ExitState>& exit) {
  if (!exit) return "closed its output";
  if (exit->signal != 0) return "was ended by signal " + std::to_string(exit->signal);
  return "ended with exit code " + std::to_string(exit->code);
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

}  // namespace

os::SpawnOptions spawn_options(const model::Connector& connector, const std::string& folder,
                               const std::string& root) {
  os::SpawnOptions options;
  for (const std::string& word : connector.exec) {
    options.argv.push_back(replaced(replaced(word, "${workspace}", root), "${driver}", folder));
  }
  std::string& program = options.argv.front();
  if (!program.starts_with('/') && program.contains('/')) program = folder + "/" + program;
  options.env = os::own_environment();
  for (const auto& [key, value] : connector.env) {
    std::erase_if(options.env, [&](const auto& entry) { return entry.first == key; });
    options.env.emplace_back(key, value);
  }
  options.directory = folder;
  return options;
}

os::SpawnOptions native_options(const model::Connector& connector, const std::string& folder,
                                const std::string& root, const std::vector<std::string>& symbols) {
  os::SpawnOptions options = spawn_options(connector, folder, root);
  const auto say = [&](std::string_view key, std::string value) {
    std::erase_if(options.env, [&](const auto& entry) { return entry.first == key; });
    options.env.emplace_back(key, std::move(value));
  };
  std::string list;
  for (const std::string& symbol : symbols) list += (list.empty() ? "" : " ") + symbol;
  say("RTT_WORKSPACE", root);
  say("RTT_SYMBOLS", std::move(list));
  return options;
}

WireChild::WireChild(os::Loop& loop, Events events)
    : loop_(loop),
      events_(std::move(events)),
      reader_(limits::kDriverLineBytesMax),
      outbox_(limits::kDriverQueueBytesMax) {}

WireChild::~WireChild() {
  forget();
  if (child_.running()) child_.kill();
}

Result<std::unique_ptr<WireChild>> WireChild::start(os::Loop& loop, const os::SpawnOptions& options,
                                                    Events events) {
  auto self = std::unique_ptr<WireChild>(new WireChild(loop, std::move(events)));
  WireChild* const raw = self.get();
  RTT_TRY_SET(self->child_, os::spawn(options));
  RTT_TRY(loop.watch(raw->child_.out.get(), os::kReadable, [raw](std::uint32_t) { raw->read_output(); }));
  RTT_TRY(loop.watch(raw->child_.err.get(), os::kReadable, [raw](std::uint32_t) { raw->read_errors(); }));
  RTT_TRY(loop.watch(raw->child_.pidfd(), os::kReadable, [raw](std::uint32_t) { raw->child_ended(); }));
  return self;
}

void WireChild::forget() {
  loop_.cancel(end_timer_);
  for (const int fd : {child_.in.get(), child_.out.get(), child_.err.get(), child_.pidfd()}) {
    if (fd >= 0 && loop_.watching(fd)) loop_.unwatch(fd);
  }
}

Status WireChild::write(std::string_view line) {
  if (!child_.in.valid() || closing_) return fail(Code::kLost, "the driver's input is closed");
  if (Status written = outbox_.write(child_.in.get(), line); !written) {
    if (written.error().code == Code::kLimit) written.error().code = Code::kBusy;
    return written;
  }
  watch_input();
  return {};
}

void WireChild::watch_input() {
  if (!child_.in.valid()) return;
  const bool watching = loop_.watching(child_.in.get());
  if (outbox_.empty() != watching) return;
  if (watching) {
    loop_.unwatch(child_.in.get());
  } else if (!loop_.watch(child_.in.get(), os::kWritable, [this](std::uint32_t) { flush(); })) {
    outbox_.clear();  // out of descriptors: the child will be found silent
  }
}

void WireChild::flush() {
  if (!outbox_.flush(child_.in.get())) outbox_.clear();  // its end is noticed by its pidfd
  watch_input();
  if (closing_ && outbox_.empty()) child_.in.reset();
}

void WireChild::close_input() {
  closing_ = true;
  if (outbox_.empty()) {
    if (child_.in.valid() && loop_.watching(child_.in.get())) loop_.unwatch(child_.in.get());
    child_.in.reset();
  }
}

void WireChild::read_output() {
  const std::weak_ptr<int> alive = alive_;
  for (int round = 0; round < kReadsPerRound; ++round) {
    std::array<std::byte, kReadBytes> buffer{};
    const auto got = os::read_nowait(child_.out.get(), buffer);
    if (got && got->would_block) return;
    if (!got || got->closed) {
      loop_.unwatch(child_.out.get());
      child_.out.reset();
      const auto exit = child_.poll();
      if (exit) return end({Code::kLost, "the driver " + ending(exit), {}, {}, {}});
      // Its exit code comes a moment later; one that lives on without an output is given up.
      end_timer_ =
          loop_.after(kEndGrace, [this] { end({Code::kLost, "the driver closed its output", {}, {}, {}}); });
      return;
    }
    reader_.feed(as_text(ByteView(buffer).first(got->bytes)));
    take_lines();
    if (alive.expired()) return;
  }
}

void WireChild::take_lines() {
  const std::weak_ptr<int> alive = alive_;
  while (const auto item = reader_.next()) {
    if (item->kind == text::LineReader::Kind::kTooLong) {
      events_.on_overlong();
    } else {
      events_.on_line(item->line);
    }
    if (alive.expired()) return;
  }
}

void WireChild::read_errors() {
  std::array<std::byte, kReadBytes> buffer{};
  const auto got = os::read_nowait(child_.err.get(), buffer);
  if (got && got->would_block) return;
  if (!got || got->closed) {
    loop_.unwatch(child_.err.get());
    child_.err.reset();
    return;
  }
  const std::size_t room = limits::kServerLogBytesMax - stderr_bytes_;
  const std::size_t shown = std::min(room, got->bytes);
  stderr_bytes_ += shown;
  if (shown > 0) events_.on_stderr(as_text(ByteView(buffer).first(shown)));
}

// What it wrote before it ended still counts, as far as one read goes.
void WireChild::child_ended() {
  const auto exit = child_.poll();
  if (!exit) return;
  loop_.unwatch(child_.pidfd());
  const std::weak_ptr<int> alive = alive_;
  if (child_.err.valid()) read_errors();
  if (child_.out.valid()) read_output();
  if (alive.expired() || !events_.on_ended) return;
  end({Code::kLost, "the driver " + ending(exit), {}, {}, {}});
}

void WireChild::end(const Error& why) {
  forget();
  const auto ended = std::exchange(events_.on_ended, nullptr);
  if (ended) ended(why);
}

}  // namespace rtt::drivers
