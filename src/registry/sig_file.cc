// SPDX-License-Identifier: Apache-2.0
// The record {"id","hash","supersedes","sign"}: in `<hash>.sig.json` and, as an array, in `F.sig`.
#include <algorithm>

#include "crypto/sha256.h"
#include "model/contract.h"
#include "registry/object_store.h"
#include "text/json_canonical.h"

namespace rtt::registry {

using text::Json;

Digest object_hash(const Json& object) {
  if (object.find("sign") == nullptr) return crypto::sha256(text::canonical_json(object));
  Json unsigned_object = object;
  unsigned_object.as_object().erase("sign");
  return crypto::sha256(text::canonical_json(unsigned_object));
}

Json to_json(const SigFile& signature) {
  return Json::object({{"id", signature.id},
                       {"hash", to_string(signature.hash)},
                       {"supersedes", signature.supersedes ? Json(to_string(*signature.supersedes)) : Json()},
                       {"sign", model::sign_records_to_json(signature.sign)}});
}

Result<SigFile> sig_file_from_json(const Json& json, std::string_view where) {
  const auto bad = [where](std::string_view what) {
    return fail(Code::kBadShape, "not a signature record: " + std::string(what), std::string(where),
                "rtt sign PATH");
  };
  if (!json.is_object() || json.as_object().size() != 4)
    return bad("it has exactly id, hash, supersedes and sign");
  const Json* id = json.find("id");
  const Json* supersedes = json.find("supersedes");
  const Json* sign = json.find("sign");
  if (id == nullptr || !id->is_string() || id->as_string().empty()) return bad("`id` must be text");
  const auto hash = parse_digest(json.string_or("hash"));
  if (!hash) return bad("`hash` must be sha256-<64 hex digits>");
  SigFile file{.id = id->as_string(), .hash = *hash, .supersedes = std::nullopt, .sign = {}};
  if (supersedes == nullptr) return bad("`supersedes` is missing");
  if (!supersedes->is_null()) {
    file.supersedes = supersedes->is_string() ? parse_digest(supersedes->as_string()) : std::nullopt;
    if (!file.supersedes) return bad("`supersedes` must be null or sha256-<64 hex digits>");
    if (*file.supersedes == file.hash) return bad("it supersedes itself");
  }
  if (sign == nullptr) return bad("`sign` is missing");
  RTT_TRY_SET(file.sign, model::sign_records_from_json(*sign, where));
  std::ranges::sort(file.sign);
  const auto rest = std::ranges::unique(file.sign);
  file.sign.erase(rest.begin(), rest.end());
  return file;
}

}  // namespace rtt::registry
