// SPDX-License-Identifier: Apache-2.0
// Goal: no bytes break the request reader, and cutting them anywhere changes nothing of what it reads.
#include <cstddef>
#include <span>

#include "base/assert.h"
#include "base/bytes.h"
#include "drivers/http_message.h"

using namespace rtt::drivers;  // NOLINT: a fuzz target is one function

namespace {

constexpr std::size_t kBodyMax = 4096;

// What the reader makes of the bytes, as text.
std::string reading(std::string_view bytes, std::size_t piece) {
  HttpRequestReader reader(kBodyMax);
  std::string out;
  while (!bytes.empty()) {
    const std::size_t count = std::min(piece, bytes.size());
    reader.feed(bytes.substr(0, count));
    bytes.remove_prefix(count);
    for (bool more = true; more;) {
      const auto progress = reader.read();
      if (!progress) return out + "!" + rtt::code_name(progress.error().code);
      more = *progress != HttpRequestReader::Progress::kNothing;
      if (*progress == HttpRequestReader::Progress::kHead)
        out += reader.method() + " " + reader.target() + "\n";
      if (*progress != HttpRequestReader::Progress::kWhole) continue;
      RTT_ASSERT(reader.body().size() <= kBodyMax);
      for (const auto& [name, value] : reader.headers()) {
        RTT_ASSERT((name + value).find_first_of("\r\n") == std::string::npos);
        out += name + ":" + value + "\n";
      }
      out.append(reader.body()).append(reader.keeps_alive() ? "+" : "-");
      reader.next();
    }
  }
  return out;
}

}  // namespace

int fuzz_one(std::span<const std::byte> input);
int fuzz_one(std::span<const std::byte> input) {
  const std::string_view bytes = rtt::as_text(input);
  const std::string whole = reading(bytes, bytes.size() + 1);
  RTT_ASSERT(reading(bytes, 1) == whole);
  RTT_ASSERT(reading(bytes, 7) == whole);
  return 0;
}
