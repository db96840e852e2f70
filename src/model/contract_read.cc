// SPDX-License-Identifier: Apache-2.0
#include "model/contract_read.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "crypto/sha256.h"
#include "model/limits.h"
#include "text/json_canonical.h"

namespace rtt::model {
namespace {

using text::Json;

constexpr auto kEntryKeys = std::to_array<Key>({{"$schema", Shape::kString},
                                                {"symbol", Shape::kObject, Need::kRequired},
                                                {"agent", Shape::kObject},
                                                {"skill", Shape::kObject},
                                                {"sign", Shape::kAny}});
constexpr auto kFileKeys =
    std::to_array<Key>({{"$schema", Shape::kString}, {"contracts", Shape::kArray, Need::kRequired}});
constexpr auto kSymbolKeys = std::to_array<Key>({{"saddr", Shape::kText, Need::kRequired},
                                                 {"type", Shape::kText, Need::kRequired},
                                                 {"direction", Shape::kText, Need::kRequired},
                                                 {"description", Shape::kString},
                                                 {"tags", Shape::kArray},
                                                 {"annotations", Shape::kObject},
                                                 {"capabilities", Shape::kArray},
                                                 {"inputs", Shape::kArray},
                                                 {"outputs", Shape::kArray},
                                                 {"qos", Shape::kObject},
                                                 {"version_set", Shape::kText},
                                                 {"auth", Shape::kObject},
                                                 {"requires", Shape::kArray},
                                                 {"driver", Shape::kObject}});
constexpr auto kPortKeys =
    std::to_array<Key>({{"name", Shape::kText, Need::kRequired}, {"schema", Shape::kAny, Need::kRequired}});
constexpr auto kQosKeys = std::to_array<Key>({{"latency_budget_ms", Shape::kNumber},
                                              {"throughput_qps", Shape::kNumber},
                                              {"prio", Shape::kInteger},
                                              {"backpressure", Shape::kString}});
constexpr auto kAuthKeys =
    std::to_array<Key>({{"mode", Shape::kString, Need::kRequired}, {"scopes", Shape::kArray}});
constexpr auto kRequireKeys =
    std::to_array<Key>({{"to", Shape::kText, Need::kRequired}, {"optional", Shape::kBool}});
constexpr auto kDriverKeys =
    std::to_array<Key>({{"use", Shape::kText, Need::kRequired}, {"params", Shape::kObject}});
constexpr auto kAgentKeys = std::to_array<Key>({{"name", Shape::kText, Need::kRequired},
                                                {"description", Shape::kString},
                                                {"instructions", Shape::kString},
                                                {"model", Shape::kText},
                                                {"tools", Shape::kArray},
                                                {"skills", Shape::kArray},
                                                {"permissions", Shape::kObject},
                                                {"metadata", Shape::kObject},
                                                {"native", Shape::kObject}});
constexpr auto kSkillKeys = std::to_array<Key>({{"name", Shape::kText, Need::kRequired},
                                                {"description", Shape::kString},
                                                {"instructions", Shape::kString},
                                                {"license", Shape::kString},
                                                {"compatibility", Shape::kString},
                                                {"allowed-tools", Shape::kString},
                                                {"tools", Shape::kArray},
                                                {"skills", Shape::kArray},
                                                {"permissions", Shape::kObject},
                                                {"metadata", Shape::kObject},
                                                {"native", Shape::kObject}});

constexpr std::array<std::string_view, 3> kDirections{"provider", "consumer", "both"};
constexpr std::array<std::string_view, 4> kBackpressures{"taildrop", "mark", "nack", "buffer"};
constexpr std::array<std::string_view, 4> kAuthModes{"none", "token", "mtls", "caps"};

template <typename Take>
void each_item(const Json* array, std::string_view pointer, Take take) {
  if (array == nullptr) return;
  for (std::size_t i = 0; i < array->as_array().size(); ++i) take(array->as_array()[i], child(pointer, i));
}

std::optional<double> read_amount(Document& document, const Json& object, std::string_view key,
                                  std::string_view at) {
  const Json* value = member(object, key, Shape::kNumber);
  if (value == nullptr) return std::nullopt;
  if (value->as_double() < 0)
    document.error(child(at, key), {.message = fmt::format("'{}' is below 0", key)});
  return value->as_double();
}

class EntryReader {
 public:
  EntryReader(Document& document, std::string_view pointer) : document_(document), pointer_(pointer) {}

  void read(const Json& entry, Contract& out) {
    if (!document_.check(entry, pointer_, kEntryKeys)) return;
    read_schema(entry);
    if (const Json* symbol = member(entry, "symbol", Shape::kObject)) read_symbol(*symbol, out);
    read_body(entry, out);
    if (const Json* sign = entry.find("sign")) {
      const std::string at = child(pointer_, "sign");
      auto records = sign_records_from_json(*sign, at);
      if (records) {
        out.signatures = *std::move(records);
      } else {
        document_.error(records.error().where,
                        {.code = records.error().code, .message = records.error().message});
      }
    }
  }

 private:
  void read_schema(const Json& entry) {
    const Json* schema = member(entry, "$schema", Shape::kString);
    if (schema == nullptr) {
      if (entry.find("$schema") == nullptr) {
        document_.error(pointer_, {.message = "no '$schema'",
                                   .hint = fmt::format("add \"$schema\":\"{}\"", kContractSchema)});
      }
      return;
    }
    for (const auto known : {kContractSchema, kAgentSchema, kSkillSchema}) {
      if (schema->as_string() == known) return;
    }
    document_.error(
        child(pointer_, "$schema"),
        {.message = fmt::format("'{}' is no contract schema", schema->as_string().substr(0, 200)),
         .hint = suggest(schema->as_string(), {std::string(kContractSchema), std::string(kAgentSchema),
                                               std::string(kSkillSchema)})});
  }

  void read_symbol(const Json& symbol, Contract& out) {
    const std::string at = child(pointer_, "symbol");
    document_.check(symbol, at, kSymbolKeys);
    if (const Json* saddr = member(symbol, "saddr", Shape::kText)) {
      auto parsed = parse_definition(saddr->as_string());
      if (parsed) {
        out.saddr = *std::move(parsed);
        has_saddr_ = true;
      } else {
        document_.inside_string(Severity::kError, child(at, "saddr"), *saddr, parsed.error());
      }
    }
    if (const Json* type = member(symbol, "type", Shape::kText)) read_type(*type, child(at, "type"), out);
    if (const Json* direction = member(symbol, "direction", Shape::kText)) {
      out.direction = read_enum<Direction>(document_, child(at, "direction"), *direction, kDirections)
                          .value_or(Direction::kProvider);
    }
    read_words(member(symbol, "tags", Shape::kArray), child(at, "tags"));
    read_capabilities(member(symbol, "capabilities", Shape::kArray), child(at, "capabilities"), out);
    out.inputs = read_ports(member(symbol, "inputs", Shape::kArray), child(at, "inputs"));
    out.outputs = read_ports(member(symbol, "outputs", Shape::kArray), child(at, "outputs"));
    if (const Json* qos = member(symbol, "qos", Shape::kObject))
      out.qos = read_qos(document_, *qos, child(at, "qos"));
    if (const Json* set = member(symbol, "version_set", Shape::kText)) read_version_set(*set, at, out);
    if (const Json* auth = member(symbol, "auth", Shape::kObject)) read_auth(*auth, child(at, "auth"), out);
    each_item(member(symbol, "requires", Shape::kArray), child(at, "requires"),
              [&](const Json& item, const std::string& place) {
                if (document_.check(item, place, kRequireKeys)) read_requirement(item, place, out);
              });
    if (const Json* driver = member(symbol, "driver", Shape::kObject)) {
      document_.check(*driver, child(at, "driver"), kDriverKeys);
      const Json* params = member(*driver, "params", Shape::kObject);
      out.driver = DriverUse{.use = std::string(driver->string_or("use")),
                             .params = params != nullptr ? *params : Json(text::JsonObject{})};
    }
  }

  void read_type(const Json& type, const std::string& at, const Contract& out) {
    const auto known = parse_symbol_type(type.as_string());
    if (!known) {
      std::vector<std::string> names;
      for (std::size_t i = 0; i < kSymbolTypeCount; ++i) {
        names.emplace_back(to_string(static_cast<SymbolType>(i)));
      }
      document_.error(at, {.message = fmt::format("'{}' is no symbol type", type.as_string().substr(0, 64)),
                           .hint = suggest(type.as_string(), names)});
    } else if (has_saddr_ && *known != out.saddr.type) {
      document_.error(at, {.message = fmt::format("the type is '{}', the address says '{}'",
                                                  to_string(*known), to_string(out.saddr.type))});
    }
  }

  std::vector<std::string> read_words(const Json* array, const std::string& at) {
    std::vector<std::string> words;
    each_item(array, at, [&](const Json& item, const std::string& place) {
      if (document_.check_shape(item, place, Shape::kText)) words.push_back(item.as_string());
    });
    return words;
  }

  void read_capabilities(const Json* array, const std::string& at, Contract& out) {
    each_item(array, at, [&](const Json& item, const std::string& place) {
      if (!document_.check_shape(item, place, Shape::kText)) return;
      // The address grammar is the judge of what a capability is.
      auto parsed = parse_reference("rtt://a/api/a?caps=" + item.as_string());
      if (!parsed || parsed->caps.size() != 1 || parsed->io) {
        document_.error(place,
                        {.code = Code::kBadAddress,
                         .message = fmt::format("'{}' is no capability", item.as_string().substr(0, 64)),
                         .hint = "a capability is [a-z0-9][a-z0-9._-]*, at most 128 bytes"});
        return;
      }
      out.saddr.caps.push_back(item.as_string());
    });
    std::ranges::sort(out.saddr.caps);
    out.saddr.caps.erase(std::ranges::unique(out.saddr.caps).begin(), out.saddr.caps.end());
    if (out.saddr.caps.size() > limits::kCapabilitiesMax) {
      document_.error(at, {.code = Code::kLimit,
                           .message = fmt::format("more than {} capabilities", limits::kCapabilitiesMax)});
    }
  }

  std::vector<Port> read_ports(const Json* array, const std::string& at) {
    std::vector<Port> ports;
    each_item(array, at, [&](const Json& item, const std::string& place) {
      if (!document_.check(item, place, kPortKeys)) return;
      const Json* schema = item.find("schema");
      if (schema == nullptr) return;
      const bool reference = schema->is_string() && (schema->as_string().starts_with("jsonschema://") ||
                                                     schema->as_string().starts_with("json://"));
      if (!reference && !schema->is_object() && !schema->is_bool()) {
        document_.error(child(place, "schema"),
                        {.message = "'schema' must be a JSON Schema or a jsonschema:// or json:// name"});
      }
      const std::string name(item.string_or("name"));
      if (std::ranges::any_of(ports, [&](const Port& port) { return port.name == name; })) {
        document_.error(child(place, "name"), {.message = fmt::format("a second '{}'", name.substr(0, 64))});
      }
      ports.push_back({.name = name, .schema = *schema});
    });
    return ports;
  }

  void read_version_set(const Json& value, const std::string& at, Contract& out) {
    const std::string place = child(at, "version_set");
    auto range = parse_range(value.as_string());
    if (!range) {
      document_.error(
          place, {.code = range.error().code, .message = range.error().message, .hint = range.error().hint});
      return;
    }
    if (has_saddr_ && !range->contains(*out.saddr.version)) {
      document_.error(place, {.code = Code::kBadVersion,
                              .message = fmt::format("'{}' does not contain the symbol's own version {}",
                                                     range->text(), to_string(*out.saddr.version))});
    }
    out.version_set = *std::move(range);
  }

  void read_auth(const Json& auth, const std::string& at, Contract& out) {
    document_.check(auth, at, kAuthKeys);
    if (const Json* mode = member(auth, "mode", Shape::kString)) {
      out.auth =
          read_enum<AuthMode>(document_, child(at, "mode"), *mode, kAuthModes).value_or(AuthMode::kNone);
    }
    out.scopes = read_words(member(auth, "scopes", Shape::kArray), child(at, "scopes"));
  }

  void read_requirement(const Json& item, const std::string& place, Contract& out) {
    const Json* to = item.is_string() ? &item : member(item, "to", Shape::kText);
    if (to == nullptr) return;
    const std::string at = item.is_string() ? place : child(place, "to");
    auto parsed = parse_reference(to->as_string());
    if (!parsed) {
      document_.inside_string(Severity::kError, at, *to, parsed.error());
      return;
    }
    out.requirements.push_back({.to = *std::move(parsed),
                                .optional = item.bool_or("optional", false),
                                .pointer = place.substr(pointer_.size())});
  }

  void read_body(const Json& entry, Contract& out) {
    for (const auto type : {SymbolType::kAgent, SymbolType::kSkill}) {
      const std::string_view key = to_string(type);
      const Json* body = member(entry, key, Shape::kObject);
      if (body == nullptr) continue;
      const std::string at = child(pointer_, key);
      if (has_saddr_ && out.saddr.type != type) {
        document_.error(
            at, {.message = fmt::format("a symbol of type '{}' has no '{}'", to_string(out.saddr.type), key),
                 .part = text::Part::kKey});
      }
      if (type == SymbolType::kAgent) {
        document_.check(*body, at, kAgentKeys);
      } else {
        document_.check(*body, at, kSkillKeys);
      }
      check_native(document_, *body, at);
      const Json* permissions = member(*body, "permissions", Shape::kObject);
      out.agent = AgentBody{.name = std::string(body->string_or("name")),
                            .description = std::string(body->string_or("description")),
                            .instructions = std::string(body->string_or("instructions")),
                            .model = std::string(body->string_or("model", "inherit")),
                            .permissions = permissions != nullptr ? *permissions : Json(text::JsonObject{})};
      for (const std::string_view list : {"tools", "skills"}) {
        each_item(member(*body, list, Shape::kArray), child(at, list),
                  [&](const Json& item, const std::string& place) {
                    const bool readable = item.is_object() ? document_.check(item, place, kRequireKeys)
                                                           : document_.check_shape(item, place, Shape::kText);
                    if (readable) read_requirement(item, place, out);
                  });
      }
    }
  }

  Document& document_;
  std::string_view pointer_;
  bool has_saddr_ = false;
};

}  // namespace

Qos read_qos(Document& document, const Json& qos, std::string_view pointer) {
  document.check(qos, pointer, kQosKeys);
  Qos out{.latency_budget_ms = read_amount(document, qos, "latency_budget_ms", pointer),
          .throughput_qps = read_amount(document, qos, "throughput_qps", pointer)};
  if (const Json* prio = member(qos, "prio", Shape::kInteger)) {
    read_amount(document, qos, "prio", pointer);
    out.prio = prio->as_int();
  }
  if (const Json* way = member(qos, "backpressure", Shape::kString)) {
    out.backpressure =
        read_enum<Backpressure>(document, child(pointer, "backpressure"), *way, kBackpressures);
  }
  return out;
}

std::optional<Contract> read_entry(Document& document, Json entry, std::string_view pointer,
                                   std::string_view schema) {
  const std::size_t errors = document.errors();
  if (entry.is_object() && entry.find("$schema") == nullptr && !schema.empty()) entry.set("$schema", schema);
  Contract out;
  EntryReader(document, pointer).read(entry, out);
  if (document.errors() != errors) return std::nullopt;
  entry.as_object().erase(std::string_view("sign"));
  out.object = std::move(entry);
  const std::string signed_text = text::canonical_json(out.object);
  if (signed_text.size() > limits::kManifestBytesMax) {
    document.error(pointer, {.code = Code::kTooLarge,
                             .message = fmt::format("{} bytes as it is signed; {} are the most",
                                                    signed_text.size(), limits::kManifestBytesMax),
                             .hint = "a quote, a backslash or a line break is two there"});
    return std::nullopt;
  }
  out.hash = crypto::sha256(signed_text);
  return out;
}

ReadOutcome read_manifest(std::string_view text, std::string_view file, Strictness strictness) {
  ReadOutcome out;
  auto parsed = text::parse_json(text, {.source_name = file, .bytes_max = limits::kManifestBytesMax});
  if (!parsed) {
    out.problems.push_back(problem_from(parsed.error(), file));
    return out;
  }
  Document document({.text = text, .file = file, .strictness = strictness});
  const Json* contracts = parsed->find("contracts");
  if (contracts == nullptr) {
    if (auto one = read_entry(document, *std::move(parsed), "", "")) out.contracts.push_back(*std::move(one));
  } else if (document.check(*parsed, "", kFileKeys) && contracts->is_array()) {
    const auto& entries = contracts->as_array();
    if (entries.size() > limits::kContractsPerFileMax) {
      document.error("/contracts",
                     {.code = Code::kLimit,
                      .message = fmt::format("more than {} contracts", limits::kContractsPerFileMax)});
    } else {
      const std::string_view schema = parsed->string_or("$schema");
      for (std::size_t i = 0; i < entries.size(); ++i) {
        auto one = read_entry(document, entries[i], child("/contracts", i), schema);
        if (one) out.contracts.push_back(*std::move(one));
      }
    }
  }
  out.problems = document.take_problems();
  return out;
}

Result<Contract> contract_from_object(Json object, std::string_view name) {
  Document document({.file = name, .strictness = Strictness::kRelaxed});
  auto contract = read_entry(document, std::move(object), "", "");
  if (contract) return *std::move(contract);
  return std::unexpected(document.first_error());
}

}  // namespace rtt::model
