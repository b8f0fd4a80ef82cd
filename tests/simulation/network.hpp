// Network: the connections between workers and the coordinator. Inside a connection everything arrives once and in
// order; links are slow or cut; each end learns in its own time that a connection is broken; and what an old connection
// had under way may still come out of it after a new one has taken its place. One thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "simulation/stage.hpp"

namespace gogrid::simulation {

struct Connection {
  std::size_t worker = 0;
  bool is_open_at_worker = true;
  bool is_open_at_coordinator = true;
  // Set by each end: the other one is gone.
  std::function<void()> lost_at_worker;
  // `has_left`: it was closed, not broken.
  std::function<void(bool has_left)> lost_at_coordinator;
  SteadyTime last_to_worker{};
  SteadyTime last_to_coordinator{};
};
using ConnectionPtr = std::shared_ptr<Connection>;

class Network {
 public:
  explicit Network(Stage& stage) : stage_(stage) {}

  void add_link(Duration latency) { links_.push_back(Link{latency, Duration(0), SteadyTime{}, {}}); }
  void set_coordinator_up(bool is_up);

  // nullptr when nobody answers.
  void connect(std::size_t worker, std::function<void(ConnectionPtr)> done);
  void to_worker(const ConnectionPtr& connection, std::function<void()> message);
  // `late`: what happens when it comes out of a connection that its receiver has given up.
  void to_coordinator(const ConnectionPtr& connection, std::function<void()> message,
                      std::function<void()> late = nullptr);
  void close_at_worker(const ConnectionPtr& connection, bool is_leaving);
  void close_at_coordinator(const ConnectionPtr& connection);

  void cut(std::size_t worker, Duration duration);
  void slow_down(std::size_t worker, Duration extra) { links_[worker].extra = extra; }
  void heal();

 private:
  struct Link {
    Duration latency;
    Duration extra;
    SteadyTime cut_until;
    // Those that may be open at one end at least.
    std::vector<std::weak_ptr<Connection>> connections;
  };

  // When something that is sent now arrives, no earlier than what was sent before it.
  SteadyTime arrival(const Link& link, SteadyTime& last);
  // How long it takes the other end to know.
  Duration notice(const Link& link);
  void break_at_worker(const ConnectionPtr& connection);
  void break_at_coordinator(const ConnectionPtr& connection, bool has_left);

  Stage& stage_;
  std::vector<Link> links_;
  bool is_coordinator_up_ = false;
  std::uint64_t coordinator_life_ = 0;
};

}  // namespace gogrid::simulation
