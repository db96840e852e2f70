// SPDX-License-Identifier: Apache-2.0
#include "base/crc32c.h"

#include <algorithm>
#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace rtt {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // 0x1EDC6F41 bit-reversed

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ ((value & 1) != 0 ? kPolynomial : 0);
    table[i] = value;
  }
  return table;
}
constexpr auto kTable = make_table();

// Every kernel is written once for all uses: without a place to copy to, with one, or with one whose cache
// lines another core reads next, so that they are better not owned here first.
enum class Use : std::uint8_t { kChecksum, kCopy, kSend };

// Where to copy to, `bytes` further on; null stays null.
template <Use use>
std::byte* onward(std::byte* to, std::size_t bytes) {
  return use != Use::kChecksum ? to + bytes : nullptr;
}

template <Use use>
std::uint32_t run_table(std::byte* to, const std::byte* from, std::size_t size, std::uint32_t crc) {
  for (std::size_t i = 0; i < size; ++i) {
    // A volatile read: the byte stored and the byte summed are one load of memory that a peer may be writing.
    const std::byte b = *static_cast<const volatile std::byte*>(from + i);
    if constexpr (use != Use::kChecksum) to[i] = b;
    crc = crc >> 8 ^ kTable[(crc ^ std::to_integer<std::uint32_t>(b)) & 255];
  }
  return crc;
}

bool always() { return true; }

#if defined(__x86_64__)

bool has_sse42() { return __builtin_cpu_supports("sse4.2") != 0; }
bool has_pclmul() { return has_sse42() && __builtin_cpu_supports("pclmul") != 0; }
bool has_vpclmul() {
  return has_pclmul() && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
         __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("vpclmulqdq") != 0;
}

// x^n modulo the polynomial, bit-reversed.
constexpr std::uint32_t x_to(int n) {
  std::uint32_t value = 0x80000000;
  for (int i = 0; i < n; ++i) value = value >> 1 ^ ((value & 1) != 0 ? kPolynomial : 0);
  return value;
}
// Moves 128 bits `bytes` further on: the low and the high half each times a constant. The odd exponents come
// from the 32-bit constant in a 64-bit factor and the one bit a reversed product is short.
struct Fold {
  std::uint64_t low, high;
};
constexpr Fold fold_by(int bytes) { return {x_to(8 * bytes + 31), x_to(8 * bytes - 33)}; }
static_assert(fold_by(16).low == 0xf20c0dfe && fold_by(16).high == 0x493c7d27);
static_assert(fold_by(64).low == 0x740eef02 && fold_by(64).high == 0x9e4addf8);
constexpr Fold kFold16 = fold_by(16), kFold32 = fold_by(32), kFold48 = fold_by(48), kFold64 = fold_by(64),
               kFold256 = fold_by(256);

template <Use use>
[[gnu::target("sse4.2"), gnu::always_inline]] inline std::uint64_t step8(std::byte* to, const std::byte* from,
                                                                         std::uint64_t crc) {
  std::uint64_t word;
  std::memcpy(&word, from, 8);
  // The compiler must not read the source again between the two uses of the word.
  asm volatile("" : "+r"(word));
  if constexpr (use != Use::kChecksum) std::memcpy(to, &word, 8);
  return _mm_crc32_u64(crc, word);
}

// Up to some hundred bytes the plain instruction is fastest; it also ends every other kernel.
template <Use use>
[[gnu::target("sse4.2")]] std::uint32_t run_short(std::byte* to, const std::byte* from, std::size_t size,
                                                  std::uint32_t start) {
  std::uint64_t crc = start;
  std::size_t at = 0;
  for (; at + 8 <= size; at += 8) crc = step8<use>(onward<use>(to, at), from + at, crc);
  auto narrow = static_cast<std::uint32_t>(crc);
  for (; at < size; ++at) {
    const std::byte b = *static_cast<const volatile std::byte*>(from + at);
    if constexpr (use != Use::kChecksum) to[at] = b;
    narrow = _mm_crc32_u8(narrow, std::to_integer<std::uint8_t>(b));
  }
  return narrow;
}

constexpr std::size_t kLineBytes = 64;
constexpr std::size_t kShortMax = 256;  // below, the plain instruction

[[gnu::target("sse4.2")]] std::uint32_t run_frame(std::byte* to, ByteView from, const Crc32cHead& head) {
  std::uint64_t crc = ~std::uint32_t{0};
  for (const std::uint64_t word : head) crc = _mm_crc32_u64(crc, word);
  return ~run_short<Use::kCopy>(to, from.data(), from.size(), static_cast<std::uint32_t>(crc));
}

constexpr std::size_t kStream = 1024;  // bytes a stream of the interleaved kernel

// What `kStream` zero bytes do to each byte of a checksum: joins the three streams without multiplication.
constexpr std::array<std::array<std::uint32_t, 256>, 4> make_shift() {
  std::array<std::uint32_t, 32> column{};
  for (int bit = 0; bit < 32; ++bit) {
    std::uint32_t value = std::uint32_t{1} << bit;
    for (std::size_t i = 0; i < kStream; ++i) value = value >> 8 ^ kTable[value & 255];
    column[static_cast<std::size_t>(bit)] = value;
  }
  std::array<std::array<std::uint32_t, 256>, 4> shift{};
  for (std::size_t byte = 0; byte < 4; ++byte) {
    for (std::size_t i = 0; i < 256; ++i) {
      std::uint32_t value = 0;
      for (std::size_t bit = 0; bit < 8; ++bit) value ^= (i >> bit & 1) != 0 ? column[byte * 8 + bit] : 0;
      shift[byte][i] = value;
    }
  }
  return shift;
}
constexpr auto kShift = make_shift();

std::uint64_t shifted(std::uint64_t crc) {
  return kShift[0][crc & 255] ^ kShift[1][crc >> 8 & 255] ^ kShift[2][crc >> 16 & 255] ^
         kShift[3][crc >> 24 & 255];
}

template <Use use>
[[gnu::target("sse4.2")]] std::uint32_t run_sse42(std::byte* to, const std::byte* from, std::size_t size,
                                                  std::uint32_t start) {
  std::uint64_t crc = start;
  for (; size >= 3 * kStream; size -= 3 * kStream, from += 3 * kStream, to = onward<use>(to, 3 * kStream)) {
    std::uint64_t second = 0, third = 0;
    for (std::size_t at = 0; at < kStream; at += 8) {
      crc = step8<use>(onward<use>(to, at), from + at, crc);
      second = step8<use>(onward<use>(to, kStream + at), from + kStream + at, second);
      third = step8<use>(onward<use>(to, 2 * kStream + at), from + 2 * kStream + at, third);
    }
    crc = shifted(shifted(crc) ^ second) ^ third;
  }
  return run_short<use>(to, from, size, static_cast<std::uint32_t>(crc));
}

[[gnu::target("sse4.2,pclmul"), gnu::always_inline]] inline __m128i fold(__m128i value, Fold by,
                                                                         __m128i next) {
  const __m128i k = _mm_set_epi64x(static_cast<long long>(by.high), static_cast<long long>(by.low));
  return _mm_xor_si128(
      _mm_xor_si128(_mm_clmulepi64_si128(value, k, 0x00), _mm_clmulepi64_si128(value, k, 0x11)), next);
}

template <Use use>
[[gnu::target("sse4.2,pclmul"), gnu::always_inline]] inline __m128i load16(std::byte* to,
                                                                           const std::byte* from) {
  __m128i value = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  asm volatile("" : "+x"(value));  // one read, see step8
  if constexpr (use == Use::kCopy) _mm_storeu_si128(reinterpret_cast<__m128i*>(to), value);
  if constexpr (use == Use::kSend) _mm_stream_si128(reinterpret_cast<__m128i*>(to), value);
  return value;
}

// 128 bits that stand for everything before them, as a checksum.
[[gnu::target("sse4.2,pclmul"), gnu::always_inline]] inline std::uint32_t reduce(__m128i value) {
  std::uint64_t crc = _mm_crc32_u64(0, static_cast<std::uint64_t>(_mm_cvtsi128_si64(value)));
  crc = _mm_crc32_u64(crc, static_cast<std::uint64_t>(_mm_extract_epi64(value, 1)));
  return static_cast<std::uint32_t>(crc);
}

template <Use use>
[[gnu::target("sse4.2,pclmul")]] std::uint32_t run_pclmul(std::byte* to, const std::byte* from,
                                                          std::size_t size, std::uint32_t crc) {
  if (size < kShortMax) return run_short<use>(to, from, size, crc);
  __m128i lanes[4];
  for (std::size_t i = 0; i < 4; ++i) lanes[i] = load16<use>(onward<use>(to, 16 * i), from + 16 * i);
  lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi32_si128(static_cast<int>(crc)));
  std::size_t at = 64;
  for (; at + 64 <= size; at += 64) {
    for (std::size_t i = 0; i < 4; ++i)
      lanes[i] = fold(lanes[i], kFold64, load16<use>(onward<use>(to, at + 16 * i), from + at + 16 * i));
  }
  const __m128i joined = fold(lanes[0], kFold48, fold(lanes[1], kFold32, fold(lanes[2], kFold16, lanes[3])));
  return run_short<use>(onward<use>(to, at), from + at, size - at, reduce(joined));
}

#define RTT_VPCLMUL "sse4.2,pclmul,avx512f,avx512vl,avx512bw,vpclmulqdq"

template <Use use>
[[gnu::target(RTT_VPCLMUL), gnu::always_inline]] inline __m512i load64(std::byte* to, const std::byte* from) {
  __m512i value = _mm512_loadu_si512(from);
  asm volatile("" : "+v"(value));  // one read, see step8
  if constexpr (use == Use::kCopy) _mm512_storeu_si512(to, value);
  if constexpr (use == Use::kSend) _mm512_stream_si512(reinterpret_cast<__m512i*>(to), value);
  return value;
}

template <Use use>
[[gnu::target(RTT_VPCLMUL)]] std::uint32_t run_vpclmul(std::byte* to, const std::byte* from, std::size_t size,
                                                       std::uint32_t crc) {
  if (size < 512) return run_pclmul<use>(to, from, size, crc);
  const __m512i k256 = _mm512_broadcast_i32x4(
      _mm_set_epi64x(static_cast<long long>(kFold256.high), static_cast<long long>(kFold256.low)));
  const __m512i k64 = _mm512_broadcast_i32x4(
      _mm_set_epi64x(static_cast<long long>(kFold64.high), static_cast<long long>(kFold64.low)));
  __m512i lanes[4];
  for (std::size_t i = 0; i < 4; ++i) lanes[i] = load64<use>(onward<use>(to, 64 * i), from + 64 * i);
  lanes[0] = _mm512_xor_si512(lanes[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(crc))));
  std::size_t at = 256;
  for (; at + 256 <= size; at += 256) {
    for (std::size_t i = 0; i < 4; ++i) {
      const __m512i next = load64<use>(onward<use>(to, at + 64 * i), from + at + 64 * i);
      // 0x96: the exclusive or of three.
      lanes[i] = _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(lanes[i], k256, 0x00),
                                           _mm512_clmulepi64_epi128(lanes[i], k256, 0x11), next, 0x96);
    }
  }
  __m512i all = lanes[0];
  for (std::size_t i = 1; i < 4; ++i) {
    all = _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(all, k64, 0x00),
                                    _mm512_clmulepi64_epi128(all, k64, 0x11), lanes[i], 0x96);
  }
  const __m128i joined =
      fold(_mm512_extracti32x4_epi32(all, 0), kFold48,
           fold(_mm512_extracti32x4_epi32(all, 1), kFold32,
                fold(_mm512_extracti32x4_epi32(all, 2), kFold16, _mm512_extracti32x4_epi32(all, 3))));
  return run_short<use>(onward<use>(to, at), from + at, size - at, reduce(joined));
}

// Streaming stores go around the cache, whole lines at a time, and are not ordered with the store that
// commits the frame unless a fence comes between.
template <std::uint32_t (*run)(std::byte*, const std::byte*, std::size_t, std::uint32_t)>
std::uint32_t run_send(std::byte* to, const std::byte* from, std::size_t size, std::uint32_t crc) {
  const std::size_t before =
      std::min(size, (kLineBytes - reinterpret_cast<std::uintptr_t>(to) % kLineBytes) % kLineBytes);
  crc = run_short<Use::kSend>(to, from, before, crc);
  crc = run(to + before, from + before, size - before, crc);
  _mm_sfence();
  return crc;
}

#endif

using Run = std::uint32_t (*)(std::byte* to, const std::byte* from, std::size_t size, std::uint32_t crc);

template <Run run>
std::uint32_t checksum_with(ByteView bytes, std::uint32_t seed) {
  return ~run(nullptr, bytes.data(), bytes.size(), ~seed);
}
template <Run run>
std::uint32_t copy_with(MutableBytes to, ByteView from, std::uint32_t seed) {
  RTT_ASSERT(to.size() >= from.size());
  return ~run(to.data(), from.data(), from.size(), ~seed);
}

constexpr auto kKernels = std::to_array<Crc32cKernel>({
    {"table", always, checksum_with<run_table<Use::kChecksum>>, copy_with<run_table<Use::kCopy>>,
     copy_with<run_table<Use::kCopy>>},
#if defined(__x86_64__)
    {"sse4.2", has_sse42, checksum_with<run_sse42<Use::kChecksum>>, copy_with<run_sse42<Use::kCopy>>,
     copy_with<run_sse42<Use::kCopy>>},
    {"pclmul", has_pclmul, checksum_with<run_pclmul<Use::kChecksum>>, copy_with<run_pclmul<Use::kCopy>>,
     copy_with<run_send<run_pclmul<Use::kSend>>>},
    {"vpclmulqdq", has_vpclmul, checksum_with<run_vpclmul<Use::kChecksum>>,
     copy_with<run_vpclmul<Use::kCopy>>, copy_with<run_send<run_vpclmul<Use::kSend>>>},
#endif
});

const Crc32cKernel& best_kernel() {
  const Crc32cKernel* best = &kKernels[0];
  for (const Crc32cKernel& kernel : kKernels) {
    if (kernel.runs_here()) best = &kernel;
  }
  return *best;
}

const Crc32cKernel& chosen_kernel() {
  static const Crc32cKernel& kernel = best_kernel();
  return kernel;
}

}  // namespace

std::uint32_t crc32c_table(ByteView bytes, std::uint32_t seed) {
  return checksum_with<run_table<Use::kChecksum>>(bytes, seed);
}

std::uint32_t crc32c(ByteView bytes, std::uint32_t seed) { return chosen_kernel().checksum(bytes, seed); }

std::uint32_t copy_crc32c(MutableBytes to, ByteView from, std::uint32_t seed) {
  return chosen_kernel().copy(to, from, seed);
}

std::uint32_t send_crc32c(MutableBytes to, ByteView from, std::uint32_t seed) {
  return from.size() < kSendBytesMin ? copy_crc32c(to, from, seed) : chosen_kernel().send(to, from, seed);
}

std::uint32_t copy_crc32c(MutableBytes to, ByteView from, const Crc32cHead& head) {
#if defined(__x86_64__)
  static const bool short_here = has_sse42();
  if (short_here && from.size() < kShortMax) {
    RTT_ASSERT(to.size() >= from.size());
    return run_frame(to.data(), from, head);
  }
#endif
  return copy_crc32c(to, from, crc32c(std::as_bytes(std::span(head))));
}

std::span<const Crc32cKernel> crc32c_kernels() { return kKernels; }

}  // namespace rtt
