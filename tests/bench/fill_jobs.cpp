// Puts jobs that nobody will run into a coordinator's store while it is stopped, so that a bench has a backlog:
//   fill_jobs --dir DATA_DIR --count N --key KEY_ID [--store URL]
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <string>
#include <vector>

#include "base/ordered_id.hpp"
#include "store/open_store.hpp"

namespace {
namespace asio = boost::asio;
using namespace gogrid;

constexpr std::size_t jobs_per_call = 2000;

asio::awaitable<void> fill(store::Store& store, std::string key_id, std::size_t count) {
  OrderedIds ids(std::move(*co_await store.last_ordered_id()));
  const SystemTime now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  for (std::size_t done = 0; done < count; done += jobs_per_call) {
    std::vector<store::NewJob> jobs;
    for (std::size_t i = 0; i < std::min(jobs_per_call, count - done); ++i) {
      store::NewJob job;
      job.record.id = domain::JobId(ids.next(now));
      job.record.key_id = key_id;
      job.record.model = "a-model-that-nobody-has";
      job.record.endpoint = "/v1/chat/completions";
      job.record.created_at = now;
      job.record.request_sha256 = std::string(64, '0');
      job.request = std::string(200, ' ');
      job.record.request_bytes = job.request.size();
      jobs.push_back(std::move(job));
    }
    const auto added = co_await store.add_jobs(std::move(jobs));
    if (!added) throw std::runtime_error(added.error().detail);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i + 1 < argc; i += 2)
    options[argv[i]] = argv[i + 1];
  auto opened = store::open_store(options["--store"], options["--dir"]);
  if (!opened) {
    std::fprintf(stderr, "fill_jobs: %s\n", opened.error().detail.c_str());
    return EXIT_FAILURE;
  }
  asio::io_context context(1);
  std::exception_ptr failure;
  asio::co_spawn(context, fill(**opened, options["--key"], std::strtoull(options["--count"].c_str(), nullptr, 10)),
                 [&](std::exception_ptr thrown) { failure = thrown; });
  context.run();
  if (!failure) return EXIT_SUCCESS;
  std::fprintf(stderr, "fill_jobs: the store does not take them\n");
  return EXIT_FAILURE;
}
