// Proves which engines have to go when their memory is limited to less.
#include "worker/limit_change.hpp"

#include <gtest/gtest.h>

namespace gogrid::worker {
namespace {

TEST(ThoseOver, AreTheLargestUntilTheRestFits) {
  using List = std::vector<std::size_t>;
  const struct {
    std::vector<std::uint64_t> held;
    std::uint64_t limit;
    bool shared;
    List over;
  } table[] = {{{}, 10, true, {}},           {{4, 6}, 10, true, {}},       {{4, 7}, 10, true, {1}},
               {{5, 5, 5}, 10, true, {0}},   {{3, 8, 9}, 4, true, {2, 1}}, {{3, 8, 9}, 2, true, {2, 1, 0}},
               {{3, 8, 9}, 0, true, {}},     {{3, 8, 9}, 8, false, {2}},   {{10, 10}, 10, false, {}},
               {{11, 12}, 10, false, {1, 0}}};
  for (const auto& row : table)
    EXPECT_EQ(those_over(row.held, row.limit, row.shared), row.over) << "limit " << row.limit;
}

}  // namespace
}  // namespace gogrid::worker
