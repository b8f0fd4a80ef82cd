// Takeover: a streamed answer whose worker was lost goes on at another one, from the last piece that the client has
// (wire/continuation.hpp). Lives in its request's coroutine, io thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "coordinator/dispatch.hpp"
#include "coordinator/work_stream.hpp"
#include "wire/continuation.hpp"
#include "wire/streamed_answer.hpp"

namespace gogrid::coordinator {

class Takeover {
 public:
  struct Request {
    std::string id;
    std::string model_id;
    // Which of the worker's replicas of it.
    std::uint32_t copy = 0;
    wire::InferenceEndpoint endpoint = wire::InferenceEndpoint::chat_completions;
    // The client's.
    std::string_view body;
    // Of the whole answer, with this one.
    unsigned migrations = 1;
  };
  // Sends the client whole events. An error: it is gone.
  using Write = std::function<boost::asio::awaitable<Result<void>>(std::string_view events)>;

  // `record` and `continuation`, of the same request, outlive it.
  Takeover(Request request, const wire::Continuation& continuation, wire::AnswerRecord& record, Write write);

  // To the end of the answer. Errors: `unavailable`: this worker was lost too, or cannot do it: another one may;
  // `cancelled`: by cancel(), or the client is gone; all others: nobody can go on with it.
  boost::asio::awaitable<Result<void>> run(std::shared_ptr<WorkerLink> worker);
  void cancel();
  // The engine has begun with the rest of the answer: what became of it then may be the answer's fault.
  bool begun() const { return begun_; }

 private:
  // How a choice is gone on with.
  struct Plan {
    std::string body;
    bool anew = false;
    // Generated anew only so that its bytes stay the same: it can also go on from its text.
    bool may_go_on = false;
    std::uint64_t sent_tokens = 0;
    bool complete = false;
  };

  boost::asio::awaitable<Result<void>> finish_choice(WorkerLink& worker, std::uint32_t choice, bool last);
  boost::asio::awaitable<Result<void>> carry_out(WorkerLink& worker, std::uint32_t choice, bool last, const Plan& plan);
  // `repeat`: rather anew than with other bytes than an uninterrupted run would have.
  boost::asio::awaitable<Result<Plan>> plan(WorkerLink& worker, std::uint32_t choice, bool repeat);
  boost::asio::awaitable<Result<wire::Tokens>> count_tokens(WorkerLink& worker, std::uint32_t choice,
                                                            std::string written, std::string body);
  // The engine's whole answer to a question that takes no slot. nullopt: it refuses.
  boost::asio::awaitable<Result<std::optional<std::string>>> ask(WorkerLink& worker, std::string_view path,
                                                                 std::string body);
  boost::asio::awaitable<Result<WorkStream::Part>> begin(WorkerLink& worker, std::string_view path, std::string body);

  const Request request_;
  const wire::Continuation& continuation_;
  wire::AnswerRecord& record_;
  const Write write_;
  std::unique_ptr<WorkStream> stream_;
  bool cancelled_ = false;
  bool begun_ = false;
};

}  // namespace gogrid::coordinator
