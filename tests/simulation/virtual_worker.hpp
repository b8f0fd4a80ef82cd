// VirtualWorker: a worker in virtual time with engines that take as long as their work is large, fail, crash and hang;
// an owner who pauses it; and a connection that it makes again when it breaks. One thread.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "domain/scheduler.hpp"
#include "simulation/network.hpp"
#include "simulation/stage.hpp"
#include "simulation/work.hpp"

namespace gogrid::simulation {

class Coordinator;

// What a worker is told to run.
struct JobOrder {
  domain::JobId job;
  domain::LeaseId lease = 0;
  domain::ReplicaKey replica;
  Work work;
};
struct RequestOrder {
  domain::RequestId request;
  domain::ReplicaKey replica;
  Work work;
};

class VirtualWorker {
 public:
  struct Traits {
    bool keeps_leases = true;
    // Tokens a second.
    double speed = 30;
    std::uint64_t memory_bytes = 64'000'000'000;
    // Each has that much memory.
    unsigned gpus = 0;
    std::uint64_t gpu_bytes = 0;
  };

  VirtualWorker(Stage& stage, Network& network, Coordinator& coordinator, std::size_t index, Traits traits);

  const domain::WorkerId& id() const { return id_; }
  void switch_on();

  // From the coordinator.
  void assigned(const domain::Assign& assign);
  void take(const JobOrder& order);
  void take(const RequestOrder& order);
  void stop(domain::LeaseId lease);
  void stop(const domain::RequestId& request);
  // The answer is wanted, from its beginning, as soon as it is there.
  void fetch(domain::LeaseId lease);

  // What can happen to it.
  void crash(Duration away);
  void lose_connection();
  void pause(Duration duration);
  void drain(Duration away);
  void refuse(Duration duration);
  void fail_engines(Duration duration);
  // Everything takes longer by this factor.
  void slow_down(double factor) { slowness_ = factor; }
  void heal();

 private:
  enum class Power { off, connecting, connected };
  struct Replica {
    domain::ReplicaKey key;
    domain::Model model;
    std::optional<domain::Placement> placement;
    domain::Phase phase = domain::Phase::waiting;
    std::uint32_t starts = 0;
    // Of its loading: an older one leads nowhere.
    std::uint64_t generation = 0;
  };
  struct Run {
    domain::JobId job;
    domain::ReplicaKey replica;
    Work work;
    std::uint64_t number = 0;
    // The coordinator waits for the answer on this connection.
    bool is_wanted = true;
    std::optional<domain::AttemptEnd> end;
  };

  void connect();
  void connect_later(Duration delay);
  void connected(ConnectionPtr connection);
  void connection_lost();
  void report();
  void load(Replica& replica, Duration failing);
  void let_go(const domain::ReplicaKey& key);
  bool is_busy_with(const domain::ReplicaKey& key) const;
  bool can_take(const domain::ReplicaKey& key) const;
  Duration service_time(const Work& work);
  void begin(const domain::ReplicaKey& key, const Work& work, std::uint64_t number, std::function<void()> begun,
             std::function<void(domain::AttemptEnd)> ended);
  void crash_engine(const domain::ReplicaKey& key, const std::string& reason);
  void job_ended(domain::LeaseId lease, domain::AttemptEnd end);
  void send_end(domain::LeaseId lease);
  void request_ended(const domain::RequestId& id, domain::AttemptEnd end);
  void become(domain::Availability availability, Duration duration);
  void leave(Duration away);
  void give_back_everything();

  Stage& stage_;
  Network& network_;
  Coordinator& coordinator_;
  const std::size_t index_;
  const Traits traits_;
  const domain::WorkerId id_;

  Power power_ = Power::off;
  // Of the daemon: what an earlier one began is gone.
  std::uint64_t life_ = 0;
  std::uint64_t numbers_ = 0;
  ConnectionPtr connection_;
  domain::Availability availability_ = domain::Availability::available;
  std::uint64_t availability_number_ = 0;
  double slowness_ = 1;
  unsigned failed_connects_ = 0;
  std::map<domain::ReplicaKey, Replica> replicas_;
  // Their memory is not back.
  std::set<domain::ReplicaKey> leaving_;
  std::uint64_t revision_ = 0;
  std::map<domain::LeaseId, Run> jobs_;
  std::map<domain::RequestId, Run> requests_;
};

}  // namespace gogrid::simulation
