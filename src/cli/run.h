// SPDX-License-Identifier: Apache-2.0
// run: the command line, from argv to an exit status. main.cc calls nothing else.
//
// The command line knows no engine: every verb becomes one api::Ask (or, for those that ask a person, a few)
// to a Service that main.cc provides, and the answer's JSON is either printed as it is (`--json`) or rendered
// for people. Which process answers is main.cc's business; a verb only says what it needs (Where).
//
// What an answer's body may carry besides the fields of docs/cli/<verb>.md:
//   "exit": N             the exit status (0 when absent); never printed
//   "error": {code,message,where,hint,causes,…}   the verb failed but has an answer all the same (a plan's
//   conflicts,
//                         a tool's own error); its code gives the exit status unless "exit" does
//   "consent": {question, will:[line], step}      nothing was done yet: a person must agree first
// Consent: the first Ask of an asking verb has args.consent = "show" (`--yes`: "given"). If the reply carries
// "consent", the lines are shown and the question asked; on yes the same Ask goes out with args.consent =
// "given" and args.granted = the steps agreed to so far. A verb of several questions (`up`) does the granted
// steps and answers with the consent for the next one; "given" without "granted" agrees to everything. A
// "show" reply without "consent" had nothing to ask and is the answer. A refusal, or nobody to ask, is exit 3
// and nothing changed. Streamed parts: {"progress":"…"} is shown on stderr at a terminal; any other part is
// one NDJSON document.
//
// Thread: one, blocking.   Fails: the exit status of base/error.h's Exit.   Limits: kConsentRoundsMax
// questions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/service.h"
#include "base/result.h"

namespace rtt::cli {

inline constexpr int kConsentRoundsMax = 8;

enum class Where : std::uint8_t {
  kInProcess,  // answered in this process; no panel is started
  kPanel,      // the workspace's panel answers; it is started when none runs
  kPanelIfUp,  // the panel answers if one runs, else this process from what is on disk
};

// The workspace a verb means: a folder and how to search from it ("upward", or "exactly" after -C).
struct Place {
  std::string directory;
  std::string search = "upward";
};

struct ServiceNeed {
  Where where = Where::kInProcess;
  std::string verb;  // the service verb that will be asked, e.g. "mcp.import"
  Place place;
};

struct ServeArgs {  // rtt mcp serve [NAME…] [--as CLIENT] [--http ADDR:PORT …]
  Place place;
  std::vector<std::string> names;  // empty = every server
  std::string as;                  // empty = the client's own name
  std::string name_mode;           // empty = the workspace's
  bool meta = false;               // search, describe and call in place of the tools
  std::string http;                // empty = on stdin and stdout; the rest is of it
  bool allow_remote = false, no_token = false;
  bool no_provenance = false;  // of either
  std::vector<std::string> origins;
  std::string token_file;
};
struct PanelRunArgs {  // rtt panel run: the daemon itself, in the foreground
  Place place;
};
struct PrivateRunArgs {  // rtt run [--provider P] [--env E] -- CMD…: this process becomes CMD
  Place place;
  std::string provider, env;  // empty = not said
  std::vector<std::string> command;
  bool quiet = false;
};
struct NotRun {  // why it did not
  Error why;
  int status = 0;
};
struct DriverHostArgs {  // rtt driver-host …: started by the panel only
  Place place;
  std::vector<std::string> words;  // everything after "driver-host", untouched
};

// What main.cc wires in. Each returns an exit status, `service` the one to ask.
struct Ports {
  std::function<Result<std::unique_ptr<api::Service>>(const ServiceNeed&)> service;
  std::function<int(const ServeArgs&)> mcp_serve;
  std::function<int(const PanelRunArgs&)> panel_run;
  std::function<NotRun(const PrivateRunArgs&)> private_run;
  std::function<int(const DriverHostArgs&)> driver_host;
};

int run(int argc, char** argv, const Ports& ports);

}  // namespace rtt::cli
