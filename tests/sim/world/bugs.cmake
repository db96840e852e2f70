# SPDX-License-Identifier: Apache-2.0
# Seeded bugs: each is a real source of the product with one passage changed, compiled apart and linked in front of the
# honest one, as tests/sim/explore/bugs.cmake does. The world must find every one of them, by the law that is said here.
#
# world_bug(NAME LAW FILE FROM TO): FROM must stand in src/FILE exactly as it is given, once or more.
function(world_bug name law file from to)
  set(source ${CMAKE_SOURCE_DIR}/src/${file})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  file(READ ${source} honest)
  string(REPLACE "${from}" "${to}" planted "${honest}")
  if(planted STREQUAL honest)
    message(FATAL_ERROR "seeded bug ${name}: its passage was not found in ${source}")
  endif()
  set(copy ${CMAKE_BINARY_DIR}/generated/world_bugs/${name}.cc)
  file(CONFIGURE OUTPUT ${copy} CONTENT "@planted@" @ONLY)  # touches it only where it differs
  add_executable(world_bug_${name} ${copy} $<TARGET_OBJECTS:world_main>)
  target_link_libraries(world_bug_${name} PRIVATE rtt_world)
  target_compile_options(world_bug_${name} PRIVATE -w -O1)
  world_seam(world_bug_${name})
  set_target_properties(world_bug_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bugs)
  add_test(NAME world_bug_${name} COMMAND world_bug_${name} --bug --seeds 1000)
  set_tests_properties(world_bug_${name} PROPERTIES TIMEOUT 180 PASS_REGULAR_EXPRESSION "found: .*${law}")
endfunction()

world_bug(acknowledges_before_the_sync "the journal does not verify" journal/writer.cc
  [[return file_->sync_data();]]
  [[return {};]])
world_bug(leaves_lanes_of_routes_that_went "which is no route" panel/wiring.cc
  [[for (const std::uint64_t generation : left) close(generation);]]
  [[static_cast<void>(left);]])
world_bug(stays_up_with_a_dead_journal "no change can be made any more" panel/panel.cc
  [[if (!seqs && seqs.error().code != Code::kTooLarge) loop.post([&loop] { loop.stop(); });]]
  [[]])
world_bug(shows_what_was_not_committed "the answer and the journal disagree" panel/panel.cc
  [[RTT_TRY(fold.take(entry_of(]]
  [[if (type != journal::RecordType::kCommit) RTT_TRY(fold.take(entry_of(]])
world_bug(an_endpoint_looks_for_no_next_panel "is not attached" endpoint/attachment.cc
  [[desk.disconnected();
        retry();]]
  [[desk.disconnected();]])
world_bug(keeps_a_prepare_that_a_crash_cut_short "two changes at once" apply/recover.cc
  [[if (recovered.prepare) {]]
  [[if (false) {]])
world_bug(a_dead_driver_host_is_not_followed "(it does not come to rest|no change can be made any more)" panel/hosts.cc
  [[if (!serves || (exit->code == 0 && entry.start_time == 0)) return;]]
  [[if (exit) return;]])
