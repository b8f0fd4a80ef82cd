// BatchOutput: writes what became of a batch's lines, in their order, into its output and error files: streamed from
// the store's results, one line at a time. Written anew it says the same. io thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>

#include "coordinator/jobs/batch_input.hpp"
#include "coordinator/jobs/client_files.hpp"
#include "store/store.hpp"

namespace gogrid::coordinator {

class BatchOutput {
 public:
  // The batch's files have their ids; none of its jobs is open. `limits`: of the lines that did not become jobs.
  BatchOutput(store::Store& store, const ClientFiles& files, store::BatchRecord batch, PortionLimits limits);

  // 0: there is no such file, for nothing would be in it.
  struct Sizes {
    std::uint64_t output_bytes = 0;
    std::uint64_t error_bytes = 0;
  };
  store::Pending<Sizes> write();

 private:
  store::Pending<> write_jobs();
  store::Pending<> write_job(store::JobRecord job);
  store::Pending<> write_result(store::JobRecord job);
  store::Pending<> write_error(store::JobRecord job);
  // Those that did not become jobs: it was over before.
  store::Pending<> write_rest();
  // The whole of it, if it is JSON of one line; empty if it is not.
  store::Pending<std::string> small_result(store::JobRecord job);

  store::Store& store_;
  const ClientFiles& files_;
  const store::BatchRecord batch_;
  const PortionLimits limits_;
  FileSink output_;
  FileSink errors_;
};

}  // namespace gogrid::coordinator
