// SPDX-License-Identifier: Apache-2.0
// Calls: opening a link between a caller and a provider's driver host, and the MCP verbs that the gateway
// answers.
#include <fmt/format.h>

#include <algorithm>

#include "apply/records.h"
#include "model/policy.h"
#include "panel/endpoint.h"
#include "panel/mcp_rows.h"
#include "panel/rows.h"
#include "panel/state.h"

namespace rtt::panel {
namespace {

using model::kCommandLine;
using registry::Standing;
using Store = registry::LoadOptions::Store;
using text::Json;

constexpr std::string_view kGateway = "mcp";
// Links outside the planned graph: the high half of the id space, so that they never look like a planned
// route.
constexpr std::uint32_t kUnplanned = 0x8000'0000;
constexpr int kLinkTries = 3;

}  // namespace

// The provider a person means by `word`, if the caller may use it.
Result<model::Contract> Panel::State::callable(const std::string& word, const model::Saddr& caller) {
  RTT_TRY_SET(const registry::KnownSnapshot::Shared in_force, known_snapshot.in_force(Store::kImportSigned));
  const registry::Snapshot& snapshot = *in_force;
  RTT_TRY_SET(const Endpoint found, find_endpoint(snapshot, word, Side::kProvider));
  const registry::SymbolEntry* const best = found.entry;
  const auto verdict = model::access(snapshot.policy, caller, best->contract.saddr);
  if (!verdict.allowed) {
    const std::string pair = model::identity(caller) + " -> " + model::identity(best->contract.saddr);
    // "deny .rtt/policy.json:7" names its place; "default deny" has none but the route.
    const std::size_t place = verdict.rule.find(".rtt/");
    return fail(Code::kDenied, fmt::format("{}: {}", pair, verdict.rule),
                place == std::string::npos ? pair : verdict.rule.substr(place),
                fmt::format("rtt policy why '{}'", pair));
  }
  // The bytes that were signed are the bytes that are used: a store altered on disk is found here.
  if (best->standing != Standing::kAllowedUnsigned) {
    contracts.erase(best->contract.hash);
    RTT_TRY_SET(const SharedContract stored, contract(best->contract.hash));
    return *stored;
  }
  return best->contract;
}

namespace {

Json call_refused(const Error& why) {
  return apply::to_json(apply::AuditRecord{
      "refused", std::string(kCommandLine),
      Json::object({{"code", code_name(why.code)}, {"reason", why.message}, {"verb", "call"}})});
}

}  // namespace

// The definitions in force that a program may attach as: for each name a provider, or else a consumer.
Result<std::vector<model::Contract>> Panel::State::attachable(const std::vector<std::string>& references) {
  RTT_TRY_SET(const registry::KnownSnapshot::Shared snapshot, known_snapshot.in_force(Store::kReadOnly));
  std::vector<model::Contract> meant;
  for (const std::string& reference : references) {
    auto found = find_endpoint(*snapshot, reference, Side::kProvider);
    if (!found) found = find_endpoint(*snapshot, reference, Side::kConsumer);
    if (!found) return std::unexpected(std::move(found).error());
    meant.push_back(found->entry->contract);
  }
  return meant;
}

void Panel::State::call_open(const api::Request& request, const api::Responder& respond) {
  const auto caller = model::parse_definition(kCommandLine);
  auto provider = callable(std::string(request.args.string_or("saddr")), *caller);
  if (!provider) {
    audit(call_refused(provider.error()));
    respond.finish(std::unexpected(std::move(provider).error()));
    return;
  }
  const std::string address = model::identity(provider->saddr);
  std::uint32_t route = 0;
  for (const model::Route& planned : graph.routes) {
    if (planned.from.ns != "local" || planned.from.name != "cli" || model::identity(planned.to) != address)
      continue;
    route = planned.id.value;
    // A planned route goes to what was planned: a definition accepted since needs a plan of its own.
    if (planned.contract == provider->hash) continue;
    const auto meant = contract(planned.contract);
    if (!meant) return respond.finish(std::unexpected(meant.error()));
    provider = **meant;
  }
  const std::uint32_t wire_route = route != 0 ? route : kUnplanned | next_link;
  next_link = next_link % (kUnplanned - 1) + 1;
  auto pair = os::socket_pair();
  if (!pair) return respond.finish(std::unexpected(pair.error()));
  const auto ours = std::make_shared<os::Fd>(std::move(pair->second));
  const auto opened = [=](const Status& status) {
    if (!status) return respond.finish(std::unexpected(status.error()));
    api::Answer answer{Json::object({{"lane", "uds"},
                                     {"link", static_cast<std::int64_t>(wire_route)},
                                     {"route", static_cast<std::int64_t>(route)},
                                     {"saddr", address}}),
                       {}};
    answer.fds.push_back(std::move(*ours));
    respond.finish(std::move(answer));
  };
  const std::string instance = instance_of(*provider);
  if (instance.empty() || wiring.attached(address)) {  // the latter also of a driver that attaches by itself
    return wiring.link({.id = {wire_route},
                        .from = *caller,
                        .to = provider->saddr,
                        .contract = provider->hash,
                        .node_from = "local",
                        .node_to = "local",
                        .origin = "routes"},
                       std::move(pair->first), [=, this](const Status& status) {
                         // A driver host says of each call what came of it; here only that somebody called.
                         if (status)
                           audit(apply::to_json(apply::AuditRecord{"call", std::string(kCommandLine),
                                                                   Json::object({{"to", address}})}));
                         opened(status);
                       });
  }
  open_link(instance,
            Json::object({{"consumer", kCommandLine},
                          {"contract", provider->object},
                          {"route", static_cast<std::int64_t>(wire_route)}}),
            std::make_shared<os::Fd>(std::move(pair->first)), kLinkTries, opened);
}

// A host that was just ending took nothing of the call along: the next one is asked.
void Panel::State::open_link(const std::string& instance, const Json& link,
                             const std::shared_ptr<os::Fd>& end, int tries,
                             const std::function<void(Status)>& opened) {
  hosts.when_ready(instance, [=, this](Result<std::shared_ptr<api::Peer>> host) {
    if (!host) return opened(std::unexpected(host.error()));
    auto mine = end->duplicate();
    if (!mine) return opened(std::unexpected(mine.error()));
    std::vector<os::Fd> fds;
    fds.push_back(*std::move(mine));
    (*host)->ask(
        "host.open", link,
        [=, this](const Result<api::Answer>& answer) {
          if (answer) {
            end->reset();  // the host's is the only one left, whose end the caller sees
            return opened({});
          }
          if (answer.error().code != Code::kLost || tries == 1)
            return opened(std::unexpected(answer.error()));
          open_link(instance, link, end, tries - 1, opened);
        },
        std::move(fds));
  });
}

void Panel::State::mcp_ls(const api::Request& request, const api::Responder& respond) {
  auto board = mcp::load_pinboard(workspace);
  if (!board) {
    respond.finish(std::unexpected(std::move(board).error()));
    return;
  }
  const auto answer_with = [as = std::string(request.args.string_or("as")), place = workspace,
                            board = *std::move(board)](const Json& live, const Json* receipts) {
    Json body = mcp_listing(place, *board, live, as);
    if (receipts != nullptr) body.set("receipts", *receipts);
    return api::Answer{std::move(body), {}};
  };
  const auto host = hosts.running(std::string(kGateway));
  if (!host) {
    respond.finish(answer_with(text::JsonArray{}, nullptr));
    return;
  }
  host->ask("host.control", Json::object({{"verb", "mcp.ls"}, {"args", text::JsonObject{}}}),
            [respond, answer_with](const Result<api::Answer>& answer) {
              const Json* live = answer ? answer->body.find("servers") : nullptr;
              const Json* receipts = answer ? answer->body.find("receipts") : nullptr;
              respond.finish(answer_with(live != nullptr ? *live : Json(text::JsonArray{}), receipts));
            });
}

// The gateway keeps each server's stderr while it runs.
void Panel::State::mcp_logs(const api::Request& request, const api::Responder& respond) {
  const std::int64_t lines_max = request.args.int_or("lines", 200);
  // A gateway that `rtt mcp serve` started reaches a new panel within a second: wait for it.
  hosts.when_ready(std::string(kGateway),
                   [respond, lines_max, args = request.args](const Result<std::shared_ptr<api::Peer>>& host) {
                     if (!host) return respond.finish(std::unexpected(host.error()));
                     (*host)->ask("host.control", Json::object({{"args", args}, {"verb", "mcp.logs"}}),
                                  [respond, lines_max](const Result<api::Answer>& answer) {
                                    if (!answer) return respond.finish(std::unexpected(answer.error()));
                                    respond.finish(api::Answer{log_lines(answer->body, lines_max), {}, {}});
                                  });
                   });
}

void Panel::State::mcp_restart(const api::Request& request, const api::Responder& respond) {
  const Json* names = request.args.find("names");
  const auto wanted = std::make_shared<text::JsonArray>(
      names != nullptr && names->is_array() ? names->as_array() : text::JsonArray{});
  hosts.when_ready(std::string(kGateway), [respond, wanted](const Result<std::shared_ptr<api::Peer>>& host) {
    if (!host) return respond.finish(std::unexpected(host.error()));
    const auto rows = std::make_shared<Json>(text::JsonArray{});
    for (const Json& name : *wanted) {
      (*host)->ask("host.control",
                   Json::object({{"args", Json::object({{"name", name}})}, {"verb", "mcp.restart"}}),
                   [respond, wanted, rows](Result<api::Answer> answer) {
                     if (!answer) return respond.finish(std::unexpected(std::move(answer).error()));
                     rows->push(std::move(answer->body));
                     if (rows->as_array().size() == wanted->size()) {
                       respond.finish(api::Answer{Json::object({{"servers", *rows}}), {}, {}});
                     }
                   });
    }
  });
}

}  // namespace rtt::panel
