// What batches.cpp and batch_feed.cpp share: one open batch. Owned by the BatchService, used on the io thread.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <vector>

#include "coordinator/jobs/batches.hpp"

namespace gogrid::coordinator {

struct BatchService::Batch {
  Batch(const boost::asio::any_io_executor& executor, store::BatchRecord its_record)
      : record(std::move(its_record)), timer(executor) {}

  void wake() {
    woken = true;
    timer.cancel();
  }

  // As it is stored. Changed by whoever has the turn.
  store::BatchRecord record;
  AsyncLock changing;
  // Its jobs that have not ended, those included that are being submitted.
  std::int64_t open = 0;
  std::uint64_t input_bytes = 0;
  // Lines, by number, whose custom_id an earlier one has. Known once the file was looked through.
  std::vector<bool> duplicates;
  bool scanned = false;
  // What its coroutine waits for.
  boost::asio::steady_timer timer;
  bool woken = false;
};

}  // namespace gogrid::coordinator
