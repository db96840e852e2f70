// SPDX-License-Identifier: Apache-2.0
#include "mcp/shared/host.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "mcp/backends/pipe_transport.h"
#include "mcp/shared/mux.h"
#include "model/limits.h"
#include "os/file.h"
#include "os/out_queue.h"
#include "os/pipe.h"
#include "os/unix_socket.h"

namespace rtt::mcp {
namespace {

using text::Json;

constexpr std::int64_t kHelloMs = 5000;
constexpr int kReadsPerRound = 4;

std::string own_line(std::string_view what, std::string_view key, const Json& value) {
  Json line = Json::object({{std::string(key), value}});
  return R"({"rtt":")" + std::string(what) + R"(",)" + text::to_json(line).substr(1) + "\n";
}

// One server that runs for everybody whose launch is the same.
class Served final : public TransportEvents {
 public:
  using Deliver = std::function<void(MuxClient, std::string_view)>;
  using Over = std::function<void(Served&, const std::string& why)>;
  Served(Deliver deliver, Over over) : deliver_(std::move(deliver)), over_(std::move(over)) {}

  Status start(os::Loop& loop, SharedLaunch launch) {
    record_->heard = [this](std::string_view text) {
      for (const MuxClient client : members_) deliver_(client, own_line("log", "text", clean_text(text)));
    };
    transport_ = std::make_unique<PipeTransport>(launch.name, std::move(launch.options), "its manifest",
                                                 TransportStart{.loop = loop,
                                                                .workspace = no_workspace_,
                                                                .fresh = no_secrets_,
                                                                .record = record_,
                                                                .events = *this});
    return transport_->start();
  }
  void join(MuxClient client) {
    members_.push_back(client);
    mux_.join(client);
  }
  void leave(MuxClient client) {
    std::erase(members_, client);
    send(mux_.leave(client));
  }
  void take(MuxClient client, std::string_view line) { send(mux_.on_client(client, line)); }
  void stop(std::function<void()> gone) { transport_->leave(std::move(gone)); }

  [[nodiscard]] const std::vector<MuxClient>& members() const { return members_; }
  [[nodiscard]] int pid() const { return transport_->pid(); }
  [[nodiscard]] bool crowded() const {
    return transport_->bytes_waiting() > limits::kClientQueueBytesMax / 2;
  }

  void on_transport_message(const LineStream::Item& message) override {
    if (message.overlong_bytes == 0) return send(mux_.on_server(message.line));
    // Its reader would refuse it as well: whoever waits is told in the form of an answer.
    if (const auto id = id_from_ends(message.head, message.tail)) {
      const std::string why =
          error_object(RpcCode::kBackend, fmt::format("the answer is {} bytes long", message.overlong_bytes));
      const std::string line = error_line(*id, why);
      send(mux_.on_server(std::string_view(line).substr(0, line.size() - 1)));
    }
  }
  void on_transport_ended(Error why) override { over_(*this, why.message); }

 private:
  void send(const MuxSends& sends) {
    for (const MuxSend& one : sends) {
      if (one.to == 0) {
        transport_->send(one.line, {});
      } else {
        deliver_(one.to, one.line);
      }
    }
  }

  Deliver deliver_;
  Over over_;
  Mux mux_;
  std::vector<MuxClient> members_;
  registry::Workspace no_workspace_;
  SecretValues no_secrets_;
  std::shared_ptr<ServerRecord> record_ = std::make_shared<ServerRecord>();
  std::unique_ptr<PipeTransport> transport_;
};

}  // namespace

Json hello_of(const SharedLaunch& launch) {
  Json argv(text::JsonArray{}), env = Json::object({});
  for (const std::string& word : launch.options.argv) argv.push(word);
  for (const auto& [name, value] : launch.options.env) env.set(name, value);
  Json read(text::JsonArray{}), write(text::JsonArray{});
  const os::Sandbox& sandbox = launch.options.sandbox;
  for (const std::string& path : sandbox.read) read.push(path);
  for (const std::string& path : sandbox.write) write.push(path);
  return Json::object({{"argv", std::move(argv)},
                       {"code", launch.code},
                       {"cwd", launch.options.directory},
                       {"env", std::move(env)},
                       {"hello", kSharedHello},
                       {"name", launch.name},
                       {"network", sandbox.network == os::Sandbox::Network::kOpen},
                       {"read", std::move(read)},
                       {"write", std::move(write)}});
}

Result<SharedLaunch> launch_from(const Json& hello) {
  const auto wrong = [] { return fail(Code::kPanelProtocol, "what came is no launch of a server"); };
  const Json* const argv = hello.find("argv");
  const Json* const env = hello.find("env");
  if (hello.string_or("hello") != kSharedHello || !argv || !argv->is_array() || argv->as_array().empty() ||
      !env || !env->is_object()) {
    return wrong();
  }
  SharedLaunch launch{.name = std::string(hello.string_or("name")),
                      .code = std::string(hello.string_or("code")),
                      .options = {}};
  for (const Json& word : argv->as_array()) {
    if (!word.is_string()) return wrong();
    launch.options.argv.push_back(word.as_string());
  }
  for (const auto& [name, value] : env->as_object()) {
    if (!value.is_string()) return wrong();
    launch.options.env.emplace_back(name, value.as_string());
  }
  launch.options.directory = hello.string_or("cwd");
  os::Sandbox& sandbox = launch.options.sandbox;
  if (!hello.bool_or("network", false)) sandbox.network = os::Sandbox::Network::kNone;
  for (auto [key, list] : {std::pair{"read", &sandbox.read}, std::pair{"write", &sandbox.write}}) {
    const Json* const paths = hello.find(key);
    if (!paths || !paths->is_array()) return wrong();  // a sandbox that got lost is none
    for (const Json& path : paths->as_array()) {
      if (!path.is_string()) return wrong();
      list->push_back(path.as_string());
    }
  }
  return launch;
}

Result<std::string> launch_key(const SharedLaunch& launch) {
  SharedLaunch plain = launch;
  std::string path;
  std::erase_if(plain.options.env, [&](const auto& variable) {
    if (variable.first == "PATH") path = variable.second;
    return variable.first == "PATH" || variable.first == "SHELL" || variable.first == "TERM";
  });
  std::ranges::sort(plain.options.env);
  const std::string& word = plain.options.argv.front();
  const auto found = os::find_on_path(word, path);
  if (!found) {
    return fail(Code::kServerStart,
                fmt::format("server '{}': the program {} is not there", launch.name, word), word,
                "which " + word);
  }
  RTT_TRY_SET(plain.options.argv.front(), os::real_path(*found));
  plain.name.clear();
  return text::to_json(hello_of(plain));
}

std::string shared_sockets(const std::string& user_dir) { return user_dir + "/sockets"; }

struct SharedHost::State {
  struct Attached {
    Attached(os::Fd the_socket, std::size_t line_max)
        : socket(std::move(the_socket)), in(line_max), out(limits::kClientQueueBytesMax) {}
    os::Fd socket;
    LineStream in;
    os::OutQueue out;
    Served* served = nullptr;
    bool leaving = false;  // what is written is still sent, nothing more is read
    os::Loop::TimerId timer = 0;
  };

  explicit State(os::Loop& the_loop) : loop(the_loop) {}
  ~State();

  void accept();
  void read(MuxClient id);
  void take(MuxClient id, std::string_view line);
  Status admit(MuxClient id, std::string_view line);
  void deliver(MuxClient id, std::string_view line);
  void flush(MuxClient id);
  void watch(MuxClient id, Attached& one);
  void close_soon(MuxClient id);
  void close(MuxClient id);
  void over(Served& served, const std::string& why);
  void end(const std::string& key);
  void look_after(Served& served);
  void look_for_work();

  os::Loop& loop;
  os::UnixListener listener;
  std::map<MuxClient, Attached> attached;
  std::map<std::string, std::unique_ptr<Served>> servers;  // by launch_key
  std::vector<std::unique_ptr<Served>> ending;
  MuxClient next = 1;
  os::Loop::TimerId idle = 0;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

SharedHost::State::~State() {
  loop.cancel(idle);
  for (auto& [id, one] : attached) {
    loop.cancel(one.timer);
    loop.unwatch(one.socket.get());
  }
  if (listener.fd() >= 0) loop.unwatch(listener.fd());
}

void SharedHost::State::accept() {
  auto accepted = listener.accept();
  if (!accepted || !*accepted) return;
  os::Fd socket = *std::move(*accepted);
  const auto peer = os::peer_identity(socket.get());
  if (!peer || peer->uid != os::own_uid() || attached.size() >= kMuxClientsMax) return;
  const MuxClient id = next++;
  Attached& one = attached.try_emplace(id, std::move(socket), limits::kMcpLineBytesMax).first->second;
  one.timer = loop.after(nanos_from_ms(kHelloMs), [this, id] { close(id); });
  watch(id, one);
  look_for_work();
}

void SharedHost::State::watch(MuxClient id, Attached& one) {
  const std::uint32_t wants = (one.leaving ? 0U : std::uint32_t{os::kReadable}) |
                              (one.out.empty() ? 0U : std::uint32_t{os::kWritable});
  const int fd = one.socket.get();
  if (loop.watching(fd)) return loop.change(fd, wants);
  const Status watched = loop.watch(fd, wants, [this, id](std::uint32_t ready) {
    if ((ready & os::kWritable) != 0) flush(id);
    if ((ready & (os::kReadable | os::kHangup)) != 0) read(id);
  });
  if (!watched) close_soon(id);
}

void SharedHost::State::read(MuxClient id) {
  for (int i = 0; i < kReadsPerRound; ++i) {
    const auto at = attached.find(id);
    if (at == attached.end()) return;
    Attached& one = at->second;
    const MutableBytes room = one.in.room();
    const auto got = os::read_nowait(one.socket.get(), room);
    if (!got || got->closed) return close(id);
    one.in.commit(got->bytes);
    while (const auto item = attached.contains(id) ? one.in.next() : std::nullopt) {
      if (one.leaving) continue;
      if (item->overlong_bytes > 0) return close(id);
      take(id, item->line);
    }
    if (got->would_block || got->bytes < room.size()) return;
  }
}

void SharedHost::State::take(MuxClient id, std::string_view line) {
  Attached& one = attached.at(id);
  if (one.served == nullptr) {
    loop.cancel(std::exchange(one.timer, 0));
    if (const Status admitted = admit(id, line); !admitted) {
      deliver(id, own_line("error", "message", admitted.error().message));
      close_soon(id);
    }
    return;
  }
  const Message message = one.served->crowded() ? classify(line) : Message{};
  if (message.kind == MessageKind::kRequest) {
    deliver(id, error_line(message.id, error_object(RpcCode::kBackend,
                                                    "Busy: the server does not read what it is sent")));
    return;
  }
  one.served->take(id, line);
}

Status SharedHost::State::admit(MuxClient id, std::string_view line) {
  RTT_TRY_SET(const Json hello,
              text::parse_json(line, {.source_name = "hello", .bytes_max = kSharedHelloBytesMax}));
  RTT_TRY_SET(SharedLaunch launch, launch_from(hello));
  RTT_TRY_SET(const std::string key, launch_key(launch));
  auto& place = servers[key];
  if (!place) {
    auto served =
        std::make_unique<Served>([this](MuxClient to, std::string_view text) { deliver(to, text); },
                                 [this](Served& ended, const std::string& why) { over(ended, why); });
    Status started = servers.size() > limits::kMcpServersMax
                         ? fail(Code::kLimit, "too many shared servers run already")
                         : served->start(loop, std::move(launch));
    if (!started) {
      servers.erase(key);
      return started;
    }
    place = std::move(served);
  }
  Served& served = *place;
  attached.at(id).served = &served;
  served.join(id);
  deliver(id, own_line("accepted", "pid", served.pid()));
  return {};
}

void SharedHost::State::deliver(MuxClient id, std::string_view line) {
  const auto at = attached.find(id);
  if (at == attached.end()) return;
  Attached& one = at->second;
  if (!one.out.write(one.socket.get(), line)) return close_soon(id);
  if (!one.out.empty()) watch(id, one);
}

void SharedHost::State::flush(MuxClient id) {
  const auto at = attached.find(id);
  if (at == attached.end()) return;
  Attached& one = at->second;
  if (!one.out.flush(one.socket.get()) || (one.leaving && one.out.empty())) return close(id);
  watch(id, one);
}

// From within a handler of something else: the connection goes when that is done, and what was written to it
// goes first.
void SharedHost::State::close_soon(MuxClient id) {
  loop.post([this, id, still = std::weak_ptr(alive)] {
    if (still.expired()) return;
    const auto at = attached.find(id);
    if (at == attached.end()) return;
    at->second.leaving = true;
    if (at->second.out.empty()) return close(id);
    watch(id, at->second);
  });
}

void SharedHost::State::close(MuxClient id) {
  const auto at = attached.find(id);
  if (at == attached.end()) return;
  loop.cancel(at->second.timer);
  loop.unwatch(at->second.socket.get());
  Served* const served = at->second.served;
  attached.erase(at);
  if (served != nullptr) {
    served->leave(id);
    look_after(*served);
  }
  look_for_work();
}

// A server that nobody uses goes on for a moment: a gateway that was just restarted finds it running.
void SharedHost::State::look_after(Served& served) {
  if (!served.members().empty()) return;
  const auto at = std::ranges::find_if(servers, [&](const auto& s) { return s.second.get() == &served; });
  if (at == servers.end()) return;
  loop.after(nanos_from_ms(kSharedGraceMs), [this, key = at->first, still = std::weak_ptr(alive)] {
    if (still.expired()) return;
    const auto found = servers.find(key);
    if (found != servers.end() && found->second->members().empty()) end(key);
  });
}

void SharedHost::State::end(const std::string& key) {
  const auto at = servers.find(key);
  ending.push_back(std::move(at->second));
  servers.erase(at);
  Served* const gone = ending.back().get();
  gone->stop([this, gone] {
    loop.post([this, gone, still = std::weak_ptr(alive)] {
      if (still.expired()) return;
      std::erase_if(ending, [gone](const auto& served) { return served.get() == gone; });
      look_for_work();
    });
  });
}

void SharedHost::State::over(Served& served, const std::string& why) {
  for (const MuxClient id : std::vector<MuxClient>(served.members())) {
    deliver(id, own_line("ended", "message", why));
    attached.at(id).served = nullptr;
    served.leave(id);
    close_soon(id);
  }
  const auto at = std::ranges::find_if(servers, [&](const auto& s) { return s.second.get() == &served; });
  if (at != servers.end()) end(at->first);
}

void SharedHost::State::look_for_work() {
  const bool works = !attached.empty() || !servers.empty() || !ending.empty();
  if (works) return loop.cancel(std::exchange(idle, 0));
  if (idle != 0) return;
  idle = loop.after(nanos_from_ms(kSharedGraceMs), [this] { loop.stop(); });
}

SharedHost::SharedHost() = default;
SharedHost::~SharedHost() = default;

Result<std::unique_ptr<SharedHost>> SharedHost::start(os::Loop& loop, const std::string& sockets_dir) {
  std::unique_ptr<SharedHost> host(new SharedHost);
  host->state_ = std::make_unique<State>(loop);
  State* const state = host->state_.get();
  RTT_TRY_SET(state->listener, os::UnixListener::bind(sockets_dir, std::string(kSharedSocket)));
  RTT_TRY(loop.watch(state->listener.fd(), os::kReadable, [state](std::uint32_t) { state->accept(); }));
  state->look_for_work();
  return host;
}

}  // namespace rtt::mcp
