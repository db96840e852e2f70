// SPDX-License-Identifier: Apache-2.0
#include "drivers/line_wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "base/hex.h"

namespace rtt::drivers {
namespace {

struct Escape {
  char byte;
  std::string_view spelt;
};
constexpr Escape kEscapes[] = {{'\t', "%09"}, {'\n', "%0A"}, {'\r', "%0D"}, {'%', "%25"}};

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value < 0)
    return std::nullopt;
  return value;
}

std::optional<std::vector<std::string>> split(std::string_view line) {
  std::vector<std::string> fields;
  while (fields.size() < kLineFieldsMax) {
    const std::size_t tab = line.find('\t');
    auto field = unescape_field(line.substr(0, tab));
    if (!field) return std::nullopt;
    fields.push_back(std::move(*field));
    if (tab == std::string_view::npos) return fields;
    line.remove_prefix(tab + 1);
  }
  return std::nullopt;
}

WireError::Kind kind_of(std::string_view code) {
  if (code == "empty") return WireError::Kind::kEmpty;
  if (code == "link") return WireError::Kind::kNoLink;
  if (code == "busy") return WireError::Kind::kBusy;
  if (code == "refused") return WireError::Kind::kRefused;
  if (code == "verb") return WireError::Kind::kUnknownVerb;
  return WireError::Kind::kFailed;
}

WireMessage read_event(std::vector<std::string> fields) {
  if (fields.size() != 4 || fields[1] != "evt") return junk_line("`*` without evt, a link and a payload");
  WireMessage message;
  message.kind = WireMessage::Kind::kEvent;
  message.link = std::move(fields[2]);
  message.payload = std::move(fields[3]);
  message.spelt_as_link = true;
  return message;
}

std::unexpected<Error> malformed(WireVerb verb, std::string_view wants) {
  return fail(Code::kDriverProtocol,
              fmt::format("the driver's answer to {} needs {}", to_string(verb), wants));
}

void read_hello(const std::vector<std::string>& fields, WireResult& out) {
  out.version = number(fields[0]).value_or(0);
  out.language = fields[1];
  out.name = fields[2];
  for (std::size_t at = 3; at < fields.size(); ++at) {
    std::string_view words = fields[at];
    while (!words.empty()) {
      const std::size_t end = std::min(words.find_first_of(" ,"), words.size());
      if (end > 0) out.methods.emplace_back(words.substr(0, end));
      words.remove_prefix(std::min(end + 1, words.size()));
    }
  }
  const auto offers = [&](std::string_view word) {
    return std::ranges::find(out.methods, word) != out.methods.end();
  };
  if (offers("async")) out.order = WireResult::Order::kAnyOrder;
  if (offers("push")) out.push = WireResult::Push::kYes;
}

}  // namespace

std::string escape_field(std::string_view field) {
  std::string out;
  out.reserve(field.size());
  for (const char c : field) {
    const auto* const escape = std::ranges::find(kEscapes, c, &Escape::byte);
    if (escape == std::end(kEscapes)) {
      out += c;
    } else {
      out += escape->spelt;
    }
  }
  return out;
}

std::optional<std::string> unescape_field(std::string_view field) {
  std::string out;
  out.reserve(field.size());
  for (std::size_t at = 0; at < field.size(); ++at) {
    if (field[at] != '%') {
      out += field[at];
      continue;
    }
    const auto* const escape = std::ranges::find(kEscapes, field.substr(at, 3), &Escape::spelt);
    if (escape == std::end(kEscapes)) return std::nullopt;
    out += escape->byte;
    at += 2;
  }
  return out;
}

Result<std::string> LineWire::encode(WireId id, const WireRequest& request) const {
  std::string line = fmt::format("{}\t{}", id, to_string(request.verb));
  const auto add = [&line](std::string_view field) {
    line += '\t';
    line += escape_field(field);
  };
  switch (request.verb) {
    case WireVerb::kHello:
      add(std::to_string(kDriverProtocolVersion));
      break;
    case WireVerb::kProbe:
      add(request.root);
      break;
    case WireVerb::kOpen:
      add(request.saddr);
      if (request.encoding == WireEncoding::kBase64) add("enc=b64");
      if (!request.params.is_object()) break;
      for (const auto& [key, value] : request.params.as_object()) {
        if (key == "enc") continue;
        add(key + "=" + (value.is_string() ? value.as_string() : text::to_json(value)));
      }
      break;
    case WireVerb::kTx:
      add(request.link);
      add(request.encoding == WireEncoding::kBase64 ? to_base64(as_bytes(request.payload)) : request.payload);
      break;
    case WireVerb::kRx:
    case WireVerb::kHealth:
    case WireVerb::kClose:
      add(request.link);
      break;
    case WireVerb::kBye:
      break;
  }
  return within_line_limit(line + "\n");
}

WireMessage LineWire::decode(std::string_view line) const {
  auto fields = split(line);
  if (!fields) return junk_line("a % that is no escape, or too many fields");
  if ((*fields)[0] == "*") return read_event(std::move(*fields));
  const auto id = number((*fields)[0]);
  if (!id || fields->size() < 2) return junk_line("no `id ok …` and no `id err code …`");
  WireMessage message;
  message.id = static_cast<WireId>(*id);
  if ((*fields)[1] == "err") {
    if (fields->size() < 3) return junk_line("err without a code");
    message.kind = WireMessage::Kind::kError;
    message.error = {.kind = kind_of((*fields)[2]),
                     .text = fields->size() > 3 ? (*fields)[3] : (*fields)[2],
                     .hint = fields->size() > 4 ? (*fields)[4] : std::string()};
    return message;
  }
  if ((*fields)[1] != "ok") return junk_line("neither ok nor err");
  message.kind = WireMessage::Kind::kReply;
  message.fields.assign(std::make_move_iterator(fields->begin() + 2), std::make_move_iterator(fields->end()));
  return message;
}

Result<WireResult> LineWire::result(const WireRequest& asked, const WireMessage& message) const {
  WireResult out;
  const std::vector<std::string>& fields = message.fields;
  switch (asked.verb) {
    case WireVerb::kHello:
      if (fields.size() < 4) return malformed(asked.verb, "version, language, name and verbs");
      read_hello(fields, out);
      break;
    case WireVerb::kProbe:
      for (const std::string& field : fields) out.symbols.emplace_back(field);
      break;
    case WireVerb::kOpen:
      if (fields.size() != 1 || fields[0].empty()) return malformed(asked.verb, "a link");
      out.link = fields[0];
      break;
    case WireVerb::kTx: {
      const auto bytes = fields.size() == 1 ? number(fields[0]) : std::nullopt;
      if (!bytes) return malformed(asked.verb, "a number of bytes");
      out.bytes = *bytes;
      break;
    }
    case WireVerb::kRx: {
      if (fields.size() != 1) return malformed(asked.verb, "a payload");
      if (asked.encoding == WireEncoding::kText) {
        out.payload = fields[0];
        break;
      }
      const auto bytes = from_base64(fields[0]);
      if (!bytes) return malformed(asked.verb, "base64, as its link was opened with enc=b64");
      out.payload = as_text(*bytes);
      break;
    }
    case WireVerb::kHealth: {
      const auto lag = fields.size() == 2 ? number(fields[0]) : std::nullopt;
      const auto depth = fields.size() == 2 ? number(fields[1]) : std::nullopt;
      if (!lag || !depth) return malformed(asked.verb, "lag_ms and qdepth");
      out.lag_ms = *lag;
      out.qdepth = *depth;
      break;
    }
    case WireVerb::kClose:
    case WireVerb::kBye:
      break;
  }
  return out;
}

}  // namespace rtt::drivers
