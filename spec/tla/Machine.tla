------------------------------ MODULE Machine -------------------------------
(* SPDX-License-Identifier: Apache-2.0                                      *)
(* The step machine of one plan: src/apply/two_phase.cc, event by event and *)
(* under its names. Each operator takes the machine `m` and gives back an   *)
(* effect: the machine afterwards and what the shell is to perform.         *)
(*                                                                          *)
(*   idle -> recording -> filing -> preparing -> committing -> flipping     *)
(*        -> verifying -> idle                                              *)
(*   no COMMIT yet:  unfiling -> aborting -> idle                           *)
(*   after it:       back_recording -> back_filing -> back_preparing        *)
(*                   -> back_committing -> back_flipping -> idle            *)
(*                                                                          *)
(* The code calls recording, filing and preparing all `preparing`, and so   *)
(* on: it tells them apart by its round and by the write it waits for.      *)
EXTENDS Ledger, FiniteSets

CONSTANTS
  P,        \* the participants: driver hosts, the endpoints, the views
  Forward,  \* who must bring something up before the COMMIT, batch by batch (views are a batch before all)
  Back,     \* the same for the way back
  Accepts   \* whether the plan changes manifests of MCP servers too

BackPhases == {"back_recording", "back_filing", "back_preparing", "back_committing", "back_flipping"}
Phases == {"idle", "recording", "filing", "preparing", "committing", "flipping", "verifying", "unfiling",
           "aborting"} \cup BackPhases
NoAnswer == [state |-> "none", graph |-> None, seq |-> 0]

\* Rounds go on from plan to plan, so that an answer to an earlier one is told by its round; `first` is the last
\* round before this plan.
IdleMachine ==
  [phase |-> "idle", round |-> 0, first |-> 0, batch |-> 1, base |-> Empty, target |-> Empty, seq |-> 0, asked |-> {},
   lost |-> {}, owing |-> {}, silent |-> {}, timer |-> FALSE, checking |-> FALSE, answer |-> NoAnswer,
   detached |-> {}]

Min(set) == CHOOSE n \in set : \A other \in set : n <= other

\* ---- effects ----

Nobody == [p \in P |-> <<>>]
Quiet(m) == [m |-> m, write |-> <<>>, send |-> Nobody, file |-> <<>>]
Write(m, record) == [Quiet(m) EXCEPT !.write = <<record>>]
File(m, graph) == [Quiet(m) EXCEPT !.file = <<graph>>]
To(set, letter) == [p \in P |-> IF p \in set THEN <<letter>> ELSE <<>>]

\* ---- phases ----

RollingBack(m) == m.phase \in BackPhases

Settle(m, state) ==
  LET graph == CASE state = "committed" -> m.target [] state = "rolled_back" -> m.base [] OTHER -> None
  IN Quiet([m EXCEPT !.phase = "idle", !.owing = {},
                     !.answer = [state |-> state, graph |-> graph, seq |-> m.seq],
                     !.detached = @ \cup m.lost \cup m.silent])

\* Who has not confirmed is gone or silent: the answer says so, and the shell carries no frame of theirs until
\* they attach again and are given the graph in force.

WriteCommit(m) ==
  IF RollingBack(m) THEN Write([m EXCEPT !.phase = "back_committing"], Record("COMMIT", m.target, m.base))
  ELSE Write([m EXCEPT !.phase = "committing"], Record("COMMIT", m.base, m.target))

\* The next batch in which somebody who is not lost has something to bring up; after the last one, the COMMIT.
BeginRound(m) ==
  LET order == IF RollingBack(m) THEN Back ELSE Forward
      kind  == IF RollingBack(m) THEN "restore" ELSE "prepare"
      rest  == {b \in m.batch..Len(order) : order[b] \ m.lost # {}}
      next  == [m EXCEPT !.round = @ + 1, !.owing = {}, !.batch = Len(order) + 1]
  IN IF rest = {} THEN WriteCommit(next)
     ELSE LET b == Min(rest)
              asks == order[b] \ m.lost
          IN [Quiet([next EXCEPT !.batch = b + 1, !.owing = asks, !.asked = @ \cup asks, !.timer = TRUE])
              EXCEPT !.send = To(asks, [kind |-> kind, round |-> next.round, what |-> b])]

BeginVerify(m) == Quiet([m EXCEPT !.phase = "verifying", !.checking = TRUE, !.timer = TRUE])

RoundOver(m) ==
  IF m.owing # {} THEN Quiet(m)
  ELSE CASE m.phase \in {"preparing", "back_preparing"} -> BeginRound(m)
         [] m.phase = "flipping"                        -> BeginVerify(m)
         [] m.phase = "back_flipping"                   -> Settle(m, "rolled_back")
         [] OTHER                                       -> Quiet(m)

BeginFlip(m) ==
  LET back == RollingBack(m)
      asks == P \ m.lost
      next == [m EXCEPT !.phase = IF back THEN "back_flipping" ELSE "flipping", !.round = @ + 1,
                        !.owing = asks]
  IN IF asks = {} THEN RoundOver(next)
     ELSE [Quiet([next EXCEPT !.timer = TRUE])
           EXCEPT !.send = To(asks, [kind |-> "flip", round |-> next.round,
                                     what |-> IF back THEN m.base ELSE m.target])]

\* Nothing is committed: drop what was prepared, put the manifests back, and say so.
Abort(m) ==
  LET touched == Accepts /\ m.phase # "recording"
      next == [m EXCEPT !.phase = IF touched THEN "unfiling" ELSE "aborting", !.owing = {}]
      effect == IF touched THEN File(next, m.base) ELSE Write(next, Record("ABORT", None, None))
  IN [effect EXCEPT !.send = To(m.asked \ m.lost, [kind |-> "drop", round |-> 0, what |-> None])]

\* Committed, and it shall not stay: the decision is durable before anybody turns round.
RollBack(m) == Write([m EXCEPT !.phase = "back_recording", !.owing = {}], Record("ROLLBACK", None, m.base))

\* Somebody refused, is gone or late.
Trouble(m) ==
  CASE m.phase \in {"recording", "filing", "preparing"}  -> Abort(m)
    [] m.phase \in {"flipping", "verifying"}             -> RollBack(m)
    [] m.phase \in {"back_preparing", "back_flipping"}   -> RoundOver(m)  \* the way back leaves them behind
    [] OTHER                                             -> Quiet(m)  \* committing: first learn, then take back

\* ---- events ----

OnStart(m, base, target, seq) ==
  Write([m EXCEPT !.phase = "recording", !.first = m.round, !.batch = 1, !.base = base, !.target = target, !.seq = seq,
                  !.asked = {}, !.lost = {}, !.owing = {}, !.silent = {}, !.timer = FALSE, !.checking = FALSE,
                  !.answer = NoAnswer],
        Record("PREPARE", base, target))

OnDurable(m, type, seq) ==
  CASE type = "PREPARE" /\ m.phase = "recording" ->
         IF Accepts THEN File([m EXCEPT !.phase = "filing"], m.target)
         ELSE BeginRound([m EXCEPT !.phase = "preparing"])
    [] type = "COMMIT" /\ m.phase = "committing" ->
         LET next == [m EXCEPT !.seq = seq] IN IF m.lost = {} THEN BeginFlip(next) ELSE RollBack(next)
    [] type = "ABORT" /\ m.phase = "aborting" -> Settle(m, "rolled_back")
    [] type = "ROLLBACK" /\ m.phase = "back_recording" ->
         LET next == [m EXCEPT !.batch = 1]
         IN IF Accepts THEN File([next EXCEPT !.phase = "back_filing"], m.base)
            ELSE BeginRound([next EXCEPT !.phase = "back_preparing"])
    [] type = "COMMIT" /\ m.phase = "back_committing" -> BeginFlip([m EXCEPT !.seq = seq])
    [] OTHER -> Quiet(m)

\* Under a COMMIT or ROLLBACK nobody knows what the disk holds: touch nobody, and let recovery decide.
OnJournalFailed(m) ==
  CASE m.phase \in {"recording", "aborting"}                          -> Settle(m, "rolled_back")
    [] m.phase \in {"committing", "back_recording", "back_committing"} -> Settle(m, "in_doubt")
    [] OTHER                                                          -> Quiet(m)

OnAcceptedWritten(m) ==
  CASE m.phase = "filing"      -> BeginRound([m EXCEPT !.phase = "preparing"])
    [] m.phase = "back_filing" -> BeginRound([m EXCEPT !.phase = "back_preparing"])
    [] m.phase = "unfiling"    -> Write([m EXCEPT !.phase = "aborting"], Record("ABORT", None, None))
    [] OTHER                   -> Quiet(m)

OnAcceptedFailed(m) ==
  CASE m.phase = "filing"                        -> Abort(m)
    [] m.phase \in {"unfiling", "back_filing"}   -> Settle(m, "in_doubt")
    [] OTHER                                     -> Quiet(m)

Owed(m, p, round) == round = m.round /\ p \in m.owing

OnPrepareDone(m, p, round) ==
  IF m.phase \in {"preparing", "back_preparing"} /\ Owed(m, p, round)
  THEN RoundOver([m EXCEPT !.owing = @ \ {p}]) ELSE Quiet(m)

OnFlipDone(m, p, round) ==
  IF m.phase \in {"flipping", "back_flipping"} /\ Owed(m, p, round)
  THEN RoundOver([m EXCEPT !.owing = @ \ {p}]) ELSE Quiet(m)

OnNack(m, p, round) ==
  IF ~Owed(m, p, round) THEN Quiet(m)
  ELSE Trouble([m EXCEPT !.owing = @ \ {p},
                         !.silent = IF m.phase = "back_flipping" THEN @ \cup {p} ELSE @])

OnParticipantLost(m, p) ==
  IF m.phase = "idle" THEN Quiet(m)
  ELSE LET next == [m EXCEPT !.lost = @ \cup {p}, !.owing = @ \ {p}]
       IN IF RollingBack(m) /\ p \notin m.owing THEN Quiet(next) ELSE Trouble(next)

OnTimeout(m) ==
  CASE m.phase \in {"preparing", "flipping", "back_preparing", "back_flipping"} /\ m.owing # {} ->
         Trouble([m EXCEPT !.owing = {},
                           !.silent = IF m.phase = "back_flipping" THEN @ \cup m.owing ELSE @])
    [] m.phase = "verifying" -> Trouble(m)
    [] OTHER -> Quiet(m)

OnVerifyOk(m) == IF m.phase = "verifying" THEN Settle(m, "committed") ELSE Quiet(m)
OnVerifyFailed(m) == IF m.phase = "verifying" THEN RollBack(m) ELSE Quiet(m)
=============================================================================
