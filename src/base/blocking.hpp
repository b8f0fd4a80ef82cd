// run_blocking: runs a function that blocks (SQL, fsync, hashing) on a pool and resumes the caller on its own executor.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <type_traits>
#include <utility>

namespace gogrid {

// `work` runs exactly once on `pool`; the caller resumes on the executor it awaits from. Not cancelled once started.
// What it returns must be a value (Result<T>); it must not throw. Name `work` before the co_await (see CONTRIBUTING,
// the gcc 12 trap).
template <class Work, class Value = std::invoke_result_t<Work>>
boost::asio::awaitable<Value> run_blocking(boost::asio::thread_pool& pool, Work work) {
  namespace asio = boost::asio;
  auto initiate = [&pool](auto handler, Work its_work) {
    auto executor = asio::get_associated_executor(handler);
    auto guard = asio::make_work_guard(executor);
    asio::post(pool, [handler = std::move(handler), executor, guard = std::move(guard),
                      its_work = std::move(its_work)]() mutable {
      auto value = std::make_unique<Value>(its_work());
      asio::post(executor,
                 [handler = std::move(handler), value = std::move(value)]() mutable { handler(std::move(*value)); });
    });
  };
  auto value = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Value)>(initiate, asio::use_awaitable,
                                                                                         std::move(work));
  co_return value;
}

}  // namespace gogrid
