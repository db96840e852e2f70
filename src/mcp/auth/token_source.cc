// SPDX-License-Identifier: Apache-2.0
#include "mcp/auth/token_source.h"

#include <utility>

#include "mcp/auth/oauth.h"
#include "mcp/wire/jsonrpc.h"
#include "os/clock.h"

namespace rtt::mcp {
namespace {

constexpr Nanos kLookAgain = nanos_from_ms(50);

std::int64_t unix_ms() { return os::wall_now().us / 1000; }

}  // namespace

TokenSource::TokenSource(os::Loop& loop, Options options)
    : loop_(loop), options_(std::move(options)), store_(options_.user_dir) {}

TokenSource::~TokenSource() { loop_.cancel(timer_); }

void TokenSource::read() {
  read_ = true;
  login_.reset();
  auto found = store_.login(resource_of(options_.resource));
  if (!found) {
    options_.record->note(found.error().message);
    return;
  }
  login_ = *std::move(found);
  if (login_) options_.record->hide({login_->access_token, login_->refresh_token});
}

std::optional<std::string> TokenSource::current() {
  if (!read_) read();
  if (!login_ || login_->access_token.empty()) return std::nullopt;
  return login_->access_token;
}

bool TokenSource::should_renew() {
  if (!read_) read();
  return login_ && !login_->refresh_token.empty() && login_->ends_unix_ms != 0 &&
         login_->ends_unix_ms - unix_ms() < kTokenEarlyMs && os::now() >= early_again_;
}

Error TokenSource::needs_login(std::string_view what, std::string_view more) const {
  return {.code = Code::kNeedsLogin,
          .message = "server '" + options_.server + "' " + std::string(what),
          .where = {},
          .hint = "rtt mcp login " + options_.server + std::string(more)};
}

void TokenSource::renew(const Refused& refused, Done done) {
  waiting_.push_back(std::move(done));
  if (asking_ || timer_ != 0) return;
  if (refused.status == 403) {
    const BearerChallenge challenge = parse_challenge(refused.challenge);
    const bool scope = challenge.error == "insufficient_scope";
    const std::string wanted = clean_text(challenge.scope.substr(0, 200));
    settle_later(std::unexpected(
        scope ? needs_login("wants more than this login reaches",
                            wanted.empty() ? "" : " --scope '" + wanted + "'")
              : Error{.code = Code::kPermission,
                      .message = "server '" + options_.server + "' does not allow this (HTTP 403)"}));
    return;
  }
  const std::string before = login_ ? login_->access_token : "";
  read();
  const bool renewed = login_ && !login_->access_token.empty() && login_->access_token != before;
  if (renewed) {
    settle_later({});
  } else if (login_ && !login_->refresh_token.empty()) {
    wait_until_ = os::now() + nanos_from_ms(kTokenAnswerMs);
    ask_alone(login_->access_token);
  } else {
    const bool had = login_.has_value();
    end_login();
    settle_later(std::unexpected(needs_login(had ? "needs a new login" : "needs a login", "")));
  }
}

// What is stored is worth nothing any more: whoever looks is to see that, also when nothing runs.
void TokenSource::end_login() {
  if (!login_) return;
  login_->access_token.clear();
  login_->refresh_token.clear();
  login_->ends_unix_ms = 0;
  if (const Status kept = store_.put(*login_); !kept) options_.record->note(kept.error().message);
}

// An issuer may give out a new refresh token with each renewal and take a second use of the old one for
// theft: one login is renewed by one at a time, and who waited takes what the other was given.
void TokenSource::ask_alone(const std::string& before) {
  auto lock = store_.lock_renewal(login_->resource);
  if (!lock && lock.error().code == Code::kBusy && os::now() < wait_until_) {
    timer_ = loop_.after(kLookAgain, [this, before] {
      timer_ = 0;
      ask_alone(before);
    });
    return;
  }
  if (lock) lock_ = std::move(*lock);
  read();
  if (login_ && !login_->access_token.empty() && login_->access_token != before) {
    settle_later({});
  } else if (!login_ || login_->refresh_token.empty()) {
    settle_later(std::unexpected(needs_login("needs a new login", "")));
  } else {
    ask();
  }
}

void TokenSource::ask() {
  early_again_ = os::now() + nanos_from_ms(kTokenEarlyMs);
  const auto give_up = [this](const Error& why) { settle_later(std::unexpected(why)); };
  if (!agent_) {
    auto agent = web::HttpAgent::create(loop_, *this);
    if (!agent) {
      give_up(agent.error());
      return;
    }
    agent_ = *std::move(agent);
  }
  status_ = 0;
  answer_.clear();
  TokenAsk ask = token_ask(login_->client, {{"grant_type", "refresh_token"},
                                            {"refresh_token", login_->refresh_token},
                                            {"resource", login_->resource}});
  web::HttpRequest request{
      .method = "POST",
      .url = login_->token_endpoint,
      .headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}},
      .body = std::move(ask.body),
      .ca_file = options_.ca_file,
      .whole_max = nanos_from_ms(kTokenAnswerMs)};
  if (!ask.authorization.empty()) request.headers.emplace_back("Authorization", std::move(ask.authorization));
  const auto sent = agent_->send(std::move(request));
  if (!sent) {
    give_up(sent.error());
    return;
  }
  asking_ = true;
}

void TokenSource::on_http_head(web::ExchangeId, const web::HttpHead& head) { status_ = head.status; }

void TokenSource::on_http_bytes(web::ExchangeId id, std::string_view bytes) {
  answer_ += bytes;
  if (answer_.size() <= kTokenAnswerBytesMax) return;
  agent_->cancel(id);
  on_http_end(id, fail(Code::kTooLarge, "its answer is too large"));
}

void TokenSource::on_http_end(web::ExchangeId, const Status& how) {
  asking_ = false;
  const auto outcome = how ? read_token_answer(status_, std::exchange(answer_, {}), unix_ms())
                           : Result<TokenOutcome>(std::unexpected(how.error()));
  if (!outcome) {
    settle(fail(Code::kServerGone, "the login of server '" + options_.server +
                                       "' could not be renewed: " + outcome.error().message));
    return;
  }
  if (!outcome->token) {
    const std::string before = login_->access_token;
    read();
    const bool renewed = login_ && !login_->access_token.empty() && login_->access_token != before;
    if (!renewed && outcome->refusal.error == "invalid_grant") end_login();
    const std::string why = "needs a new login: the old one was not renewed (" + outcome->refusal.error + ")";
    settle(renewed ? Status() : std::unexpected(needs_login(why, "")));
    return;
  }
  login_->access_token = outcome->token->access_token;
  login_->ends_unix_ms = outcome->token->ends_unix_ms;
  if (!outcome->token->refresh_token.empty()) login_->refresh_token = outcome->token->refresh_token;
  if (!outcome->token->scope.empty()) login_->scope = outcome->token->scope;
  options_.record->hide({login_->access_token, login_->refresh_token});
  if (const Status kept = store_.put(*login_); !kept) options_.record->note(kept.error().message);
  options_.record->note("the login was renewed");
  settle({});
}

void TokenSource::settle_later(Status how) {
  timer_ = loop_.after(Nanos{0}, [this, how = std::move(how)] {
    timer_ = 0;
    settle(how);
  });
}

void TokenSource::settle(const Status& how) {
  lock_.reset();
  for (const Done& done : std::exchange(waiting_, {})) done(how);
}

void TokenSource::forget() {
  waiting_.clear();
  loop_.cancel(std::exchange(timer_, 0));
  if (!asking_) lock_.reset();
}

}  // namespace rtt::mcp
