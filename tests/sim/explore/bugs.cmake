# SPDX-License-Identifier: Apache-2.0
# Seeded bugs: each is the real source of a step machine with one passage changed, compiled apart and linked in front of
# the honest one, so that the product has no switch for it. The explorer must find every one of them, by the kind of law
# that is said here, or its test fails.
#
# seeded_bug(NAME safety|liveness FILE FROM TO): FROM must stand in src/FILE exactly as it is given, once or more.
function(seeded_bug name kind file from to)
  set(source ${CMAKE_SOURCE_DIR}/src/${file})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  file(READ ${source} honest)
  string(REPLACE "${from}" "${to}" planted "${honest}")
  if(planted STREQUAL honest)
    message(FATAL_ERROR "seeded bug ${name}: its passage was not found in ${source}")
  endif()
  set(copy ${CMAKE_BINARY_DIR}/generated/bugs/${name}.cc)
  file(CONFIGURE OUTPUT ${copy} CONTENT "@planted@" @ONLY)  # touches it only where it differs
  add_library(planted_${name} OBJECT ${copy})  # spec/CMakeLists.txt links some of them too
  target_link_libraries(planted_${name} PRIVATE rtt_explore)
  target_compile_options(planted_${name} PRIVATE -w -O1)
  add_executable(bug_${name} $<TARGET_OBJECTS:planted_${name}> $<TARGET_OBJECTS:explore_main>)
  target_link_libraries(bug_${name} PRIVATE rtt_explore)
  set_target_properties(bug_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bugs)
  add_test(NAME explore_bug_${name} COMMAND bug_${name} --bugs)
  set_tests_properties(explore_bug_${name} PROPERTIES TIMEOUT 120 PASS_REGULAR_EXPRESSION "found by ${kind}: ")
endfunction()

# ---- the order of things
seeded_bug(flips_before_commit_is_durable safety apply/two_phase.cc
  [[if (actions.empty()) return write_commit();]]
  [[if (actions.empty()) {
    Actions both = write_commit();
    for (Action& each : begin_flip(now)) both.push_back(std::move(each));
    return both;
  }]])
seeded_bug(answers_before_flip safety apply/two_phase.cc
  [[if (lost_.empty()) return begin_flip(now);]]
  [[if (lost_.empty()) return settle(Settled::kCommitted, commit_seq_);]])
seeded_bug(commits_before_all_are_prepared safety apply/two_phase.cc
  [[if (!waiting_.empty()) return {};
  switch]]
  [[if (!waiting_.empty() && phase_ != Phase::kPreparing) return {};
  switch]])
seeded_bug(verifies_before_all_are_flipped safety apply/two_phase.cc
  [[if (!waiting_.empty()) return {};
  switch]]
  [[if (!waiting_.empty() && phase_ != Phase::kFlipping) return {};
  switch]])
seeded_bug(forgets_the_last_batch safety apply/two_phase.cc
  [[batch_ < plan().order.size() &&]]
  [[batch_ + 1 < plan().order.size() &&]])
seeded_bug(views_come_after_the_routes safety apply/two_phase.cc
  [[if (!std::exchange(views_begun_, true)) {]]
  [[if (batch_ != 0 && !std::exchange(views_begun_, true)) {]])
seeded_bug(skips_verification safety apply/two_phase.cc
  [[    case Phase::kFlipping:
      return begin_verify(now);]]
  [[    case Phase::kFlipping:
      return settle(Settled::kCommitted, commit_seq_);]])

# ---- who says no, is gone or late
seeded_bug(refusal_counts_as_done safety apply/two_phase.cc
  [[return trouble(named(Code::kNack, event.participant, event.route, event.error), now);]]
  [[return round_over(now);]])
seeded_bug(loss_counts_as_done safety apply/two_phase.cc
  [[return trouble(named(Code::kNack, event.participant, {}, cause), now);]]
  [[return round_over(now);]])
seeded_bug(loss_under_the_commit_is_forgotten safety apply/two_phase.cc
  [[if (lost_.empty()) return begin_flip(now);]]
  [[if (true) return begin_flip(now);]])
seeded_bug(answers_of_earlier_rounds_count safety apply/two_phase.cc
  [[return round == round_ && erase(waiting_, participant);]]
  [[return erase(waiting_, participant);]])
seeded_bug(lateness_is_forgiven safety apply/two_phase.cc
  [[return trouble(std::move(late), now);]]
  [[return round_over(now);]])
seeded_bug(failed_verification_is_ignored safety apply/two_phase.cc
  [[return roll_back(event.error);]]
  [[return settle(Settled::kCommitted, commit_seq_);]])

seeded_bug(hears_of_a_verification_after_its_answer safety apply/two_phase.cc
  [[if (phase_ != Phase::kVerifying) return {};
  return settle(]]
  [[if (phase_ != Phase::kVerifying && !finished()) return {};
  return settle(]])

# ---- the way back
seeded_bug(rollback_flips_nobody safety apply/two_phase.cc
  [[    if (contains(lost_, participant.name)) continue;
    insert(waiting_, participant.name);]]
  [[    if (back || contains(lost_, participant.name)) continue;
    insert(waiting_, participant.name);]])
seeded_bug(abort_tells_nobody safety apply/two_phase.cc
  [[if (!contains(lost_, name)) actions.push_back(Abort{name});]]
  [[]])
seeded_bug(silence_in_a_rollback_is_not_told safety apply/two_phase.cc
  [[for (const std::string& name : unconfirmed_) insert(answer.detached, name);]]
  [[]])
seeded_bug(doubt_is_called_rollback safety apply/two_phase.cc
  [[return settle(Settled::kInDoubt, job_->start.base_seq);]]
  [[return settle(Settled::kRolledBack, job_->start.base_seq);]])
seeded_bug(files_stay_when_it_is_aborted safety apply/two_phase.cc
  [[write_ == 0 ? write_abort() : write_accepted(inverse(accepted()))]]
  [[write_abort()]])
seeded_bug(half_written_files_are_accepted safety apply/two_phase.cc
  [[if (phase_ == Phase::kPreparing) return abort(event.error);]]
  [[if (phase_ == Phase::kPreparing) return begin_round({});]])

# ---- recovery and reconciliation
seeded_bug(recovery_drops_the_last_commit safety apply/recover.cc
  [[state_.root = record.after;]]
  [[state_.root = record.before;]])
seeded_bug(recovery_forgets_a_rollback safety apply/recover.cc
  [[if (recovered.rollback) {
    const]]
  [[if (false) {
    const]])
seeded_bug(recovery_does_not_see_a_rollback safety apply/recover.cc
  [[return take_rollback(entry);]]
  [[return {};]])
seeded_bug(recovery_leaves_a_prepare safety apply/recover.cc
  [[if (recovered.prepare) {]]
  [[if (false) {]])
seeded_bug(recovery_rolls_back_to_what_is safety apply/recover.cc
  [[rollback.root = commit->root;]]
  [[rollback.root = state_.root;]])
seeded_bug(recovery_leaves_files safety apply/recover.cc
  [[return recovered.prepare ? inverse(recovered.prepare->record.accepted) : AcceptedChanges();]]
  [[return {};]])
seeded_bug(torn_tail_ends_a_rollback safety apply/recover.cc
  [[    case RecordType::kAudit:
      return {};]]
  [[    case RecordType::kAudit:
      state_.rollback.reset();
      return {};]])
seeded_bug(applies_twice safety apply/reconcile.cc
  [[if (taken_back(committed.graph, plan)) return Decision::kUnchanged;]]
  [[]])
seeded_bug(takes_a_stale_plan safety apply/reconcile.cc
  [[if (model::graph_root(committed.graph) == plan.base) return]]
  [[return]])

# ---- the canary
seeded_bug(canary_promotes_before_its_window_is_over safety apply/canary.cc
  [[const bool over = now >= end_;]]
  [[const bool over = true;]])
seeded_bug(canary_promotes_what_nobody_used safety apply/canary.cc
  [[if (auto silent = unproven(event.part, unused_)) return go_back(*std::move(silent));]]
  [[]])
seeded_bug(canary_forgives_errors safety apply/canary.cc
  [[if (auto bad = too_many_errors(event.part, event.rest)) return go_back(*std::move(bad));]]
  [[]])
seeded_bug(canary_waits_for_a_third_slow_look safety apply/canary.cc
  [[if (slow > 1 ||]]
  [[if (slow > 2 ||]])
seeded_bug(canary_goes_back_for_one_slow_call liveness apply/canary.cc
  [[if (slow > 1 || (slow > 0 && looked_again_)) return]]
  [[if (slow > 0) return]])
seeded_bug(canary_promotes_what_was_slow_at_last safety apply/canary.cc
  [[looked_again_ = over && slow > 0;]]
  [[looked_again_ = false;]])
seeded_bug(canary_forgets_budgets safety apply/canary.cc
  [[const int slow = std::max(slow_looks_, event.budget.over);]]
  [[const int slow = slow_looks_;]])
seeded_bug(canary_looks_again_for_ever safety apply/canary.cc
  [[if (slow > 1 || (slow > 0 && looked_again_)) return]]
  [[if (slow > 1) return]])
seeded_bug(canary_forgets_a_slow_look_that_nobody_called_after safety apply/canary.cc
  [[} else if (event.compares()) {]]
  [[} else {]])
seeded_bug(canary_forgets_who_left_while_it_was_wired safety apply/canary.cc
  [[if (!reason_.message.empty()) return go_back(reason_);]]
  [[]])
seeded_bug(canary_stays_with_a_lost_host safety apply/canary.cc
  [[if (phase_ == Phase::kWatching) return go_back(std::move(lost));]]
  [[]])
seeded_bug(canary_calls_a_refused_promotion_done safety apply/canary.cc
  [[return done ? answer(CanaryAnswer::State::kPromoted) : go_back(event.reason);]]
  [[return answer(CanaryAnswer::State::kPromoted);]])
seeded_bug(canary_says_it_went_back_and_did_not safety apply/canary.cc
  [[return answer(CanaryAnswer::State::kStays);]]
  [[return answer(CanaryAnswer::State::kRolledBack);]])
seeded_bug(canary_hears_answers_of_other_changes safety apply/canary.cc
  [[if (!ours) return {};]]
  [[if (phase_ == Phase::kDone) return {};]])
seeded_bug(canary_goes_back_for_ever liveness apply/canary.cc
  [[if (back_tries_ < kBackTries) return go_back(reason_);]]
  [[if (true) return go_back(reason_);]])
seeded_bug(canary_looks_no_more liveness apply/canary.cc
  [[if (!over) return {CanaryLookAt{.at = std::min(now + kCanaryLook, end_)}};]]
  [[if (!over) return {};]])
seeded_bug(recovery_forgets_a_canary_that_came_back safety apply/recover.cc
  [[state_.canary = state_.canary_before;
    return;]]
  [[return;]])
seeded_bug(recovery_takes_a_promoted_canary_back safety apply/recover.cc
  [[state_.canary_before = std::exchange(state_.canary, std::nullopt);]]
  [[state_.canary_before = state_.canary;]])

# ---- runs that do not end
seeded_bug(nobody_watches_a_prepare liveness apply/two_phase.cc
  [[actions.push_back(timer(now, rolling_back() ? options_.rollback_max : options_.prepare_max));]]
  [[]])
seeded_bug(nobody_watches_a_flip liveness apply/two_phase.cc
  [[actions.push_back(timer(now, back ? options_.rollback_max : options_.flip_max));]]
  [[]])
seeded_bug(abort_is_never_recorded liveness apply/two_phase.cc
  [[return {AppendJournal{journal::RecordType::kAbort, to_json(record), Written::kAbort}};]]
  [[return {};]])
seeded_bug(way_back_waits_for_who_refused liveness apply/two_phase.cc
  [[    case Phase::kRollbackPreparing:  // the way back goes on without whoever is in its way
    case Phase::kRollbackFlipping:
      return round_over(now);]]
  [[    case Phase::kRollbackPreparing:
    case Phase::kRollbackFlipping:
      return {};]])
seeded_bug(waits_for_a_timer_after_the_flip liveness apply/two_phase.cc
  [[return {Verify{job_->target}, timer(now, options_.verify_max)};]]
  [[return {timer(now, options_.verify_max)};]])
seeded_bug(verifies_for_ever liveness apply/two_phase.cc
  [[return trouble(std::move(late), now);]]
  [[return phase_ == Phase::kVerifying ? begin_verify(now) : trouble(std::move(late), now);]])
