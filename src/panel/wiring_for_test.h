// SPDX-License-Identifier: Apache-2.0
// The panel's wiring with two ends whose side the test speaks by hand.
//
// Thread: one, the loop's.   Fails: never; what does not come fails the test.   Limits: 2,000 turns of a
// wait.
#pragma once

#include <gtest/gtest.h>

#include "api/handshake_json.h"
#include "crypto/sha256.h"
#include "os/unix_socket.h"
#include "panel/wiring.h"

namespace rtt::panel {

inline constexpr std::string_view kHook = "rtt://ui/hook/refresh@1.0.0",
                                  kApi = "rtt://core/api/metrics@1.2.0";

inline model::Contract contract_of(std::string_view saddr) {
  model::Contract contract;
  contract.saddr = model::parse_definition(saddr).value();
  contract.hash = crypto::sha256(saddr);
  return contract;
}

// One end, spoken for by the test.
struct End {
  std::shared_ptr<api::Peer> here, there;  // the end's connection, the panel's
  fabric::LaneEnd end;                     // from lane.want
  text::Json wanted;                       // its args
  fabric::Nonce nonce{10};
  std::vector<fabric::HandshakeMessage> heard;
  std::vector<std::vector<os::Fd>> fds;                   // of each
  std::vector<std::pair<std::string, text::Json>> asked;  // every request of the panel
  os::Fd page;                                            // of lane.adopt
  std::string refuses;                                    // a verb
  bool closed = false;

  template <typename Message>
  [[nodiscard]] std::vector<Message> all() const {
    std::vector<Message> found;
    for (const auto& each : heard) {
      if (const auto* message = std::get_if<Message>(&each)) found.push_back(*message);
    }
    return found;
  }
};

class WiringTest : public ::testing::Test {
 protected:
  WiringTest()
      : loop_(*os::Loop::create()),
        hosts_(*loop_, {.root = "/nowhere", .user_dir = "/nowhere"}, [](const std::string&) {}),
        wiring_({.loop = *loop_,
                 .hosts = hosts_,
                 .contract = [this](const Digest& hash) -> Result<SharedContract> {
                   for (const auto* each :
                        std::initializer_list<const model::Contract*>{&hook_, &api_, also_known_})
                     if (each != nullptr && each->hash == hash)
                       return std::make_shared<const model::Contract>(*each);
                   return fail(Code::kNotFound, "no such contract");
                 },
                 .in_force = [this](const std::vector<std::string>& references)
                     -> Result<std::vector<model::Contract>> {
                   std::vector<model::Contract> meant;
                   for (const std::string& one : references)
                     meant.push_back(one == kHook ? hook_ : one == kApi ? api_ : *also_known_);
                   return meant;
                 },
                 .graph = [this]() -> const model::Graph& { return graph_; },
                 .audit = [this](text::Json record) { audited_.emplace_back(record.string_or("action")); }}) {
    wiring_.start(1);
    route_.id = {7};
    route_.from = hook_.saddr;
    route_.to = api_.saddr;
    route_.contract = api_.hash;
    route_.consumer_contract = hook_.hash;
    route_.lane = model::LaneKind::kShm;
    route_.node_from = route_.node_to = "local";
    route_.origin = "routes";
    connect(from_);
    connect(to_);
  }

  void connect(End& end) {
    auto pair = os::socket_pair().value();
    end.there = api::Peer::start(
        *loop_, std::move(pair.second), {.role = api::Peer::Role::kAccepting},
        [this, &end](api::Request request, const api::Responder& respond) {
          if (request.verb == "endpoint.attach") return wiring_.attach(end.there, request, respond);
          if (request.verb == "endpoint.gone") return wiring_.gone(end.there, request, respond);
          wiring_.hear(end.there, std::move(request), respond);
        },
        [this, &end](const Error&) { wiring_.connection_lost(end.there.get()); });
    end.here = api::Peer::start(
        *loop_, std::move(pair.first), {.role = api::Peer::Role::kConnecting, .client_name = "test"},
        [&end](api::Request request, const api::Responder& respond) {
          if (request.verb == "lane.want") {
            end.end = {api::counter_or_none(request.args, "end")};
            end.wanted = request.args;
          }
          end.asked.emplace_back(request.verb, request.args);
          if (request.verb == end.refuses) return respond.finish(fail(Code::kBusy, "not now"));
          if (request.verb == "lane.adopt") end.page = std::move(request.fds.front());
          if (api::is_handshake(request.verb)) {
            end.heard.push_back(api::read_handshake(request.verb, request.args).value().message);
            end.fds.push_back(std::move(request.fds));
          }
          respond.finish(api::Answer{text::Json::object({}), {}, {}});
        },
        [&end](const Error&) { end.closed = true; });
  }

  [[nodiscard]] std::string_view symbol_of(const End& end) const {
    return &end == &from_ ? kHook : &end == &to_ ? kApi : "rtt://core/api/metrics@1.3.0";
  }
  void attach(End& end, text::Json lanes) {
    bool attached = false;
    end.here->ask(
        "endpoint.attach",
        text::Json::object({{"lanes", std::move(lanes)}, {"symbols", text::Json::array({symbol_of(end)})}}),
        [&](const Result<api::Answer>& answer) { attached = answer.has_value(); });
    until([&] { return attached; });
  }

  void until(const std::function<bool()>& done) {
    for (int turns = 0; turns < 2000 && !done(); ++turns) loop_->run_once(nanos_from_ms(10));
    ASSERT_TRUE(done());
  }
  // Everything that is on its way has arrived: both connections have carried a question and its answer.
  void quiet() {
    for (End* end : {&from_, &to_}) {
      if (end->closed) continue;
      int answers = 0;
      const auto one = [&](const auto&) { ++answers; };
      end->here->ask("endpoint.attach", text::Json::object({}), one);
      end->there->ask("lane.ls", text::Json::object({}), one);
      until([&] { return answers == 2; });
    }
  }

  void prepare() {
    for (End* end : {&from_, &to_}) attach(*end, text::JsonArray{});
    wiring_.prepare({route_}, {}, [this](const Status& status) { prepared_ = status; });
    until([&] { return from_.end != fabric::LaneEnd{} && to_.end != fabric::LaneEnd{}; });
  }
  void say(End& end, const fabric::HandshakeMessage& message, std::vector<os::Fd> fds = {}) {
    const api::HandshakeRequest request = api::handshake_request(end.end, message);
    end.here->ask(std::string(request.verb), request.args, [](const auto&) {}, std::move(fds));
    quiet();
  }
  [[nodiscard]] fabric::Syn syn(const End& end, std::vector<model::LaneKind> lanes) const {
    const model::Contract& contract = &end == &from_ ? hook_ : api_;
    return {.nonce = end.nonce,
            .saddr = model::identity(contract.saddr),
            .caps = {},
            .contract = contract.hash,
            .lanes = std::move(lanes)};
  }
  void offer(std::vector<model::LaneKind> lanes) {
    say(from_, syn(from_, lanes));
    say(to_, syn(to_, lanes));
  }
  void bind(End& end, std::vector<os::Fd> fds = {}) {
    say(end, fabric::Bind{end.nonce, end.all<fabric::Ack>().back().generation}, std::move(fds));
  }
  void ready(End& end) {
    const auto ack = end.all<fabric::Ack>().back();
    say(end, fabric::Ready{end.nonce, ack.generation, ack.lane, fabric::Tone::kTells});
  }
  void wire_over_sockets() {
    prepare();
    offer({model::LaneKind::kUds});
    bind(from_);
    bind(to_);
    ready(from_);
    EXPECT_FALSE(prepared_);
    ready(to_);
  }

  std::unique_ptr<os::Loop> loop_;
  model::Contract hook_ = contract_of(kHook), api_ = contract_of(kApi);
  const model::Contract* also_known_ = nullptr;
  model::Graph graph_;
  model::Route route_;
  std::vector<std::string> audited_;
  Hosts hosts_;
  Wiring wiring_;
  End from_, to_;
  std::optional<Status> prepared_;
};

}  // namespace rtt::panel
