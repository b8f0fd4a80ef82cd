#include "client/local_control.hpp"

#include <sys/stat.h>

#include <cerrno>

#include "client/read_json.hpp"
#include "net/http_client.hpp"

namespace gogrid::client {
namespace asio = boost::asio;
namespace {

constexpr net::HttpClientTimeouts timeouts{std::chrono::seconds(5), std::chrono::seconds(15), std::chrono::seconds(15)};
constexpr std::size_t max_answer_bytes = 4 * 1024 * 1024;

Error no_daemon(const std::filesystem::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 && errno == EACCES) {
    return Error(ErrorCode::permission_denied, "the worker's control socket " + path.string() +
                                                   " belongs to another user: run this command as that user");
  }
  return Error(ErrorCode::unavailable,
               "no worker is running here (no answer on " + path.string() + "): start it with 'gogrid-worker run'");
}

}  // namespace

LocalControl::LocalControl(asio::any_io_executor executor, std::filesystem::path socket_path)
    : socket_path_(std::move(socket_path)),
      http_(net::make_http_client(std::move(executor), net::HttpEndpoint::unix_socket(socket_path_), timeouts)) {}

LocalControl::~LocalControl() = default;

asio::awaitable<Result<Answer<LocalStatus>>> LocalControl::status() { return call("GET", "/v1/status", ""); }

asio::awaitable<Result<Answer<LocalStatus>>> LocalControl::pause(std::string reason) {
  nlohmann::json body = nlohmann::json::object();
  if (!reason.empty()) body["reason"] = std::move(reason);
  return call("POST", "/v1/pause", body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

asio::awaitable<Result<Answer<LocalStatus>>> LocalControl::resume() { return call("POST", "/v1/resume", "{}"); }

asio::awaitable<Result<Answer<LocalStatus>>> LocalControl::stop() { return call("POST", "/v1/stop", "{}"); }

asio::awaitable<Result<Answer<LocalStatus>>> LocalControl::call(std::string method, std::string target,
                                                                std::string body) {
  net::HttpClientRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  request.headers.set("host", "localhost");
  request.headers.set("accept", "application/json");
  if (!body.empty()) request.headers.set("content-type", "application/json");
  request.body = std::move(body);
  auto response = co_await http_->send(std::move(request));
  if (!response) {
    const bool unreachable =
        response.error().code == ErrorCode::unavailable || response.error().code == ErrorCode::permission_denied;
    co_return unreachable ? no_daemon(socket_path_) : response.error();
  }
  auto text = co_await (*response)->read_all(max_answer_bytes);
  if (!text) co_return text.error();
  const int status = (*response)->head().status;
  if (status < 200 || status > 299) co_return error_from_status(status, *text);
  co_return read_answer<LocalStatus>(std::move(*text));
}

}  // namespace gogrid::client
