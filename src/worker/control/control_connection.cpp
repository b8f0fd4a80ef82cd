#include "worker/control/control_connection.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <utility>
#include <variant>

#include "base/log.hpp"
#include "base/utf8.hpp"
#include "net/deadline.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
using wire::RpcError;
using wire::RpcFault;
using wire::RpcMessage;
using wire::RpcRequest;
using wire::RpcResult;

namespace {

RpcError unknown(std::string_view what, const std::string& name, int code) {
  return RpcError(code, ErrorCode::not_found,
                  "there is no " + std::string(what) + " \"" + valid_utf8(name, wire::max_rpc_name_bytes) + "\"");
}

// An error for the first parameter that is not among `names`.
std::optional<RpcError> find_unknown(const nlohmann::json& params, const std::vector<std::string>& names) {
  for (const auto& [name, value] : params.items()) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      RpcError error = unknown("parameter", name, RpcError::invalid_params);
      error.data["code"] = to_string(ErrorCode::invalid_argument);
      return error;
    }
  }
  return std::nullopt;
}

}  // namespace

ControlConnection::ControlConnection(TaskGroup& tasks, std::unique_ptr<net::SocketStream> stream,
                                     const ControlTable& table)
    : tasks_(tasks),
      stream_(std::move(stream)),
      table_(table),
      lines_(*stream_, wire::max_rpc_request_bytes),
      news_(tasks.executor()) {}

asio::awaitable<void> ControlConnection::serve(std::shared_ptr<ControlConnection> self) {
  // However it ends.
  struct Guard {
    ~Guard() {
      connection.cut();
      connection.subscriptions_.clear();
    }
    ControlConnection& connection;
  } guard{*self};
  co_await self->read_requests();
  if (self->ending_) co_await self->tell_news();
}

asio::awaitable<void> ControlConnection::read_requests() {
  while (!ending_) {
    reading_ = true;
    auto line = co_await lines_.next();
    reading_ = false;
    if (ending_) co_return;
    if (!line && line.error().code == ErrorCode::too_large) {
      const RpcError error(RpcError::not_json, ErrorCode::too_large, line.error().detail);
      const std::string refusal = wire::rpc_error(nullptr, error);
      co_await write(refusal);
      co_await hear_out();
    }
    if (!line || !*line) co_return;
    const bool goes_on = co_await answer(std::move(**line));
    if (goes_on) continue;
    co_await hear_out();
    co_return;
  }
}

// A peer that still writes when its connection is closed may lose what it was told last.
asio::awaitable<void> ControlConnection::hear_out() {
  constexpr std::size_t most_bytes = 4 * 1024 * 1024;
  constexpr std::chrono::seconds longest{1};
  const auto finished = co_await stream_->finish();
  if (!finished) co_return;
  net::Deadline deadline(tasks_.executor(), [this] { stream_->cancel(); });
  deadline.set_after(longest);
  std::array<std::byte, 4096> part;
  reading_ = true;
  for (std::size_t bytes = 0; bytes < most_bytes && !ending_;) {
    const auto count = co_await stream_->read_some(part);
    if (!count || *count == 0) break;
    bytes += *count;
  }
  reading_ = false;
}

// False: it is over.
asio::awaitable<bool> ControlConnection::answer(std::string line) {
  RpcMessage message = wire::read_rpc(line, wire::max_rpc_request_bytes);
  if (auto* request = std::get_if<RpcRequest>(&message)) co_return co_await carry_out(std::move(*request));
  RpcFault fault;
  if (auto* found = std::get_if<RpcFault>(&message)) {
    fault = std::move(*found);
  } else {
    fault.error = RpcError(RpcError::invalid_request, ErrorCode::invalid_argument, "nothing was asked of you here");
  }
  const std::string refusal = wire::rpc_error(fault.id, fault.error);
  const bool written = co_await write(refusal);
  // Whoever is told so without an id cannot know what it is about: from here on nobody knows what answers what.
  co_return written && !fault.id.is_null();
}

asio::awaitable<bool> ControlConnection::carry_out(RpcRequest request) {
  RpcResult result = unknown("method", request.method, RpcError::unknown_method);
  if (const auto topic = table_.topics.find(request.method); topic != table_.topics.end()) {
    auto fault = find_unknown(request.params, {});
    if (!fault) co_return co_await subscribe(*topic->second, std::move(request.id));
    result = std::move(*fault);
  } else if (const auto method = table_.methods.find(request.method); method != table_.methods.end()) {
    result = co_await call(method->second, request);
  }
  co_return co_await respond(std::move(request.id), std::move(result));
}

asio::awaitable<RpcResult> ControlConnection::call(const ControlMethod& method, RpcRequest& request) {
  if (auto fault = find_unknown(request.params, method.params)) co_return std::move(*fault);
  try {
    co_return co_await method.call(std::move(request.params));
  } catch (const nlohmann::json::exception& failure) {
    log().error("control socket: {} failed: {}", request.method, failure.what());
  }
  co_return RpcError(RpcError::internal, ErrorCode::internal, request.method + " failed; the worker's log says why");
}

asio::awaitable<bool> ControlConnection::subscribe(ControlTopic& topic, nlohmann::json id) {
  const auto same = std::find_if(subscriptions_.begin(), subscriptions_.end(),
                                 [&](const auto& subscription) { return &subscription->topic() == &topic; });
  if (same != subscriptions_.end()) co_return co_await respond_with(std::move(id), (*same)->take());
  auto made = topic.subscribe([this] { news_.notify(); });
  const bool answered = co_await respond_with(std::move(id), made->take());
  if (!answered) co_return false;
  // Only now: nothing is told before the answer.
  if (subscriptions_.empty()) tasks_.spawn("control subscriptions", tell(shared_from_this()));
  subscriptions_.push_back(std::move(made));
  news_.notify();
  co_return true;
}

asio::awaitable<bool> ControlConnection::respond(nlohmann::json id, RpcResult result) {
  if (result) co_return co_await respond_with(std::move(id), wire::rpc_text(*result));
  if (id.is_null()) co_return true;
  const std::string line = wire::rpc_error(id, result.error());
  co_return co_await write(line);
}

asio::awaitable<bool> ControlConnection::respond_with(nlohmann::json id, std::string result) {
  if (id.is_null()) co_return true;
  std::string line = wire::rpc_result(id, result);
  if (line.size() > wire::max_rpc_answer_bytes + 1) {
    const RpcError error = Error(ErrorCode::too_large, "the answer has more bytes than a line may have");
    line = wire::rpc_error(id, error);
  }
  co_return co_await write(line);
}

asio::awaitable<bool> ControlConnection::write(std::string_view line) {
  const auto turn = co_await writing_.take();
  const auto written = co_await stream_->write(std::as_bytes(std::span(line)));
  co_return written.has_value();
}

asio::awaitable<void> ControlConnection::tell(std::shared_ptr<ControlConnection> self) {
  while (!self->closed_) {
    const bool told = co_await self->tell_news();
    if (!told) {
      // Its reader has not noticed yet that the other side is gone.
      self->cut();
      co_return;
    }
    if (!self->closed_) co_await self->news_.wait();
  }
}

// False when it cannot be told any more.
asio::awaitable<bool> ControlConnection::tell_news() {
  const auto is_stale = [](const auto& subscription) { return subscription->is_stale(); };
  for (;;) {
    const auto turn = co_await writing_.take();
    const auto stale = std::find_if(subscriptions_.begin(), subscriptions_.end(), is_stale);
    if (stale == subscriptions_.end()) co_return true;
    const std::string line = wire::rpc_notification((*stale)->topic().options().notification, (*stale)->take());
    if (line.size() > wire::max_rpc_answer_bytes + 1) {
      log().warn("control socket: {} is too long to be told", (*stale)->topic().options().notification);
      continue;
    }
    const auto written = co_await stream_->write(std::as_bytes(std::span(line)));
    if (!written) co_return false;
  }
}

void ControlConnection::end() noexcept {
  ending_ = true;
  if (reading_) stream_->cancel();
}

void ControlConnection::cut() noexcept {
  closed_ = true;
  stream_->close();
  news_.notify();
}

}  // namespace gogrid::worker
