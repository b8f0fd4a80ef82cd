// A scheduler, and machines that have ready what they are told to when a test says so.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "domain/scheduler.hpp"

namespace gogrid::domain {

using namespace std::chrono_literals;
using testing::HasSubstr;

inline constexpr std::uint64_t gigabyte = 1'000'000'000;

class PlacementTest : public testing::Test {
 protected:
  PlacementTest() { scheduler_.engine_changed("linux-x86_64", EngineBundle{"e", "vulkan", 1, "linux-x86_64"}, now_); }
  ~PlacementTest() override { scheduler_.check_invariants(); }

  // Takes 3 GB: 2 GB, a fifth of it and the engine, and on a GPU about 2.6 GB.
  static Model model(const std::string& name, std::uint32_t slots = 1) {
    Model model;
    model.id = ModelId("m_" + name);
    model.name = name;
    model.sha256 = "sha-" + name;
    model.size_bytes = 2 * gigabyte;
    model.context_tokens = 4096;
    model.slots = slots;
    model.shape.layers = 19;
    return model;
  }
  void add(Model its_model) { take(scheduler_.model_added(std::move(its_model), now_)); }

  // `memory_gb` for models.
  void connect(const std::string& worker, double memory_gb, bool has_gpu = false) {
    WorkerFacts facts;
    facts.target = "linux-x86_64";
    facts.host_name = "host-" + worker;
    facts.hardware.memory_bytes = static_cast<std::uint64_t>(memory_gb * 1e9 / 0.6) + 1000;
    facts.tells_devices = has_gpu;
    facts.runs_copies = has_gpu;
    facts.held = std::move(held_);
    held_.clear();
    machines_[worker] = {};
    take(scheduler_.worker_connected(WorkerId(worker), facts, now_));
  }
  void gone(const std::string& worker, bool may_return) {
    take(scheduler_.worker_gone(WorkerId(worker), may_return, now_));
  }
  void take(const Actions& actions) {
    for (const auto& action : actions) {
      if (const auto* assign = std::get_if<Assign>(&action)) {
        Machine& machine = machines_[assign->worker.text()];
        EXPECT_GT(assign->revision, machine.told);
        machine.told = assign->revision;
        machine.assignment = assign->assignment;
      } else if (const auto* dispatch = std::get_if<Dispatch>(&action)) {
        running_[dispatch->request.text()] = dispatch->worker.text();
        copies_[dispatch->request.text()] = dispatch->copy;
      } else if (const auto* reject = std::get_if<Reject>(&action)) {
        rejected_[reject->request.text()] = reject->text;
      } else if (const auto* lease = std::get_if<Lease>(&action)) {
        lease_ = *lease;
      } else if (const auto* measured = std::get_if<Measured>(&action)) {
        measured_.push_back(*measured);
      }
    }
  }

  // What the worker is to have: "a,b".
  std::string assigned(const std::string& worker) {
    std::string names;
    for (const auto& replica : machines_[worker].assignment.replicas)
      names += (names.empty() ? "" : ",") + replica.model.name;
    return names;
  }
  // The same with where: "a on GPU0 and GPU1, b on GPU0", "a" on the CPU.
  std::string placed(const std::string& worker) {
    std::string text;
    for (const auto& replica : machines_[worker].assignment.replicas) {
      text += (text.empty() ? "" : ", ") + replica.model.name;
      const char* before = " on ";
      for (const DeviceShare& share : replica.placement ? replica.placement->devices : std::vector<DeviceShare>())
        text += std::exchange(before, " and ") + share.device;
    }
    return text;
  }
  const AssignedReplica& only(const std::string& worker) { return machines_[worker].assignment.replicas.at(0); }

  // It has done all it was told: what is assigned is ready, what is not is gone.
  void settle(const std::string& worker) { report(worker, {}); }
  // The same, but these are in another phase, and may not be assigned any more.
  void report(const std::string& worker, const std::map<std::string, Phase>& phases) {
    WorkerReport report = report_of(worker);
    for (const auto& [name, phase] : phases) {
      const ModelId id("m_" + name);
      std::erase_if(report.replicas, [&id](const auto& replica) { return replica.model == id; });
      report.replicas.push_back(ReplicaReport{id, Progress{phase, 10, 100, "its last words"}, 1, 1});
    }
    send(worker, std::move(report));
  }
  WorkerReport report_of(const std::string& worker) {
    Machine& machine = machines_[worker];
    WorkerReport report;
    report.revision = machine.told;
    report.engine.progress.phase = Phase::ready;
    report.engine.devices = machine.devices;
    for (const auto& replica : machine.assignment.replicas)
      report.replicas.push_back(ReplicaReport{
          replica.model.id, Progress{Phase::ready, 0, 0, ""}, replica.model.slots, 1, {}, false, replica.copy});
    return report;
  }
  void send(const std::string& worker, WorkerReport report) {
    take(scheduler_.worker_reported(WorkerId(worker), std::move(report), now_));
    scheduler_.check_invariants();
  }
  void fail(const std::string& worker, bool out_of_memory, std::uint32_t starts = 1) {
    WorkerReport report = report_of(worker);
    ReplicaReport& replica = report.replicas.at(0);
    replica.progress = Progress{Phase::failed, 0, 0, "the engine ended:\nits log"};
    replica.out_of_memory = out_of_memory;
    replica.starts = starts;
    send(worker, std::move(report));
  }
  static EngineDevice device(const std::string& name, double total_gb, double limit_gb = 1000, double foreign_gb = 0) {
    const auto bytes = [](double gb) { return static_cast<std::uint64_t>(gb * 1e9); };
    return {name, "A card", bytes(total_gb), std::min(bytes(total_gb), bytes(limit_gb)), bytes(foreign_gb)};
  }

  void submit(const std::string& request, const std::string& name) {
    take(scheduler_.request_submitted(Request{RequestId(request), ModelId("m_" + name), Deadline::at(now_ + 600s)},
                                      now_));
    scheduler_.check_invariants();
  }
  void finish(const std::string& request) {
    running_.erase(request);
    take(scheduler_.request_finished(RequestId(request), now_, Usage{10, 10}));
  }
  std::string why(const std::string& request) {
    const auto explanation = scheduler_.explain(RequestId(request), now_);
    return explanation ? std::string(to_string(explanation->reason)) + ": " + explanation->text : "it does not wait";
  }
  void pass(std::chrono::milliseconds time) {
    const SteadyTime until = now_ + time;
    while (const auto due = scheduler_.next_tick()) {
      if (*due > until) break;
      now_ = std::max(now_, *due);
      take(scheduler_.tick(now_));
    }
    now_ = until;
    scheduler_.check_invariants();
  }

  struct Machine {
    std::uint64_t told = 0;
    Assignment assignment;
    std::vector<EngineDevice> devices;
  };
  std::map<std::string, Machine> machines_;
  std::map<std::string, std::string> running_;
  // On which of its worker's replicas a request ran.
  std::map<std::string, std::uint32_t> copies_;
  std::map<std::string, std::string> rejected_;
  std::vector<Measured> measured_;
  std::vector<HeldReplica> held_;
  Lease lease_;
  SteadyTime now_{1h};
  Scheduler scheduler_{SchedulerLimits{}};
};

}  // namespace gogrid::domain
