// Proves, against a real HTTPS server, that blobs arrive whole or not at all: resumed after a break, fetched again
// after damage, refused when there is no room, and evicted only when nobody wants them.
#include "worker/cache/blob_cache.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <charconv>
#include <fstream>

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/sha256.hpp"
#include "base/task_group.hpp"
#include "net/http_server.hpp"
#include "net/pki.hpp"

namespace gogrid::worker {
namespace {

namespace asio = boost::asio;

constexpr std::size_t blob_bytes = 3'000'000;

std::string make_content() {
  std::string text;
  while (text.size() < blob_bytes)
    text += random_bytes(4096);
  text.resize(blob_bytes);
  return text;
}

class Cache : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::temp_directory_path() / ("gogrid-cache-" + to_hex(as_bytes(random_bytes(6))));
    std::filesystem::create_directories(directory_);
    content_ = make_content();
    served_ = content_;
    blob_ = {Sha256::hex(as_bytes(content_)), content_.size()};
    const auto now = std::chrono::system_clock::now();
    const auto authority = net::pki::create_authority("test", now, std::chrono::hours(24));
    ASSERT_TRUE(authority);
    const auto pair = net::pki::issue_server_certificate(*authority, {"localhost"}, now, std::chrono::hours(24));
    ASSERT_TRUE(pair);
    net::ServerTls tls;
    tls.certificate_chain = pair->certificate + authority->certificate;
    tls.private_key = pair->private_key;
    auto server = net::listen_https(io_.get_executor(), {asio::ip::address_v4::loopback(), 0}, tls, {},
                                    [this](net::HttpExchange& exchange) { return answer(exchange); });
    ASSERT_TRUE(server) << server.error().detail;
    server_ = std::move(*server);
    source_.host = "127.0.0.1";
    source_.port = server_->port();
    source_.ticket = "ticket";
    source_.authority = authority->certificate;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  asio::awaitable<void> answer(net::HttpExchange& exchange) {
    ++requests_;
    const auto& headers = exchange.request().headers;
    ranges_.emplace_back(headers.get("Range").value_or(""));
    net::ResponseHead head;
    if (headers.get("Authorization") != "Bearer ticket" ||
        exchange.request().target != "/worker/v1/blobs/" + blob_.sha256) {
      head.status = 401;
      co_await exchange.respond(head, "no");
      co_return;
    }
    std::size_t begin = 0;
    if (const std::string& range = ranges_.back(); ranges_allowed_ && range.starts_with("bytes=")) {
      std::from_chars(range.data() + 6, range.data() + range.size(), begin);
      head.status = 206;
      head.headers.add("Content-Range", "bytes " + std::to_string(begin) + "-" + std::to_string(served_.size() - 1) +
                                            "/" + std::to_string(served_.size()));
    }
    const std::string body = served_.substr(begin);
    head.headers.add("Content-Length", std::to_string(body.size()));
    co_await exchange.start(head);
    const std::string_view part = std::string_view(body).substr(0, cut_after_);
    co_await exchange.write(part);
    // A handler that returns early breaks the connection.
    if (part.size() == body.size()) co_await exchange.finish();
    if (served_ != content_ && repairs_) served_ = content_;
  }

  asio::awaitable<void> fetch_and_stop(BlobCache& cache, Result<std::filesystem::path>& result) {
    std::function<void(std::uint64_t)> progress = [this](std::uint64_t done) { progress_.push_back(done); };
    result = co_await cache.fetch(blob_, std::move(progress));
    server_->stop(std::chrono::milliseconds(0));
  }

  asio::awaitable<void> fetch_into(BlobCache& cache, BlobSpec blob, Result<std::filesystem::path>& result) {
    std::function<void(std::uint64_t)> progress = [](std::uint64_t) {};
    result = co_await cache.fetch(std::move(blob), std::move(progress));
  }
  asio::awaitable<void> fetch_twice(BlobCache& cache, Result<std::filesystem::path>& first,
                                    Result<std::filesystem::path>& second) {
    co_await fetch_into(cache, blob_, first);
    cut_after_ = std::string::npos;
    std::fstream part(directory_ / (blob_.sha256 + ".part"));
    part.put(static_cast<char>(content_[0] ^ 1));
    part.close();
    co_await fetch_and_stop(cache, second);
  }

  Result<std::filesystem::path> fetch(DiskSpaceFunction space = disk_space, std::set<std::string> wanted = {}) {
    BlobCache cache(io_.get_executor(), pool_, directory_, std::move(space));
    if (connected_) cache.set_source(source_);
    cache.set_wanted(std::move(wanted));
    Result<std::filesystem::path> result = Error(ErrorCode::internal, "did not end");
    TaskGroup tasks(io_.get_executor());
    tasks.spawn("server", server_->run());
    tasks.spawn("fetch", fetch_and_stop(cache, result));
    io_.run();
    return result;
  }

  std::string stored() { return *read_file(directory_ / blob_.sha256, 2 * blob_bytes); }
  void leave_partial(std::string_view text) { std::ofstream(directory_ / (blob_.sha256 + ".part")) << text; }
  static DiskSpaceFunction fixed_space(std::uint64_t free) {
    return [free](const std::filesystem::path&) -> Result<DiskSpace> { return DiskSpace{free, 1000ull << 30}; };
  }

  asio::io_context io_{1};
  asio::thread_pool pool_{1};
  std::filesystem::path directory_;
  std::string content_;
  std::string served_;
  BlobSpec blob_;
  BlobSource source_;
  std::unique_ptr<net::HttpServer> server_;
  int requests_ = 0;
  std::vector<std::string> ranges_;
  std::vector<std::uint64_t> progress_;
  std::size_t cut_after_ = std::string::npos;
  bool ranges_allowed_ = true;
  bool repairs_ = false;
  bool connected_ = true;
};

TEST_F(Cache, FetchesAndVerifies) {
  const auto path = fetch();
  ASSERT_TRUE(path) << path.error().detail;
  EXPECT_EQ(stored(), content_);
  EXPECT_EQ(progress_.front(), 0u);
  EXPECT_EQ(progress_.back(), blob_bytes);
  EXPECT_TRUE(std::is_sorted(progress_.begin(), progress_.end()));
  EXPECT_EQ(ranges_.front(), "");
}

TEST_F(Cache, ACompleteBlobIsNotFetchedAgain) {
  std::ofstream(directory_ / blob_.sha256) << content_;
  ASSERT_TRUE(fetch());
  EXPECT_EQ(requests_, 0);
}

TEST_F(Cache, CarriesOnWhereItStopped) {
  leave_partial(content_.substr(0, 1'000'001));
  const auto path = fetch();
  ASSERT_TRUE(path) << path.error().detail;
  EXPECT_EQ(ranges_.front(), "bytes=1000001-");
  EXPECT_EQ(progress_.front(), 1'000'001u);
  EXPECT_EQ(stored(), content_);
}

TEST_F(Cache, APausedTransferWaitsAndGoesOn) {
  BlobCache cache(io_.get_executor(), pool_, directory_);
  cache.set_source(source_);
  Result<std::filesystem::path> result = Error(ErrorCode::internal, "did not end");
  TaskGroup tasks(io_.get_executor());
  tasks.spawn("server", server_->run());
  cache.set_paused(true);
  tasks.spawn("fetch", fetch_and_stop(cache, result));
  io_.poll();
  EXPECT_EQ(requests_, 0) << "it is not begun";
  cache.set_paused(false);
  while (progress_.size() < 3)
    io_.run_one();
  cache.set_paused(true);
  // What was being written then still is.
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
  while (std::chrono::steady_clock::now() < until)
    io_.run_one_until(until);
  EXPECT_LE(progress_.size(), 4U);
  EXPECT_LT(progress_.back(), blob_bytes);
  cache.set_paused(false);
  io_.run();
  ASSERT_TRUE(result) << result.error().detail;
  EXPECT_EQ(stored(), content_);
  EXPECT_EQ(requests_, 1) << "in one piece";
}

TEST_F(Cache, APausedTransferEndsWhenItIsCancelled) {
  BlobCache cache(io_.get_executor(), pool_, directory_);
  cache.set_source(source_);
  Result<std::filesystem::path> result = Error(ErrorCode::internal, "did not end");
  TaskGroup tasks(io_.get_executor());
  TaskGroup fetches(io_.get_executor());
  tasks.spawn("server", server_->run());
  fetches.spawn("fetch", fetch_into(cache, blob_, result));
  while (ranges_.empty())
    io_.run_one();
  cache.set_paused(true);
  fetches.cancel();
  run_until_done(io_, fetches);
  EXPECT_FALSE(result);
  server_->stop(std::chrono::milliseconds(0));
  io_.restart();
  run_until_done(io_, tasks);
}

TEST_F(Cache, ABrokenTransferIsKeptForTheNextTry) {
  cut_after_ = 1'500'000;
  const auto path = fetch();
  ASSERT_FALSE(path);
  EXPECT_FALSE(std::filesystem::exists(directory_ / blob_.sha256));
  const auto kept = std::filesystem::file_size(directory_ / (blob_.sha256 + ".part"));
  EXPECT_GT(kept, 0u);
  EXPECT_LE(kept, 1'500'000u);
}

TEST_F(Cache, AServerWithoutRangesStartsOver) {
  leave_partial(content_.substr(0, 1000));
  ranges_allowed_ = false;
  ASSERT_TRUE(fetch());
  EXPECT_EQ(stored(), content_);
}

TEST_F(Cache, ADamagedPartIsDeletedAndFetchedAgain) {
  leave_partial(std::string(1000, 'x'));
  const auto path = fetch();
  ASSERT_TRUE(path) << path.error().detail;
  EXPECT_EQ(requests_, 2);
  EXPECT_EQ(stored(), content_);
}

TEST_F(Cache, DamageOnTheWayIsFetchedOnceMoreThenGivenUp) {
  served_[5] ^= 1;
  repairs_ = true;
  ASSERT_TRUE(fetch());
  EXPECT_EQ(requests_, 2);
}

TEST_F(Cache, DamageAtTheSourceIsGivenUp) {
  served_[5] ^= 1;
  const auto path = fetch();
  ASSERT_FALSE(path);
  EXPECT_NE(path.error().detail.find("wrong SHA-256"), std::string::npos);
  EXPECT_EQ(requests_, 2);
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
}

TEST_F(Cache, MoreThanWasAnnouncedIsRefused) {
  served_ += "x";
  const auto path = fetch();
  ASSERT_FALSE(path);
  EXPECT_NE(path.error().detail.find("more of file"), std::string::npos);
}

TEST_F(Cache, TooLargeAPartIsThrownAway) {
  leave_partial(content_ + "more");
  ASSERT_TRUE(fetch());
  EXPECT_EQ(stored(), content_);
}

TEST_F(Cache, NoRoomIsSaidBeforeAnythingIsFetched) {
  const auto path = fetch(fixed_space((1ull << 30) + blob_bytes - 1));
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code, ErrorCode::disk_full);
  EXPECT_NE(path.error().detail.find("worker.cache_dir"), std::string::npos) << path.error().detail;
  EXPECT_EQ(requests_, 0);
}

// Hashing gigabytes of what is there, to learn that the rest cannot come.
TEST_F(Cache, WithoutAConnectionOrRoomNothingIsHashed) {
  leave_partial(content_.substr(0, 1'000'000));
  const auto part = directory_ / (blob_.sha256 + ".part");
  const int opened = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  ASSERT_GE(::inotify_add_watch(opened, part.c_str(), IN_OPEN | IN_ACCESS), 0);
  EXPECT_EQ(fetch(fixed_space(1ull << 30)).error().code, ErrorCode::disk_full);
  io_.restart();
  connected_ = false;
  EXPECT_EQ(fetch().error().code, ErrorCode::unavailable);
  char events[512];
  EXPECT_EQ(::read(opened, events, sizeof events), -1) << "the file was opened";
  ::close(opened);
}

// Only a restart has to hash what came before: here the first bytes are damaged in between, and nobody reads them.
TEST_F(Cache, AnotherAttemptDoesNotHashAgain) {
  cut_after_ = 1'500'000;
  BlobCache cache(io_.get_executor(), pool_, directory_);
  cache.set_source(source_);
  Result<std::filesystem::path> first = Error(ErrorCode::internal, "did not end");
  Result<std::filesystem::path> second = first;
  TaskGroup tasks(io_.get_executor());
  tasks.spawn("server", server_->run());
  tasks.spawn("fetch", fetch_twice(cache, first, second));
  io_.run();
  EXPECT_FALSE(first);
  ASSERT_TRUE(second) << second.error().detail;
  ASSERT_EQ(requests_, 2);
  EXPECT_TRUE(ranges_[1].starts_with("bytes=1")) << ranges_[1];
  EXPECT_EQ(stored()[0], static_cast<char>(content_[0] ^ 1));
}

// Each would fit alone.
TEST_F(Cache, WhatOthersStillFetchIsNotFree) {
  BlobCache cache(io_.get_executor(), pool_, directory_, fixed_space((1ull << 30) + blob_bytes + blob_bytes / 2));
  cache.set_source(source_);
  Result<std::filesystem::path> first = Error(ErrorCode::internal, "did not end");
  Result<std::filesystem::path> second = first;
  TaskGroup tasks(io_.get_executor());
  tasks.spawn("server", server_->run());
  tasks.spawn("fetch", fetch_and_stop(cache, first));
  BlobSpec other = blob_;
  other.sha256.assign(64, 'c');
  tasks.spawn("other", fetch_into(cache, other, second));
  io_.run();
  EXPECT_TRUE(first) << first.error().detail;
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::disk_full);
  EXPECT_EQ(cache.room_bytes().value(), blob_bytes + blob_bytes / 2);
}

TEST_F(Cache, ExactlyEnoughRoomIsEnough) { EXPECT_TRUE(fetch(fixed_space((1ull << 30) + blob_bytes))); }

TEST_F(Cache, MakesRoomOfWhatNobodyWants) {
  const std::string old_one(64, 'a');
  const std::string wanted(64, 'b');
  std::ofstream(directory_ / old_one) << "x";
  std::ofstream(directory_ / wanted) << "x";
  DiskSpaceFunction space = [this, old_one](const std::filesystem::path&) -> Result<DiskSpace> {
    return DiskSpace{std::filesystem::exists(directory_ / old_one) ? 0 : 100ull << 30, 1000ull << 30};
  };
  ASSERT_TRUE(fetch(space, {wanted}));
  EXPECT_FALSE(std::filesystem::exists(directory_ / old_one));
  EXPECT_TRUE(std::filesystem::exists(directory_ / wanted));
}

TEST_F(Cache, AFileDamagedOnTheDiskIsFoundAndFetchedAgain) {
  std::string damaged = content_;
  damaged[7] ^= 1;
  std::ofstream(directory_ / blob_.sha256) << damaged;
  const auto path = fetch();
  ASSERT_TRUE(path) << path.error().detail;
  EXPECT_EQ(requests_, 1);
  EXPECT_EQ(stored(), content_);
}

TEST_F(Cache, AFileOfAnotherLengthIsFetchedAgain) {
  std::ofstream(directory_ / blob_.sha256) << content_.substr(0, 100);
  ASSERT_TRUE(fetch());
  EXPECT_EQ(requests_, 1);
  EXPECT_EQ(stored(), content_);
}

// Hashed at its first use, then when its time changes or somebody distrusts it, and not otherwise.
TEST_F(Cache, AFileIsHashedWhenItMayHaveChanged) {
  const auto file = directory_ / blob_.sha256;
  std::ofstream(file) << content_;
  BlobCache cache(io_.get_executor(), pool_, directory_);
  cache.set_source(source_);
  Result<std::filesystem::path> result = Error(ErrorCode::internal, "did not end");
  TaskGroup tasks(io_.get_executor());
  const auto use = [&] {
    tasks.spawn("fetch", fetch_into(cache, blob_, result));
    io_.restart();
    while (tasks.size() > 0)
      io_.run_one();
    EXPECT_TRUE(result) << result.error().detail;
  };
  // In place, with the old times: as a disk that loses a bit.
  const auto damage = [&] {
    const auto time = std::filesystem::last_write_time(file);
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    std::fstream(file, std::ios::in | std::ios::out).put(static_cast<char>(content_[0] ^ 1));
    std::filesystem::last_write_time(file, time);
  };
  tasks.spawn("server", server_->run());
  const auto use_with_server = [&] {
    tasks.spawn("fetch", fetch_into(cache, blob_, result));
    while (tasks.size() > 1)
      io_.run_one();
    EXPECT_TRUE(result) << result.error().detail;
  };
  use_with_server();
  damage();
  use_with_server();
  EXPECT_EQ(requests_, 0) << "it was hashed although it did not look changed";
  cache.distrust(blob_.sha256);
  use_with_server();
  EXPECT_EQ(requests_, 1);
  EXPECT_EQ(stored(), content_);
  damage();
  std::filesystem::last_write_time(file, std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
  use_with_server();
  EXPECT_EQ(requests_, 2);
  server_->stop(std::chrono::milliseconds(0));
  use();
  EXPECT_EQ(requests_, 2);
}

TEST_F(Cache, TheQuotaEvictsWhatWasUsedLeastLately) {
  const auto put = [&](char digit, int age_hours, std::size_t size) {
    std::string name(64, digit);
    std::ofstream(directory_ / name) << std::string(size, 'x');
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
    const timespec times[] = {{now.count() - age_hours * 3600, 0}, {0, UTIME_OMIT}};
    EXPECT_EQ(::utimensat(AT_FDCWD, (directory_ / name).c_str(), times, 0), 0);
    return name;
  };
  const auto there = [&](const std::string& name) { return std::filesystem::exists(directory_ / name); };
  const std::string oldest_wanted = put('a', 9, 1'000'000);
  const std::string oldest_held = put('b', 8, 1'000'000);
  const std::string old_one = put('c', 7, 1'000'000);
  const std::string newer = put('d', 6, 1'000'000);
  BlobCache cache(io_.get_executor(), pool_, directory_);
  cache.set_source(source_);
  cache.set_quota(6'500'000);
  EXPECT_EQ(cache.used_bytes(), 4'000'000u);
  Result<std::filesystem::path> result = Error(ErrorCode::internal, "did not end");
  TaskGroup tasks(io_.get_executor());
  tasks.spawn("server", server_->run());
  {
    const auto hold = cache.hold(oldest_held);
    cache.set_wanted({oldest_wanted});
    EXPECT_TRUE(there(old_one)) << "all of it fits";
    tasks.spawn("fetch", fetch_and_stop(cache, result));
    io_.run();
    ASSERT_TRUE(result) << result.error().detail;
    EXPECT_TRUE(there(oldest_wanted));
    EXPECT_TRUE(there(oldest_held));
    EXPECT_FALSE(there(old_one));
    EXPECT_TRUE(there(newer));
    // A smaller quota counts with the next assignment.
    cache.set_quota(5'500'000);
    cache.set_wanted({oldest_wanted, blob_.sha256});
    EXPECT_FALSE(there(newer));
    EXPECT_TRUE(there(oldest_held));
    EXPECT_EQ(cache.used_bytes(), 5'000'000u);
  }
  cache.set_quota(4'500'000);
  cache.set_wanted({oldest_wanted, blob_.sha256});
  EXPECT_FALSE(there(oldest_held)) << "nobody holds it any more";
}

TEST_F(Cache, WhatDoesNotFitTheQuotaIsNotFetched) {
  BlobCache cache(io_.get_executor(), pool_, directory_);
  cache.set_source(source_);
  cache.set_quota(blob_bytes - 1);
  Result<std::filesystem::path> result = Error(ErrorCode::internal, "did not end");
  TaskGroup tasks(io_.get_executor());
  tasks.spawn("server", server_->run());
  tasks.spawn("fetch", fetch_and_stop(cache, result));
  io_.run();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::disk_full);
  EXPECT_NE(result.error().detail.find("worker.max_cache_gb"), std::string::npos) << result.error().detail;
  EXPECT_EQ(requests_, 0);
}

TEST_F(Cache, ARefusedTicketIsAnError) {
  source_.ticket = "other";
  const auto path = fetch();
  ASSERT_FALSE(path);
  EXPECT_NE(path.error().detail.find("401"), std::string::npos);
}

TEST_F(Cache, AnotherAuthorityIsNotTrusted) {
  source_.authority =
      net::pki::create_authority("other", std::chrono::system_clock::now(), std::chrono::hours(1))->certificate;
  const auto path = fetch();
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code, ErrorCode::unauthenticated);
  EXPECT_EQ(requests_, 0);
}

TEST_F(Cache, ANameThatIsNoDigestIsRefused) {
  blob_.sha256 = "../../etc/passwd";
  EXPECT_FALSE(fetch());
  EXPECT_EQ(requests_, 0);
}

TEST(ReservedBytes, AreOneGibOrATwentiethOfASmallDisk) {
  EXPECT_EQ(reserved_bytes({0, 100ull << 30}), 1ull << 30);
  EXPECT_EQ(reserved_bytes({0, 2000}), 100u);
}

}  // namespace
}  // namespace gogrid::worker
