// The inference API: /v1/chat/completions and its kin are checked, given to a worker, and the engine's answer is passed
// through as it comes; /v1/models lists what can be asked for. Owned by the Coordinator, used on the io thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>

#include "base/clock.hpp"
#include "coordinator/api/body_memory.hpp"
#include "coordinator/api/forward.hpp"
#include "coordinator/api/router.hpp"
#include "wire/openai_request.hpp"

namespace gogrid::coordinator {

class Dispatcher;
class KeptStreams;
class Metrics;
class ModelLibrary;
class UsageMeter;

class InferenceApi {
 public:
  struct Options {
    std::size_t max_body_bytes = 32 * 1024 * 1024;
    // Of all requests together that are being read or wait for their answer to begin; not less than max_body_bytes.
    std::size_t max_held_bytes = 512 * 1024 * 1024;
    // How long a request waits for a slot.
    std::chrono::milliseconds wait_timeout{120'000};
    MigrationLimits migration;
  };

  // All of them outlive it.
  InferenceApi(Dispatcher& dispatcher, const ModelLibrary& models, KeptStreams& kept, UsageMeter& usage,
               Metrics& metrics, const Clock& clock, Options options);

  // Adds its routes, scope inference. The router must not outlive it.
  void mount(Router& router);

  boost::asio::awaitable<void> handle(ApiRequest& request, wire::InferenceEndpoint endpoint);
  boost::asio::awaitable<void> list_models(ApiRequest& request);
  boost::asio::awaitable<void> show_model(ApiRequest& request);

 private:
  boost::asio::awaitable<void> forward(ApiRequest& request, std::shared_ptr<Forward::Work> work);

  Dispatcher& dispatcher_;
  const ModelLibrary& models_;
  KeptStreams& kept_;
  UsageMeter& usage_;
  Metrics& metrics_;
  const Clock& clock_;
  const Options options_;
  BodyMemory memory_;
};

}  // namespace gogrid::coordinator
