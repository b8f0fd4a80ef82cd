#include "base/async_lock.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <string>

#include "base/task_group.hpp"

namespace gogrid {
namespace {

namespace asio = boost::asio;

TEST(AsyncLock, OneAtATimeInTheOrderTheyCame) {
  asio::io_context io(1);
  AsyncLock lock;
  std::string order;
  const auto work = [&](char name) -> asio::awaitable<void> {
    const AsyncLock::Turn turn = co_await lock.take();
    order += name;
    for (int i = 0; i < 3; ++i)
      co_await asio::post(asio::use_awaitable);
    order += name;
  };
  TaskGroup tasks(io.get_executor());
  for (const char name : {'a', 'b', 'c'})
    tasks.spawn("work", work(name));
  run_until_done(io, tasks);
  EXPECT_EQ(order, "aabbcc");
}

TEST(AsyncLock, WhoGivesUpWaitingIsPassedOver) {
  asio::io_context io(1);
  AsyncLock lock;
  std::string order;
  const auto wait = [&](char name) -> asio::awaitable<void> {
    const AsyncLock::Turn turn = co_await lock.take();
    order += name;
  };
  TaskGroup impatient(io.get_executor());
  TaskGroup patient(io.get_executor());
  const auto hold = [&]() -> asio::awaitable<void> {
    const AsyncLock::Turn turn = co_await lock.take();
    impatient.spawn("impatient", wait('i'));
    patient.spawn("patient", wait('p'));
    co_await asio::post(asio::use_awaitable);
    impatient.cancel();
    co_await impatient.wait();
    order += 'h';
  };
  patient.spawn("hold", hold());
  run_until_done(io, patient);
  EXPECT_EQ(order, "hp");
}

}  // namespace
}  // namespace gogrid
