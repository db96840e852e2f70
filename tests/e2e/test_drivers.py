# SPDX-License-Identifier: Apache-2.0
"""Drivers of one's own: checked by `rtt driver test`, served once signed, restarted when they die."""
import http.server
import json
import os
import shutil
import signal
import socket
import sys
import threading
import unittest

from rtt_case import HERE, RttCase, main

EXAMPLES = os.path.join(os.path.dirname(os.path.dirname(HERE)), "examples", "drivers")

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
        self.write("native/driver.json", {"name": "native", "exec": ["true"], "wire": "native"})
        report = self.json("driver", "test", self.path("native"), status=1)
        self.assertIn("librtt", report["checks"][0]["detail"])


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
        self.assertIn("/most is not a parameter", answer.out)


if __name__ == "__main__":
    main()
