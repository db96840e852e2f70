# SPDX-License-Identifier: Apache-2.0
"""Trees made to hurt: every fault is listed with its place; scan never hangs, crashes, escapes or executes."""
import os
import socket
import stat

from rtt_case import RttCase, main

SCAN_SECONDS = 20
GOOD = "rtt://good/api/one@1.0.0"


class Tree(RttCase):
    def setUp(self):
        super().setUp()
        self.ok("init", "--yes")
        self.symbol(GOOD)

    def scan(self, **how):
        return self.json("scan", timeout=SCAN_SECONDS, **how)

    def problems(self, **how):
        """file -> problems; the good neighbour is always found."""
        document = self.scan(**how)
        self.assertIn(GOOD, [row["saddr"] for row in document["found"]])
        found = {}
        for problem in document["problems"]:
            self.assertTrue({"file", "line", "column", "code", "message", "hint", "severity"} <= set(problem),
                            problem)
            if problem["code"] not in ("RTT0401", "RTT0405"):
                found.setdefault(problem["file"], []).append(problem)
        return found

    def one(self, file, code, line=None, column=None, **how):
        problems = self.problems(**how)
        self.assertIn(file, problems)
        codes = [p["code"] for p in problems[file]]
        self.assertIn(code, codes, problems[file])
        problem = problems[file][codes.index(code)]
        if line is not None:
            self.assertEqual((line, column), (problem["line"], problem["column"]), problem)
        return problem

    def manifest(self, name, content):
        self.write(f"{name}/rtt.manifest.json", content)
        return f"{name}/rtt.manifest.json"

    def test_json_faults_have_their_place(self):
        good = ('{"$schema":"https://rtt/spec/v1",\n "symbol":{"saddr":"rtt://x/api/%s@1.0.0",\n'
                '  "type":"api","direction":"provider"}}')
        cases = {
            "syntax": (b'{\n "a": tru\n}', "RTT0201", 2, None),
            "empty": (b"", "RTT0201", 1, 1),
            "cut": (b'{"symbol": {', "RTT0201", 1, None),
            "doubled": (b'{\n  "symbol": {},\n  "symbol": {}\n}', "RTT0202", 3, 3),
            "deep": (b"[" * 200_000 + b"]" * 200_000, "RTT0203", 1, None),
            "deepkeys": (b'{"a":' * 200_000 + b"1" + b"}" * 200_000, "RTT0206", 0, None),
            "number": (b'{"a": 1e999}', "RTT0204", 1, None),
            "integer": (b'{"a": 9007199254740993}', "RTT0204", 1, 7),
            "bom": (b"\xef\xbb\xbf{}", "RTT0205", 1, 1),
            "utf8": (b'{"a": "\xc3\x28"}', "RTT0205", 1, None),
            "utf16": ('{"a":1}'.encode("utf-16"), "RTT0205", 1, None),
            "surrogate": (b'{"a": "\\ud800"}', "RTT0205", 1, None),
            "nul": (b'{"a": "\0"}', None, 1, None),
            "large": (b'{"a":"' + b"x" * (1 << 20) + b'"}', "RTT0206", None, None),
            "address": ((good % "../up").encode(), "RTT0208", 2, None),
            "dots": ((good % "a..b").encode(), "RTT0208", 2, None),
            "slash": ((good % "a/b").encode(), "RTT0208", 2, None),
            "version": ((good % "v").replace("1.0.0", "1.0").encode(), "RTT0208", 2, None),
            "unknown": ((good % "u").replace('"type"', '"tpye":1,"type"').encode(), "RTT0210", 3, 3),
            "shape": ((good % "s").replace('"provider"', "7").encode(), "RTT0211", 3, None),
        }
        files = {name: (self.manifest(name, case[0]), case) for name, case in cases.items()}
        with open(self.write("huge/rtt.manifest.json", b"{"), "r+b") as file:
            file.truncate(1 << 33)  # 8 GiB, sparse
        files["huge"] = ("huge/rtt.manifest.json", (None, "RTT0206", None, None))
        problems = self.problems()
        for name, (file, (_, code, line, column)) in files.items():
            with self.subTest(name):
                self.assertIn(file, problems)
                first = problems[file][0]
                if code:
                    self.assertIn(code, [p["code"] for p in problems[file]], problems[file])
                    first = next(p for p in problems[file] if p["code"] == code)
                if line:
                    self.assertEqual(line, first["line"], first)
                    self.assertGreaterEqual(first["column"], 1)
                if column:
                    self.assertEqual(column, first["column"], first)
                self.assertTrue(first["message"])
        self.ok("plan")

    def test_authored_configuration_faults_have_their_place(self):
        self.write(".rtt/policy.json", '{\n "allow": [\n  {"from": "rtt://a/*/*"}\n ]\n}')
        self.assertEqual(3, self.one(".rtt/policy.json", "RTT0211")["line"])
        self.write(".rtt/routes.json", '{"routes":[\n{"from":"rtt://a/api/x","to":"rtt://b/nope/y"}]}')
        self.assertEqual(2, self.one(".rtt/routes.json", "RTT0208")["line"])
        self.write(".rtt/panel.yaml", "routing:\n  prefer: [shm, tpc]\n")
        self.assertEqual(2, self.problems()[".rtt/panel.yaml"][0]["line"])
        self.write(".rtt/panel.yaml", "a: &a [*a]\n")
        self.assertTrue(self.problems()[".rtt/panel.yaml"])
        bomb = "k0: &k0 [x,x]\n" + "".join(f"k{i}: &k{i} [" + f"*k{i - 1}," * 9 + "x]\n" for i in range(1, 20))
        self.write(".rtt/panel.yaml", bomb)
        self.assertTrue(self.problems()[".rtt/panel.yaml"])

    def test_markdown_faults_have_their_place(self):
        self.write("agents/open.md", "---\nname: open\n")
        self.write("agents/yaml.md", "---\nname: [\n---\nx\n")
        self.write("agents/bytes.md", b"---\nname: \xff\n---\nx\n")
        self.write("agents/address.md", "---\nname: a\nsaddr: rtt://common/agent/../x@1.0.0\n---\nx\n")
        self.write("agents/tool.md", "---\nname: t\nsaddr: rtt://common/agent/t@1.0.0\ntools:\n"
                   "  - rtt://x/tool/y@*\n  - not an address\n---\nx\n")
        problems = self.problems()
        for file, line in (("open", None), ("yaml", None), ("bytes", 2), ("address", 3), ("tool", 6)):
            with self.subTest(file):
                [first, *_] = problems[f"agents/{file}.md"]
                self.assertGreaterEqual(first["line"], 1)
                if line:
                    self.assertEqual(line, first["line"], first)

    def test_two_definitions_of_one_id_count_for_neither(self):
        for place in ("one", "two"):
            self.symbol("rtt://x/api/same@1.0.0", file=f"{place}/rtt.manifest.json", description=place)
        document = self.scan()
        problems = [p for p in document["problems"] if p["code"] == "RTT0303"]
        self.assertEqual(["one/rtt.manifest.json", "two/rtt.manifest.json"], sorted(p["file"] for p in problems))
        for problem in problems:  # each names the other
            self.assertIn("two" if problem["file"].startswith("one") else "one", problem["message"])
        self.run_rtt("sign", "--yes")
        self.assertNotIn("rtt://x/api/same@1.0.0", [row["saddr"] for row in self.json("ls", "symbols")["symbols"]])

    def test_symlinks_lead_nowhere(self):
        outside = os.path.join(self.base, "outside")
        self.symbol("rtt://outside/api/secret@1.0.0", ws=outside, file="in/rtt.manifest.json")
        os.makedirs(self.path("links"))
        os.symlink(os.path.join(outside, "in"), self.path("links/folder"))
        os.symlink(os.path.join(outside, "in/rtt.manifest.json"), self.path("links/rtt.manifest.json"))
        os.symlink("/etc/passwd", self.path("links/x.api.json"))
        os.makedirs(self.path("agents"))
        os.symlink("/etc/passwd", self.path("agents/passwd.md"))
        os.symlink(".", self.path("links/self"))
        os.symlink("../links", self.path("links/up"))
        os.symlink("b", self.path("links/a"))
        os.symlink("a", self.path("links/b"))
        os.symlink("/proc/self/root", self.path("links/root"))
        document = self.scan()
        self.assertNotIn("outside", " ".join(row["saddr"] for row in document["found"]))
        self.assertNotIn("root:", str(document))
        codes = {p["file"]: p["code"] for p in document["problems"]}
        for file in ("links/rtt.manifest.json", "agents/passwd.md"):
            self.assertIn(codes.get(file), ("RTT0304", "RTT0305"), codes)

    def test_a_workspace_whose_own_folders_are_links_writes_nothing_outside(self):
        outside = os.path.join(self.base, "outside")
        os.makedirs(outside)
        ws = os.path.join(self.base, "trap")
        os.makedirs(os.path.join(ws, ".rtt"))
        for name in ("registry", "wal", "cache", "sockets", "manifests"):
            os.symlink(outside, os.path.join(ws, ".rtt", name))
        self.symbol(GOOD, ws=ws)
        self.run_rtt("init", "--yes", ws=ws)
        self.run_rtt("plan", ws=ws)
        self.assertEqual([], os.listdir(outside))
        for name in ("registry", "wal", "cache", "sockets", "manifests"):
            os.remove(os.path.join(ws, ".rtt", name))

    def test_special_files_are_named_and_not_opened(self):
        os.makedirs(self.path("fifo"))
        os.mkfifo(self.path("fifo/rtt.manifest.json"))
        os.makedirs(self.path("agents"))
        os.mkfifo(self.path("agents/wait.md"))
        os.makedirs(self.path("sock"))
        listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(listening.close)
        here = os.getcwd()
        os.chdir(self.path("sock"))
        listening.bind("rtt.manifest.json")
        os.chdir(here)
        files = ["fifo/rtt.manifest.json", "agents/wait.md", "sock/rtt.manifest.json"]
        os.makedirs(self.path("folder/rtt.manifest.json"))
        try:
            os.makedirs(self.path("dev"))
            os.mknod(self.path("dev/rtt.manifest.json"), stat.S_IFCHR | 0o666, os.makedev(1, 5))
            files.append("dev/rtt.manifest.json")
        except PermissionError:
            pass
        problems = self.problems()
        for file in files:
            with self.subTest(file):
                self.assertEqual(["RTT0305"], [p["code"] for p in problems.get(file, [])])
        os.mkfifo(self.path(".mcp.json"))
        self.assertTrue(self.problems())
        self.run_rtt("mcp", "import", "--yes", timeout=SCAN_SECONDS)
        os.remove(self.path(".mcp.json"))
        os.rename(self.path(".rtt/routes.json"), self.path("routes.json"))
        os.mkfifo(self.path(".rtt/routes.json"))
        self.one(".rtt/routes.json", "RTT0305")
        self.run_rtt("plan", timeout=SCAN_SECONDS, check=3)  # what cannot be read is not planned around
        self.assertNotEqual(0, self.run_rtt("check", timeout=SCAN_SECONDS).status)
        os.remove(self.path(".rtt/routes.json"))

    def test_unreadable_places_are_listed(self):
        user = None
        if os.getuid() == 0:
            user = 65534
            for folder, names, files in os.walk(self.base):
                for name in [".", *names, *files]:
                    os.chown(os.path.join(folder, name), user, user, follow_symlinks=False)
        for name in ("closed", "shut"):
            os.makedirs(self.path(name))
        self.manifest("shut", b"{}")
        self.manifest("closed/below", b"{}")
        os.chmod(self.path("shut/rtt.manifest.json"), 0)
        os.chmod(self.path("closed"), 0)
        if user:
            for name in ("closed", "shut", "shut/rtt.manifest.json"):
                os.chown(self.path(name), user, user)
        try:
            problems = self.problems(user=user)
        finally:
            os.chmod(self.path("closed"), 0o700)
        self.assertEqual(["RTT0903"], [p["code"] for p in problems.get("closed", [])], problems)
        self.assertEqual(["RTT0903"], [p["code"] for p in problems.get("shut/rtt.manifest.json", [])], problems)

    def test_names_that_are_not_text(self):
        for name in (b"new\nline", b"\xff\xfe", b"esc\x1b[31m", b"a" * 255, "nfd-e\u0301".encode()):
            folder = os.path.join(self.ws.encode(), name)
            os.makedirs(folder)
            with open(os.path.join(folder, b"rtt.manifest.json"), "wb") as file:
                file.write(b"{")
        found = {(p["file"], p["code"]) for p in self.scan()["problems"]}
        # A path that is no text could not be written into a contract's source: named as %XX, not opened.
        for folder, code in (("new%0Aline", "RTT0205"), ("%FF%FE", "RTT0205"), ("esc%1B[31m", "RTT0205"),
                             ("a" * 255, "RTT0201"), ("nfd-e\u0301", "RTT0201")):
            self.assertIn((f"{folder}/rtt.manifest.json", code), found)
        self.assertNotIn("\x1b", self.ok("scan").text)

    def test_ten_thousand_files_and_a_deep_tree(self):
        for i in range(100):
            folder = self.path(f"many/d{i}")
            os.makedirs(folder)
            for j in range(100):
                with open(os.path.join(folder, f"f{j}.txt"), "wb"):
                    pass
        for i in range(200):
            self.symbol(f"rtt://many/api/a{i}@1.0.0", file=f"many/m{i}/rtt.manifest.json")
        deep = self.ws
        for _ in range(300):
            deep = os.path.join(deep, "d")
        os.makedirs(deep)
        open(os.path.join(deep, "rtt.manifest.json"), "wb").close()
        document = self.scan()
        self.assertGreaterEqual(document["symbols"], 201)
        self.assertIn("RTT0904", [p["code"] for p in document["problems"]], "the depth limit is told")

    def test_a_thousand_faults_are_a_bounded_answer(self):
        for i in range(1500):
            self.manifest(f"bad/{i}", b"{")
        many = self.manifest("dup", b'{"contracts":[' + b",".join([b'{"nope":1}'] * 3000) + b"]}")
        document = self.scan()
        self.assertLessEqual(len(document["problems"]), 1100)
        self.assertLessEqual(len([p for p in document["problems"] if p["file"] == many]), 101)

    def test_nothing_found_is_executed(self):
        trap = self.write("trap.sh", f"#!/bin/sh\ntouch {self.path('sprung')}\n")
        os.chmod(trap, 0o755)
        self.mcp_json({"trap": {"command": trap, "args": []}})
        self.symbol("rtt://trap/service/run@1.0.0",
                    driver={"use": "process", "params": {"command": trap, "args": []}})
        self.scan()
        for words in (["plan"], ["check"], ["lint"], ["ls", "symbols"], ["doctor"], ["sign", "--yes"],
                      ["plan", "--explain"]):
            self.run_rtt(*words)
        self.assertFalse(os.path.exists(self.path("sprung")))


if __name__ == "__main__":
    main()
