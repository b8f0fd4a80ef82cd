// Leases: the work that coordinators may ask for again: each runs apart from its stream, keeps its answer, and when its
// connection is lost goes on for a while. LeasedWork: one of them. Owned by the worker; event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/task_group.hpp"
#include "net/byte_stream.hpp"
#include "worker/engine_exchange.hpp"
#include "worker/notifier.hpp"
#include "worker/spool.hpp"

namespace gogrid::worker {

class LeasedWork {
 public:
  LeasedWork(boost::asio::any_io_executor executor, std::uint64_t lease, std::shared_ptr<EngineExchange> exchange,
             std::shared_ptr<SpoolRoom> room);

  std::uint64_t lease() const { return lease_; }
  const std::shared_ptr<EngineExchange>& exchange() const { return exchange_; }

  // The stream that gets the answer from now on, as a number; the one before gets no more of it.
  unsigned attach();
  // Writes the answer to the stream from its beginning, as it comes, without the end, which is the result. When the
  // stream breaks that is an error as well.
  boost::asio::awaitable<Result<void>> deliver(std::shared_ptr<net::ByteStream> stream, unsigned attachment);

 private:
  friend class Leases;

  boost::asio::awaitable<void> ask_engine(std::shared_ptr<LeasedWork> self);
  boost::asio::awaitable<Result<void>> take_answer(EngineAnswer& answer);
  // What to write next, from `position` in the answer; empty: nothing yet.
  boost::asio::awaitable<Result<std::string>> next_frame(std::uint64_t& position);
  void stop();
  // All that was sent can be sent again.
  bool complete() const { return !passed_unspooled_ && exchange_->has_body(); }
  bool ended() const { return outcome_.has_value(); }

  const std::uint64_t lease_;
  const std::shared_ptr<EngineExchange> exchange_;
  TaskGroup tasks_;
  Notifier changed_;
  std::optional<wire::WorkResponse> head_;
  Spool spool_;
  // A part for which the spool has no room.
  std::string_view unspooled_;
  // Parts have gone to the stream past the spool: without that stream the answer is of no use.
  bool passed_unspooled_ = false;
  std::optional<Result<void>> outcome_;
  bool stopped_ = false;
  unsigned attachment_ = 0;
  bool attached_ = false;
  boost::asio::steady_timer grace_;
};

class Leases {
 public:
  struct Options {
    // How long work goes on without a connection; 0: nothing is kept.
    std::chrono::milliseconds grace{0};
    // Whether work may go on while nobody is connected who could stop it.
    std::function<bool()> may_go_on;
    // An engine is free of one.
    std::function<void()> on_ended;
  };

  Leases(boost::asio::any_io_executor executor, Options options, std::shared_ptr<SpoolRoom> room);

  // There is room for one more; without it work ends with its stream.
  bool can_begin() const;
  // The engine is asked from now on, for the stream of the first attach(). `conflict` when the lease is known already.
  Result<std::shared_ptr<LeasedWork>> begin(std::uint64_t lease, std::shared_ptr<EngineExchange> exchange);
  // `not_found` when nothing is kept under it.
  Result<std::shared_ptr<LeasedWork>> find(std::uint64_t lease) const;

  enum class StreamEnd {
    confirmed,  // the coordinator has the whole answer
    lost,       // with its connection
    cancelled,
  };
  // How the stream of that attachment ended; ignored when another one has taken its place.
  void stream_ended(std::shared_ptr<LeasedWork> work, unsigned attachment, StreamEnd how);

  // Those that a coordinator may resume.
  std::vector<std::uint64_t> kept() const;
  // Of connections that are lost from now on.
  void set_grace(std::chrono::milliseconds grace) { options_.grace = grace; }
  // A coordinator was told of them: each has the whole grace again.
  void offered();
  // Stops and forgets it; an unknown one is ignored.
  void release(std::uint64_t lease);
  // Stops those that go on without a stream; what has its answer already stays.
  void stop_unwatched();
  // Stops all, now and from now on; wait for stopped().
  void stop();
  boost::asio::awaitable<void> stopped();

 private:
  boost::asio::awaitable<void> watch(std::shared_ptr<LeasedWork> work);
  void keep(LeasedWork& work);
  void forget(std::shared_ptr<LeasedWork> work);

  boost::asio::any_io_executor executor_;
  Options options_;
  std::shared_ptr<SpoolRoom> room_;
  std::map<std::uint64_t, std::shared_ptr<LeasedWork>> works_;
  TaskGroup tasks_;
  bool stopping_ = false;
};

}  // namespace gogrid::worker
