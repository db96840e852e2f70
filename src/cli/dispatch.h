// SPDX-License-Identifier: Apache-2.0
// dispatch: one command line on a given screen, from words to an exit status. run() is this on the real
// terminal.
//
// A verb's life: parse → (consent) → ask → print. Nothing is printed before it is known in which form; an
// error is printed once, on stdout under --json, else on stderr.
//
// Thread: one, blocking.   Fails: the exit status.   Limits: kConsentRoundsMax, kWordsMax.
#pragma once

#include <string>
#include <vector>

#include "cli/parse.h"
#include "cli/render.h"
#include "cli/run.h"
#include "cli/screen.h"

namespace rtt::cli {

// Everything a verb needs while it runs.
struct Session {
  const Command& command;
  const Ports& ports;
  const Screen& screen;
  Place place;      // absolute
  View view;        // for stdout
  Paint err_paint;  // for stderr

  [[nodiscard]] const Verb& verb() const { return *command.verb; }
  [[nodiscard]] std::string schema() const;  // "rtt.plan/1"
};

// The parts of dispatch, by file.
int run_service(const Session& session);   // ask.cc: every verb that one Service answers
int run_call(const Session& session);      // call.cc
int run_local(const Session& session);     // local.cc: explain, completion
int run_complete(const Session& session);  // complete.cc

// Prints an error in the form asked for; its exit status.
int print_error(const Session& session, const Error& error);
int dispatch(const std::vector<std::string>& words, const Ports& ports, const Screen& screen);

inline constexpr std::int64_t kWatchMs = 1000;

}  // namespace rtt::cli
