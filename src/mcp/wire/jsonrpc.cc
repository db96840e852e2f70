// SPDX-License-Identifier: Apache-2.0
#include "mcp/wire/jsonrpc.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <charconv>
#include <cstring>

#include "base/assert.h"
#include "text/json.h"

namespace rtt::mcp {
namespace {

constexpr std::uint64_t repeat(unsigned char byte) { return 0x0101010101010101ULL * byte; }

// Whether any of eight bytes ends the fast run of a string: quote, backslash, control or non-ASCII.
bool any_special(std::uint64_t word) {
  const auto has_zero = [](std::uint64_t x) { return (x - repeat(0x01)) & ~x & repeat(0x80); };
  const std::uint64_t control = (word - repeat(0x20)) & ~word & repeat(0x80);
  return (control | has_zero(word ^ repeat('"')) | has_zero(word ^ repeat('\\')) | (word & repeat(0x80))) !=
         0;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Length of the valid UTF-8 sequence at `p`, or 0 (RFC 3629: no overlong forms, no surrogates, ≤ U+10FFFF).
std::size_t utf8_length(const char* p, const char* end) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(p[i]); };
  const auto tail = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return p + i < end && at(i) >= low && at(i) <= high;
  };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;
    return tail(1, low, high) && tail(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
    return tail(1, low, high) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

// One pass over JSON text that checks the grammar and remembers nothing but where it stands.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  void space() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) ++at_;
  }
  [[nodiscard]] bool done() const { return at_ == end_; }
  [[nodiscard]] const char* here() const { return at_; }
  bool take(char wanted) {
    if (at_ == end_ || *at_ != wanted) return false;
    ++at_;
    return true;
  }

  // A string; `content` afterwards is what stands between the quotes, escapes as written.
  bool string() {
    if (!take('"')) return false;
    const char* const begin = at_;
    while (at_ < end_) {
      if (end_ - at_ >= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, at_, sizeof word);
        if (!any_special(word)) {
          at_ += 8;
          continue;
        }
      }
      const auto c = static_cast<unsigned char>(*at_);
      if (c == '"') {
        content_ = {begin, static_cast<std::size_t>(at_ - begin)};
        ++at_;
        return true;
      }
      if (c < 0x20) return false;
      if (c == '\\') {
        if (!escape()) return false;
      } else if (c < 0x80) {
        ++at_;
      } else {
        const std::size_t length = utf8_length(at_, end_);
        if (length == 0) return false;
        at_ += length;
      }
    }
    return false;
  }
  [[nodiscard]] std::string_view content() const { return content_; }

  // One value of any kind, without recursion.
  bool value() {
    Kinds is_object;
    int depth = 0;
    for (;;) {
      space();
      if (at_ == end_) return false;
      if (*at_ == '{' || *at_ == '[') {
        if (depth == kRpcDepthMax) return false;
        const bool object = *at_++ == '{';
        is_object[static_cast<std::size_t>(depth)] = object;
        ++depth;
        space();
        if (!take(object ? '}' : ']')) {
          if (object && !key()) return false;
          continue;
        }
        --depth;
      } else if (!scalar()) {
        return false;
      }
      const std::optional<int> open = ends_or_comma(is_object, depth);
      if (!open) return false;
      if (*open == 0) return true;
      depth = *open;
    }
  }

  // `"name" :`
  bool key() {
    if (!string()) return false;
    space();
    return take(':');
  }

 private:
  using Kinds = std::bitset<kRpcDepthMax>;

  // What stands after a value `depth` levels deep: the ends of objects and arrays, then, unless the outermost
  // ended, a comma and in an object the next name. Returns how many are still open; nothing if it is no JSON.
  std::optional<int> ends_or_comma(const Kinds& is_object, int depth) {
    for (; depth > 0; --depth) {
      const bool object = is_object[static_cast<std::size_t>(depth - 1)];
      space();
      if (take(',')) {
        space();
        if (object && !key()) return std::nullopt;
        return depth;
      }
      if (!take(object ? '}' : ']')) return std::nullopt;
    }
    return depth;
  }
  bool escape() {
    ++at_;
    if (at_ == end_) return false;
    const char c = *at_++;
    if (c != 'u') return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos;
    if (end_ - at_ < 4) return false;
    for (int i = 0; i < 4; ++i) {
      if (hex_value(*at_++) < 0) return false;
    }
    return true;
  }
  bool word(std::string_view wanted) {
    if (static_cast<std::size_t>(end_ - at_) < wanted.size()) return false;
    if (std::string_view(at_, wanted.size()) != wanted) return false;
    at_ += wanted.size();
    return true;
  }
  bool digits() {
    if (at_ == end_ || !is_digit(*at_)) return false;
    while (at_ < end_ && is_digit(*at_)) ++at_;
    return true;
  }
  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (at_ < end_ && (*at_ == 'e' || *at_ == 'E')) {
      ++at_;
      if (!take('+')) take('-');
      return digits();
    }
    return true;
  }
  bool scalar() {
    switch (*at_) {
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }

  const char* at_;
  const char* end_;
  std::string_view content_;
};

void append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | (point >> 6));
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | (point >> 12));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | (point >> 18));
    put(0x80 | ((point >> 12) & 0x3F));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  }
}

std::uint32_t four_hex(std::string_view text, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value = value * 16 + static_cast<std::uint32_t>(hex_value(text[at + i]));
  return value;
}

// What stands between the quotes of a valid JSON string, decoded; nothing for a lone surrogate.
std::optional<std::string> unescape(std::string_view content) {
  std::string out;
  out.reserve(content.size());
  for (std::size_t i = 0; i < content.size();) {
    if (content[i] != '\\') {
      out.push_back(content[i++]);
      continue;
    }
    const char c = content[i + 1];
    i += 2;
    switch (c) {
      case 'b':
        out.push_back('\b');
        break;
      case 'f':
        out.push_back('\f');
        break;
      case 'n':
        out.push_back('\n');
        break;
      case 'r':
        out.push_back('\r');
        break;
      case 't':
        out.push_back('\t');
        break;
      case 'u': {
        std::uint32_t point = four_hex(content, i);
        i += 4;
        if (point >= 0xD800 && point <= 0xDFFF) {
          const bool pair = point <= 0xDBFF && content.substr(i, 2) == "\\u";
          const std::uint32_t low = pair ? four_hex(content, i + 2) : 0;
          if (low < 0xDC00 || low > 0xDFFF) return std::nullopt;
          point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
          i += 6;
        }
        append_utf8(out, point);
        break;
      }
      default:
        out.push_back(c);
        break;
    }
  }
  return out;
}

bool same_key(std::string_view content, std::string_view key) {
  if (content == key) return true;
  if (content.find('\\') == std::string_view::npos) return false;
  const auto decoded = unescape(content);
  return decoded && *decoded == key;
}

// Whether some readers would take the member `content` for `key`: Go's do whatever the capitals are.
bool alike(std::string_view content, std::string_view key) {
  const auto low = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  const auto equal = [&](std::string_view name) {
    return std::ranges::equal(name, key, [&](char a, char b) { return low(a) == low(b); });
  };
  if (content.find('\\') == std::string_view::npos) return equal(content);
  const auto decoded = unescape(content);
  return decoded && equal(*decoded);
}

// `take(name, value)` for each member of a valid JSON object, names still escaped, as long as it says so.
template <typename Take>
void each_member(std::string_view object, Take take) {
  Scanner scan(object);
  scan.space();
  if (!scan.take('{')) return;
  for (;;) {
    scan.space();
    if (!scan.key()) return;
    const std::string_view name = scan.content();
    scan.space();
    const char* const begin = scan.here();
    if (!scan.value()) return;
    if (!take(name, std::string_view(begin, static_cast<std::size_t>(scan.here() - begin)))) return;
    scan.space();
    if (!scan.take(',')) return;
  }
}

enum Field : std::size_t { kJsonrpc, kId, kMethod, kParams, kResult, kErrorField, kFieldCount };
constexpr std::array<std::string_view, kFieldCount> kFieldNames{"jsonrpc", "id",     "method",
                                                                "params",  "result", "error"};
using Fields = std::array<std::string_view, kFieldCount>;

struct TopLevel {
  Fault fault = Fault::kNone;
  Fields fields{};
};

TopLevel scan_top_level(std::string_view line) {
  TopLevel top{.fault = Fault::kSyntax};
  Scanner scan(line);
  scan.space();
  if (!scan.take('{')) {
    Scanner whole(line);
    const bool json = whole.value() && (whole.space(), whole.done());
    top.fault = json ? Fault::kShape : Fault::kSyntax;
    return top;
  }
  bool doubled = false;
  scan.space();
  if (!scan.take('}')) {
    for (;;) {
      scan.space();
      if (!scan.key()) return top;
      const std::string_view name = scan.content();
      scan.space();
      const char* const begin = scan.here();
      if (!scan.value()) return top;
      const std::string_view value(begin, static_cast<std::size_t>(scan.here() - begin));
      for (std::size_t i = 0; i < kFieldCount; ++i) {
        if (!same_key(name, kFieldNames[i])) continue;
        doubled = doubled || !top.fields[i].empty();
        top.fields[i] = value;
      }
      scan.space();
      if (scan.take(',')) continue;
      if (!scan.take('}')) return top;
      break;
    }
  }
  scan.space();
  if (!scan.done()) return top;
  top.fault = doubled ? Fault::kShape : Fault::kNone;
  return top;
}

bool is_usable_id(std::string_view raw) {
  return !raw.empty() && (raw.front() == '"' || raw.front() == '-' || is_digit(raw.front()));
}

}  // namespace

Message classify(std::string_view line) {
  const TopLevel top = scan_top_level(line);
  Message message{.fault = top.fault};
  if (top.fault == Fault::kSyntax) return message;
  const Fields& field = top.fields;
  if (is_usable_id(field[kId])) message.id = field[kId];
  const auto misshapen = [&] {
    message.kind = MessageKind::kInvalid;
    message.fault = Fault::kShape;
    return message;
  };
  if (top.fault != Fault::kNone || field[kJsonrpc] != "\"2.0\"") return misshapen();

  const bool has_result = !field[kResult].empty();
  const bool has_error = !field[kErrorField].empty();
  if (!field[kMethod].empty()) {
    auto method = decode_string(field[kMethod]);
    if (!method || has_result || has_error) return misshapen();
    const std::string_view params = field[kParams];
    if (!params.empty() && params.front() != '{' && params.front() != '[') return misshapen();
    if (!field[kId].empty() && message.id.empty()) return misshapen();
    message.kind = message.id.empty() ? MessageKind::kNotification : MessageKind::kRequest;
    message.method = std::move(*method);
    message.params = params;
    return message;
  }
  if (has_result == has_error) return misshapen();
  if (has_result && message.id.empty()) return misshapen();
  if (has_error && field[kErrorField].front() != '{') return misshapen();
  message.kind = has_result ? MessageKind::kResult : MessageKind::kError;
  message.payload = has_result ? field[kResult] : field[kErrorField];
  return message;
}

std::optional<std::string_view> member(std::string_view object, std::string_view key) {
  std::optional<std::string_view> out;
  each_member(object, [&](std::string_view name, std::string_view value) {
    if (same_key(name, key)) out = value;
    return !out;
  });
  return out;
}

std::optional<std::string_view> sole_member(std::string_view object, std::string_view key) {
  std::optional<std::string_view> out;
  int count = 0;
  each_member(object, [&](std::string_view name, std::string_view value) {
    const bool same = same_key(name, key);
    if (same) out = value;
    if (same || alike(name, key)) ++count;
    return count < 2;
  });
  return count < 2 ? out : std::nullopt;
}

std::vector<RawMember> members(std::string_view object) {
  std::vector<RawMember> out;
  each_member(object, [&](std::string_view name, std::string_view value) {
    out.push_back({unescape(name).value_or(std::string(name)), value});
    return true;
  });
  return out;
}

std::optional<std::string> decode_string(std::string_view raw) {
  Scanner scan(raw);
  if (!scan.string() || !scan.done()) return std::nullopt;
  const std::string_view content = scan.content();
  if (content.find('\\') == std::string_view::npos) return std::string(content);
  return unescape(content);
}

std::optional<std::uint64_t> own_id(std::string_view raw) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  if (error != std::errc{} || end != raw.data() + raw.size()) return std::nullopt;
  if (raw.size() > 1 && raw.front() == '0') return std::nullopt;
  return value;
}

bool is_json(std::string_view text) {
  Scanner scan(text);
  if (!scan.value()) return false;
  scan.space();
  return scan.done();
}

std::string clean_text(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text.data() + i, text.data() + text.size());
    if (length == 0) {
      clean += "\xEF\xBF\xBD";
      ++i;
    } else {
      clean.append(text.substr(i, length));
      i += length;
    }
  }
  return clean;
}

std::string json_quoted(std::string_view text) { return text::to_json(text::Json(clean_text(text))); }

std::string spliced(std::string_view whole, std::string_view part, std::string_view replacement) {
  RTT_ASSERT(part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
  const auto offset = static_cast<std::size_t>(part.data() - whole.data());
  std::string out;
  out.reserve(whole.size() - part.size() + replacement.size());
  out.append(whole.substr(0, offset)).append(replacement).append(whole.substr(offset + part.size()));
  return out;
}

std::string request_line(std::uint64_t id, std::string_view method, std::string_view params) {
  std::string out;
  out.reserve(64 + method.size() + params.size());
  out.append(R"({"jsonrpc":"2.0","id":)")
      .append(std::to_string(id))
      .append(R"(,"method":)")
      .append(json_quoted(method));
  if (!params.empty()) out.append(R"(,"params":)").append(params);
  out.append("}\n");
  return out;
}

std::string notification_line(std::string_view method, std::string_view params) {
  std::string out = R"({"jsonrpc":"2.0","method":)";
  out.append(json_quoted(method));
  if (!params.empty()) out.append(R"(,"params":)").append(params);
  out.append("}\n");
  return out;
}

std::string result_line(std::string_view id, std::string_view result) {
  std::string out;
  out.reserve(40 + id.size() + result.size());
  out.append(R"({"jsonrpc":"2.0","id":)").append(id).append(R"(,"result":)").append(result).append("}\n");
  return out;
}

std::string error_line(std::string_view id, std::string_view error) {
  std::string out;
  out.append(R"({"jsonrpc":"2.0","id":)")
      .append(id.empty() ? "null" : id)
      .append(R"(,"error":)")
      .append(error);
  out.append("}\n");
  return out;
}

std::string error_object(RpcCode code, std::string_view message, std::string_view data) {
  std::string out = R"({"code":)";
  out.append(std::to_string(static_cast<std::int32_t>(code)))
      .append(R"(,"message":)")
      .append(json_quoted(message));
  if (!data.empty()) out.append(R"(,"data":)").append(data);
  out.push_back('}');
  return out;
}

}  // namespace rtt::mcp
