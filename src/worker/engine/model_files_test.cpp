#include "worker/engine/model_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gogrid::worker {
namespace {

using testing::ElementsAre;
using testing::Pair;

FileSpec spec(FileRole role, std::uint32_t scale_permille = 1000) {
  FileSpec spec;
  spec.role = role;
  spec.scale_permille = scale_permille;
  return spec;
}

TEST(ModelFiles, OneFileIsUsedWhereItLies) {
  const ModelFiles files("/cache/abc");
  EXPECT_THAT(files.mounts(), ElementsAre(Pair("/cache/abc", "/models/model.gguf")));
  EXPECT_THAT(files.arguments("/models"), ElementsAre("--model", "/models/model.gguf"));
  EXPECT_THAT(files.host_arguments("/run/e-1"), ElementsAre("--model", "/cache/abc"));
}

TEST(ModelFiles, PartsKeepTheNamesTheEngineLooksFor) {
  ModelFiles files;
  files.add(spec(FileRole::weights), "/cache/a");
  files.add(spec(FileRole::weights), "/cache/b");
  files.add(spec(FileRole::projector), "/cache/p");
  files.add(spec(FileRole::adapter, 500), "/cache/l");
  files.add(spec(FileRole::adapter), "/cache/m");
  files.add(spec(FileRole::chat_template), "/cache/t");
  EXPECT_THAT(files.mounts(),
              ElementsAre(Pair("/cache/a", "/models/model-00001-of-00002.gguf"),
                          Pair("/cache/b", "/models/model-00002-of-00002.gguf"),
                          Pair("/cache/p", "/models/projector.gguf"), Pair("/cache/l", "/models/adapter-1.gguf"),
                          Pair("/cache/m", "/models/adapter-2.gguf"), Pair("/cache/t", "/models/template.jinja")));
  EXPECT_THAT(files.arguments("/models"),
              ElementsAre("--model", "/models/model-00001-of-00002.gguf", "--mmproj", "/models/projector.gguf",
                          "--chat-template-file", "/models/template.jinja", "--lora-scaled",
                          "/models/adapter-1.gguf:0.500,/models/adapter-2.gguf:1.000"));
}

TEST(ModelFiles, WithoutASandboxTheyAreLinkedUnderTheirNames) {
  const auto directory = std::filesystem::temp_directory_path() / "gogrid-model-files-test";
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  ModelFiles files;
  files.add(spec(FileRole::weights), "/cache/a");
  files.add(spec(FileRole::adapter), "/cache/l");
  ASSERT_TRUE(files.link_files(directory));
  EXPECT_EQ(std::filesystem::read_symlink(directory / "model.gguf"), "/cache/a");
  EXPECT_EQ(std::filesystem::read_symlink(directory / "adapter-1.gguf"), "/cache/l");
  EXPECT_EQ(files.host_arguments(directory), files.arguments(directory.string()));
  EXPECT_FALSE(files.link_files(directory)) << "they are there already";
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace gogrid::worker
