#include "client/local_control.hpp"

#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <map>
#include <optional>
#include <utility>

#include "client/read_json.hpp"
#include "net/deadline.hpp"
#include "net/http_connect.hpp"
#include "net/line_reader.hpp"
#include "wire/json_rpc.hpp"

namespace gogrid::client {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::seconds connect_timeout{5};
constexpr std::chrono::seconds call_timeout{15};

Error no_daemon(const std::filesystem::path& path) {
  if (::access(path.c_str(), W_OK) != 0 && errno == EACCES) {
    return Error(ErrorCode::permission_denied, "the worker's control socket " + path.string() +
                                                   " belongs to another user: run this command as that user");
  }
  return Error(ErrorCode::unavailable,
               "no worker is running here (no answer on " + path.string() + "): start it with 'gogrid-worker run'");
}

}  // namespace

// One connection, while it lasts. Whoever waits for something reads for all: there is no task that could outlive them.
struct LocalControl::Connection {
  Connection(asio::any_io_executor its_executor, std::unique_ptr<net::SocketStream> its_stream,
             std::filesystem::path path)
      : executor(std::move(its_executor)),
        socket_path(std::move(path)),
        stream(std::move(its_stream)),
        lines(*stream, wire::max_rpc_answer_bytes),
        arrived(executor, asio::steady_timer::time_point::max()) {}

  bool is_lost() const {
    return broken || (!reading && lines.empty() && stream->poll() == net::SocketStream::Arrived::end);
  }

  void fail(Error error) noexcept {
    if (broken) return;
    broken = std::move(error);
    stream->close();
    arrived.cancel();
  }

  // Something has come, or the connection is broken.
  asio::awaitable<void> wait() {
    if (reading) {
      co_await arrived.async_wait(asio::as_tuple(asio::use_awaitable));
      co_return;
    }
    struct Reading {
      explicit Reading(Connection& its_connection) : connection(its_connection) { connection.reading = true; }
      // However it ends, the next one reads.
      ~Reading() {
        connection.reading = false;
        connection.arrived.cancel();
      }
      Connection& connection;
    } const turn(*this);
    auto line = co_await lines.next();
    if (line && *line) {
      take(**line);
    } else if (!line && line.error().code == ErrorCode::cancelled) {
      // Of the one who reads; the next one goes on where it was.
    } else if (!line && line.error().code == ErrorCode::too_large) {
      fail(Error(ErrorCode::protocol, "the worker answered with " + line.error().detail));
    } else {
      fail(Error(ErrorCode::unavailable, "the worker ended the connection"));
    }
  }

  void take(const std::string& line) {
    auto message = wire::read_rpc(line, wire::max_rpc_answer_bytes);
    if (auto* told = std::get_if<wire::RpcRequest>(&message)) {
      const auto feed = feeds.find(told->method);
      if (feed != feeds.end()) feed->second.newest = wire::rpc_text(told->params);
    } else if (auto* answer = std::get_if<wire::RpcResponse>(&message)) {
      if (answer->id.is_null()) return fail(to_error(answer->result.error()));
      // Whoever asked may not wait any more.
      const auto call = answer->id.is_number_integer() ? calls.find(answer->id.get<std::int64_t>()) : calls.end();
      if (call != calls.end()) call->second = std::move(answer->result);
    } else {
      fail(Error(ErrorCode::protocol, "what answers on " + socket_path.string() + " is no worker of this version"));
    }
  }

  struct Feed {
    bool subscribed = false;
    std::optional<std::string> newest;
  };

  asio::any_io_executor executor;
  std::filesystem::path socket_path;
  std::unique_ptr<net::SocketStream> stream;
  net::LineReader lines;
  AsyncLock writing;
  bool reading = false;
  // Never expires; cancelled to wake all who wait.
  asio::steady_timer arrived;
  std::optional<Error> broken;
  std::int64_t last_id = 0;
  std::map<std::int64_t, std::optional<wire::RpcResult>> calls;
  // By the notification's name.
  std::map<std::string, Feed> feeds;
};

LocalControl::LocalControl(asio::any_io_executor executor, std::filesystem::path socket_path)
    : executor_(std::move(executor)), socket_path_(std::move(socket_path)) {}

LocalControl::~LocalControl() { close(); }

void LocalControl::close() noexcept {
  if (connection_) connection_->fail(Error(ErrorCode::cancelled, "the connection to the worker was closed"));
  connection_.reset();
}

asio::awaitable<LocalControl::ConnectionResult> LocalControl::connection() {
  const auto turn = co_await connecting_.take();
  if (connection_ && !connection_->is_lost()) co_return connection_;
  close();
  const auto endpoint = net::HttpEndpoint::unix_socket(socket_path_);
  auto stream = co_await net::connect(executor_, endpoint, nullptr, connect_timeout);
  if (!stream) co_return no_daemon(socket_path_);
  connection_ = std::make_shared<Connection>(executor_, std::move(*stream), socket_path_);
  co_return connection_;
}

asio::awaitable<Result<std::string>> LocalControl::call(std::string method, std::string params) {
  auto found = co_await connection();
  if (!found) co_return found.error();
  co_return co_await call_on(std::move(*found), std::move(method), std::move(params));
}

asio::awaitable<Result<std::string>> LocalControl::call_on(std::shared_ptr<Connection> connection, std::string method,
                                                           std::string params) {
  auto parsed = parse_object(params);
  if (!parsed) co_return Error(ErrorCode::invalid_argument, "the parameters of " + method + " must be a JSON object");
  struct Call {
    explicit Call(Connection& its_connection) : connection(its_connection), id(++connection.last_id) {
      connection.calls.emplace(id, std::nullopt);
    }
    ~Call() { connection.calls.erase(id); }
    const std::optional<wire::RpcResult>& answer() const { return connection.calls.at(id); }
    Connection& connection;
    const std::int64_t id;
  } const call(*connection);
  const std::string line = wire::rpc_request(call.id, method, *parsed);
  if (line.size() > wire::max_rpc_request_bytes + 1)
    co_return Error(ErrorCode::too_large, "the parameters of " + method + " are too long");
  net::Deadline deadline(connection->executor, [held = connection.get()] {
    held->fail(Error(ErrorCode::timeout, "the worker does not answer"));
  });
  deadline.set_after(call_timeout);
  {
    const auto turn = co_await connection->writing.take();
    const auto written = co_await connection->stream->write(std::as_bytes(std::span(line)));
    // What it said before it hung up may still be there to be read.
    if (!written && connection->broken) co_return *connection->broken;
  }
  while (!call.answer() && !connection->broken)
    co_await connection->wait();
  if (!call.answer()) co_return *connection->broken;
  if (!*call.answer()) co_return to_error(call.answer()->error());
  co_return wire::rpc_text(**call.answer());
}

asio::awaitable<Result<std::string>> LocalControl::next(std::string subscribe, std::string notification) {
  auto found = co_await connection();
  if (!found) co_return found.error();
  const auto held = std::move(*found);
  Connection::Feed& feed = held->feeds[notification];
  if (!feed.subscribed) {
    auto answer = co_await call_on(held, std::move(subscribe), "{}");
    feed.subscribed = answer.has_value();
    co_return answer;
  }
  while (!feed.newest && !held->broken)
    co_await held->wait();
  if (!feed.newest) co_return *held->broken;
  co_return *std::exchange(feed.newest, std::nullopt);
}

asio::awaitable<Result<Answer<LocalStatus>>> LocalControl::status_from(std::string method, std::string params) {
  auto text = co_await call(std::move(method), std::move(params));
  if (!text) co_return text.error();
  co_return read_answer<LocalStatus>(std::move(*text));
}

asio::awaitable<Result<Answer<LocalStatus>>> LocalControl::next_status() {
  auto text = co_await next("status.subscribe", "status.changed");
  if (!text) co_return text.error();
  co_return read_answer<LocalStatus>(std::move(*text));
}

asio::awaitable<Result<Answer<LocalStatus>>> LocalControl::status() { return status_from("status.get", "{}"); }

asio::awaitable<Result<Answer<LocalStatus>>> LocalControl::pause(LocalPauseRequest request) {
  nlohmann::json params = nlohmann::json::object();
  if (!request.reason.empty()) params["reason"] = std::move(request.reason);
  if (request.length) params["for_seconds"] = request.length->count();
  if (request.until_tomorrow) params["until"] = "tomorrow";
  return status_from("pause", wire::rpc_text(params));
}

asio::awaitable<Result<Answer<LocalStatus>>> LocalControl::resume() { return status_from("resume", "{}"); }

asio::awaitable<Result<Answer<LocalStatus>>> LocalControl::stop(std::optional<double> deadline_seconds) {
  nlohmann::json params = nlohmann::json::object();
  if (deadline_seconds) params["deadline_seconds"] = *deadline_seconds;
  return status_from("stop", wire::rpc_text(params));
}

}  // namespace gogrid::client
