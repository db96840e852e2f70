// SPDX-License-Identifier: Apache-2.0
// What a Board knows of a lane and of a call; for the board's own files.
//
// Owns: the carrier.   Thread: the Board's.   Units: as board.h.   Fails: never.   Limits: as board.h.
#pragma once

#include "endpoint/board.h"
#include "telemetry/recorder.h"

namespace rtt::endpoint {

struct Board::Lane {
  Lane(Binding the_binding, os::Mapping the_page)
      : binding(std::move(the_binding)),
        page(std::move(the_page)),
        recorder(page.writable(), binding.route.id.value, binding.generation) {}

  Binding binding;
  os::Mapping page;
  telemetry::Recorder recorder;
  std::unique_ptr<Carrier> carrier;
  ShmFrom* shm_from = nullptr;  // the carrier, if it is one
  ShmTo* shm_to = nullptr;
  os::ProcessWatch::Id peer = 0;  // watched: who is at the other end
  Stage stage = Stage::kBuilt;
  std::map<std::uint32_t, CallId> asked;  // requests from here that have no reply yet
  std::map<std::uint32_t, Instant> owed;  // requests from there that have no reply yet, since when
  bool finished_there = false;            // the other end sent its last frame
  bool looked_at = false;                 // a look at its queue is under way
};

struct Board::Call {
  std::uint64_t lane = 0;
  std::uint32_t request = 0;
  os::Loop::TimerId timer = 0;
  Instant since;
  OnReply on_reply;
};

}  // namespace rtt::endpoint
