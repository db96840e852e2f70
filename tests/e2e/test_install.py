# SPDX-License-Identifier: Apache-2.0
"""What `make install` leaves: an rtt that runs, and all that a C program needs to be an endpoint."""
import os
import re
import subprocess
import unittest

from rtt_case import RTT, RttCase, main

BUILD = os.path.dirname(os.path.dirname(RTT))
PROGRAM = r"""
#include <rtt.h>
#include <stdio.h>

int main(void) {
  rtt_error why;
  if (rtt_attach("/", "rtt://ui/hook/refresh", &why)) return 3;
  printf("%d %d %d\n", rtt_abi(), RTT_ABI, why.code);
  return 0;
}
"""


class Install(RttCase):
    def setUp(self):
        super().setUp()
        self.prefix = os.path.join(self.base, "x")
        self.run_program("cmake", "--install", BUILD, "--prefix", self.prefix)
        with open(os.path.join(self.base, "prog.c"), "w") as file:
            file.write(PROGRAM)

    def run_program(self, *words, **env):
        done = subprocess.run(words, cwd=self.base, env={**self.me.env, **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=120)
        self.assertEqual(0, done.returncode, f"{words}\n{done.stdout}")
        return done.stdout

    def linked(self, *words):
        """Builds the program with these words of a linker, and what it prints with no workspace to attach to."""
        self.run_program(*words, "-o", "prog")
        return self.run_program("./prog", LD_LIBRARY_PATH=f"{self.prefix}/lib")

    def test_a_c_program_links_with_one_library(self):
        flags = [f"-I{self.prefix}/include", f"-L{self.prefix}/lib", "-lrtt"]
        for compiler in (["cc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "prog.c"],
                         ["c++", "-x", "c++", "-Wall", "-Wextra", "-Werror", "prog.c", "-x", "none"]):
            with self.subTest(compiler[0]):
                self.assertEqual("1 1 301\n", self.linked(*compiler, *flags))

    def test_pkg_config_says_how_even_when_the_tree_was_moved(self):
        moved = os.path.join(self.base, "moved")
        os.rename(self.prefix, moved)
        self.prefix = moved
        said = self.run_program("pkg-config", "--cflags", "--libs", "rtt", PKG_CONFIG_PATH=f"{moved}/lib/pkgconfig")
        self.assertEqual("1 1 301\n", self.linked("cc", "prog.c", *said.split()))
        version = self.run_program("pkg-config", "--modversion", "rtt", PKG_CONFIG_PATH=f"{moved}/lib/pkgconfig")
        self.assertIn(version.strip(), self.run_program(f"{moved}/bin/rtt", "--version"))

    def test_the_library_shows_the_functions_of_its_header_and_nothing_else(self):
        with open(f"{self.prefix}/include/rtt.h") as file:
            declared = set(re.findall(r"\b(rtt_\w+)\(", re.sub(r"/\*.*?\*/", "", file.read(), flags=re.DOTALL)))
        shown = self.run_program("nm", "-D", "--defined-only", f"{self.prefix}/lib/librtt.so")
        names = {line.split()[2].split("@")[0] for line in shown.splitlines()} - {"RTT_1"}
        self.assertEqual(declared, names)
        self.assertIn("[librtt.so.1]", self.run_program("readelf", "-d", f"{self.prefix}/lib/librtt.so"))


if __name__ == "__main__":
    main()
