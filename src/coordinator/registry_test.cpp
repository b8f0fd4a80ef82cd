// What the registry holds of a worker after it was seen.
#include "coordinator/registry.hpp"

#include <gtest/gtest.h>

#include "coordinator/coordinator_test_support.hpp"
#include "store/open_store.hpp"

namespace gogrid::coordinator {
namespace {

class WorkerRegistryTest : public testing::Test {
 protected:
  WorkerRegistryTest() : store(store::open_store("", directory.path).value()) {
    store::TokenRecord token;
    token.id = "t";
    token.uses = token.uses_left = 2;
    token.expires_at = clock.system_now() + std::chrono::hours(1);
    net::test::run(io, store->add_token(std::move(token))).value();
    WorkerRecord worker;
    worker.id = "wk_1";
    worker.name = worker.host_name = "desk";
    net::test::run(io, workers.enrol("t", std::move(worker))).value();
  }
  void see(std::string host_name, std::string version = "0.2.0") {
    store::WorkerStore::Sighting seen;
    seen.id = "wk_1";
    seen.version = std::move(version);
    seen.host_name = std::move(host_name);
    workers.note_seen(std::move(seen));
  }
  void flush() { net::test::run(io, workers.flush()).value(); }

  boost::asio::io_context io{1};
  net::test::TemporaryDirectory directory;
  RealClock clock;
  std::unique_ptr<store::Store> store;
  WorkerRegistry workers{*store, clock};
};

TEST_F(WorkerRegistryTest, AWorkerIsFoundByItsNewNameOnceThatIsStored) {
  see("attic");
  EXPECT_EQ(workers.find("wk_1")->version, "0.2.0");
  EXPECT_EQ(workers.find("wk_1")->name, "desk");
  flush();
  EXPECT_EQ(workers.find("wk_1")->host_name, "attic");
  EXPECT_FALSE(workers.find_by_id_or_name("desk"));
  ASSERT_TRUE(workers.find_by_id_or_name("attic"));
  WorkerRegistry again(*store, clock);
  net::test::run(io, again.load()).value();
  EXPECT_EQ(again.find("wk_1")->name, "attic");
  // Of one that says nothing of itself.
  see("");
  flush();
  EXPECT_EQ(workers.find("wk_1")->name, "attic");
}

TEST_F(WorkerRegistryTest, WhatChangedWhileANameWasStoredStays) {
  see("attic", "0.2.0");
  std::optional<bool> flushed;
  boost::asio::co_spawn(io, workers.flush(),
                        [&](std::exception_ptr, Result<void> result) { flushed = result.has_value(); });
  // The store has what was seen until now, and nobody has heard of it yet.
  io.restart();
  ASSERT_EQ(io.poll_one(), 1u);
  see("", "0.3.0");
  while (!flushed && io.run_one() > 0) {
  }
  EXPECT_EQ(flushed, true);
  EXPECT_EQ(workers.find("wk_1")->name, "attic");
  EXPECT_EQ(workers.find("wk_1")->version, "0.3.0");
}

}  // namespace
}  // namespace gogrid::coordinator
