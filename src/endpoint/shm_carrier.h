// SPDX-License-Identifier: Apache-2.0
// ShmFrom and ShmTo: the two ends of a shared-memory lane as Carriers.
//
// Requests travel in a chain of rings that goes on through flips (fabric/shm/chain_producer.h): the lanes of
// one port at the `from` end share it, and a request goes into whatever ring the panel's epoch names. Each
// lane has a reply ring of its own, read until the replies owed on it are in. A carrier sleeps by arming its
// rings; the other end then rings the Board's bell, a socket whose other side is watched by the loop. Of what
// does not fit a full ring, replies, the rest of a message that was begun, and messages of a route whose
// policy is `buffer` wait here, and go when the other end has made room.
//
// Owns: the mappings of both sides' memory.   Thread: the Board's.   Units: bytes.
// Fails: bind: kFrame (memory that is not what was agreed), kPanelProtocol; on_closed: kFrame, kCancelled.
// Limits: kShmQueueBytesMax waiting, kFramePayloadBytesMax a message.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "endpoint/carrier.h"
#include "endpoint/shm_offer.h"
#include "fabric/shm/chain_consumer.h"
#include "fabric/shm/chain_producer.h"
#include "os/process_watch.h"

namespace rtt::endpoint {

inline constexpr std::size_t kShmQueueBytesMax = limits::kClientQueueBytesMax;

class RequestChain;

// What came with READY: the other end's memory, in the order of docs/formats/handshake.md, and the processes
// that this end depends on; no memory tells of their death.
struct ShmParts {
  os::Fd ring;     // the other end writes it
  os::Fd index;    // of our ring
  os::Fd bell;     // wakes the other end
  os::Fd control;  // the panel's page of the request chain
  os::Fd gate;     // `to` of a lane that takes over: index page of the consumer before; else not valid
  os::ProcessId peer, gate_owner;
  std::shared_ptr<RequestChain> before;  // `from` of a lane whose chain goes on: that chain
};

// Messages that did not fit their ring yet, in the order they follow.
struct WaitingMessages {
  struct One {
    Bytes bytes;
    fabric::shm::Outgoing message;
  };
  std::deque<One> queue;
  std::size_t bytes = 0;

  void add(ByteView payload, const fabric::shm::Outgoing& message);
  void drop_front();
  [[nodiscard]] bool empty() const { return queue.empty(); }
};

// What the board does for its carriers.
struct Surroundings {
  os::ProcessWatch& processes;
  std::function<void()> look_again;  // something has changed that no bell tells of
};

// The request chain of one port: the lanes it goes through share it, what waits, and who reads its rings: a
// reader may die when the lane that leads to it is gone already, and the chain still waits for its cut.
class RequestChain {
 public:
  RequestChain(Surroundings surroundings, fabric::shm::ControlView control)
      : surroundings_(std::move(surroundings)), control_(std::move(control)) {}
  ~RequestChain();
  RequestChain(const RequestChain&) = delete;
  RequestChain& operator=(const RequestChain&) = delete;

  // kLost: its reader is gone already.
  Status add(fabric::shm::ChainProducer::Ring ring, os::Fd bell, const os::ProcessId& reader);
  void drop_unused();
  [[nodiscard]] fabric::shm::ChainProducer& producer() { return *producer_; }

  WaitingMessages waiting;
  bool stalled = false;  // its reader said CLOSING and nothing since: no send waits for it any more

 private:
  struct Reader {
    std::uint32_t ring = 0;
    os::Fd bell;
    os::ProcessWatch::Id watch = 0;
  };
  Surroundings surroundings_;
  std::optional<fabric::shm::ControlView> control_;  // until the first ring
  std::optional<fabric::shm::ChainProducer> producer_;
  std::deque<Reader> readers_;  // newest last
};

class ShmFrom final : public Carrier {
 public:
  static Result<std::unique_ptr<ShmFrom>> bind(const Binding& binding, const ShmParams& params,
                                               ShmOffer offer, ShmParts parts, Surroundings surroundings,
                                               Events events);

  Result<std::uint32_t> request(ByteView payload, std::span<os::Fd> fds) override;
  Status respond(fabric::MessageKind kind, std::uint32_t request_id, ByteView payload,
                 std::span<os::Fd> fds) override;
  Status begin() override { return {}; }  // replies are owed
  void finish() override;
  void take_over(Carrier&) override {}
  void close() override {}
  [[nodiscard]] model::LaneKind kind() const override { return model::LaneKind::kShm; }
  [[nodiscard]] std::size_t queued_bytes() const override;
  [[nodiscard]] std::size_t queued_frames() override {
    return chain_->producer().in_flight() + chain_->waiting.queue.size();
  }
  bool pump() override;
  void lie_down() override;
  [[nodiscard]] std::optional<os::Fence> fence() const override { return fence_; }
  bool may_sleep() override;
  void stir() override;
  [[nodiscard]] bool restless() const override;

  [[nodiscard]] const std::shared_ptr<RequestChain>& chain() const { return chain_; }
  [[nodiscard]] std::uint32_t ring() const { return ring_; }
  Status adopt(os::Fd control, std::uint64_t generation);
  void drop_unused() { chain_->drop_unused(); }

 private:
  ShmFrom() = default;
  bool flush();
  void end_requests();
  void broken(const Error& why);

  RouteId route_;
  os::Fence fence_ = os::Fence::kFull;
  std::shared_ptr<RequestChain> chain_;
  std::uint32_t ring_ = 1;
  os::Mapping replies_memory_, index_memory_;
  std::optional<fabric::shm::RingConsumer> replies_;
  os::Fd bell_;
  std::unique_ptr<std::byte[]> buffer_;
  fabric::shm::Incoming incoming_;
  bool buffers_ = false;  // a message that finds the ring full waits
  bool finishing_ = false, ended_ = false, broken_ = false;
  Events events_;
};

class ShmTo final : public Carrier {
 public:
  static Result<std::unique_ptr<ShmTo>> bind(const Binding& binding, const ShmParams& params, ShmOffer offer,
                                             ShmParts parts, const Surroundings& surroundings, Events events);
  ~ShmTo() override;

  Result<std::uint32_t> request(ByteView payload, std::span<os::Fd> fds) override;
  Status respond(fabric::MessageKind kind, std::uint32_t request_id, ByteView payload,
                 std::span<os::Fd> fds) override;
  Status begin() override {
    begun_ = true;
    return {};
  }
  void finish() override {}
  void take_over(Carrier&) override {}
  void close() override {}
  [[nodiscard]] model::LaneKind kind() const override { return model::LaneKind::kShm; }
  [[nodiscard]] std::size_t queued_bytes() const override { return waiting_.bytes; }
  [[nodiscard]] std::size_t queued_frames() override { return 0; }  // it makes no requests
  bool pump() override;
  void lie_down() override;
  [[nodiscard]] std::optional<os::Fence> fence() const override { return fence_; }
  bool may_sleep() override;
  void stir() override;
  [[nodiscard]] bool restless() const override;
  Status adopt(os::Fd control, std::uint64_t generation);

 private:
  explicit ShmTo(os::ProcessWatch& processes) : processes_(processes) {}
  [[nodiscard]] bool reads() const { return begun_ && !left_; }
  bool flush();
  void broken(const Error& why);

  RouteId route_;
  os::Fence fence_ = os::Fence::kFull;
  os::ProcessWatch& processes_;
  os::ProcessWatch::Id gate_owner_ = 0;
  std::optional<fabric::shm::ChainConsumer> requests_;
  os::Mapping replies_memory_, index_memory_;
  std::optional<fabric::shm::RingProducer> replies_;
  os::Fd bell_;
  std::unique_ptr<std::byte[]> buffer_;
  fabric::shm::Incoming incoming_;
  WaitingMessages waiting_;
  bool begun_ = false, left_ = false, broken_ = false;
  Events events_;
};

}  // namespace rtt::endpoint
