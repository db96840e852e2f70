// SPDX-License-Identifier: Apache-2.0
// Contract: what a symbol promises and needs, as written in a manifest (docs/formats/contract.md).
//
// A contract is read once into this value; its identity and hash come from `object`, the canonical JSON it
// was read from without `sign`, so nothing RTT does not understand is lost. Reading is table driven and
// reports every problem with a JSON pointer turned into line:column. Unknown keys are an error in strict
// mode, a warning otherwise.
//
// Thread: any (values).   Fails: problems are listed, not thrown; a contract with an error is not returned.
// Limits: kManifestBytesMax, kContractsPerFileMax.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "crypto/keyring.h"
#include "model/problem.h"
#include "model/saddr.h"
#include "text/json.h"

namespace rtt::model {

enum class Direction : std::uint8_t { kProvider, kConsumer, kBoth };
std::string_view to_string(Direction direction);

enum class Backpressure : std::uint8_t { kTaildrop, kMark, kNack, kBuffer };
enum class AuthMode : std::uint8_t { kNone, kToken, kMtls, kCaps };
enum class Strictness : std::uint8_t { kStrict, kRelaxed };

struct Port {  // one entry of inputs or outputs
  std::string name;
  text::Json schema;  // an inline JSON Schema or a "jsonschema://…"/"json://…" string
  friend bool operator==(const Port&, const Port&) = default;
};

struct Qos {
  std::optional<double> latency_budget_ms;
  std::optional<double> throughput_qps;
  std::optional<std::int64_t> prio;
  std::optional<Backpressure> backpressure;
  friend bool operator==(const Qos&, const Qos&) = default;
};
text::Json to_json(const Qos& qos);

// Something this symbol wants wired: an agent's tool or skill, a contract's `requires`.
struct Requirement {
  Saddr to;  // a reference
  bool optional = false;
  std::string pointer;  // where in the manifest, for messages
  friend bool operator==(const Requirement&, const Requirement&) = default;
};

struct DriverUse {
  std::string use;    // process, file, http, mcp, …
  text::Json params;  // object
  friend bool operator==(const DriverUse&, const DriverUse&) = default;
};

struct AgentBody {
  std::string name, description, instructions, model;
  text::Json permissions;
  friend bool operator==(const AgentBody&, const AgentBody&) = default;
};

struct Contract {
  Saddr saddr;  // definition; caps are the contract's capabilities
  Direction direction = Direction::kProvider;
  std::vector<Port> inputs, outputs;
  Qos qos;
  std::optional<Range> version_set;
  AuthMode auth = AuthMode::kNone;
  std::vector<std::string> scopes;
  std::vector<Requirement> requirements;
  std::optional<DriverUse> driver;
  std::optional<AgentBody> agent;              // type agent (and skill: instructions = the body)
  text::Json object;                           // canonical object: one contract, no `sign`
  Digest hash;                                 // SHA-256 of canonical_json(object)
  std::vector<crypto::SignRecord> signatures;  // found inline (`sign`)

  [[nodiscard]] bool provides() const { return direction != Direction::kConsumer; }
  [[nodiscard]] bool consumes() const { return direction != Direction::kProvider; }
};

struct ReadOutcome {
  std::vector<Contract> contracts;
  std::vector<Problem> problems;
};

// A JSON manifest: one contract, `{"contracts":[…]}`, or an agent/skill document. `file` names it in
// problems.
ReadOutcome read_manifest(std::string_view text, std::string_view file, Strictness strictness);
// `agents/**/*.md` and `skills/**/SKILL.md`: YAML front matter + body. The canonical object is the JSON form.
ReadOutcome read_markdown(std::string_view text, std::string_view file, SymbolType type,
                          Strictness strictness);
// "file:line" of what is written at `pointer` of the JSON form the file stands for, or of the nearest thing
// around it that is written.
std::string place_in_file(std::string_view text, std::string_view file, std::string_view pointer);
// A stored object back into a contract (already verified bytes; problems are an error here).
Result<Contract> contract_from_object(text::Json object, std::string_view name);

// A consumer that nobody authors, since RTT is it: the command line `rtt://local/proc/cli@0.0.0`, or an AI
// client `rtt://client/agent/NAME@0.0.0`. Its contract is the same on every machine. Nothing for any other
// reference.
std::optional<Contract> built_in_consumer(const Saddr& reference);

text::Json sign_records_to_json(const std::vector<crypto::SignRecord>& records);
Result<std::vector<crypto::SignRecord>> sign_records_from_json(const text::Json& json,
                                                               std::string_view where);

// Whether a value of schema `from` may be given where `to` is asked: equal canonical JSON.
[[nodiscard]] bool schemas_equal(const text::Json& from, const text::Json& to);

}  // namespace rtt::model
