// SPDX-License-Identifier: Apache-2.0
// Every kernel this processor has gives what the table gives, whatever the length, the alignment and the
// seed.
#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace rtt {
namespace {

TEST(crc32c, published_vectors_hold_for_every_kernel) {
  const Bytes zeros(32), ones(32, std::byte{0xff});
  for (const Crc32cKernel& kernel : crc32c_kernels()) {
    if (!kernel.runs_here()) continue;
    SCOPED_TRACE(kernel.name);
    EXPECT_EQ(kernel.checksum(as_bytes("123456789"), 0), 0xE3069283u);
    EXPECT_EQ(kernel.checksum(zeros, 0), 0x8A9136AAu);  // RFC 3720 B.4
    EXPECT_EQ(kernel.checksum(ones, 0), 0x62A8AB43u);
    EXPECT_EQ(kernel.checksum({}, 77), 77u);
  }
}

// `bytes` are at `at`, and nothing else of what was 0x5a has changed.
void expect_copied(const Bytes& target, std::size_t at, ByteView bytes, std::string_view kernel) {
  EXPECT_TRUE(std::ranges::equal(bytes, ByteView(target).subspan(at, bytes.size()))) << kernel;
  const auto untouched = [](ByteView part) {
    return std::ranges::all_of(part, [](std::byte b) { return b == std::byte{0x5a}; });
  };
  EXPECT_TRUE(untouched(ByteView(target).first(at))) << kernel << " wrote before " << bytes.size();
  EXPECT_TRUE(untouched(ByteView(target).subspan(at + bytes.size())))
      << kernel << " wrote behind " << bytes.size();
}

TEST(crc32c, kernels_agree_on_random_lengths_alignments_and_seeds) {
  const unsigned chance = std::random_device{}();
  RecordProperty("seed", std::to_string(chance));
  SCOPED_TRACE("seed " + std::to_string(chance));
  std::mt19937 random(chance);
  Bytes source(20'000), target(20'000);
  for (std::byte& b : source) b = static_cast<std::byte>(random());
  for (int round = 0; round < 3000; ++round) {
    const std::size_t size = round < 1200 ? static_cast<std::size_t>(round) : random() % 16'000;
    const std::size_t from = random() % 70, to = random() % 70;
    const auto seed = static_cast<std::uint32_t>(random());
    const ByteView bytes = ByteView(source).subspan(from, size);
    const std::uint32_t expected = crc32c_table(bytes, seed);
    for (const Crc32cKernel& kernel : crc32c_kernels()) {
      if (!kernel.runs_here()) continue;
      ASSERT_EQ(kernel.checksum(bytes, seed), expected) << kernel.name << " over " << size;
      std::fill(target.begin(), target.end(), std::byte{0x5a});
      ASSERT_EQ(kernel.copy(MutableBytes(target).subspan(to), bytes, seed), expected) << kernel.name;
      expect_copied(target, to, bytes, kernel.name);
      std::fill(target.begin(), target.end(), std::byte{0x5a});
      ASSERT_EQ(kernel.send(MutableBytes(target).subspan(to), bytes, seed), expected) << kernel.name;
      expect_copied(target, to, bytes, kernel.name);
    }
  }
}

TEST(crc32c, head_and_copy_in_one_call_are_the_parts) {
  const Crc32cHead head{1, 0xfedcba9876543210u, ~std::uint64_t{0}};
  Bytes bytes(1000), to(1000);
  std::minstd_rand random(9);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random());
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const ByteView from = ByteView(bytes).first(size);
    ASSERT_EQ(copy_crc32c(to, from, head), crc32c_table(from, crc32c_table(std::as_bytes(std::span(head)))));
    ASSERT_TRUE(std::ranges::equal(from, ByteView(to).first(size)));
  }
}

TEST(crc32c, parts_join_by_the_seed) {
  Bytes bytes(5000);
  std::minstd_rand random(7);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random());
  for (const std::size_t cut : {0u, 1u, 24u, 511u, 3072u, 5000u}) {
    const ByteView whole(bytes);
    EXPECT_EQ(crc32c(whole.subspan(cut), crc32c(whole.first(cut))), crc32c(whole));
  }
}

}  // namespace
}  // namespace rtt
