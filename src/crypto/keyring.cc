// SPDX-License-Identifier: Apache-2.0
#include "crypto/keyring.h"

namespace rtt::crypto {

void Keyring::add(KeyEntry entry) {
  std::string id = key_id(entry.key);
  const KeyEntry* known = keys_.find(id);
  if (known != nullptr && known->key != entry.key) return;
  entry.revoked = entry.revoked || revoked_.contains(id);
  if (entry.revoked) revoked_.set(id, Revoked{});
  keys_.set(std::move(id), std::move(entry));
}

void Keyring::revoke(std::string_view key_id) {
  revoked_.set(std::string(key_id), Revoked{});
  if (KeyEntry* entry = keys_.find(key_id)) entry->revoked = true;
}

const KeyEntry* Keyring::find(std::string_view key_id) const { return keys_.find(key_id); }

Verdict Keyring::judge(const SignRecord& record, ByteView message) const {
  const KeyEntry* entry = keys_.find(record.key_id);
  if (entry == nullptr)
    return revoked_.contains(record.key_id) ? Verdict::kRevokedSigner : Verdict::kUnknownSigner;
  if (!verify_(entry->key, message, record.signature)) return Verdict::kBadSignature;
  return entry->revoked ? Verdict::kRevokedSigner : Verdict::kTrusted;
}

Keyring::Outcome Keyring::check(SignKind kind, const Digest& hash,
                                const std::vector<SignRecord>& records) const {
  Outcome best;
  const std::string message = signing_message(kind, hash);
  for (const SignRecord& record : records) {
    const Verdict verdict = judge(record, as_bytes(message));
    if (&record != &records.front() && verdict >= best.verdict) continue;
    best = {.verdict = verdict, .signer = record.key_id};
    if (verdict == Verdict::kTrusted) break;
  }
  return best;
}

SignRecord sign(const SecretKey& key, SignKind kind, const Digest& hash) {
  return {.key_id = key_id(key.public_key()), .signature = key.sign(as_bytes(signing_message(kind, hash)))};
}

}  // namespace rtt::crypto
