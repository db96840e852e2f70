// SPDX-License-Identifier: Apache-2.0
// JsonPatch: changes of a JSON value written as JSON, RFC 6902 (a list of operations) and RFC 7386 (merge).
//
// A patch is read once into operations, so that a malformed one is refused before it is applied to anything,
// and applies to a copy: the value it is given is the caller's until the whole patch fitted. The published
// suite of RFC 6902 is tests/json_patch_suite.cc. Two readings the RFC leaves open: removing the whole
// document is refused, and a `test` compares numbers by value (1 is 1.0).
//
// `copy` makes a small patch write much: 30 copies of a document into itself would double it 30 times. So
// what a patch writes is counted, 16 bytes a value and the bytes of its strings and keys, each copy again.
//
// Owns: its operations.   Thread: any (pure).
// Fails: `where` is the JSON pointer in the patch. kBadShape (no patch), kPatchFailed (it does not fit what
// it is applied to), kJsonDepth (the outcome would be deeper than kDepthMax), kLimit. Messages repeat
// pointers and no values.
// Limits: PatchLimits; kPatchStepsMax values moved, shifted or compared by one application.
#pragma once

#include <cstdint>
#include <vector>

#include "text/json_pointer.h"

namespace rtt::text {

inline constexpr std::size_t kPatchStepsMax = std::size_t{1} << 26;

struct PatchLimits {
  std::size_t operations_max = 10'000;
  std::size_t written_bytes_max = std::size_t{4} << 20;  // added, replaced and copied
};

class JsonPatch {
 public:
  static Result<JsonPatch> read(const Json& patch, PatchLimits limits = {});
  // The document with all operations applied, in their order.
  [[nodiscard]] Result<Json> apply(Json document) const;
  [[nodiscard]] std::size_t size() const { return operations_.size(); }

  enum class Op : std::uint8_t { kAdd, kCopy, kMove, kRemove, kReplace, kTest };
  struct Operation {
    Op op = Op::kTest;
    JsonPointer path, from;  // `from`: kCopy, kMove
    Json value;              // kAdd, kReplace, kTest
  };

 private:
  JsonPatch(std::vector<Operation> operations, PatchLimits limits)
      : operations_(std::move(operations)), limits_(limits) {}
  std::vector<Operation> operations_;
  PatchLimits limits_;
};

// RFC 7386: members of an object replace those of the target, object into object, null removes; anything else
// replaces the target. What it writes is no more than the patch itself.   Fails: kJsonDepth.
Result<Json> merge_patch(Json target, const Json& patch);

}  // namespace rtt::text
