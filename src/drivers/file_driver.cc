// SPDX-License-Identifier: Apache-2.0
#include "drivers/file_driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/hex.h"
#include "drivers/params_check.h"
#include "os/beneath_file.h"
#include "os/clock.h"
#include "text/utf8.h"

namespace rtt::drivers {
namespace {

using text::Json;

constexpr std::string_view kParams =
    R"({"type":"object","additionalProperties":false,"properties":{"root":{"type":"string"},)"
    R"("path":{"type":"string"},"ndjson":{"type":"boolean"},"fsync":{"type":"boolean"},)"
    R"("ops":{"type":"array","items":{"enum":["read","append","tail"]}}}})";
constexpr std::size_t kTailBytes = std::size_t{64} << 10;  // looked at for the last lines of a file
constexpr Nanos kTailLook = nanos_from_ms(20);
constexpr std::int64_t kReadBytesDefault = 65'536;
constexpr std::int64_t kTailLinesDefault = 10;

}  // namespace

struct FileDriver::Place {
  std::string root;  // of the calls' names
  os::Fd folder;     // holds `root` where it is beneath the workspace
  std::string path;  // the only file, or empty: the call names it
  std::vector<std::string> ops;
  bool ndjson = false, fsync = false;

  [[nodiscard]] bool allows(std::string_view op) const { return std::ranges::find(ops, op) != ops.end(); }
  [[nodiscard]] Result<std::string> file(const Json& args) const {
    const Json* named = args.find("path");
    if (named == nullptr && !path.empty()) return path;
    if (!path.empty()) return fail(Code::kBadArgument, "this file is the contract's; a call names no path");
    if (named == nullptr || !named->is_string() || named->as_string().empty()) {
      return fail(Code::kBadArgument, "the call needs `path`", {}, "add path=FILE to the call");
    }
    if (named->as_string().find('\0') != std::string::npos)
      return fail(Code::kBadArgument, "`path` holds a NUL byte");
    return named->as_string();
  }
};

struct FileDriver::Tail {
  Place place;
  std::string op;
  Json args;
  Instant until;  // when a tail answers with what there is
  Instant deadline;
  OnReply reply;
  os::Loop::TimerId timer = 0;
};

FileDriver::FileDriver(os::Loop& loop, std::string workspace_root)
    : loop_(loop), root_(std::move(workspace_root)) {}

FileDriver::~FileDriver() {
  while (!tails_.empty()) finish(tails_.begin()->first, fail(Code::kCancelled, "the driver stopped"));
}

Result<FileDriver::Place> FileDriver::place_of(const model::Contract& provider) const {
  const std::string address = model::identity(provider.saddr);
  if (!provider.driver || provider.driver->use != "file") {
    return fail(Code::kDriverStart, "the contract names no file driver", address);
  }
  const Json& params = provider.driver->params;
  const auto schema = text::parse_json(kParams);
  if (Status checked = check_params(params, *schema); !checked) {
    return std::unexpected(std::move(checked).error().at(address));
  }
  Place place{.root = {}, .folder = {}, .path = std::string(params.string_or("path")), .ops = {}};
  place.ndjson = params.bool_or("ndjson", false);
  place.fsync = params.bool_or("fsync", false);
  if (const Json* ops = params.find("ops")) {
    for (const Json& op : ops->as_array()) place.ops.push_back(op.as_string());
  } else {
    place.ops = {"read"};
  }
  const std::string root(params.string_or("root", "."));
  if (root.starts_with('/')) {
    place.root = root;
  } else {
    auto folder = os::open_folder_beneath(root_, root);
    if (!folder) return std::unexpected(std::move(folder).error().in("driver.params.root cannot be used"));
    place.folder = std::move(*folder);
    place.root = fmt::format("/proc/self/fd/{}", place.folder.get());
  }
  return place;
}

void FileDriver::prepare(const model::Contract& provider, OnDone done) {
  Status status;
  if (auto place = place_of(provider); !place) status = std::unexpected(std::move(place).error());
  loop_.post([done = std::move(done), status = std::move(status)]() mutable { done(std::move(status)); });
}

namespace {

Json bytes_json(const std::string& bytes) {
  if (text::find_invalid_utf8(bytes) == std::string_view::npos) return Json::object({{"text", bytes}});
  return Json::object({{"b64", to_base64(as_bytes(bytes))}});
}

Result<Json> read_part(const std::string& root, const std::string& path, const Json& args) {
  const std::int64_t offset = args.int_or("offset", 0);
  const std::int64_t most = args.int_or("bytes_max", kReadBytesDefault);
  if (offset < 0 || most < 1 || std::cmp_greater(most, kFileReadBytesMax)) {
    return fail(Code::kBadArgument,
                fmt::format("offset is at least 0, bytes_max 1 to {}", kFileReadBytesMax));
  }
  RTT_TRY_SET(const auto file, os::RecordFile::open(root, path, os::RecordFile::Access::kRead));
  RTT_TRY_SET(const std::string bytes,
              file.read_at(static_cast<std::uint64_t>(offset), static_cast<std::size_t>(most)));
  RTT_TRY_SET(const std::uint64_t size, file.size());
  Json body = bytes_json(bytes);
  body.set("next", offset + static_cast<std::int64_t>(bytes.size()));
  body.set("size", size);
  return body;
}

// Whole lines only: what has no newline yet is still being written.
Result<Json> tail_lines(const std::string& root, const std::string& path, const Json& args) {
  const std::int64_t most = args.int_or("lines", kTailLinesDefault);
  const std::int64_t from = args.int_or("offset", -1);
  if (most < 1 || most > kFileTailLinesMax) {
    return fail(Code::kBadArgument, fmt::format("lines is 1 to {}", kFileTailLinesMax));
  }
  RTT_TRY_SET(const auto file, os::RecordFile::open(root, path, os::RecordFile::Access::kRead));
  RTT_TRY_SET(const std::uint64_t size, file.size());
  const bool follows = from >= 0;
  const bool shorter = follows && std::cmp_greater(from, size);  // cut or replaced: from its start again
  std::uint64_t offset = size > kTailBytes ? size - kTailBytes : 0;
  if (follows) offset = shorter ? 0 : static_cast<std::uint64_t>(from);
  RTT_TRY_SET(const std::string bytes, file.read_at(offset, follows ? kFileReadBytesMax : kTailBytes));
  std::string_view rest(bytes);
  const auto skip = [&](std::size_t count) {
    rest.remove_prefix(count);
    offset += count;
  };
  if (!follows && offset > 0) skip(std::min(rest.find('\n'), rest.size() - 1) + 1);
  if (!follows) {
    for (auto more = std::ranges::count(rest, '\n') - most; more > 0; --more) skip(rest.find('\n') + 1);
  }
  Json lines = text::JsonArray{};
  for (std::int64_t count = 0; count < most; ++count) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) break;
    lines.push(rest.substr(0, end));
    skip(end + 1);
  }
  if (follows && lines.as_array().empty() && bytes.size() == kFileReadBytesMax) {
    return fail(Code::kTooLarge, fmt::format("a line is longer than {} bytes", kFileReadBytesMax), path);
  }
  Json body = Json::object({{"lines", std::move(lines)}, {"next", offset}});
  if (shorter) body.set("restarted", true);
  return body;
}

}  // namespace

Result<Json> FileDriver::append(const Place& place, const std::string& path, std::string record) {
  if (!record.ends_with('\n')) record += '\n';
  if (record.size() > kFileRecordBytesMax) {
    return fail(Code::kTooLarge, fmt::format("a record has at most {} bytes", kFileRecordBytesMax), path);
  }
  RTT_TRY_SET(auto file, os::RecordFile::open(place.root, path, os::RecordFile::Access::kAppend));
  RTT_TRY(file.append(as_bytes(record)));
  if (place.fsync) RTT_TRY(file.sync());
  ++records_;
  return Json::object({{"bytes", static_cast<std::int64_t>(record.size())}});
}

Result<Json> FileDriver::serve(const Place& place, std::string_view op, const Json& args) {
  RTT_TRY_SET(const std::string path, place.file(args));
  if (op == "read") return read_part(place.root, path, args);
  if (op == "tail") return tail_lines(place.root, path, args);
  const Json* record = args.find("record");
  if (record == nullptr) return fail(Code::kBadArgument, "append needs `record`");
  if (!place.ndjson && !record->is_string()) {
    return fail(Code::kBadArgument, "`record` is text; a contract with ndjson takes any JSON");
  }
  return append(place, path, place.ndjson ? text::to_json(*record) : record->as_string());
}

CallId FileDriver::call(CallRequest request, OnReply reply) {
  const CallId id = next_++;
  ++calls_;
  auto tail = std::make_unique<Tail>();
  tail->reply = std::move(reply);
  tail->deadline = request.deadline;
  Status fit;
  auto place = place_of(request.provider);
  auto args = text::parse_json(request.payload.empty() ? "{}" : request.payload);
  if (!place) {
    fit = std::unexpected(std::move(place).error());
  } else if (!args) {
    fit = std::unexpected(std::move(args).error());
  } else if (tails_.size() >= kFileTailsMax) {
    fit = fail(Code::kBusy, fmt::format("{} calls wait already", kFileTailsMax));
  } else {
    tail->place = std::move(*place);
    tail->op = args->string_or("op", tail->place.ops.size() == 1 ? tail->place.ops.front() : "");
    tail->args = std::move(*args);
    tail->until =
        os::now() + nanos_from_ms(std::clamp<std::int64_t>(tail->args.int_or("wait_ms", 0), 0, 600'000));
    if (!tail->place.allows(tail->op)) {
      fit = fail(
          Code::kDenied,
          fmt::format("the contract allows no `{}`; it lists {}", tail->op, fmt::join(tail->place.ops, ", ")),
          model::identity(request.provider.saddr),
          "set op in the call, or driver.params.ops in the contract");
    }
  }
  tails_.emplace(id, std::move(tail));
  loop_.post([this, id, fit = std::move(fit)]() mutable {
    if (fit) return look(id);
    finish(id, std::unexpected(std::move(fit).error()));
  });
  return id;
}

// Answers, or looks again later: a tail that follows waits for new lines.
void FileDriver::look(CallId id) {
  const auto at = tails_.find(id);
  if (at == tails_.end()) return;
  Tail& tail = *at->second;
  const Instant now = os::now();
  auto answer = serve(tail.place, tail.op, tail.args);
  const bool nothing = tail.op == "tail" && answer && answer->find("lines")->as_array().empty();
  if (!nothing || tail.until <= now) return finish(id, std::move(answer));
  if (tail.deadline <= now) return finish(id, fail(Code::kDeadline, "no new line in time"));
  tail.timer = loop_.after(kTailLook, [this, id] { look(id); });
}

void FileDriver::finish(CallId id, Result<Json> answer) {
  const auto at = tails_.find(id);
  if (at == tails_.end()) return;
  const std::unique_ptr<Tail> tail = std::move(at->second);
  tails_.erase(at);
  loop_.cancel(tail->timer);
  if (!answer) {
    ++failures_;
    return tail->reply(std::unexpected(std::move(answer).error()));
  }
  tail->reply(CallReply{.payload = text::to_json(*answer)});
}

void FileDriver::cancel(CallId call) { finish(call, fail(Code::kCancelled, "the caller withdrew the call")); }

void FileDriver::publish(CallRequest message, OnDone done) {
  const auto write = [&]() -> Status {
    RTT_TRY_SET(const Place place, place_of(message.provider));
    if (!place.allows("append")) return fail(Code::kDenied, "the contract allows no `append`");
    RTT_TRY_SET(const std::string path, place.file(Json::object({})));
    std::string record = std::move(message.payload);
    if (place.ndjson) {  // one line whatever the sender's spelling
      RTT_TRY_SET(const Json value, text::parse_json(record));
      record = text::to_json(value);
    }
    if (auto written = append(place, path, std::move(record)); !written)
      return std::unexpected(written.error());
    return {};
  };
  Status status = write();
  if (!status) ++failures_;
  loop_.post([done = std::move(done), status = std::move(status)]() mutable { done(std::move(status)); });
}

Json FileDriver::health() const {
  return Json::object({{"ok", true},
                       {"calls", static_cast<std::int64_t>(calls_)},
                       {"failures", static_cast<std::int64_t>(failures_)},
                       {"records", static_cast<std::int64_t>(records_)}});
}

Result<Json> FileDriver::control(std::string_view verb, const Json&) {
  return fail(Code::kUnknownVerb, fmt::format("a file driver has no `{}`", verb));
}

void FileDriver::stop(OnDone done) {
  while (!tails_.empty()) finish(tails_.begin()->first, fail(Code::kCancelled, "the driver stops"));
  loop_.post([done = std::move(done)] { done({}); });
}

}  // namespace rtt::drivers
