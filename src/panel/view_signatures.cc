// SPDX-License-Identifier: Apache-2.0
#include "panel/view_signatures.h"

#include <fmt/format.h>

#include <algorithm>

#include "os/file.h"
#include "panel/shown_views.h"
#include "registry/identity.h"
#include "registry/snapshot.h"
#include "text/json_canonical.h"

namespace rtt::panel {
namespace {

using crypto::Verdict;
using model::View;
using model::ViewSignature;
using registry::Workspace;

constexpr std::string_view kSuffix = ".sig.json";

std::string folder_of(const Workspace& workspace) { return workspace.dot("registry/views/signed"); }

// Nothing where there is no file.
Result<std::optional<ViewSignature>> read_signature(const std::string& path, const Digest& root) {
  if (!os::exists(path)) return std::optional<ViewSignature>();
  RTT_TRY_SET(const std::string text, os::read_file(path, kViewSignatureBytesMax));
  RTT_TRY_SET(const text::Json json,
              text::parse_json(text, {.source_name = path, .bytes_max = kViewSignatureBytesMax}));
  RTT_TRY_SET(ViewSignature signature, model::view_signature_from_json(json, path));
  if (signature.root != root)
    return fail(Code::kBadSignature, "it is one over another view than its name says", path, "rtt plan");
  return std::optional(std::move(signature));
}

Status write_signatures(const Workspace& workspace, const std::vector<ViewSignature>& signatures) {
  if (signatures.empty()) return {};
  RTT_TRY(os::make_directories(folder_of(workspace)));
  std::vector<os::NewFile> files;
  for (const ViewSignature& one : signatures)
    files.push_back({view_signature_path(workspace, one.root), text::canonical_json(model::to_json(one))});
  return os::write_all(files);
}

Verdict verdict_of(const crypto::Keyring& keyring, const ViewSignature& signature) {
  return keyring.check(crypto::SignKind::kView, signature.root, signature.sign).verdict;
}

// Why a signature does not count. `whose`: "the view of codex".
Error refusal(const crypto::Keyring::Outcome& outcome, const std::string& whose, const std::string& where) {
  switch (outcome.verdict) {
    case Verdict::kTrusted:
      break;
    case Verdict::kUnsigned:
      return {
          .code = Code::kUnsigned, .message = whose + " is not signed", .where = where, .hint = "rtt plan"};
    case Verdict::kUnknownSigner:
      return {.code = Code::kUnknownSigner,
              .message = fmt::format("{} is signed by {}, a key not trusted here", whose, outcome.signer),
              .where = where,
              .hint = "rtt plan, or rtt keys trust " + outcome.signer};
    case Verdict::kRevokedSigner:
      return {.code = Code::kRevokedSigner,
              .message = fmt::format("{} is signed by {}, which is revoked", whose, outcome.signer),
              .where = where,
              .hint = "rtt plan"};
    case Verdict::kBadSignature:
      return {.code = Code::kBadSignature,
              .message = fmt::format("the signature over {} does not verify", whose),
              .where = where,
              .hint = "rtt plan"};
  }
  return {.code = Code::kInternal, .message = "unknown verdict", .where = where, .hint = {}};
}

// Whether a view without a signature that counts may be shown. What is in force says so; it is asked once,
// and only where a view needs it.
class Leniency {
 public:
  Leniency(const Workspace& workspace, const std::vector<std::string>& trust_keys)
      : workspace_(workspace), trust_keys_(trust_keys) {}
  bool on() {
    if (!known_) {
      const auto snapshot = registry::load_snapshot(
          workspace_, {.trust_keys = trust_keys_, .store = registry::LoadOptions::Store::kReadOnly});
      known_ = snapshot && snapshot->panel.strictness != model::Strictness::kStrict;
    }
    return *known_;
  }

 private:
  const Workspace& workspace_;
  const std::vector<std::string>& trust_keys_;
  std::optional<bool> known_;
};

// Why the view of a provider is not to be shown.
std::optional<Error> reason(const Workspace& workspace, const View& view, const crypto::Keyring& keyring,
                            Leniency& leniency) {
  const std::string path = view_signature_path(workspace, view.root);
  auto signature = read_signature(path, view.root);
  if (!signature) {
    Error why = std::move(signature).error();
    why.code = Code::kBadSignature;  // whatever it is now, it vouches for nothing
    why.hint = "rtt plan";
    return why;
  }
  const auto outcome = *signature ? keyring.check(crypto::SignKind::kView, view.root, (*signature)->sign)
                                  : crypto::Keyring::Outcome{};
  const bool nobody = outcome.verdict == Verdict::kUnsigned || outcome.verdict == Verdict::kUnknownSigner;
  if (outcome.verdict == Verdict::kTrusted || (nobody && leniency.on())) return std::nullopt;
  return refusal(outcome, "the view of " + view.provider, path);
}

}  // namespace

std::string view_signature_path(const Workspace& workspace, const Digest& root) {
  return fmt::format("{}/{}{}", folder_of(workspace), bare_hex(root), kSuffix);
}

std::vector<ViewSignature> signatures_of(const std::vector<View>& views, const crypto::SecretKey& key) {
  std::vector<ViewSignature> out;
  for (const View& view : views)
    out.push_back({.root = view.root, .sign = {crypto::sign(key, crypto::SignKind::kView, view.root)}});
  std::ranges::sort(out, {}, &ViewSignature::root);
  const auto rest = std::ranges::unique(out);  // two providers may be shown the same
  out.erase(rest.begin(), rest.end());
  return out;
}

Status sign_views(const Workspace& workspace, const std::vector<View>& views, const crypto::SecretKey& key) {
  if (views.empty()) return {};
  RTT_TRY_SET(const crypto::Keyring keyring, registry::load_keyring(workspace));
  std::vector<ViewSignature> wanted = signatures_of(views, key);
  std::erase_if(wanted, [&](const ViewSignature& signature) {
    const auto there = read_signature(view_signature_path(workspace, signature.root), signature.root);
    return there && *there && verdict_of(keyring, **there) == Verdict::kTrusted;
  });
  return write_signatures(workspace, wanted);
}

Status take_view_signatures(const Workspace& workspace, const model::SealedPlan& sealed,
                            const std::string& path, const std::vector<std::string>& trust_keys) {
  if (sealed.view_signatures.empty()) return {};
  RTT_TRY_SET(const crypto::Keyring keyring, registry::load_keyring(workspace, trust_keys));
  RTT_TRY_SET(const crypto::Keyring lasting, registry::load_keyring(workspace));
  std::vector<ViewSignature> taken;
  for (ViewSignature signature : sealed.view_signatures) {
    if (os::exists(view_signature_path(workspace, signature.root))) continue;
    const auto outcome = keyring.check(crypto::SignKind::kView, signature.root, signature.sign);
    if (outcome.verdict != Verdict::kTrusted) {
      return std::unexpected(
          refusal(outcome, fmt::format("the view {} of this plan", to_string(signature.root)), path));
    }
    if (verdict_of(lasting, signature) != Verdict::kTrusted) {
      RTT_TRY_SET(const crypto::SecretKey key, registry::load_own_key(workspace.user_dir));
      signature.sign.push_back(crypto::sign(key, crypto::SignKind::kView, signature.root));
    }
    taken.push_back(std::move(signature));
  }
  return write_signatures(workspace, taken);
}

std::vector<RefusedView> refused_views(const Workspace& workspace, const std::vector<View>& views,
                                       const std::vector<std::string>& trust_keys) {
  std::vector<RefusedView> out;
  if (views.empty()) return out;
  const auto keyring = registry::load_keyring(workspace, trust_keys);
  Leniency leniency(workspace, trust_keys);
  for (const View& view : views) {
    auto why = keyring ? reason(workspace, view, *keyring, leniency) : std::optional(keyring.error());
    if (why) out.push_back({view, *std::move(why)});
  }
  return out;
}

Status must_be_signed(const Workspace& workspace, const std::vector<View>& views) {
  std::vector<RefusedView> refused = refused_views(workspace, views);
  if (refused.empty()) return {};
  return std::unexpected(std::move(refused.front().why));
}

Status keep_signatures(const Workspace& workspace, const std::vector<Digest>& roots) {
  const auto names = os::list_directory(folder_of(workspace));
  for (const std::string& name : names ? *names : std::vector<std::string>{}) {
    const auto root =
        name.ends_with(kSuffix) ? parse_bare_hex(name.substr(0, name.size() - kSuffix.size())) : std::nullopt;
    if (!root || std::ranges::find(roots, *root) != roots.end()) continue;
    RTT_TRY(os::remove_file(folder_of(workspace) + "/" + name));
  }
  return {};
}

Status verify_views(const Workspace& workspace, const crypto::Keyring& keys, registry::VerifyReport& report) {
  const auto bad = [&](const std::string& name, const std::string& file, std::string reason) {
    report.bad.push_back({.hash = name, .file = file, .reason = std::move(reason)});
  };
  const auto signatures = os::list_directory(folder_of(workspace));
  for (const std::string& file : signatures ? *signatures : std::vector<std::string>{}) {
    const std::string path = folder_of(workspace) + "/" + file;
    const std::string name = file.substr(0, file.find('.'));
    const auto root = parse_bare_hex(name);
    ++report.objects;
    if (!root || name + std::string(kSuffix) != file) {
      bad(name, path, "is not named for a root");
      continue;
    }
    const auto signature = read_signature(path, *root);
    if (!signature) {
      bad(to_string(*root), path, signature.error().message);
    } else if (*signature && verdict_of(keys, **signature) == Verdict::kBadSignature) {
      bad(to_string(*root), path, "its signature does not verify");
    }
  }
  const views::TreeStore store = tree_store(workspace);
  const auto trees = os::list_directory(store.folder() + "/trees");
  for (const std::string& name : trees ? *trees : std::vector<std::string>{}) {
    const auto root = parse_bare_hex(name);
    if (!root) continue;  // one that is being made
    ++report.objects;
    if (const auto tree = store.read(*root); !tree)
      bad(to_string(*root), store.path_of(*root), tree.error().message);
  }
  return {};
}

}  // namespace rtt::panel
