# SPDX-License-Identifier: Apache-2.0
"""Clients' files are changed at RTT's entries alone, and come back byte for byte.

Each client has a file as its users write it and the file `mcp connect --write` must make of it, side by side in
golden/clients/NAME.before and .after ({rtt}, {ws} and {python} stand for this run's own).
"""
import hashlib
import json
import os
import stat
import subprocess
import sys
import unittest

from mcp_client import McpClient
from rtt_case import HERE, RTT, RttCase, main

GOLDEN = os.path.join(os.path.dirname(HERE), "golden", "clients")
PLACES = {
    "claude": ".claude.json", "claude-desktop": ".config/Claude/claude_desktop_config.json",
    "codex": ".codex/config.toml", "cursor": ".cursor/mcp.json", "gemini": ".gemini/settings.json",
    "mcp-hub": ".config/mcphub/servers.json", "opencode": ".config/opencode/opencode.jsonc",
    "qwen": ".qwen/settings.json", "vibe": ".vibe/config.toml", "vscode": ".config/Code/User/mcp.json",
    "zed": ".config/zed/settings.json",
}


class Connect(RttCase):
    def setUp(self):
        super().setUp()
        # The client's file names `notes`, which the workspace has accepted; `diary` the client does not know yet.
        entry = self.server_entry("notes.py")
        self.words = [entry["command"], *entry["args"]]
        self.mcp_json({"notes": {**entry, "env": {"TOKEN": "in-the-file"}}, "diary": entry})
        self.ok("init", "--yes")
        self.json("mcp", "import", "--yes", timeout=120)
        os.remove(self.path(".mcp.json"))

    def filled(self, name):
        with open(os.path.join(GOLDEN, name), "rb") as file:
            text = file.read().decode()
        for mark, value in (("{rtt}", RTT), ("{ws}", self.ws), ("{python}", sys.executable),
                            ("{script}", self.path("servers", "notes.py"))):
            text = text.replace(mark, value)
        return text.encode()

    def place(self, client):
        return os.path.join(self.me.home, PLACES[client])

    def put(self, client, content, mode=0o640):
        os.makedirs(os.path.dirname(self.place(client)), exist_ok=True)
        with open(self.place(client), "wb") as file:
            file.write(content)
        os.chmod(self.place(client), mode)

    def got(self, client):
        with open(self.place(client), "rb") as file:
            return file.read()

    def states(self, document):
        return {(c["client"], s["name"]): s["state"] for c in document["clients"] for s in c["servers"]}

    def test_every_clients_file_is_edited_in_place_and_comes_back(self):
        for client in PLACES:
            with self.subTest(client):
                before, after = self.filled(f"{client}.before"), self.filled(f"{client}.after")
                self.put(client, before)
                shown = self.json("mcp", "connect", client)
                self.assertTrue(shown["clients"][0]["changed"])
                self.assertFalse(shown["written"])
                self.assertEqual(before, self.got(client))
                for run in (1, 2):
                    done = self.json("mcp", "connect", client, "--write", "--yes")
                    self.assertEqual(run == 1, done["written"], done)
                    self.assertEqual(after.decode(), self.got(client).decode())
                self.assertEqual(0o640, stat.S_IMODE(os.stat(self.place(client)).st_mode))
                self.json("mcp", "disconnect", client, "--yes")
                self.assertEqual(before, self.got(client))
                self.assertEqual([], self.json("mcp", "disconnect", "--all", "--yes")["clients"])

    def test_an_edit_in_between_is_kept_and_said(self):
        for client in PLACES:
            with self.subTest(client):
                before = self.filled(f"{client}.before")
                self.put(client, before)
                self.json("mcp", "connect", client, "--write", "--yes")
                toml = PLACES[client].endswith(".toml")
                note = b"# mine\nmine = 1\n" if toml else b"/* mine */ "
                self.put(client, note + self.got(client))
                back = self.json("mcp", "disconnect", client, "--yes")
                self.assertIn("edited since", json.dumps(back))
                self.assertEqual((note + before).decode(), self.got(client).decode())

    def test_a_file_that_was_not_there_is_made_and_goes(self):
        for client in ("claude", "codex", "vscode"):
            with self.subTest(client):
                done = self.json("mcp", "connect", client, "--write", "--yes")
                self.assertEqual({"added"}, set(self.states(done).values()))
                self.assertEqual(0o600, stat.S_IMODE(os.stat(self.place(client)).st_mode))
                self.json("mcp", "disconnect", client, "--yes")
                self.assertFalse(os.path.exists(self.place(client)))

    def test_nothing_is_written_without_consent(self):
        before = self.filled("codex.before")
        self.put("codex", before)
        refused = self.run_rtt("mcp", "connect", "codex", "--write", check=3)
        self.assertIn("+args = ", refused.err)
        self.assertEqual(before, self.got("codex"))
        self.assertFalse(os.path.exists(os.path.join(self.me.config, "rtt", "connect")))
        self.json("mcp", "connect", "codex", "--write", "--yes")
        after = self.got("codex")
        self.refused("RTT0104", 3, "mcp", "disconnect", "codex")
        self.refused("RTT0104", 3, "eject")
        self.assertEqual(after, self.got("codex"))

    def test_a_symlink_stays_one_and_its_file_is_edited(self):
        real = os.path.join(self.me.home, "dotfiles.toml")
        before = self.filled("codex.before")
        with open(real, "wb") as file:
            file.write(before)
        os.makedirs(os.path.dirname(self.place("codex")))
        os.symlink(real, self.place("codex"))
        self.json("mcp", "connect", "codex", "--write", "--yes")
        self.assertTrue(os.path.islink(self.place("codex")))
        self.assertNotEqual(before, self.got("codex"))
        self.json("mcp", "disconnect", "codex", "--yes")
        self.assertTrue(os.path.islink(self.place("codex")))
        self.assertEqual(before, self.got("codex"))

    def test_one_entry_for_all_and_back_to_one_each(self):
        for client in ("codex", "vibe", "opencode", "vscode"):
            with self.subTest(client):
                before = self.filled(f"{client}.before")
                self.put(client, before)
                self.json("mcp", "connect", client, "--single", "--write", "--yes")
                text = self.got(client).decode()
                self.assertNotIn("notes.py", text)
                self.assertIn("rtt", text)
                self.assertFalse(self.json("mcp", "connect", client, "--single", "--write", "--yes")["written"])
                self.json("mcp", "connect", client, "--write", "--yes")
                self.assertEqual(self.filled(f"{client}.after").decode(), self.got(client).decode())
                self.json("mcp", "connect", client, "--single", "--write", "--yes")
                self.json("mcp", "disconnect", client, "--yes")
                self.assertEqual(before.decode(), self.got(client).decode())

    def test_a_committed_file_is_left_alone_unless_named(self):
        entry = {"command": self.words[0], "args": self.words[1:]}
        self.mcp_json({"notes": {**entry, "env": {"TOKEN": "in-the-file"}}, "diary": entry})
        before = self.read(".mcp.json")
        self.json("mcp", "connect", "claude", "--write", "--yes")
        self.assertEqual(before, self.read(".mcp.json"))
        local = json.loads(self.got("claude"))["projects"][self.ws]["mcpServers"]
        self.assertEqual(["diary", "notes"], sorted(local))
        # Both would be listed: refused, and told how.
        self.refused("RTT0307", 1, "mcp", "connect", "claude", "--single")
        self.json("mcp", "connect", "claude", "--project", "--write", "--yes")
        self.assertEqual(["mcp", "serve", "notes", "--as", "claude"],
                         self.read_json(".mcp.json")["mcpServers"]["notes"]["args"])
        self.json("mcp", "disconnect", "claude", "--yes")
        self.assertEqual(before, self.read(".mcp.json"))
        self.assertFalse(os.path.exists(self.place("claude")))

    def test_a_server_in_both_files_of_a_client_is_not_listed_twice(self):
        entry = {"command": self.words[0], "args": self.words[1:]}
        self.write(".cursor/mcp.json", {"mcpServers": {"notes": entry}})
        self.put("cursor", self.filled("cursor.before"))
        done = self.json("mcp", "connect", "cursor", "--write", "--yes")
        self.assertEqual("left", self.states(done)[("cursor", "notes")])
        self.assertIn("--project", json.dumps(done))
        self.write(".vibe/config.toml", "mcp_servers = []\n")
        self.refused("RTT0103", 2, "mcp", "connect", "vibe")
        self.json("mcp", "connect", "vibe", "--project", "--write", "--yes")
        self.assertIn(b"serve", self.read(".vibe/config.toml"))
        self.json("mcp", "disconnect", "vibe", "--yes")
        self.assertEqual(b"mcp_servers = []\n", self.read(".vibe/config.toml"))

    def test_another_program_under_the_same_name_is_left_alone(self):
        self.put("cursor", b'{"mcpServers": {"notes": {"command": "other"}}}')
        done = self.json("mcp", "connect", "cursor", "--write", "--yes")
        self.assertEqual({("cursor", "notes"): "left", ("cursor", "diary"): "added"}, self.states(done))
        self.assertIn(b'"notes": {"command": "other"}', self.got("cursor"))

    def keep_secret(self, name, value):
        with open(os.path.join(self.me.config, "rtt", "secrets", name), "w", encoding="utf-8") as file:
            file.write(value)

    def test_an_entry_that_has_more_than_was_accepted_is_left_alone_and_why_is_said(self):
        entry = {"command": self.words[0], "args": self.words[1:]}
        mine = "sentinel-of-mine"
        for more, named in (({"env": {"TOKEN": mine}}, "env TOKEN"), ({}, "env TOKEN"),
                            ({"env": {"TOKEN": "in-the-file", "MODE": mine}}, "env MODE"),
                            ({"env": {"TOKEN": "in-the-file"}, "cwd": "/elsewhere"}, "cwd")):
            with self.subTest(named=named):
                before = json.dumps({"mcpServers": {"notes": {**entry, **more}}}).encode()
                self.put("cursor", before)
                for words in (["connect", "cursor"], ["connect", "cursor", "--write", "--yes"]):
                    done = self.json("mcp", *words)
                    [row] = [s for s in done["clients"][0]["servers"] if s["name"] == "notes"]
                    self.assertEqual("left", row["state"])
                    self.assertIn(f"another {named} than the server accepted here", row["why"])
                    self.assertNotIn(mine, json.dumps(done))
                self.assertEqual({**entry, **more}, json.loads(self.got("cursor"))["mcpServers"]["notes"])
                self.json("mcp", "disconnect", "cursor", "--yes")
                self.assertEqual(before, self.got("cursor"))

    def test_an_address_or_a_header_that_differs_is_another_server(self):
        manifest = self.read_json(".rtt/manifests/mcp.diary.json")
        params = manifest["contracts"][0]["symbol"]["driver"]["params"]
        for key in ("command", "args", "env"):
            del params[key]
        params.update(transport="http", url="http://127.0.0.1:1/mcp", headers={"X": "1"})
        self.write(".rtt/manifests/mcp.diary.json", manifest)
        self.ok("sign", "--yes")
        for url, headers, named in (("http://127.0.0.1:2/mcp", {"X": "1"}, "url"),
                                    ("http://127.0.0.1:1/mcp", {"X": "2"}, "header X")):
            self.put("cursor", json.dumps({"mcpServers": {"diary": {"url": url, "headers": headers}}}).encode())
            done = self.json("mcp", "connect", "cursor")
            [row] = [s for s in done["clients"][0]["servers"] if s["name"] == "diary"]
            self.assertEqual("left", row["state"], row)
            self.assertIn(f"another {named} than", row["why"])
        self.put("cursor", b'{"mcpServers": {"diary": {"url": "http://127.0.0.1:1/mcp", "headers": {"X": "1"}}}}')
        self.assertEqual("replaced", self.states(self.json("mcp", "connect", "cursor"))[("cursor", "diary")])

    def test_a_secret_that_was_changed_since_gives_no_entry_back(self):
        self.put("codex", self.filled("codex.before"))
        self.json("mcp", "connect", "codex", "--write", "--yes")
        self.keep_secret("notes.TOKEN", "another by now")
        self.ok("mcp", "add", "third", "--yes", "--", *self.words)
        states = self.states(self.json("mcp", "connect", "codex", "--write", "--yes"))
        self.assertEqual(("replaced", "added"), (states[("codex", "notes")], states[("codex", "third")]))

    def test_a_committed_file_names_no_folder_of_this_machine(self):
        for client, file, doors in (("claude", ".mcp.json", []), ("gemini", ".gemini/settings.json", []),
                                    ("cursor", ".cursor/mcp.json", ["-C", "${workspaceFolder}"]),
                                    ("vscode", ".vscode/mcp.json", ["-C", "${workspaceFolder}"])):
            with self.subTest(client):
                self.json("mcp", "connect", client, "--project", "--write", "--yes")
                written = self.read(file)
                self.assertNotIn(self.ws.encode(), written)
                servers = self.read_json(file)
                entry = (servers.get("mcpServers") or servers["servers"])["notes"]
                self.assertEqual(["mcp", "serve", "notes", "--as", client, *doors], entry["args"])
                again = self.json("mcp", "connect", client, "--project", "--write", "--yes")
                self.assertFalse(again["written"])
                if not doors:
                    started = McpClient(cwd=self.ws, env=self.me.env, command=[entry["command"], *entry["args"]])
                    started.open()
                    self.assertIn("echo", started.tools())
                    self.assertEqual(0, started.close())
                self.json("mcp", "disconnect", client, "--yes")
                self.assertFalse(os.path.exists(self.path(file)))

    def test_no_secret_is_shown_and_the_record_is_the_users_alone(self):
        for client in ("codex", "vscode"):
            secret = b"sentinel-9d31-secret"
            self.keep_secret("notes.TOKEN", secret.decode())
            before = self.filled(f"{client}.before").replace(b"in-the-file", secret)
            self.assertIn(secret, before)
            self.put(client, before)
            for words in (["mcp", "connect", client], ["mcp", "connect", client, "--write", "--yes"],
                          ["mcp", "disconnect", client, "--yes"]):
                answer = self.ok(*words)
                self.assertNotIn(secret.decode(), answer.text)
                self.assertNotIn(secret.decode(), self.ok("log").text)
                if "--write" in words:
                    self.assertNotIn(secret.decode(), self.ok("mcp", "connect", client, "--json").text)
                    for folder, _, names in os.walk(os.path.join(self.me.config, "rtt", "connect")):
                        self.assertEqual(0, os.stat(folder).st_mode & 0o077)
                        for name in names:
                            self.assertEqual(0, os.stat(os.path.join(folder, name)).st_mode & 0o077)
            self.assertEqual(before, self.got(client))

    def test_what_cannot_be_read_is_an_error_and_nothing_is_written(self):
        for client, text, code in (("cursor", b'{"mcpServers": ', "RTT0201"), ("codex", b"[mcp_servers", "RTT0213"),
                                   ("zed", b'{"context_servers": []}', "RTT0211"), ("vibe", b"mcp_servers = 1", "RTT0211"),
                                   ("gemini", b'{"a": "\xff"}', "RTT0205"),
                                   ("opencode", b'{"mcp": {}, "mcp": {}}', "RTT0202")):
            with self.subTest(client):
                self.put(client, text)
                error = self.refused(code, 1, "mcp", "connect", client, "--write", "--yes")
                self.assertIn(os.path.basename(PLACES[client]), error["where"])
                self.assertEqual(text, self.got(client))
                os.remove(self.place(client))
        self.refused("RTT0105", 1, "mcp", "connect", "cursr")
        self.refused("RTT0103", 2, "mcp", "connect")
        self.refused("RTT0103", 2, "mcp", "connect", "mcp-hub", "--project")

    def test_a_file_that_vanished_or_broke_is_an_error_on_the_way_back(self):
        before = self.filled("codex.before")
        self.put("codex", before)
        self.json("mcp", "connect", "codex", "--write", "--yes")
        os.rename(self.place("codex"), self.place("codex") + "~")
        error = self.refused("RTT0105", 1, "mcp", "disconnect", "codex", "--yes")
        with open(error["hint"].rpartition(" ")[2], "rb") as backup:
            self.assertEqual(before, backup.read())
        self.assertFalse(os.path.exists(self.place("codex")))
        self.put("codex", b"broken = [")
        self.refused("RTT0213", 1, "mcp", "disconnect", "codex", "--yes")
        self.assertEqual(b"broken = [", self.got("codex"))
        os.rename(self.place("codex") + "~", self.place("codex"))
        self.json("mcp", "disconnect", "codex", "--yes")
        self.assertEqual(before, self.got("codex"))

    def test_two_workspaces_share_one_file_and_leave_it_in_any_order(self):
        other = os.path.join(self.me.home, "other")
        os.makedirs(other)
        self.mcp_json({"diary2": self.server_entry("notes.py", ws=other)}, ws=other)
        self.ok("init", "--yes", ws=other)
        self.json("mcp", "import", "--yes", ws=other, timeout=120)
        for client in ("codex", "vscode", "zed"):
            for order in ((self.ws, other), (other, self.ws)):
                with self.subTest(client, order=order):
                    before = self.filled(f"{client}.before")
                    self.put(client, before)
                    for ws in (self.ws, other):
                        self.json("mcp", "connect", client, "--write", "--yes", ws=ws)
                    for ws in order:
                        self.json("mcp", "disconnect", client, "--yes", ws=ws)
                    self.assertEqual(before.decode(), self.got(client).decode())

    def test_eject_leaves_every_client_with_servers_of_its_own(self):
        for client in ("codex", "opencode", "vscode", "vibe"):
            self.put(client, self.filled(f"{client}.before"))
        self.json("mcp", "connect", "codex", "opencode", "vscode", "vibe", "--write", "--yes")
        done = self.json("eject", "--yes")
        self.assertEqual({"restored", "native"}, set(self.states(done).values()))
        for client in ("codex", "opencode", "vscode", "vibe"):
            text = self.got(client).decode()
            self.assertNotIn('"serve"', text)
            self.assertEqual(2, text.count("notes.py"), text)
            again = self.json("mcp", "import", self.place(client), "--only", "diary", "--yes", timeout=120)
            self.assertEqual("unchanged", again["servers"][0]["state"], again)  # the server it was
        self.assertEqual([], self.json("eject", "--yes")["clients"])

    def test_import_reads_what_clients_have_and_says_where(self):
        for client in PLACES.keys() - {"claude"}:  # its has no TOKEN: another server
            self.put(client, self.filled(f"{client}.before"))
        answer = self.json("mcp", "import", "--user", "--only", "notes", "--yes", status=0, timeout=120)
        (row,) = answer["servers"]
        self.assertGreaterEqual(len(row["sources"]), 9, row)
        self.put("cursor", b'{"mcpServers": {"notes": {"command": "other"}}}')
        error = self.refused("RTT0307", 1, "mcp", "import", "--user", "--only", "notes", "--yes")
        self.assertIn("~/.cursor/mcp.json", error["message"])


if __name__ == "__main__":
    main()
