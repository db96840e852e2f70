# SPDX-License-Identifier: Apache-2.0
"""Says where it runs and with what: its folder and the variables of its environment."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from stdio_server import Server, text  # noqa: E402

server = Server("place")


@server.tool("folder")
def folder(_, given):
    """The working folder."""
    return text(os.getcwd())


@server.tool("variable", {"name": {"type": "string"}}, ["name"])
def variable(_, given):
    """A variable of the environment."""
    return text(os.environ.get(given["name"], "absent"))


@server.tool("pid")
def pid(_, given):
    """The process that serves this."""
    return text(os.getpid())


server.run()
