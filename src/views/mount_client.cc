// SPDX-License-Identifier: Apache-2.0
#include "views/mount_client.h"

#include <algorithm>
#include <array>

#include "os/unix_socket.h"
#include "views/mount_server.h"

namespace rtt::views {
namespace {

constexpr std::int64_t kAnswerMs = 30'000;  // a server that is being replaced answers when it is back

}  // namespace

Result<MountClient> MountClient::connect(const std::string& store) {
  RTT_TRY_SET(os::Fd fd, os::connect_unix(store, std::string(kMountSocket)));
  RTT_TRY(os::limit_receives(fd.get(), kAnswerMs));
  return MountClient(std::move(fd));
}

Result<std::string> MountClient::ask(const MountAsk& ask) {
  RTT_TRY(os::send_all(fd_.get(), as_bytes(to_line(ask)), {}, kAnswerMs));
  for (;;) {
    if (const auto item = lines_.next()) {
      if (item->kind == text::LineReader::Kind::kTooLong)
        return fail(Code::kTooLarge, "the mount's answer is longer than a line may be");
      return parse_answer(item->line);
    }
    std::array<std::byte, 4096> bytes{};
    RTT_TRY_SET(const os::Received received, os::receive_blocking(fd_.get(), bytes, 0));
    if (received.closed) return fail(Code::kLost, "who served the mount of views ended before it answered");
    if (received.would_block) return fail(Code::kDeadline, "who serves the mount of views does not answer");
    lines_.feed(as_text(std::span(bytes).first(received.bytes)));
  }
}

Status MountClient::add(const std::string& workspace, GenerationNumber generation) {
  RTT_TRY(ask({.verb = MountAsk::Verb::kAdd, .workspace = workspace, .generation = generation}));
  return {};
}

Status MountClient::show(const std::string& workspace, GenerationNumber generation) {
  RTT_TRY(ask({.verb = MountAsk::Verb::kShow, .workspace = workspace, .generation = generation}));
  return {};
}

Status MountClient::drop(const std::string& workspace) {
  RTT_TRY(ask({.verb = MountAsk::Verb::kDrop, .workspace = workspace}));
  return {};
}

Result<std::vector<std::string>> MountClient::list() {
  RTT_TRY_SET(const std::string words, ask({.verb = MountAsk::Verb::kList}));
  std::vector<std::string> all;
  for (std::size_t at = 0; at < words.size();) {
    const std::size_t end = std::min(words.find(' ', at), words.size());
    all.push_back(words.substr(at, end - at));
    at = end + 1;
  }
  return all;
}

}  // namespace rtt::views
