// SPDX-License-Identifier: Apache-2.0
#include "drivers/process_driver.h"

#include <fmt/format.h>

#include <array>

#include "model/limits.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/pipe.h"

namespace rtt::drivers {

struct ProcessDriver::Running {
  os::Child child;
  std::string input;
  std::size_t input_sent = 0;
  std::array<std::string, 2> output;  // stdout, stderr
  std::array<bool, 2> open{true, true};
  bool truncated = false;
  std::optional<os::ExitState> exit;
  os::Loop::TimerId deadline = 0;
  OnReply reply;
};

namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10;

std::string replace_all(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

}  // namespace

Result<std::string> fill_placeholders(std::string_view argument, const text::Json& values) {
  std::string out;
  for (std::size_t i = 0; i < argument.size(); ++i) {
    if (argument[i] != '{') {
      out += argument[i];
      continue;
    }
    if (i + 1 < argument.size() && argument[i + 1] == '{') {
      out += '{';
      ++i;
      continue;
    }
    const std::size_t end = argument.find('}', i);
    if (end == std::string_view::npos) return fail(Code::kBadShape, "argument has `{` without `}`");
    const std::string_view key = argument.substr(i + 1, end - i - 1);
    const text::Json* value = values.find(key);
    if (value == nullptr) {
      return fail(Code::kBadArgument,
                  fmt::format("the command needs `{}`, which the call does not give", key), {},
                  fmt::format("add {}=VALUE to the call", key));
    }
    out += value->is_string() ? value->as_string() : text::to_json(*value);
    i = end;
  }
  if (out.find('\0') != std::string::npos) return fail(Code::kBadArgument, "an argument holds a NUL byte");
  return out;
}

ProcessDriver::ProcessDriver(os::Loop& loop, std::string workspace_root)
    : loop_(loop), root_(std::move(workspace_root)) {}

ProcessDriver::~ProcessDriver() {
  while (!running_.empty()) end(running_.begin()->first, fail(Code::kCancelled, "the driver stopped"));
}

Result<os::SpawnOptions> ProcessDriver::command_of(const model::Contract& provider,
                                                   const text::Json& arguments) const {
  const std::string address = model::identity(provider.saddr);
  if (!provider.driver || provider.driver->use != "process") {
    return fail(Code::kDriverStart, "the contract names no process driver", address);
  }
  const text::Json& params = provider.driver->params;
  const std::string_view command = params.string_or("command");
  if (command.empty()) return fail(Code::kBadShape, "driver.params.command is missing", address);
  os::SpawnOptions options;
  options.argv.push_back(replace_all(std::string(command), "${workspace}", root_));
  if (const text::Json* args = params.find("args"); args != nullptr && args->is_array()) {
    for (const text::Json& arg : args->as_array()) {
      if (!arg.is_string()) return fail(Code::kBadShape, "driver.params.args must be strings", address);
      RTT_TRY_SET(std::string filled, fill_placeholders(arg.as_string(), arguments));
      options.argv.push_back(replace_all(std::move(filled), "${workspace}", root_));
    }
  }
  options.env = os::own_environment();
  if (const text::Json* env = params.find("env"); env != nullptr && env->is_object()) {
    for (const auto& [key, value] : env->as_object()) {
      if (!value.is_string()) return fail(Code::kBadShape, "driver.params.env must be strings", address);
      std::erase_if(options.env, [&](const auto& entry) { return entry.first == key; });
      options.env.emplace_back(key, value.as_string());
    }
  }
  const std::string_view directory = params.string_or("cwd");
  options.directory = directory.empty() ? root_ : replace_all(std::string(directory), "${workspace}", root_);
  return options;
}

void ProcessDriver::prepare(const model::Contract& provider, OnDone done) {
  Status status;
  const text::Json& params = provider.driver ? provider.driver->params : text::Json{};
  const std::string command = replace_all(std::string(params.string_or("command")), "${workspace}", root_);
  if (!os::find_on_path(command, os::environment("PATH"))) {
    status = fail(Code::kDriverStart, fmt::format("`{}` is not a program on this machine", command),
                  model::identity(provider.saddr), "install it, or correct driver.params.command");
  }
  loop_.post([done = std::move(done), status = std::move(status)]() mutable { done(std::move(status)); });
}

CallId ProcessDriver::call(CallRequest request, OnReply reply) {
  const CallId id = next_++;
  ++calls_;
  const auto refuse = [&](Error error) {
    ++failures_;
    loop_.post([reply = std::move(reply), error = std::move(error)]() mutable {
      reply(std::unexpected(std::move(error)));
    });
    return id;
  };
  if (running_.size() >= kProcessCallsMax) {
    return refuse(
        {Code::kBusy, fmt::format("{} commands run already", kProcessCallsMax), "", "try again later", {}});
  }
  auto arguments = text::parse_json(request.payload.empty() ? "{}" : request.payload);
  if (!arguments) return refuse(std::move(arguments).error());
  auto options = command_of(request.provider, *arguments);
  if (!options) return refuse(std::move(options).error());
  auto child = os::spawn(*options);
  if (!child) return refuse(std::move(child).error());

  auto running = std::make_unique<Running>();
  running->child = std::move(*child);
  running->input = request.payload;
  running->reply = std::move(reply);
  const Nanos left = request.deadline - os::now();
  running->deadline = loop_.after(left, [this, id] {
    if (auto at = running_.find(id); at != running_.end()) at->second->deadline = 0;
    end(id, fail(Code::kDeadline, "the command did not end in time and was killed"));
  });
  Running& r = *running;
  running_.emplace(id, std::move(running));
  const Status watches[] = {
      loop_.watch(r.child.out.get(), os::kReadable, [this, id](std::uint32_t) { read_output(id, 0); }),
      loop_.watch(r.child.err.get(), os::kReadable, [this, id](std::uint32_t) { read_output(id, 1); }),
      loop_.watch(r.child.in.get(), os::kWritable, [this, id](std::uint32_t) { write_input(id); }),
      loop_.watch(r.child.pidfd(), os::kReadable, [this, id](std::uint32_t) { finish_if_done(id); })};
  for (const Status& watched : watches) {
    if (!watched) {
      loop_.post(
          [this, id, error = watched.error()]() mutable { end(id, std::unexpected(std::move(error))); });
      break;
    }
  }
  return id;
}

void ProcessDriver::write_input(CallId id) {
  Running& r = *running_.at(id);
  const auto left = as_bytes(std::string_view(r.input).substr(r.input_sent));
  const auto sent = os::write_nowait(r.child.in.get(), left);
  if (sent) r.input_sent += sent->bytes;
  // A command that does not read its input closes the pipe: that is its right, and no error.
  if (!sent || r.input_sent == r.input.size()) {
    loop_.unwatch(r.child.in.get());
    r.child.in.reset();
  }
}

void ProcessDriver::read_output(CallId id, int which) {
  Running& r = *running_.at(id);
  const auto index = static_cast<std::size_t>(which);
  os::Fd& fd = which == 0 ? r.child.out : r.child.err;
  std::array<std::byte, kReadBytes> buffer{};
  const auto got = os::read_nowait(fd.get(), buffer);
  if (got && got->would_block) return;
  if (!got || got->closed) {
    loop_.unwatch(fd.get());
    fd.reset();
    r.open[index] = false;
    finish_if_done(id);
    return;
  }
  const std::size_t room = kProcessOutputBytesMax - r.output[index].size();
  const std::size_t taken = std::min(room, got->bytes);
  r.output[index] += as_text(ByteView(buffer).first(taken));
  r.truncated = r.truncated || taken < got->bytes;
}

void ProcessDriver::finish_if_done(CallId id) {
  Running& r = *running_.at(id);
  if (!r.exit) {
    r.exit = r.child.poll();
    if (r.exit && loop_.watching(r.child.pidfd())) loop_.unwatch(r.child.pidfd());
  }
  if (!r.exit || r.open[0] || r.open[1]) return;
  text::Json body =
      text::Json::object({{"exit_code", r.exit->code}, {"stderr", r.output[1]}, {"stdout", r.output[0]}});
  if (r.exit->signal != 0) body.set("signal", r.exit->signal);
  if (r.truncated) body.set("truncated", true);
  const bool ok = r.exit->code == 0;
  if (!ok) body.set("isError", true);  // as an MCP tool says it, so that a caller needs to know one form
  if (!ok) ++failures_;
  end(id, CallReply{text::to_json(body), ok ? CallReply::Kind::kResult : CallReply::Kind::kToolError});
}

void ProcessDriver::end(CallId id, Result<CallReply> reply) {
  const auto at = running_.find(id);
  if (at == running_.end()) return;
  const std::unique_ptr<Running> running = std::move(at->second);
  running_.erase(at);
  if (running->deadline != 0) loop_.cancel(running->deadline);
  for (const int fd : {running->child.in.get(), running->child.out.get(), running->child.err.get(),
                       running->child.pidfd()}) {
    if (fd >= 0 && loop_.watching(fd)) loop_.unwatch(fd);
  }
  if (!running->exit) {
    ++failures_;
    running->child.kill();
  }
  running->reply(std::move(reply));
}

void ProcessDriver::cancel(CallId call) { end(call, fail(Code::kCancelled, "the caller withdrew the call")); }

text::Json ProcessDriver::health() const {
  return text::Json::object({{"ok", true},
                             {"running", static_cast<std::int64_t>(running_.size())},
                             {"calls", static_cast<std::int64_t>(calls_)},
                             {"failures", static_cast<std::int64_t>(failures_)}});
}

Result<text::Json> ProcessDriver::control(std::string_view verb, const text::Json&) {
  return fail(Code::kUnknownVerb, fmt::format("a process driver has no `{}`", verb));
}

void ProcessDriver::stop(OnDone done) {
  while (!running_.empty()) end(running_.begin()->first, fail(Code::kCancelled, "the driver stops"));
  loop_.post([done = std::move(done)] { done({}); });
}

}  // namespace rtt::drivers
