#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Other MCP gateways and makers of clients' files beside rtt, with nothing but loopback to be reached where the kernel gives a network namespace: one of
# them asks its maker's site for news at each start. `make peers` runs it. Usage: run.sh [--quick] [--json FILE].
set -u
here=$(cd "$(dirname "$0")" && pwd)
bench=$here/../../build/release/bin/rtt_bench
if [[ -z ${PEERS_ALONE:-} ]] && unshare --map-root-user --net true 2>/dev/null; then
  PEERS_ALONE=1 exec unshare --map-root-user --net "$0" "$@"
fi
[[ -z ${PEERS_ALONE:-} ]] ||
  python3 -c 'import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh22x", b"lo", 1))' ||
  { echo "loopback does not come up" >&2; exit 1; }
"$bench" --peers "$here/node_modules" "$@" || exit 1
if python3 -c 'import yaml' 2>/dev/null; then
  exec "$here/compare_views.py" "$here/node_modules" "$(dirname "$bench")/rtt"
fi
echo "what each writes is not compared: apt-get install python3-yaml"
