// SPDX-License-Identifier: Apache-2.0
// The door libFuzzer knocks at; replay.cc is the other one.
#include <cstddef>
#include <cstdint>
#include <span>

int fuzz_one(std::span<const std::byte> input);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz_one(std::as_bytes(std::span(data, size)));
}
