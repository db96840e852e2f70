/* SPDX-License-Identifier: Apache-2.0
 * spec/tla/Apply.tla for Spin: the same machine under the same names, the same faults, the same invariants.
 * What differs: the journal on disk is kept folded (Fold is a left fold, so nothing is lost by that), and
 * users, participants, journal, clock and faults are processes, so that weak fairness (pan -f) means what the
 * WF clauses of the TLA+ mean.
 *
 * Bounds are macros: NACKS, DEATHS, LOSSES, DOUBLES, VERIFIES, JOURNALS, FILE_FAULTS, CRASHES, EDITS, PLANS.
 * LIVE adds what only the search for liveness needs. BUG_… seeds one bug; each must be refuted (spec/run.py). */

#ifndef PLANS
#define PLANS 1
#endif

#define EARS 1         /* _pid of the first Ear and the first Participant: User, Ears, Participants, others */
#define FIRST (EARS + N)
#define N 3            /* participant 0 shows the views, which are asked before all others */
#define ALL 7          /* participants as a set of bits */
#define BATCHES 3
#define FORWARD(b) ((b) == 1 -> 1 : ((b) == 2 -> 2 : 4))
#define BACK(b) ((b) == 1 -> 1 : ((b) == 2 -> 0 : 2))
#define has(set, p) (((set) >> (p)) & 1)
#define NONE 255
#define MIXED 254
#define BOX 6

mtype:phase = { idle, recording, filing, preparing, committing, flipping, verifying, unfiling, aborting,
                back_recording, back_filing, back_preparing, back_committing, back_flipping };
mtype:life = { up, stopped, down, recovering };
mtype:record = { PREPARE, COMMIT, ABORT, ROLLBACK };
mtype:letter = { prepare, restore, flip, drop, prepared, flipped, nack, gone };
mtype:said = { nothing, committed, rolled_back, unchanged, stale, in_doubt };

/* src */
byte tree = 1, snapshot, plan_base = NONE, plan_target = NONE;

/* jnl: what folding the disk gives (Ledger.tla), and the torn record behind it */
byte d_graph, d_commits, d_back = NONE;
bool d_prepare, chain_broken;
byte graph_at[8]; /* by COMMIT */
bool torn;
mtype:record torn_type;
chan queue = [3] of { mtype:record, byte, byte };
chan news = [3] of { mtype:record, byte, bool };
bool broken;

/* panel and m */
mtype:life panel = up;
mtype:phase phase = idle;
byte round, first, batch, base, target, seq, asked, lost, owing, silent, detached;
bool timer, checking;
mtype:said answer = nothing;
byte answer_graph, answer_seq;

/* who */
byte carries[N], prepared_batches[N];
byte alive = ALL;
chan inbox[N] = [BOX] of { mtype:letter, byte, byte };
chan outbox[N] = [BOX] of { mtype:letter, byte };

/* ws */
byte files;
chan writes = [2] of { byte };

/* left */
byte edits = EDITS, plans = PLANS, nacks = NACKS, deaths = DEATHS, losses = LOSSES, doubles = DOUBLES,
     verifies = VERIFIES, journals = JOURNALS, file_faults = FILE_FAULTS, crashes = CRASHES;

/* ghost */
bool refused;
byte acked_seq, acked_graph;
bool decided; /* a ROLLBACK is durable and its COMMIT is not */

hidden byte i, n;
hidden byte asks, from, to, rnd, what;
hidden mtype:record rec;
hidden mtype:letter kind;
hidden byte ok;

/* ---- Ledger ---- */

inline Take(type, before, after) {
  if
  :: type == PREPARE -> d_prepare = true
  :: type == ABORT -> d_prepare = false
  :: type == ROLLBACK -> d_back = after; decided = true
  :: type == COMMIT ->
     chain_broken = chain_broken || before != d_graph;
     d_graph = after; d_prepare = false; decided = false; d_back = NONE;
     d_commits++; graph_at[d_commits] = after
  fi
}

/* What is written behind a torn record is not found again. */
inline OnDisk(type, before, after) {
  if
  :: torn -> skip
  :: else -> Take(type, before, after)
  fi
}

/* ---- Machine: src/apply/two_phase.cc ---- */

#define RollingBack (phase == back_recording || phase == back_filing || phase == back_preparing || \
                     phase == back_committing || phase == back_flipping)

inline Send(set, k, r, w) {
  n = 0;
  do
  :: n < N ->
     if
     :: has(set, n) && has(alive, n) -> inbox[n]!k, r, w
     :: else -> skip
     fi;
     n++
  :: n == N -> break
  od
}

inline Settle(state) {
  phase = idle; owing = 0;
  answer = state; answer_seq = seq;
  answer_graph = (answer == committed -> target : base);
#ifdef BUG_SILENT_COUNTS
  detached = detached | lost;
#else
  detached = detached | lost | silent;
#endif
  if
  :: answer == in_doubt -> panel = stopped
  :: answer != in_doubt -> acked_seq = answer_seq; acked_graph = answer_graph
  fi
}

inline BeginVerify() { phase = verifying; checking = true; timer = true }

inline BeginFlip() {
  phase = (RollingBack -> back_flipping : flipping);
  round++; owing = ALL & (ALL - lost);
#ifdef BUG_FLIP_BACK_SKIPPED
  if
  :: phase == back_flipping -> owing = 0
  :: else -> skip
  fi;
#endif
  if
  :: owing == 0 && phase == flipping -> BeginVerify()
  :: owing == 0 && phase == back_flipping -> Settle(rolled_back)
  :: owing != 0 -> timer = true; what = (phase == back_flipping -> base : target); Send(owing, flip, round, what)
  fi
}

inline WriteCommit() {
  if
  :: RollingBack -> phase = back_committing; queue!COMMIT, target, base
  :: else ->
     phase = committing; queue!COMMIT, base, target;
#ifdef BUG_FLIP_BEFORE_DURABLE
     seq = d_commits + 1;
     BeginFlip()
#endif
  fi
}

inline BeginRound() {
  round++; owing = 0; asks = 0;
  do
  :: batch <= BATCHES && asks == 0 ->
     asks = (RollingBack -> BACK(batch) : FORWARD(batch)) & (ALL - lost);
     batch++
  :: else -> break
  od;
  if
  :: asks == 0 -> WriteCommit()
  :: else ->
     owing = asks; asked = asked | asks; timer = true;
     if
     :: RollingBack -> Send(asks, restore, round, batch - 1)
     :: else -> Send(asks, prepare, round, batch - 1)
     fi;
#ifdef BUG_PREPARE_NOT_AWAITED
     owing = 0;
     if
     :: !RollingBack && batch > BATCHES -> WriteCommit()
     :: else -> skip
     fi
#endif
  fi
}

inline RoundOver() {
  if
  :: owing == 0 && (phase == preparing || phase == back_preparing) -> BeginRound()
  :: owing == 0 && phase == flipping -> BeginVerify()
  :: owing == 0 && phase == back_flipping -> Settle(rolled_back)
  :: else -> skip
  fi
}

inline Abort() {
  owing = 0;
  Send(asked & (ALL - lost), drop, 0, NONE);
#ifdef ACCEPTS
  if
  :: phase == recording -> phase = aborting; queue!ABORT, NONE, NONE
  :: else -> phase = unfiling; writes!base
  fi
#else
  phase = aborting; queue!ABORT, NONE, NONE
#endif
}

inline RollBack() { phase = back_recording; owing = 0; queue!ROLLBACK, NONE, base }

inline Trouble() {
  if
  :: phase == recording || phase == filing || phase == preparing -> Abort()
  :: phase == flipping || phase == verifying -> RollBack()
  :: phase == back_preparing || phase == back_flipping -> RoundOver()
  :: else -> skip
  fi
}

inline OnStart() {
  phase = recording; first = round; batch = 1; base = plan_base; target = plan_target; seq = d_commits;
  asked = 0; lost = 0; owing = 0; silent = 0; timer = false; checking = false; answer = nothing;
  refused = false;
  i = 0;
  do
  :: i < N ->
     prepared_batches[i] = 0;
     do
     :: nempty(outbox[i]) -> outbox[i]?kind, rnd
     :: empty(outbox[i]) -> break
     od;
     i++
  :: i == N -> break
  od;
  queue!PREPARE, base, target
}

inline OnDurable(type, at) {
  if
  :: type == PREPARE && phase == recording ->
#ifdef ACCEPTS
     phase = filing; writes!target
#else
     phase = preparing; BeginRound()
#endif
  :: type == COMMIT && phase == committing ->
     seq = at;
     if
     :: lost == 0 -> BeginFlip()
     :: lost != 0 -> RollBack()
     fi
  :: type == ABORT && phase == aborting -> Settle(rolled_back)
  :: type == ROLLBACK && phase == back_recording ->
     batch = 1;
#ifdef ACCEPTS
     phase = back_filing; writes!base
#else
     phase = back_preparing; BeginRound()
#endif
  :: type == COMMIT && phase == back_committing -> seq = at; BeginFlip()
  :: else -> skip
  fi
}

inline OnJournalFailed() {
  if
  :: phase == recording || phase == aborting -> Settle(rolled_back)
  :: phase == committing || phase == back_recording || phase == back_committing ->
#ifdef BUG_DOUBT_IS_ROLLBACK
     Settle(rolled_back)
#else
     Settle(in_doubt)
#endif
  :: else -> skip
  fi
}

inline OnAcceptedWritten() {
  if
  :: phase == filing -> phase = preparing; BeginRound()
  :: phase == back_filing -> phase = back_preparing; BeginRound()
  :: phase == unfiling -> phase = aborting; queue!ABORT, NONE, NONE
  :: else -> skip
  fi
}

inline OnAcceptedFailed() {
  if
  :: phase == filing -> Abort()
  :: phase == unfiling || phase == back_filing -> Settle(in_doubt)
  :: else -> skip
  fi
}

#ifdef BUG_STALE_ANSWERS
#define Owed(p, r) has(owing, p)
#else
#define Owed(p, r) ((r) == round && has(owing, p))
#endif

inline OnPrepareDone(p, r) {
  if
  :: (phase == preparing || phase == back_preparing) && Owed(p, r) -> owing = owing - (1 << p); RoundOver()
  :: else -> skip
  fi
}

inline OnFlipDone(p, r) {
  if
  :: (phase == flipping || phase == back_flipping) && Owed(p, r) -> owing = owing - (1 << p); RoundOver()
  :: else -> skip
  fi
}

inline OnNack(p, r) {
  if
  :: Owed(p, r) ->
     owing = owing - (1 << p);
     silent = (phase == back_flipping -> silent | (1 << p) : silent);
#ifdef BUG_NACK_IS_DONE
     RoundOver()
#else
     Trouble()
#endif
  :: else -> skip
  fi
}

inline OnParticipantLost(p) {
  if
  :: phase == idle -> skip
  :: else ->
     refused = true; lost = lost | (1 << p);
     if
     :: RollingBack && !has(owing, p) -> skip
     :: else -> owing = owing & (ALL - (1 << p)); Trouble()
     fi
  fi
}

inline OnTimeout() {
  if
  :: (phase == preparing || phase == flipping || phase == back_preparing || phase == back_flipping) && owing != 0 ->
     silent = (phase == back_flipping -> silent | owing : silent);
     owing = 0; Trouble()
  :: phase == verifying -> Trouble()
  :: else -> skip
  fi
}

/* ---- the world ---- */

/* Scan, plan, apply: Edit, Scan, Plan, PlanBack, Start. */
active proctype User() {
end:
  do
  :: d_step { edits > 0 -> edits--; tree++ }
  :: d_step { snapshot != tree -> snapshot = tree }
  :: d_step { plan_base == NONE && plans > 0 && snapshot != d_graph ->
              plans--; plan_base = d_graph; plan_target = snapshot }
  :: d_step { plan_base == NONE && plans > 0 && d_graph != 0 ->
              plans--; plan_base = d_graph; plan_target = 0 }
  :: d_step { panel == up && phase == idle && plan_base != NONE && detached == 0 && alive == ALL &&
              empty(queue) && empty(news) && empty(writes) ->
       if
       :: d_graph == plan_target -> answer = unchanged
#ifndef BUG_STALE_PLAN
       :: d_graph != plan_target && d_graph != plan_base -> answer = stale
#endif
       :: else -> OnStart()
       fi;
       plan_base = NONE; plan_target = NONE }
  od
}

inline Hear(p) {
  outbox[p]?kind, rnd;
  if
  :: kind == prepared -> OnPrepareDone(p, rnd)
  :: kind == flipped -> OnFlipDone(p, rnd)
  :: kind == nack -> OnNack(p, rnd)
  :: kind == gone -> OnParticipantLost(p)
  fi
}

/* src/panel/acceptance.cc: cut the torn tail, put the manifests right, then append what is owed. */
inline Recover() {
#ifdef BUG_TORN_IS_COMMIT
  if
  :: torn && torn_type == COMMIT -> torn = false; Take(COMMIT, d_graph, MIXED)
  :: else -> torn = false
  fi;
#endif
#ifndef BUG_TAIL_NOT_CUT
  torn = false;
#endif
#ifdef BUG_COMMIT_AS_ABORT
  if
  :: d_commits > 0 && !d_prepare && d_back == NONE -> d_commits--; d_graph = graph_at[d_commits]
  :: else -> skip
  fi;
#endif
#ifdef BUG_RECOVERY_FORGETS_ROLLBACK
  d_back = NONE;
#endif
#if defined(ACCEPTS) && !defined(BUG_RECOVERY_LEAVES_FILES)
  files = (d_back != NONE -> d_back : (d_prepare -> d_graph : files));
#endif
  panel = recovering
}

inline Repair() {
  if
#ifndef BUG_RECOVERY_KEEPS_PREPARE
  :: d_prepare -> OnDisk(ABORT, NONE, NONE)
  :: !d_prepare && d_back != NONE -> to = d_back; OnDisk(COMMIT, d_graph, to)
  :: !d_prepare && d_back == NONE -> panel = up
#else
  :: d_back != NONE -> to = d_back; OnDisk(COMMIT, d_graph, to)
  :: d_back == NONE -> panel = up
#endif
  fi
}

/* The panel hears one answer at a time. */
#define Open (panel == up || panel == stopped)
active [N] proctype Ear() {
  byte my = _pid - EARS;
end:
  do
  :: d_step { Open && nempty(outbox[my]) -> Hear(my) }
  od
}


inline Close(p) {
  prepared_batches[p] = 0;
  do
  :: nempty(inbox[p]) -> inbox[p]?kind, rnd, what
  :: nempty(outbox[p]) -> outbox[p]?kind, rnd
  :: empty(inbox[p]) && empty(outbox[p]) -> break
  od
}

active [N] proctype Participant() {
  byte me = _pid - FIRST;
end:
  do
  :: d_step { nempty(inbox[me]) ->
       inbox[me]?kind, rnd, what;
       if
       :: kind == prepare -> prepared_batches[me] = prepared_batches[me] | (1 << what); outbox[me]!prepared, rnd
       :: kind == restore -> outbox[me]!prepared, rnd
       :: kind == flip -> carries[me] = what; outbox[me]!flipped, rnd
       :: kind == drop -> prepared_batches[me] = 0
       fi }
  :: d_step { nacks > 0 && nempty(inbox[me]) && !(inbox[me]?[drop, _, _]) ->
       nacks--; inbox[me]?kind, rnd, what; outbox[me]!nack, rnd;
       refused = refused || rnd > first }
  :: d_step { panel == up && phase == idle && (has(detached, me) || !has(alive, me)) ->
       Close(me);
       alive = alive | (1 << me); detached = detached & (ALL - (1 << me));
       carries[me] = d_graph }
#ifdef LIVE
  :: panel != up && has(detached, me) -> skip /* it tries to attach, in vain, any number of times */
#endif
  od
}

/* What the panel itself does and hears of journal and disk, one at a time; after a crash it recovers. */
active proctype Panel() {
end:
  do
  :: d_step { nempty(news) ->
       news?rec, n, ok; to = n;
       if
       :: ok -> OnDurable(rec, to)
       :: !ok -> OnJournalFailed()
       fi }
#ifdef ACCEPTS
  :: d_step { nempty(writes) ->
       writes?what; files = what;
       if
       :: empty(writes) -> OnAcceptedWritten()
       :: nempty(writes) -> skip
       fi }
  :: d_step { nempty(writes) && file_faults > 0 ->
       file_faults--; refused = true;
       writes?what; files = MIXED;
       if
       :: empty(writes) -> OnAcceptedFailed()
       :: nempty(writes) -> skip
       fi }
#endif
  :: d_step { checking -> checking = false;
       if
       :: phase == verifying -> Settle(committed)
       :: phase != verifying -> skip
       fi }
  :: d_step { checking && verifies > 0 -> verifies--; checking = false;
       if
       :: phase == verifying -> refused = true;
#ifdef BUG_VERIFY_IGNORED
          Settle(committed)
#else
          RollBack()
#endif
       :: phase != verifying -> skip
       fi }
  :: d_step { panel == down -> Recover() }
  :: d_step { panel == recovering -> Repair() }
  od
}

/* Timers fire at any time. */
active proctype Clock() {
end:
  do
#ifndef BUG_NO_TIMER
  :: d_step { timer -> timer = false; OnTimeout() }
#else
  :: false
#endif
  od
}

active proctype Journal() {
end:
  do
  :: d_step { nempty(queue) && !broken ->
       queue?rec, from, to; OnDisk(rec, from, to); news!rec, d_commits, true }
  :: d_step { nempty(queue) && broken -> queue?rec, from, to; news!rec, 0, false }
  od
}

inline Die(p) {
  d_step { has(alive, p) && phase != idle && deaths > 0 ->
    deaths--; alive = alive - (1 << p);
    do
    :: nempty(inbox[p]) -> inbox[p]?kind, rnd, what
    :: empty(inbox[p]) -> break
    od;
    outbox[p]!gone, 0 }
}
inline Lose(p) { d_step { nempty(inbox[p]) && losses > 0 -> losses--; inbox[p]?kind, rnd, what } }
inline Double(p) {
  d_step { nempty(outbox[p]) && doubles > 0 -> doubles--; outbox[p]?<kind, rnd>; outbox[p]!kind, rnd }
}

/* kill -9, or power: the first `survived` of what was handed over are on disk, perhaps with a torn record after
 * them, which may say anything. Sockets end; participants keep carrying what they carry. */
#define AtRisk (broken -> 0 : len(queue))
#define Repairing (panel == recovering && (d_prepare || d_back != NONE))
byte survived;
bool tears;

inline Crash() {
  d_step {
  n = 0;
  do
  :: n < survived -> queue?rec, from, to; OnDisk(rec, from, to); n++
  :: n == survived -> break
  od;
  if
  :: tears && nempty(queue) -> queue?rec, from, to; torn = true; torn_type = rec
  :: tears && empty(queue) -> torn = true; torn_type = (d_prepare -> ABORT : COMMIT)
  :: !tears -> skip
  fi;
  do
  :: nempty(queue) -> queue?rec, from, to
  :: nempty(news) -> news?rec, n, ok
  :: empty(queue) && empty(news) -> break
  od;
  if
  :: nempty(writes) -> files = MIXED
  :: empty(writes) -> skip
  fi;
  do
  :: nempty(writes) -> writes?what
  :: empty(writes) -> break
  od;
  broken = false; panel = down; phase = idle; round = 0; first = 0; batch = 1; base = 0; target = 0; seq = 0;
  asked = 0; lost = 0; owing = 0; silent = 0; timer = false; checking = false; answer = nothing;
  answer_graph = 0; answer_seq = 0; detached = ALL;
  i = 0;
  do
  :: i < N -> Close(i); i++
  :: i == N -> break
  od;
  survived = 0; tears = false }
}

#define MayCrash (crashes > 0 && panel != down && panel != stopped)
/* It may stop whenever it likes: fairness forces no fault. */
active proctype Faults() {
end:
  do
  :: Die(0) :: Die(1) :: Die(2)
  :: Lose(0) :: Lose(1) :: Lose(2)
  :: Double(0) :: Double(1) :: Double(2)
  :: d_step { journals > 0 && nempty(queue) && !broken -> /* before the bytes are on disk */
       journals--; broken = true; queue?rec, from, to; news!rec, 0, false }
  :: d_step { journals > 0 && nempty(queue) && !broken -> /* after */
       journals--; broken = true; queue?rec, from, to; OnDisk(rec, from, to); news!rec, 0, false }
  :: break
  od
}

/* A panel in doubt ends by itself; else it is killed, at most CRASHES times. */
active proctype Killer() {
end:
  do
  :: d_step { crashes > 0 -> crashes = 0 }
  :: atomic { panel == stopped || MayCrash ->
       if
       :: panel == stopped
       :: MayCrash -> crashes--;
          if
          :: survived = 0
          :: AtRisk >= 1 -> survived = 1
          :: AtRisk >= 2 -> survived = 2
          fi;
          if
          :: tears = false
          :: AtRisk > survived || Repairing -> tears = true
          fi
       fi;
       Crash() }
  od
}

/* ---- invariants: spec/invariants.md ---- */

#define Idle (panel == up && phase == idle)
#define OnForce(p) (!has(alive, p) || has(detached, p) || carries[p] == d_graph)
#define NotMixed (!Idle || (OnForce(0) && OnForce(1) && OnForce(2)))
#define WasCommitted(g) ((g) == 0 || (d_commits >= 1 && graph_at[1] == (g)) || \
                         (d_commits >= 2 && graph_at[2] == (g)) || (d_commits >= 3 && graph_at[3] == (g)) || \
                         (d_commits >= 4 && graph_at[4] == (g)))
#define FlipAfterCommit (WasCommitted(carries[0]) && WasCommitted(carries[1]) && WasCommitted(carries[2]))
#define Ready(p, b) (!has(alive, p) || has(prepared_batches[p], b))
#define CommitPrepared (phase != committing || (Ready(0, 1) && Ready(1, 2) && Ready(2, 3)))
#define BatchesInOrder (phase != preparing || ((batch <= 2 || Ready(0, 1)) && (batch <= 3 || Ready(1, 2))))
#define Told (Idle && (answer == committed || answer == rolled_back))
#define AnswerTrue (!Told || (d_graph == answer_graph && d_commits == answer_seq && d_back == NONE))
#define CommittedMeansAgreed (!(Idle && answer == committed) || !refused)
#define NothingLost (acked_seq == 0 || (d_commits >= acked_seq && graph_at[acked_seq] == acked_graph))
#define ChainHolds (!chain_broken)
#define NothingOpen (!(Idle && len(queue) == 0 && len(news) == 0 && !broken) || (!d_prepare && d_back == NONE && !decided))
#define ForcePlanned (d_graph <= tree)
#define TailCut (panel == down || !torn)
#ifdef ACCEPTS
#define FilesFollow (!(Idle && len(writes) == 0) || files == d_graph)
#else
#define FilesFollow true
#endif
#define Agreed (alive == ALL && detached == 0 && carries[0] == d_graph && carries[1] == d_graph && \
                carries[2] == d_graph)

#define Settled (Idle && Agreed && plan_base == NONE && len(queue) == 0 && len(news) == 0)

#ifndef LIVE
/* Blocked while all is well. `timeout` is true where nothing can move any more: then all must be settled. */
#define Law(name) :: !name -> c_code { printf("law: " #name "\n"); }; assert(false)
active proctype Monitor() {
end:
  do
  Law(NotMixed)
  Law(FlipAfterCommit)
  Law(CommitPrepared)
  Law(BatchesInOrder)
  Law(AnswerTrue)
  Law(CommittedMeansAgreed)
  Law(NothingLost)
  Law(ChainHolds)
  Law(NothingOpen)
  Law(ForcePlanned)
  Law(TailCut)
  Law(FilesFollow)
  :: timeout -> d_step {
       if
       :: !Settled -> c_code { printf("law: no hang\n"); }; assert(false)
       :: else
       fi }; break
  od
}
#else
ltl live { [] ((phase != idle) -> <> (phase == idle)) && [] ((panel != up) -> <> (panel == up)) &&
           [] ((plan_base != NONE) -> <> (plan_base == NONE)) && <> [] Agreed }
#endif
