// EnginePace: lets an engine compute for a share of the time only, by stopping and continuing its processes in short
// turns: GPUs know no other limit of that kind that an ordinary user could set. Owned by a replica; event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "worker/sandbox/process.hpp"

namespace gogrid::worker {

class EnginePace {
 public:
  // `outermost` is the process that was started, and outlives this; those below it compute.
  EnginePace(boost::asio::any_io_executor executor, const Process& outermost);
  // Lets it go on.
  ~EnginePace();
  EnginePace(const EnginePace&) = delete;
  EnginePace& operator=(const EnginePace&) = delete;

  // A tenth of a second, of which it computes for `share`, above 0 and at most 1.
  boost::asio::awaitable<void> turn(double share);

 private:
  void signal(int number) const;

  boost::asio::steady_timer timer_;
  const Process& outermost_;
};

}  // namespace gogrid::worker
