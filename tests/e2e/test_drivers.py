# SPDX-License-Identifier: Apache-2.0
"""Drivers of one's own: checked by `rtt driver test`, served once signed, restarted when they die."""
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import unittest

from rtt_case import HERE, RTT, RttCase, main

EXAMPLES = os.path.join(os.path.dirname(os.path.dirname(HERE)), "examples", "drivers")

BUILD = os.path.dirname(os.path.dirname(RTT))

# A sound driver; each faulty one below changes one thing of it.
SOUND = '''
import json, sys
links, fetched = {}, 0
def say(**reply): print(json.dumps({"jsonrpc": "2.0", **reply}), flush=True)
for line in sys.stdin:
    try:
        request = json.loads(line); n, method, params = request["id"], request["method"], request["params"]
    except Exception:
        continue
    link = links.get(params.get("link"))
    if method == "hello":
        say(id=n, result={"ver": 1, "name": "faulty", "language": "python",
                          "methods": ["open", "tx", "rx", "close", "probe", "health"]})
    elif method == "probe": say(id=n, result={"symbols": []})
    elif method == "open":
        links["l%d" % n] = []; say(id=n, result={"link": "l%d" % n})
    elif link is None: say(id=n, error={"code": -32002, "message": "no such link"})
    elif method == "tx":
        link.append({k: params[k] for k in ("payload", "b64") if k in params}); say(id=n, result={"bytes": 1})
    elif method == "rx":
        if link: say(id=n, result=link.pop(0))
        else: say(id=n, error={"code": -32001, "message": "empty"})
    elif method == "health": say(id=n, result={"ok": True, "lag_ms": 0, "qdepth": 0})
    elif method == "close": del links[params["link"]]; say(id=n, result={})
'''
# name -> (what is replaced, by what, the check that must find it)
FAULTY = {
    "another version": ('"ver": 1', '"ver": 3', "hello"),
    "another name": ('"name": "faulty"', '"name": "other"', "hello"),
    "a missing method": ('"open", "tx", "rx", "close"', '"open", "tx", "rx"', "hello"),
    "a probe without symbols": ('{"symbols": []}', '{}', "probe"),
    "an open without a link": ('result={"link": "l%d" % n}', 'result={}', "open"),
    "a tx without bytes": ('result={"bytes": 1}', 'result={}', "tx"),
    "an answer lost": ('result=link.pop(0)', 'result={}', "rx"),
    "empty not said": ('error={"code": -32001, "message": "empty"}', 'result={"payload": ""}', "rx of nothing is empty"),
    "the wrong code": ('"code": -32002', '"code": -32000', "tx of an unknown link"),
    "health without ok": ('{"ok": True, "lag_ms": 0, "qdepth": 0}', '{}', "health"),
    "dies of a malformed line": ('    except Exception:\n        continue', '    except ZeroDivisionError:\n        continue',
                                 "goes on after malformed lines"),
    "no binary": ('for k in ("payload", "b64") if k in params', 'for k in ("payload",)', "binary payload"),
    "a limit too low": ('json.loads(line);', 'json.loads(line[:100000]);', "a payload of 512 KiB"),
    "a close that closes nothing": ('del links[params["link"]]; ', '', "a closed link is gone"),
    "prints as it goes": ('elif method == "probe":', 'elif method == "probe": print("probing");', "nothing but answers"),
    "answers twice": ('say(id=n, result={"bytes": 1})', 'say(id=n, result={"bytes": 1}); say(id=n, result={"bytes": 1})',
                      "nothing but answers"),
    "does not end": ('links, fetched = {}, 0', 'links = {}\nimport atexit, time; atexit.register(time.sleep, 60)',
                     "ends when told"),
    "talks when idle": ('links, fetched = {}, 0',
                        'links = {}\nimport threading, time\ndef tick():\n    while True:\n        time.sleep(0.05); print("tick", flush=True)\n'
                        'threading.Thread(target=tick, daemon=True).start()', "silent when idle"),
}


class Conformance(RttCase):
    def faulty(self, text):
        self.write("faulty/faulty.py", text)
        self.write("faulty/driver.json", {"name": "faulty", "exec": [sys.executable, "-B", "faulty.py"], "wire": "json"})
        return self.path("faulty")

    def test_the_examples_pass(self):
        for name in ("words", "upper"):
            with self.subTest(name):
                if name == "upper" and not shutil.which("mawk"):
                    self.skipTest("no mawk here")
                report = self.json("driver", "test", os.path.join(EXAMPLES, name))
                self.assertTrue(report["ok"], report)
                self.assertEqual(name, report["name"])
                self.assertIn({"check": "rx", "state": "passed"}, report["checks"])

    def test_a_sound_driver_passes_every_check(self):
        report = self.json("driver", "test", self.faulty(SOUND))
        self.assertEqual({"passed"}, {check["state"] for check in report["checks"]}, report)

    def test_each_fault_is_found_by_its_check(self):
        for fault, (what, by, check) in FAULTY.items():
            with self.subTest(fault):
                self.assertIn(what, SOUND)
                report = self.json("driver", "test", self.faulty(SOUND.replace(what, by)), status=1)
                self.assertFalse(report["ok"])
                failed = {row["check"]: row["detail"] for row in report["checks"] if row["state"] == "failed"}
                self.assertIn(check, failed, report)

    def test_what_is_no_driver_is_refused(self):
        self.refused("RTT0105", 1, "driver", "test", self.path("absent"))
        self.write("bad/driver.json", {"name": "bad", "exec": [], "wire": "json"})
        self.refused("RTT0306", 1, "driver", "test", self.path("bad"))
        self.write("gone/driver.json", {"name": "gone", "exec": ["/nowhere/to/be/found"], "wire": "json"})
        self.refused("RTT0801", 1, "driver", "test", self.path("gone"))

    def native(self, script):
        """What each check says of a native driver that is this shell script, in which $metrics attaches."""
        self.write("native/driver.json", {"name": "native", "exec": ["sh", "-c", script], "wire": "native",
                                          "env": {"metrics": f"{BUILD}/examples/metrics"}})
        answer = self.run_rtt("driver", "test", self.path("native"), "--json", "--saddr", "rtt://core/api/metrics@1.0.0")
        report = answer.doc
        self.assertEqual((answer.status == 0, "native"), (report["ok"], report["wire"]))
        return {row["check"]: (row["state"], row.get("detail", "")) for row in report["checks"]}

    def test_a_native_driver_attaches_stays_and_ends(self):
        sound = self.native('exec "$metrics" "$RTT_WORKSPACE" "$RTT_SYMBOLS" x')
        self.assertEqual(("passed", "as rtt://core/api/metrics@1.0.0"), sound["attach"])
        self.assertEqual("passed", sound["stays attached"][0])
        self.assertEqual("skipped", sound["answers"][0])
        self.assertEqual("passed", sound["ends when told"][0])

    def test_a_native_driver_that_does_not_is_found_out(self):
        self.assertEqual(("failed", "the driver ended with exit code 4"), self.native("exit 4")["attach"])
        self.assertIn("did not attach", self.native("exec sleep 60")["attach"][1])
        leaves = self.native('exec "${metrics%metrics}ask" "$RTT_WORKSPACE" 0 0')
        self.assertEqual(("passed", "as rtt://ui/hook/refresh"), leaves["attach"])
        self.assertEqual(("failed", "the driver ended with exit code 0"), leaves["stays attached"])
        stays = self.native('trap "" TERM; "$metrics" "$RTT_WORKSPACE" "$RTT_SYMBOLS" x; while :; do sleep 1; done')
        self.assertEqual("failed", stays["ends when told"][0], stays)


class Served(RttCase):
    def setUp(self):
        super().setUp()
        for name in ("words", "upper"):
            shutil.copytree(os.path.join(EXAMPLES, name), self.path(".rtt/drivers", name))
        self.symbol("rtt://demo/api/count@1.0.0", driver={"use": "words", "params": {"least": 2}})
        self.symbol("rtt://demo/api/shout@1.0.0", driver={"use": "upper", "params": {}})

    def driver(self, name):
        return next(row for row in self.json("status")["drivers"] if row["name"] == "driver-" + name)

    def test_a_python_driver_answers_a_call_and_is_restarted_when_killed(self):
        self.ok("init", "--yes")
        ask = json.dumps({"text": "to be or not to be"})
        self.assertEqual({"words": {"be": 2, "to": 2}}, self.json("call", "demo/count", ask)["result"])
        before = self.eventually(lambda: self.driver("words").get("child"))
        self.assertEqual((0, "ready"), (before["restarts"], before["state"]))
        os.kill(before["pid"], signal.SIGKILL)
        after = self.eventually(lambda: (lambda row: row if row["restarts"] == 1 and row["child"]["state"] == "ready" else None)(self.driver("words")))
        self.assertNotEqual(before["pid"], after["child"]["pid"])
        self.assertEqual({"words": {"be": 2, "to": 2}}, self.json("call", "demo/count", ask)["result"])
        [row] = [row for row in self.json("ls", "drivers")["drivers"] if row["name"] == "driver-words"]
        self.assertEqual(1, row["restarts"])

    @unittest.skipUnless(shutil.which("mawk"), "no mawk here")
    def test_an_awk_driver_answers_a_call(self):
        self.ok("init", "--yes")
        self.assertEqual({"TEXT": "100% LOUD"}, self.json("call", "demo/shout", '{"text":"100% loud"}')["result"])

    def test_an_unsigned_driver_runs_nothing(self):
        moved = self.path("moved")
        shutil.move(self.path(".rtt/drivers/words"), moved)
        self.ok("init", "--yes")
        shutil.move(moved, self.path(".rtt/drivers/words"))
        error = self.refused("RTT0401", 3, "call", "demo/count", "text=x")
        self.assertEqual(".rtt/drivers/words/driver.json", error["where"])
        self.ok("sign", "--yes")
        self.ok("call", "demo/count", "text=x")

    def test_a_change_without_a_signature_leaves_the_signed_program_in_force(self):
        self.ok("init", "--yes")
        self.write(".rtt/drivers/words/driver.json", {"name": "words", "exec": ["touch", self.path("ran")], "wire": "json"})
        self.assertEqual({"words": {}}, self.json("call", "demo/count", "text=x")["result"])
        self.assertFalse(os.path.exists(self.path("ran")))

    def test_one_that_does_not_start_is_given_up_with_its_reason_and_the_other_serves_on(self):
        self.write(".rtt/drivers/words/words.py", "raise SystemExit(3)\n")
        self.ok("init", "--yes")
        error = self.refused("RTT0704", 1, "call", "demo/count", "text=x")
        self.assertIn("exit code 3", error["message"])
        self.eventually(lambda: self.driver("words")["state"] == "tripped", 20)
        self.refused("RTT0801", 1, "call", "demo/count", "text=x")
        if shutil.which("mawk"):
            self.ok("call", "demo/shout", "text=x")

    def test_a_file_is_appended_to_and_tailed(self):
        os.mkdir(self.path("logs"))
        self.symbol("rtt://obs/extension/logger@1.0.0#ndjson",
                    driver={"use": "file", "params": {"root": "logs", "path": "a.ndjson", "ndjson": True,
                                                      "ops": ["append", "tail"]}})
        self.ok("init", "--yes")
        self.assertEqual({"bytes": 8}, self.json("call", "obs/logger", '{"op":"append","record":{"n":1}}')["result"])
        self.assertEqual({"lines": ['{"n":1}'], "next": 8}, self.json("call", "obs/logger", "op=tail")["result"])
        self.refused("RTT0412", 3, "call", "obs/logger", "op=read")
        self.assertEqual(b'{"n":1}\n', self.read("logs/a.ndjson"))

    def http(self, handler, **params):
        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            taken = 0

            def handle_error(self, *_):   # a client that had enough of an answer
                pass

            def get_request(self):
                Server.taken += 1
                return super().get_request()
        server = Server(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.symbol("rtt://web/api/site@1.0.0", driver={
            "use": "http", "params": {"url": f"http://127.0.0.1:{server.server_port}/base", **params}})
        self.ok("init", "--yes")
        return Server

    def test_an_http_service_is_called_over_one_kept_connection(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, body, chunked=False):
                self.send_response(status)
                self.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(body)))))
                self.end_headers()
                for piece in ([body[:3], body[3:], b""] if chunked else []):
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                if not chunked:
                    self.wfile.write(body)

            def do_GET(self):
                if self.path == "/base/silent":
                    return self.rfile.read(1)
                if self.path == "/base/big":
                    return self.answer(200, b"x" * (9 << 20))
                if self.path == "/base/binary":
                    return self.answer(200, b"\xff\x00")
                self.answer(404 if "missing" in self.path else 200, self.path.encode(), chunked="chunks" in self.path)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.answer(201, self.headers["Content-Type"].encode() + b" " + body)

        server = self.http(Handler, timeout_ms=2000)
        call = lambda *words, **how: self.json("call", "web/site", *words, **how)
        self.assertEqual("/base/a?b=c", call("path=a?b=c")["result"]["body"])
        self.assertEqual("/base/chunks", call("path=/chunks")["result"]["body"])
        self.assertEqual('application/json {"n":1}', call('{"body":{"n":1}}')["result"]["body"])
        self.assertEqual("/wA=", call("path=binary")["result"]["b64"])
        self.assertEqual(1, server.taken)
        missing = call("path=missing", status=1)
        self.assertEqual(404, missing["result"]["status"])
        self.refused("RTT0705", 1, "call", "web/site", "path=silent")
        self.refused("RTT0206", 1, "call", "web/site", "path=big")
        self.refused("RTT0304", 1, "call", "web/site", "path=x/%2e%2E/y")
        self.refused("RTT0103", 2, "call", "web/site", "path=x y")
        self.assertEqual("/base", call()["result"]["body"])

    def test_an_http_address_elsewhere_is_refused_and_a_closed_port_is_lost(self):
        self.symbol("rtt://web/api/far@1.0.0", driver={"use": "http", "params": {"url": "http://192.0.2.1/"}})
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            self.symbol("rtt://web/api/shut@1.0.0", driver={
                "use": "http", "params": {"url": f"http://127.0.0.1:{unused.getsockname()[1]}"}})
            self.ok("init", "--yes")
            self.refused("RTT0412", 3, "call", "web/far")
            self.refused("RTT0704", 1, "call", "web/shut")

    def test_parameters_the_driver_does_not_know_stop_the_plan(self):
        self.symbol("rtt://demo/api/count@1.0.0", driver={"use": "words", "params": {"most": 2}})
        self.symbol("rtt://ui/hook/h@1.0.0", "consumer")
        self.ok("init", "--yes")
        self.allow(("rtt://ui/hook/*", "rtt://demo/api/*"))
        self.routes(("rtt://ui/hook/h", "rtt://demo/api/count"))
        self.ok("sign", "--yes")
        self.ok("plan")
        answer = self.run_rtt("apply", "--json")
        self.assertEqual(5, answer.status, str(answer))
        self.assertIn("driver.params/most is not allowed here", answer.out)


class Native(RttCase):
    """A program of librtt as a driver: started and restarted like any, an end of its own lanes."""

    def setUp(self):
        super().setUp()
        self.symbol("rtt://core/api/metrics@1.2.0", driver={"use": "metrics", "params": {}})
        self.symbol("rtt://ui/hook/refresh@1.0.0", "consumer")
        self.running = []
        self.addCleanup(self.end_all)

    def end_all(self):
        for process in self.running:
            process.kill()
            process.communicate()

    def serve(self, *words, **more):
        """Signs and applies a route to a native driver; one that is told by its environment who it is, unless said."""
        words = words or ("sh", "-c", 'exec "$0" "$RTT_WORKSPACE" "$RTT_SYMBOLS" native', f"{BUILD}/examples/metrics")
        self.write(".rtt/drivers/metrics/driver.json", {"name": "metrics", "exec": words, "wire": "native", **more})
        if not os.path.exists(self.path(".rtt/policy.json")):
            self.ok("init", "--yes")
        self.allow(("rtt://ui/hook/*", "rtt://core/api/*"))
        self.routes(("rtt://ui/hook/refresh", "rtt://core/api/metrics"))
        self.ok("sign", "--yes")
        self.ok("plan")
        return self.run_rtt("apply", "--json")

    def ask(self, count, errors=subprocess.PIPE):
        asker = subprocess.Popen([f"{BUILD}/examples/ask", ".", str(count), "10000"], cwd=self.ws, env=self.me.env, text=True,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        self.running.append(asker)
        return asker

    def asked(self, count):
        out, err = self.ask(count).communicate(timeout=60)
        self.assertEqual(count, json.loads(out.splitlines()[-1])["answered"], err)
        return json.loads(out.splitlines()[-1])

    def driver(self):
        return next(row for row in self.json("status")["drivers"] if row["name"] == "driver-metrics")

    def state(self):
        return self.json("ls", "routes")["routes"][0]["state"]

    def test_it_attaches_by_itself_and_is_called_without_its_host(self):
        self.assertEqual("committed", self.serve().doc["state"])
        self.asked(100)
        self.ask(10**9)
        self.eventually(lambda: self.state() == "ready")
        child = self.driver()["child"]
        self.assertEqual((0, "ready"), (child["restarts"], child["state"]))
        self.assertTrue(b"memfd:rtt-" in self.proc(child["pid"], "maps"), "its lane ends elsewhere")
        self.assertFalse(b"memfd:rtt-" in self.proc(self.driver()["pid"], "maps"), "a lane ends at its host")

    def test_it_is_restarted_when_killed_and_its_caller_goes_on(self):
        self.serve()
        asker = self.ask(10**9)
        self.eventually(lambda: self.state() == "ready")
        before = self.driver()["child"]["pid"]
        self.kill(before)
        self.eventually(lambda: self.driver()["child"]["restarts"] == 1 and self.state() == "ready")
        self.assertNotEqual(before, self.driver()["child"]["pid"])
        asker.stdout.readline()
        out, err = asker.communicate("stop\n", timeout=60)
        result = json.loads(out.splitlines()[-1])
        self.assertEqual(result["asked"], result["answered"] + result["lost"], err)
        self.assertLessEqual(result["lost"], 1, err)

    def test_the_panel_dies_and_is_not_missed(self):
        self.serve()
        asker = self.ask(10**9)
        self.eventually(lambda: self.state() == "ready")
        child = self.driver()["child"]["pid"]
        self.kill(self.panel_pid())
        self.ok("panel", "start")
        self.eventually(lambda: self.state() == "ready" and self.driver().get("child"))
        self.assertEqual(child, self.driver()["child"]["pid"])
        out, err = asker.communicate("stop\n", timeout=60)
        result = json.loads(out.splitlines()[-1])
        self.assertEqual(result["asked"], result["answered"], err)

    def test_one_that_does_not_stay_up_is_given_up_and_its_route_waits(self):
        self.serve("sh", "-c", "echo out of order; exit 3")
        self.eventually(lambda: self.driver()["state"] == "tripped", 20)
        self.assertEqual("waiting", self.state())
        log = self.read(".rtt/cache/host-driver-metrics.log").decode()
        self.assertIn("out of order", log)
        self.assertIn("exit code 3", log)

    def test_one_that_cannot_be_started_stops_the_apply(self):
        answer = self.serve("/nowhere/to/be/found")
        self.assertEqual(5, answer.status, str(answer))
        self.assertIn("does not stay up", answer.out)

    def test_it_is_reached_by_call_too_once_it_has_attached(self):
        self.serve()
        self.asked(1)
        self.assertEqual("native", self.json("call", "core/metrics", "n=1")["result"]["by"])

    def test_a_driver_that_becomes_native_hands_its_route_over(self):
        self.serve(sys.executable, "-B", "-c", SOUND.replace('"faulty"', '"metrics"'), wire="json")
        self.ask(10**9, subprocess.DEVNULL)   # goes on whatever it is answered, and by whom
        self.eventually(lambda: self.state() == "ready")
        self.assertTrue(b"memfd:rtt-" in self.proc(self.driver()["pid"], "maps"))
        self.symbol("rtt://core/api/metrics@1.2.1", driver={"use": "metrics", "params": {}})
        self.assertEqual("committed", self.serve().doc["state"])
        self.eventually(lambda: b"memfd:rtt-" in self.proc(self.driver()["child"]["pid"], "maps"))
        self.eventually(lambda: b"memfd:rtt-" not in self.proc(self.driver()["pid"], "maps"))

    def test_it_is_started_anew_for_a_symbol_it_was_not_told_of(self):
        self.serve()
        self.asked(1)
        before = self.driver()["child"]["pid"]
        self.symbol("rtt://core/api/metrics@1.3.0#fast", driver={"use": "metrics", "params": {}})
        self.serve()
        self.assertEqual("rtt://core/api/metrics@1.3.0#fast", self.json("ls", "routes")["routes"][0]["to"])
        self.asked(100)
        self.assertNotEqual(before, self.driver()["child"]["pid"])

    def test_it_is_ended_by_a_signal_it_may_heed(self):
        self.serve("sh", "-c", 'trap "echo told > $RTT_WORKSPACE/told; kill $!; exit" TERM; "$0" "$RTT_WORKSPACE" "$RTT_SYMBOLS" native & wait',
                   f"{BUILD}/examples/metrics")
        self.asked(1)
        self.ok("down")
        self.assertEqual(b"told\n", self.read("told"))


if __name__ == "__main__":
    main()
