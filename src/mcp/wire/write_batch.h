// SPDX-License-Identifier: Apache-2.0
// WriteBatch: what one event makes RTT write to a pipe goes out in one write, when the event is done.
//
// A client that sends 32 requests at once would otherwise wake its server 32 times, and be woken 32 times by
// the replies; waking is most of what a small call costs (60 % of the samples here were the scheduler's). A
// single request is written as soon as before.
//
// Owns: nothing; a writer forgets itself before it goes.   Thread: one.   Fails: never.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace rtt::mcp {

class BatchedWriter {
 public:
  virtual ~BatchedWriter() = default;
  virtual void flush_batch() = 0;
};

class WriteBatch {
 public:
  // While one stands, writers add themselves instead of writing; the outermost one's end flushes them.
  class Scope {
   public:
    explicit Scope(WriteBatch* batch) : batch_(batch) {
      if (batch_ != nullptr) ++batch_->depth_;
    }
    ~Scope() {
      if (batch_ != nullptr && --batch_->depth_ == 0) batch_->flush();
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    WriteBatch* batch_;
  };

  [[nodiscard]] bool open() const { return depth_ > 0; }
  void add(BatchedWriter& writer) {
    if (std::find(dirty_.begin(), dirty_.end(), &writer) == dirty_.end()) dirty_.push_back(&writer);
  }
  void forget(const BatchedWriter& writer) {
    std::replace(dirty_.begin(), dirty_.end(), const_cast<BatchedWriter*>(&writer),
                 static_cast<BatchedWriter*>(nullptr));
  }

 private:
  void flush() {
    for (std::size_t i = 0; i < dirty_.size();
         ++i) {  // by index: a flush may end a session, which writes and forgets
      BatchedWriter* const writer = std::exchange(dirty_[i], nullptr);
      if (writer != nullptr) writer->flush_batch();
    }
    dirty_.clear();
  }

  std::vector<BatchedWriter*> dirty_;
  int depth_ = 0;
};

}  // namespace rtt::mcp
