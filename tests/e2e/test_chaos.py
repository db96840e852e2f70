# SPDX-License-Identifier: Apache-2.0
"""rtt chaos run: the shipped cases on the shipped example, what it must not touch, and that its checks can fail."""
import json
import os
import shutil
import signal
import subprocess

from rtt_case import HERE, RTT, RttCase, main

ROOT = os.path.dirname(os.path.dirname(HERE))
EXAMPLE = os.path.join(ROOT, "examples", "panel", "workspace")
SAMPLE = os.path.join(ROOT, "tests", "samples", "chaos-cases.yaml")
RUNS = os.environ.get("RTT_CHAOS_RUNS", "1")   # make soak: more
INVARIANTS = {"fault_struck", "no_lost_commit", "no_half_apply", "last_commit_in_force", "journal_sound",
              "no_lost_or_doubled_call", "no_lost_or_doubled_event", "errors_say_why", "recovered", "nothing_left"}


class ChaosRun(RttCase):
    def setUp(self):
        super().setUp()
        shutil.copytree(EXAMPLE, self.ws, dirs_exist_ok=True)
        os.makedirs(self.path("logs"), exist_ok=True)   # run.sh makes it: the logger writes there
        self.ok("init", "--yes")

    def chaos(self, *words, status=0, **how):
        return self.json("chaos", "run", *words, status=status, timeout=7200, **how)

    def case(self, text):
        return self.write("case.yaml", text)

    def failing(self, document):
        return {row["name"]: [check for check in row["checks"] if not check["ok"]] for row in document["cases"]
                if row["verdict"] == "fail"}


class Example(ChaosRun):
    def test_the_example_holds_in_every_case(self):
        """Those are the two published cases, verbatim, and six more; one consumer's events land in a file."""
        with open(SAMPLE) as sample:
            self.assertIn(sample.read().strip(), self.read("chaos/cases.yaml").decode())
        document = self.chaos("--runs", RUNS, "--seed", "7")
        self.assertEqual({}, self.failing(document))
        self.assertEqual(("kill_driver", "slow_consumer"), tuple(row["name"] for row in document["cases"][:2]))
        self.assertEqual({"kill_driver", "slow_consumer", "corrupt_frames", "clock_drift", "disk_full", "panel_kill",
                          "driver_flapping", "sigstop"}, {row["name"] for row in document["cases"]})
        self.assertEqual((8 * int(RUNS), 0, 1_000_000), tuple(document[k] for k in ("passed", "failed", "pass_ppm")))
        for row in document["cases"]:
            self.assertLessEqual(INVARIANTS, {check["invariant"] for check in row["checks"]})
            self.assertGreater(row["strikes"], 0, row)
            self.assertGreater(row["commits"], 0, row)
            self.assertGreater(sum(calls["answered"] for calls in row["calls"]), 0, row)
        slow = next(row for row in document["cases"] if row["name"] == "slow_consumer")
        landed = next(events for events in slow["events"] if "logger" in events["route"])
        self.assertGreater(landed["received"], 0)
        print(f"{document['passed']} of {document['passed'] + document['failed']} cases passed", flush=True)


class Manners(ChaosRun):
    CASE = "- {name: killed, action: SIGKILL, target: panel, window: {start_ms: 50, dur_ms: 100}}\n"

    def test_it_touches_neither_the_workspace_nor_its_panel_nor_its_keys(self):
        self.ok("plan")
        self.ok("apply")
        panel, before = self.panel_pid(), self.everything()
        self.case(self.CASE)
        before = self.everything()
        self.chaos("--cases", "case.yaml")
        self.assertEqual(panel, self.panel_pid())
        self.assertEqual(before, self.everything())

    def everything(self):
        found = {}
        for top in (self.ws, self.me.config):
            for folder, _, files in os.walk(top):
                if "/.rtt/cache" in folder or "/.rtt/sockets" in folder:
                    continue
                for name in files:
                    path = os.path.join(folder, name)
                    with open(path, "rb") as file:
                        found[path] = file.read()
        return found

    def test_one_seed_strikes_at_the_same_moments(self):
        self.case("- {name: k, action: SIGKILL, target: panel, every_ms: 100, window: {start_ms: 10, dur_ms: 300}}\n")
        twice = self.chaos("--cases", "case.yaml", "--seed", "11", "--runs", "2")
        steps = [row["steps"] for row in twice["cases"]]
        self.assertEqual([1, 2], [row["run"] for row in twice["cases"]])
        self.assertNotEqual(*steps)   # another run is another seed
        again = self.chaos("--cases", "case.yaml", "--seed", str(twice["seed"]))
        self.assertEqual(steps[:1], [row["steps"] for row in again["cases"]])

    def test_a_run_that_is_ended_leaves_nothing(self):
        self.case("- {name: k, action: SIGKILL, target: panel, window: {start_ms: 60000, dur_ms: 100}}\n")
        run = subprocess.Popen([RTT, "chaos", "run", "--cases", "case.yaml", "--json"], cwd=self.ws, env=self.me.env,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.eventually(lambda: any("--chaos-end publisher" in words for words in self.processes().values()), 60)
        run.send_signal(signal.SIGINT)
        out, _ = run.communicate(timeout=60)
        self.assertEqual("RTT0707", json.loads(out)["error"]["code"])
        self.eventually(lambda: not self.processes(), 10)
        self.assertEqual([], [name for name in os.listdir(self.base) if name.startswith("rtt-")])

    def test_what_is_not_signed_is_not_copied_and_signed(self):
        self.write(".rtt/drivers/events/driver.json", {"name": "events", "exec": ["sh", "-c", "touch ran"], "wire": "json"})
        self.case(self.CASE)
        error = self.refused("RTT0405", 3, "chaos", "run", "--cases", "case.yaml")
        self.assertIn("driver.json", error["where"])
        self.assertIn("rtt sign", error["hint"])


class Wrong(ChaosRun):
    def refuse(self, code, text, *words, status=1):
        self.case(text)
        return self.refused(code, status, "chaos", "run", "--cases", "case.yaml", *words)

    def test_a_wrong_file_is_told_by_line_and_nearest_word(self):
        error = self.refuse("RTT0211", "- name: a\n  action: SIGKIL\n  target: panel\n")
        self.assertTrue(error["where"].endswith("case.yaml:2:11"), error)
        self.assertIn("SIGKILL", error["hint"])
        error = self.refuse("RTT0105", "- {name: a, action: SIGKILL, target: 'connector:evnts'}\n")
        self.assertIn("connector:events", error["hint"])
        error = self.refuse("RTT0105", "- {name: a, action: sleep, target: 'route:rtt://core/bus/events->auth'}\n")
        self.assertIn("no route leads", error["message"])
        error = self.refuse("RTT0103", "- {name: a, action: corrupt, target: 'route:rtt://core/bus/events->logger'}\n",
                            status=2)
        self.assertIn("has a driver of its own", error["message"])
        self.refuse("RTT0103", Manners.CASE, "--runs", "0", status=2)
        os.remove(self.path("chaos/cases.yaml"))
        error = self.refused("RTT0105", 1, "chaos", "run")
        self.assertIn("--cases", error["hint"])


class CanFail(ChaosRun):
    """Each on a workspace, a driver or a case that really breaks the promise."""

    def broken(self, text):
        self.case(text)
        document = self.chaos("--cases", "case.yaml", "--seed", "3", status=1)
        self.assertEqual(1, document["failed"])
        return [check["invariant"] for check in next(iter(self.failing(document).values()))]

    def test_a_bound_that_nobody_keeps_is_not_kept(self):
        self.assertEqual(["recovered"], self.broken(
            "- {name: k, action: SIGKILL, target: panel, within_ms: 1, window: {start_ms: 50, dur_ms: 50}}\n"))

    def test_a_driver_that_loses_and_doubles_events_is_seen(self):
        path = ".rtt/drivers/events/events.py"
        source = self.read(path).decode()
        for change, to in ((("        say({\"method\": \"evt\"", "        if len(payload) % 3:\n            say({\"method\": \"evt\""),
                            "lost"),
                           (("        return {\"bytes\"", "        say({\"method\": \"evt\", \"params\": {\"link\": params[\"link\"], "
                             "\"payload\": payload}})\n        return {\"bytes\""), "doubled")):
            self.assertIn(change[0], source)
            self.write(path, source.replace(*change))
            self.ok("sign", "--yes")
            self.assertEqual(["no_lost_or_doubled_event"], self.broken(
                "- {name: s, action: sleep, target: 'route:rtt://core/bus/events->logger', "
                "window: {start_ms: 100, dur_ms: 300}}\n"), to)

    def test_a_driver_that_leaves_processes_behind_is_seen(self):
        path = ".rtt/drivers/events/events.py"
        source = self.read(path).decode()
        self.write(path, source.replace("links = set()", "import os, subprocess\nsubprocess.Popen(['sleep', '77', ], "
                                        "executable='/bin/sleep') if os.path.exists('/') else None\nlinks = set()"))
        self.ok("sign", "--yes")
        document = self.chaos("--cases", self.case("- {name: k, action: SIGKILL, target: 'connector:events', "
                                                   "window: {start_ms: 50, dur_ms: 50}}\n"))
        self.assertEqual({}, self.failing(document))   # RTT ends what a driver leaves: nothing is left to be seen

    def test_a_driver_that_does_not_come_back_is_seen(self):
        path = ".rtt/drivers/events/events.py"
        source = self.read(path).decode()
        # Once a host, which outlives it: the parent of the keeper between them.
        self.write(path, source.replace("links = set()", """import os
with open(f"/proc/{os.getppid()}/stat") as stat:
    once = "../../cache/once-" + stat.read().rpartition(")")[2].split()[1]
if os.path.exists(once):
    raise SystemExit(3)
open(once, "w").close()
links = set()"""))
        self.ok("sign", "--yes")
        broken = self.broken("- {name: k, action: SIGKILL, target: 'connector:events', within_ms: 3000, "
                             "window: {start_ms: 50, dur_ms: 50}}\n")
        self.assertIn("recovered", broken)

    def test_a_fault_that_hits_nobody_proves_nothing(self):
        self.assertIn("fault_struck", self.broken(
            "- {name: k, action: SIGSTOP, target: 'connector:auth', window: {start_ms: 50, dur_ms: 50}}\n"))


if __name__ == "__main__":
    main()
