// SPDX-License-Identifier: Apache-2.0
#include "chaos/load_end.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <sstream>

#include "chaos/schedule.h"
#include "endpoint/attachment.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/loop.h"
#include "os/pipe.h"
#include "os/process.h"
#include "os/terminal.h"

namespace rtt::chaos {
namespace {

using text::Json;

constexpr int kStdin = 0;

ByteView bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
std::string text_of(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// What an end is and does; the process around it is the same for all.
class Role {
 public:
  virtual ~Role() = default;
  virtual void begin() = 0;
  virtual void go() {}  // what it waited for is there
  virtual void arrived(const endpoint::Arrival& arrival) = 0;
  virtual void stop() = 0;  // nothing more is begun
  [[nodiscard]] virtual bool done() const = 0;
  [[nodiscard]] virtual Json counts() const = 0;
};

struct Place {
  os::Loop& loop;
  endpoint::Board& board;
  LoadEndOptions options;
};

// All that this process may write of the memory it shares.
void scribble(std::uint64_t seed) {
  const auto maps = os::read_file("/proc/self/maps", std::size_t{4} << 20);
  if (!maps) return;
  std::istringstream lines(*maps);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(" rw-s ") == std::string::npos || line.find("/memfd:rtt-") == std::string::npos) continue;
    char* stop = nullptr;
    const std::uintptr_t begin = std::strtoull(line.c_str(), &stop, 16);
    const std::uintptr_t end = std::strtoull(stop + 1, nullptr, 16);
    for (std::uintptr_t at = begin; at + sizeof(std::uint64_t) <= end; at += sizeof(std::uint64_t)) {
      seed = mixed(seed);
      // A third stays as it is, so that there are whole headers with broken bodies and the other way round.
      if (seed % 3 != 0)
        std::memcpy(reinterpret_cast<void*>(at), &seed, sizeof seed);  // NOLINT(performance-no-int-to-ptr)
    }
  }
}

class Asker final : public Role {
 public:
  enum class Manner : std::uint8_t { kHonest, kHostile };
  Asker(Place place, Manner manner) : place_(std::move(place)), manner_(manner) {}

  void begin() override { next(); }
  void arrived(const endpoint::Arrival& arrival) override {
    (void)place_.board.reply(arrival.lane, arrival.id,
                             Error{.code = Code::kNoProvider, .message = "this end only asks"});
  }
  void stop() override { stopping_ = true; }
  [[nodiscard]] bool done() const override { return stopping_ && !owed_; }
  [[nodiscard]] Json counts() const override {
    return Json::object({{"answered", answered_},
                         {"asked", asked_},
                         {"late", late_},
                         {"lost", lost_},
                         {"other", other_},
                         {"wrong", wrong_}});
  }

 private:
  void later() {
    place_.loop.after(nanos_from_ms(kLoadPeriodMs), [this] { next(); });
  }
  void next() {
    if (stopping_) return;
    if (!place_.board.wired(place_.options.port)) return later();
    if (manner_ == Manner::kHostile && answered_ > 0) scribble(static_cast<std::uint64_t>(asked_ + 1));
    const std::string request = fmt::format("{{\"a\":{},\"n\":{}}}", os::own_pid(), ++asked_);
    owed_ = true;
    place_.board.call(place_.options.port, bytes_of(request), nanos_from_ms(kLoadDeadlineMs),
                      [this, request](const Result<endpoint::Board::Reply>& reply) { came(request, reply); });
  }
  void came(const std::string& request, const Result<endpoint::Board::Reply>& reply) {
    owed_ = false;
    if (reply)
      ++(text_of(reply->payload) == request ? answered_ : wrong_);
    else
      count(reply.error().code);
    later();
  }
  void count(Code code) {
    if (code == Code::kNoProvider || code == Code::kBusy)
      --asked_;  // refused here: it never was on its way
    else
      ++(code == Code::kLost ? lost_ : code == Code::kDeadline ? late_ : other_);
  }

  Place place_;
  Manner manner_;
  bool stopping_ = false, owed_ = false;
  std::int64_t asked_ = 0, answered_ = 0, wrong_ = 0, lost_ = 0, late_ = 0, other_ = 0;
};

// Counts numbers per sender: both an answerer and a sink.
class Numbers {
 public:
  void take(const Json& message) {
    const std::string who = fmt::format("{}", message.int_or("a", 0));
    if (senders_.size() >= kAskersMax && !senders_.contains(who)) return;
    const std::int64_t n = message.int_or("n", 0);
    Sender& sender = senders_[who];
    ++sender.received;
    if (n == sender.last) ++sender.doubled;
    if (n < sender.last) ++sender.reordered;
    sender.last = std::max(sender.last, n);
  }
  // By sender's process, since a hostile one's numbers are nobody's promise.
  [[nodiscard]] Json counts() const {
    Json out = text::JsonObject{};
    for (const auto& [who, sender] : senders_) {
      out.set(who, Json::object({{"doubled", sender.doubled},
                                 {"received", sender.received},
                                 {"reordered", sender.reordered}}));
    }
    return out;
  }

 private:
  struct Sender {
    std::int64_t last = 0, received = 0, doubled = 0, reordered = 0;
  };
  std::map<std::string, Sender> senders_;
};

class Answerer final : public Role {
 public:
  explicit Answerer(Place place) : place_(std::move(place)) {}
  void begin() override {}
  void arrived(const endpoint::Arrival& arrival) override {
    const std::string text = text_of(arrival.payload);
    if (const auto message = text::parse_json(text)) numbers_.take(*message);
    (void)place_.board.reply(arrival.lane, arrival.id, arrival.payload);
  }
  void stop() override { stopped_ = true; }
  [[nodiscard]] bool done() const override { return stopped_; }
  [[nodiscard]] Json counts() const override { return numbers_.counts(); }

 private:
  Place place_;
  Numbers numbers_;
  bool stopped_ = false;
};

// Its last message says that it is the last. A feeder is one whose messages go on behind the one who hears
// them, over routes that it cannot see: it begins when it is told that they are up.
class Publisher final : public Role {
 public:
  enum class Begins : std::uint8_t { kAtOnce, kWhenTold };
  Publisher(Place place, Begins begins) : place_(std::move(place)), begins_(begins) {}
  void begin() override {
    if (begins_ == Begins::kAtOnce) go();
  }
  void go() override {
    if (!std::exchange(begun_, true)) next();
  }
  void arrived(const endpoint::Arrival&) override {}
  void stop() override {
    stopping_ = true;
    ended_ = ended_ || !begun_;
  }
  // What waits for room when the process ends is lost, and was counted as sent.
  [[nodiscard]] bool done() const override { return ended_ && place_.board.queued_bytes() == 0; }
  [[nodiscard]] Json counts() const override {
    return Json::object({{"dropped", dropped_}, {"sent", sent_}});
  }

 private:
  void next() {
    const bool last = stopping_;
    const std::string event =
        fmt::format("{{\"a\":{},\"last\":{},\"n\":{}}}", os::own_pid(), last, sent_ + 1);
    if (const auto done = place_.board.publish({}, bytes_of(event))) {
      sent_ += static_cast<std::int64_t>(done->sent);
      dropped_ += static_cast<std::int64_t>(done->dropped);
      ended_ = last && done->sent > 0;
    }
    if (!ended_) place_.loop.after(nanos_from_ms(kLoadPeriodMs), [this] { next(); });
  }
  Place place_;
  Begins begins_;
  bool begun_ = false, stopping_ = false, ended_ = false;
  std::int64_t sent_ = 0, dropped_ = 0;
};

class Sink final : public Role {
 public:
  void begin() override {}
  void arrived(const endpoint::Arrival& arrival) override {
    const std::string text = text_of(arrival.payload);
    const auto message = text::parse_json(text);
    if (!message) return;
    numbers_.take(*message);
    last_came_ = last_came_ || message->bool_or("last", false);
  }
  void stop() override {}
  [[nodiscard]] bool done() const override { return last_came_; }
  [[nodiscard]] Json counts() const override { return numbers_.counts(); }

 private:
  Numbers numbers_;
  bool last_came_ = false;
};

std::unique_ptr<Role> role_of(const Place& place) {
  const std::string& role = place.options.role;
  if (role == "asker") return std::make_unique<Asker>(place, Asker::Manner::kHonest);
  if (role == "scribbler") return std::make_unique<Asker>(place, Asker::Manner::kHostile);
  if (role == "answerer") return std::make_unique<Answerer>(place);
  if (role == "publisher") return std::make_unique<Publisher>(place, Publisher::Begins::kAtOnce);
  if (role == "feeder") return std::make_unique<Publisher>(place, Publisher::Begins::kWhenTold);
  if (role == "sink") return std::make_unique<Sink>();
  return nullptr;
}

// Until the role is done, once standard input has closed; at the latest kLoadEndMs after that.
void run(os::Loop& loop, Role& role) {
  bool told = false, over = false;
  const Status watching = loop.watch(kStdin, os::kReadable, [&](std::uint32_t) {
    std::array<std::byte, 64> some;  // NOLINT(*-member-init): written before it is read
    const auto got = os::read_nowait(kStdin, some);
    if (got && !got->closed) {
      if (got->bytes > 0) role.go();
      return;
    }
    loop.unwatch(kStdin);
    told = true;
    role.stop();
    loop.after(nanos_from_ms(kLoadEndMs), [&over] { over = true; });
  });
  if (!watching) return;
  role.begin();
  while (!over && !(told && role.done())) loop.run_once(nanos_from_ms(kLoadPeriodMs));
}

}  // namespace

int load_end_main(const registry::Workspace& workspace, const LoadEndOptions& options) {
  os::harden_self();
  os::ignore_broken_pipes();
  auto loop = os::Loop::create();
  if (!loop) return 1;
  std::unique_ptr<Role> role;
  std::unique_ptr<endpoint::Attachment> attachment;
  endpoint::Board board(
      **loop,
      [&role](const endpoint::Arrival& arrival) {
        if (role) role->arrived(arrival);
      },
      [&attachment](const endpoint::Board::Gone& gone) {
        if (attachment) attachment->gone(gone);
      });
  role = role_of({.loop = **loop, .board = board, .options = options});
  if (!role) {
    os::write_err(fmt::format("no end of a load is called {}\n", options.role));
    return 1;
  }
  attachment = endpoint::Attachment::start(
      **loop, {.sockets_dir = workspace.sockets(), .symbols = {options.symbol}, .client_name = "rtt chaos"},
      [&board](const std::function<void(endpoint::Board&)>& task) { task(board); }, board.bell(),
      [](const std::vector<std::string>&) {}, [](const Error&) {});
  run(**loop, *role);
  os::write_out(text::to_json(role->counts()) + "\n");
  attachment.reset();
  return 0;
}

}  // namespace rtt::chaos
