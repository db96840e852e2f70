// SPDX-License-Identifier: Apache-2.0
// Run: `rtt chaos run` as a Service (docs/cli/chaos.md): every case of a file, so many times, each with a
// verdict.
//
// A case goes: a new panel in the copy, the load up, the schedule's blows while changes and calls go on, the
// time until everything is as before, the load's counts, the journal, and what is still held. Only verdict.h
// says what that is worth.
//
// Owns: the rig and the load while it runs.   Thread: one, blocking; SIGINT and SIGTERM end the run and all
// that it started.   Units: milliseconds.
// Fails: as Rig, read_cases and aim_at; kCancelled. A case that breaks a promise is no error but the answer's
// exit status 1.   Limits: kChaosRunsMax runs, kReadyMs for the load to be up.
#pragma once

#include "api/service.h"

namespace rtt::chaos {

inline constexpr std::int64_t kChaosRunsMax = 100'000;
inline constexpr std::int64_t kReadyMs = 30'000;

class ChaosService final : public api::Service {
 public:
  Result<api::Reply> ask(const api::Ask& ask, const std::function<void(text::Json)>& on_part) override;
};

}  // namespace rtt::chaos
