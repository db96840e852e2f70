// SPDX-License-Identifier: Apache-2.0
#include "relay.h"

#include <array>
#include <vector>

#include "os/unix_socket.h"

namespace rtt::sim {

struct Relay::Door {
  os::UnixListener listener;
  int pid = 0;
  Nanos delay{0};
  Instant stalled;
};

// One way of one connection.
struct Way {
  struct Piece {
    Instant due;
    Bytes bytes;
    std::vector<os::Fd> fds;
  };
  int from = -1, to = -1;
  std::deque<Piece> under_way;
  os::Loop::TimerId timer = 0;
};

struct Relay::Link {
  std::string name;
  os::Fd near, far;  // the process's end, the panel's end
  std::array<Way, 2> ways;
};

struct Relay::State {
  os::Loop& loop;
  Nature& nature;
  std::string panel_sockets;
  std::map<std::string, Door> doors{};
  std::map<std::uint64_t, Link> links{};
  std::uint64_t last_link = 0;
  Bytes buffer = Bytes(std::size_t{1} << 16);

  void accept(const std::string& name);
  void read(std::uint64_t id, std::size_t way);
  void deliver(std::uint64_t id, std::size_t way);
  void arm(std::uint64_t id, std::size_t way);
  void end(std::uint64_t id);
};

Relay::Relay(os::Loop& loop, Nature& nature, std::string panel_sockets)
    : state_(new State{.loop = loop, .nature = nature, .panel_sockets = std::move(panel_sockets)}) {}
Relay::~Relay() {
  cut_all();
  for (const auto& [name, door] : state_->doors) state_->loop.unwatch(door.listener.fd());
}

Status Relay::open(const std::string& name, const std::string& directory) {
  RTT_TRY_SET(auto listener, os::UnixListener::bind(directory, "panel.sock"));
  const int fd = listener.fd();
  state_->doors[name].listener = std::move(listener);
  return state_->loop.watch(fd, os::kReadable, [this, name](std::uint32_t) { state_->accept(name); });
}

void Relay::is_process(const std::string& name, int pid) { state_->doors.at(name).pid = pid; }

void Relay::State::accept(const std::string& name) {
  Door& door = doors.at(name);
  auto near = door.listener.accept();
  if (!near || !*near) return;
  auto far = os::connect_unix(panel_sockets, "panel.sock");
  if (!far || links.size() >= kLinksMax) return;  // it sees its connection end
  nature.at_the_door.push_back(door.pid);
  const std::uint64_t id = ++last_link;
  Link& link = links[id];
  link.name = name;
  link.near = std::move(**near);
  link.far = std::move(*far);
  const std::array<int, 2> fds{link.near.get(), link.far.get()};
  for (const std::size_t way : {std::size_t{0}, std::size_t{1}}) {
    link.ways.at(way).from = fds.at(way);
    link.ways.at(way).to = fds.at(1 - way);
    RTT_ASSERT(loop.watch(fds.at(way), os::kReadable, [this, id, way](std::uint32_t) { read(id, way); })
                   .has_value());
  }
}

void Relay::State::read(std::uint64_t id, std::size_t which) {
  Way& way = links.at(id).ways.at(which);
  const Door& door = doors.at(links.at(id).name);
  auto got = os::receive(way.from, buffer, os::kFdsPerMessageMax);
  if (!got) return end(id);
  if (got->would_block) return;
  Bytes bytes;
  if (got->closed) {
    loop.change(way.from, 0);  // what is under way still arrives, then the end
  } else {
    bytes.assign(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(got->bytes));
  }
  RTT_ASSERT(way.under_way.size() < kUnderWayMax);
  Instant due = std::max(nature.time + door.delay, door.stalled);
  if (!way.under_way.empty()) due = std::max(due, way.under_way.back().due);
  way.under_way.push_back({due, std::move(bytes), std::move(got->fds)});
  if (got->closed) loop.unwatch(way.from);  // a hang-up is reported for ever
  deliver(id, which);
}

void Relay::State::deliver(std::uint64_t id, std::size_t which) {
  const auto at = links.find(id);
  if (at == links.end()) return;
  Way& way = at->second.ways.at(which);
  while (!way.under_way.empty() && way.under_way.front().due <= nature.time) {
    Way::Piece& piece = way.under_way.front();
    if (piece.bytes.empty()) return end(id);
    std::vector<int> fds;
    for (const os::Fd& fd : piece.fds) fds.push_back(fd.get());
    const auto sent = os::send(way.to, piece.bytes, fds);
    if (!sent) return end(id);
    if (sent->would_block || sent->bytes == 0) {  // its reader is slow
      piece.due = nature.time + nanos_from_ms(1);
      break;
    }
    piece.fds.clear();
    piece.bytes.erase(piece.bytes.begin(), piece.bytes.begin() + static_cast<std::ptrdiff_t>(sent->bytes));
    if (piece.bytes.empty()) way.under_way.pop_front();
  }
  arm(id, which);
}

void Relay::State::arm(std::uint64_t id, std::size_t which) {
  Way& way = links.at(id).ways.at(which);
  if (way.timer != 0) loop.cancel(way.timer);
  way.timer = 0;
  if (way.under_way.empty()) return;
  way.timer = loop.after(way.under_way.front().due - nature.time, [this, id, which] {
    links.at(id).ways.at(which).timer = 0;
    deliver(id, which);
  });
}

void Relay::State::end(std::uint64_t id) {
  const auto at = links.find(id);
  if (at == links.end()) return;
  for (Way& way : at->second.ways) {
    if (way.timer != 0) loop.cancel(way.timer);
    loop.unwatch(way.from);
  }
  links.erase(at);
}

void Relay::cut(const std::string& name) {
  std::vector<std::uint64_t> ends;
  for (const auto& [id, link] : state_->links) {
    if (link.name == name) ends.push_back(id);
  }
  for (const std::uint64_t id : ends) state_->end(id);
}
void Relay::cut_all() {
  while (!state_->links.empty()) state_->end(state_->links.begin()->first);
}
void Relay::delay(const std::string& name, Nanos each_piece) { state_->doors.at(name).delay = each_piece; }
void Relay::stall_until(const std::string& name, Instant end) { state_->doors.at(name).stalled = end; }
void Relay::hurry() {
  for (auto& [name, door] : state_->doors) {
    door.delay = {0};
    door.stalled = {};
  }
}

}  // namespace rtt::sim
