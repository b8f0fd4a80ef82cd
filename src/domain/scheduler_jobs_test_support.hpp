// For tests of jobs in the scheduler: one with clocks of its own, a model "a" and short names for what happens.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "domain/scheduler.hpp"

namespace gogrid::domain::test {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr SystemTime epoch = SystemTime(std::chrono::hours(24 * 20'000));

// A scheduler with clocks of its own, one model "a" and ready workers.
class SchedulerJobsTest : public testing::Test {
 protected:
  SchedulerJobsTest() {
    scheduler_.clock_read(epoch, now_);
    scheduler_.begin_leases(7);
    scheduler_.model_added(Model{ModelId("m_a"), "a", ModelKind::chat, "sha", 1'000'000'000, 4096, 1}, now_);
    scheduler_.engine_changed("linux-x86_64", EngineBundle{"e", "cpu", 1, "linux-x86_64"}, now_);
  }

  Actions worker(const std::string& id, std::uint32_t slots = 1, std::vector<std::uint64_t> leases = {}) {
    WorkerFacts facts;
    facts.target = "linux-x86_64";
    facts.hardware.memory_bytes = 16'000'000'000;
    facts.keeps_leases = true;
    facts.leases = std::move(leases);
    Actions actions = scheduler_.worker_connected(WorkerId(id), facts, now_);
    WorkerReport report;
    report.replicas.push_back(ReplicaReport{ModelId("m_a"), Progress{Phase::ready, 0, 0, ""}, slots, 1});
    append(actions, scheduler_.worker_reported(WorkerId(id), report, now_));
    return actions;
  }
  Actions gone(const std::string& id, bool may_return = true) {
    return scheduler_.worker_gone(WorkerId(id), may_return, now_);
  }
  static void append(Actions& actions, Actions more) {
    actions.insert(actions.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }

  Job job(std::int64_t id, int priority = 50, const std::string& key = "k") {
    Job made;
    made.id = JobId(id);
    made.model = "a";
    made.key = KeyId(key);
    made.priority = priority;
    made.created_at = system_now();
    made.max_attempts = 3;
    return made;
  }
  Actions submit(Job made) { return scheduler_.job_submitted(std::move(made), false, now_); }
  Actions submit(std::int64_t id, int priority = 50, const std::string& key = "k") {
    return submit(job(id, priority, key));
  }
  Actions ended(std::int64_t id, AttemptOutcome outcome, std::uint64_t tokens = 100) {
    AttemptEnd end;
    end.outcome = outcome;
    end.reason = outcome == AttemptOutcome::succeeded ? "" : "the engine broke";
    end.usage.completion_tokens = tokens;
    return scheduler_.job_ended(JobId(id), leases_[id], end, now_);
  }
  Actions succeed(std::int64_t id, std::uint64_t tokens = 100) {
    Actions actions = ended(id, AttemptOutcome::succeeded, tokens);
    scheduler_.job_stored(JobId(id), now_);
    return actions;
  }
  Actions pass(std::chrono::milliseconds time) {
    now_ += time;
    return scheduler_.tick(now_);
  }
  // Lets the job that was leased last succeed, again and again. Which ones these were.
  std::vector<std::int64_t> serve(Actions actions, std::size_t count) {
    std::vector<std::int64_t> order;
    while (order.size() < count) {
      words(actions);
      std::int64_t leased = 0;
      for (const auto& action : actions) {
        if (const auto* lease = std::get_if<Lease>(&action)) leased = lease->job.value();
      }
      if (leased == 0) break;
      order.push_back(leased);
      // The last one runs on.
      if (order.size() < count) actions = succeed(leased);
    }
    return order;
  }
  static auto of_calm(const std::vector<std::int64_t>& jobs) {
    return std::count_if(jobs.begin(), jobs.end(), [](std::int64_t id) { return id >= 9000; });
  }
  SystemTime system_now() const { return epoch + (now_ - start_); }
  Explanation why(std::int64_t id) { return scheduler_.explain(JobId(id), now_).value_or(Explanation{}); }

  // "1>w1#1" for a lease (job, worker, attempt), "1=failed" for a settled job, "1x" for a revoked lease, "1<w1" for a
  // resumed one; assignments are left out.
  std::vector<std::string> words(const Actions& actions) {
    std::vector<std::string> words;
    for (const auto& action : actions) {
      if (const auto* lease = std::get_if<Lease>(&action)) {
        EXPECT_GT(lease->lease, leases_[lease->job.value()]);
        leases_[lease->job.value()] = lease->lease;
        words.push_back(std::to_string(lease->job.value()) + ">" + lease->worker.text() + "#" +
                        std::to_string(lease->attempt));
      } else if (const auto* settle = std::get_if<Settle>(&action)) {
        words.push_back(std::to_string(settle->job.value()) + "=" + std::string(to_string(settle->state)));
        last_ = *settle;
      } else if (const auto* revoke = std::get_if<Revoke>(&action)) {
        words.push_back(std::to_string(revoke->job.value()) + "x");
      } else if (const auto* resume = std::get_if<Resume>(&action)) {
        words.push_back(std::to_string(resume->job.value()) + "<" + resume->worker.text());
      } else if (const auto* dispatch = std::get_if<Dispatch>(&action)) {
        words.push_back(dispatch->request.text() + ">" + dispatch->worker.text());
      } else if (const auto* reject = std::get_if<Reject>(&action)) {
        words.push_back(reject->request.text() + "!" + std::string(to_string(reject->code)));
      }
    }
    scheduler_.check_invariants();
    return words;
  }

  const SteadyTime start_{1h};
  SteadyTime now_ = start_;
  Scheduler scheduler_{SchedulerLimits{}};
  std::map<std::int64_t, LeaseId> leases_;
  Settle last_;
};

}  // namespace gogrid::domain::test
