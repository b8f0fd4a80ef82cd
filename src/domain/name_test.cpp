// Names that are accepted stand safely in paths, logs and on an engine's command line; labels may be what people write.
#include "domain/name.hpp"

#include <gtest/gtest.h>

namespace gogrid::domain {
namespace {

TEST(Name, IsPlain) {
  for (const char* good :
       {"a", "7b", "llama-3.2:8b", "org/model@v1", "gogrid-engine-cpu-9859+dfsg~bpo12-x86_64", "wk_1", "a_mdl_1"}) {
    EXPECT_TRUE(is_name(good)) << good;
  }
  EXPECT_TRUE(is_name(std::string(128, 'a')));
  for (const char* bad : {"", " a", "a b", "-a", ".a", "a/", "a//b", "a..b", "größe", "a\n", "mdl_00", "a'b"}) {
    EXPECT_FALSE(is_name(bad)) << bad;
  }
  EXPECT_FALSE(is_name(std::string(129, 'a')));
}

TEST(Name, IsMadeFromAFilesName) {
  EXPECT_EQ(to_name("llama-3.2-3b-q4_k_m"), "llama-3.2-3b-q4_k_m");
  EXPECT_EQ(to_name("My Model (v2)"), "My-Model-v2");
  EXPECT_EQ(to_name("..größe.. 7B"), "gr-e.-7B");
  EXPECT_EQ(to_name("日本語"), "");
  EXPECT_EQ(to_name("mdl_1"), "");
  EXPECT_EQ(to_name(std::string(300, 'x')), std::string(128, 'x'));
}

TEST(WorkerName, IsMadeFromAHostsName) {
  EXPECT_EQ(to_worker_name("attic-pc.lan"), "attic-pc.lan");
  EXPECT_EQ(to_worker_name("Alice's PC\n"), "Alice-s-PC-");
  EXPECT_EQ(to_worker_name("wk_00"), "wk-00");
  EXPECT_EQ(to_worker_name(""), "worker");
  EXPECT_EQ(to_worker_name(std::string(300, 'x')), std::string(64, 'x'));
}

TEST(Label, IsAnyReadableText) {
  EXPECT_EQ(to_label("Alice's laptop"), "Alice's laptop");
  EXPECT_EQ(to_label("  Büro, 2. Stock \xe2\x98\x95 "), "Büro, 2. Stock \xe2\x98\x95");
  std::string longest(126, 'a');
  longest += "é";
  EXPECT_EQ(to_label(longest), longest);
  for (const std::string bad :
       {"", "   ", "a\nb", "a\tb", "\x1b[31m", "\x7f", "\xc2\x9b", "\xe2\x80\xae", "\xff", "\xc3"}) {
    EXPECT_FALSE(to_label(bad)) << bad;
  }
  EXPECT_FALSE(to_label(std::string(129, 'a')));
}

TEST(Name, TagsAreWords) {
  for (const char* good : {"code", "für-alle", "7b", "a/b:c", "日本"})
    EXPECT_TRUE(is_tag(good)) << good;
  for (const std::string& bad : {std::string(), std::string("two words"), std::string(" code"), std::string("a,b"),
                                 std::string("a\nb"), std::string("\xff"), std::string(65, 'a')})
    EXPECT_FALSE(is_tag(bad)) << bad;
}

TEST(Name, GpusAreAskedForByAPartOfTheirName) {
  for (const char* good : {"RTX 4090", "CUDA0", "Radeon™ 780M"})
    EXPECT_TRUE(is_gpu_name(good)) << good;
  for (const std::string& bad : {std::string(), std::string(" "), std::string("a,b"), std::string("a\n"),
                                 std::string("\xff"), std::string(65, 'a')})
    EXPECT_FALSE(is_gpu_name(bad)) << bad;
}

TEST(Name, LabelsArePlain) {
  for (const char* good : {"gpu", "example.com/site", "a_b-c", "7"})
    EXPECT_TRUE(is_label_key(good)) << good;
  for (const std::string& bad : {std::string(), std::string("-a"), std::string("a b"), std::string("a=b"),
                                 std::string("ä"), std::string(65, 'a')})
    EXPECT_FALSE(is_label_key(bad)) << bad;
  EXPECT_TRUE(is_label_value(""));
  EXPECT_TRUE(is_label_value("yes"));
  EXPECT_FALSE(is_label_value("a b"));
}

}  // namespace
}  // namespace gogrid::domain
