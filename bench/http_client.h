// SPDX-License-Identifier: Apache-2.0
// HttpClient: an MCP client over HTTP on loopback that checks every reply, for servers of either protocol era
// and for those that only know the old pair of an event stream and a place to post to.
//
// Thread: one.   Units: nanoseconds.
// Fails: aborts the bench with a message, as StdioClient.   Limits: one request under way a connection.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rtt::bench {

class HttpClient {
 public:
  enum class Style : std::uint8_t {
    kSession,    // 2025-11-25: initialize, Mcp-Session-Id
    kStateless,  // 2026-07-28: each request says who asks
    kOldEvents,  // 2024-11-05: GET an event stream, POST where its first event says
  };
  struct Target {
    int port = 0;
    std::string path = "/mcp";
    Style style = Style::kSession;
  };
  explicit HttpClient(Target target);
  ~HttpClient();

  // Whether somebody answers there by now; tried until then by the caller.
  static bool reachable(int port);
  static bool streams(const Target& target);  // an event stream is given there
  void initialize();
  std::string list();  // the body of the tools/list reply
  std::int64_t call(std::string_view tool);
  // `calls` calls, each of `connections` connections has one under way at a time; ns for all.
  std::int64_t parallel(std::string_view tool, int calls, int connections);

 private:
  class Connection;
  [[nodiscard]] std::string request(std::string_view method, std::string_view name,
                                    std::string_view body) const;
  [[nodiscard]] std::string call_request(std::string_view tool, std::uint64_t id) const;
  std::string exchange(std::string_view request, std::uint64_t id);
  Connection& connection(std::size_t index);

  Target target_;
  std::string post_path_, session_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::unique_ptr<Connection> events_;  // kOldEvents
  std::uint64_t next_ = 1;
};

}  // namespace rtt::bench
