// Proves that an engine that was damaged on the disk is fetched again, that a bundle's flavour decides what it may see,
// and that one which does not fit says what to do.
#include "worker/engine/engine_store.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <fstream>

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/sha256.hpp"
#include "base/task_group.hpp"
#include "worker/engine/manifest.hpp"

namespace gogrid::worker {
namespace {

namespace asio = boost::asio;

class Store : public ::testing::Test {
 protected:
  void SetUp() override {
    top_ = std::filesystem::temp_directory_path() / ("gogrid-engines-" + to_hex(as_bytes(random_bytes(6))));
    std::filesystem::create_directories(top_ / "blobs");
    std::filesystem::create_directories(top_ / "engines");
  }
  void TearDown() override { std::filesystem::remove_all(top_); }

  // As if it had been fetched. Packed again it is the same, byte for byte.
  void add_bundle(const std::string& flavour) {
    const std::string manifest = R"({"format": 1, "name": "test", "version": "1", "flavour": ")" + flavour +
                                 R"(", "target": ")" + machine_target() + R"(", "executable": "/server"})";
    archive* writer = archive_write_new();
    archive_write_set_format_pax_restricted(writer);
    archive_write_add_filter_zstd(writer);
    ASSERT_EQ(archive_write_open_filename(writer, (top_ / "bundle").c_str()), ARCHIVE_OK);
    archive_entry* header = archive_entry_new();
    archive_entry_set_pathname(header, engine_manifest_name);
    archive_entry_set_filetype(header, S_IFREG);
    archive_entry_set_perm(header, 0644);
    archive_entry_set_size(header, static_cast<la_int64_t>(manifest.size()));
    archive_write_header(writer, header);
    archive_write_data(writer, manifest.data(), manifest.size());
    archive_entry_free(header);
    archive_write_close(writer);
    archive_write_free(writer);
    const auto bytes = read_file(top_ / "bundle", 1 << 20);
    bundle_ = {Sha256::hex(as_bytes(*bytes)), bytes->size()};
    std::filesystem::rename(top_ / "bundle", top_ / "blobs" / bundle_.sha256);
  }

  // What comes of the assignment.
  Progress prepare(std::uint64_t free_bytes = 100ull << 30) {
    asio::io_context io(1);
    asio::thread_pool pool(1);
    BlobCache cache(io.get_executor(), pool, top_ / "blobs", [free_bytes](const auto&) -> Result<DiskSpace> {
      return DiskSpace{free_bytes, 1000ull << 30};
    });
    TaskGroup tasks(io.get_executor());
    ChangeFunction on_change = [&](Change) {
      const Phase phase = store_->progress().phase;
      if (phase == Phase::ready || phase == Phase::failed) tasks.cancel();
    };
    store_ = std::make_unique<EngineStore>(io.get_executor(), pool, cache, top_ / "engines", local_, on_change);
    store_->assign(bundle_);
    tasks.spawn("store", store_->run());
    io.run();
    return store_->progress();
  }

  std::filesystem::path place() const { return top_ / "engines" / bundle_.sha256; }

  std::filesystem::path top_;
  std::filesystem::path local_;
  BlobSpec bundle_;
  std::unique_ptr<EngineStore> store_;
};

TEST_F(Store, UnpacksABundleForTheCpuWhichSeesNoGpu) {
  add_bundle("cpu");
  ASSERT_EQ(prepare().phase, Phase::ready) << store_->progress().detail;
  EXPECT_EQ(store_->description(), "test 1 (cpu)");
  EXPECT_FALSE(store_->current()->gpu);
  EXPECT_EQ(store_->current()->root, place());
  EXPECT_FALSE(std::filesystem::exists(top_ / "blobs" / bundle_.sha256)) << "it is not needed any more";
}

TEST_F(Store, OtherFlavoursMaySeeGpusAndTheStatusSaysWhich) {
  add_bundle("vulkan");
  ASSERT_EQ(prepare().phase, Phase::ready) << store_->progress().detail;
  EXPECT_TRUE(store_->current()->gpu);
  const GpuDevices gpus = find_gpu_devices();
  const std::string trouble = gpu_trouble(*store_->current(), gpus, ::geteuid() == 0);
  EXPECT_EQ(store_->description(), "test 1 (vulkan); " + gpus.description() + (trouble.empty() ? "" : "; " + trouble));
}

TEST_F(Store, ADamagedEngineIsFetchedAgain) {
  add_bundle("cpu");
  std::filesystem::create_directories(place());
  std::ofstream(place() / engine_manifest_name) << "";
  ASSERT_EQ(prepare().phase, Phase::ready) << store_->progress().detail;
  EXPECT_EQ(store_->description(), "test 1 (cpu)");
}

TEST_F(Store, WithoutRoomToUnpackItSaysWhatToDo) {
  add_bundle("cpu");
  const Progress progress = prepare((1ull << 30) + 10);
  EXPECT_EQ(progress.phase, Phase::failed);
  EXPECT_NE(progress.detail.find("worker.cache_dir"), std::string::npos) << progress.detail;
  EXPECT_TRUE(std::filesystem::is_empty(top_ / "engines"));
}

TEST_F(Store, AnEngineOfTheOwnersMaySeeGpus) {
  local_ = "/usr/bin/env";
  ASSERT_EQ(prepare().phase, Phase::ready) << store_->progress().detail;
  EXPECT_TRUE(store_->current()->gpu);
}

}  // namespace
}  // namespace gogrid::worker
