// SPDX-License-Identifier: Apache-2.0
// Goal: a client of either era gets the same answers of a server of either era, whatever the order of things.
// Method: a simulated client and a simulated server around the two step machines, joined as client.cc and
// backend.cc join them; everything on its way between the four waits in queues, and chance says which goes on
// next. What a call must answer is known beforehand.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>

#include "mcp/backends/backend_session.h"
#include "mcp/clients/server_session.h"
#include "model/policy.h"
#include "text/json_canonical.h"

namespace rtt::mcp {
namespace {

using text::Json;

constexpr Instant kNow{1'000'000'000};
constexpr Instant kLater{kNow.ns + 600'000'000'000};
constexpr const char* kMeta =
    R"("io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"sampling":{},"elicitation":{},"roots":{}},"io.modelcontextprotocol/logLevel":"debug")";

Json json(std::string_view text) { return *text::parse_json(text); }
std::string text_of(std::string_view raw) { return decode_string(raw).value_or(""); }

// What a tool that asks `count` times says at the end; each input is answered with its own text.
std::string said(std::string_view tag, int count) {
  std::string out(tag);
  for (int i = 0; i < count; ++i) out += "|" + std::string(tag) + "?" + std::to_string(i);
  return out;
}
std::string result_of(const std::string& text, Era era) {
  return std::string(era == Era::kModern ? R"({"resultType":"complete",)" : "{") +
         R"("content":[{"type":"text","text":)" + json_quoted(text) + "}]}";
}
std::string elicitation(const std::string& question) {
  return R"({"message":)" + json_quoted(question) +
         R"(,"requestedSchema":{"type":"object","properties":{}}})";
}

// A server whose tool `ask` {tag,count} asks its client `count` times; a legacy one waits for each answer, a
// modern one says all at once or one by one, as the tag's length has it.
class SimServer {
 public:
  explicit SimServer(Era era) : era_(era) {}
  std::deque<std::string> out;

  void take(std::string_view line) {
    const Message message = classify(line);
    if (message.kind == MessageKind::kResult) return answered(message);
    if (message.kind != MessageKind::kRequest) return;
    if (message.method == "server/discover" && era_ == Era::kLegacy)
      return refuse(message.id, R"({"code":-32601,"message":"Method not found"})");
    if (message.method == "initialize" && era_ == Era::kModern)
      return refuse(message.id, R"({"code":-32602,"message":"no _meta"})");
    if (message.method == "server/discover")
      return reply(
          message.id,
          R"({"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}})");
    if (message.method == "initialize")
      return reply(
          message.id,
          R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}})");
    EXPECT_EQ(read_meta(message.params).has_value(), era_ == Era::kModern) << line;
    if (message.method == "tools/list")
      return reply(message.id, R"({"tools":[{"name":"ask","inputSchema":{"type":"object"}}]})");
    ASSERT_EQ(message.method, "tools/call");
    call(message);
  }

 private:
  struct Work {
    std::string id, tag;
    int count = 0, done = 0;
    std::string token;
  };
  void reply(std::string_view id, std::string_view result) { out.push_back(result_line(id, result)); }
  void refuse(std::string_view id, std::string_view error) { out.push_back(error_line(id, error)); }

  void call(const Message& message) {
    const Json params = json(message.params);
    const Json& arguments = *params.find("arguments");
    Work work{.id = std::string(message.id),
              .tag = std::string(arguments.string_or("tag")),
              .count = static_cast<int>(arguments.int_or("count", 0)),
              .token = std::string(progress_token(message.params).value_or(""))};
    if (era_ == Era::kLegacy) {
      EXPECT_EQ(params.find("requestState"), nullptr);
      works_.push_back(work);
      go_on(works_.back());
      return;
    }
    const bool at_once = work.tag.size() % 2 == 0;
    const int held = static_cast<int>(std::atoi(std::string(params.string_or("requestState", "0")).c_str()));
    const Json* const responses = params.find("inputResponses");
    int upto = held;
    if (responses) {
      for (const auto& [name, response] : responses->as_object()) {
        EXPECT_EQ(response.find("content")->string_or("v"), work.tag + "?" + name);
        ++upto;
      }
    }
    if (upto >= work.count) return reply(work.id, result_of(said(work.tag, work.count), era_));
    std::string wanted;
    for (int i = upto; i < (at_once ? work.count : upto + 1); ++i) {
      wanted += (wanted.empty() ? "" : ",") + json_quoted(std::to_string(i)) +
                R"(:{"method":"elicitation/create","params":)" +
                elicitation(work.tag + "?" + std::to_string(i)) + "}";
    }
    reply(work.id, R"({"resultType":"input_required","inputRequests":{)" + wanted + R"(},"requestState":")" +
                       std::to_string(upto) + "\"}");
  }
  void go_on(Work& work) {
    if (!work.token.empty())
      out.push_back(notification_line("notifications/progress",
                                      R"({"progress":1,"progressToken":)" + work.token + "}"));
    if (work.done >= work.count) return reply(work.id, result_of(said(work.tag, work.count), era_));
    const std::uint64_t id = next_++;
    asked_[id] = work.id;
    out.push_back(
        request_line(id, "elicitation/create", elicitation(work.tag + "?" + std::to_string(work.done))));
  }
  void answered(const Message& message) {
    const auto at = asked_.find(*own_id(message.id));
    ASSERT_NE(at, asked_.end());
    for (Work& work : works_) {
      if (work.id != at->second) continue;
      EXPECT_EQ(json(message.payload).find("content")->string_or("v"),
                work.tag + "?" + std::to_string(work.done));
      ++work.done;
      asked_.erase(at);
      return go_on(work);
    }
  }

  Era era_;
  std::vector<Work> works_;
  std::map<std::uint64_t, std::string> asked_;
  std::uint64_t next_ = 1;
};

// A client that answers each question with its own text.
class SimClient {
 public:
  explicit SimClient(Era era) : era_(era) {}
  std::deque<std::string> out;
  std::map<std::string, std::string> answers;  // tag -> canonical result
  int asked = 0;

  void open() {
    if (era_ == Era::kLegacy) {
      out.push_back(request_line(
          next_++, "initialize",
          R"({"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}},"clientInfo":{"name":"c","version":"1"}})"));
    }
  }
  void call(const std::string& tag, int count) { send({tag, count}, {}); }

  void take(std::string_view line) {
    const Message message = classify(line);
    if (message.kind == MessageKind::kRequest) {
      EXPECT_EQ(era_, Era::kLegacy) << line;
      ++asked;
      out.push_back(result_line(message.id, answer(message.params)));
      return;
    }
    if (message.kind == MessageKind::kNotification) return;
    const auto at = calls_.find(std::string(message.id));
    if (at == calls_.end()) return;
    const auto [tag, count] = at->second;
    calls_.erase(at);
    if (message.kind == MessageKind::kResult && result_type(message.payload) == "input_required") {
      EXPECT_EQ(era_, Era::kModern);
      std::string responses;
      const auto wanted = member(message.payload, "inputRequests");
      for (const RawMember& one : members(wanted.value_or("{}"))) {
        ++asked;
        responses += (responses.empty() ? "" : ",") + json_quoted(one.key) + ":" +
                     answer(*member(one.value, "params"));
      }
      std::string more = R"(,"inputResponses":{)" + responses + "}";
      if (const auto state = member(message.payload, "requestState"))
        more += R"(,"requestState":)" + std::string(*state);
      return send({tag, count}, more);
    }
    EXPECT_EQ(message.kind, MessageKind::kResult) << line;
    EXPECT_EQ(member(message.payload, "resultType").has_value(), era_ == Era::kModern) << line;
    EXPECT_TRUE(
        answers.emplace(tag, text::canonical_json(json(edited(message.payload, {"resultType"})))).second);
  }

 private:
  struct Asks {
    std::string tag;
    int count = 0;
  };
  static std::string answer(std::string_view params) {
    const auto question = member(params, "message");
    return R"({"action":"accept","content":{"v":)" + json_quoted(text_of(question.value_or(""))) + "}}";
  }
  void send(Asks asks, const std::string& more) {
    const std::uint64_t id = next_++;
    const std::string meta = std::string(R"("_meta":{"progressToken":)") + std::to_string(id) +
                             (era_ == Era::kModern ? "," + std::string(kMeta) : "") + "}";
    out.push_back(request_line(id, "tools/call",
                               R"({"name":"ask","arguments":{"tag":)" + json_quoted(asks.tag) +
                                   R"(,"count":)" + std::to_string(asks.count) + "}" + more + "," + meta +
                                   "}"));
    calls_[std::to_string(id)] = std::move(asks);
  }

  Era era_;
  std::map<std::string, Asks> calls_;
  std::uint64_t next_ = 100;
};

// The two machines of RTT, joined.
class SimGateway {
 public:
  explicit SimGateway(Era server)
      : backend_("demo", {.capabilities = R"({"elicitation":{}})", .answers = true}) {
    const Opening opening = server == Era::kModern ? Opening::kDiscover : Opening::kInitialize;
    act(backend_.start(opening, kNow));
  }
  std::deque<std::string> to_client, to_server;

  void from_server(std::string_view line) { act(backend_.on_line(line, kNow)); }
  void from_client(std::string_view line) { emit(session_.on_line(line, kNow)); }
  [[nodiscard]] bool idle() const {
    return session_.in_flight() == 0 && backend_.in_flight() == 0 && waiting_.empty();
  }

 private:
  std::shared_ptr<const Catalog> catalog() const {
    PinnedServer pinned{.connector = {.ns = "demo",
                                      .type = model::SymbolType::kConnector,
                                      .name = "demo",
                                      .version = model::Version{1, 0, 0}},
                        .config = {.name = "demo"}};
    pinned.items.push_back({.kind = ItemKind::kTool,
                            .saddr = {.ns = "demo",
                                      .type = model::SymbolType::kTool,
                                      .name = "ask",
                                      .version = model::Version{1, 0, 0}},
                            .definition = json(R"({"name":"ask","inputSchema":{"type":"object"}})")});
    const std::vector<PinnedServer> servers{pinned};
    return std::make_shared<const Catalog>(
        build_catalog({.servers = servers, .policy = &rules_, .client = "c"}));
  }
  void begin(emit::Forward& call) {
    const auto sent =
        backend_.request(call.method, call.params, kLater, {.era = call.era, .log_level = call.log_level});
    ASSERT_TRUE(sent.has_value());
    ASSERT_FALSE(sent->answer.has_value()) << sent->answer->second;
    running_[sent->key] = call.key;
    for (const act::Send& send : sent->sends) to_server.push_back(send.line);
  }
  void emit(ClientActions actions) {
    for (ClientAction& action : actions) {
      if (auto* send = std::get_if<emit::Send>(&action)) to_client.push_back(send->line);
      if (std::holds_alternative<emit::Identify>(action)) emit(session_.identified(catalog(), kNow));
      if (auto* call = std::get_if<emit::Forward>(&action)) {
        if (backend_.phase() == BackendSession::Phase::kReady) {
          begin(*call);
        } else {
          waiting_.push_back(*call);
        }
      }
      if (auto* answer = std::get_if<emit::Answered>(&action)) {
        const AskKey key = asks_.at(answer->key);
        asks_.erase(answer->key);
        act(backend_.answer(key, answer->kind, answer->payload));
      }
    }
  }
  void act(BackendActions actions) {
    for (BackendAction& action : actions) {
      if (auto* send = std::get_if<act::Send>(&action)) to_server.push_back(send->line);
      if (std::holds_alternative<act::Ready>(action)) {
        for (emit::Forward& call : std::exchange(waiting_, {})) begin(call);
      }
      if (auto* reply = std::get_if<act::Reply>(&action)) {
        const std::string line = session_.on_reply(running_.at(reply->key), reply->kind, reply->payload);
        running_.erase(reply->key);
        if (!line.empty()) to_client.push_back(line);
      }
      if (auto* progress = std::get_if<act::Progress>(&action)) {
        const std::string line = session_.on_progress(running_.at(progress->key), progress->params);
        if (!line.empty()) to_client.push_back(line);
      }
      if (auto* ask = std::get_if<act::Ask>(&action)) {
        const CallKey own = next_ask_++;
        asks_[own] = ask->key;
        CallKey call = kNoCall;
        for (const auto& [key, token] : running_) {  // as Client::newest_at
          if (!session_.is_parked(token) || call == kNoCall) call = token;
        }
        if (ask->call != 0) call = running_.at(ask->call);
        emit(session_.ask(own, call, ask->method, ask->params, kNow));
      }
      EXPECT_FALSE(std::holds_alternative<act::Failed>(action) ||
                   std::holds_alternative<act::Failure>(action));
    }
  }

  model::Policy rules_ =
      model::read_policy(R"({"allow":[{"from":"rtt://client/agent/*","to":"rtt://*/*/*"}]})", "policy.json");
  ServerSession session_{"a key of this test"};
  BackendSession backend_;
  std::map<RequestKey, CallKey> running_;
  std::map<CallKey, AskKey> asks_;
  std::vector<emit::Forward> waiting_;
  CallKey next_ask_ = 1;
};

void play(Era client_era, Era server_era, unsigned seed) {
  std::mt19937 chance(seed);
  SimClient client(client_era);
  SimServer server(server_era);
  SimGateway gateway(server_era);
  std::map<std::string, std::string> expected;
  int asks = 0, to_call = 1 + static_cast<int>(chance() % 6);
  client.open();
  for (int step = 0;; ++step) {
    ASSERT_LT(step, 10'000);
    std::vector<int> ready;
    if (!client.out.empty()) ready.push_back(0);
    if (!gateway.to_server.empty()) ready.push_back(1);
    if (!server.out.empty()) ready.push_back(2);
    if (!gateway.to_client.empty()) ready.push_back(3);
    if (to_call > 0) ready.push_back(4);
    if (ready.empty()) break;
    const auto pop = [](std::deque<std::string>& queue) {
      std::string line = std::move(queue.front());
      queue.pop_front();
      while (line.ends_with('\n')) line.pop_back();
      return line;
    };
    switch (ready[chance() % ready.size()]) {
      case 0:
        gateway.from_client(pop(client.out));
        break;
      case 1:
        server.take(pop(gateway.to_server));
        break;
      case 2: {
        // Answers overtake each other; what a server says of one call keeps its order.
        gateway.from_server(pop(server.out));
        break;
      }
      case 3:
        client.take(pop(gateway.to_client));
        break;
      default: {
        const std::string tag(1 + chance() % 4, static_cast<char>('a' + to_call));
        const int count = static_cast<int>(chance() % 4);
        expected[tag] = text::canonical_json(json(result_of(said(tag, count), Era::kLegacy)));
        asks += count;
        client.call(tag, count);
        --to_call;
      }
    }
  }
  EXPECT_EQ(client.answers, expected);
  EXPECT_EQ(client.asked, asks);
  EXPECT_TRUE(gateway.idle());
}

TEST(EraBridge, every_pair_of_eras_gives_the_same_answers) {
  for (const Era client : {Era::kLegacy, Era::kModern}) {
    for (const Era server : {Era::kLegacy, Era::kModern}) {
      for (unsigned seed = 0; seed < 300; ++seed) {
        SCOPED_TRACE("client " + std::to_string(static_cast<int>(client)) + " server " +
                     std::to_string(static_cast<int>(server)) + " seed " + std::to_string(seed));
        play(client, server, seed);
        if (testing::Test::HasFailure()) return;
      }
    }
  }
}

}  // namespace
}  // namespace rtt::mcp
