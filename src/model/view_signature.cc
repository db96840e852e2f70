// SPDX-License-Identifier: Apache-2.0
#include "model/view_signature.h"

#include "model/contract.h"

namespace rtt::model {

using text::Json;

Json to_json(const ViewSignature& signature) {
  return Json::object({{"root", to_string(signature.root)}, {"sign", sign_records_to_json(signature.sign)}});
}

Result<ViewSignature> view_signature_from_json(const Json& json, std::string_view where) {
  const auto bad = [where](std::string_view what) {
    return fail(Code::kBadShape, "no signature of a view: " + std::string(what), std::string(where),
                "rtt plan");
  };
  if (!json.is_object() || json.as_object().size() != 2) return bad("it has exactly root and sign");
  const auto root = parse_digest(json.string_or("root"));
  if (!root) return bad("`root` must be sha256-<64 hex digits>");
  const Json* const sign = json.find("sign");
  if (sign == nullptr) return bad("`sign` is missing");
  ViewSignature out{.root = *root, .sign = {}};
  RTT_TRY_SET(out.sign, sign_records_from_json(*sign, where));
  return out;
}

}  // namespace rtt::model
