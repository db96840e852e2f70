// SPDX-License-Identifier: Apache-2.0
#include "mcp/clients/http_client.h"

#include <utility>

namespace rtt::mcp {

HttpClient::HttpClient(ClientServices& services, HttpCarrier& carrier, std::string id, Era era,
                       ClientOptions options)
    : services_(services),
      carrier_(&carrier),
      id_(std::move(id)),
      era_(era),
      used_(services.now()),
      client_(services, *this, std::move(options)) {}

HttpClient::~HttpClient() { client_.end(1); }

void HttpClient::carry(HttpActions actions) {
  if (carrier_ != nullptr && !actions.empty()) carrier_->carry(*this, std::move(actions));
}

void HttpClient::request(const Message& message, ConnId conn, HttpAsk::Takes takes) {
  used_ = services_.now();
  client_.take(message, streams_.begin(conn, takes, used_, era_));
}

void HttpClient::tell(const Message& message) {
  used_ = services_.now();
  client_.take(message, kNoStream);
}

HttpStreams::Heard HttpClient::listen(ConnId conn, const std::optional<std::string>& last_event_id) {
  used_ = services_.now();
  auto [heard, actions] = streams_.listen(conn, last_event_id, used_);
  carry(std::move(actions));
  return heard;
}

void HttpClient::gone(ConnId conn) {
  used_ = services_.now();
  for (const HttpStreamId ended : streams_.gone(conn)) client_.stream_gone(ended);
}

void HttpClient::tick(Instant now) {
  carry(streams_.tick(now));
  if (!streams_.idle()) {
    used_ = now;
  } else if (now - used_ >= nanos_from_ms(kHttpSessionIdleMs)) {
    client_.end(0);
  }
}

void HttpClient::deliver(std::string_view line, StreamId stream, Part part) {
  if (era_ == Era::kModern && stream == kNoStream) return;  // there is nothing that would carry it
  if (client_.is_identified()) streams_.speak(client_.protocol());
  const auto which = part == Part::kAnswer ? HttpStreams::Which::kAnswer : HttpStreams::Which::kBefore;
  carry(streams_.deliver(line, stream, which, services_.now()));
}

void HttpClient::unanswered(StreamId stream) { carry(streams_.withdraw(stream)); }

void HttpClient::ended(int) {
  carry(streams_.end());
  if (carrier_ != nullptr) std::exchange(carrier_, nullptr)->session_over(*this);
}

}  // namespace rtt::mcp
