#include "ask_worker.hpp"

#include <boost/asio/io_context.hpp>

#include "base/task_group.hpp"
#include "client/local_control.hpp"
#include "worker/state_directory.hpp"

namespace gogrid::worker_app {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

asio::awaitable<void> ask(client::LocalControl& control, std::string method, std::string params,
                          Result<std::string>* answer) {
  *answer = co_await control.call(std::move(method), std::move(params));
}

}  // namespace

std::optional<Result<json>> ask_worker(const GlobalOptions& global, std::string method, const json& params) {
  const auto path = state_path(global);
  if (path.empty()) return std::nullopt;
  asio::io_context io(1);
  TaskGroup tasks(io.get_executor());
  client::LocalControl control(io.get_executor(), worker::StateDirectory(path).control_socket());
  Result<std::string> answer = Error(ErrorCode::internal, "the call did not end");
  tasks.spawn("call",
              ask(control, std::move(method), params.dump(-1, ' ', false, json::error_handler_t::replace), &answer));
  run_until_done(io, tasks);
  if (!answer && answer.error().code == ErrorCode::unavailable) return std::nullopt;
  if (!answer) return Result<json>(answer.error());
  return Result<json>(json::parse(*answer, nullptr, false));
}

}  // namespace gogrid::worker_app
