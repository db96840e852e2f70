// SPDX-License-Identifier: Apache-2.0
#include "views/mount_handover.h"

#include <algorithm>
#include <array>
#include <utility>

#include "os/unix_socket.h"
#include "text/ndjson.h"

namespace rtt::views {

void MountHandover::take(const MountNote& note) {
  switch (note.what) {
    case MountNote::What::kHello:
      hello = note.text;
      break;
    case MountNote::What::kNumber:
      if (note.number == 0) {
        numbers.erase(note.text);
      } else {
        numbers[note.text] = note.number;
        last = std::max(last, note.number);
      }
      break;
    case MountNote::What::kLast:
      last = std::max(last, note.number);
      break;
    case MountNote::What::kStarted:
      starts.push_back(note.number);
      break;
    case MountNote::What::kReady:
    case MountNote::What::kGo:
      break;
  }
}

Result<OtherEnd> start_other_end(const std::vector<std::string>& argv, int connection, int listener) {
  RTT_TRY_SET(auto pair, os::socket_pair());
  RTT_TRY_SET(os::Child process, os::spawn({.argv = argv,
                                            .env = os::own_environment(),
                                            .directory = "/",
                                            .in = os::Wire::kNull,
                                            .out = os::Wire::kNull,
                                            .err = os::Wire::kInherit,
                                            .lifetime = os::Lifetime::kDetached,
                                            .setuid = os::Setuid::kCounts,
                                            .pass_fds = {{connection, kConnectionFd},
                                                         {pair.second.get(), kKeeperFd},
                                                         {listener, kListenerFd}}}));
  return OtherEnd{.process = std::move(process), .channel = std::move(pair.first)};
}

Status send_handover(int fd, const MountHandover& known) {
  std::string lines;
  if (!known.hello.empty()) lines += to_line(MountNote{.what = MountNote::What::kHello, .text = known.hello});
  for (const auto& [name, number] : known.numbers)
    lines += to_line(MountNote{.what = MountNote::What::kNumber, .number = number, .text = name});
  lines += to_line(MountNote{.what = MountNote::What::kLast, .number = known.last});
  for (const std::uint32_t second : known.starts)
    lines += to_line(MountNote{.what = MountNote::What::kStarted, .number = second});
  lines += to_line(MountNote{.what = MountNote::What::kGo});
  return os::send_all(fd, as_bytes(lines), {}, kHandoverMs);
}

Result<MountHandover> receive_handover(int fd) {
  MountHandover known;
  text::LineReader lines(kMountLineBytesMax);
  for (std::size_t taken = 0; taken < kHandoverLinesMax;) {
    const auto item = lines.next();
    if (!item) {
      std::array<std::byte, 4096> bytes{};
      RTT_TRY_SET(const os::Received received, os::receive_wait(fd, bytes, 0, kHandoverMs));
      if (received.closed) return fail(Code::kLost, "who kept or served the mount is gone");
      lines.feed(as_text(std::span(bytes).first(received.bytes)));
      continue;
    }
    ++taken;
    RTT_TRY_SET(const MountNote note, parse_note(item->line));
    if (note.what == MountNote::What::kGo) return known;
    known.take(note);
  }
  return fail(Code::kLimit, "a mount was handed over with more lines than there can be");
}

}  // namespace rtt::views
