// SPDX-License-Identifier: Apache-2.0
#include "text/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>

#include "text/json_members.h"
#include "text/utf8.h"
#include "text/yaml_scalar.h"

namespace rtt::text {
namespace {

constexpr std::size_t kNodesMax = 10'000;

// What an alias would add to the tree.
struct Size {
  std::size_t nodes = 0;
  std::size_t bytes = 0;
  int depth = 0;  // levels of nesting
};

Size size_of(const Json& value) {  // recursion: a tree built here is at most kDepthMax deep
  Size size{.nodes = 1};
  const auto add = [&size](const Size& part) {
    size.nodes += part.nodes;
    size.bytes += part.bytes;
    size.depth = std::max(size.depth, part.depth + 1);
  };
  if (value.is_string()) size.bytes = value.as_string().size();
  if (value.is_array()) {
    size.depth = 1;
    for (const Json& item : value.as_array()) add(size_of(item));
  }
  if (value.is_object()) {
    size.depth = 1;
    for (const auto& [key, member] : value.as_object()) {
      size.bytes += key.size();
      add(size_of(member));
    }
  }
  return size;
}

// The library makes one byte of the escapes \_ (U+00A0) and \N (U+0085).
std::string mended(std::string_view value) {
  std::string out;
  for (std::size_t at = 0; at < value.size();) {
    const Utf8Char character = decode_utf8(value, at);
    if (character.length == 0) {
      append_utf8(out, static_cast<unsigned char>(value[at++]));
    } else {
      out += value.substr(at, character.length);
      at += character.length;
    }
  }
  return out;
}

// Builds a Json from yaml-cpp's events. After the first error it ignores what follows: nothing is thrown
// through the library, and the time is bounded by the text's size.
class Builder : public YAML::EventHandler {
 public:
  struct Target {
    std::string_view pointer;
    Part part = Part::kValue;
  };

  Builder(std::string_view text, std::size_t alias_bytes_max, std::optional<Target> target)
      : text_(text), alias_bytes_left_(alias_bytes_max), target_(target) {}

  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  [[nodiscard]] Json take_root() { return std::move(root_); }
  [[nodiscard]] std::optional<std::size_t> found() const { return found_; }

  void refuse(std::size_t at, std::string message, std::string hint = {}, Code code = Code::kYamlSyntax) {
    if (error_) return;
    error_ = Error{.code = code,
                   .message = std::move(message),
                   .where = to_string(position_of(text_, at)),
                   .hint = std::move(hint)};
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 2) {
      refuse(offset(mark), "a second document begins here, or text stands after the value",
             "one file holds one document");
    }
  }
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark& /*mark*/, const std::string& /*anchor_name*/) override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (error_) return;
    // A value left out has no place of its own; the library then points at whatever comes next.
    std::size_t at = offset(mark);
    const std::string_view written = text_.substr(at);
    if (!written.starts_with('~') && !written.starts_with('n') && !written.starts_with('N') &&
        !frames_.empty()) {
      at = frames_.back().key_at;
    }
    if (expects_key()) return refuse(at, "a key is missing here", "put keys in quotes if they are empty");
    if (begin(at)) finish(Json(), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (error_) return;
    const std::size_t at = offset(mark);
    if (!accept_tag(at, tag)) return;
    const bool plain = tag != "!";  // the library marks quoted and block scalars so
    const std::string text = plain || find_invalid_utf8(value) == std::string::npos ? value : mended(value);
    if (expects_key()) return take_key(at, plain, anchor, text);
    if (!begin(at)) return;
    if (!plain) return finish(Json(text), anchor);
    Result<Json> scalar = read_plain_scalar(value);
    if (!scalar) return refuse(at, scalar.error().message, scalar.error().hint, scalar.error().code);
    finish(*std::move(scalar), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (error_) return;
    const std::size_t at = offset(mark);
    if (expects_key()) return refuse(at, "a key is written out, not an alias");
    const Json* target = anchors_.find(anchor);
    if (target == nullptr)
      return refuse(at, "this alias stands inside what it names, so it would have no end");
    const Size size = size_of(*target);
    if (static_cast<int>(frames_.size()) + size.depth > kDepthMax) return refuse_depth(at);
    if (size.nodes > kNodesMax - nodes_ || size.bytes > alias_bytes_left_) return refuse_nodes(at);
    alias_bytes_left_ -= size.bytes;
    if (!begin(at)) return;
    nodes_ += size.nodes - 1;
    if (target_ && !found_ && target_->pointer.starts_with(path() + '/')) found_ = at;
    finish(*target, YAML::NullAnchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(offset(mark), tag, {.anchor = anchor});
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(offset(mark), tag, {.kind = JsonKind::kObject, .anchor = anchor});
  }
  void OnSequenceEnd() override {
    if (error_) return;
    Frame frame = pop();
    finish(std::move(frame.items), frame.anchor);
  }
  void OnMapEnd() override {
    if (error_) return;
    Frame frame = pop();
    std::expected<JsonObject, RepeatedKey> built = build_object(std::move(frame.members));
    if (built) return finish(*std::move(built), frame.anchor);
    error_ = repeated_key_error(text_, built.error());
    error_->code = Code::kYamlSyntax;
  }

 private:
  struct Frame {
    JsonKind kind = JsonKind::kArray;
    YAML::anchor_t anchor = YAML::NullAnchor;
    JsonArray items{};
    std::vector<JsonMember> members{};
    std::optional<std::string> key{};  // read, its value not yet
    std::size_t key_at = 0;
  };

  std::size_t offset(const YAML::Mark& mark) const {
    return std::min(text_.size(), static_cast<std::size_t>(std::max(mark.pos, 0)));
  }
  [[nodiscard]] bool expects_key() const {
    return !frames_.empty() && frames_.back().kind == JsonKind::kObject && !frames_.back().key;
  }
  void refuse_depth(std::size_t at) {
    refuse(at, "nested more than " + std::to_string(kDepthMax) + " levels deep", {}, Code::kTooLarge);
  }
  void refuse_nodes(std::size_t at) {
    refuse(at,
           "the text holds more than " + std::to_string(kNodesMax) + " values, or its aliases grow too large",
           "configuration of this size belongs in JSON", Code::kTooLarge);
  }
  bool accept_tag(std::size_t at, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return true;
    refuse(at, "tags (`!name`) are not read", "remove the tag; put the value in quotes to make it text");
    return false;
  }

  // JSON pointer of the value that comes next.
  [[nodiscard]] std::string path() const {
    std::string out;
    for (const Frame& frame : frames_) {
      out += '/';
      out += frame.kind == JsonKind::kArray ? std::to_string(frame.items.size())
                                            : escape_pointer(frame.key.value_or(""));
    }
    return out;
  }

  // Before a value at `at` is built: counts it and notes its place.
  bool begin(std::size_t at) {
    if (nodes_ == kNodesMax) {
      refuse_nodes(at);
      return false;
    }
    ++nodes_;
    if (target_ && !found_ && path() == target_->pointer) {
      const bool keyed = !frames_.empty() && frames_.back().kind == JsonKind::kObject;
      found_ = target_->part == Part::kKey && keyed ? frames_.back().key_at : at;
    }
    return true;
  }

  void take_key(std::size_t at, bool plain, YAML::anchor_t anchor, const std::string& value) {
    if (plain && value == "<<") return refuse(at, "merge keys (`<<`) are not read", "write the members out");
    if (plain) {
      const Result<Json> scalar = read_plain_scalar(value);
      if (!scalar || !scalar->is_string())
        return refuse(at, "a key is text, this one reads as another kind of value", "put the key in quotes");
    }
    if (anchor != YAML::NullAnchor) anchors_.set(anchor, Json(value));
    frames_.back().key = value;
    frames_.back().key_at = at;
  }

  void open(std::size_t at, const std::string& tag, Frame frame) {
    if (error_ || !accept_tag(at, tag)) return;
    if (expects_key()) return refuse(at, "a key is text, not a list or a map");
    if (static_cast<int>(frames_.size()) >= kDepthMax) return refuse_depth(at);
    if (!begin(at)) return;
    frame.key_at = at;
    frames_.push_back(std::move(frame));
  }
  Frame pop() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    return frame;
  }

  // Puts a finished value where it belongs.
  void finish(Json value, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) anchors_.set(anchor, value);
    if (frames_.empty()) {
      root_ = std::move(value);
    } else if (Frame& top = frames_.back(); top.kind == JsonKind::kArray) {
      top.items.push_back(std::move(value));
    } else {
      top.members.push_back({.key = *std::move(top.key), .value = std::move(value), .at = top.key_at});
      top.key.reset();
    }
  }

  std::string_view text_;
  std::size_t alias_bytes_left_;
  std::optional<Target> target_;
  std::optional<std::size_t> found_;
  std::optional<Error> error_;
  Json root_;
  std::vector<Frame> frames_;
  FlatMap<YAML::anchor_t, Json> anchors_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
};

bool is_printable(char32_t c) {
  if (c < 0x20) return c == '\t' || c == '\n' || c == '\r';
  return c != 0x7F && (c < 0x80 || c > 0x9F || c == 0x85) && c != 0xFEFF && c != 0xFFFE && c != 0xFFFF;
}

// The library takes byte 04 for the end of the text and replaces malformed UTF-8, so neither may reach it;
// and it skips lines it takes for directives, so what they say would silently not hold.
void check_characters(std::string_view text, Builder& builder) {
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char character = decode_utf8(text, at);
    if (character.length == 0) {
      return builder.refuse(at, "this byte is not valid UTF-8", "save the file as UTF-8",
                            Code::kJsonEncoding);
    }
    if (character.value == 0xFEFF && at == 0) {
      return builder.refuse(at, "the text begins with a byte order mark",
                            "save the file as UTF-8 without BOM", Code::kJsonEncoding);
    }
    if (!is_printable(character.value)) return builder.refuse(at, "YAML text holds no control characters");
    if (character.value == '%' && (at == 0 || text[at - 1] == '\n' || text[at - 1] == '\r')) {
      return builder.refuse(at, "a line that begins with `%` is a directive; these are not read",
                            "remove it, or indent it if it is text");
    }
    at += character.length;
  }
}

void run(std::string_view text, Builder& builder) {
  check_characters(text, builder);
  if (builder.error()) return;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (!builder.error() && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& exception) {
    const int at = std::max(exception.mark.pos, 0);
    builder.refuse(std::min(text.size(), static_cast<std::size_t>(at)), "not YAML: " + exception.msg);
  } catch (const std::exception&) {
    builder.refuse(0, "not YAML");
  }
}

}  // namespace

Result<Json> parse_yaml(std::string_view text, ParseOptions options) {
  const std::string name(options.source_name);
  if (text.size() > options.bytes_max) {
    return fail(Code::kTooLarge,
                "the text has " + std::to_string(text.size()) + " bytes, at most " +
                    std::to_string(options.bytes_max) + " are read",
                name);
  }
  Builder builder(text, options.bytes_max, std::nullopt);
  run(text, builder);
  if (!builder.error()) return builder.take_root();
  Error error = *builder.error();
  if (!name.empty()) error.where = name + ':' + error.where;
  return std::unexpected(std::move(error));
}

std::optional<Position> locate_yaml(std::string_view text, std::string_view pointer, Part part) {
  if (text.size() > kJsonBytesMax) return std::nullopt;
  Builder builder(text, kJsonBytesMax, Builder::Target{.pointer = pointer, .part = part});
  run(text, builder);
  if (!builder.found()) return std::nullopt;
  return position_of(text, *builder.found());
}

}  // namespace rtt::text
