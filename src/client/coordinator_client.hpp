// Typed client of the coordinator's HTTPS API. Errors are one line for a person that says what to do next; their code
// is that of the HTTP status, or `unavailable` and `unauthenticated` of a server that cannot be reached or trusted (see
// reached()). Used on its executor's thread; calls may overlap. Cancelling a call's coroutine closes its connection.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "client/chat.hpp"
#include "client/server_address.hpp"
#include "client/types.hpp"

namespace gogrid::net {
class HttpClient;
class HttpResponse;
struct HttpClientRequest;
}  // namespace gogrid::net

namespace gogrid::client {

struct ClientOptions {
  ServerAddress server;
  std::string api_key;
  // PEM authorities to trust; empty: the system's.
  std::string trusted_ca;
};

struct TokenRequest {
  std::string name;
  std::int64_t uses = 1;
  std::optional<std::int64_t> expires_in_seconds;
};

struct KeyRequest {
  std::string name;
  std::vector<std::string> scopes;
  std::optional<std::int64_t> expires_in_seconds;
};

struct UploadRequest {
  std::string kind;  // "model" or "engine"
  std::string name;
  std::uint64_t size_bytes = 0;
  std::string sha256;
  // For models; empty: the coordinator's own choice.
  std::string model_kind;
  std::optional<std::int64_t> context_tokens;
  std::optional<std::int64_t> slots;
};

struct UploadState {
  std::string id;
  // What the coordinator has on its disk.
  std::uint64_t offset_bytes = 0;
  // All of it is there, was checked, and is registered.
  bool complete = false;
};

// Fills the buffer with the next bytes of a part.
using PartSource = std::function<boost::asio::awaitable<Result<std::size_t>>(std::span<std::byte>)>;

class CoordinatorClient {
 public:
  template <class T>
  using Reply = boost::asio::awaitable<Result<T>>;

  CoordinatorClient(boost::asio::any_io_executor executor, ClientOptions options);
  ~CoordinatorClient();
  CoordinatorClient(const CoordinatorClient&) = delete;
  CoordinatorClient& operator=(const CoordinatorClient&) = delete;

  const ServerAddress& server() const;
  // Whether the last call was answered by a server, whatever it said; true before the first.
  bool reached() const;

  Reply<Answer<GridStatus>> status();
  Reply<Answer<std::vector<Worker>>> workers();
  // `name` is a name or an id, here and below.
  Reply<Answer<Worker>> worker(std::string name);
  Reply<void> revoke_worker(std::string name);
  Reply<Answer<std::vector<Model>>> models();
  Reply<Answer<Model>> model(std::string name);
  Reply<void> remove_model(std::string name);
  Reply<Answer<std::vector<Engine>>> engines();
  Reply<void> remove_engine(std::string name);
  Reply<Answer<std::vector<JoinToken>>> tokens();
  Reply<Answer<JoinToken>> create_token(TokenRequest request);
  Reply<void> remove_token(std::string id);
  Reply<Answer<std::vector<ApiKey>>> keys();
  Reply<Answer<ApiKey>> create_key(KeyRequest request);
  Reply<void> revoke_key(std::string id);

  Reply<Answer<std::vector<PendingUpload>>> uploads();
  Reply<void> remove_upload(std::string id);

  // The models a client may use (scope `inference`).
  Reply<Answer<std::vector<ServedModel>>> served_models();
  // Streams one answer to `sink` as it comes. Closing the connection (by cancellation) frees the engine.
  Reply<ChatSummary> chat(ChatRequest request, std::function<void(const ChatDelta&)> sink);
  // The whole answer as the server's JSON.
  Reply<std::string> chat_json(ChatRequest request);

  // Begins or finds the upload of those bytes; the state says where to go on.
  Reply<UploadState> begin_upload(UploadRequest request);
  // Sends `length` bytes that belong at `offset`. An offset that is not the coordinator's is no error: the state has
  // the right one.
  Reply<UploadState> upload_part(std::string id, std::uint64_t offset, std::uint64_t length, PartSource source);

 private:
  Reply<std::unique_ptr<net::HttpResponse>> send(net::HttpClient& http, net::HttpClientRequest request);
  // The body of a 2xx answer.
  Reply<std::string> call(std::string method, std::string target, std::string body);
  template <class T>
  Reply<Answer<T>> get(std::string target);
  template <class T>
  Reply<Answer<T>> post(std::string target, std::string body);
  Reply<void> remove(std::string target);
  Error explain_failure(const Error& error) const;
  Error explain_status(int status, const std::string& body) const;

  ClientOptions options_;
  bool reached_ = true;
  // For calls that are answered at once, and for those that may take as long as they like: answers of models, uploads.
  std::unique_ptr<net::HttpClient> quick_;
  std::unique_ptr<net::HttpClient> patient_;
};

}  // namespace gogrid::client
