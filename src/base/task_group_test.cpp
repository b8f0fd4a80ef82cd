#include "base/task_group.hpp"

#include <gtest/gtest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stdexcept>
#include <thread>

#include "base/blocking.hpp"

namespace gogrid {
namespace {
namespace asio = boost::asio;

asio::awaitable<void> wait_for_ever(bool* ended) {
  asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  *ended = true;
}

asio::awaitable<void> cancel_and_wait(TaskGroup* group, bool* waited) {
  group->cancel();
  co_await group->wait();
  *waited = true;
}

TEST(TaskGroup, CancelEndsEveryTaskAndWaitSeesThemGo) {
  asio::io_context context;
  TaskGroup group(context.get_executor());
  bool first = false;
  bool second = false;
  bool waited = false;
  group.spawn("first", wait_for_ever(&first));
  group.spawn("second", wait_for_ever(&second));
  EXPECT_EQ(group.size(), 2u);
  asio::co_spawn(context, cancel_and_wait(&group, &waited), asio::detached);
  context.run();
  EXPECT_TRUE(first && second && waited);
  EXPECT_EQ(group.size(), 0u);
}

asio::awaitable<void> fail() {
  throw std::runtime_error("planned");
  co_return;
}

TEST(TaskGroup, ATaskThatThrowsEndsAloneAndIsGone) {
  asio::io_context context;
  TaskGroup group(context.get_executor());
  group.spawn("fail", fail());
  context.run();
  EXPECT_EQ(group.size(), 0u);
}

asio::awaitable<void> compute(asio::thread_pool* pool, std::thread::id* ran_on, std::thread::id* resumed_on,
                              int* value) {
  auto work = [ran_on] {
    *ran_on = std::this_thread::get_id();
    return 42;
  };
  *value = co_await run_blocking(*pool, std::move(work));
  *resumed_on = std::this_thread::get_id();
}

TEST(RunBlocking, RunsOnThePoolAndResumesOnTheCallersThread) {
  asio::io_context context;
  asio::thread_pool pool(1);
  std::thread::id ran_on;
  std::thread::id resumed_on;
  int value = 0;
  asio::co_spawn(context, compute(&pool, &ran_on, &resumed_on, &value), asio::detached);
  context.run();
  pool.join();
  EXPECT_EQ(value, 42);
  EXPECT_NE(ran_on, std::this_thread::get_id());
  EXPECT_EQ(resumed_on, std::this_thread::get_id());
}

}  // namespace
}  // namespace gogrid
