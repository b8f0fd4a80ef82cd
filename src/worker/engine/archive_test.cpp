// Proves that a hostile bundle leaves nothing outside its directory: crafted tars, packed by libarchive itself.
#include "worker/engine/archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "base/encoding.hpp"
#include "base/file.hpp"

namespace gogrid::worker {
namespace {

struct Entry {
  std::string name;
  mode_t type = S_IFREG;
  std::string text;  // of a file; the target of a link
  mode_t mode = 0644;
  bool hard_link = false;
};

class Archive : public ::testing::Test {
 protected:
  void SetUp() override {
    top_ = std::filesystem::temp_directory_path() / ("gogrid-archive-" + to_hex(as_bytes(random_bytes(6))));
    std::filesystem::create_directories(top_ / "in");
  }
  void TearDown() override { std::filesystem::remove_all(top_); }

  void pack(const std::vector<Entry>& entries) {
    archive* writer = archive_write_new();
    archive_write_set_format_pax_restricted(writer);
    archive_write_add_filter_zstd(writer);
    ASSERT_EQ(archive_write_open_filename(writer, (top_ / "bundle").c_str()), ARCHIVE_OK);
    for (const Entry& entry : entries) {
      archive_entry* header = archive_entry_new();
      archive_entry_copy_pathname(header, entry.name.c_str());
      archive_entry_set_filetype(header, entry.type);
      archive_entry_set_perm(header, entry.mode);
      archive_entry_set_uid(header, 4711);
      const bool has_data = entry.type == S_IFREG && !entry.hard_link;
      if (entry.type == S_IFLNK) archive_entry_copy_symlink(header, entry.text.c_str());
      if (entry.hard_link) archive_entry_copy_hardlink(header, entry.text.c_str());
      archive_entry_set_size(header, has_data ? static_cast<la_int64_t>(entry.text.size()) : 0);
      ASSERT_EQ(archive_write_header(writer, header), ARCHIVE_OK) << archive_error_string(writer);
      if (has_data) archive_write_data(writer, entry.text.data(), entry.text.size());
      archive_entry_free(header);
    }
    archive_write_close(writer);
    archive_write_free(writer);
  }

  Result<void> unpack(const ArchiveLimits& limits = {}) { return unpack_archive(top_ / "bundle", top_ / "in", limits); }

  std::filesystem::path top_;
};

TEST_F(Archive, AGoodBundleIsUnpackedWithPlainModes) {
  pack({{"./", S_IFDIR, "", 0700},
        {"./usr", S_IFDIR, "", 0711},
        {"./usr/bin", S_IFDIR, "", 0777},
        {"./usr/bin/tool", S_IFREG, "program", 06755},
        {"./usr/bin/same", S_IFREG, "./usr/bin/tool", 0755, true},
        {"./bin", S_IFLNK, "usr/bin"},
        {"./lib64", S_IFLNK, "/usr/lib64"},
        {"./notes", S_IFREG, "text", 0600}});
  auto unpacked = unpack();
  ASSERT_TRUE(unpacked) << unpacked.error().detail;
  struct stat info {};
  ASSERT_EQ(::stat((top_ / "in/usr/bin/tool").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0755u) << "no set-user-id";
  EXPECT_EQ(info.st_uid, ::geteuid());
  EXPECT_EQ(info.st_nlink, 2u);
  ASSERT_EQ(::stat((top_ / "in/notes").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0644u) << "readable for the sandbox's user";
  EXPECT_EQ(std::filesystem::read_symlink(top_ / "in/bin"), "usr/bin");
}

TEST_F(Archive, HostileEntriesAreRefused) {
  const std::string outside = (top_ / "outside").string();
  const struct {
    std::vector<Entry> entries;
    std::string says;
  } table[] = {
      {{{"/etc/passwd", S_IFREG, "x"}}, "absolute"},
      {{{"../outside", S_IFREG, "x"}}, "leads out"},
      {{{"a/../../outside", S_IFREG, "x"}}, "leads out"},
      {{{"a/..", S_IFDIR, ""}}, "leads out"},
      {{{"link", S_IFLNK, "../outside"}}, "leads out"},
      {{{"a", S_IFDIR, ""}, {"a/link", S_IFLNK, "../../outside"}}, "leads out"},
      {{{"link", S_IFLNK, "/../outside"}}, "leads out"},
      {{{"link", S_IFLNK, "/" + outside}, {"link/file", S_IFREG, "x"}}, "refused"},
      {{{"link", S_IFLNK, outside}, {"hard", S_IFREG, "link/secret", 0644, true}}, "hard link"},
      {{{"hard", S_IFREG, "/etc/passwd", 0644, true}}, "absolute"},
      {{{"hard", S_IFREG, "../outside/secret", 0644, true}}, "leads out"},
      {{{"device", S_IFCHR, ""}}, "neither"},
      {{{"device", S_IFBLK, ""}}, "neither"},
      {{{"pipe", S_IFIFO, ""}}, "neither"},
      {{{"twice", S_IFREG, "a"}, {"twice", S_IFREG, "b"}}, "twice"},
      {{{"link", S_IFLNK, "a"}, {"link", S_IFREG, "b"}}, "twice"},
      {{{"a", S_IFREG, "x"}, {"a", S_IFDIR, ""}}, "twice"},
      {{{std::string(2000, 'a'), S_IFREG, "x"}}, "too long"},
  };
  for (const auto& row : table) {
    std::filesystem::remove_all(top_ / "in");
    std::filesystem::create_directories(top_ / "in");
    std::filesystem::create_directories(outside);
    std::ofstream(outside + "/secret") << "secret";
    pack(row.entries);
    const auto unpacked = unpack();
    ASSERT_FALSE(unpacked) << row.entries.back().name;
    EXPECT_EQ(unpacked.error().code, ErrorCode::invalid_argument) << unpacked.error().detail;
    EXPECT_NE(unpacked.error().detail.find(row.says), std::string::npos)
        << row.entries.back().name << ": " << unpacked.error().detail;
    EXPECT_FALSE(std::filesystem::exists(top_ / "outside/file"));
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(top_), {}), 3)
        << "in, bundle and outside, nothing else";
  }
}

TEST_F(Archive, LimitsHold) {
  pack({{"a", S_IFREG, std::string(1000, 'x')}, {"b", S_IFREG, std::string(1000, 'x')}});
  ArchiveLimits limits;
  limits.max_bytes = 1500;
  auto unpacked = unpack(limits);
  ASSERT_FALSE(unpacked);
  EXPECT_NE(unpacked.error().detail.find("1500 bytes"), std::string::npos);
  std::filesystem::remove_all(top_ / "in");
  std::filesystem::create_directories(top_ / "in");
  limits = {};
  limits.max_entries = 1;
  unpacked = unpack(limits);
  ASSERT_FALSE(unpacked);
  EXPECT_NE(unpacked.error().detail.find("more than 1 files"), std::string::npos);
  std::filesystem::remove_all(top_ / "in");
  std::filesystem::create_directories(top_ / "in");
  limits = {};
  limits.room_bytes = 1500;
  unpacked = unpack(limits);
  ASSERT_FALSE(unpacked);
  EXPECT_EQ(unpacked.error().code, ErrorCode::disk_full);
}

TEST_F(Archive, WhatIsNoBundleIsRefused) {
  for (const std::string& text :
       {std::string(), std::string("hello"), std::string(10'000, '\0'), std::string("\x28\xb5\x2f\xfd garbage")}) {
    std::ofstream(top_ / "bundle") << text;
    const auto unpacked = unpack();
    ASSERT_FALSE(unpacked);
    EXPECT_EQ(unpacked.error().code, ErrorCode::invalid_argument) << unpacked.error().detail;
  }
}

TEST_F(Archive, ATruncatedBundleIsRefused) {
  std::string noise;
  for (int i = 0; i < 5000; ++i)
    noise += to_hex(as_bytes(random_bytes(8)));
  pack({{"a", S_IFREG, noise}});
  const auto size = std::filesystem::file_size(top_ / "bundle");
  std::filesystem::resize_file(top_ / "bundle", size / 2);
  EXPECT_FALSE(unpack());
}

}  // namespace
}  // namespace gogrid::worker
