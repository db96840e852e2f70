// SPDX-License-Identifier: Apache-2.0
// ProcessDriver: a command as a callable symbol (`driver.use = "process"`, docs/formats/process-driver.md).
//
// One call runs the command once: `{key}` in an argument becomes that member of the call's JSON object (never
// a shell, so nothing in a value can become another command), the whole object goes to its stdin, and the
// reply carries exit code, stdout and stderr. A non-zero exit is a tool error with the output kept. The
// command's process group is killed when the call is cancelled, its deadline passes, or the driver stops.
//
// Owns: the running children.   Thread: the loop's.
// Fails: kDriverStart, kBadArgument (a placeholder without a value), kDeadline, kCancelled, kBusy.
// Limits: kProcessCallsMax commands at once, kProcessOutputBytesMax each of stdout and stderr (the rest is
// dropped and `truncated` says so).
#pragma once

#include <map>
#include <memory>

#include "drivers/driver.h"
#include "os/loop.h"
#include "os/process.h"

namespace rtt::drivers {

inline constexpr std::size_t kProcessCallsMax = 64;
inline constexpr std::size_t kProcessOutputBytesMax = std::size_t{4} << 20;

class ProcessDriver : public Driver {
 public:
  ProcessDriver(os::Loop& loop, std::string workspace_root);
  ~ProcessDriver() override;

  void prepare(const model::Contract& provider, OnDone done) override;
  CallId call(CallRequest request, OnReply reply) override;
  void cancel(CallId call) override;
  [[nodiscard]] text::Json health() const override;
  Result<text::Json> control(std::string_view verb, const text::Json& args) override;
  void stop(OnDone done) override;

 private:
  struct Running;
  Result<os::SpawnOptions> command_of(const model::Contract& provider, const text::Json& arguments) const;
  void read_output(CallId id, int which);
  void write_input(CallId id);
  void finish_if_done(CallId id);
  void end(CallId id, Result<CallReply> reply);

  os::Loop& loop_;
  std::string root_;
  CallId next_ = 1;
  std::uint64_t calls_ = 0, failures_ = 0;
  std::map<CallId, std::unique_ptr<Running>> running_;
};

// Replaces every `{key}` of `argument` by the member of `values`: strings as they are, others as JSON. `{{`
// is `{`.
Result<std::string> fill_placeholders(std::string_view argument, const text::Json& values);

}  // namespace rtt::drivers
