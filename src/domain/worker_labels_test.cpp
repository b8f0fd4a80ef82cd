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

}  // namespace
}  // namespace gogrid::domain
