# SPDX-License-Identifier: Apache-2.0
"""Living endpoints: programs that link librtt attach, are called over shared memory or a socket, are swapped, killed and
adopted, and no call is lost or answered twice."""
import json
import os
import signal
import subprocess
import time
import unittest

from rtt_case import RTT, RttCase

BUILD = os.path.dirname(os.path.dirname(RTT))
METRICS = f"{BUILD}/examples/metrics"
SWAPS = int(os.environ.get("RTT_SWAPS", "100"))   # make soak: 1,000
KILLS = int(os.environ.get("RTT_KILLS", "12"))   # make soak: 200
ASK = f"{BUILD}/examples/ask"
PASS_FD = f"{BUILD}/examples/pass_fd"
MANIFEST = {"contracts": [
    {"$schema": "https://rtt/spec/v1", "symbol": {"saddr": "rtt://core/api/metrics@1.2.0#prom", "type": "api", "direction": "provider"}},
    {"$schema": "https://rtt/spec/v1", "symbol": {"saddr": "rtt://core/api/metrics@1.3.0#fast", "type": "api", "direction": "provider"}},
    {"$schema": "https://rtt/spec/v1", "symbol": {"saddr": "rtt://ui/hook/refresh@1.0.0", "type": "hook", "direction": "consumer"}},
]}
ROUTES = {"routes": [{"from": "rtt://ui/hook/refresh", "to": "rtt://core/api/metrics#prom"}]}
POLICY = {"allow": [{"from": "rtt://ui/hook/*", "to": "rtt://core/api/*"}]}


class EndpointsCase(RttCase):
    def setUp(self):
        super().setUp()
        os.makedirs(f"{self.ws}/.rtt/manifests")
        for name, document in {"manifests/panel.api.json": MANIFEST, "routes.json": ROUTES, "policy.json": POLICY}.items():
            with open(f"{self.ws}/.rtt/{name}", "w") as file:
                json.dump(document, file)
        self.ok("init", "--yes")
        self.ok("plan")
        self.ok("apply")
        self.running = []
        self.addCleanup(self.end_all)

    def end_all(self):
        for process in self.running:
            try:
                os.killpg(process.pid, signal.SIGKILL)   # what it started as well
            except ProcessLookupError:
                pass
            process.communicate()

    def prefer(self, *lanes):
        with open(f"{self.ws}/.rtt/panel.yaml", "w") as file:
            file.write(f"routing:\n  prefer: [{', '.join(lanes)}]\n")
        self.ok("sign", "--yes")
        self.ok("plan")
        self.ok("apply")

    def start(self, *argv):
        process = subprocess.Popen(argv, cwd=self.ws, env=self.me.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.running.append(process)
        return process

    def provider(self, variant, *wrapper):
        return self.start(*wrapper, METRICS, ".", f"rtt://core/api/metrics#{variant}", variant)

    def asker(self, count=10**9, deadline_ms=10_000):
        return self.start(ASK, ".", str(count), str(deadline_ms))

    def stop_asking(self, asker):
        out, err = asker.communicate("stop\n", timeout=60)
        return json.loads(out.splitlines()[-1]), out, err

    def stop_provider(self, provider):
        provider.send_signal(signal.SIGTERM)
        out, err = provider.communicate(timeout=30)
        self.assertEqual(0, provider.returncode, err)
        return int(out)

    def route(self):
        return self.json("ls", "routes")["routes"][0]

    def wait_for(self, what, seconds=30):
        end = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), end, f"did not come: {what}")
            time.sleep(0.02)

    def attached(self, pid):
        return any(driver["pid"] == pid for driver in self.json("ls", "drivers")["drivers"])

    def ready(self):
        self.wait_for(lambda: self.route()["state"] == "ready")


class Calls(EndpointsCase):
    def test_calls_travel_in_shared_memory_and_each_is_answered_once(self):
        provider = self.provider("prom")
        asker = self.asker(count=20_000)
        out, err = asker.communicate(timeout=120)
        result = json.loads(out.splitlines()[-1])
        self.assertEqual({"asked": 20_000, "answered": 20_000, "wrong": 0, "lost": 0, "late": 0, "other": 0}, result, err)
        self.assertEqual(20_000, self.stop_provider(provider))

    def test_a_busy_lane_shows_as_ready_over_shm(self):
        provider, asker = self.provider("prom"), self.asker()
        self.ready()
        self.assertEqual("shm", self.route()["lane"])
        result, _, err = self.stop_asking(asker)
        self.assertEqual(result["asked"], result["answered"], err)
        self.stop_provider(provider)

    def test_a_busy_lane_makes_no_system_call_a_frame(self):
        self.provider("prom")
        calls, tries = 20_000, []
        while len(tries) < 5:   # an end that the machine takes its core from goes to sleep: the best of five counts
            summary = f"{self.ws}/calls.txt"
            asker = self.start("strace", "-f", "-qq", "-c", "-U", "calls,name", "-o", summary, ASK, ".", str(calls), "10000")
            out, err = asker.communicate(timeout=120)
            self.assertEqual(calls, json.loads(out.splitlines()[-1])["answered"], err)
            with open(summary) as file:
                rows = [line.split() for line in file if line.strip()[:1].isdigit()]
            made = sum(int(row[0]) for row in rows if row[1] not in ("poll", "total"))   # poll: the asker's own, of stdin
            tries.append(made)
            if made < calls // 4:
                return
        self.fail(f"{calls} calls made {tries} system calls")

    def test_without_memfd_the_lane_is_a_socket_and_it_is_said(self):
        self.provider("prom", "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=memfd_create",
                                 "-e", "inject=memfd_create:error=EPERM")
        asker = self.asker(count=500)
        out, err = asker.communicate(timeout=60)
        self.assertEqual(500, json.loads(out.splitlines()[-1])["answered"], err)
        self.wait_for(lambda: any(r["action"] == "lane_fallback" for r in self.run_rtt("audit", "--json").lines))

    def test_memory_passed_through_a_route_arrives_readable(self):
        self.prefer("uds", "shm")
        self.start(PASS_FD, "serve", ".")
        out, err = self.start(PASS_FD, "ask", ".", "patch panel").communicate(timeout=60)
        self.assertEqual("lenap hctap\n", out, err)

    def test_memory_carries_no_descriptors_and_that_is_said(self):
        self.start(PASS_FD, "serve", ".")
        out, err = self.start(PASS_FD, "ask", ".", "patch panel").communicate(timeout=60)
        self.assertEqual("", out)
        self.assertTrue(err.startswith("103 ") and "routing.prefer" in err, err)

    def test_another_kind_of_lane_takes_over_under_load(self):
        provider, asker = self.provider("prom"), self.asker()
        self.ready()
        for lanes in (("uds", "shm"), ("shm", "uds")) * 3:
            self.prefer(*lanes)
            self.wait_for(lambda: self.route()["lane"] == lanes[0])
        result, _, err = self.stop_asking(asker)
        self.assertEqual(result["asked"], result["answered"], err)
        self.assertEqual(0, result["wrong"])
        self.assertEqual(result["asked"], self.stop_provider(provider))

    def test_a_stopped_provider_costs_its_callers_their_deadline_and_no_more(self):
        provider, asker = self.provider("prom"), self.asker(deadline_ms=300)
        self.ready()
        provider.send_signal(signal.SIGSTOP)
        line = asker.stderr.readline()
        self.assertIn(" 705 ", line)
        provider.send_signal(signal.SIGCONT)
        result, _, err = self.stop_asking(asker)
        self.assertEqual(0, result["wrong"] + result["lost"] + result["other"], err)
        self.assertGreater(result["answered"], 0)

    def test_a_symbol_is_one_process(self):
        self.provider("prom")
        self.asker()
        self.ready()
        second = self.provider("prom")
        _, err = second.communicate(timeout=30)
        self.assertEqual(1, second.returncode)
        self.assertTrue(err.startswith("706 "), err)

    def test_the_command_line_calls_whoever_is_attached(self):
        with open(f"{self.ws}/.rtt/policy.json", "w") as file:
            json.dump({"allow": POLICY["allow"] + [{"from": "rtt://local/proc/cli", "to": "rtt://core/api/*"}]}, file)
        self.ok("sign", "--yes")
        error = self.refused("RTT0501", 1, "call", "core/metrics#prom", "n=1")
        self.assertIn("no endpoint of it is attached", error["message"])
        provider = self.provider("prom")
        self.wait_for(lambda: self.attached(provider.pid))
        for i in range(3):
            answer = self.json("call", "core/metrics#prom", f"n={i}")
            self.assertEqual({"by": "prom", "answered": i + 1, "request": {"n": i}}, answer["result"])
        self.wait_for(lambda: len(self.run_rtt("audit", "--action", "call", "--json").lines) == 3)
        self.assertEqual(3, self.stop_provider(provider))

    def test_an_unknown_symbol_does_not_attach(self):
        process = self.start(METRICS, ".", "rtt://core/api/nothing", "x")
        _, err = process.communicate(timeout=30)
        self.assertEqual(1, process.returncode)
        self.assertTrue(err.startswith("105 "), err)


class Swaps(EndpointsCase):
    def test_swaps_under_load_lose_double_and_reorder_nothing(self):
        first, second, asker = self.provider("prom"), self.provider("fast"), self.asker()
        self.ready()
        for i in range(SWAPS):
            answer = self.json("qc", "ui/refresh", "core/metrics#fast" if i % 2 == 0 else "core/metrics#prom")
            self.assertEqual("committed", answer["state"])
        result, out, err = self.stop_asking(asker)
        self.assertEqual(result["asked"], result["answered"], err)
        self.assertEqual(0, result["wrong"], err)
        self.assertGreater(len(out.splitlines()), 20, "hardly any swap was seen by the asker")
        self.assertEqual(result["asked"], self.stop_provider(first) + self.stop_provider(second))
        self.assertNotIn("lane_fallback", [record["action"] for record in self.run_rtt("audit", "--json").lines])
        self.assertEqual("shm", self.route()["lane"])

    def test_a_provider_that_hangs_is_swapped_away_and_killed(self):
        hung, second, asker = self.provider("prom"), self.provider("fast"), self.asker(deadline_ms=300)
        self.ready()
        for i in range(4):
            hung.send_signal(signal.SIGSTOP)
            self.ok("qc", "ui/refresh", "core/metrics#fast" if i % 2 == 0 else "core/metrics#prom")
            hung.kill()
            hung.communicate()
            self.wait_for(self.carries)
            hung, second = second, self.provider("prom" if i % 2 == 0 else "fast")
            self.wait_for(lambda: self.attached(second.pid))
        result, _, err = self.stop_asking(asker)
        self.assertEqual(0, result["wrong"] + result["other"], err)

    def carries(self):
        return any(line["frames"] > 100 for line in self.run_rtt("tap", "--flight", "300ms", "--json").lines)

    def test_the_panel_dies_before_during_and_after_swaps(self):
        first, second, asker = self.provider("prom"), self.provider("fast"), self.asker()
        self.ready()
        for i in range(10):
            pid = self.json("status")["pid"]
            swap = self.start(RTT, "qc", "ui/refresh", "core/metrics#fast" if i % 2 == 0 else "core/metrics#prom")
            if i % 3 == 0:
                swap.communicate()   # after; else somewhere during
            os.kill(pid, signal.SIGKILL)
            swap.communicate()
            self.ok("panel", "start")
            self.ready()
        result, out, err = self.stop_asking(asker)
        self.assertEqual(result["asked"], result["answered"], err)
        self.assertEqual(0, result["wrong"] + result["late"] + result["other"] + result["lost"], err)
        self.assertEqual(self.route()["to"].split("#")[1], out.splitlines()[-2].split()[1], "not who the graph says")
        self.stop_provider(first)
        self.stop_provider(second)


class Deaths(EndpointsCase):
    def test_a_killed_provider_is_a_typed_error_and_the_next_one_is_wired(self):
        asker = self.asker()
        for _ in range(20):
            provider = self.provider("prom")
            self.ready()
            provider.kill()
            provider.communicate()
            self.wait_for(lambda: self.route()["state"] == "waiting")
        self.provider("prom")
        self.ready()
        result, _, err = self.stop_asking(asker)
        self.assertEqual(0, result["wrong"] + result["late"] + result["other"], err)
        self.assertLessEqual(result["lost"], 20, err)

    def test_nothing_is_left_behind_by_killed_endpoints(self):
        """Askers are killed beside a provider that stays, then providers beside an asker that stays; each on its way to its
        lane, as soon as it has it, or at work. Whoever stays, and the panel, holds what it held before."""
        panel = self.json("panel", "start")["pid"]
        def asker(_):
            return self.asker()

        def provider(name):
            return self.start(METRICS, ".", "rtt://core/api/metrics#prom", name)
        for stays, dies in ((provider, asker), (asker, provider)):
            survivor = stays("first")
            before = None
            for i in range(-2, (KILLS + 1) // 2):   # the first two come before anything is compared
                victim = dies(f"number{i}")
                moment = self.random.choice(("starting", "ready", "working")) if i >= 0 else "working"
                if moment != "starting":
                    self.ready()
                if moment == "working":
                    asking, answers = (victim, "first") if dies is asker else (survivor, f"number{i}")
                    while asking.stdout.readline().split()[1] != answers:   # who answers, from when on
                        pass
                victim.kill()
                victim.communicate()
                self.running.remove(victim)
                self.wait_for(lambda: self.route()["state"] == "waiting")
                held = self.held(panel, survivor.pid)
                if i < 0:
                    before = [min(pair) for pair in zip(held, before or held)]
                    own = {pid: self.own_kib(pid) for pid in (panel, survivor.pid)}
                elif any(now > then for now, then in zip(held, before)):   # perhaps it is on its way out
                    self.wait_for(lambda: all(now <= then for now, then in zip(self.held(panel, survivor.pid), before)))
            for pid, then in own.items():
                self.assertLess(self.own_kib(pid), then + 1024, f"process {pid} grew from {then} KiB")
            survivor.kill()
            survivor.communicate()
        self.ok("down")
        self.wait_for(lambda: self.processes() == {})

    def own_kib(self, pid):
        [kib] = [line.split()[1] for line in self.proc(pid, "status").splitlines() if line.startswith(b"RssAnon:")]
        return int(kib)

    def held(self, *pids):
        """Of each process: descriptors, mappings of shared memory, and their bytes."""
        held = []
        for pid in pids:
            ranges = [line.split()[0].split(b"-") for line in self.proc(pid, "maps").splitlines() if b"/memfd:rtt-" in line]
            held += [len(os.listdir(f"/proc/{pid}/fd")), len(ranges), sum(int(end, 16) - int(begin, 16) for begin, end in ranges)]
        return held


class Attaching(EndpointsCase):
    def test_a_program_is_at_most_256_symbols(self):
        for count, code in ((256, "105"), (257, "103")):   # the panel knows none of them; more it is not asked for
            process = self.start(METRICS, ".", " ".join(f"rtt://core/api/number{i}" for i in range(count)), "x")
            _, err = process.communicate(timeout=30)
            self.assertEqual((1, code), (process.returncode, err[:3]), err)


if __name__ == "__main__":
    unittest.main()
