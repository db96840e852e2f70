# SPDX-License-Identifier: Apache-2.0
"""An MCP client over the pipes of a child process, as raw as its messages."""
import json
import os
import queue
import subprocess
import threading

from rtt_case import RTT

INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "tester", "version": "1"}}


class McpClient:
    def __init__(self, *words, cwd, env, rtt=RTT, command=None):
        self.process = subprocess.Popen(command or [rtt, "mcp", "serve", *words], cwd=cwd, env=env, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.inbox = queue.Queue()  # raw lines, None at the end
        self.errors = []
        self.next_id = 1
        self.waiting = []  # messages read while another one was wanted
        self.readers = [threading.Thread(target=self._read, daemon=True),
                        threading.Thread(target=self._read_errors, daemon=True)]
        for reader in self.readers:
            reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.inbox.put(line)
        self.inbox.put(None)

    def _read_errors(self):
        for line in self.process.stderr:
            self.errors.append(line.decode("utf-8", "replace"))

    def send_raw(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message):
        self.send_raw(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    def next_line(self, timeout=20):
        line = self.inbox.get(timeout=timeout)
        if line is None:
            raise EOFError("the server closed its output: " + "".join(self.errors))
        return line

    def next_message(self, timeout=20):
        return json.loads(self.next_line(timeout))

    def answer(self, request_id, timeout=20):
        """The answer to this request; other messages are kept in `waiting`."""
        for i, message in enumerate(self.waiting):
            if message.get("id") == request_id and "method" not in message:
                return self.waiting.pop(i)
        while True:
            message = self.next_message(timeout)
            if message.get("id") == request_id and "method" not in message:
                return message
            self.waiting.append(message)

    def post(self, method, params=None, request_id=None):
        if request_id is None:
            request_id = self.next_id
            self.next_id += 1
        self.send({"id": request_id, "method": method, **({"params": params} if params is not None else {})})
        return request_id

    def ask(self, method, params=None, request_id=None, timeout=20):
        return self.answer(self.post(method, params, request_id), timeout)

    def open(self, name="tester"):
        reply = self.ask("initialize", {**INITIALIZE, "clientInfo": {"name": name, "version": "1"}}, timeout=40)
        self.send({"method": "notifications/initialized"})
        return reply["result"]

    def tools(self):
        return [tool["name"] for tool in self.ask("tools/list")["result"]["tools"]]

    def call(self, name, /, timeout=20, **arguments):
        return self.ask("tools/call", {"name": name, "arguments": arguments}, timeout=timeout)

    def said(self, name, /, **arguments):
        """The text a tool answers with."""
        return self.call(name, **arguments)["result"]["content"][0]["text"]

    def close(self, timeout=10):
        """Ends the input as a client does; the exit status."""
        if not self.process.stdin.closed:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass
        try:
            status = self.process.wait(timeout)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            for reader in self.readers:
                reader.join(5)
            self.process.stdout.close()
            self.process.stderr.close()
        return status

    def flags_of_pipes(self):
        """O_NONBLOCK on our ends would show on the open file descriptions shared with the child's ends."""
        pid = self.process.pid
        found = {}
        for fd in (0, 1):
            with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as info:
                flags = [line.split()[1] for line in info if line.startswith("flags:")][0]
            found[fd] = bool(int(flags, 8) & os.O_NONBLOCK)
        return found
