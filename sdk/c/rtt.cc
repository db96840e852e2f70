// SPDX-License-Identifier: Apache-2.0
// The C face of endpoint/: a data loop on the caller's thread, a control thread for the panel.
#include "rtt.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>

#include "endpoint/attachment.h"
#include "endpoint/board.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/loop.h"
#include "os/process.h"

namespace {

using namespace rtt;

constexpr std::int64_t kAttachMs = 10'000;
constexpr Nanos kForEver{-1};
// Less than a wake through the kernel costs across cores (8 µs) three times over: who answers at once is met
// awake.
constexpr Nanos kSpin{20'000};

void copy_text(char* into, std::size_t room, std::string_view text) {
  const std::size_t length = std::min(room - 1, text.size());
  std::memcpy(into, text.data(), length);
  into[length] = '\0';
}

int report(rtt_error* error, const Error& why) {
  if (error != nullptr) {
    error->code = static_cast<int>(why.code);
    std::string message = why.message;
    if (!why.where.empty()) message += " (" + why.where + ")";
    copy_text(error->message, sizeof error->message, message);
    copy_text(error->hint, sizeof error->hint, why.hint);
  }
  return static_cast<int>(why.code);
}

ByteView bytes_of(const void* data, std::size_t bytes) {
  return {static_cast<const std::byte*>(data), bytes};
}

Nanos left_until(const std::optional<Instant>& deadline) {
  return deadline ? std::max(Nanos{0}, *deadline - os::now()) : kForEver;
}

// Copies that the other end is to have.
Result<std::vector<os::Fd>> copies_of(const int* fds, std::size_t count) {
  if (count > RTT_FDS_MAX) return fail(Code::kBadArgument, "a message carries at most 8 descriptors");
  std::vector<os::Fd> copies;
  for (std::size_t i = 0; i < count; ++i) {
    os::Fd theirs(fds[i]);
    auto copy = theirs.duplicate();
    (void)theirs.release();
    if (!copy) return std::unexpected(std::move(copy).error());
    copies.push_back(std::move(*copy));
  }
  return copies;
}

// The nearest folder upward that is a workspace.
std::string sockets_of(std::string folder) {
  char* resolved = ::realpath(folder.c_str(), nullptr);
  if (resolved == nullptr) return {};
  folder = resolved;
  std::free(resolved);
  for (;;) {  // ends at the root
    const std::string sockets = folder + "/.rtt/sockets";
    if (os::exists(folder + "/.rtt")) return sockets;
    const std::size_t slash = folder.rfind('/');
    if (slash == std::string::npos || slash == 0) return {};
    folder.resize(slash);
  }
}

}  // namespace

struct rtt_endpoint {
  std::unique_ptr<os::Loop> data, control;
  std::unique_ptr<endpoint::Board> board;
  std::unique_ptr<endpoint::Attachment> attachment;  // the control thread's
  std::thread thread;
  std::atomic<bool> stopping = false;
  rtt_handler handler = nullptr;
  void* context = nullptr;
  std::uint64_t arrivals = 0;

  std::mutex mutex;
  std::condition_variable changed;
  bool attached = false;         // under mutex
  std::optional<Error> refused;  // under mutex: the last refusal

  void arrived(const endpoint::Arrival& arrival) {
    ++arrivals;
    if (handler == nullptr) {
      (void)board->reply(arrival.lane, arrival.id,
                         Error{.code = Code::kNoProvider, .message = "this endpoint serves nothing"});
      return;
    }
    const model::Route& route = arrival.binding->route;
    const std::string from = model::identity(route.from), to = model::identity(route.to);
    std::array<int, RTT_FDS_MAX> fds{};
    RTT_ASSERT(arrival.fds.size() <= fds.size());
    for (std::size_t i = 0; i < arrival.fds.size(); ++i) fds[i] = arrival.fds[i].get();
    const rtt_message message{.data = arrival.payload.data(),
                              .bytes = arrival.payload.size(),
                              .from = from.c_str(),
                              .to = to.c_str(),
                              .fds = fds.data(),
                              .fd_count = arrival.fds.size(),
                              .lane = arrival.lane,
                              .id = arrival.id,
                              .wants_reply = route.route_class == model::RouteClass::kReq ? 1 : 0};
    handler(context, this, &message);
  }

  void run_control(const std::string& sockets, const std::vector<std::string>& symbols) {
    attachment = endpoint::Attachment::start(
        *control, {.sockets_dir = sockets, .symbols = symbols, .client_name = "librtt"},
        [this](std::function<void(endpoint::Board&)> task) {
          data->post([this, task = std::move(task)] { task(*board); });
        },
        board->bell(),
        [this](const std::vector<std::string>&) {
          const std::lock_guard lock(mutex);
          attached = true;
          refused.reset();
          changed.notify_all();
        },
        [this](const Error& why) {
          const std::lock_guard lock(mutex);
          refused = why;
          changed.notify_all();
        });
    control->run();
    attachment.reset();
  }
};

int rtt_abi(void) { return RTT_ABI; }

rtt_endpoint* rtt_attach(const char* workspace, const char* symbols, rtt_error* error) {
  const std::string sockets = sockets_of(workspace != nullptr ? workspace : ".");
  if (sockets.empty()) {
    report(error, {.code = Code::kNoWorkspace,
                   .message = "there is no workspace at or above this folder",
                   .where = workspace != nullptr ? workspace : ".",
                   .hint = "rtt init"});
    return nullptr;
  }
  std::istringstream words(symbols != nullptr ? symbols : "");
  std::vector<std::string> list;
  for (std::string word; words >> word;) list.push_back(word);
  if (list.empty() || list.size() > endpoint::kSymbolsMax) {
    report(error,
           {.code = Code::kBadArgument, .message = "an endpoint is one symbol or several, at most 256"});
    return nullptr;
  }
  auto made = std::make_unique<rtt_endpoint>();
  auto data = os::Loop::create(), control = os::Loop::create();
  if (!data || !control) {
    report(error, data ? control.error() : data.error());
    return nullptr;
  }
  made->data = std::move(*data);
  made->control = std::move(*control);
  rtt_endpoint* const e = made.get();
  e->board = std::make_unique<endpoint::Board>(
      *e->data, [e](const endpoint::Arrival& arrival) { e->arrived(arrival); },
      [e](const endpoint::Board::Gone& gone) {
        e->control->post([e, gone] {
          if (e->attachment) e->attachment->gone(gone);
        });
      });
  e->thread = std::thread([e, sockets, list] { e->run_control(sockets, list); });
  std::unique_lock lock(e->mutex);
  e->changed.wait_for(lock, std::chrono::milliseconds(kAttachMs), [e] { return e->attached || e->refused; });
  if (e->attached) {
    lock.unlock();
    return made.release();
  }
  const Error why = e->refused.value_or(Error{.code = Code::kPanelDown,
                                              .message = "no panel answers for this workspace",
                                              .where = sockets,
                                              .hint = "rtt panel start"});
  lock.unlock();
  rtt_detach(made.release());
  report(error, why);
  return nullptr;
}

void rtt_detach(rtt_endpoint* endpoint) {
  if (endpoint == nullptr) return;
  endpoint->control->stop();
  if (endpoint->thread.joinable()) endpoint->thread.join();
  endpoint->board.reset();
  delete endpoint;
}

int rtt_call(rtt_endpoint* endpoint, const char* port, const void* request, size_t bytes, int deadline_ms,
             rtt_reply* reply, rtt_error* error) {
  return rtt_call_fds(endpoint, port, request, bytes, nullptr, 0, deadline_ms, reply, error);
}

int rtt_call_fds(rtt_endpoint* endpoint, const char* port, const void* request, size_t bytes, const int* fds,
                 size_t fd_count, int deadline_ms, rtt_reply* reply, rtt_error* error) {
  if (reply != nullptr) *reply = {};
  auto copies = copies_of(fds, fd_count);
  if (!copies) return report(error, copies.error());
  std::optional<Instant> deadline;
  if (deadline_ms >= 0) deadline = os::now() + nanos_from_ms(deadline_ms);
  const std::string_view where = port != nullptr ? port : "";
  while (!endpoint->board->wired(where)) {
    const Nanos left = left_until(deadline);
    if (left.value == 0) {
      return report(error, {.code = Code::kNoProvider,
                            .message = "no provider of this port is wired and attached",
                            .where = std::string(where),
                            .hint = "rtt ls routes"});
    }
    endpoint->board->wait(left, kSpin);
  }
  struct Answer {
    bool done = false;
    int code = 0;
  };
  // Shared: an answer that comes after this call gave up must not write into a frame that is gone.
  const auto answer = std::make_shared<Answer>();
  const auto keep = [answer, reply, error](const Result<endpoint::Board::Reply>& result) {
    answer->done = true;
    if (!result) {
      answer->code = report(error, result.error());
      return;
    }
    if (reply == nullptr) return;
    const ByteView payload = result->payload;
    reply->bytes = payload.size();
    reply->data = std::malloc(payload.size() + 1);
    if (reply->data == nullptr) std::abort();
    std::memcpy(reply->data, payload.data(), payload.size());
    static_cast<char*>(reply->data)[payload.size()] = '\0';
    RTT_ASSERT(result->fds.size() <= RTT_FDS_MAX);
    reply->fd_count = result->fds.size();
    for (std::size_t i = 0; i < reply->fd_count; ++i) reply->fds[i] = result->fds[i].release();
  };
  endpoint->board->call(where, bytes_of(request, bytes), left_until(deadline), keep, *copies);
  while (!answer->done) endpoint->board->wait(kForEver, kSpin);  // the board's own deadline ends it
  return answer->code;
}

void rtt_free(rtt_reply* reply) {
  if (reply == nullptr) return;
  std::free(reply->data);
  for (std::size_t i = 0; i < reply->fd_count; ++i) (void)os::Fd(reply->fds[i]);  // closed here
  *reply = {};
}

int rtt_publish(rtt_endpoint* endpoint, const void* data, size_t bytes, size_t* sent, size_t* dropped,
                rtt_error* error) {
  endpoint->board->wait({0}, {0});  // takes in new lanes and flips
  const auto done = endpoint->board->publish({}, bytes_of(data, bytes));
  if (sent != nullptr) *sent = done ? done->sent : 0;
  if (dropped != nullptr) *dropped = done ? done->dropped : 0;
  return done ? 0 : report(error, done.error());
}

void rtt_on_message(rtt_endpoint* endpoint, rtt_handler handler, void* context) {
  endpoint->handler = handler;
  endpoint->context = context;
}

int rtt_answer(rtt_endpoint* endpoint, uint64_t lane, uint32_t id, const void* data, size_t bytes,
               rtt_error* error) {
  return rtt_answer_fds(endpoint, lane, id, data, bytes, nullptr, 0, error);
}

int rtt_answer_fds(rtt_endpoint* endpoint, uint64_t lane, uint32_t id, const void* data, size_t bytes,
                   const int* fds, size_t fd_count, rtt_error* error) {
  auto copies = copies_of(fds, fd_count);
  if (!copies) return report(error, copies.error());
  const Status sent = endpoint->board->reply(lane, id, bytes_of(data, bytes), *copies);
  return sent ? 0 : report(error, sent.error());
}

int rtt_refuse(rtt_endpoint* endpoint, uint64_t lane, uint32_t id, const char* why) {
  const Status sent = endpoint->board->reply(
      lane, id, Error{.code = Code::kDriverFailed, .message = why != nullptr ? why : "refused"});
  return sent ? 0 : static_cast<int>(sent.error().code);
}

int rtt_poll(rtt_endpoint* endpoint, int wait_ms, rtt_error* error) {
  if (endpoint->board->handling())
    return report(error, {.code = Code::kBadArgument, .message = "a handler cannot wait for messages"});
  std::optional<Instant> deadline;
  if (wait_ms >= 0) deadline = os::now() + nanos_from_ms(wait_ms);
  const std::uint64_t before = endpoint->arrivals;
  // New lanes and flips wake the loop as well, and are no reason to return early.
  do {
    endpoint->board->wait(left_until(deadline), kSpin);
  } while (endpoint->arrivals == before && !endpoint->stopping && (!deadline || os::now() < *deadline));
  return 0;
}

int rtt_serve(rtt_endpoint* endpoint, rtt_error* error) {
  while (!endpoint->stopping.exchange(false)) {
    if (const int code = rtt_poll(endpoint, -1, error); code != 0) return code;
  }
  return 0;
}

void rtt_stop(rtt_endpoint* endpoint) {
  endpoint->stopping = true;
  endpoint->data->wake();
}
