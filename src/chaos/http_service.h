// SPDX-License-Identifier: Apache-2.0
// HttpService: a loopback HTTP server that answers every request with `ok`, so that a chaos run has something
// an http connector may call without touching a service of the user.
//
// Owns: the listening socket and its connections.   Thread: the loop's.   Fails: start: kIo, kPermission.
// Limits: kHttpClientsMax connections, more are closed at once; 64 KiB of a request.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "os/loop.h"
#include "os/tcp.h"

namespace rtt::chaos {

inline constexpr std::size_t kHttpClientsMax = 64;

class HttpService {
 public:
  static Result<std::unique_ptr<HttpService>> start(os::Loop& loop);
  ~HttpService();
  HttpService(const HttpService&) = delete;
  HttpService& operator=(const HttpService&) = delete;
  [[nodiscard]] std::uint16_t port() const { return listener_.port(); }

 private:
  HttpService(os::Loop& loop, os::TcpListener listener) : loop_(loop), listener_(std::move(listener)) {}
  void accept();
  void read(int number);

  struct Client {
    os::Fd socket;
    std::string request;
  };
  os::Loop& loop_;
  os::TcpListener listener_;
  std::map<int, Client> clients_;
};

}  // namespace rtt::chaos
