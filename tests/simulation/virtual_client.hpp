// VirtualClient: whoever holds one API key, in virtual time: it submits jobs, one by one and in floods, repeats what
// was not answered, cancels, retries, asks interactively and hangs up. One thread.
#pragma once

#include <vector>

#include "simulation/coordinator.hpp"
#include "simulation/ledger.hpp"
#include "simulation/stage.hpp"

namespace gogrid::simulation {

class VirtualClient {
 public:
  struct Habits {
    domain::KeyId key;
    std::vector<std::string> models;
    // Between two of each, on average; zero is never.
    Duration between_jobs{0};
    Duration between_floods{0};
    std::size_t flood = 0;
    Duration between_questions{0};
    double repeats = 0;
    double cancels = 0;
    double retries = 0;
    double delays = 0;
    double deadlines = 0;
    // Of what it sends.
    double poison = 0;
    bool has_priorities = true;
  };

  VirtualClient(Stage& stage, Coordinator& coordinator, Ledger& ledger, Habits habits)
      : stage_(stage), coordinator_(coordinator), ledger_(ledger), habits_(std::move(habits)) {}

  void begin();
  // Sends nothing new; what is under way goes on.
  void stop() { is_stopped_ = true; }

  std::size_t answered() const { return answered_; }

 private:
  void every(Duration mean, void (VirtualClient::*act)());
  void submit_one();
  void submit_flood();
  void ask();
  void send(const Coordinator::Submission& submission, unsigned tries);
  void acknowledged(const Coordinator::Submission& submission, domain::JobId job);
  void cancel(domain::JobId job);
  void retry(domain::JobId job);
  Work work();
  Duration latency() {
    return stage_.random.between(Duration(std::chrono::milliseconds(1)), Duration(std::chrono::milliseconds(60)));
  }

  Stage& stage_;
  Coordinator& coordinator_;
  Ledger& ledger_;
  const Habits habits_;
  bool is_stopped_ = false;
  std::uint64_t numbers_ = 0;
  std::size_t answered_ = 0;
};

}  // namespace gogrid::simulation
