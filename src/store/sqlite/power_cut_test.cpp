// The power is cut at random moments of a busy store's life: what the disk then holds must open, be whole, and hold
// everything that was acknowledged, and nothing by halves.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <mutex>

#include "store/backup.hpp"
#include "store/sql/migrations.hpp"
#include "store/sql/sql_store.hpp"
#include "store/sqlite/crash_disk_test_support.hpp"
#include "store/sqlite/sqlite_connection.hpp"
#include "store/store_contract_test_support.hpp"

namespace gogrid::store::test {
namespace {

namespace asio = boost::asio;
using domain::JobId;
using domain::JobState;

constexpr std::int64_t job_count = 96;
// They are added by one call, or not at all.
constexpr std::int64_t jobs_per_call = 3;
constexpr std::size_t max_images = 80;

// How far each job has come: steps that were acknowledged, and steps that were at least begun.
struct Ledger {
  std::map<std::int64_t, int> acknowledged;
  std::map<std::int64_t, int> begun;
};

// One in four of each: a result in parts, a result in one piece with a webhook, one that fails at first, one that is
// cancelled.
int kind_of(std::int64_t id) { return static_cast<int>(id / jobs_per_call % 4); }
int steps_of(std::int64_t id) {
  constexpr int steps[] = {3, 3, 5, 2};
  return steps[kind_of(id)];
}

std::string body_of(std::int64_t id, std::size_t bytes) {
  std::mt19937 random(static_cast<unsigned>(id));
  std::string body(bytes, '\0');
  for (char& byte : body)
    byte = static_cast<char>(random());
  return body;
}

NewJob job_of(std::int64_t id) {
  NewJob job = new_job(id);
  job.record.request_sha256 = "of " + std::to_string(id);
  // Some are larger than a page.
  job.request = body_of(id, 200 + static_cast<std::size_t>(id % 7) * 1000);
  job.record.request_bytes = job.request.size();
  return job;
}

domain::LeaseId lease_of(std::int64_t id, unsigned number) { return static_cast<domain::LeaseId>(id) * 10 + number; }
std::string part_of(std::int64_t id) { return body_of(id + 1000, 6000); }
std::string result_of(std::int64_t id) { return body_of(id + 2000, 300); }

// What the step changes; steps count from 1, which adds the job.
JobChange change_of(std::int64_t id, int step) {
  if (kind_of(id) == 3) return ended(id, 0, JobState::cancelled);
  if (step == 2) return leased(id, lease_of(id, 1));
  if (step == 4) return leased(id, lease_of(id, 2), 2);
  if (kind_of(id) == 2 && step == 3) {
    JobEnded failed = ended(id, lease_of(id, 1), JobState::queued);
    failed.attempt = attempt(1, lease_of(id, 1), domain::AttemptOutcome::failed);
    return failed;
  }
  const unsigned number = step == 5 ? 2 : 1;
  JobEnded done = succeeded(id, lease_of(id, number), result_of(id));
  done.attempt->number = number;
  if (kind_of(id) == 0) {
    done.parts_before = 1;
    done.bytes_before = part_of(id).size();
  }
  if (kind_of(id) == 1) done.webhook = WebhookRecord{0, "evt_" + std::to_string(id), "key_1", "u", "{}", 0, at(1)};
  return done;
}

// The record as it must stand after that many steps.
JobRecord record_after(std::int64_t id, int steps) {
  JobRecord job = job_of(id).record;
  for (int step = 2; step <= steps; ++step) {
    const JobChange change = change_of(id, step);
    if (const auto* lease = std::get_if<JobLeased>(&change)) {
      job.state = JobState::leased;
      job.lease = lease->lease;
      job.attempts = lease->attempts;
      job.worker_id = lease->worker_id;
      job.leased_at = lease->at;
    }
    if (const auto* end = std::get_if<JobEnded>(&change)) {
      job.state = end->state;
      if (domain::is_final(end->state)) job.finished_at = end->at;
      job.error_code = end->error_code;
      job.error_message = end->error_message;
      job.status = end->status;
      job.content_type = end->content_type;
      job.result_parts = end->status == 0 ? 0 : end->parts_before + 1;
      job.result_bytes = end->bytes_before + end->result.size();
      job.prompt_tokens = end->prompt_tokens;
      job.completion_tokens = end->completion_tokens;
    }
  }
  return job;
}

class PowerCut : public testing::TestWithParam<unsigned> {
 protected:
  struct Moment {
    CrashDisk::Image image;
    Ledger ledger;
  };

  // Lives a store's life; returns the moments at which the power was cut.
  std::vector<Moment> live(const char* settings) {
    auto connection = SqliteConnection::open("store.db", {disk.vfs(), 20});
    (*connection)->run_script(settings).value();
    std::vector<Moment> moments;
    std::size_t changes = 0;
    disk.on_change = [&] {
      const std::lock_guard lock(mutex);
      // Each change has the same chance to be among those that are kept.
      const auto place = std::uniform_int_distribution<std::size_t>(0, changes++)(random);
      if (moments.size() < max_images) {
        moments.push_back({disk.cut_power(random), ledger});
      } else if (place < max_images) {
        moments[place] = {disk.cut_power(random), ledger};
      }
    };
    migrate(**connection).value();
    auto store = make_sql_store(std::move(*connection));
    Loop loop;
    for (std::int64_t first = 1; first < job_count; first += jobs_per_call)
      asio::co_spawn(loop.context(), live_jobs(*store, first), [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
      });
    loop.context().restart();
    loop.context().run();
    store.reset();
    disk.on_change = nullptr;
    EXPECT_EQ(ledger.acknowledged.size(), static_cast<std::size_t>(job_count));
    return moments;
  }

  asio::awaitable<void> live_jobs(Store& store, std::int64_t first) {
    std::vector<NewJob> jobs;
    for (std::int64_t id = first; id < first + jobs_per_call; ++id) {
      jobs.push_back(job_of(id));
      begin(id, 1);
    }
    (co_await store.add_jobs(std::move(jobs))).value();
    for (std::int64_t id = first; id < first + jobs_per_call; ++id)
      acknowledge(id, 1);
    for (std::int64_t id = first; id < first + jobs_per_call; ++id)
      for (int step = 2; step <= steps_of(id); ++step) {
        begin(id, step);
        if (kind_of(id) == 0 && step == 3) {
          std::string part = part_of(id);
          (co_await store.put_result_part(JobId(id), lease_of(id, 1), 0, std::move(part))).value();
        }
        std::vector<JobChange> changes;
        changes.push_back(change_of(id, step));
        const auto applied = co_await store.change_jobs(std::move(changes));
        EXPECT_TRUE(applied.value().at(0)) << id << " " << step;
        acknowledge(id, step);
      }
  }

  void begin(std::int64_t id, int step) {
    const std::lock_guard lock(mutex);
    ledger.begun[id] = step;
  }
  void acknowledge(std::int64_t id, int step) {
    const std::lock_guard lock(mutex);
    ledger.acknowledged[id] = step;
  }

  // What is wrong after the power came back; empty when all is well.
  std::string fault_of(const Moment& moment) {
    const TemporaryDirectory directory;
    CrashDisk::write(moment.image, directory.path());
    std::error_code ignored;
    std::filesystem::rename(directory.path() / "store.db", directory.path() / "gogrid.db", ignored);
    std::filesystem::rename(directory.path() / "store.db-wal", directory.path() / "gogrid.db-wal", ignored);
    std::filesystem::rename(directory.path() / "store.db-journal", directory.path() / "gogrid.db-journal", ignored);
    const auto store = open_store("", directory.path());
    if (!store) return "it does not open: " + store.error().detail;
    const auto findings = check_store("", directory.path());
    if (!findings) return "it cannot be checked: " + findings.error().detail;
    if (!findings->empty()) return findings->front();
    Loop loop;
    std::map<std::int64_t, int> steps;
    for (std::int64_t id = 1; id <= job_count; ++id) {
      const std::string fault = fault_of_job(**store, loop, moment.ledger, id, steps);
      if (!fault.empty()) return "job " + std::to_string(id) + ": " + fault;
    }
    for (std::int64_t id = 1; id <= job_count; ++id) {
      const std::int64_t first = (id - 1) / jobs_per_call * jobs_per_call + 1;
      if ((steps[id] == 0) != (steps[first] == 0)) return "a call added some of its jobs only";
    }
    // It goes on from here.
    std::vector<NewJob> more;
    more.push_back(job_of(job_count + 1));
    const auto added = loop.run((*store)->add_jobs(std::move(more)));
    return added ? "" : "it takes no more: " + added.error().detail;
  }

  std::string fault_of_job(Store& store, Loop& loop, const Ledger& known, std::int64_t id,
                           std::map<std::int64_t, int>& steps) {
    const auto job = loop.run(store.find_job(JobId(id))).value();
    const int least = known.acknowledged.contains(id) ? known.acknowledged.at(id) : 0;
    const int most = known.begun.contains(id) ? known.begun.at(id) : 0;
    if (!job) return least == 0 ? "" : "it is lost";
    int step = most;
    while (step >= std::max(least, 1) && record_after(id, step) != *job)
      --step;
    if (step < std::max(least, 1)) return "it is in no state that it can be in";
    steps[id] = step;
    if (loop.run(store.job_request(JobId(id))).value() != job_of(id).request) return "its request is wrong";
    const bool has_result = job->state == JobState::succeeded;
    if (has_result && loop.run(store.result_part(JobId(id), job->result_parts - 1)).value() != result_of(id))
      return "its result is wrong";
    if (has_result && kind_of(id) == 0 && loop.run(store.result_part(JobId(id), 0)).value() != part_of(id))
      return "the first part of its result is wrong";
    const std::size_t attempts = (step >= 3 ? 1u : 0u) + (step == 5 ? 1u : 0u);
    if (loop.run(store.list_attempts(JobId(id))).value().size() != attempts) return "its attempts are wrong";
    const auto hooks = loop.run(store.list_webhooks(1000)).value();
    const bool hooked = std::any_of(hooks.begin(), hooks.end(),
                                    [&](const WebhookRecord& hook) { return hook.id == "evt_" + std::to_string(id); });
    return hooked == (has_result && kind_of(id) == 1) ? "" : "its webhook is wrong";
  }

  CrashDisk disk;
  std::mutex mutex;
  Ledger ledger;
  std::mt19937 random{GetParam()};
};

TEST_P(PowerCut, EverythingAcknowledgedIsThereAndNothingByHalves) {
  const auto moments = live("");
  EXPECT_EQ(moments.size(), max_images);
  std::size_t acknowledged = 0;
  for (const Moment& moment : moments) {
    ASSERT_EQ(fault_of(moment), "") << "after " << moment.ledger.acknowledged.size() << " jobs";
    acknowledged = std::max(acknowledged, moment.ledger.acknowledged.size());
  }
  EXPECT_GT(acknowledged, 0u);
}

TEST_P(PowerCut, AStoreThatDoesNotSyncWouldBeFoundOut) {
  const auto moments = live("PRAGMA synchronous = OFF");
  EXPECT_TRUE(
      std::any_of(moments.begin(), moments.end(), [&](const Moment& moment) { return !fault_of(moment).empty(); }));
}

INSTANTIATE_TEST_SUITE_P(Seeds, PowerCut, testing::Values(1u, 2u, 3u));

}  // namespace
}  // namespace gogrid::store::test
