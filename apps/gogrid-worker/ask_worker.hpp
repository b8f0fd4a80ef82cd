// Talking to the worker that runs here, over its control socket. Blocks until that is over.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/task_group.hpp"
#include "client/local_control.hpp"
#include "commands.hpp"
#include "worker/state_directory.hpp"

namespace gogrid::worker_app {

template <class Value>
using Talk = std::function<boost::asio::awaitable<Result<Value>>(client::LocalControl&)>;

template <class Value>
boost::asio::awaitable<void> keep_result(client::LocalControl& control, const Talk<Value>& talk,
                                         Result<Value>* result) {
  *result = co_await talk(control);
}

// What `talk` comes to; invalid_argument when there is no state directory. `unavailable` says that no worker runs here.
template <class Value>
Result<Value> talk_to_worker(const GlobalOptions& global, const Talk<Value>& talk) {
  const auto path = state_path(global);
  if (path.empty())
    return Error(ErrorCode::invalid_argument, "HOME is not set: name a state directory with --state-dir");
  boost::asio::io_context io(1);
  TaskGroup tasks(io.get_executor());
  client::LocalControl control(io.get_executor(), worker::StateDirectory(path).control_socket());
  Result<Value> result = Error(ErrorCode::internal, "the call did not end");
  tasks.spawn("call", keep_result(control, talk, &result));
  run_until_done(io, tasks);
  return result;
}

// One question. Nothing when no worker runs here.
std::optional<Result<nlohmann::json>> ask_worker(const GlobalOptions& global, std::string method,
                                                 const nlohmann::json& params);

}  // namespace gogrid::worker_app
