// Forward: one inference request on its way to a worker and its answer on the way back. When the worker is lost it
// tries again on another one: from the beginning as long as nothing of the answer has reached the client, and from
// where a stream was interrupted after that (Takeover). Lives in its handler's coroutine.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "coordinator/api/body_memory.hpp"
#include "coordinator/api/error_response.hpp"
#include "coordinator/api/router.hpp"
#include "coordinator/api/takeover.hpp"
#include "coordinator/dispatch.hpp"
#include "coordinator/work_stream.hpp"
#include "domain/model.hpp"
#include "wire/openai_request.hpp"
#include "wire/usage.hpp"

namespace gogrid::coordinator {

class Metrics;
class UsageMeter;

// Of streams whose worker is lost in the middle of the answer.
struct MigrationLimits {
  bool enabled = true;
  // How long it may take to find a worker that goes on.
  std::chrono::milliseconds takeover_timeout{30'000};
  // Of one answer.
  unsigned max_per_request = 32;
};

class Forward {
 public:
  struct Work {
    wire::InferenceEndpoint endpoint = wire::InferenceEndpoint::chat_completions;
    domain::Model model;
    std::vector<domain::PrefixHash> prefixes;
    // A guess.
    std::uint32_t prompt_tokens = 0;
    // Passed on byte for byte.
    std::string body;
    BodyMemory::Hold memory;
    SteadyTime arrived_at;
    Deadline wait_until = Deadline::never();
    MigrationLimits migration;
  };
  Forward(ApiRequest& request, Dispatcher& dispatcher, UsageMeter& usage, Metrics& metrics, const Clock& clock,
          Work work);
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
    // The worker was lost in the middle of a stream that another one can go on with.
    interrupted,
  };

  boost::asio::awaitable<Outcome> attempt(std::shared_ptr<WorkerLink> worker, std::uint32_t copy);
  // The next worker goes on with an interrupted stream.
  boost::asio::awaitable<Outcome> go_on(std::shared_ptr<WorkerLink> worker, std::uint32_t copy);
  // Writes events of a stream that goes on.
  boost::asio::awaitable<Result<void>> write_more(std::string_view events);
  // They are about to be written.
  void note_events(std::string_view events);
  // The answer's head is there; each of them reads the rest.
  boost::asio::awaitable<Outcome> pass_stream(net::ResponseHead head);
  boost::asio::awaitable<Outcome> pass_whole(net::ResponseHead head);
  boost::asio::awaitable<Outcome> pass_error(net::ResponseHead head);
  // Writes what is complete of a stream of events and holds the rest.
  boost::asio::awaitable<Result<void>> write_events(std::string_view bytes);
  boost::asio::awaitable<Result<void>> begin(net::ResponseHead& head);
  // The stream has begun and its worker is lost: it is interrupted, or ends with an error.
  boost::asio::awaitable<Outcome> end_broken_stream();
  boost::asio::awaitable<void> end_stream(ErrorResponse error);
  bool can_migrate() const;
  boost::asio::awaitable<void> answer_cut_off();

  // The client is gone, or its key was revoked: nobody is to have the answer.
  void cut_off();
  // Counts what the answer took, once, if it has begun.
  void account();
  void release_slot();
  void note_first_byte();

  ApiRequest& request_;
  net::HttpExchange& exchange_;
  Dispatcher& dispatcher_;
  UsageMeter& meter_;
  Metrics& metrics_;
  const Clock& clock_;
  Work work_;
  std::unique_ptr<Dispatcher::Ticket> ticket_;
  // Of the attempt under way.
  std::unique_ptr<WorkStream> stream_;
  // Of a stream: what the client has of it.
  std::unique_ptr<wire::AnswerRecord> record_;
  // Once it was interrupted.
  std::unique_ptr<wire::Continuation> continuation_;
  std::unique_ptr<Takeover> takeover_;
  // Workers that were lost before anything of the answer had reached the client, and after that.
  unsigned retries_ = 0;
  unsigned migrations_ = 0;
  // Of workers, since the last piece that the client was sent.
  unsigned failures_ = 0;
  unsigned losses_ = 0;
  // The newest worker had begun with its part of the answer.
  bool begun_ = false;
  SteadyTime interrupted_at_{};
  // The beginning of an event whose end has not come.
  std::string held_;
  // The stream said that it is complete.
  bool saw_done_ = false;
  // What the answer says of itself, as it passes by.
  wire::StreamUsage passed_;
  // What a whole answer says.
  std::optional<domain::Usage> said_;
  bool answered_ = false;
  bool seam_open_ = false;
  bool accounted_ = false;
  bool gone_ = false;
  // Gone, or revoked.
  bool cut_off_ = false;
};

}  // namespace gogrid::coordinator
