// SPDX-License-Identifier: Apache-2.0
#include "text/json_patch.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "text/json_members.h"

namespace rtt::text {
namespace {

using Op = JsonPatch::Op;
using Operation = JsonPatch::Operation;

struct OpForm {
  std::string_view name;
  Op op;
  std::string_view needs;  // the member beside `path`
};
constexpr std::array kOps{OpForm{"add", Op::kAdd, "value"},         OpForm{"copy", Op::kCopy, "from"},
                          OpForm{"move", Op::kMove, "from"},        OpForm{"remove", Op::kRemove, {}},
                          OpForm{"replace", Op::kReplace, "value"}, OpForm{"test", Op::kTest, "value"}};

constexpr std::size_t kValueBytes = 16;  // counted for each value, whatever it holds

struct Extent {
  std::size_t bytes = 0, values = 0;
  int depth = 0;  // of arrays and objects in each other; a scalar has none
};
// Recursion ends one level below kDepthMax, where the answer is settled.
void measure(const Json& value, int level, Extent& out) {
  out.bytes += kValueBytes;
  ++out.values;
  if (value.is_string()) out.bytes += value.as_string().size();
  if (!value.is_array() && !value.is_object()) return;
  out.depth = std::max(out.depth, level + 1);
  if (level == kDepthMax) return;
  if (value.is_array()) {
    for (const Json& item : value.as_array()) measure(item, level + 1, out);
    return;
  }
  for (const auto& [key, item] : value.as_object()) {
    out.bytes += key.size();
    measure(item, level + 1, out);
  }
}
Extent extent_of(const Json& value) {
  Extent out;
  measure(value, 0, out);
  return out;
}

std::unexpected<Error> too_deep(std::string what, std::string where) {
  return fail(Code::kJsonDepth, fmt::format("{} would be nested deeper than {} levels", what, kDepthMax),
              std::move(where));
}

std::string_view kind_of(const Json& value) {
  constexpr std::array<std::string_view, 7> kKinds{"null",     "a boolean", "a number", "a number",
                                                   "a string", "an array",  "an object"};
  return kKinds[static_cast<std::size_t>(value.kind())];
}

std::string shown(std::span<const std::string> tokens) { return quoted_key(to_pointer(tokens)); }

Result<JsonPointer> pointer_member(const Json& operation, std::string_view key, const std::string& at) {
  const Json* value = operation.find(key);
  if (value == nullptr || !value->is_string()) {
    return fail(Code::kBadShape, fmt::format("the operation has no `{}` that is a string", key), at);
  }
  auto pointer = parse_pointer(value->as_string());
  if (!pointer) return std::unexpected(std::move(pointer).error().at(fmt::format("{}/{}", at, key)));
  return pointer;
}

Result<Operation> read_operation(const Json& json, const std::string& at) {
  if (!json.is_object()) return fail(Code::kBadShape, "an operation is an object", at);
  const Json* name = json.find("op");
  if (name == nullptr || !name->is_string()) {
    return fail(Code::kBadShape, "the operation has no `op` that is a string", at);
  }
  const auto form = std::ranges::find(kOps, name->as_string(), &OpForm::name);
  if (form == kOps.end()) {
    return fail(Code::kBadShape, fmt::format("{} is no operation", quoted_key(name->as_string())), at + "/op",
                "one of: add, copy, move, remove, replace, test");
  }
  Operation out{.op = form->op, .path = {}, .from = {}, .value = {}};
  RTT_TRY_SET(out.path, pointer_member(json, "path", at));
  if (form->needs == "from") {
    RTT_TRY_SET(out.from, pointer_member(json, "from", at));
  }
  if (form->needs == "value") {
    const Json* value = json.find("value");
    if (value == nullptr) {
      return fail(Code::kBadShape, fmt::format("`{}` needs a `value`", form->name), at);
    }
    out.value = *value;
  }
  return out;
}

// One application of a patch: the document so far and what may still be spent.
class Patcher {
 public:
  Patcher(Json document, PatchLimits limits)
      : document_(std::move(document)), bytes_left_(limits.written_bytes_max), limits_(limits) {}

  Status run(const Operation& operation) {
    switch (operation.op) {
      case Op::kAdd:
        RTT_TRY(charge(operation.value, operation.path));
        return add(operation.path, operation.value);
      case Op::kCopy: {
        RTT_TRY_SET(const Json* found, at(operation.from));
        RTT_TRY(charge(*found, operation.path));
        return add(operation.path, Json(*found));
      }
      case Op::kMove:
        return move(operation);
      case Op::kRemove:
        return take(operation.path, nullptr);
      case Op::kReplace: {
        RTT_TRY(charge(operation.value, operation.path));
        RTT_TRY_SET(Json * found, at(operation.path));
        *found = operation.value;
        return {};
      }
      case Op::kTest:
        return test(operation);
    }
    return fail(Code::kInternal, "an operation of no kind");
  }
  [[nodiscard]] Json document() && { return std::move(document_); }

 private:
  Result<Json*> at(const JsonPointer& path) {
    Json* found = find_pointer(document_, path);
    if (found == nullptr) return fail(Code::kPatchFailed, "nothing is at " + shown(path));
    return found;
  }

  Status spend(std::size_t steps) {
    if (steps > steps_left_) {
      return fail(Code::kLimit, fmt::format("the patch moves more than {} values", kPatchStepsMax));
    }
    steps_left_ -= steps;
    return {};
  }
  // For writing `value` at `path`.
  Status charge(const Json& value, const JsonPointer& path) {
    const Extent extent = extent_of(value);
    RTT_TRY(must_fit(extent, path));
    if (extent.bytes > bytes_left_) {
      return fail(Code::kLimit,
                  fmt::format("the patch writes more than {} bytes", limits_.written_bytes_max));
    }
    bytes_left_ -= extent.bytes;
    return spend(extent.values);
  }
  static Status must_fit(const Extent& extent, const JsonPointer& path) {
    if (path.size() + static_cast<std::size_t>(extent.depth) <= static_cast<std::size_t>(kDepthMax))
      return {};
    return too_deep("what is written", {});
  }

  // The array or object that the last token is in.
  Result<Json*> around(const JsonPointer& path) {
    const auto above = std::span(path).first(path.size() - 1);
    Json* found = find_pointer(document_, above);
    if (found == nullptr) return fail(Code::kPatchFailed, "nothing is at " + shown(above));
    if (found->is_array() || found->is_object()) return found;
    return fail(Code::kPatchFailed,
                fmt::format("{} is {}, which has no members", shown(above), kind_of(*found)));
  }
  // Below `end`.
  static Result<std::size_t> index_in(const JsonArray& array, const JsonPointer& path, std::size_t end) {
    const auto index = pointer_index(path.back());
    if (!index) {
      return fail(Code::kPatchFailed, fmt::format("{} is no index of an array", quoted_key(path.back())));
    }
    if (*index < end) return *index;
    return fail(Code::kPatchFailed,
                fmt::format("{} is outside of an array of {}", shown(path), array.size()));
  }

  Status add(const JsonPointer& path, Json value) {
    if (path.empty()) {
      document_ = std::move(value);
      return {};
    }
    RTT_TRY_SET(Json * parent, around(path));
    if (parent->is_object()) {
      RTT_TRY(spend(parent->as_object().size()));
      parent->as_object().set(path.back(), std::move(value));
      return {};
    }
    JsonArray& array = parent->as_array();
    std::size_t index = array.size();
    if (path.back() != "-") {
      RTT_TRY_SET(index, index_in(array, path, array.size() + 1));
    }
    RTT_TRY(spend(array.size() - index));
    array.insert(array.begin() + static_cast<std::ptrdiff_t>(index), std::move(value));
    return {};
  }

  // Removes what is at `path`, into `out` where that is wanted.
  Status take(const JsonPointer& path, Json* out) {
    if (path.empty()) return fail(Code::kPatchFailed, "the whole document cannot be removed");
    RTT_TRY_SET(Json * parent, around(path));
    if (parent->is_object()) {
      Json* found = parent->as_object().find(path.back());
      if (found == nullptr) return fail(Code::kPatchFailed, "nothing is at " + shown(path));
      if (out != nullptr) *out = std::move(*found);
      RTT_TRY(spend(parent->as_object().size()));
      parent->as_object().erase(path.back());
      return {};
    }
    JsonArray& array = parent->as_array();
    RTT_TRY_SET(const std::size_t index, index_in(array, path, array.size()));
    if (out != nullptr) *out = std::move(array[index]);
    RTT_TRY(spend(array.size() - index));
    array.erase(array.begin() + static_cast<std::ptrdiff_t>(index));
    return {};
  }

  Status move(const Operation& operation) {
    RTT_TRY_SET(const Json* found, at(operation.from));
    if (operation.from == operation.path) return {};
    if (operation.from.size() < operation.path.size() &&
        std::ranges::equal(operation.from, std::span(operation.path).first(operation.from.size()))) {
      return fail(Code::kPatchFailed, fmt::format("{} cannot be moved into itself", shown(operation.from)));
    }
    const Extent extent = extent_of(*found);
    RTT_TRY(spend(extent.values));
    RTT_TRY(must_fit(extent, operation.path));
    Json value;
    RTT_TRY(take(operation.from, &value));
    return add(operation.path, std::move(value));
  }

  Status test(const Operation& operation) {
    RTT_TRY_SET(const Json* found, at(operation.path));
    RTT_TRY(spend(extent_of(operation.value).values));
    if (*found == operation.value) return {};
    return fail(Code::kPatchFailed, fmt::format("the test of {} does not hold", shown(operation.path)));
  }

  Json document_;
  std::size_t bytes_left_, steps_left_ = kPatchStepsMax;
  PatchLimits limits_;
};

std::string_view name_of(Op op) { return std::ranges::find(kOps, op, &OpForm::op)->name; }

// Both are sorted, so one pass takes from each in turn. Recursion is as deep as the patch.
Json merged(Json target, const Json& patch) {
  if (!patch.is_object()) return patch;
  JsonObject old;
  if (target.is_object()) old = std::move(target.as_object());
  JsonObject out;
  auto at = old.begin();
  for (const auto& [key, value] : patch.as_object()) {
    for (; at != old.end() && at->first < key; ++at) out.set(std::move(at->first), std::move(at->second));
    const bool there = at != old.end() && at->first == key;
    if (!value.is_null()) out.set(key, merged(there ? std::move(at->second) : Json(), value));
    if (there) ++at;
  }
  for (; at != old.end(); ++at) out.set(std::move(at->first), std::move(at->second));
  return out;
}

}  // namespace

Result<JsonPatch> JsonPatch::read(const Json& patch, PatchLimits limits) {
  if (!patch.is_array()) return fail(Code::kBadShape, "a patch is an array of operations");
  const JsonArray& list = patch.as_array();
  if (list.size() > limits.operations_max) {
    return fail(Code::kLimit,
                fmt::format("{} operations, at most {} are applied", list.size(), limits.operations_max));
  }
  std::vector<Operation> operations;
  operations.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    RTT_TRY_SET(Operation operation, read_operation(list[i], fmt::format("/{}", i)));
    operations.push_back(std::move(operation));
  }
  return JsonPatch(std::move(operations), limits);
}

Result<Json> JsonPatch::apply(Json document) const {
  Patcher patcher(std::move(document), limits_);
  for (std::size_t i = 0; i < operations_.size(); ++i) {
    Status done = patcher.run(operations_[i]);
    if (done) continue;
    Error error = std::move(done).error();
    error.message = fmt::format("operation {}, {} {}: {}", i, name_of(operations_[i].op),
                                shown(operations_[i].path), error.message);
    error.where = fmt::format("/{}", i);
    return std::unexpected(std::move(error));
  }
  return std::move(patcher).document();
}

Result<Json> merge_patch(Json target, const Json& patch) {
  if (extent_of(patch).depth > kDepthMax) return too_deep("what is merged", {});
  return merged(std::move(target), patch);
}

}  // namespace rtt::text
