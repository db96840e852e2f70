// SPDX-License-Identifier: Apache-2.0
// StdioClient: an MCP client over a child's pipes, one request at a time, that checks every reply.
//
// Thread: one.   Fails: aborts the bench with a message: a wrong or missing reply makes every figure
// worthless.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "os/process.h"
#include "report.h"

namespace rtt::bench {

[[noreturn]] void give_up(const std::string& what);
std::int64_t now_ns();
// Runs a program to its end; gives up if it fails. Returns its stdout.
std::string run(const std::vector<std::string>& argv);
// Wall time of a whole process, output thrown away.
std::int64_t timed_run(const std::vector<std::string>& argv);

// A workspace below the bench's folder whose echo servers echo0, echo1… are set up; its root.
struct EchoServers {
  int servers = 1, tools = 1, start_ms = 0;
};
std::string echo_workspace(const Settings& settings, const std::string& name, const EchoServers& echo);

class StdioClient {
 public:
  explicit StdioClient(const std::vector<std::string>& argv);
  ~StdioClient();
  void initialize();
  std::string list();  // the tools/list reply line
  // `calls` calls with `in_flight` of them under way at a time; ns for all. Every reply is checked.
  std::int64_t pipelined(std::string_view tool, int calls, int in_flight);
  std::int64_t call(std::string_view tool);                 // round trip in ns; the echoed marker is checked
  void kill() { child_.kill(); }                            // where an answer is owed that never comes
  void post(std::string_view tool, std::string_view text);  // its answer is not waited for

 private:
  std::string ask(const std::string& line);
  void send(std::string_view text);
  os::Child child_;
  std::string buffer_;
  std::uint64_t next_ = 1;
};

}  // namespace rtt::bench
