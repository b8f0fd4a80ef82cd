// KeptStreams: streamed answers that outlive their client's connection. A request with the header x-gogrid-resume goes
// on for so many seconds after its client was lost; its events are numbered, and GET /v1/streams/{id} with
// Last-Event-ID (WHATWG HTML §9.2.4) gets those that are missing and all that follow. Owned by the Coordinator, io
// thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/task_group.hpp"
#include "coordinator/api/router.hpp"

namespace gogrid::coordinator {

class KeptStream;

class KeptStreams {
 public:
  explicit KeptStreams(boost::asio::any_io_executor executor);
  ~KeptStreams();

  // Adds its route, scope inference. The router must not outlive it.
  void mount(Router& router);

  // What answers a request, given the one it writes its answer to.
  using Answer = std::function<boost::asio::awaitable<void>(ApiRequest&)>;
  // How long the request wants its answer to be kept without a client: seconds, max_keep at most; nullopt when it does
  // not want it, says it wrongly, or too many are kept already. Then nothing is kept, and the answer says no id.
  std::optional<std::chrono::seconds> wanted(const ApiRequest& request) const;
  // `answer` runs on its own; this ends when the client has it, or is gone.
  boost::asio::awaitable<void> keep(ApiRequest& request, std::chrono::seconds time, Answer answer);

  // A key that was revoked: what is kept for it ends.
  void end_requests_of(const std::string& key_id);
  // Ends all that is kept. Wait before letting go.
  void stop();
  boost::asio::awaitable<void> stopped();

 private:
  boost::asio::awaitable<void> resume(ApiRequest& request);
  boost::asio::awaitable<void> run(std::shared_ptr<KeptStream> stream, Answer answer);

  boost::asio::any_io_executor executor_;
  std::map<std::string, std::shared_ptr<KeptStream>, std::less<>> streams_;
  TaskGroup tasks_;
};

}  // namespace gogrid::coordinator
