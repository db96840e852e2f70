// SPDX-License-Identifier: Apache-2.0
#include "api/service.h"

#include <optional>

#include "api/client.h"

namespace rtt::api {
namespace {

Result<text::Json> parse_answer(std::string_view json) {
  if (json.empty()) return text::Json::object({});
  auto parsed = text::parse_json(json);
  if (parsed) return parsed;
  return fail(Code::kPanelProtocol, "the panel's answer is no JSON: " + parsed.error().message, {},
              "rtt panel stop, then repeat");
}

class SocketService final : public Service {
 public:
  explicit SocketService(Client client) : client_(std::move(client)) {}

  Result<Reply> ask(const Ask& ask, const std::function<void(text::Json)>& on_part) override {
    std::optional<Error> bad_part;
    RTT_TRY_SET(Client::TextReply reply, client_.ask(ask, [&](std::string_view json) {
      auto part = parse_answer(json);
      if (!part) {
        bad_part = std::move(part).error();
      } else if (on_part) {
        on_part(std::move(*part));
      }
    }));
    if (bad_part) return std::unexpected(std::move(*bad_part));
    RTT_TRY_SET(text::Json body, parse_answer(reply.json));
    return Reply{.body = std::move(body), .fds = std::move(reply.fds)};
  }

 private:
  Client client_;
};

}  // namespace

Result<std::unique_ptr<Service>> connect_service(const std::string& sockets_dir,
                                                 std::string_view client_name) {
  RTT_TRY_SET(Client client, Client::connect(sockets_dir, client_name));
  return std::make_unique<SocketService>(std::move(client));
}

}  // namespace rtt::api
