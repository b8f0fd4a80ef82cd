// A seeded random walk through every event of the scheduler. An independent account of slots, workers and requests is
// kept from its actions alone and compared after each step.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "domain/scheduler.hpp"

namespace gogrid::domain {
namespace {

using namespace std::chrono_literals;

class Walk {
 public:
  explicit Walk(std::uint64_t seed) : random_(seed), scheduler_(limits()) {
    for (int i = 0; i < 3; ++i) {
      scheduler_.model_added(model(i), now_);
      models_.insert(i);
    }
    scheduler_.workers_expected({WorkerId("w0"), WorkerId("w1")}, 5s, now_);
    scheduler_.engine_changed("linux-x86_64", EngineBundle{"e", "cpu", 1, "linux-x86_64"}, now_);
  }

  void step() {
    now_ += std::chrono::milliseconds(pick(200));
    if (const auto due = scheduler_.next_tick(); due && *due <= now_) handle(scheduler_.tick(now_));
    switch (pick(14)) {
      case 0:
        return connect();
      case 1:
        return disconnect();
      case 2:
        return change_models();
      case 3:
      case 4:
      case 5:
        return report();
      case 6:
      case 7:
      case 8:
      case 9:
        return submit();
      case 10:
      case 11:
        return finish_one();
      case 12:
        return return_one();
      default:
        handle(scheduler_.tick(now_));
    }
  }

  void check() {
    scheduler_.check_invariants();
    std::size_t running = 0;
    for (const auto& [key, requests] : running_)
      running += requests.size();
    const auto totals = scheduler_.totals();
    ASSERT_EQ(totals.requests_running, running);
    ASSERT_EQ(totals.requests_waiting, waiting_.size());
    ASSERT_LE(waiting_.size(), limits().max_waiting_requests + returned_);
    for (const auto& request : waiting_) {
      const auto explanation = scheduler_.explain(RequestId(request), now_);
      ASSERT_TRUE(explanation) << request;
      ASSERT_FALSE(explanation->text.empty());
    }
  }

  // Everything ends: no worker, no model, no request left behind.
  void finish() {
    for (int i = 0; i < 8; ++i) {
      mark_lost("w" + std::to_string(i));
      handle(scheduler_.worker_gone(WorkerId("w" + std::to_string(i)), false, now_));
    }
    for (const auto& request : std::set<std::string>(lost_)) {
      lost_.erase(request);
      handle(scheduler_.request_finished(RequestId(request), now_));
    }
    now_ += 1h;
    handle(scheduler_.tick(now_));
    check();
    EXPECT_TRUE(waiting_.empty());
    EXPECT_EQ(scheduler_.totals().requests_running, 0u);
  }

  std::size_t dispatched() const { return dispatched_; }
  std::size_t rejected() const { return rejected_; }

 private:
  using Key = std::pair<std::string, std::string>;  // worker, model

  struct Known {
    Availability availability = Availability::available;
    bool reported = false;
    std::map<std::string, ReplicaReport> replicas;
    std::set<std::string> assigned;
  };

  static SchedulerLimits limits() {
    SchedulerLimits limits;
    limits.max_waiting_requests = 20;
    return limits;
  }
  static Model model(int number) {
    const std::string name = std::to_string(number);
    return Model{ModelId("m" + name), name, ModelKind::chat, name, 1'000'000'000, 4096, 2};
  }
  std::size_t pick(std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_); }
  std::string any_worker() { return "w" + std::to_string(pick(8)); }

  void connect() {
    const std::string id = any_worker();
    mark_lost(id);
    WorkerFacts facts;
    facts.target = pick(10) == 0 ? "linux-aarch64" : "linux-x86_64";
    facts.hardware.memory_bytes = (3 + pick(8)) * 1'000'000'000;
    workers_[id] = Known{};
    handle(scheduler_.worker_connected(WorkerId(id), facts, now_));
  }

  void disconnect() {
    const std::string id = any_worker();
    mark_lost(id);
    workers_.erase(id);
    handle(scheduler_.worker_gone(WorkerId(id), pick(2) == 0, now_));
  }

  void mark_lost(const std::string& worker) {
    for (auto& [key, requests] : running_) {
      if (key.first != worker) continue;
      lost_.insert(requests.begin(), requests.end());
      requests.clear();
    }
  }

  void change_models() {
    const int number = static_cast<int>(pick(4));
    if (models_.count(number) > 0 && models_.size() > 1 && pick(2) == 0) {
      models_.erase(number);
      handle(scheduler_.model_removed(ModelId("m" + std::to_string(number)), now_));
    } else {
      models_.insert(number);
      handle(scheduler_.model_added(model(number), now_));
    }
  }

  void report() {
    const std::string id = any_worker();
    const auto known = workers_.find(id);
    if (known == workers_.end()) return;
    WorkerReport report;
    const std::size_t roll = pick(8);
    report.availability = roll < 5 ? Availability::available : static_cast<Availability>(roll - 4);
    known->second.replicas.clear();
    for (int number = 0; number < 4; ++number) {
      if (pick(5) == 0) continue;
      ReplicaReport replica;
      replica.model = ModelId("m" + std::to_string(number));
      replica.progress.phase = pick(2) == 0 ? Phase::ready : all_phases[pick(std::size(all_phases))];
      replica.slots = static_cast<std::uint32_t>(pick(4));
      known->second.replicas[replica.model.text()] = replica;
      report.replicas.push_back(replica);
    }
    known->second.availability = report.availability;
    known->second.reported = true;
    handle(scheduler_.worker_reported(WorkerId(id), std::move(report), now_));
  }

  void submit() {
    const std::string id = "r" + std::to_string(++submitted_);
    const std::string its_model = "m" + std::to_string(pick(4));
    waiting_.insert(id);
    handle(scheduler_.request_submitted(
        Request{RequestId(id), ModelId(its_model), Deadline::at(now_ + std::chrono::seconds(pick(20)))}, now_));
  }

  // Any request that the scheduler has not rejected.
  std::string any_request() {
    std::vector<std::string> all(waiting_.begin(), waiting_.end());
    all.insert(all.end(), lost_.begin(), lost_.end());
    for (const auto& [key, requests] : running_)
      all.insert(all.end(), requests.begin(), requests.end());
    return all.empty() ? "" : all[pick(all.size())];
  }
  void forget(const std::string& request) {
    waiting_.erase(request);
    lost_.erase(request);
    for (auto& [key, requests] : running_)
      requests.erase(request);
  }

  void finish_one() {
    const std::string request = any_request();
    if (request.empty()) return;
    forget(request);
    handle(scheduler_.request_finished(RequestId(request), now_));
  }

  void return_one() {
    const std::string request = any_request();
    if (request.empty() || waiting_.count(request) > 0) return;
    forget(request);
    waiting_.insert(request);
    ++returned_;
    if (returned_ % 2 == 0) return handle(scheduler_.request_returned(RequestId(request), ReturnCause::refused, now_));
    handle(scheduler_.request_interrupted(RequestId(request), ReturnCause::refused, std::chrono::seconds(30), now_));
  }

  void handle(const Actions& actions) {
    // Assignments are in force before what is dispatched in the same step.
    for (const auto& action : actions) {
      const auto* assign = std::get_if<Assign>(&action);
      if (assign == nullptr) continue;
      ASSERT_EQ(workers_.count(assign->worker.text()), 1u) << "assigned to a worker that is not connected";
      auto& assigned = workers_[assign->worker.text()].assigned;
      assigned.clear();
      for (const auto& its_model : assign->assignment.replicas)
        assigned.insert(its_model.model.id.text());
    }
    for (const auto& action : actions) {
      if (const auto* dispatch = std::get_if<Dispatch>(&action)) handle_dispatch(*dispatch);
      if (const auto* reject = std::get_if<Reject>(&action)) {
        ++rejected_;
        ASSERT_EQ(waiting_.erase(reject->request.text()), 1u) << "rejected twice";
        ASSERT_FALSE(reject->text.empty());
      }
    }
  }

  void handle_dispatch(const Dispatch& dispatch) {
    ++dispatched_;
    ASSERT_EQ(waiting_.erase(dispatch.request.text()), 1u) << "dispatched twice, or after its end";
    const auto known = workers_.find(dispatch.worker.text());
    ASSERT_NE(known, workers_.end()) << "dispatched to a worker that is gone";
    ASSERT_TRUE(known->second.reported);
    ASSERT_EQ(known->second.availability, Availability::available) << "dispatched to a worker that takes nothing new";
    ASSERT_EQ(known->second.assigned.count(dispatch.model.text()), 1u) << "dispatched to a worker without the model";
    const auto replica = known->second.replicas.find(dispatch.model.text());
    ASSERT_NE(replica, known->second.replicas.end());
    ASSERT_EQ(replica->second.progress.phase, Phase::ready);
    auto& requests = running_[Key(dispatch.worker.text(), dispatch.model.text())];
    ASSERT_LT(requests.size(), replica->second.slots) << "slot oversubscribed";
    requests.insert(dispatch.request.text());
  }

  std::mt19937_64 random_;
  Scheduler scheduler_;
  SteadyTime now_{1h};
  std::map<std::string, Known> workers_;
  std::set<int> models_;
  std::set<std::string> waiting_;
  std::set<std::string> lost_;
  std::map<Key, std::set<std::string>> running_;
  std::size_t submitted_ = 0;
  std::size_t dispatched_ = 0;
  std::size_t rejected_ = 0;
  std::size_t returned_ = 0;
};

class SchedulerWalk : public testing::TestWithParam<std::uint64_t> {};

TEST_P(SchedulerWalk, HoldsItsInvariantsAfterEveryStep) {
  Walk walk(GetParam());
  for (int step = 0; step < 4'000; ++step) {
    walk.step();
    walk.check();
    if (HasFatalFailure()) FAIL() << "seed " << GetParam() << ", step " << step;
  }
  walk.finish();
  // It went somewhere.
  EXPECT_GT(walk.dispatched(), 100u);
  EXPECT_GT(walk.rejected(), 100u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SchedulerWalk, testing::Range<std::uint64_t>(1, 9));

}  // namespace
}  // namespace gogrid::domain
