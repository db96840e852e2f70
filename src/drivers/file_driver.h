// SPDX-License-Identifier: Apache-2.0
// FileDriver: files as a callable symbol and as a sink (`driver.use = "file"`, docs/formats/file-driver.md).
//
// A call reads, appends or tails; a one-way message is appended as one record. Names from a caller are opened
// beneath the contract's folder without following links, so none leads out of it. Each call opens the file
// anew: a rotated log is found under its name, and no descriptor outlives a call. Reads and writes block the
// host's loop for as long as the disk takes; the host serves this one provider and nobody else.
//
// Owns: tails that wait.   Thread: the loop's.
// Fails: kBadShape (parameters), kBadArgument (the call), kDenied (an operation the contract does not list),
// kEscapes, kNotFound, kNotRegular, kNoSpace, kIo, kDeadline, kCancelled, kBusy, kTooLarge.
// Limits: kFileReadBytesMax a read, kFileRecordBytesMax a record, kFileTailsMax tails waiting.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "drivers/driver.h"
#include "os/fd.h"
#include "os/loop.h"

namespace rtt::drivers {

inline constexpr std::size_t kFileReadBytesMax = std::size_t{4} << 20;
inline constexpr std::size_t kFileRecordBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kFileTailsMax = 64;
inline constexpr std::int64_t kFileTailLinesMax = 10'000;

class FileDriver : public Driver {
 public:
  FileDriver(os::Loop& loop, std::string workspace_root);
  ~FileDriver() override;

  void prepare(const model::Contract& provider, OnDone done) override;
  CallId call(CallRequest request, OnReply reply) override;
  void cancel(CallId call) override;
  void publish(CallRequest message, OnDone done) override;
  [[nodiscard]] text::Json health() const override;
  Result<text::Json> control(std::string_view verb, const text::Json& args) override;
  void stop(OnDone done) override;

 private:
  struct Place;
  struct Tail;
  [[nodiscard]] Result<Place> place_of(const model::Contract& provider) const;
  Result<text::Json> serve(const Place& place, std::string_view op, const text::Json& args);
  Result<text::Json> append(const Place& place, const std::string& path, std::string record);
  void look(CallId id);
  void finish(CallId id, Result<text::Json> answer);

  os::Loop& loop_;
  std::string root_;
  CallId next_ = 1;
  std::uint64_t calls_ = 0, failures_ = 0, records_ = 0;
  std::map<CallId, std::unique_ptr<Tail>> tails_;  // calls not answered yet
};

}  // namespace rtt::drivers
