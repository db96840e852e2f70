// SPDX-License-Identifier: Apache-2.0
#include "views/mount_server.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "os/loop.h"
#include "os/mapped_file.h"
#include "os/mount.h"
#include "os/process.h"
#include "os/unix_socket.h"
#include "text/ndjson.h"
#include "views/fuse_view.h"
#include "views/mount_handover.h"

namespace rtt::views {
namespace {

constexpr Nanos kTrimDelay = nanos_from_ms(20);
constexpr Nanos kLookEvery = nanos_from_ms(60'000);  // for workspaces that are gone
constexpr int kDamageTold = 16;                      // words on stderr about packs that are not what they say

void say(const Error& error) {
  fmt::print(stderr, "rtt views: {}{}{}\n", error.message, error.where.empty() ? "" : ": ", error.where);
}

class MountServer {
 public:
  MountServer(const MountPlace& place, std::vector<std::string> next_keeper)
      : mountpoint_(place.mountpoint),
        next_keeper_(std::move(next_keeper)),
        store_(place.store),
        keeper_(kKeeperFd),
        listener_(os::UnixListener::of(os::Fd(kListenerFd))) {}

  Status run();

 private:
  struct Client {
    os::Fd fd;
    text::LineReader lines{kMountLineBytesMax};
  };

  void note(const MountNote& note) {
    const std::lock_guard lock(known_mutex_);
    known_.take(note);
    // A keeper that does not take it is gone, which is seen at its end of the channel.
    (void)os::send_all(keeper_.get(), as_bytes(to_line(note)), {}, kHandoverMs);
  }
  Status load();
  void watch_keeper();
  [[noreturn]] void keeper_ended();
  Status start_keeper();
  void accept();
  void read_from(Client& client);
  Result<std::string> answer(const MountAsk& ask);
  Status add(const std::string& workspace, GenerationNumber generation);
  Status show(const std::string& workspace, GenerationNumber generation);
  void trim_later(const std::string& workspace);
  void trim(const std::string& workspace);
  Result<std::string> list() const;
  Status drop(const std::string& workspace);
  void drop_orphans();
  void look_later();
  void end_if_unused();
  [[noreturn]] void take_away();

  std::string mountpoint_;
  std::vector<std::string> next_keeper_;
  PackStore store_;
  os::Fd keeper_;
  os::UnixListener listener_;
  std::mutex known_mutex_;
  MountHandover known_;
  std::unique_ptr<os::Loop> loop_;
  std::unique_ptr<MountNodes> nodes_;
  std::unique_ptr<FuseView> view_;
  std::map<int, std::unique_ptr<Client>> clients_;
  std::vector<std::string> loaded_;
  std::set<std::string> surplus_;  // workspaces that may have a generation too many
  std::atomic<int> damage_told_ = 0;
};

void MountServer::take_away() {
  if (const Status gone = os::detach_mount(mountpoint_); !gone) say(gone.error());
  std::_Exit(0);  // the threads that serve may be waiting for what nobody asks any more
}

// What is in the store is shown again as it was; a pack that is not one is left out and said.
Status MountServer::load() {
  RTT_TRY_SET(const auto all, store_.list());
  for (const PackStore::Kept& kept : all) {
    if (store_.orphaned(kept.workspace)) {
      RTT_TRY(store_.remove_workspace(kept.workspace));
      continue;
    }
    loaded_.push_back(kept.workspace);
    for (const GenerationNumber generation : kept.generations) {
      auto pack = Pack::open(store_.pack_path(kept.workspace, generation));
      const auto added =
          pack ? nodes_->add(kept.workspace, generation, *std::move(pack)) : std::unexpected(pack.error());
      if (!added) say(added.error());
    }
    if (kept.current && nodes_->has(kept.workspace, *kept.current)) {
      RTT_TRY(nodes_->show(kept.workspace, *kept.current));
    }
  }
  return {};
}

Status MountServer::run() {
  RTT_TRY(os::read_cut_pages_as_zeros());  // a pack says itself that zeros are not what it held
  RTT_TRY_SET(known_, receive_handover(keeper_.get()));
  nodes_ = std::make_unique<MountNodes>(
      known_.numbers, known_.last, [this](const std::string& name, std::uint32_t number) {
        note({.what = MountNote::What::kNumber, .number = number, .text = name});
      });
  nodes_->on_damage([this](const Error& error) {
    if (damage_told_.fetch_add(1) < kDamageTold) say(error);
  });
  RTT_TRY(load());
  RTT_TRY_SET(loop_, os::Loop::create());
  RTT_TRY_SET(view_, FuseView::start(*nodes_, {.connection = os::Fd(kConnectionFd),
                                               .hello = known_.hello,
                                               .greeted =
                                                   [this](const std::string& hello) {
                                                     note({.what = MountNote::What::kHello, .text = hello});
                                                   },
                                               .ended = [this] { loop_->stop(); }}));
  note({.what = MountNote::What::kReady});
  for (const std::string& workspace : loaded_) trim_later(workspace);
  look_later();
  RTT_TRY(loop_->watch(keeper_.get(), os::kReadable, [this](std::uint32_t) { watch_keeper(); }));
  RTT_TRY(loop_->watch(listener_.fd(), os::kReadable, [this](std::uint32_t) { accept(); }));
  loop_->run();
  std::_Exit(0);  // the mount is gone
}

void MountServer::watch_keeper() {
  std::array<std::byte, 64> bytes{};
  const auto received = os::receive(keeper_.get(), bytes);
  if (!received || received->closed) keeper_ended();
}

// One that was told to end kills us first, so this one was killed. The next one starts a server of its own:
// what we owe the kernel then is asked of that one, as if we had been killed too.
void MountServer::keeper_ended() {
  // From here to our end no thread gives a number, and so no answer with one, that the next does not know.
  known_mutex_.lock();
  if (const Status started = start_keeper(); !started) {
    say(started.error());
    take_away();
  }
  view_->own_again();
  std::_Exit(1);
}

Status MountServer::start_keeper() {
  RTT_TRY_SET(OtherEnd keeper, start_other_end(next_keeper_, kConnectionFd, listener_.fd()));
  RTT_TRY(send_handover(keeper.channel.get(), known_));  // with an error it is killed
  keeper.process.detach();
  keeper_ = std::move(keeper.channel);  // open until our end, for which it waits
  return {};
}

void MountServer::accept() {
  const auto found = listener_.accept();
  if (!found || !*found) return;
  os::Fd fd = std::move(const_cast<os::Fd&>(**found));
  const auto peer = os::peer_identity(fd.get());
  if (clients_.size() >= kMountClientsMax || !peer || peer->uid != os::own_uid()) return;
  const int number = fd.get();
  auto client = std::make_unique<Client>();
  client->fd = std::move(fd);
  Client& kept = *client;
  clients_[number] = std::move(client);
  const Status watched =
      loop_->watch(number, os::kReadable, [this, &kept](std::uint32_t) { read_from(kept); });
  if (!watched) clients_.erase(number);
}

void MountServer::read_from(Client& client) {
  const int number = client.fd.get();
  const auto end = [&] {
    loop_->unwatch(number);
    clients_.erase(number);
  };
  std::array<std::byte, 4096> bytes{};
  const auto received = os::receive(number, bytes);
  if (!received || received->closed) return end();
  client.lines.feed(as_text(std::span(bytes).first(received->bytes)));
  while (const auto item = client.lines.next()) {
    Result<MountAsk> ask = fail(Code::kTooLarge, "a line longer than may be asked");
    if (item->kind == text::LineReader::Kind::kLine) ask = parse_ask(item->line);
    const std::string line = answer_line(ask ? answer(*ask) : std::unexpected(ask.error()));
    const auto sent = os::send(number, as_bytes(line));
    if (!sent || sent->bytes != line.size()) return end();  // it asks and does not read
    if (ask && !ask->workspace.empty()) trim_later(ask->workspace);
  }
}

Result<std::string> MountServer::answer(const MountAsk& ask) {
  switch (ask.verb) {
    case MountAsk::Verb::kAdd:
      RTT_TRY(add(ask.workspace, ask.generation));
      return std::string();
    case MountAsk::Verb::kShow:
      RTT_TRY(show(ask.workspace, ask.generation));
      return std::string();
    case MountAsk::Verb::kDrop:
      RTT_TRY(drop(ask.workspace));
      loop_->post([this] { end_if_unused(); });  // after the answer
      return std::string();
    case MountAsk::Verb::kList:
      break;
  }
  return list();
}

Status MountServer::add(const std::string& workspace, GenerationNumber generation) {
  if (nodes_->has(workspace, generation)) return {};
  drop_orphans();
  RTT_TRY_SET(Pack pack, Pack::open(store_.pack_path(workspace, generation)));
  RTT_TRY_SET(const auto stale, nodes_->add(workspace, generation, std::move(pack)));
  view_->tell(stale);
  return {};
}

// What is in force is written first: a server that dies here leaves a successor that shows the new one too.
Status MountServer::show(const std::string& workspace, GenerationNumber generation) {
  RTT_TRY(add(workspace, generation));
  RTT_TRY(store_.set_current(workspace, generation));
  RTT_TRY_SET(const auto stale, nodes_->show(workspace, generation));
  view_->tell(stale);
  return {};
}

// To take a generation away locks its folder and unmaps its pack, which would stand in the way of those who
// look for the new one.
void MountServer::trim_later(const std::string& workspace) {
  if (surplus_.empty()) {
    loop_->after(kTrimDelay, [this] {
      for (const std::string& waiting : std::exchange(surplus_, {})) trim(waiting);
    });
  }
  surplus_.insert(workspace);
}

void MountServer::trim(const std::string& workspace) {
  while (const auto dropped = nodes_->drop_surplus(workspace)) {
    view_->tell(dropped->stale);
    view_->forget(dropped->node_number);
    if (const Status removed = store_.remove(workspace, dropped->generation); !removed) say(removed.error());
  }
}

Status MountServer::drop(const std::string& workspace) {
  view_->tell(nodes_->drop_workspace(workspace));
  return store_.remove_workspace(workspace);
}

// A workspace that was removed as a folder says goodbye to nobody.
void MountServer::drop_orphans() {
  const auto all = store_.list();
  if (!all) return;
  for (const PackStore::Kept& kept : *all) {
    if (!store_.orphaned(kept.workspace)) continue;
    if (const Status dropped = drop(kept.workspace); !dropped) say(dropped.error());
  }
}

void MountServer::look_later() {
  loop_->after(kLookEvery, [this] {
    drop_orphans();
    end_if_unused();
    look_later();
  });
}

// A mount of nothing has no reader. Whoever is about to add something to it starts another.
void MountServer::end_if_unused() {
  const auto all = store_.list();
  if (!all || all->empty()) take_away();
}

Result<std::string> MountServer::list() const {
  RTT_TRY_SET(const auto all, store_.list());
  std::string words;
  for (const PackStore::Kept& kept : all) {
    for (const GenerationNumber generation : kept.generations) {
      if (!nodes_->has(kept.workspace, generation)) continue;
      words += fmt::format("{}{}/{}{}", words.empty() ? "" : " ", kept.workspace, generation,
                           kept.current == generation ? "*" : "");
    }
  }
  return words;
}

}  // namespace

int serve_views(const MountPlace& place, std::vector<std::string> next_keeper) {
  MountServer server(place, std::move(next_keeper));
  const Status ran = server.run();
  if (!ran) say(ran.error());
  std::_Exit(1);  // the keeper starts another
}

}  // namespace rtt::views
