// What `gogrid top` shows, as lines: workers, models with their queues, keys, and how much is done. Pure but for the
// rates, which need what was seen before. One owner, one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "cli/formatter/table.hpp"
#include "client/queue_types.hpp"

namespace gogrid::cli {

// Work a second over the last seconds, made of the coordinator's counters.
struct Throughput {
  double requests = 0;
  double jobs = 0;
  double prompt_tokens = 0;
  double completion_tokens = 0;
};

class ThroughputMeter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Counters that went back are those of a coordinator that has started again.
  void add(Time now, const client::WorkDone& done);
  // nullopt until there is something to compare.
  std::optional<Throughput> rates() const;

 private:
  struct Sample {
    Time time;
    client::WorkDone done;
  };
  std::deque<Sample> samples_;
};

struct TopState {
  std::string url;
  client::QueueState queue;
  std::vector<client::Worker> workers;
  std::optional<Throughput> throughput;
  // Why the rest is as it was some time ago; empty when it is new.
  std::string trouble;
};

// `rows` 0: as many as there are; otherwise what does not fit is counted in a line of its own.
std::vector<std::string> top_lines(const TopState& state, const View& view, std::size_t rows);

}  // namespace gogrid::cli
