# SPDX-License-Identifier: Apache-2.0
"""`rtt mcp login`: OAuth against an authorization server of the test, which is also its browser."""
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request

from mcp_client import McpClient
from rtt_case import RTT, SERVERS, RttCase, main

sys.path.insert(0, SERVERS)
from http_server import AuthServer, HttpMcp  # noqa: E402


class Login(RttCase):
    def setUp(self):
        super().setUp()
        self.ok("init", "--yes")
        self.mcp = HttpMcp()
        self.addCleanup(self.mcp.close)
        self.write(".mcp.json", {"mcpServers": {"far": {"type": "http", "url": self.mcp.url}}})

    def authority(self, **how):
        server = AuthServer(self.mcp, **how)
        self.addCleanup(server.close)
        return server

    def login(self, *flags, browser=None):
        """Runs `mcp login`; the browser goes where it is sent. (status, stdout, stderr)"""
        process = subprocess.Popen([RTT, "mcp", "login", "far", "--yes", "--json", *flags], cwd=self.ws,
                                   env=self.me.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   stdin=subprocess.DEVNULL, text=True)
        errors = ""
        try:
            for line in process.stderr:
                errors += line
                found = re.search(r"opening this address: (\S+)", line)
                if found:
                    (browser or self.browse)(found.group(1))
            out = process.stdout.read()
            status = process.wait(30)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            process.stdout.close()
            process.stderr.close()
        return status, json.loads(out), errors

    def browse(self, url):
        with urllib.request.urlopen(url, timeout=10) as page:
            self.assertIn("close this window", page.read().decode())

    def logged_in(self, *flags):
        status, document, errors = self.login(*flags)
        self.assertEqual((0, "logged in"), (status, document.get("state")), (document, errors))
        return document

    def client(self):
        client = McpClient("far", cwd=self.ws, env=self.me.env)
        self.addCleanup(lambda: client.process.poll() is None and client.close())
        client.open()
        return client

    def secret_files(self):
        folder = os.path.join(self.me.config, "rtt", "secrets")
        return {name: os.stat(os.path.join(folder, name)).st_mode & 0o777 for name in os.listdir(folder)}

    def state(self):
        return self.json("mcp", "ls")["servers"][0]["state"]


class Whole(Login):
    def test_from_a_refused_import_to_a_call_and_back_to_needs_login(self):
        authority = self.authority()
        row = self.json("mcp", "import", "--yes", status=1)["servers"][0]
        self.assertEqual(("failed", "RTT0417", "rtt mcp login far"),
                         (row["state"], row["error"]["code"], row["error"]["hint"]))
        document = self.logged_in()
        self.assertEqual((authority.here, "notes:read", True),
                         (document["issuer"], document["scope"], document["renews"]))
        self.assertEqual("imported", self.json("mcp", "import", "--yes")["servers"][0]["state"])
        client = self.client()
        self.assertEqual("hi", client.said("echo", message="hi"))

        # Refused in the middle: renewed once, and the call is made.
        old = self.mcp.options["token"]
        self.mcp.options["token"] = "changed-at-the-server"
        self.assertEqual("again", client.said("echo", message="again"))
        self.assertNotIn(self.mcp.options["token"], (old, "changed-at-the-server"))
        self.assertEqual("refresh_token", authority.token_asks[-1]["grant_type"])

        # Cannot be renewed: the tools stay listed, calls say what to do.
        authority.refreshes.clear()
        self.mcp.options["token"] = "changed-again"
        answer = json.dumps(client.call("echo", message="no"))
        self.assertIn("rtt mcp login far", answer)
        self.assertIn("RTT0417", answer)
        self.assertEqual(len(self.mcp.tools), len(client.tools()))
        self.assertEqual(0, client.close())
        client = self.client()
        self.assertIn("rtt mcp login far", json.dumps(client.call("echo", message="no")))
        self.assertEqual("needs login", self.state())
        self.logged_in()
        self.assertEqual("back", client.said("echo", message="back"))
        self.ok("mcp", "logs", "far")  # starts a panel, which the gateway then reports to
        self.eventually(lambda: self.state() == "ready", why="it is logged in and was called")
        self.assertEqual(0, client.close())

        names = self.secret_files()
        self.assertTrue(all(mode == 0o600 for mode in names.values()), names)
        tokens = [ask["refresh_token"] for ask in authority.token_asks if "refresh_token" in ask]
        for text in [answer.text for answer in self.transcript] + [self.ok("mcp", "logs", "far").text]:
            for token in [old, self.mcp.options["token"], *tokens]:
                self.assertNotIn(token, text)

    def test_a_server_that_needs_a_login_leaves_the_call_to_its_equal(self):
        authority = self.authority()
        near = HttpMcp()
        self.addCleanup(near.close)
        self.write(".mcp.json", {"mcpServers": {name: {"type": "http", "url": one.url}
                                                for name, one in (("far", self.mcp), ("near", near))}})
        self.logged_in()
        self.json("mcp", "import", "--yes")
        self.mcp_settings("  equivalents:\n    - {servers: [far, near]}\n")
        client = McpClient(cwd=self.ws, env=self.me.env)
        self.addCleanup(lambda: client.process.poll() is None and client.close())
        client.open()
        who = lambda: client.call("echo", message="x")["result"]["_meta"]["io.github.rtt/provenance"]["provider"]
        self.assertIn("//far/", who())
        authority.refreshes.clear()
        self.mcp.options["token"] = "changed-at-the-server"
        self.assertIn("//near/", who())

    def test_a_login_that_runs_out_soon_is_renewed_before_it_does(self):
        authority = self.authority()
        authority.life = 30
        self.logged_in()
        authority.life = 3600
        self.json("mcp", "import", "--yes")
        self.assertEqual(["authorization_code", "refresh_token"], [ask["grant_type"] for ask in authority.token_asks])

    def test_logging_out(self):
        self.authority()
        self.logged_in()
        self.json("mcp", "import", "--yes")
        self.assertEqual("logged out", self.json("mcp", "login", "far", "--logout", "--yes")["state"])
        self.assertEqual("needs login", self.state())

    def test_a_client_id_given_once_is_known_from_then_on(self):
        self.authority(registration=False)
        status, document, _ = self.login()
        self.assertEqual((1, True), (status, "--client-id" in document["error"]["hint"]), document)
        self.logged_in("--client-id", "by-hand")
        self.logged_in()

    def test_a_confidential_client_shows_its_secret_as_the_issuer_wants_it(self):
        secret = "p:ss w%rd/+\u00fc"
        self.write("secret", secret.encode() + b"\n")
        os.chmod(self.path("secret"), 0o600)
        for methods in (None, ["client_secret_basic"], ["client_secret_post", "client_secret_basic"]):
            with self.subTest(methods):
                authority = self.authority(registration=False, secret=secret, methods=methods)
                status, document, _ = self.login("--client-id", "ours")
                self.assertEqual(1, status)
                self.assertIn("invalid_client", document["error"]["message"])
                self.logged_in("--client-id", "ours", "--client-secret-from", "secret")
                self.logged_in()  # known from then on
                authority.life = 30
                self.logged_in()
                authority.life = 3600
                asked = len(authority.token_asks)
                self.json("mcp", "import", "--yes")  # renews
                self.assertEqual(["refresh_token"], [ask["grant_type"] for ask in authority.token_asks[asked:]])
        for folder, _, names in os.walk(self.ws):
            for name in names:
                path = os.path.join(folder, name)
                if path != self.path("secret") and os.path.isfile(path):
                    with open(path, "rb") as file:
                        self.assertNotIn(secret.encode(), file.read(), path)
        self.assertNotIn(secret, "".join(answer.text for answer in self.transcript))
        self.assertTrue(all(mode == 0o600 for mode in self.secret_files().values()))

    def test_a_secret_that_is_none_is_refused(self):
        authority = self.authority(registration=False, secret="x")
        self.write("secret", b"x\n")
        os.chmod(self.path("secret"), 0o644)
        for words, code, flags in (("chmod 600", "RTT0903", ["--client-id", "ours"]),
                                   ("--client-id", "RTT0103", [])):
            status, document, _ = self.login("--client-secret-from", "secret", *flags)
            self.assertNotEqual(0, status)
            self.assertEqual(code, document["error"]["code"])
            self.assertIn(words, document["error"]["hint"])
        status, document, _ = self.login("--client-secret-from", "${NO_SUCH_VARIABLE}", "--client-id", "ours")
        self.assertEqual("RTT0415", document["error"]["code"])
        self.assertEqual([], authority.token_asks)

    def test_it_asks_first(self):
        self.authority()
        self.refused("RTT0104", 3, "mcp", "login", "far")
        self.assertEqual([], self.mcp.seen)


class Faults(Login):
    def check(self, fault, words, browser=None):
        authority = self.authority(faults=[fault])
        status, document, errors = self.login(browser=browser)
        self.assertEqual(1, status, document)
        self.assertIn(words, document["error"]["message"], errors)
        self.assertEqual([], authority.token_asks)

    def test_metadata_of_another_resource(self):
        self.check("resource", "another resource")

    def test_metadata_of_another_issuer(self):
        self.check("issuer", "another issuer")

    def test_no_pkce(self):
        self.check("pkce", "PKCE")

    def test_an_answer_of_another_issuer(self):
        self.check("iss", "another issuer")

    def test_denied(self):
        self.check("denied", "access_denied")

    def test_what_comes_with_another_state_changes_nothing(self):
        def browser(url):
            back = re.search(r"redirect_uri=([^&]+)", url).group(1).replace("%3A", ":").replace("%2F", "/")
            for target in ("?code=x&state=wrong", "?code=x", "/else?code=x"):
                with self.assertRaises(urllib.error.HTTPError) as refused:
                    urllib.request.urlopen(back + target, timeout=10)
                refused.exception.close()
            self.browse(url)

        self.authority()
        status, document, errors = self.login(browser=browser)
        self.assertEqual((0, "logged in"), (status, document.get("state")), (document, errors))

    def test_a_server_without_an_authority(self):
        self.mcp.options["token"] = "some-key"
        status, document, _ = self.login()
        self.assertEqual(1, status)
        self.assertIn("names no authorization server", document["error"]["message"])


if __name__ == "__main__":
    main()
