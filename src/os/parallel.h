// SPDX-License-Identifier: Apache-2.0
// in_parallel: independent pieces of one computation, on the processor's cores.
//
// For pieces that neither wait nor touch what another touches; each result lies in the caller's slot of that
// index, so what comes out does not depend on who was first. The calling thread works too and returns when
// all is done. Few pieces are done by it alone: a thread costs some 30 µs.
//
// Thread: any.   Fails: never; where no thread can be had, the caller does it all.
// Limits: kParallelThreadsMax threads, the caller among them.
#pragma once

#include <cstddef>
#include <functional>

namespace rtt::os {

inline constexpr std::size_t kParallelThreadsMax = 8;
inline constexpr std::size_t kParallelPiecesMin = 64;  // fewer are not worth a thread

// work(0) … work(count-1), each once. `pieces_min`: fewer stay on this thread.
void in_parallel(std::size_t count, const std::function<void(std::size_t piece)>& work,
                 std::size_t pieces_min = kParallelPiecesMin);

}  // namespace rtt::os
