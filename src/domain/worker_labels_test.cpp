#include <gtest/gtest.h>

#include "domain/scheduler.hpp"

namespace gogrid::domain {
namespace {

TEST(WorkerLabels, AreThoseOfTheirLastChange) {
  using Labels = std::map<std::string, std::string>;
  Scheduler scheduler({});
  const WorkerId id("w1");
  const SteadyTime now{std::chrono::seconds(1)};
  EXPECT_TRUE(scheduler.worker_labelled(id, {{"gpu", "yes"}}, now).empty()) << "it is not known";
  WorkerFacts facts;
  facts.labels = {{"gpu", "yes"}};
  scheduler.worker_connected(id, facts, now);
  EXPECT_EQ(scheduler.worker(id)->facts->labels, (Labels{{"gpu", "yes"}}));
  scheduler.worker_labelled(id, {{"site", "attic"}}, now);
  EXPECT_EQ(scheduler.worker(id)->facts->labels, (Labels{{"site", "attic"}}));
  scheduler.check_invariants();
}

TEST(WorkerLabels, AModelIsOnlyOnWorkersWithAllOfItsLabels) {
  Scheduler scheduler({});
  const SteadyTime now{std::chrono::seconds(1)};
  Model model;
  model.id = ModelId("m1");
  model.name = "m";
  model.worker_labels = {{"gpu", "yes"}, {"site", "attic"}};
  scheduler.model_added(model, now);
  WorkerFacts facts;
  facts.has_local_engine = true;
  facts.hardware.memory_bytes = std::uint64_t{16} << 30;
  facts.labels = {{"gpu", "yes"}};
  const WorkerId id("w1");
  scheduler.worker_connected(id, facts, now);
  EXPECT_EQ(scheduler.outlook(model.id).workers_with_model(), 0u);
  EXPECT_NE(describe(scheduler.outlook(model.id)).find("gogrid worker label"), std::string::npos);
  const auto actions = scheduler.worker_labelled(id, {{"gpu", "yes"}, {"site", "attic"}, {"more", ""}}, now);
  ASSERT_EQ(actions.size(), 1u) << "its new assignment";
  EXPECT_EQ(std::get<Assign>(actions[0]).assignment.replicas.size(), 1u);
  EXPECT_EQ(scheduler.outlook(model.id).workers_with_model(), 1u);
  EXPECT_EQ(scheduler.worker_labelled(id, {{"gpu", "no"}, {"site", "attic"}}, now).size(), 1u);
  EXPECT_EQ(scheduler.outlook(model.id).workers_with_model(), 0u);
  scheduler.check_invariants();
}

}  // namespace
}  // namespace gogrid::domain
