------------------------------- MODULE Ledger -------------------------------
(* SPDX-License-Identifier: Apache-2.0                                      *)
(* What the journal says, as pure operators: src/apply/records.h and        *)
(* src/apply/recover.cc. The journal on disk is a sequence of records, and  *)
(* a record's place in it is its seq. A graph is a number: 0 is the empty   *)
(* one, n is the wiring planned from version n of the sources.              *)
EXTENDS Integers, Sequences

Empty == 0
None  == -1
Mixed == -2  \* manifests of a commit of which only some were written

\* One shape for all records. COMMIT: the change of graph `from` to graph `to`. PREPARE: somebody began it.
\* ROLLBACK: it was decided that graph `to` comes back; its COMMIT follows. TORN: a record that a crash cut.
Record(type, from, to) == [type |-> type, from |-> from, to |-> to]
Torn == Record("TORN", None, None)

\* Everything before the first record that does not verify (src/journal, torn tail).
RECURSIVE Readable(_)
Readable(log) ==
  IF log = <<>> THEN <<>>
  ELSE IF Head(log).type = "TORN" THEN <<>>
  ELSE <<Head(log)>> \o Readable(Tail(log))

\* Fold::take: what is true after one more record. `seq` is that of the last COMMIT, `prepare` says that a
\* PREPARE is open, `back` is the graph a decided ROLLBACK brings back.
Take(state, record, seq) ==
  CASE record.type = "PREPARE"  -> [state EXCEPT !.prepare = TRUE]
    [] record.type = "ABORT"    -> [state EXCEPT !.prepare = FALSE]
    [] record.type = "ROLLBACK" -> [state EXCEPT !.back = record.to]
    [] record.type = "COMMIT"   -> [graph |-> record.to, seq |-> seq, prepare |-> FALSE, back |-> None]

RECURSIVE FoldFirst(_, _)
FoldFirst(log, n) ==
  IF n = 0 THEN [graph |-> Empty, seq |-> 0, prepare |-> FALSE, back |-> None]
  ELSE Take(FoldFirst(log, n - 1), log[n], n)

Fold(log) == LET whole == Readable(log) IN FoldFirst(whole, Len(whole))
Force(log) == Fold(log).graph  \* the graph in force

\* repairs(): what recovery appends before anything new, one record at a time. Folding it leaves nothing open.
Repairs(state) ==
  IF state.prepare THEN <<Record("ABORT", None, None)>>
  ELSE IF state.back # None THEN <<Record("COMMIT", state.graph, state.back)>>
  ELSE <<>>

\* unfinished(): the graph whose manifests must lie in the workspace before the repairs are appended.
FilesOwed(state, files) ==
  IF state.back # None THEN state.back ELSE IF state.prepare THEN state.graph ELSE files

Committed(log) == {Empty} \cup {log[i].to : i \in {j \in DOMAIN log : log[j].type = "COMMIT"}}
=============================================================================
