// SPDX-License-Identifier: Apache-2.0
// Reading and writing descriptors whose flags are not ours: pipes, sockets, terminals and files handed over
// by another program. No call here blocks, and none sets O_NONBLOCK, because that flag would be seen by the
// program we got it from.
//
// Reads ask the kernel for RWF_NOWAIT. Where a descriptor does not support it (pipes before Linux 6.4,
// terminals), a zero-timeout poll() decides; that is exact as long as nobody else reads the same pipe at that
// moment. Writes do the same, in pieces of at most PIPE_BUF, for which a writable pipe always has room.
// Regular files never say "later". The one thing that can hold a writer up is a terminal whose output is
// stopped while its buffer is all but full.
//
// Thread: one reader and one writer a descriptor.   Fails: kIo, kLost (nobody reads any more).
// A process that writes to pipes calls ignore_broken_pipes() (process.h) first.
#pragma once

#include <utility>

#include "os/fd.h"
#include "os/unix_socket.h"

namespace rtt::os {

Result<std::pair<Fd, Fd>> make_pipe();  // (read end, write end)

// Like receive(), for any descriptor. A terminal whose other side hung up is `closed`.
Result<Received> read_nowait(int fd, MutableBytes into);
Result<Sent> write_nowait(int fd, ByteView bytes);

}  // namespace rtt::os
