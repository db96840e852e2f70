// SPDX-License-Identifier: Apache-2.0
// JsonOutline: where values of a JSON text begin and end, without making them.
//
// It accepts a little more than JSON (any run of number bytes is a number): the reader of json.h judges what
// is taken out of the text.
//
// Thread: any (holds a view).   Fails: an offset at which no JSON can go on.   Limits: kJsoncDepthMax levels.
#pragma once

#include <expected>
#include <functional>
#include <string_view>

#include "text/jsonc.h"

namespace rtt::text {

class JsonOutline {
 public:
  using Offset = std::expected<std::size_t, std::size_t>;  // the end, or where it goes wrong
  // Told of every comma that nothing follows, if given; such a comma is an error otherwise.
  explicit JsonOutline(std::string_view text, std::function<void(std::size_t)> on_trailing_comma = {})
      : text_(text), on_trailing_comma_(std::move(on_trailing_comma)) {}

  [[nodiscard]] std::size_t skip_space(std::size_t at) const;
  [[nodiscard]] Offset skip_string(std::size_t at) const;
  [[nodiscard]] Offset skip_value(std::size_t at, int depth = 0) const;
  [[nodiscard]] char at(std::size_t offset) const { return offset < text_.size() ? text_[offset] : '\0'; }

 private:
  [[nodiscard]] Offset skip_container(std::size_t at, int depth) const;
  [[nodiscard]] Offset skip_word(std::size_t at) const;

  std::string_view text_;
  std::function<void(std::size_t)> on_trailing_comma_;
};

}  // namespace rtt::text
