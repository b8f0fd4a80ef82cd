#include "worker/plan.hpp"

#include <gtest/gtest.h>

namespace gogrid::worker {
namespace {

ReplicaSpec model(const std::string& id, std::uint32_t slots = 1, std::uint32_t copy = 0) {
  ReplicaSpec spec;
  spec.key = {id, copy};
  spec.model_name = id;
  spec.slots = slots;
  return spec;
}

TEST(ReplicaPlan, KeepsWhatIsTheSameAndChangesTheRest) {
  const struct {
    std::vector<ReplicaSpec> running, assigned;
    std::vector<ReplicaKey> stop;
    std::vector<ReplicaSpec> start;
  } table[] = {
      {{}, {}, {}, {}},
      {{}, {model("a")}, {}, {model("a")}},
      {{model("a")}, {model("a")}, {}, {}},
      {{model("a")}, {}, {{"a"}}, {}},
      {{model("a")}, {model("a", 2)}, {{"a"}}, {model("a", 2)}},
      {{model("a"), model("b")}, {model("b"), model("c")}, {{"a"}}, {model("c")}},
      {{model("a")}, {model("a"), model("a", 1, 1)}, {}, {model("a", 1, 1)}},
      {{model("a"), model("a", 1, 1)}, {model("a", 1, 1)}, {{"a", 0}}, {}},
      {{}, {model("a"), model("a", 2)}, {}, {model("a")}},
      {{model("a")}, {model("a"), model("a", 2)}, {}, {}},
  };
  for (const auto& row : table) {
    const auto plan = plan_replicas(row.running, row.assigned);
    EXPECT_EQ(plan.stop, row.stop);
    EXPECT_EQ(plan.start, row.start);
  }
}

}  // namespace
}  // namespace gogrid::worker
