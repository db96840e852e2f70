// SPDX-License-Identifier: Apache-2.0
// Service: what a face (command line, later TUI and web) may ask of RTT, wherever it runs.
//
// The verbs and their JSON are docs/cli/*.md; the same call goes over the panel socket or straight into this
// process (main.cc hands the command line one of the two), so there is one code path behind `--json`.
//
// Thread: one.   Fails: as each verb says.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "os/fd.h"
#include "text/json.h"

namespace rtt::api {

struct Ask {
  std::string verb;       // "plan", "mcp.import", "call.open", …
  text::Json args;        // object
  std::string directory;  // the caller's directory (or -C)
  std::string search;     // "upward" (default) | "exactly" (-C)
  std::int64_t deadline_ms = 30'000;
};
struct Reply {
  text::Json body;
  std::vector<os::Fd> fds;
};

class Service {
 public:
  virtual ~Service() = default;
  // `on_part` receives streamed documents (NDJSON verbs) before the final reply.
  virtual Result<Reply> ask(const Ask& ask, const std::function<void(text::Json)>& on_part) = 0;
};

// Over the socket `sockets_dir/panel.sock`; blocking; fails kPanelDown when nobody listens.
Result<std::unique_ptr<Service>> connect_service(const std::string& sockets_dir,
                                                 std::string_view client_name);

// A link to a provider over a UDS lane (fd from "call.open"): one request, one reply at a time, blocking.
struct LinkReply {
  std::string payload;
  std::int64_t latency_ns = 0;
};
class Link {
 public:
  Link(os::Fd socket, std::uint32_t route_id);
  ~Link();
  Link(Link&&) noexcept;
  Link& operator=(Link&&) noexcept;
  Result<LinkReply> call(std::string_view payload, std::int64_t deadline_ms);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rtt::api
