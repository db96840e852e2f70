// SPDX-License-Identifier: Apache-2.0
// Conformance: whether a driver keeps to the driver protocol, told apart check by check (`rtt driver test`).
//
// Runs the driver as a host would and plays a fixed scene: what a host relies on, and what a host must
// survive without harm from it. Each check has a name, an outcome and the reason; a driver may refuse base64
// on the line wire and declare no probe or health, which is `skipped`, not failed. One check for the json and
// the line wire; a native driver must attach to a panel, stay and end when told, what it answers is not
// looked at.
//
// Owns: the child while it runs.   Thread: one; blocks until the scene ends.
// Fails: kNotFound (no driver there), kBadConfig, kDriverStart (it cannot be started). A driver that
// misbehaves is an outcome, not an error.
// Limits: kCheckWaitMs an answer, so a silent driver costs seconds and not for ever.
#pragma once

#include <string>
#include <vector>

#include "drivers/wire.h"
#include "model/connector.h"

namespace rtt::drivers {

inline constexpr std::int64_t kCheckWaitMs = 3'000;
inline constexpr std::int64_t kIdleWatchMs = 200;  // how long an idle driver is listened to

struct CheckOutcome {
  std::string name;
  enum class State : std::uint8_t { kPassed, kFailed, kSkipped } state = State::kPassed;
  std::string detail;
};
std::string_view to_string(CheckOutcome::State state);

struct Conformance {
  std::string name, language;
  std::vector<CheckOutcome> checks;
  std::string stderr_text;  // the end of it, kStderrShownMax bytes
  [[nodiscard]] bool ok() const;
  void keep_stderr(std::string_view text);
};
inline constexpr std::size_t kStderrShownMax = 2'000;

struct ConformanceOptions {
  std::string folder;          // ${driver}
  std::string workspace_root;  // ${workspace}; the folder where there is none
  std::string saddr;           // what links are opened for
  text::Json params;           // with these parameters
  std::string payload;         // what is sent; the answer may be anything
};
Result<Conformance> check_driver(const model::Connector& connector, const ConformanceOptions& options);

}  // namespace rtt::drivers
