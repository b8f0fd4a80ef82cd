#include "coordinator/jobs/webhooks.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "base/log.hpp"
#include "net/http_client.hpp"
#include "net/public_address.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
namespace {

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t max_at_once = 8;
constexpr std::size_t max_unreachable = 1024;
constexpr std::chrono::minutes longest_silence{5};
// After an error of the store.
constexpr std::chrono::seconds store_pause{5};

std::string receiver_of(const WebhookTarget& target) { return target.host + ":" + std::to_string(target.port); }

}  // namespace

WebhookSender::WebhookSender(asio::any_io_executor executor, store::WebhookStore& store, WebhookSecrets secrets,
                             const Clock& clock, Options options)
    : executor_(executor),
      store_(store),
      secrets_(std::move(secrets)),
      clock_(clock),
      options_(std::move(options)),
      tasks_(executor),
      timer_(executor) {}

void WebhookSender::wake() {
  woken_ = true;
  timer_.cancel();
}

void WebhookSender::stop() {
  stopping_ = true;
  timer_.cancel();
  tasks_.cancel();
}

asio::awaitable<void> WebhookSender::run() {
  while (!stopping_) {
    woken_ = false;
    // Enough for as many to be started as may be, whatever is being sent.
    const auto webhooks = co_await store_.list_webhooks(2 * max_at_once);
    if (stopping_) break;
    if (!webhooks) log().warn("webhooks could not be read: {}", webhooks.error().detail);
    const SystemTime next = webhooks ? start_due(*webhooks) : clock_.system_now() + store_pause;
    co_await wait_until(next);
  }
  co_await tasks_.wait();
}

SystemTime WebhookSender::start_due(const std::vector<store::WebhookRecord>& webhooks) {
  const SystemTime now = clock_.system_now();
  for (const auto& webhook : webhooks) {
    if (sending_.contains(webhook.sequence)) continue;
    if (webhook.next_at > now) return webhook.next_at;
    // One that ends wakes.
    if (sending_.size() >= max_at_once) break;
    sending_.insert(webhook.sequence);
    tasks_.spawn("webhook", send(webhook));
  }
  return SystemTime::max();
}

asio::awaitable<void> WebhookSender::wait_until(SystemTime when) {
  if (woken_ || stopping_) co_return;
  timer_.expires_at(SteadyTime::max());
  if (when != SystemTime::max()) timer_.expires_after(std::max(when - clock_.system_now(), SystemTime::duration(0)));
  co_await timer_.async_wait(use_tuple);
}

asio::awaitable<void> WebhookSender::send(store::WebhookRecord webhook) {
  const auto target = parse_webhook_url(webhook.url, options_.allow_private);
  const std::string receiver = target ? receiver_of(*target) : "";
  const auto silent = unreachable_.find(receiver);
  if (silent != unreachable_.end() && silent->second > clock_.system_now()) {
    co_await postpone(webhook.sequence, webhook.attempts, silent->second);
  } else {
    // One that is not allowed any more is given up.
    Outcome outcome = Outcome::refused;
    if (target) outcome = co_await try_to_send(webhook, *target);
    if (stopping_) co_return;
    note_reached(receiver, outcome != Outcome::unreachable, webhook.attempts + 1);
    co_await settle(webhook, outcome);
  }
  sending_.erase(webhook.sequence);
  wake();
}

void WebhookSender::note_reached(const std::string& receiver, bool reached, unsigned attempts) {
  unreachable_.erase(receiver);
  if (reached) return;
  if (unreachable_.size() >= max_unreachable) unreachable_.clear();
  const std::chrono::seconds pause = webhook_pause(attempts).value_or(longest_silence);
  unreachable_[receiver] = clock_.system_now() + std::min<std::chrono::seconds>(pause, longest_silence);
}

asio::awaitable<WebhookSender::Outcome> WebhookSender::try_to_send(store::WebhookRecord webhook, WebhookTarget target) {
  net::HttpEndpoint endpoint = net::HttpEndpoint::http(target.host, target.port);
  if (target.tls) endpoint.tls.emplace().trusted_ca = options_.trusted_ca;
  endpoint.allows = [allow_private = options_.allow_private](const asio::ip::address& address) {
    return allow_private || net::is_public_address(address);
  };
  net::HttpClientTimeouts timeouts;
  timeouts.connect = timeouts.head = timeouts.idle = options_.timeout;
  const auto client = net::make_http_client(executor_, std::move(endpoint), timeouts);
  const std::int64_t now = to_unix_seconds(clock_.system_now());
  net::HttpClientRequest request;
  request.method = "POST";
  request.target = target.target;
  request.headers.add("Host", target.authority);
  request.headers.add("Content-Type", "application/json");
  request.headers.add("User-Agent", "GoGrid/" GOGRID_VERSION);
  request.headers.add("webhook-id", webhook.id);
  request.headers.add("webhook-timestamp", std::to_string(now));
  request.headers.add("webhook-signature", secrets_.sign(webhook.key_id, webhook.id, now, webhook.payload));
  request.body = webhook.payload;
  const auto response = co_await client->send(std::move(request));
  if (!response) {
    log().debug("webhook {}: {}", webhook.id, response.error().detail);
    co_return Outcome::unreachable;
  }
  // The body is not read, and no redirection followed.
  const int status = (*response)->head().status;
  if (status >= 200 && status < 300) co_return Outcome::taken;
  log().debug("webhook {}: the receiver answered {}", webhook.id, status);
  co_return status == 410 ? Outcome::refused : Outcome::failed;
}

asio::awaitable<void> WebhookSender::settle(store::WebhookRecord webhook, Outcome outcome) {
  const auto pause = webhook_pause(webhook.attempts + 1);
  const bool again = (outcome == Outcome::failed || outcome == Outcome::unreachable) && pause;
  if (again) co_return co_await postpone(webhook.sequence, webhook.attempts + 1, clock_.system_now() + *pause);
  if (outcome != Outcome::taken) {
    log_event(spdlog::level::warn, "gave a webhook up",
              {{"webhook", webhook.id}, {"key", webhook.key_id}, {"attempts", webhook.attempts + 1}});
  }
  co_await remove(webhook.sequence);
}

asio::awaitable<void> WebhookSender::remove(std::int64_t sequence) {
  while (!stopping_) {
    const auto removed = co_await store_.remove_webhook(sequence);
    if (removed || removed.error().code == ErrorCode::not_found) co_return;
    log().warn("a webhook that was sent could not be removed: {}", removed.error().detail);
    asio::steady_timer pause(executor_, store_pause);
    co_await pause.async_wait(use_tuple);
  }
}

asio::awaitable<void> WebhookSender::postpone(std::int64_t sequence, unsigned attempts, SystemTime next_at) {
  while (!stopping_) {
    const auto postponed = co_await store_.postpone_webhook(sequence, attempts, next_at);
    if (postponed || postponed.error().code == ErrorCode::not_found) co_return;
    log().warn("a webhook could not be postponed: {}", postponed.error().detail);
    asio::steady_timer pause(executor_, store_pause);
    co_await pause.async_wait(use_tuple);
  }
}

}  // namespace gogrid::coordinator
