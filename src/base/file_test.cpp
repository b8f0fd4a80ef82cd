#include "base/file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace gogrid {
namespace {

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "gogrid-file-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path directory_;
};

TEST_F(FileTest, AnAtomicWriteReplacesTheTextAndSetsTheMode) {
  const auto path = directory_ / "key.pem";
  ASSERT_TRUE(write_file_atomically(path, "old", 0644));
  ASSERT_TRUE(write_file_atomically(path, "new", 0600));
  EXPECT_EQ(read_file(path, 100).value(), "new");
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  // No temporary file is left beside it.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_), {}), 1);
}

TEST_F(FileTest, AReadStopsAtItsLimit) {
  const auto path = directory_ / "big";
  ASSERT_TRUE(write_file_atomically(path, std::string(10'000, 'x'), 0600));
  EXPECT_EQ(read_file(path, 10'000).value().size(), 10'000u);
  EXPECT_EQ(read_file(path, 9'999).error().code, ErrorCode::too_large);
}

TEST_F(FileTest, AWriteWithoutItsDirectoryNamesThePath) {
  const auto written = write_file_atomically(directory_ / "no" / "x", "text", 0600);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::not_found);
  EXPECT_NE(written.error().detail.find("no/x"), std::string::npos);
}

TEST_F(FileTest, MakeDirectoriesMakesParentsAndRefusesAFile) {
  EXPECT_TRUE(make_directories(directory_ / "a" / "b"));
  EXPECT_TRUE(make_directories(directory_ / "a" / "b"));
  ASSERT_TRUE(write_file_atomically(directory_ / "file", "", 0600));
  EXPECT_EQ(make_directories(directory_ / "file").error().code, ErrorCode::conflict);
}

}  // namespace
}  // namespace gogrid
