#include "client/follow.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

namespace gogrid::client {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::milliseconds first_poll{100};
constexpr std::chrono::milliseconds slowest_poll{2000};

// False when it was cancelled.
asio::awaitable<bool> pause_for(std::chrono::milliseconds duration) {
  asio::steady_timer timer(co_await asio::this_coro::executor, duration);
  const auto [failure] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return !failure;
}

Error stopped() { return Error(ErrorCode::cancelled, "stopped"); }

// A limit of requests a minute passes as well.
bool may_go_on(const Error& error) { return may_pass(error) || error.code == ErrorCode::resource_exhausted; }

// Makes the pause that follows `error`; an error ends it.
template <class T>
asio::awaitable<Result<void>> outlive(const Error& error, bool was_reached, Persistence& persistence,
                                      const Follow<T>& follow) {
  if (!may_go_on(error) || !was_reached) co_return error;
  const auto pause = persistence.after_failure();
  if (!pause) co_return error;
  if (follow.on_break) follow.on_break(error, *pause);
  const bool waited = co_await pause_for(*pause);
  if (!waited) co_return stopped();
  co_return Result<void>();
}

}  // namespace

asio::awaitable<Result<Answer<Job>>> follow_job(CoordinatorClient& client, Follow<Job> follow) {
  Persistence persistence(follow.persistence);
  bool was_reached = false;
  std::function<void(const Job&)> on_news = [&](const Job& job) {
    was_reached = true;
    persistence.succeeded();
    if (follow.on_news) follow.on_news(job);
  };
  for (;;) {
    auto job = co_await client.watch_job(follow.id, on_news);
    if (job) co_return job;
    const Error failure = job.error();
    const auto waited = co_await outlive(failure, was_reached, persistence, follow);
    if (!waited) co_return waited.error();
  }
}

asio::awaitable<Result<Answer<Batch>>> follow_batch(CoordinatorClient& client, Follow<Batch> follow) {
  Persistence persistence(follow.persistence);
  bool was_reached = false;
  std::chrono::milliseconds poll = first_poll;
  for (;;) {
    auto batch = co_await client.batch(follow.id);
    if (!batch) {
      const Error failure = batch.error();
      const auto waited = co_await outlive(failure, was_reached, persistence, follow);
      if (!waited) co_return waited.error();
      continue;
    }
    was_reached = true;
    persistence.succeeded();
    if (follow.on_news) follow.on_news(batch->value);
    if (is_final(batch->value)) co_return batch;
    const bool waited = co_await pause_for(poll);
    if (!waited) co_return stopped();
    poll = std::min(poll * 3 / 2, slowest_poll);
  }
}

}  // namespace gogrid::client
