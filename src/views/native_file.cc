// SPDX-License-Identifier: Apache-2.0
#include "views/native_file.h"

#include "base/assert.h"
#include "text/toml_write.h"
#include "text/yaml_write.h"

namespace rtt::views {
namespace {

constexpr std::string_view kFence = "---\n";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool begins_like_front_matter(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) return true;
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text.substr(first).starts_with("---");
}

// Without its end and the blanks before it.
std::string_view line_at(std::string_view text, std::size_t at) {
  std::string_view line = text.substr(at, text.find('\n', at) - at);
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r'))
    line.remove_suffix(1);
  return line;
}

}  // namespace

NativeFile::NativeFile(Syntax syntax) : syntax_(syntax) {
  if (syntax == Syntax::kFront) out_ = kFence;
  if (syntax == Syntax::kJson) object_ = text::JsonObject{};
}

bool NativeFile::member(std::string_view key, const text::Json& value) {
  switch (syntax_) {
    case Syntax::kFront:
      return text::append_yaml_member(out_, key, value);
    case Syntax::kToml:
      return text::append_toml_member(out_, key, value);
    case Syntax::kJson:
      object_.set(key, value);
      return true;
    case Syntax::kNone:
    case Syntax::kPlain:
      break;
  }
  return false;
}

void NativeFile::raw_line(std::string_view key, std::string_view text) {
  RTT_ASSERT(syntax_ == Syntax::kFront);
  out_.append(key).append(": ").append(text).append("\n");
}

std::string NativeFile::with_text(std::string_view text) && {
  if (syntax_ == Syntax::kFront) {
    if (out_ != kFence) {
      out_ += kFence;
    } else if (begins_like_front_matter(text)) {
      out_.append("{}\n").append(kFence);
    } else {
      out_.clear();
    }
    if (!text.empty() && !out_.empty()) out_ += '\n';
  }
  if (!text.empty()) out_.append(text).append("\n");
  return std::move(out_);
}

std::string NativeFile::whole() && {
  if (syntax_ == Syntax::kJson) return text::to_pretty_json(object_);
  return std::move(out_);
}

std::string_view without_last_line_end(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

std::optional<FrontMatter> split_front(std::string_view file) {
  if (file.starts_with(kByteOrderMark)) file.remove_prefix(kByteOrderMark.size());
  if (line_at(file, 0) != "---") return FrontMatter{.front = {}, .text = without_last_line_end(file)};
  const std::size_t start = file.find('\n');
  for (std::size_t at = start; at != std::string_view::npos; at = file.find('\n', at + 1)) {
    if (line_at(file, at + 1) != "---") continue;
    FrontMatter out{.front = file.substr(start + 1, at - start), .text = {}, .present = true};
    const std::size_t end = file.find('\n', at + 1);
    if (end == std::string_view::npos) return out;
    // Of a file with \r\n both line ends go; the file is not one of ours, so nothing has to come back
    // exactly.
    const bool crlf = file[end - 1] == '\r';
    out.text = file.substr(end + 1);
    if (crlf && out.text.starts_with("\r\n")) out.text.remove_prefix(2);
    if (!crlf && out.text.starts_with('\n')) out.text.remove_prefix(1);
    out.text = without_last_line_end(out.text);
    if (crlf && out.text.ends_with('\r')) out.text.remove_suffix(1);
    return out;
  }
  return std::nullopt;
}

}  // namespace rtt::views
