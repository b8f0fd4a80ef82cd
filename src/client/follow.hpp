// Follows a job or a batch to its end, over broken connections and restarts of the coordinator. On the client's
// executor's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <string>

#include "base/result.hpp"
#include "client/coordinator_client.hpp"
#include "client/persistence.hpp"

namespace gogrid::client {

template <class T>
struct Follow {
  std::string id;
  // What is known now: at once, and whenever there is news.
  std::function<void(const T&)> on_news;
  // Before a pause that follows a break.
  std::function<void(const Error&, std::chrono::milliseconds)> on_break;
  Persistence::Limits persistence;
};

// The job in its final state. The first contact is not repeated, so that a wrong address or id is said at once.
boost::asio::awaitable<Result<Answer<Job>>> follow_job(CoordinatorClient& client, Follow<Job> follow);

// A batch has no events: it is asked for again and again, up to every two seconds.
boost::asio::awaitable<Result<Answer<Batch>>> follow_batch(CoordinatorClient& client, Follow<Batch> follow);

}  // namespace gogrid::client
