// SPDX-License-Identifier: Apache-2.0
#include "model/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <limits>

#include "crypto/sha256.h"
#include "model/limits.h"
#include "model/route_json.h"
#include "text/json_canonical.h"

namespace rtt::model {
namespace {

using text::Json;

constexpr std::int64_t kExactMax = (std::int64_t{1} << 53) - 1;

constexpr auto kPlanKeys = std::to_array<Key>({{"plan_id", Shape::kText, Need::kRequired},
                                               {"created_at", Shape::kText, Need::kRequired},
                                               {"base", Shape::kText, Need::kRequired},
                                               {"inputs", Shape::kObject, Need::kRequired},
                                               {"routes_add", Shape::kArray, Need::kRequired},
                                               {"routes_del", Shape::kArray, Need::kRequired},
                                               {"order", Shape::kArray, Need::kRequired},
                                               {"objective", Shape::kObject, Need::kRequired},
                                               {"views_add", Shape::kArray},
                                               {"views_del", Shape::kArray},
                                               {"views_sign", Shape::kArray},
                                               {"sign", Shape::kArray}});
constexpr auto kInputKeys = std::to_array<Key>({{"registry", Shape::kText, Need::kRequired},
                                                {"config", Shape::kText, Need::kRequired},
                                                {"policy", Shape::kText, Need::kRequired},
                                                {"routes", Shape::kText, Need::kRequired},
                                                {"topology", Shape::kText, Need::kRequired},
                                                {"health", Shape::kText, Need::kRequired},
                                                {"flags", Shape::kText, Need::kRequired},
                                                {"engine", Shape::kText, Need::kRequired}});
constexpr auto kObjectiveKeys = std::to_array<Key>({{"latency_ns", Shape::kAny, Need::kRequired},
                                                    {"churn", Shape::kAny, Need::kRequired},
                                                    {"bound", Shape::kAny, Need::kRequired},
                                                    {"gap_ppm", Shape::kAny, Need::kRequired}});

// Above 2^53−1 a number has no exact JSON form, so it is a decimal string there.
Json exact(std::int64_t value) {
  if (value >= -kExactMax && value <= kExactMax) return value;
  return std::to_string(value);
}

std::int64_t read_exact(Document& document, const Json& object, std::string_view key) {
  const Json* value = object.find(key);
  if (value == nullptr) return 0;
  if (value->is_int()) return value->as_int();
  std::int64_t number = 0;
  if (value->is_string()) {
    const std::string& text = value->as_string();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc{} && end == text.data() + text.size() && exact(number) == *value) return number;
  }
  document.error(child("/objective", key), {.message = fmt::format("'{}' must be an integer", key)});
  return 0;
}

Json routes_to_json(const std::vector<Route>& routes) {
  Json list{text::JsonArray{}};
  for (const Route& route : routes) list.push(to_json(route));
  return list;
}

Json order_to_json(const std::vector<std::vector<std::string>>& order) {
  Json list{text::JsonArray{}};
  for (const auto& batch : order) {
    Json names{text::JsonArray{}};
    for (const std::string& name : batch) names.push(name);
    list.push(std::move(names));
  }
  return list;
}

// Everything the plan means: what plan_id hashes.
Json meaning(const Plan& plan) {
  const PlanInputs& in = plan.inputs;
  Json out = Json::object({{"base", to_string(plan.base)},
                           {"inputs", Json::object({{"registry", to_string(in.registry)},
                                                    {"config", to_string(in.config)},
                                                    {"policy", to_string(in.policy)},
                                                    {"routes", to_string(in.routes)},
                                                    {"topology", to_string(in.topology)},
                                                    {"health", to_string(in.health)},
                                                    {"flags", to_string(in.flags)},
                                                    {"engine", in.engine}})},
                           {"routes_add", routes_to_json(plan.routes_add)},
                           {"routes_del", routes_to_json(plan.routes_del)},
                           {"order", order_to_json(plan.order)},
                           {"objective", Json::object({{"latency_ns", exact(plan.objective.latency_ns)},
                                                       {"churn", exact(plan.objective.churn)},
                                                       {"bound", exact(plan.objective.bound)},
                                                       {"gap_ppm", exact(plan.objective.gap_ppm)}})}});
  if (!plan.views_add.empty()) out.set("views_add", views_to_json(plan.views_add));
  if (!plan.views_del.empty()) out.set("views_del", views_to_json(plan.views_del));
  return out;
}

bool is_utc_time(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00";
  if (text.size() < kForm.size() + 1 || !text.ends_with('Z')) return false;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    if (kForm[i] == '0' ? !digit(text[i]) : text[i] != kForm[i]) return false;
  }
  std::string_view rest = text.substr(kForm.size(), text.size() - kForm.size() - 1);
  if (rest.empty()) return true;
  return rest.size() > 1 && rest[0] == '.' && std::ranges::all_of(rest.substr(1), digit);
}

void read_inputs(Document& document, const Json& root, PlanInputs& out) {
  const Json* inputs = member(root, "inputs", Shape::kObject);
  if (inputs == nullptr || !document.check(*inputs, "/inputs", kInputKeys)) return;
  out.registry = read_digest(document, *inputs, "registry", "/inputs");
  out.config = read_digest(document, *inputs, "config", "/inputs");
  out.policy = read_digest(document, *inputs, "policy", "/inputs");
  out.routes = read_digest(document, *inputs, "routes", "/inputs");
  out.topology = read_digest(document, *inputs, "topology", "/inputs");
  out.health = read_digest(document, *inputs, "health", "/inputs");
  out.flags = read_digest(document, *inputs, "flags", "/inputs");
  out.engine = inputs->string_or("engine");
}

// REQUIRES: both sorted, and different; the expected ones are unique unless an id is given twice.
std::string order_fault(const std::vector<std::string>& named, const std::vector<std::string>& expected) {
  std::vector<std::string> odd;
  std::ranges::set_difference(expected, named, std::back_inserter(odd));
  if (!odd.empty()) return fmt::format("'order' leaves out {}", odd.front());
  std::ranges::set_difference(named, expected, std::back_inserter(odd));
  const bool edit = std::ranges::binary_search(expected, odd.front());
  return fmt::format("'order' names {}{}", odd.front().substr(0, 64),
                     edit ? " twice" : ", which is no edit of this plan");
}

void read_order(Document& document, const Json& root, Plan& out) {
  const Json* order = member(root, "order", Shape::kArray);
  if (order == nullptr) return;
  std::vector<std::string> named;
  for (std::size_t i = 0; i < order->as_array().size(); ++i) {
    const Json& batch = order->as_array()[i];
    if (!document.check_shape(batch, child("/order", i), Shape::kArray)) return;
    auto& names = out.order.emplace_back();
    for (const Json& name : batch.as_array()) {
      if (!document.check_shape(name, child("/order", i), Shape::kText)) return;
      names.push_back(name.as_string());
    }
    named.insert(named.end(), names.begin(), names.end());
  }
  std::vector<std::string> expected;
  for (const Route& route : out.routes_add) expected.push_back(fmt::format("A{}", route.id.value));
  for (const Route& route : out.routes_del) expected.push_back(fmt::format("D{}", route.id.value));
  std::ranges::sort(named);
  std::ranges::sort(expected);
  if (named != expected) document.error("/order", {.message = order_fault(named, expected)});
}

void read_view_signatures(Document& document, const Json& list, SealedPlan& out) {
  for (std::size_t i = 0; i < list.as_array().size(); ++i) {
    const std::string at = child("/views_sign", i);
    auto signature = view_signature_from_json(list.as_array()[i], at);
    if (!signature) {
      const Error& error = signature.error();
      return document.error(error.where.starts_with(at) ? error.where : at,
                            {.code = error.code, .message = error.message});
    }
    if (std::ranges::find(out.plan.views_add, signature->root, &View::root) == out.plan.views_add.end())
      return document.error(at, {.message = "it signs a view that the plan does not show"});
    if (!out.view_signatures.empty() && out.view_signatures.back().root >= signature->root)
      return document.error(at, {.message = "the signatures of views are not sorted by root and unique"});
    out.view_signatures.push_back(*std::move(signature));
  }
}

SealedPlan read_plan(Document& document, const Json& root) {
  SealedPlan out;
  if (!document.check(root, "", kPlanKeys)) return out;
  out.plan_id = read_digest(document, root, "plan_id", "");
  out.created_at = root.string_or("created_at");
  if (!is_utc_time(out.created_at)) {
    document.error("/created_at", {.message = "'created_at' is no RFC 3339 time in UTC",
                                   .hint = "like 2026-01-31T12:00:00Z"});
  }
  out.plan.base = read_digest(document, root, "base", "");
  read_inputs(document, root, out.plan.inputs);
  if (const Json* add = member(root, "routes_add", Shape::kArray)) {
    out.plan.routes_add = read_route_list(document, *add, "/routes_add");
  }
  if (const Json* del = member(root, "routes_del", Shape::kArray)) {
    out.plan.routes_del = read_route_list(document, *del, "/routes_del");
  }
  if (document.errors() == 0) read_order(document, root, out.plan);
  if (const Json* add = member(root, "views_add", Shape::kArray))
    out.plan.views_add = read_view_list(document, *add, "/views_add");
  if (const Json* del = member(root, "views_del", Shape::kArray))
    out.plan.views_del = read_view_list(document, *del, "/views_del");
  if (const Json* list = member(root, "views_sign", Shape::kArray))
    read_view_signatures(document, *list, out);
  const Json* objective = member(root, "objective", Shape::kObject);
  if (objective != nullptr && document.check(*objective, "/objective", kObjectiveKeys)) {
    out.plan.objective = {.latency_ns = read_exact(document, *objective, "latency_ns"),
                          .churn = read_exact(document, *objective, "churn"),
                          .bound = read_exact(document, *objective, "bound"),
                          .gap_ppm = read_exact(document, *objective, "gap_ppm")};
  }
  if (const Json* sign = member(root, "sign", Shape::kArray)) {
    auto records = sign_records_from_json(*sign, "/sign");
    if (records) {
      out.signatures = *std::move(records);
    } else {
      document.error(records.error().where,
                     {.code = records.error().code, .message = records.error().message});
    }
  }
  return out;
}

// What is left of `routes` without `gone`; both sorted. kBadShape names the first that is not there as said.
Result<std::vector<Route>> without(const std::vector<Route>& routes, const std::vector<Route>& gone) {
  std::vector<Route> left;
  left.reserve(routes.size());
  auto next = gone.begin();
  for (const Route& route : routes) {
    if (next != gone.end() && route_order(*next, route) == 0) {
      if (*next != route) {
        return fail(Code::kBadShape, "the plan deletes the route with another content than it has",
                    route_name(route));
      }
      ++next;
    } else {
      left.push_back(route);
    }
  }
  if (next != gone.end()) {
    return fail(Code::kBadShape, "the plan deletes a route that is not there", route_name(*next));
  }
  return left;
}

// `views` without `gone` and with `come`. kBadShape names the first that is not as the plan says.
Result<std::vector<View>> exchanged(std::vector<View> views, const std::vector<View>& gone,
                                    const std::vector<View>& come) {
  for (const View& view : gone) {
    if (std::erase(views, view) == 0)
      return fail(Code::kBadShape, "the plan takes away a view that is not there as it says", view.provider);
  }
  views.insert(views.end(), come.begin(), come.end());
  std::ranges::sort(views, {}, &View::provider);
  RTT_TRY(check_views(views));
  return views;
}

std::vector<std::vector<std::string>> backwards(const std::vector<std::vector<std::string>>& order) {
  std::vector<std::vector<std::string>> out(order.rbegin(), order.rend());
  for (auto& batch : out) {
    for (std::string& name : batch) {
      if (!name.empty()) name[0] = name[0] == 'A' ? 'D' : 'A';
    }
  }
  return out;
}

}  // namespace

Digest plan_id(const Plan& plan) { return crypto::sha256(text::canonical_json(meaning(plan))); }

Json to_json(const SealedPlan& sealed) {
  Json out = meaning(sealed.plan);
  out.set("plan_id", to_string(sealed.plan_id));
  out.set("created_at", sealed.created_at);
  out.set("sign", sign_records_to_json(sealed.signatures));
  Json views = text::JsonArray{};
  for (const ViewSignature& signature : sealed.view_signatures) views.push(to_json(signature));
  if (!views.as_array().empty()) out.set("views_sign", std::move(views));
  return out;
}

Result<SealedPlan> parse_plan(std::string_view text, std::string_view file) {
  RTT_TRY_SET(Json root, text::parse_json(text, {.source_name = file, .bytes_max = limits::kPlanBytesMax}));
  Document document({.text = text, .file = file});
  SealedPlan sealed = read_plan(document, root);
  if (document.errors() > 0) return std::unexpected(document.first_error());
  for (const std::string_view key : {"plan_id", "created_at", "sign", "views_sign"})
    root.as_object().erase(key);
  // The hash of the text as it is, which must also be what was understood: only then does the id cover the
  // meaning. One value has one canonical text, so the second needs no hash of its own.
  const Digest written = crypto::sha256(text::canonical_json(root));
  if (written != sealed.plan_id) {
    return fail(Code::kTampered,
                fmt::format("the plan's content hashes to {}, its plan_id says {}", to_string(written),
                            to_string(sealed.plan_id)),
                std::string(file), "plan again: `rtt plan`");
  }
  if (meaning(sealed.plan) != root) {
    return fail(Code::kBadShape, "the plan is not in canonical spelling", std::string(file),
                "plan again: `rtt plan`");
  }
  return sealed;
}

Result<Graph> apply_to(const Graph& from, const Plan& plan) {
  const Digest root = graph_root(from);
  if (root != plan.base) {
    return fail(Code::kStalePlan,
                fmt::format("the plan starts from graph {}, the present one is {}", to_string(plan.base),
                            to_string(root)),
                {}, "plan again: `rtt plan`");
  }
  Graph out;
  RTT_TRY_SET(out.routes, without(from.routes, plan.routes_del));
  const auto stay = static_cast<std::ptrdiff_t>(out.routes.size());
  out.routes.insert(out.routes.end(), plan.routes_add.begin(), plan.routes_add.end());
  std::ranges::inplace_merge(out.routes, out.routes.begin() + stay,
                             [](const Route& a, const Route& b) { return route_order(a, b) < 0; });
  if (!strictly_sorted(out.routes))
    return fail(Code::kBadShape, "the plan adds a route that is there already");
  if (!unique_ids(out.routes)) return fail(Code::kBadShape, "the plan gives two routes one id");
  if (out.routes.size() > limits::kRoutesMax) {
    return fail(Code::kPlanTooLarge, fmt::format("more than {} routes", limits::kRoutesMax));
  }
  RTT_TRY_SET(out.views, exchanged(from.views, plan.views_del, plan.views_add));
  return out;
}

Plan inverse(const Plan& plan) {
  Plan back = plan;
  std::swap(back.routes_add, back.routes_del);
  std::swap(back.views_add, back.views_del);
  back.order = backwards(plan.order);
  return back;
}

Plan inverse(const Plan& plan, const Digest& new_base) {
  Plan back = inverse(plan);
  back.base = new_base;
  return back;
}

}  // namespace rtt::model
