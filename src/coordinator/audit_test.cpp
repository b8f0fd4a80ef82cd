// Nothing is done that is not written down first.
#include "coordinator/audit.hpp"

#include <gtest/gtest.h>

#include "coordinator/coordinator_test_support.hpp"

namespace gogrid::coordinator {
namespace {

class MemoryAuditStore final : public store::AuditStore {
 public:
  store::Pending<> add_audit(store::AuditRecord act) override {
    if (broken) co_return Error(ErrorCode::disk_full, "the disk is full");
    acts.push_back(std::move(act));
    co_return Result<void>();
  }
  store::Pending<std::vector<store::AuditRecord>> list_audit(std::int64_t, std::size_t) override { co_return acts; }

  bool broken = false;
  std::vector<store::AuditRecord> acts;
};

class AuditLogTest : public testing::Test {
 protected:
  Result<int> perform(Result<int> outcome) {
    AuditLog::Act act{"k1", "key.create", "k2", R"({"name":"x"})"};
    std::function<store::Pending<int>()> what = [&]() -> store::Pending<int> {
      done_after = store.acts.size();
      co_return outcome;
    };
    return net::test::run(io, audit.perform(std::move(act), std::move(what)));
  }

  boost::asio::io_context io{1};
  RealClock clock;
  MemoryAuditStore store;
  AuditLog audit{store, clock};
  // How much was written down when it was done.
  std::optional<std::size_t> done_after;
};

TEST_F(AuditLogTest, AnActIsWrittenDownBeforeItIsDone) {
  EXPECT_EQ(perform(7).value(), 7);
  EXPECT_EQ(done_after, 1u);
  ASSERT_EQ(store.acts.size(), 1u);
  EXPECT_EQ(store.acts[0].actor, "k1");
  EXPECT_EQ(store.acts[0].action, "key.create");
  EXPECT_EQ(store.acts[0].subject, "k2");
  EXPECT_EQ(store.acts[0].detail, R"({"name":"x"})");
}

TEST_F(AuditLogTest, WhatCannotBeWrittenDownIsNotDone) {
  store.broken = true;
  const auto refused = perform(7);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::disk_full);
  EXPECT_EQ(done_after, std::nullopt);
}

TEST_F(AuditLogTest, AnActThatFailsIsWrittenDownAsFailed) {
  const auto failed = perform(Error(ErrorCode::conflict, "a name that is nobody's business"));
  EXPECT_EQ(failed.error().code, ErrorCode::conflict);
  ASSERT_EQ(store.acts.size(), 2u);
  EXPECT_EQ(store.acts[1].action, "key.create.failed");
  EXPECT_EQ(store.acts[1].detail, R"({"reason":"conflict"})");
}

}  // namespace
}  // namespace gogrid::coordinator
