// SPDX-License-Identifier: Apache-2.0
// ViewSignature: who vouches for what a provider is shown, by the root of its tree
// (docs/formats/view-signature.md).
//
// Detached, as all signatures are: {"root":"sha256-…","sign":[…]}. Signed is the root as kind `view`, so a
// signature over a plan or an object never counts as one over a view, whatever their hashes are. It lies in
// the registry by root, and in the plan that shows it, so a plan carries it to another machine.
//
// Thread: any (values).   Fails: kBadShape, kLimit, with the place in `where`.   Limits: those of signature
// records.
#pragma once

#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "crypto/keyring.h"
#include "text/json.h"

namespace rtt::model {

struct ViewSignature {
  Digest root;
  std::vector<crypto::SignRecord> sign;
  friend bool operator==(const ViewSignature&, const ViewSignature&) = default;
};
text::Json to_json(const ViewSignature& signature);
Result<ViewSignature> view_signature_from_json(const text::Json& json, std::string_view where);

}  // namespace rtt::model
