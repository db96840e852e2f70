// SPDX-License-Identifier: Apache-2.0
#include "mcp/backends/greeting.h"

#include <utility>

#include "text/json.h"

namespace rtt::mcp {
namespace {

constexpr std::size_t kErrorTextMax = 500;  // of a server's own words in our errors

std::string own_info() {
  return R"({"name":)" + json_quoted(kImplementationName) + R"(,"version":)" +
         json_quoted(kImplementationVersion) + "}";
}

void take_identity(ServerInfo& info, const text::Json& result, const text::Json* server) {
  if (server) {
    info.name = server->string_or("name");
    info.version = server->string_or("version");
  }
  info.instructions = result.string_or("instructions");
  const text::Json* const capabilities = result.find("capabilities");
  info.capabilities = capabilities && capabilities->is_object() ? *capabilities : text::Json::object({});
}

// What a list of revisions has in common with RTT.
struct Common {
  std::string modern;  // empty: none
  bool legacy = false;
  std::string offered;  // for people
};
Common common_of(const text::Json* revisions) {
  Common out;
  if (!revisions || !revisions->is_array()) return out;
  for (const text::Json& one : revisions->as_array()) {
    if (!one.is_string()) continue;
    if (out.modern.empty() && speaks_modern(one.as_string())) out.modern = one.as_string();
    out.legacy = out.legacy || speaks(one.as_string());
    if (out.offered.size() < kErrorTextMax)
      out.offered += (out.offered.empty() ? "" : ", ") + one.as_string();
  }
  return out;
}

}  // namespace

std::string clipped(std::string_view text) {
  if (text.size() <= kErrorTextMax) return std::string(text);
  std::size_t end = kErrorTextMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

std::string words_of(std::string_view error) {
  const auto raw = member(error, "message");
  const auto message = raw ? decode_string(*raw) : std::nullopt;
  return clipped(message ? *message : error);
}

Error Greeting::unreadable(std::string_view method) const {
  return {.code = Code::kServerProtocol,
          .message = "server '" + name_ + "' answered " + std::string(method) + " with something unreadable"};
}

Error Greeting::no_revision(std::string_view offered) const {
  return {.code = Code::kServerProtocol,
          .message = "server '" + name_ + "' speaks protocol '" + clipped(offered) + "', which RTT does not"};
}

Greeting::Step Greeting::begin(Opening opening, Instant now) {
  Step step;
  if (opening == Opening::kInitialize) {
    send_initialize(step);
  } else {
    send_discover(step);
    patience_ = now + nanos_from_ms(kProbeMs);
  }
  return step;
}

void Greeting::send_discover(Step& step) {
  discover_ = State::kSent;
  const auto params = modern_params("server/discover", {}, {.capabilities = capabilities_});
  step.said.push_back({"server/discover", request_line(kDiscoverId, "server/discover", *params)});
}

void Greeting::send_initialize(Step& step) {
  patience_.reset();
  initialize_ = State::kSent;
  std::string params = R"({"protocolVersion":)";
  params.append(json_quoted(kProtocolNewest)).append(R"(,"capabilities":)").append(capabilities_);
  params.append(R"(,"clientInfo":)").append(own_info()).append("}");
  step.said.push_back({"initialize", request_line(kInitializeId, "initialize", params)});
}

bool Greeting::awaits(std::uint64_t id) const {
  return (id == kInitializeId && initialize_ == State::kSent) ||
         (id == kDiscoverId && discover_ == State::kSent);
}

Greeting::Step Greeting::on_reply(std::uint64_t id, MessageKind kind, std::string_view payload) {
  Step step;
  if (kind == MessageKind::kError) {
    on_refused(step, id, payload);
  } else if (id == kDiscoverId) {
    on_discovered(step, payload);
  } else {
    on_initialized(step, payload);
  }
  return step;
}

void Greeting::on_discovered(Step& step, std::string_view payload) {
  const auto result = text::parse_json(payload, {.source_name = "server/discover"});
  const bool shaped = result && result->is_object();
  const Common common = common_of(shaped ? result->find("supportedVersions") : nullptr);
  if (!common.modern.empty()) {
    Greeted greeted{.era = Era::kModern, .info = {.protocol = common.modern}};
    const text::Json* const meta = result->find("_meta");
    take_identity(greeted.info, *result, meta ? meta->find(meta_key::kServerInfo) : nullptr);
    step.outcome = std::move(greeted);
    return;
  }
  discover_ = State::kRefused;
  if (!common.offered.empty() && !common.legacy) {
    step.outcome = std::unexpected(no_revision(common.offered));
  } else if (initialize_ == State::kUnsent) {
    send_initialize(step);  // whatever that was, no modern server says it
  } else if (initialize_ == State::kRefused) {
    step.outcome = std::unexpected(unreadable("server/discover"));
  }
}

void Greeting::on_initialized(Step& step, std::string_view payload) {
  const auto result = text::parse_json(payload, {.source_name = "initialize"});
  if (!result || !result->is_object()) {
    Error why = unreadable("initialize");
    if (!result) why.causes.push_back(result.error().message);
    step.outcome = std::unexpected(std::move(why));
    return;
  }
  Greeted greeted{.era = Era::kLegacy,
                  .info = {.protocol = std::string(result->string_or("protocolVersion"))}};
  take_identity(greeted.info, *result, result->find("serverInfo"));
  if (!speaks(greeted.info.protocol)) {
    step.outcome = std::unexpected(no_revision(greeted.info.protocol));
    return;
  }
  step.said.push_back({"notifications/initialized", notification_line("notifications/initialized", {})});
  step.outcome = std::move(greeted);
}

void Greeting::on_refused(Step& step, std::uint64_t id, std::string_view error) {
  const auto refused = [&](std::string_view method) {
    step.outcome = std::unexpected(
        Error{.code = Code::kServerStart,
              .message = "server '" + name_ + "' refused " + std::string(method) + ": " + words_of(error),
              .hint = "rtt mcp logs " + name_});
  };
  if (id == kInitializeId) {
    initialize_ = State::kRefused;
    if (discover_ == State::kUnsent) {
      send_discover(step);  // it may have become a modern one
    } else if (discover_ == State::kRefused) {
      refused("initialize");
    }
    return;
  }
  discover_ = State::kRefused;
  if (initialize_ == State::kRefused) return refused("initialize and server/discover");
  const auto code = member(error, "code");
  const auto is = [&](RpcCode known) {
    return code == std::string_view(std::to_string(static_cast<std::int32_t>(known)));
  };
  if (is(RpcCode::kUnsupportedVersion)) {
    const auto data = member(error, "data");
    const auto read = data ? text::parse_json(*data) : Result<text::Json>(text::Json());
    const Common common = common_of(read ? read->find("supported") : nullptr);
    if (!common.legacy) {
      step.outcome = std::unexpected(no_revision(common.offered.empty() ? words_of(error) : common.offered));
      return;
    }
  } else if (is(RpcCode::kMissingCapability)) {
    return refused("server/discover");
  }
  if (initialize_ == State::kUnsent) send_initialize(step);
}

Greeting::Step Greeting::on_tick(Instant now) {
  Step step;
  if (patience_ && now >= *patience_ && initialize_ == State::kUnsent) send_initialize(step);
  return step;
}

std::optional<Instant> Greeting::next_deadline() const {
  return initialize_ == State::kUnsent ? patience_ : std::nullopt;
}

}  // namespace rtt::mcp
