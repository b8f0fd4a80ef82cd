// Forward: one inference request on its way to a worker and its answer on the way back. It tries again on another
// worker as long as nothing of the answer has reached the client. Lives in its handler's coroutine.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "coordinator/api/body_memory.hpp"
#include "coordinator/api/error_response.hpp"
#include "coordinator/api/router.hpp"
#include "coordinator/dispatch.hpp"
#include "coordinator/work_stream.hpp"
#include "domain/model.hpp"
#include "wire/openai_request.hpp"

namespace gogrid::coordinator {

class Metrics;

class Forward {
 public:
  struct Work {
    wire::InferenceEndpoint endpoint;
    domain::Model model;
    // Passed on byte for byte.
    std::string body;
    BodyMemory::Hold memory;
    SteadyTime arrived_at;
    Deadline wait_until = Deadline::never();
  };
  Forward(ApiRequest& request, Dispatcher& dispatcher, Metrics& metrics, const Clock& clock, Work work);
  ~Forward();
  Forward(const Forward&) = delete;
  Forward& operator=(const Forward&) = delete;

  // Ends when the client has its answer, or an error, or is gone. Its slot is free then.
  boost::asio::awaitable<void> run();

 private:
  enum class Outcome {
    done,
    // The worker was lost or cannot do it, and the client has seen nothing of it.
    lost,
  };

  boost::asio::awaitable<Outcome> attempt(std::shared_ptr<WorkerLink> worker);
  // The answer's head is there; each of them reads the rest.
  boost::asio::awaitable<Outcome> pass_stream(net::ResponseHead head);
  boost::asio::awaitable<Outcome> pass_whole(net::ResponseHead head);
  boost::asio::awaitable<Outcome> pass_error(net::ResponseHead head);
  // Writes what is complete of a stream of events and holds the rest.
  boost::asio::awaitable<Result<void>> write_events(std::string_view bytes);
  boost::asio::awaitable<Result<void>> begin(net::ResponseHead& head);
  boost::asio::awaitable<Outcome> end_broken_stream();
  boost::asio::awaitable<void> answer_cut_off();

  // The client is gone, or its key was revoked: nobody is to have the answer.
  void cut_off();
  void release_slot();
  void note_first_byte();

  ApiRequest& request_;
  net::HttpExchange& exchange_;
  Dispatcher& dispatcher_;
  Metrics& metrics_;
  const Clock& clock_;
  Work work_;
  std::unique_ptr<Dispatcher::Ticket> ticket_;
  // Of the attempt under way.
  std::unique_ptr<WorkStream> stream_;
  // The beginning of an event whose end has not come.
  std::string held_;
  // The stream said that it is complete.
  bool saw_done_ = false;
  bool gone_ = false;
  // Gone, or revoked.
  bool cut_off_ = false;
};

}  // namespace gogrid::coordinator
