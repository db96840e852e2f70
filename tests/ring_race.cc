// SPDX-License-Identifier: Apache-2.0
// One ring between two threads over one mapping, for ThreadSanitizer, which cannot see across mappings. Built
// twice: as it is, where nothing may be reported, and with a producer whose commit lost its release order
// (tests/CMakeLists.txt), where a race must be: a run that finds nothing shows that the tool looks.
#include <cstdio>
#include <thread>

#include "fabric/shm/ring_consumer.h"
#include "fabric/shm/ring_producer.h"
#include "os/clock.h"
#include "os/memfd.h"

int main() {
  using namespace rtt;
  using namespace rtt::fabric::shm;
  constexpr int kFrames = 50'000;
  const RingOptions options{.size = {64, 16 << 10}, .route_id = 7, .fence = os::register_fence()};
  auto lane = os::create_shared_memory("lane", lane_bytes(options.size)).value();
  auto index = os::create_shared_memory("index", kIndexBytes).value();
  RingProducer producer(options, {.lane = lane.memory.writable(), .index = index.memory.bytes()});
  RingConsumer consumer(options, {.lane = lane.memory.bytes(), .index = index.memory.writable()});
  const auto budget = [] {
    return WaitBudget{.spin = {20'000}, .deadline = os::now() + nanos_from_ms(60'000), .others = {}};
  };
  int taken = 0;
  std::thread reader([&] {
    Bytes into(4096);
    for (; taken < kFrames; ++taken) {
      if (consumer.wait(budget()) != Woke::kReady || !consumer.copy_out(into)) return;
      consumer.release();
    }
    consumer.publish_index();
  });
  Bytes payload(4096);
  for (int sent = 0; sent < kFrames;) {
    const auto size = static_cast<std::size_t>(sent % 11 == 0 ? 3000 : sent % 100);
    payload[0] = static_cast<std::byte>(sent);
    if (producer.send(0, ByteView(payload).first(size)) == Sent::kDone)
      ++sent;
    else if (producer.wait_room(size, budget()) != Woke::kReady)
      break;
  }
  reader.join();
  std::printf("%d frames taken\n", taken);
  return taken == kFrames ? 0 : 1;
}
