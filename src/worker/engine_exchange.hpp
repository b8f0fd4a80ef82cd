// EngineExchange: one request at an engine: its body goes in part by part as it comes from the coordinator, its answer
// is read part by part as the engine makes it. Owned by the work it belongs to; event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "net/http_client.hpp"
#include "wire/usage.hpp"
#include "wire/worker_protocol.pb.h"
#include "worker/event_pace.hpp"
#include "worker/notifier.hpp"
#include "worker/replica_key.hpp"

namespace gogrid::worker {

// An engine that is ready, held for one request.
struct EngineUse {
  std::shared_ptr<net::HttpClient> client;
  // As long as it lives the request counts.
  std::shared_ptr<void> hold;
  // The engine could not be reached although it should be.
  std::function<void()> suspect;
  // Why the worker gives up work that has begun, when it does: its owner wants the machine, and that is not the
  // engine's fault.
  std::function<std::optional<Error>()> given_up;
  // Told of an answer when it has ended, or is not read any further: how many tokens it took so far, as the engine says
  // or as its events tell, and whether it is whole. May be empty.
  std::function<void(std::uint64_t tokens, bool whole)> answered;
};
// Where a request for a model goes, or why it is refused.
using FindEngine = std::function<Result<EngineUse>(const ReplicaKey& replica)>;

// Whether a request may be made to an engine: only what answers requests, nothing that changes or shows its insides.
bool is_engine_path(std::string_view method, std::string_view path);

// An engine's answer while it is read.
class EngineAnswer {
 public:
  explicit EngineAnswer(net::HttpResponse& response);

  // Status and content type, as they are sent.
  wire::WorkResponse head() const;
  // The next part, valid until the next call; empty at the end. Events that follow each other fast come together
  // (EventPace).
  boost::asio::awaitable<Result<std::string_view>> next();

  bool succeeded() const;
  // By what was read of it; nullopt: it is none that takes tokens.
  std::optional<domain::Usage> usage() const { return usage_.usage(); }

 private:
  net::HttpResponse& response_;
  const bool events_;
  const std::unique_ptr<std::byte[]> memory_;
  wire::StreamUsage usage_;
  EventPace pace_;
  EventPace::TimePoint began_;
  EventPace::TimePoint arrived_;
  // Of the part before.
  std::size_t count_ = 0;
};

class EngineExchange {
 public:
  EngineExchange(boost::asio::any_io_executor executor, wire::WorkRequest request, FindEngine find_engine);

  const wire::WorkRequest& request() const { return request_; }

  // The next part of the body; more than was announced is `protocol`.
  Result<void> add_body(std::string part);
  // No more of it comes.
  void end_body();
  // What still comes of it is not wanted.
  void discard_body();
  bool has_body() const { return received_bytes_ == request_.body_bytes(); }
  // Waits while as much as may wait for the engine does.
  boost::asio::awaitable<void> room();

  using Pass = std::function<boost::asio::awaitable<Result<void>>(EngineAnswer&)>;
  // Asks the engine and lets `pass` take its answer. An error is what the coordinator is told. Cancelling closes the
  // engine's connection.
  boost::asio::awaitable<Result<void>> run(Pass pass);

 private:
  boost::asio::awaitable<Result<std::string>> whole_body();
  boost::asio::awaitable<Result<std::size_t>> next_body_part(std::span<std::byte> buffer);

  const wire::WorkRequest request_;
  FindEngine find_engine_;
  Notifier changed_;
  std::deque<std::string> body_;
  std::size_t waiting_bytes_ = 0;
  std::uint64_t received_bytes_ = 0;
  bool ended_ = false;
  bool discarded_ = false;
};

}  // namespace gogrid::worker
