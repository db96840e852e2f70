# SPDX-License-Identifier: Apache-2.0
"""What `rtt tap` tells of living routes: every field, what moves and what does not, drops by their reason, and how it ends."""
import json
import os
import signal

from mcp_client import McpClient
from rtt_case import RTT, RttCase, main
from test_endpoints import BUILD, METRICS, EndpointsCase

PUBLISH = f"{BUILD}/examples/publish"
PROVIDER, SPARE = "rtt://core/api/metrics@1.2.0#prom", "rtt://core/api/metrics@1.3.0#fast"
COUNTS = ("route_id", "p50", "p95", "p99", "qdepth", "drops", "syscalls_delta", "frames")
REASONS = (None, "full", "crc", "deadline", "lost")
TS = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"


def seconds_of(ts):
    hours, minutes, seconds = ts[11:-1].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


class TapCase(EndpointsCase):
    def flight(self, *words):
        answer = self.run_rtt("tap", *words, "--json", check=0)
        self.assertEqual("", answer.err)
        lines = answer.lines
        self.assertTrue(lines, f"nothing was told: {answer}")
        for line in lines:
            self.valid(line)
        return lines

    def valid(self, line):
        self.assertEqual("rtt.tap/1", line["schema"])
        self.assertRegex(line["ts"], TS)
        for field in COUNTS:
            self.assertIs(int, type(line[field]), f"{field} of {line}")
            self.assertGreaterEqual(line[field], 0, line)
        self.assertLessEqual(line["p50"], line["p95"], line)
        self.assertLessEqual(line["p95"], line["p99"], line)
        self.assertEqual("closed", line["breaker_state"])
        self.assertIn(line["drop_reason"], REASONS)
        self.assertEqual(line["drop_reason"] is None, line["drops"] == 0, line)

    def tap(self, *words):
        return self.start(RTT, "tap", *words, "--json")

    def until(self, tap, what):
        """Reads on until a line is so, and returns what was read."""
        lines = []
        for text in tap.stdout:   # ends with the tap, at the latest after its --for
            lines.append(json.loads(text))
            self.valid(lines[-1])
            if what(lines[-1]):
                return lines
        self.fail(f"never came; the last lines were {lines[-3:]}; {tap.communicate()[1]}")

    def stopped(self, process):
        process.send_signal(signal.SIGSTOP)
        self.wait_for(lambda: self.proc(process.pid, "stat").rpartition(b")")[2].split()[0] == b"T")


class Flights(TapCase):
    def test_every_line_says_what_the_route_did(self):
        self.provider("prom")
        asker = self.asker()
        self.ready()
        lines = self.flight("--flight", "2s")
        result, _, err = self.stop_asking(asker)
        self.assertLessEqual(len(lines), 8, "more than one line a period")
        for before, line in zip(lines, lines[1:]):
            self.assertLess(before["ts"], line["ts"])
        # The first line comes a period after the start and the last at the end; a slow machine only narrows or shifts that.
        self.assertTrue(1 <= seconds_of(lines[-1]["ts"]) - seconds_of(lines[0]["ts"]) <= 10 or
                        lines[-1]["ts"][:10] > lines[0]["ts"][:10], [line["ts"] for line in lines])
        for line in lines:
            self.assertEqual((self.route()["id"], PROVIDER, "shm", 0), tuple(line[k] for k in ("route_id", "to", "lane", "drops")))
        busy = [line for line in lines if line["frames"] > 3]
        self.assertTrue(busy, lines)
        for line in busy:
            self.assertGreater(line["p50"], 0, line)
            self.assertLessEqual(line["qdepth"], 1, "one call at a time")
        self.assertLessEqual(sum(line["frames"] for line in lines), result["asked"] + result["answered"], err)

    def test_the_figures_stand_still_with_the_route_and_move_with_it(self):
        self.provider("prom")
        asker = self.asker()
        self.ready()
        self.stopped(asker)
        quiet = self.flight("--flight", "600ms")[-1]
        self.assertEqual((0, 0, 0, 0), tuple(quiet[k] for k in ("frames", "p50", "p99", "drops")))
        asker.send_signal(signal.SIGCONT)
        self.until(self.tap("--for", "60s"), lambda line: line["frames"] > 0 and line["p50"] > 0)

    def test_another_provider_is_told_of_by_its_name(self):
        self.provider("prom"), self.provider("fast")
        self.asker()
        self.ready()
        tap = self.tap("--for", "60s")
        self.until(tap, lambda line: line["to"] == PROVIDER and line["frames"] > 0)
        self.json("qc", "ui/refresh", "core/metrics#fast")
        self.until(tap, lambda line: line["to"] == SPARE and line["frames"] > 0)
        self.until(tap, lambda line: line["to"] == SPARE)
        [line] = [json.loads(tap.stdout.readline())]   # what left is told of once more at most
        self.assertEqual(SPARE, line["to"])

    def test_a_route_that_waits_has_no_lines(self):
        self.provider("prom")
        answer = self.run_rtt("tap", "--flight", "300ms", "--json", check=0)
        self.assertEqual(("", ""), (answer.out, answer.err))

    def test_an_end_that_attaches_meanwhile_is_told_of(self):
        self.provider("prom")
        tap = self.tap("--for", "60s")
        self.asker()
        self.until(tap, lambda line: line["frames"] > 0)


class Drops(TapCase):
    def test_a_provider_that_is_too_slow_drops_by_deadline(self):
        provider, _ = self.provider("prom"), self.asker(deadline_ms=50)
        self.ready()
        tap = self.tap("refresh", "--for", "60s")
        self.until(tap, lambda line: line["frames"] > 0)
        self.stopped(provider)
        self.until(tap, lambda line: line["drop_reason"] == "deadline" and line["qdepth"] <= 1)
        self.until(tap, lambda line: line["syscalls_delta"] > 0)   # the asker writes a line of each
        provider.send_signal(signal.SIGCONT)
        self.until(tap, lambda line: line["drops"] == 0 and line["frames"] > 0)

    def test_a_call_whose_lane_ended_is_told_of_with_the_last_line_of_its_lane(self):
        provider, asker = self.provider("prom"), self.asker()
        self.ready()
        tap = self.tap("--for", "60s")
        self.until(tap, lambda line: line["frames"] > 0)
        self.stopped(provider)
        self.until(tap, lambda line: line["frames"] == 0 and line["qdepth"] == 1)
        provider.kill()
        provider.communicate()
        lost = self.until(tap, lambda line: line["drops"] > 0)[-1]
        self.assertEqual((1, "lost"), (lost["drops"], lost["drop_reason"]))
        self.provider("prom")
        self.until(tap, lambda line: line["frames"] > 0)
        self.assertEqual(1, self.stop_asking(asker)[0]["lost"])


class Events(TapCase):
    BUS, LOG = "rtt://core/bus/events", "rtt://obs/extension/logger"

    def setUp(self):
        super().setUp()
        for name, direction in ((self.BUS, "both"), (self.LOG, "provider")):
            self.symbol(f"{name}@1.0.0", direction, file=f".rtt/manifests/{name.split('/')[-1]}.api.json")
        self.routes((self.BUS, self.LOG), ("rtt://ui/hook/refresh", "rtt://core/api/metrics#prom"))
        self.allow((self.BUS, self.LOG))
        self.ok("sign", "--yes")
        self.ok("plan")
        self.ok("apply")

    def test_a_flight_is_of_every_route_and_a_tap_of_one(self):
        self.start(METRICS, ".", self.LOG, "log")
        self.start(PUBLISH, ".", self.BUS)
        self.provider("prom")
        self.asker()
        self.wait_for(lambda: {route["state"] for route in self.json("ls", "routes")["routes"]} == {"ready"})
        ids = {route["to"]: route["id"] for route in self.json("ls", "routes")["routes"]}
        flight = self.flight("--flight", "1s")
        self.assertEqual(ids, {line["to"]: line["route_id"] for line in flight})
        for route in ids.values():
            self.assertGreater(sum(line["frames"] for line in flight if line["route_id"] == route), 0, flight)
        one = self.flight("obs/logger", "--for", "600ms")
        self.assertEqual({f"{self.LOG}@1.0.0"}, {line["to"] for line in one})

    def test_a_subscriber_that_does_not_read_drops_by_full_and_nothing_else(self):
        subscriber = self.start(METRICS, ".", self.LOG, "log")
        publisher = self.start(PUBLISH, ".", self.BUS)
        self.wait_for(lambda: "ready" in [route["state"] for route in self.json("ls", "routes")["routes"]])
        tap = self.tap("--for", "60s")
        quiet = self.until(tap, lambda line: line["frames"] > 0)[-1]
        self.assertEqual((0, 0, 0), tuple(quiet[k] for k in ("p50", "p99", "drops")), "an event has no reply")
        self.stopped(subscriber)
        lines = self.until(tap, lambda line: line["drops"] > 0)
        self.assertEqual("full", lines[-1]["drop_reason"])
        subscriber.send_signal(signal.SIGCONT)
        lines += self.until(tap, lambda line: line["drops"] == 0 and line["frames"] > 0)
        out, err = publisher.communicate("stop\n", timeout=60)
        told = json.loads(out)
        self.assertEqual(0, told["other"], err)
        self.assertLessEqual(sum(line["drops"] for line in lines), told["dropped"])
        self.assertGreater(told["dropped"], 0)


class Words(TapCase):
    LINE = (r"^\d\d:\d\d:\d\d\.\d{3}  +(\d+) shm +\d+ frames  p50 +[\d.]+ [mµn]?s  p95 +[\d.]+ [mµn]?s  p99 +[\d.]+ [mµn]?s"
            r"  queue +[01]  rtt://core/api/metrics@1.2.0#prom$")

    def test_a_route_is_told_line_by_line_by_any_of_its_names(self):
        self.provider("prom")
        self.asker()
        self.ready()
        number = self.route()["id"]
        for words in ([str(number)], [f"route/{number}"], ["refresh"], ["core/metrics"], ["core/metrics#prom"],
                      ["ui/refresh", "core/metrics"], ["ui/hook/refresh -> rtt://core/api/metrics@^1"]):
            with self.subTest(words):
                lines = self.ok("tap", *words, "--for", "600ms").out.splitlines()
                self.assertTrue(1 <= len(lines) <= 3, lines)
                for line in lines:
                    self.assertRegex(line, self.LINE)
                    self.assertEqual(number, int(line.split()[1]))
        self.assertEqual("", self.ok("tap", "--for", "300ms", "--quiet").out)

    def test_what_is_no_route_is_refused(self):
        for word in ("7", "route/7", "nothing", "core/metrics#fast", "ui/refresh -> core/nothing", "refresh -> refresh"):
            with self.subTest(word):
                self.assertIn(word, self.refused("RTT0105", 1, "tap", word)["message"])
        self.assertIn("did you mean ui/refresh?", self.refused("RTT0105", 1, "tap", "ui/refrehs")["hint"])
        self.assertIn("redirection", self.refused("RTT0107", 2, "tap", "ui/refresh", "-")["message"])

    def test_what_is_no_span_of_time_is_refused(self):
        for span in ("", "5", "s", "0s", "-1s", "1.5s", "5 s", "5h", "five", "86401s", "1441m", "86400001ms",
                     "99999999999999999999s"):
            for flag in ("--flight", "--for"):
                with self.subTest(f"{flag} {span}"):
                    self.assertIn(f"`{span}`", self.refused("RTT0103", 2, "tap", f"{flag}={span}")["message"])
        for words in (("refresh", "--flight", "5s"), ("--for", "5s", "--flight", "5s")):
            with self.subTest(words):
                self.refused("RTT0103", 2, "tap", *words)


class Ends(TapCase):
    def pages(self, pid):
        return self.proc(pid, "maps").count(b"memfd:rtt-")

    def test_an_interrupt_ends_it_between_two_lines_and_the_panel_lets_go(self):
        self.provider("prom")
        self.asker()
        self.ready()
        panel = self.panel_pid()
        before = self.pages(panel)
        tap = self.tap("refresh")
        self.until(tap, lambda line: line["frames"] > 0)
        self.assertEqual(before + 2, self.pages(panel), "a page of each end is read")
        tap.send_signal(signal.SIGINT)
        out, err = tap.communicate(timeout=30)
        self.assertEqual((-signal.SIGINT, ""), (tap.returncode, err))
        for line in out.splitlines(keepends=True):
            self.assertTrue(line.endswith("\n"))
            self.valid(json.loads(line))
        self.wait_for(lambda: self.pages(panel) == before)
        self.assertEqual(panel, self.panel_pid())

    def test_pages_of_lanes_that_went_are_given_back_while_it_goes_on(self):
        self.provider("prom"), self.provider("fast")
        self.asker()
        self.ready()
        tap = self.tap()
        self.until(tap, lambda line: line["frames"] > 0)
        panel = self.panel_pid()
        before = self.pages(panel)
        for i in range(6):
            to = SPARE if i % 2 == 0 else PROVIDER
            self.json("qc", "ui/refresh", to)
            self.until(tap, lambda line, to=to: line["to"] == to and line["frames"] > 0)
        self.wait_for(lambda: tap.stdout.readline() and self.pages(panel) <= before)

    def test_a_panel_that_dies_ends_it_with_an_error(self):
        self.provider("prom")
        self.asker()
        self.ready()
        tap = self.tap()
        self.until(tap, lambda line: line["frames"] > 0)
        os.kill(self.panel_pid(), signal.SIGKILL)
        out, _ = tap.communicate(timeout=30)
        self.assertEqual(1, tap.returncode)
        self.assertEqual("RTT0704", json.loads(out.splitlines()[-1])["error"]["code"])

    def test_a_reader_that_goes_away_ends_it(self):
        self.provider("prom")
        self.asker()
        self.ready()
        out, err = self.start("bash", "-c", '"$0" tap --json | head -n 1; echo "${PIPESTATUS[0]}"', RTT).communicate(timeout=30)
        line, status = out.splitlines()
        self.valid(json.loads(line))
        self.assertEqual(("141", ""), (status, err), "SIGPIPE")


class Tools(RttCase):
    def test_tools_have_the_figures_of_mcp_ls(self):
        self.workspace_with_notes()
        self.ok("panel", "start")
        client = McpClient(cwd=self.ws, env=self.me.env)
        client.open()
        for i in range(7):
            client.said("echo", message=str(i))
        client.call("no such argument")
        listed = self.eventually(lambda: [row for server in self.json("mcp", "ls")["servers"]
                                          for row in server.get("called", []) if row["calls"] == 7])
        [line] = [line for line in self.run_rtt("tap", "--tools", "--for", "100ms", "--json", check=0).lines
                  if line.get("to", "").startswith("rtt://notes/tool/echo")]
        self.assertEqual((7, 0), (line["calls"], line["errors"]))
        for mine, theirs in (("p50", "p50_ns"), ("p95", "p95_ns"), ("p99", "p99_ns"), ("to", "to")):
            self.assertEqual(listed[0][theirs], line[mine])
        self.assertIn("7 calls  p50", self.ok("tap", "--tools", "--for", "100ms").out)
        self.refused("RTT0103", 2, "tap", "--tools", "--flight", "1s")
        self.assertEqual(0, client.close())


if __name__ == "__main__":
    main()
