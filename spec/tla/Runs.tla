-------------------------------- MODULE Runs --------------------------------
(* SPDX-License-Identifier: Apache-2.0                                      *)
(* The bounded runs that are searched to the end: a .cfg names one of each. *)
EXTENDS Apply

Two == {"a", "b"}
ForwardTwo == <<{"a"}, {"b"}>>
BackTwo == <<{}, {"a"}>>  \* the order turned round; b brings nothing back

Three == {"a", "b", "v"}  \* v shows the views: asked first, both ways
ForwardThree == <<{"v"}, {"a", "b"}>>
BackThree == <<{"v"}, {"a"}>>

NoFault == [edits |-> 0, plans |-> 1, nacks |-> 0, deaths |-> 0, losses |-> 0, doubles |-> 0, verifies |-> 0,
            journals |-> 0, files |-> 0, crashes |-> 0]

Wiring   == [NoFault EXCEPT !.nacks = 1, !.deaths = 1, !.verifies = 1]
Messages == [NoFault EXCEPT !.nacks = 1, !.losses = 1, !.doubles = 1]
\* Sources that change, two plans, and a crash anywhere, recovery included.
Crashes  == [NoFault EXCEPT !.edits = 1, !.plans = 2, !.crashes = 1]
\* Manifests that go with the graph.
Files    == [NoFault EXCEPT !.nacks = 1, !.journals = 1, !.files = 1, !.crashes = 1]
Views    == [NoFault EXCEPT !.nacks = 1, !.crashes = 1]
=============================================================================
