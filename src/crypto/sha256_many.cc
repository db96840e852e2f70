// SPDX-License-Identifier: Apache-2.0
#include "crypto/sha256_many.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "crypto/sha256.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace rtt::crypto {
namespace {

void one_by_one(std::span<const ByteView> messages, std::span<Digest> hashes) {
  for (std::size_t i = 0; i < messages.size(); ++i) hashes[i] = sha256(messages[i]);
}

#if defined(__x86_64__)

constexpr std::size_t kBlockBytes = 64;
constexpr std::size_t kLanes = 2;

// FIPS 180-4 §4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes.
alignas(16) constexpr std::array<std::uint32_t, 64> kRound{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

bool has_sha_ni() { return __builtin_cpu_supports("sse4.1") != 0 && __builtin_cpu_supports("sha") != 0; }

// The eight words as the instructions want them: A B E F and C D G H, the first in the highest bits.
struct State {
  __m128i abef, cdgh;
};

[[gnu::target("sha,sse4.1"), gnu::always_inline]] inline State initial() {
  return {_mm_set_epi32(0x6a09e667, static_cast<int>(0xbb67ae85), 0x510e527f, static_cast<int>(0x9b05688c)),
          _mm_set_epi32(0x3c6ef372, static_cast<int>(0xa54ff53a), 0x1f83d9ab, 0x5be0cd19)};
}

[[gnu::target("sha,sse4.1"), gnu::always_inline]] inline __m128i swap_bytes(__m128i words) {
  return _mm_shuffle_epi8(words, _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
}

// `blocks` blocks of each of two messages (FIPS 180-4 §6.2.2, four rounds a step, the schedule's words made
// in the ring `w` as they are needed).
[[gnu::target("sha,sse4.1")]] void compress(std::array<State, kLanes>& states,
                                            std::array<const std::byte*, kLanes> from, std::size_t blocks) {
  std::array<State, kLanes> s = states;
  for (; blocks > 0; --blocks) {
    const std::array<State, kLanes> before = s;
    __m128i w[kLanes][4];
#pragma GCC unroll 16
    for (int step = 0; step < 16; ++step) {
      const __m128i k = _mm_load_si128(reinterpret_cast<const __m128i*>(kRound.data() + 4 * step));
      const int now = step % 4, next = (step + 1) % 4, last = (step + 3) % 4;
#pragma GCC unroll 2
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        if (step < 4)
          w[lane][now] =
              swap_bytes(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from[lane] + 16 * step)));
        const __m128i wk = _mm_add_epi32(w[lane][now], k);
        s[lane].cdgh = _mm_sha256rnds2_epu32(s[lane].cdgh, s[lane].abef, wk);
        if (step >= 3 && step < 15) {
          const __m128i seventh = _mm_alignr_epi8(w[lane][now], w[lane][last], 4);
          w[lane][next] = _mm_sha256msg2_epu32(_mm_add_epi32(w[lane][next], seventh), w[lane][now]);
        }
        s[lane].abef = _mm_sha256rnds2_epu32(s[lane].abef, s[lane].cdgh, _mm_shuffle_epi32(wk, 0x0E));
        if (step >= 1 && step < 13) w[lane][last] = _mm_sha256msg1_epu32(w[lane][last], w[lane][now]);
      }
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      s[lane].abef = _mm_add_epi32(s[lane].abef, before[lane].abef);
      s[lane].cdgh = _mm_add_epi32(s[lane].cdgh, before[lane].cdgh);
      from[lane] += kBlockBytes;
    }
  }
  states = s;
}

[[gnu::target("sha,sse4.1")]] Digest digest_of(const State& state) {
  Digest digest;
  const __m128i abcd = _mm_unpackhi_epi64(state.cdgh, state.abef),
                efgh = _mm_unpacklo_epi64(state.cdgh, state.abef);
  // Highest first: A B C D is now (A,B),(C,D).
  const __m128i reversed = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
  auto* const out = reinterpret_cast<__m128i*>(digest.bytes.data());
  _mm_storeu_si128(out, _mm_shuffle_epi8(abcd, reversed));
  _mm_storeu_si128(out + 1, _mm_shuffle_epi8(efgh, reversed));
  return digest;
}

// One message on its way: first the blocks that it fills, then one or two of what is left and the padding.
// begin() writes all of end_; zeros before it would cost time.
class Lane {  // NOLINT(cppcoreguidelines-pro-type-member-init)
 public:
  void begin(ByteView message, Digest& hash) {
    hash_ = &hash;
    from_ = message.data();
    blocks_ = message.size() / kBlockBytes;
    const std::size_t rest = message.size() % kBlockBytes;
    end_blocks_ = rest < kBlockBytes - 8 ? 1 : 2;
    for (std::size_t at = 0; at < end_.size(); at += sizeof(__m128i))
      _mm_store_si128(reinterpret_cast<__m128i*>(end_.data() + at), _mm_setzero_si128());
    if (rest > 0) std::memcpy(end_.data(), from_ + message.size() - rest, rest);
    end_[rest] = std::byte{0x80};
    const std::uint64_t bits = __builtin_bswap64(std::uint64_t{message.size()} * 8);
    std::memcpy(end_.data() + end_blocks_ * kBlockBytes - 8, &bits, 8);
    turn();
  }
  [[nodiscard]] bool busy() const { return hash_ != nullptr; }
  // Blocks that lie in one piece.
  [[nodiscard]] std::size_t blocks() const { return blocks_; }
  [[nodiscard]] const std::byte* from() const { return from_; }
  // Whether that was the last.
  bool went(std::size_t blocks, const State& state) {
    from_ += blocks * kBlockBytes;
    blocks_ -= blocks;
    turn();
    if (blocks_ > 0) return false;
    *hash_ = digest_of(state);
    hash_ = nullptr;
    return true;
  }

 private:
  void turn() {
    if (blocks_ > 0) return;
    from_ = end_.data();
    blocks_ = std::exchange(end_blocks_, 0);
  }

  Digest* hash_ = nullptr;
  const std::byte* from_ = nullptr;
  std::size_t blocks_ = 0, end_blocks_ = 0;
  alignas(16) std::array<std::byte, 2 * kBlockBytes> end_;
};

[[gnu::target("sha,sse4.1")]] void side_by_side(std::span<const ByteView> messages,
                                                std::span<Digest> hashes) {
  std::array<Lane, kLanes> lanes;
  std::array<State, kLanes> states{};
  std::size_t next = 0;
  for (;;) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      if (lanes[lane].busy() || next == messages.size()) continue;
      lanes[lane].begin(messages[next], hashes[next]);
      states[lane] = initial();
      ++next;
    }
    const bool first = lanes[0].busy(), second = lanes[1].busy();
    if (!first && !second) return;
    // Where only one is left the other lane does the same again, which costs nothing.
    const Lane& a = first ? lanes[0] : lanes[1];
    const Lane& b = second ? lanes[1] : lanes[0];
    const std::size_t blocks = std::min(a.blocks(), b.blocks());
    compress(states, {a.from(), b.from()}, blocks);
    if (first) lanes[0].went(blocks, states[0]);
    if (second) lanes[1].went(blocks, states[1]);
  }
}

#endif

}  // namespace

void sha256_many(std::span<const ByteView> messages, std::span<Digest> hashes) {
  RTT_ASSERT(messages.size() == hashes.size());
#if defined(__x86_64__)
  static const bool fast = has_sha_ni();
  if (fast && messages.size() > 1) {
    side_by_side(messages, hashes);
    return;
  }
#endif
  one_by_one(messages, hashes);
}

}  // namespace rtt::crypto
