// A coordinator's way into a backup and back, and what is taken for a backup.
#include "coordinator/backup.hpp"

#include "coordinator/backup_archive.hpp"
#include "coordinator/coordinator_test_support.hpp"

namespace gogrid::coordinator {
namespace {

namespace fs = std::filesystem;
using domain::test::good_gguf;
using testing::HasSubstr;

class CoordinatorBackup : public test::CoordinatorTest, public testing::WithParamInterface<const char*> {
 protected:
  DataDir here() const { return DataDir(config.server.data_dir); }
  DataDir there() const { return DataDir(directory.path / "restored"); }
  // In the parameter's form.
  fs::path target() const { return directory.path / GetParam(); }
  Result<void> restore_there(bool replace = false) {
    const auto backup = Backup::open(target(), there().path());
    if (!backup) return backup.error();
    return restore(*backup, there(), "", replace, clock);
  }
  void put_file(const fs::path& path, std::string_view text) {
    ASSERT_TRUE(make_directories(path.parent_path()));
    ASSERT_TRUE(write_file_atomically(path, text, 0600));
  }
};

TEST_P(CoordinatorBackup, ARunningCoordinatorComesBackFromItsBackup) {
  start();
  ASSERT_EQ(upload(good_gguf(), "small").status, 200);
  put_file(here().path() / "files" / "file-1", "lines");
  const auto backed_up = back_up(here(), "", target(), true);
  ASSERT_TRUE(backed_up) << backed_up.error().detail;
  stop();
  const auto restored = restore_there();
  ASSERT_TRUE(restored) << restored.error().detail;
  EXPECT_EQ(read_file(there().path() / "files" / "file-1", 100).value(), "lines");
  EXPECT_EQ(fs::status(there().authority_key_file()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  config.server.data_dir = there().path();
  start();
  EXPECT_EQ(call("GET", "/v1/models").value["data"][0]["id"], "small");
  EXPECT_EQ(files_in("blobs"), 1u);
  EXPECT_EQ(call("GET", "/api/v1/audit?limit=1").value["data"][0]["action"], "store.restore");
  // Nothing else is left lying about.
  EXPECT_EQ(std::distance(fs::directory_iterator(directory.path), {}), 3);
}

TEST_P(CoordinatorBackup, BlobsAreInItOnlyWhenTheyAreWanted) {
  start();
  ASSERT_EQ(upload(good_gguf(), "small").status, 200);
  ASSERT_TRUE(back_up(here(), "", target(), false));
  ASSERT_TRUE(restore_there());
  EXPECT_FALSE(fs::exists(there().path() / "blobs"));
}

TEST_P(CoordinatorBackup, NothingIsOverwrittenUnlessThatIsSaid) {
  ASSERT_TRUE(back_up(here(), "", target(), false));
  EXPECT_EQ(back_up(here(), "", target(), false).error().code, ErrorCode::conflict);
  ASSERT_TRUE(there().initialise({"mine.example"}, clock));
  const auto refused = restore_there();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_NE(read_file(there().authority_file(), 10'000).value(), authority);
  EXPECT_THAT(read_file(there().config_file(), 10'000).value(), HasSubstr("mine.example"));
  ASSERT_TRUE(restore_there(true));
  EXPECT_EQ(read_file(there().authority_file(), 10'000).value(), authority);
  EXPECT_EQ(read_file(there().config_file(), 10'000).value(), read_file(here().config_file(), 10'000).value());
}

TEST_P(CoordinatorBackup, WhereACoordinatorRunsNothingIsRestored) {
  ASSERT_TRUE(back_up(here(), "", target(), false));
  start();
  const auto backup = Backup::open(target(), here().path());
  const auto refused = restore(*backup, here(), "", true, clock);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("another gogrid-coordinator"));
  EXPECT_EQ(call("GET", "/api/v1/status").status, 200);
}

INSTANTIATE_TEST_SUITE_P(Forms, CoordinatorBackup, testing::Values("backup", "backup.tar"));

TEST_F(CoordinatorBackup, FilesOfModelsThatAreMissingOrDamagedAreFound) {
  const std::string file = domain::test::good_gguf();
  const std::string sha256 = Sha256::hex(as_bytes(file));
  start();
  ASSERT_EQ(upload(file, "tiny").status, 200);
  const auto check = [&](bool hash) { return check_blobs(here(), "", hash).value(); };
  EXPECT_THAT(check(true), testing::IsEmpty());
  std::string damaged = file;
  damaged.back() ^= 1;
  put_file(here().path() / "blobs" / sha256, damaged);
  EXPECT_THAT(check(false), testing::IsEmpty());
  EXPECT_THAT(check(true), testing::ElementsAre("model tiny: its file " + sha256 + " is damaged"));
  put_file(here().path() / "blobs" / sha256, "x");
  EXPECT_THAT(check(false), testing::ElementsAre(HasSubstr("has 1 bytes")));
  fs::remove(here().path() / "blobs" / sha256);
  EXPECT_THAT(check(false), testing::ElementsAre(HasSubstr("is missing")));
}

TEST_F(CoordinatorBackup, ATarFileWithOtherNamesIsRefused) {
  const fs::path folder = directory.path / "folder";
  for (const char* name : {"files/deep/file", "other/file"}) {
    put_file(folder / name, "x");
    ASSERT_TRUE(pack(folder, directory.path / "hostile.tar"));
    const auto refused = unpack(directory.path / "hostile.tar", directory.path / "unpacked");
    ASSERT_FALSE(refused) << name;
    EXPECT_THAT(refused.error().detail, HasSubstr(name));
    fs::remove_all(folder);
    fs::remove(directory.path / "hostile.tar");
  }
}

TEST_F(CoordinatorBackup, WhatIsNoBackupIsSaidToBeNone) {
  put_file(directory.path / "text", "no tar");
  for (const char* name : {"nowhere", "text", "data/files"}) {
    ASSERT_TRUE(make_directories(directory.path / "data/files"));
    const auto opened = Backup::open(directory.path / name, there().path());
    ASSERT_FALSE(opened) << name;
    EXPECT_THAT(opened.error().detail, HasSubstr(name));
  }
}

}  // namespace
}  // namespace gogrid::coordinator
