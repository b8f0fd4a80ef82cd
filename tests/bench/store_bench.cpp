// What the store's durability costs on this disk, in one run: fdatasync alone, SQLite alone, then our store over the
// URL that is given, empty and with a million jobs waiting. Makes its files in the directory that is given, and removes
// them.
//   store_bench [--dir DIR] [--store URL] [--waiting N]
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <vector>

#include "base/file.hpp"
#include "store/open_store.hpp"

namespace {
namespace asio = boost::asio;
namespace fs = std::filesystem;
using namespace gogrid;
using namespace gogrid::store;
using Clock = std::chrono::steady_clock;

constexpr auto measure_for = std::chrono::seconds(3);
constexpr std::size_t rows_per_call = 100;
constexpr std::size_t request_bytes = 300;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void print_latency(const char* what, std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  const auto at = [&](double part) { return seconds[static_cast<std::size_t>(part * (seconds.size() - 1))] * 1000; };
  std::printf("%-46s p50 %7.3f ms   p99 %7.3f ms\n", what, at(0.5), at(0.99));
  std::fflush(stdout);
}

// Of the whole process.
double processor_seconds() {
  ::rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const ::timeval& time) { return static_cast<double>(time.tv_sec) + time.tv_usec / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// How many a second, and what each cost the processor, which says more on a machine that does other things too.
class Rate {
 public:
  double print(const char* what, std::size_t count) const {
    const double rate = static_cast<double>(count) / seconds_since(start_);
    const double each = (processor_seconds() - processor_) / static_cast<double>(count);
    std::printf("%-46s %10.0f /s   %6.1f us of processor each\n", what, rate, each * 1e6);
    std::fflush(stdout);
    return rate;
  }
  bool goes_on() const { return Clock::now() - start_ < measure_for; }

 private:
  Clock::time_point start_ = Clock::now();
  double processor_ = processor_seconds();
};

template <class T>
T good(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().detail);
  return std::move(*result);
}

// A log that is written over again, as SQLite's is.
void measure_sync(const fs::path& directory) {
  const fs::path file = directory / "sync";
  const FileDescriptor descriptor = good(open_file(file, O_RDWR | O_CREAT));
  const std::string page(4096, 'x');
  constexpr int pages = 1000;
  for (int i = 0; i < pages; ++i)
    if (::pwrite(descriptor.get(), page.data(), page.size(), i * 4096) < 0) throw std::runtime_error("pwrite");
  ::fsync(descriptor.get());
  std::vector<double> taken;
  for (const auto start = Clock::now(); Clock::now() - start < measure_for;) {
    const auto before = Clock::now();
    if (::pwrite(descriptor.get(), page.data(), page.size(), static_cast<off_t>(taken.size() % pages) * 4096) < 0)
      throw std::runtime_error("pwrite");
    ::fdatasync(descriptor.get());
    taken.push_back(seconds_since(before));
  }
  print_latency("4 KB pwrite + fdatasync", taken);
  fs::remove(file);
}

void check(sqlite3* database, int code) {
  if (code != SQLITE_OK && code != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(database));
}

// What any program would get of SQLite with the same care: a row and one index.
double measure_raw_sqlite(const fs::path& directory) {
  const fs::path file = directory / "raw.db";
  sqlite3* database = nullptr;
  check(database, sqlite3_open(file.c_str(), &database));
  check(database, sqlite3_exec(database,
                               "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768;"
                               "CREATE TABLE rows (id INTEGER PRIMARY KEY, owner TEXT, body BLOB);"
                               "CREATE INDEX rows_owner ON rows (owner);",
                               nullptr, nullptr, nullptr));
  sqlite3_stmt* insert = nullptr;
  check(database, sqlite3_prepare_v2(database, "INSERT INTO rows (owner, body) VALUES (?, ?)", -1, &insert, nullptr));
  const std::string body(request_bytes, 'b');
  std::size_t rows = 0;
  const Rate measured;
  while (measured.goes_on()) {
    check(database, sqlite3_exec(database, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr));
    for (std::size_t i = 0; i < rows_per_call; ++i) {
      sqlite3_bind_text(insert, 1, "key_0123456789abcdef01234567", -1, SQLITE_STATIC);
      sqlite3_bind_blob(insert, 2, body.data(), static_cast<int>(body.size()), SQLITE_STATIC);
      check(database, sqlite3_step(insert));
      sqlite3_reset(insert);
    }
    check(database, sqlite3_exec(database, "COMMIT", nullptr, nullptr, nullptr));
    rows += rows_per_call;
  }
  const double rate = measured.print("raw SQLite, 100 rows a transaction: rows", rows);
  sqlite3_finalize(insert);
  sqlite3_close(database);
  for (const char* end : {"", "-wal", "-shm"})
    fs::remove(file.string() + end);
  return rate;
}

class StoreBench {
 public:
  StoreBench(const std::string& url, const fs::path& directory) : store_(good(open_store(url, directory))) {}

  void fill(std::size_t jobs) {
    constexpr std::size_t at_once = 2000;
    const Rate measured;
    for (std::size_t done = 0; done < jobs; done += at_once)
      run(add(at_once));
    measured.print("to get there: jobs in calls of 2000", jobs);
  }

  double measure_calls() {
    std::size_t jobs = 0;
    const Rate measured;
    for (; measured.goes_on(); jobs += rows_per_call)
      run(add(rows_per_call));
    return measured.print("add_jobs in calls of 100: jobs", jobs);
  }

  void measure_single() {
    std::vector<double> taken;
    for (const auto start = Clock::now(); Clock::now() - start < measure_for;) {
      const auto before = Clock::now();
      run(add(1));
      taken.push_back(seconds_since(before));
    }
    print_latency("add_jobs of one job, one caller", taken);
  }

  void measure_callers(int callers) {
    std::size_t jobs = 0;
    const Rate measured;
    const auto caller = [&]() -> asio::awaitable<void> {
      while (measured.goes_on()) {
        co_await add(1);
        ++jobs;
      }
    };
    for (int i = 0; i < callers; ++i)
      asio::co_spawn(context_, caller(), asio::detached);
    context_.restart();
    context_.run();
    const std::string what = "add_jobs of one job, " + std::to_string(callers) + " callers: jobs";
    measured.print(what.c_str(), jobs);
  }

  // Each caller takes a job from being submitted over a lease to its end.
  void measure_whole_jobs(int callers) {
    std::size_t jobs = 0;
    const Rate measured;
    const auto caller = [&]() -> asio::awaitable<void> {
      while (measured.goes_on()) {
        const auto id = co_await add(1);
        co_await lease_and_end(id);
        ++jobs;
      }
    };
    for (int i = 0; i < callers; ++i)
      asio::co_spawn(context_, caller(), asio::detached);
    context_.restart();
    context_.run();
    const std::string what = "submit, lease, end; " + std::to_string(callers) + " callers: jobs";
    measured.print(what.c_str(), jobs);
  }

  // Of jobs that were submitted before.
  void measure_changes() {
    constexpr std::size_t jobs = 20'000;
    const std::int64_t first = next_id_ + 1;
    run(add(jobs));
    const Rate measured;
    for (std::size_t done = 0; done < jobs; done += rows_per_call)
      run(lease_and_end_all(first + static_cast<std::int64_t>(done)));
    measured.print("change_jobs in calls of 100: lease and end", jobs);
  }

 private:
  template <class T>
  T run(asio::awaitable<T> task) {
    std::optional<T> value;
    asio::co_spawn(context_, std::move(task), [&](std::exception_ptr failure, T result) {
      if (failure) std::rethrow_exception(failure);
      value = std::move(result);
    });
    context_.restart();
    context_.run();
    return std::move(*value);
  }

  NewJob new_job() {
    NewJob job;
    job.record.id = domain::JobId(++next_id_);
    job.record.key_id = "key_0123456789abcdef01234567";
    job.record.model = "small";
    job.record.endpoint = "/v1/chat/completions";
    job.record.created_at = std::chrono::system_clock::now();
    job.record.request_sha256 = sha256_;
    job.record.request_bytes = request_bytes;
    job.request.assign(request_bytes, 'b');
    return job;
  }

  asio::awaitable<std::int64_t> add(std::size_t count) {
    std::vector<NewJob> jobs;
    for (std::size_t i = 0; i < count; ++i)
      jobs.push_back(new_job());
    const std::int64_t last = next_id_;
    good(co_await store_->add_jobs(std::move(jobs)));
    co_return last;
  }

  void push_lease(std::vector<JobChange>& changes, std::int64_t id) {
    JobLeased leased;
    leased.job = domain::JobId(id);
    leased.lease = 1;
    leased.attempts = 1;
    leased.worker_id = "wrk_0123456789abcdef01234567";
    leased.at = std::chrono::system_clock::now();
    changes.push_back(std::move(leased));
  }

  void push_end(std::vector<JobChange>& changes, std::int64_t id) {
    JobEnded ended;
    ended.job = domain::JobId(id);
    ended.lease = 1;
    ended.state = domain::JobState::succeeded;
    ended.at = std::chrono::system_clock::now();
    ended.attempt =
        AttemptRecord{1, 1, "wrk_0123456789abcdef01234567", ended.at, ended.at, domain::AttemptOutcome::succeeded, ""};
    ended.status = 200;
    ended.content_type = "application/json";
    ended.result.assign(request_bytes, 'r');
    changes.push_back(std::move(ended));
  }

  asio::awaitable<bool> lease_and_end(std::int64_t id) {
    std::vector<JobChange> leases, ends;
    push_lease(leases, id);
    push_end(ends, id);
    good(co_await store_->change_jobs(std::move(leases)));
    good(co_await store_->change_jobs(std::move(ends)));
    co_return true;
  }

  asio::awaitable<bool> lease_and_end_all(std::int64_t first) {
    std::vector<JobChange> leases, ends;
    for (std::size_t i = 0; i < rows_per_call; ++i) {
      push_lease(leases, first + static_cast<std::int64_t>(i));
      push_end(ends, first + static_cast<std::int64_t>(i));
    }
    good(co_await store_->change_jobs(std::move(leases)));
    good(co_await store_->change_jobs(std::move(ends)));
    co_return true;
  }

  asio::io_context context_{1};
  const std::string sha256_ = std::string(64, 'a');
  std::int64_t next_id_ = std::chrono::system_clock::now().time_since_epoch() / std::chrono::milliseconds(1) << 22;
  std::unique_ptr<Store> store_;
};

void measure_store(StoreBench& bench, double raw) {
  std::printf("%-46s %10.2f\n", "  of raw SQLite", bench.measure_calls() / raw);
  bench.measure_single();
  bench.measure_callers(32);
  bench.measure_callers(256);
  bench.measure_changes();
  bench.measure_whole_jobs(256);
}

}  // namespace

int main(int argc, char** argv) {
  fs::path directory = fs::temp_directory_path();
  std::string url;
  std::size_t waiting = 1'000'000;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--dir") == 0) directory = argv[i + 1];
    if (std::strcmp(argv[i], "--store") == 0) url = argv[i + 1];
    if (std::strcmp(argv[i], "--waiting") == 0) waiting = std::strtoull(argv[i + 1], nullptr, 10);
  }
  directory /= "store-bench-" + std::to_string(::getpid());
  fs::create_directories(directory);
  try {
    measure_sync(directory);
    const double raw = measure_raw_sqlite(directory);
    StoreBench bench(url, directory);
    std::printf("\nempty\n");
    measure_store(bench, raw);
    std::printf("\n%zu jobs waiting\n", waiting);
    bench.fill(waiting);
    measure_store(bench, measure_raw_sqlite(directory));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "store_bench: %s\n", error.what());
    fs::remove_all(directory);
    return EXIT_FAILURE;
  }
  fs::remove_all(directory);
  return EXIT_SUCCESS;
}
