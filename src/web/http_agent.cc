// SPDX-License-Identifier: Apache-2.0
#include "web/http_agent.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "web/curl_library.h"
#include "web/url.h"

namespace rtt::web {
namespace {

constexpr const char* kUserAgent = "rtt";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t from = text.find_first_not_of(kBlank);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kBlank) - from + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// "HTTP/1.1 200 OK", "HTTP/2 200"
int status_of(std::string_view line) {
  const std::size_t blank = line.find(' ');
  int status = 0;
  if (blank != std::string_view::npos)
    std::from_chars(line.data() + blank + 1, line.data() + line.size(), status);
  return status;
}

}  // namespace

std::string_view HttpHead::header(std::string_view name) const {
  const auto at = std::ranges::find(headers, name, &HttpHeaders::value_type::first);
  return at == headers.end() ? std::string_view() : std::string_view(at->second);
}

struct HttpAgent::State {
  State(os::Loop& on, HttpEvents& to, const CurlLibrary& library) : loop(on), events(to), curl(library) {}

  struct Exchange {
    State* state = nullptr;
    ExchangeId id = 0;
    HttpRequest request;
    CURL* easy = nullptr;
    curl_slist* headers = nullptr;
    std::array<char, CURL_ERROR_SIZE> words{};
    HttpHead head;
    std::size_t head_bytes = 0;
    bool head_told = false, head_ready = false, head_too_large = false, ended = false;
    std::string bytes;  // not told yet
    CURLcode result = CURLE_OK;
    os::Loop::TimerId head_timer = 0;
    bool head_late = false, connected = false;
  };

  os::Loop& loop;
  HttpEvents& events;
  CurlLibrary curl;
  CURLM* multi = nullptr;
  std::map<ExchangeId, std::unique_ptr<Exchange>> exchanges;
  std::vector<ExchangeId> told_of;  // have something to tell
  ExchangeId next_id = 1;
  os::Loop::TimerId timer = 0;

  void act(curl_socket_t socket, int ready) {
    int running = 0;
    curl.multi_socket_action(multi, socket, ready, &running);
    int left = 0;
    while (const CURLMsg* const message = curl.multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      char* owner = nullptr;
      curl.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
      auto* const exchange = static_cast<Exchange*>(static_cast<void*>(owner));
      exchange->result = message->data.result;
      curl_off_t ready_us = 0;  // since the start until the request could be sent; 0: it never could
      curl.easy_getinfo(message->easy_handle, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
      exchange->connected = ready_us > 0;
      exchange->ended = true;
      told_of.push_back(exchange->id);
    }
    tell();
  }

  // By id: an event may cancel any exchange and send new ones.
  void tell() {
    const std::vector<ExchangeId> now = std::exchange(told_of, {});
    for (const ExchangeId id : now) {
      const auto still = [this, id] {
        const auto at = exchanges.find(id);
        return at == exchanges.end() ? nullptr : at->second.get();
      };
      Exchange* exchange = still();
      if (exchange != nullptr && exchange->head_ready && !exchange->head_told) {
        exchange->head_told = true;
        loop.cancel(std::exchange(exchange->head_timer, 0));
        const HttpHead head = std::exchange(exchange->head, {});
        events.on_http_head(id, head);
        exchange = still();
      }
      if (exchange != nullptr && !exchange->bytes.empty()) {
        const std::string bytes = std::exchange(exchange->bytes, {});
        events.on_http_bytes(id, bytes);
        exchange = still();
      }
      if (exchange != nullptr && exchange->ended) end(*exchange);
    }
  }

  void end(Exchange& exchange) {
    const ExchangeId id = exchange.id;
    const Status how = outcome(exchange);
    drop(id);
    events.on_http_end(id, how);
  }

  [[nodiscard]] Status outcome(const Exchange& exchange) const {
    const bool timed_out = exchange.result == CURLE_OPERATION_TIMEDOUT && exchange.connected;
    if (exchange.head_late || timed_out) return fail(Code::kDeadline, "no answer in time");
    if (exchange.head_too_large) return fail(Code::kTooLarge, "the answer's header is too large");
    if (exchange.result == CURLE_OK) return {};
    const char* const words =
        exchange.words[0] != '\0' ? exchange.words.data() : curl.easy_strerror(exchange.result);
    return fail(exchange.connected ? Code::kLost : Code::kIo, std::string(words));
  }

  void drop(ExchangeId id) {
    const auto at = exchanges.find(id);
    if (at == exchanges.end()) return;
    const std::unique_ptr<Exchange> exchange = std::move(at->second);
    exchanges.erase(at);
    loop.cancel(exchange->head_timer);
    curl.multi_remove_handle(multi, exchange->easy);
    curl.easy_cleanup(exchange->easy);
    curl.slist_free_all(exchange->headers);
  }

  static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) {
    auto* const state = static_cast<State*>(self);
    os::Loop& loop = state->loop;
    if (what == CURL_POLL_REMOVE) {
      if (loop.watching(socket)) loop.unwatch(socket);
      return 0;
    }
    const std::uint32_t interest = ((what & CURL_POLL_IN) != 0 ? os::kReadable : 0U) |
                                   ((what & CURL_POLL_OUT) != 0 ? os::kWritable : 0U);
    if (loop.watching(socket)) {
      loop.change(socket, interest);
      return 0;
    }
    const Status watched = loop.watch(socket, interest, [state, socket](std::uint32_t ready) {
      const int told = ((ready & os::kReadable) != 0 ? CURL_CSELECT_IN : 0) |
                       ((ready & os::kWritable) != 0 ? CURL_CSELECT_OUT : 0) |
                       ((ready & os::kHangup) != 0 ? CURL_CSELECT_ERR : 0);
      state->act(socket, told);
    });
    return watched ? 0 : -1;
  }

  static int on_timer(CURLM*, long timeout_ms, void* self) {
    auto* const state = static_cast<State*>(self);
    state->loop.cancel(std::exchange(state->timer, 0));
    if (timeout_ms < 0) return 0;
    state->timer = state->loop.after(nanos_from_ms(timeout_ms), [state] {
      state->timer = 0;
      state->act(CURL_SOCKET_TIMEOUT, 0);
    });
    return 0;
  }

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* owner) {
    auto& exchange = *static_cast<Exchange*>(owner);
    if (exchange.head_ready) return size;  // trailers
    const std::string_view line = trimmed({data, size});
    exchange.head_bytes += size;
    if (exchange.head_bytes > kHeaderBytesMax) {
      exchange.head_too_large = true;
      return 0;
    }
    if (line.starts_with("HTTP/")) {
      exchange.head = {.status = status_of(line), .headers = {}};
    } else if (line.empty()) {
      exchange.head_ready = exchange.head.status >= 200;
      if (exchange.head_ready) exchange.state->told_of.push_back(exchange.id);
    } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      exchange.head.headers.emplace_back(lower(trimmed(line.substr(0, colon))),
                                         trimmed(line.substr(colon + 1)));
    }
    return size;
  }

  static std::size_t on_bytes(char* data, std::size_t, std::size_t size, void* owner) {
    auto& exchange = *static_cast<Exchange*>(owner);
    if (exchange.bytes.empty()) exchange.state->told_of.push_back(exchange.id);
    exchange.bytes.append(data, size);
    return size;
  }

  void set_up(Exchange& exchange) {
    const HttpRequest& request = exchange.request;
    const auto set = [&](CURLoption option, auto value) { curl.easy_setopt(exchange.easy, option, value); };
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    if (request.method == "POST") {
      set(CURLOPT_POST, 1L);
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      set(CURLOPT_POSTFIELDS, request.body.data());
    }
    for (const auto& [name, value] : request.headers)
      exchange.headers = curl.slist_append(exchange.headers, (name + ": " + value).c_str());
    exchange.headers = curl.slist_append(exchange.headers, "Expect:");  // never wait for a "100 Continue"
    set(CURLOPT_HTTPHEADER, exchange.headers);
    set(CURLOPT_USERAGENT, kUserAgent);  // some guards of the web turn nameless clients away
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);  // an end does not wait for a name still being looked up
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(kConnectMs));
    if (request.whole_max.value > 0)
      set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.whole_max.value / 1'000'000));
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    const auto url = parse_url(request.url);
    if (url && is_loopback(url->host)) set(CURLOPT_NOPROXY, "*");
    if (!request.ca_file.empty()) set(CURLOPT_CAINFO, request.ca_file.c_str());
    set(CURLOPT_ERRORBUFFER, exchange.words.data());
    set(CURLOPT_PRIVATE, static_cast<void*>(&exchange));
    set(CURLOPT_HEADERFUNCTION, &State::on_header);
    set(CURLOPT_HEADERDATA, static_cast<void*>(&exchange));
    set(CURLOPT_WRITEFUNCTION, &State::on_bytes);
    set(CURLOPT_WRITEDATA, static_cast<void*>(&exchange));
  }
};

HttpAgent::HttpAgent(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<HttpAgent>> HttpAgent::create(os::Loop& loop, HttpEvents& events) {
  RTT_TRY_SET(const CurlLibrary curl, CurlLibrary::load());
  auto state = std::make_unique<State>(loop, events, curl);
  state->multi = curl.multi_init();
  if (state->multi == nullptr) return fail(Code::kLimit, "libcurl has no memory");
  const auto set = [&](CURLMoption option, auto value) { curl.multi_setopt(state->multi, option, value); };
  set(CURLMOPT_SOCKETFUNCTION, &State::on_socket);
  set(CURLMOPT_SOCKETDATA, static_cast<void*>(state.get()));
  set(CURLMOPT_TIMERFUNCTION, &State::on_timer);
  set(CURLMOPT_TIMERDATA, static_cast<void*>(state.get()));
  set(CURLMOPT_MAX_TOTAL_CONNECTIONS, kConnectionsMax);
  set(CURLMOPT_MAXCONNECTS, kConnectionsMax);
  return std::unique_ptr<HttpAgent>(new HttpAgent(std::move(state)));
}

HttpAgent::~HttpAgent() {
  while (!state_->exchanges.empty()) state_->drop(state_->exchanges.begin()->first);
  state_->curl.multi_cleanup(state_->multi);  // closes idle connections, whose sockets it reports removed
  state_->loop.cancel(state_->timer);
}

Result<ExchangeId> HttpAgent::send(HttpRequest request) {
  State& state = *state_;
  if (state.exchanges.size() >= kExchangesMax)
    return fail(Code::kBusy, "too many HTTP requests are under way");
  auto made = std::make_unique<State::Exchange>();
  State::Exchange& exchange = *made;
  exchange.state = &state;
  exchange.id = state.next_id++;
  exchange.request = std::move(request);
  exchange.easy = state.curl.easy_init();
  if (exchange.easy == nullptr) return fail(Code::kLimit, "libcurl has no memory");
  const ExchangeId id = exchange.id;
  state.exchanges.emplace(id, std::move(made));
  state.set_up(exchange);
  if (exchange.request.head_max.value > 0) {
    exchange.head_timer = state.loop.after(exchange.request.head_max, [&state, &exchange] {
      exchange.head_timer = 0;
      exchange.head_late = true;
      state.end(exchange);
    });
  }
  state.curl.multi_add_handle(state.multi, exchange.easy);
  return id;
}

void HttpAgent::cancel(ExchangeId id) { state_->drop(id); }

}  // namespace rtt::web
