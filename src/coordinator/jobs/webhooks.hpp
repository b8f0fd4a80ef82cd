// WebhookSender: brings the store's webhooks to who wants them: several at a time, each until it is taken or three days
// are over. A receiver that cannot be reached holds up its own webhooks only. Owned by the Coordinator, used on the io
// thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "base/clock.hpp"
#include "base/task_group.hpp"
#include "coordinator/jobs/webhook_rules.hpp"
#include "store/store.hpp"

namespace gogrid::coordinator {

class WebhookSender {
 public:
  struct Options {
    // Also http, and also to addresses of one's own network.
    bool allow_private = false;
    // PEM authorities to trust; empty: the system's.
    std::string trusted_ca = {};
    // For the connection, and again for the answer.
    std::chrono::milliseconds timeout{10'000};
  };
  // The store and the clock outlive it.
  WebhookSender(boost::asio::any_io_executor executor, store::WebhookStore& store, WebhookSecrets secrets,
                const Clock& clock, Options options);

  const WebhookSecrets& secrets() const { return secrets_; }
  bool allows_private() const { return options_.allow_private; }

  // A webhook was stored.
  void wake();
  // Sends. Returns after stop(); what is under way then is sent again another time.
  boost::asio::awaitable<void> run();
  void stop();

 private:
  enum class Outcome { taken, refused, failed, unreachable };

  // Starts what is due; when to look again.
  SystemTime start_due(const std::vector<store::WebhookRecord>& webhooks);
  boost::asio::awaitable<void> wait_until(SystemTime when);
  boost::asio::awaitable<void> send(store::WebhookRecord webhook);
  boost::asio::awaitable<Outcome> try_to_send(store::WebhookRecord webhook, WebhookTarget target);
  void note_reached(const std::string& receiver, bool reached, unsigned attempts);
  boost::asio::awaitable<void> settle(store::WebhookRecord webhook, Outcome outcome);
  // Until it is stored, so that nothing is sent again at once.
  boost::asio::awaitable<void> remove(std::int64_t sequence);
  boost::asio::awaitable<void> postpone(std::int64_t sequence, unsigned attempts, SystemTime next_at);

  boost::asio::any_io_executor executor_;
  store::WebhookStore& store_;
  const WebhookSecrets secrets_;
  const Clock& clock_;
  const Options options_;
  TaskGroup tasks_;
  boost::asio::steady_timer timer_;
  std::set<std::int64_t> sending_;
  // Receivers that could not be reached, and until when nothing is tried there.
  std::map<std::string, SystemTime> unreachable_;
  bool woken_ = false;
  bool stopping_ = false;
};

}  // namespace gogrid::coordinator
