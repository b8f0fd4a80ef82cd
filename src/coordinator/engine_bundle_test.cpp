#include "coordinator/engine_bundle.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "base/encoding.hpp"
#include "base/file.hpp"

namespace gogrid::coordinator {
namespace {

using testing::HasSubstr;

class EngineBundle : public testing::Test {
 protected:
  EngineBundle()
      : path(std::filesystem::temp_directory_path() / ("gogrid-bundle-" + to_hex(as_bytes(random_bytes(6))))) {}
  ~EngineBundle() override { std::filesystem::remove(path); }

  void write(const std::vector<std::pair<std::string, std::string>>& files) {
    archive* handle = archive_write_new();
    archive_write_add_filter_zstd(handle);
    archive_write_set_format_gnutar(handle);
    ASSERT_EQ(archive_write_open_filename(handle, path.c_str()), ARCHIVE_OK);
    for (const auto& [name, text] : files) {
      archive_entry* entry = archive_entry_new();
      archive_entry_set_pathname(entry, name.c_str());
      archive_entry_set_filetype(entry, AE_IFREG);
      archive_entry_set_perm(entry, 0644);
      archive_entry_set_size(entry, static_cast<la_int64_t>(text.size()));
      EXPECT_EQ(archive_write_header(handle, entry), ARCHIVE_OK);
      archive_write_data(handle, text.data(), text.size());
      archive_entry_free(entry);
    }
    archive_write_free(handle);
  }
  std::string refusal() {
    const auto manifest = read_engine_manifest(path);
    EXPECT_FALSE(manifest);
    return manifest ? "" : manifest.error().detail;
  }

  const std::filesystem::path path;
  const std::string good =
      R"({"format": 1, "version": "0.7.0-2", "flavour": "cpu", "target": "linux-x86_64", "more": []})";
};

TEST_F(EngineBundle, TellsItsVersionFlavourAndTarget) {
  for (const char* name : {"gogrid-engine.json", "./gogrid-engine.json"}) {
    write({{"./usr/bin/llama-server", std::string(300'000, 'x')}, {name, good}});
    const auto manifest = read_engine_manifest(path);
    ASSERT_TRUE(manifest) << manifest.error().detail;
    EXPECT_EQ(manifest->version, "0.7.0-2");
    EXPECT_EQ(manifest->flavour, "cpu");
    EXPECT_EQ(manifest->target, "linux-x86_64");
  }
}

TEST_F(EngineBundle, WhatIsNoneIsRefusedWithTheReason) {
  write({{"./usr/bin/llama-server", "x"}, {"./usr/gogrid-engine.json", good}});
  EXPECT_THAT(refusal(), HasSubstr("there is no gogrid-engine.json"));
  write({{"gogrid-engine.json", "{"}});
  EXPECT_THAT(refusal(), HasSubstr("not a JSON object"));
  write({{"gogrid-engine.json", R"({"format": 2})"}});
  EXPECT_THAT(refusal(), HasSubstr("format"));
  write({{"gogrid-engine.json", R"({"format": 1, "version": "1", "flavour": 3, "target": "t"})"}});
  EXPECT_THAT(refusal(), HasSubstr("flavour"));
  write({{"gogrid-engine.json", R"({"format": 1, "version": "1", "flavour": "<script>", "target": "t"})"}});
  EXPECT_THAT(refusal(), HasSubstr("flavour"));
  write({{"gogrid-engine.json", std::string(2'000'000, ' ')}});
  EXPECT_THAT(refusal(), HasSubstr("too large"));
  ASSERT_TRUE(write_file_atomically(path, "this is text", 0600));
  EXPECT_THAT(refusal(), HasSubstr("cannot be read"));
}

TEST_F(EngineBundle, ATruncatedOneIsRefused) {
  write({{"./usr/bin/llama-server", to_hex(as_bytes(random_bytes(100'000)))}, {"gogrid-engine.json", good}});
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  EXPECT_THAT(refusal(), HasSubstr("cannot be read"));
}

}  // namespace
}  // namespace gogrid::coordinator
