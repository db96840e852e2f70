------------------------------- MODULE Apply --------------------------------
(* SPDX-License-Identifier: Apache-2.0                                      *)
(* From the sources to the wiring: scan, plan, two-phase commit, verify,    *)
(* rollback, in a world where messages get lost, answers come twice,        *)
(* participants refuse and die, the journal fails, and the panel is killed  *)
(* at any moment and leaves a torn tail. Ledger.tla says what a journal     *)
(* means, Machine.tla how one plan is carried through; here they meet the   *)
(* world. Each action names the code it mirrors. spec/invariants.md tells   *)
(* the invariants in words.                                                 *)
EXTENDS Machine

CONSTANTS
  Budget  \* a record: how often users act and each fault happens in one run, see `left`

VARIABLES
  src,    \* [tree, snapshot, plan]: the sources, what was scanned of them, the sealed plan that waits
  jnl,    \* [disk, queue, news, broken]: the journal, what was handed to it, what it has to report
  panel,  \* "up", "stopped" (in doubt), "down", "recovering"
  m,      \* the machine
  who,    \* by participant: [alive, carries, up, inbox, outbox]
  ws,     \* [files, writes]: whose manifests lie in the workspace, and writes under way
  left,   \* what of Budget is left: [edits, plans, nacks, deaths, losses, doubles, verifies, journals, files,
          \* crashes]
  ghost   \* [refused, acked]: seen by the invariants only

vars == <<src, jnl, panel, m, who, ws, left, ghost>>

NoPlan == [base |-> None, target |-> None]
Calm == [alive |-> TRUE, carries |-> Empty, up |-> {}, inbox |-> <<>>, outbox |-> <<>>]

Init ==
  /\ src = [tree |-> 1, snapshot |-> 0, plan |-> NoPlan]
  /\ jnl = [disk |-> <<>>, queue |-> <<>>, news |-> <<>>, broken |-> FALSE]
  /\ panel = "up"
  /\ m = IdleMachine
  /\ who = [p \in P |-> Calm]
  /\ ws = [files |-> Empty, writes |-> <<>>]
  /\ left = Budget
  /\ ghost = [refused |-> FALSE, acked |-> [seq |-> 0, graph |-> Empty]]

Spend(what) == left[what] > 0 /\ left' = [left EXCEPT ![what] = @ - 1]

\* The shell performs an effect (src/panel/transition.cc, Transition::perform): records are handed to the
\* journal, letters to those who live, manifests to the disk. What it answers is remembered for the invariants.
Perform(effect, journal, parties, files, isRefused) ==
  LET told == effect.m.answer
      answered == effect.m.phase = "idle" /\ m.phase # "idle" /\ told.state \in {"committed", "rolled_back"}
  IN /\ m' = effect.m
     /\ jnl' = [journal EXCEPT !.queue = @ \o effect.write]
     /\ who' = [p \in P |-> IF parties[p].alive THEN [parties[p] EXCEPT !.inbox = @ \o effect.send[p]]
                            ELSE parties[p]]
     /\ ws' = [files EXCEPT !.writes = @ \o effect.file]
     /\ panel' = IF effect.m.phase = "idle" /\ m.phase # "idle" /\ told.state = "in_doubt"
                 THEN "stopped" ELSE panel
     /\ ghost' = [refused |-> isRefused,
                  acked |-> IF answered THEN [seq |-> told.seq, graph |-> told.graph] ELSE ghost.acked]

-----------------------------------------------------------------------------
(* Scan and plan: verbs of the command line, no panel needed. *)

\* Somebody edits the sources.
Edit ==
  /\ Spend("edits")
  /\ src' = [src EXCEPT !.tree = @ + 1]
  /\ UNCHANGED <<jnl, panel, m, who, ws, ghost>>

\* src/registry/ingest.cc: what is signed becomes the snapshot.
Scan ==
  /\ src.snapshot # src.tree
  /\ src' = [src EXCEPT !.snapshot = src.tree]
  /\ UNCHANGED <<jnl, panel, m, who, ws, left, ghost>>

\* src/panel/planning.cc: a plan binds the graph it starts from, as the journal says it at that moment; the
\* panel may be applying another one.
Plan ==
  /\ src.plan = NoPlan
  /\ src.snapshot # Force(jnl.disk)
  /\ Spend("plans")
  /\ src' = [src EXCEPT !.plan = [base |-> Force(jnl.disk), target |-> src.snapshot]]
  /\ UNCHANGED <<jnl, panel, m, who, ws, ghost>>

\* rtt rollback SEQ, rtt undo (src/panel/verbs_ledger.cc): a plan to a graph that was committed before.
PlanBack(graph) ==
  /\ src.plan = NoPlan
  /\ graph # Force(jnl.disk)
  /\ Spend("plans")
  /\ src' = [src EXCEPT !.plan = [base |-> Force(jnl.disk), target |-> graph]]
  /\ UNCHANGED <<jnl, panel, m, who, ws, ghost>>

\* rtt apply (src/panel/changes.cc, reconcile.cc decide): already so, stale, or begin. A plan that would meet
\* a detached participant waits here; the code answers it with a NACK.
Start ==
  LET now == Fold(jnl.disk)
      plan == src.plan
      said(state) == [state |-> state, graph |-> now.graph, seq |-> now.seq]
  IN /\ panel = "up" /\ m.phase = "idle"
     /\ plan # NoPlan
     /\ jnl.queue = <<>> /\ jnl.news = <<>> /\ ws.writes = <<>>
     /\ m.detached = {} /\ \A p \in P : who[p].alive
     /\ src' = [src EXCEPT !.plan = NoPlan]
     /\ IF now.graph = plan.target
        THEN m' = [m EXCEPT !.answer = said("unchanged")] /\ UNCHANGED <<jnl, panel, who, ws, ghost>>
        ELSE IF now.graph # plan.base
        THEN m' = [m EXCEPT !.answer = said("stale")] /\ UNCHANGED <<jnl, panel, who, ws, ghost>>
        ELSE Perform(OnStart(m, plan.base, plan.target, now.seq), jnl,
                     [p \in P |-> [who[p] EXCEPT !.up = {}, !.outbox = <<>>]], ws, FALSE)
     /\ UNCHANGED left

-----------------------------------------------------------------------------
(* Participants. Messages to one of them keep their order. *)

Letter(p) == Head(who[p].inbox)
Read(p) == [who EXCEPT ![p].inbox = Tail(@)]
Reply(parties, p, kind, round) ==
  [parties EXCEPT ![p].outbox = Append(@, [kind |-> kind, round |-> round])]
Got(p, kinds) == who[p].inbox # <<>> /\ Letter(p).kind \in kinds

\* Wiring::prepare; shell's prepare_views for the views.
Prepares(p) ==
  /\ Got(p, {"prepare", "restore"})
  /\ LET read == IF Letter(p).kind = "restore" THEN Read(p)
                 ELSE [Read(p) EXCEPT ![p].up = @ \cup {Letter(p).what}]
     IN who' = Reply(read, p, "prepared", Letter(p).round)
  /\ UNCHANGED <<src, jnl, panel, m, ws, left, ghost>>

\* Wiring::flip, show_views.
Flips(p) ==
  /\ Got(p, {"flip"})
  /\ who' = Reply([Read(p) EXCEPT ![p].carries = Letter(p).what], p, "flipped", Letter(p).round)
  /\ UNCHANGED <<src, jnl, panel, m, ws, left, ghost>>

\* Wiring::drop_built.
Drops(p) ==
  /\ Got(p, {"drop"})
  /\ who' = [Read(p) EXCEPT ![p].up = {}]
  /\ UNCHANGED <<src, jnl, panel, m, ws, left, ghost>>

Refuses(p) ==
  /\ Got(p, {"prepare", "restore", "flip"})
  /\ Spend("nacks")
  /\ who' = Reply(Read(p), p, "nack", Letter(p).round)
  /\ ghost' = [ghost EXCEPT !.refused = @ \/ Letter(p).round > m.first]
  /\ UNCHANGED <<src, jnl, panel, m, ws>>

\* Its process ends while a plan is under way; what it had answered still arrives, then the end of its socket.
Dies(p) ==
  /\ who[p].alive /\ m.phase # "idle"
  /\ Spend("deaths")
  /\ who' = Reply([who EXCEPT ![p].alive = FALSE, ![p].inbox = <<>>], p, "lost", 0)
  /\ UNCHANGED <<src, jnl, panel, m, ws, ghost>>

Lose(p) ==
  /\ who[p].inbox # <<>>
  /\ Spend("losses")
  /\ who' = Read(p)
  /\ UNCHANGED <<src, jnl, panel, m, ws, ghost>>

Double(p) ==
  /\ who[p].outbox # <<>>
  /\ Spend("doubles")
  /\ who' = [who EXCEPT ![p].outbox = Append(@, Head(@))]
  /\ UNCHANGED <<src, jnl, panel, m, ws, ghost>>

\* It attaches, again or after a restart, and is given the graph in force (src/panel/hosts.cc, wiring.cc).
\* The code lets it attach while a plan is under way too; the plan has counted it as lost then.
Attach(p) ==
  /\ panel = "up" /\ m.phase = "idle"
  /\ p \in m.detached \/ ~who[p].alive
  /\ who' = [who EXCEPT ![p] = [Calm EXCEPT !.carries = Force(jnl.disk)]]
  /\ m' = [m EXCEPT !.detached = @ \ {p}]
  /\ UNCHANGED <<src, jnl, panel, ws, left, ghost>>

-----------------------------------------------------------------------------
(* The panel hears. *)

Answers(p, kind) == panel \in {"up", "stopped"} /\ who[p].outbox # <<>> /\ Head(who[p].outbox).kind = kind
Heard(p) == [who EXCEPT ![p].outbox = Tail(@)]
RoundOf(p) == Head(who[p].outbox).round

PrepareDone(p) ==
  /\ Answers(p, "prepared")
  /\ Perform(OnPrepareDone(m, p, RoundOf(p)), jnl, Heard(p), ws, ghost.refused)
  /\ UNCHANGED <<src, left>>

FlipDone(p) ==
  /\ Answers(p, "flipped")
  /\ Perform(OnFlipDone(m, p, RoundOf(p)), jnl, Heard(p), ws, ghost.refused)
  /\ UNCHANGED <<src, left>>

Nack(p) ==
  /\ Answers(p, "nack")
  /\ Perform(OnNack(m, p, RoundOf(p)), jnl, Heard(p), ws, ghost.refused)
  /\ UNCHANGED <<src, left>>

ParticipantLost(p) ==
  /\ Answers(p, "lost")
  /\ Perform(OnParticipantLost(m, p), jnl, Heard(p), ws, ghost.refused \/ m.phase # "idle")
  /\ UNCHANGED <<src, left>>

\* A timer may fire at any time: nothing is assumed of clocks.
Timeout ==
  /\ m.timer
  /\ Perform(OnTimeout([m EXCEPT !.timer = FALSE]), jnl, who, ws, ghost.refused)
  /\ UNCHANGED <<src, left>>

\* Transition::perform(Verify): every participant says that it is well.
VerifyOk ==
  /\ m.checking
  /\ Perform(OnVerifyOk([m EXCEPT !.checking = FALSE]), jnl, who, ws, ghost.refused)
  /\ UNCHANGED <<src, left>>

VerifyFailed ==
  /\ m.checking
  /\ Spend("verifies")
  /\ Perform(OnVerifyFailed([m EXCEPT !.checking = FALSE]), jnl, who, ws,
             ghost.refused \/ m.phase = "verifying")
  /\ UNCHANGED src

-----------------------------------------------------------------------------
(* The journal: src/journal. A record is durable when its fdatasync has returned. *)

Report(journal, type, ok) ==
  [journal EXCEPT !.queue = Tail(@),
                  !.news = Append(@, [type |-> type, seq |-> IF ok THEN Len(journal.disk) ELSE 0, ok |-> ok])]
OnDisk(journal) == [journal EXCEPT !.disk = Append(@, Head(journal.queue))]

JournalWrites ==
  /\ jnl.queue # <<>> /\ ~jnl.broken
  /\ jnl' = Report(OnDisk(jnl), Head(jnl.queue).type, TRUE)
  /\ UNCHANGED <<src, panel, m, who, ws, left, ghost>>

\* It fails, before the bytes are on disk or after, and takes nothing from then on.
JournalFails(written) ==
  /\ jnl.queue # <<>> /\ ~jnl.broken
  /\ Spend("journals")
  /\ jnl' = [Report(IF written THEN OnDisk(jnl) ELSE jnl, Head(jnl.queue).type, FALSE)
             EXCEPT !.broken = TRUE]
  /\ UNCHANGED <<src, panel, m, who, ws, ghost>>

JournalRefuses ==
  /\ jnl.queue # <<>> /\ jnl.broken
  /\ jnl' = Report(jnl, Head(jnl.queue).type, FALSE)
  /\ UNCHANGED <<src, panel, m, who, ws, left, ghost>>

JournalReports ==
  /\ jnl.news # <<>>
  /\ LET news == Head(jnl.news)
         heard == [jnl EXCEPT !.news = Tail(@)]
         effect == IF news.ok THEN OnDurable(m, news.type, news.seq) ELSE OnJournalFailed(m)
     IN Perform(effect, heard, who, ws, ghost.refused)
  /\ UNCHANGED <<src, left>>

\* Manifests that a plan accepts or puts back (src/panel/acceptance.cc, put_accepted). Only the answer to the
\* last write counts.
AcceptedWritten ==
  /\ ws.writes # <<>>
  /\ LET done == [files |-> Head(ws.writes), writes |-> Tail(ws.writes)]
         effect == IF Len(ws.writes) = 1 THEN OnAcceptedWritten(m) ELSE Quiet(m)
     IN Perform(effect, jnl, who, done, ghost.refused)
  /\ UNCHANGED <<src, left>>

AcceptedFailed ==
  /\ ws.writes # <<>>
  /\ Spend("files")
  /\ LET half == [files |-> Mixed, writes |-> Tail(ws.writes)]
         effect == IF Len(ws.writes) = 1 THEN OnAcceptedFailed(m) ELSE Quiet(m)
     IN Perform(effect, jnl, who, half, TRUE)
  /\ UNCHANGED src

-----------------------------------------------------------------------------
(* Crash and recovery. *)

\* kill -9, or power: of what was handed over but not reported, any beginning is on disk, perhaps with a torn
\* record after it. Sockets end; participants keep carrying what they carry. A panel in doubt stops by itself.
Crash(survived, torn) ==
  /\ panel # "down"
  /\ IF panel = "stopped" THEN UNCHANGED left ELSE Spend("crashes")
  /\ survived <= IF jnl.broken THEN 0 ELSE Len(jnl.queue)
  /\ torn => \/ survived < (IF jnl.broken THEN 0 ELSE Len(jnl.queue))
             \/ panel = "recovering" /\ Repairs(Fold(jnl.disk)) # <<>>
  /\ jnl' = [disk |-> jnl.disk \o SubSeq(jnl.queue, 1, survived) \o (IF torn THEN <<Torn>> ELSE <<>>),
             queue |-> <<>>, news |-> <<>>, broken |-> FALSE]
  /\ panel' = "down"
  /\ m' = [IdleMachine EXCEPT !.detached = P]
  /\ who' = [p \in P |-> [who[p] EXCEPT !.inbox = <<>>, !.outbox = <<>>, !.up = {}]]
  /\ ws' = [files |-> IF ws.writes = <<>> THEN ws.files ELSE Mixed, writes |-> <<>>]
  /\ UNCHANGED <<src, ghost>>

\* src/panel/acceptance.cc: the torn tail is cut, manifests are put right, and only then is anything appended.
Recover ==
  /\ panel = "down"
  /\ LET whole == Readable(jnl.disk)
     IN /\ jnl' = [jnl EXCEPT !.disk = whole]
        /\ ws' = [ws EXCEPT !.files = IF Accepts THEN FilesOwed(Fold(whole), @) ELSE @]
  /\ panel' = "recovering"
  /\ UNCHANGED <<src, m, who, left, ghost>>

Repair ==
  /\ panel = "recovering"
  /\ LET owed == Repairs(Fold(jnl.disk))
     IN IF owed = <<>> THEN panel' = "up" /\ UNCHANGED jnl
        ELSE jnl' = [jnl EXCEPT !.disk = @ \o owed] /\ UNCHANGED panel
  /\ UNCHANGED <<src, m, who, ws, left, ghost>>

-----------------------------------------------------------------------------

FaultsOf(p) == Refuses(p) \/ Dies(p) \/ Lose(p) \/ Double(p)
AnyFault ==
  \/ \E p \in P : FaultsOf(p)
  \/ VerifyFailed \/ AcceptedFailed
  \/ \E written \in BOOLEAN : JournalFails(written)
  \/ \E survived \in 0..Len(jnl.queue), torn \in BOOLEAN : Crash(survived, torn)

\* What goes on by itself. A panel in doubt is ended by Crash, which costs nothing then.
Progress ==
  \/ \E p \in P : \/ Prepares(p) \/ Flips(p) \/ Drops(p) \/ Attach(p)
                  \/ PrepareDone(p) \/ FlipDone(p) \/ Nack(p) \/ ParticipantLost(p)
  \/ Timeout \/ VerifyOk
  \/ JournalWrites \/ JournalRefuses \/ JournalReports
  \/ AcceptedWritten
  \/ Recover \/ Repair
  \/ Start

Users == Edit \/ Scan \/ Plan \/ \E graph \in Committed(jnl.disk) : PlanBack(graph)

Next == Progress \/ AnyFault \/ Users

Fairness ==
  /\ \A p \in P : /\ WF_vars(Prepares(p) \/ Flips(p) \/ Drops(p)) /\ WF_vars(Attach(p))
                  /\ WF_vars(PrepareDone(p) \/ FlipDone(p) \/ Nack(p) \/ ParticipantLost(p))
  /\ WF_vars(Timeout) /\ WF_vars(VerifyOk)
  /\ WF_vars(JournalWrites \/ JournalRefuses) /\ WF_vars(JournalReports)
  /\ WF_vars(AcceptedWritten)
  /\ WF_vars(panel = "stopped" /\ Crash(0, FALSE))
  /\ WF_vars(Recover) /\ WF_vars(Repair) /\ WF_vars(Start)

Spec == Init /\ [][Next]_vars /\ Fairness

-----------------------------------------------------------------------------
(* Invariants; spec/invariants.md has them in words. *)

Idle == panel = "up" /\ m.phase = "idle"
Heading(p) ==  \* what it will carry once it has read its letters
  LET flips == SelectSeq(who[p].inbox, LAMBDA letter : letter.kind = "flip")
  IN IF flips = <<>> THEN who[p].carries ELSE flips[Len(flips)].what

\* After an answer everybody is on the graph in force, but for those whom the answer names.
NotMixed == Idle => \A p \in P : who[p].alive /\ p \notin m.detached => Heading(p) = Force(jnl.disk)

FlipAfterCommit == \A p \in P : who[p].carries \in Committed(Readable(jnl.disk))

CommitPrepared ==
  m.phase = "committing" =>
    \A b \in DOMAIN Forward : \A p \in Forward[b] : who[p].alive => b \in who[p].up

BatchesInOrder ==
  m.phase = "preparing" =>
    \A b \in DOMAIN Forward : \A p \in Forward[b] : b + 1 < m.batch /\ who[p].alive => b \in who[p].up

AnswerTrue ==
  (Idle /\ m.answer.state \in {"committed", "rolled_back"}) =>
    LET now == Fold(jnl.disk)
    IN now.graph = m.answer.graph /\ now.seq = m.answer.seq /\ now.back = None

CommittedMeansAgreed == (Idle /\ m.answer.state = "committed") => ~ghost.refused

\* What was answered is still there after any number of crashes: it may only have been followed by more.
NothingLost ==
  LET log == Readable(jnl.disk)
      acked == ghost.acked
  IN acked.seq > 0 => /\ acked.seq <= Len(log)
                      /\ log[acked.seq].type = "COMMIT" /\ log[acked.seq].to = acked.graph

ChainHolds ==
  LET log == Readable(jnl.disk)
  IN \A n \in DOMAIN log : log[n].type = "COMMIT" => log[n].from = FoldFirst(log, n - 1).graph

NothingOpen ==
  (Idle /\ jnl.queue = <<>> /\ jnl.news = <<>> /\ ~jnl.broken) =>
    LET now == Fold(jnl.disk) IN ~now.prepare /\ now.back = None

\* Nobody believes a torn record: what is in force, somebody planned.
ForcePlanned == Force(jnl.disk) \in 0..src.tree

TailCut == panel \in {"up", "recovering", "stopped"} => \A n \in DOMAIN jnl.disk : jnl.disk[n].type # "TORN"

FilesFollow == (Accepts /\ Idle /\ ws.writes = <<>>) => ws.files = Force(jnl.disk)

\* Liveness.
Settles == m.phase # "idle" ~> m.phase = "idle"
ComesBack == panel # "up" ~> panel = "up"
PlansEnd == src.plan # NoPlan ~> src.plan = NoPlan
Converges ==
  <>[](\A p \in P : who[p].alive /\ p \notin m.detached /\ who[p].carries = Force(jnl.disk))
=============================================================================
