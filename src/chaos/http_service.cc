// SPDX-License-Identifier: Apache-2.0
#include "chaos/http_service.h"

#include <array>
#include <cstddef>

#include "os/unix_socket.h"

namespace rtt::chaos {
namespace {

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";
constexpr std::size_t kRequestBytesMax = std::size_t{64} << 10;
constexpr std::int64_t kWriteMs = 1000;

}  // namespace

Result<std::unique_ptr<HttpService>> HttpService::start(os::Loop& loop) {
  RTT_TRY_SET(os::TcpListener listener, os::TcpListener::bind({.host = "127.0.0.1", .port = 0}));
  std::unique_ptr<HttpService> service(new HttpService(loop, std::move(listener)));
  RTT_TRY(loop.watch(service->listener_.fd(), os::kReadable,
                     [s = service.get()](std::uint32_t) { s->accept(); }));
  return service;
}

HttpService::~HttpService() {
  loop_.unwatch(listener_.fd());
  for (const auto& [number, client] : clients_) loop_.unwatch(number);
}

void HttpService::accept() {
  auto socket = listener_.accept();
  if (!socket || !*socket || clients_.size() >= kHttpClientsMax) return;
  const int number = (*socket)->get();
  clients_[number] = {.socket = std::move(**socket), .request = {}};
  if (!loop_.watch(number, os::kReadable, [this, number](std::uint32_t) { read(number); }))
    clients_.erase(number);
}

void HttpService::read(int number) {
  Client& client = clients_.at(number);
  std::array<std::byte, 4096> buffer;  // NOLINT(*-member-init): written before it is read
  const auto got = os::receive(number, buffer);
  bool over = !got || got->closed;
  if (!over) {
    client.request.append(reinterpret_cast<const char*>(buffer.data()), got->bytes);
    over = client.request.size() > kRequestBytesMax;
    // A GET has no body, so the empty line is its end.
    for (std::size_t end = client.request.find("\r\n\r\n"); !over && end != std::string::npos;
         end = client.request.find("\r\n\r\n")) {
      client.request.erase(0, end + 4);
      over = !os::send_all(number, {reinterpret_cast<const std::byte*>(kAnswer.data()), kAnswer.size()}, {},
                           kWriteMs);
    }
  }
  if (!over) return;
  loop_.unwatch(number);
  clients_.erase(number);
}

}  // namespace rtt::chaos
