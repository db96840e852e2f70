// SPDX-License-Identifier: Apache-2.0
// What the linker puts in the place of a function of the product (wrap_name), and what it kept of it
// (real_name).
//
// Thread: -.   Fails: -.
#pragma once

// NOLINTBEGIN(bugprone-reserved-identifier)
#define RTT_WORLD_SEAM(mangled, result, name, ...)            \
  result real_##name(__VA_ARGS__) __asm__("__real_" mangled); \
  result wrap_##name(__VA_ARGS__) __asm__("__wrap_" mangled)
// NOLINTEND(bugprone-reserved-identifier)
