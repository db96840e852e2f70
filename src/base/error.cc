// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/assert.h"

namespace rtt {
namespace {

using enum Code;

constexpr auto kCodes = std::to_array<CodeInfo>({
    {kUnknownVerb, Exit::kUsage, "no such command",
     "The first word after `rtt` is not one of its verbs. `rtt --help` lists them."},
    {kUnknownFlag, Exit::kUsage, "no such flag",
     "This verb does not take that flag. `rtt VERB --help` lists what it takes."},
    {kBadArgument, Exit::kUsage, "unusable argument",
     "An argument is missing, is too many, or has the wrong form for this verb."},
    {kNeedsConsent, Exit::kRefused, "consent needed",
     "The verb changes something a person must agree to. Run it at a terminal, or add --yes after reading "
     "what it shows. An agent's change needs a plan that a person signed at a terminal: rtt sign PLAN_ID."},
    {kNotFound, Exit::kFailed, "not found",
     "No symbol, route, server or file has that name. The nearest existing one is offered."},
    {kAmbiguous, Exit::kUsage, "several match",
     "A short name fits more than one symbol. Write the full address."},
    {kBadRoute, Exit::kUsage, "not a route",
     "A route is two addresses, `A B` or one quoted word 'A -> B'. Unquoted, the shell takes `> B` as a "
     "redirection."},
    {kJsonSyntax, Exit::kFailed, "not JSON", "The text is not RFC 8259 JSON at the place named."},
    {kJsonDuplicateKey, Exit::kFailed, "duplicate key",
     "One object names a key twice. Readers disagree about which one counts, so RTT refuses it."},
    {kJsonDepth, Exit::kFailed, "nested too deeply", "JSON deeper than 64 levels is refused."},
    {kJsonNumber, Exit::kFailed, "number out of range",
     "Integers beyond ±(2^53−1) and numbers that overflow a double have no exact canonical form. Write such "
     "a value as a string."},
    {kJsonEncoding, Exit::kFailed, "not UTF-8",
     "The text has a byte order mark, invalid UTF-8 or a lone surrogate."},
    {kTooLarge, Exit::kFailed, "too large",
     "The file or message is larger than RTT reads of its kind (a manifest: 1 MiB)."},
    {kYamlSyntax, Exit::kFailed, "not usable YAML",
     "The text is not YAML, or uses a feature RTT refuses: tags, merge keys, duplicate keys, several "
     "documents."},
    {kBadAddress, Exit::kFailed, "not an address",
     "An address is rtt://<namespace>/<type>/<name>[@version][#variant][?caps=…&io=…]."},
    {kBadVersion, Exit::kFailed, "not a version",
     "Versions are SemVer 2.0.0, ranges use node-semver's grammar."},
    {kUnknownKey, Exit::kFailed, "unknown key",
     "Strict mode refuses keys it does not know, because a misspelt key is a rule that silently does not "
     "hold."},
    {kBadShape, Exit::kFailed, "wrong shape", "A value has the wrong type or a required one is missing."},
    {kBadFrontMatter, Exit::kFailed, "front matter unusable",
     "A Markdown agent or skill starts with `---`, YAML, `---`."},
    {kTomlSyntax, Exit::kFailed, "not usable TOML",
     "The text is not TOML 1.0. An AI client that reads the file refuses it too; mend it there."},
    {kPatchFailed, Exit::kFailed, "patch does not fit",
     "A JSON patch names a place that the document does not have, or one of its tests does not hold. Nothing "
     "of it was applied; its operation is named."},
    {kNoWorkspace, Exit::kFailed, "no workspace here",
     "No .rtt folder in this directory or above it. `rtt init` makes one."},
    {kBadWorkspace, Exit::kFailed, "workspace unusable",
     "The .rtt folder misses something it needs or cannot be written."},
    {kDuplicateDefinition, Exit::kFailed, "defined twice", "Two files define the same symbol. Keep one."},
    {kEscapes, Exit::kFailed, "leads outside", "A path leaves its root through `..` or a symbolic link."},
    {kNotRegular, Exit::kFailed, "not a regular file",
     "A FIFO, socket, device or directory stands where a file is expected."},
    {kBadConfig, Exit::kFailed, "configuration refused",
     "A configuration file has errors. RTT refuses it as a whole rather than run on half of it."},
    {kNameClash, Exit::kFailed, "names clash",
     "Two servers become the same namespace. Rename one in its configuration."},
    {kUnsigned, Exit::kRefused, "unsigned",
     "Strict mode uses signed objects only. Look at it, then `rtt sign PATH`."},
    {kUnknownSigner, Exit::kRefused, "unknown signer",
     "Signed by a key this user has not accepted here. `rtt keys trust` shows and accepts it."},
    {kRevokedSigner, Exit::kRefused, "revoked signer",
     "Signed by a key that was revoked. Sign it again with a valid key."},
    {kBadSignature, Exit::kRefused, "bad signature",
     "The signature does not verify over this object: it or the signature was changed."},
    {kChangedUnsigned, Exit::kRefused, "changed since signed",
     "The file changed after it was signed; its last signed version stays in force. `rtt sign PATH` shows "
     "the change and signs it."},
    {kTampered, Exit::kCorrupt, "altered on disk",
     "Stored bytes do not have the hash they are stored under. `rtt registry verify` lists all such "
     "objects."},
    {kDenied, Exit::kRefused, "policy denies it",
     "No allow rule covers this pair, or a deny rule does. The rule is named."},
    {kNoPrivateKey, Exit::kRefused, "no signing key",
     "This user has no private key yet. `rtt keys new` makes one."},
    {kDrift, Exit::kRefused, "tool changed",
     "The server now describes the tool differently from what was accepted. `rtt mcp diff` shows how, `rtt "
     "mcp accept` takes the new one."},
    {kSecretMissing, Exit::kRefused, "secret missing",
     "An object names a secret that this user's secret store does not hold."},
    {kForeignPlan, Exit::kRefused, "plan not trusted",
     "The plan carries no signature of a key trusted here."},
    {kNeedsLogin, Exit::kRefused, "login needed",
     "The MCP server wants a person to log in, again or for more than this login reaches. `rtt mcp login "
     "NAME` "
     "does it; its tools stay listed until then."},
    {kEditConflict, Exit::kRefused, "edit not taken",
     "What a client's file says now cannot become a change of its item: the workspace changed the same, an "
     "overlay says it, or the client would not be shown it again. `rtt view diff` lists what was edited."},
    {kNoProvider, Exit::kFailed, "nothing provides it", "No known symbol satisfies the reference."},
    {kTypeMismatch, Exit::kFailed, "types do not fit", "The two symbol types cannot be wired this way."},
    {kVersionMeet, Exit::kFailed, "no common version",
     "The asked range, the provider's versions and the consumer's version_set have no version in common."},
    {kCapabilityMeet, Exit::kFailed, "capability missing",
     "The provider lacks a capability that is asked for."},
    {kPinUnmet, Exit::kFailed, "pin unmet",
     "A pin rule binds this route to a provider that cannot serve it."},
    {kQosUnmet, Exit::kFailed, "budget unmet", "The predicted latency is over the route's budget."},
    {kCycle, Exit::kFailed, "circular requirement",
     "Symbols require each other in a circle; the circle is printed."},
    {kSchemaMismatch, Exit::kFailed, "schemas differ",
     "Both ends name payload schemas and they are not equal."},
    {kDirection, Exit::kFailed, "wrong direction", "A route goes from a consumer to a provider."},
    {kStalePlan, Exit::kRefused, "plan is stale",
     "The committed graph is no longer the one the plan starts from. Plan again."},
    {kRuleConflict, Exit::kFailed, "rules contradict",
     "Two rules of equal weight say different things; both are named."},
    {kPlanTooLarge, Exit::kFailed, "plan too large", "More routes or candidates than one plan may hold."},
    {kJournalDamaged, Exit::kCorrupt, "journal damaged",
     "A record in the middle of the journal does not verify. RTT will not build on it; restore the segment "
     "from a backup."},
    {kTornTail, Exit::kCorrupt, "torn tail",
     "The last record was cut short by a crash. Starting the panel sets the bytes aside and goes on."},
    {kNotACommit, Exit::kUsage, "not a commit",
     "Only a COMMIT can be rolled back to. The nearest one is named."},
    {kRolledBack, Exit::kRolledBack, "rolled back by itself",
     "A step of the apply failed; everything was put back as it was."},
    {kNack, Exit::kFailed, "participant refused",
     "A driver refused to prepare its part of the plan; the step and reason are named."},
    {kApplyBusy, Exit::kFailed, "another apply runs", "One change of the graph at a time."},
    {kPanelDown, Exit::kNoPanel, "panel not reachable",
     "The workspace's panel could not be reached or started. `rtt doctor` looks for the cause."},
    {kPanelProtocol, Exit::kNoPanel, "panel speaks otherwise",
     "The panel answered something this program does not understand; it may be another version. `rtt panel "
     "stop` and try again."},
    {kFrame, Exit::kFailed, "bad frame", "Bytes on a lane are not a valid frame."},
    {kLost, Exit::kFailed, "connection lost",
     "The other end went away while a call was under way. The call may or may not have run; it is not "
     "repeated."},
    {kDeadline, Exit::kFailed, "deadline passed", "No answer came in time."},
    {kBusy, Exit::kFailed, "busy", "A limit of work under way is reached, or a lock is held."},
    {kCancelled, Exit::kFailed, "cancelled", "The caller withdrew the call."},
    {kNotOwner, Exit::kRefused, "not the owner", "The socket's other end runs as another user."},
    {kDriverStart, Exit::kFailed, "driver did not start", "The driver's program could not be started."},
    {kDriverProtocol, Exit::kFailed, "driver speaks otherwise",
     "The driver sent something that is not its protocol."},
    {kDriverFailed, Exit::kFailed, "driver failed", "The driver reported a failure of its own."},
    {kToolFailed, Exit::kFailed, "tool failed", "The tool ran and reported an error; its own words follow."},
    {kServerStart, Exit::kFailed, "server did not start",
     "The MCP server's program could not be started or did not answer initialize. `rtt mcp logs NAME` shows "
     "what it printed."},
    {kServerProtocol, Exit::kFailed, "server speaks otherwise",
     "The MCP server sent something that is not MCP."},
    {kServerGone, Exit::kFailed, "server went away",
     "The MCP server ended or hung up while a call was under way."},
    {kUnknownTool, Exit::kFailed, "no such tool", "The server does not offer that tool, or policy hides it."},
    {kServerDown, Exit::kFailed, "server is set aside",
     "The MCP server failed several times in a row. Its tools are in no list and calls of them are answered "
     "with "
     "this at once, until a try that RTT makes from time to time goes well. `rtt mcp logs NAME` has what it "
     "said, "
     "`rtt mcp restart NAME` lets it be called again at once."},
    {kIo, Exit::kFailed, "input or output failed",
     "The system refused a file or socket operation; its words follow."},
    {kNoSpace, Exit::kFailed, "no space left",
     "The disk, or a quota on it, is full. Nothing was half written."},
    {kPermission, Exit::kFailed, "permission denied", "This user may not do that here."},
    {kLimit, Exit::kFailed, "limit reached", "A stated limit of RTT is reached."},
    {kInternal, Exit::kFailed, "internal error", "A bug in RTT. Please report the message."},
    {kCryptoFailed, Exit::kFailed, "key unusable", "A key file is damaged or has the wrong form."},
});

}  // namespace

std::span<const CodeInfo> all_codes() { return kCodes; }

const CodeInfo& code_info(Code code) {
  const auto at = std::lower_bound(kCodes.begin(), kCodes.end(), code,
                                   [](const CodeInfo& info, Code wanted) { return info.code < wanted; });
  RTT_ASSERT(at != kCodes.end() && at->code == code);
  return *at;
}

Exit exit_status(Code code) { return code_info(code).exit; }

std::string code_name(Code code) {
  std::array<char, 16> buffer{};
  const int length = std::snprintf(buffer.data(), buffer.size(), "RTT%04d", static_cast<int>(code));
  return {buffer.data(), static_cast<std::size_t>(length)};
}

Error Error::in(std::string context) && {
  causes.insert(causes.begin(), std::move(message));
  if (causes.size() > kErrorCausesMax) causes.resize(kErrorCausesMax);
  message = std::move(context);
  return std::move(*this);
}
Error Error::at(std::string new_where) && {
  where = std::move(new_where);
  return std::move(*this);
}
Error Error::hinting(std::string new_hint) && {
  hint = std::move(new_hint);
  return std::move(*this);
}

}  // namespace rtt
