#include "domain/fetch_rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gogrid::domain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(FetchRules, UrlsAreTakenApart) {
  const auto target = parse_fetch_url("https://Models.Example:8443/a/b.gguf?token=secret").value();
  EXPECT_TRUE(target.tls);
  EXPECT_EQ(target.host, "models.example");
  EXPECT_EQ(target.port, 8443);
  EXPECT_EQ(target.target, "/a/b.gguf?token=secret");
  EXPECT_EQ(target.file_name(), "b.gguf");
  EXPECT_EQ(target.shown(), "https://Models.Example:8443/a/b.gguf");
  EXPECT_EQ(parse_fetch_url("http://[::1]:80/x").value().host, "::1");
  for (const char* url : {"", "file:///etc/passwd", "ftp://a/b", "https://", "https://user:pw@a/b", "https://a:0/b",
                          "https://a:99999/b", "https://a/../b", "https://a/%2e%2e/b", "https://a/b%2Fc",
                          "https://a//b", "https://1.1.1.1.example.com/b", "https://a/b%00", "/a/b", "https://a/b c"})
    EXPECT_FALSE(parse_fetch_url(url)) << url;
}

TEST(FetchRules, OnlyWhatAPrefixCoversIsAllowed) {
  const std::vector<std::string> allowed{"https://models.example/gguf/", "https://b.example:8443/one",
                                         "http://10.0.0.7/"};
  const struct {
    const char* url;
    bool good;
  } table[] = {
      {"https://models.example/gguf/a.gguf", true},
      {"https://MODELS.example:443/gguf/deep/a.gguf?x=1", true},
      {"https://models.example/gguf", false},
      {"https://models.example/ggufs/a.gguf", false},
      {"https://models.example/a.gguf", false},
      {"http://models.example/gguf/a.gguf", false},
      {"https://models.example:444/gguf/a.gguf", false},
      {"https://models.example.evil.example/gguf/a.gguf", false},
      {"https://evil.example/?https://models.example/gguf/", false},
      {"https://b.example:8443/one", true},
      {"https://b.example:8443/one/two", true},
      {"https://b.example:8443/onetwo", false},
      {"http://10.0.0.7/any/where", true},
      {"https://10.0.0.7/any/where", false},
  };
  for (const auto& row : table) {
    const auto target = parse_fetch_url(row.url);
    ASSERT_TRUE(target) << row.url;
    const auto checked = check_allowed(*target, allowed);
    EXPECT_EQ(checked.has_value(), row.good) << row.url;
    if (!checked) {
      EXPECT_EQ(checked.error().code, ErrorCode::permission_denied);
    }
  }
  const auto refused = check_allowed(parse_fetch_url("https://a.example/x/y.gguf?key=s3cret").value(), {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("allowed_urls = [\"https://a.example/x/\"]"));
  EXPECT_THAT(refused.error().detail, testing::Not(HasSubstr("s3cret")));
}

TEST(FetchRules, APrefixHasNoQuery) {
  EXPECT_TRUE(check_prefix("https://a.example/"));
  EXPECT_TRUE(check_prefix("http://10.0.0.7:8080/models/"));
  for (const char* prefix : {"", "a.example", "https://a.example/?x", "https://a.example/#x", "https://u@a.example/"})
    EXPECT_FALSE(check_prefix(prefix)) << prefix;
}

TEST(FetchRules, RedirectsAreResolved) {
  const std::string from = "https://a.example/x/y.gguf?k=1";
  EXPECT_EQ(redirect_url(from, "/z").value(), "https://a.example/z");
  EXPECT_EQ(redirect_url(from, "z?q#f").value(), "https://a.example/x/z?q");
  EXPECT_EQ(redirect_url(from, "//b.example/z").value(), "https://b.example/z");
  EXPECT_EQ(redirect_url(from, "http://c.example/").value(), "http://c.example/");
  EXPECT_FALSE(redirect_url(from, "http://a b/"));
}

TEST(FetchRules, APartStandsForAllParts) {
  EXPECT_THAT(part_urls("https://a.example/m-00002-of-00003.gguf?k=1").value(),
              ElementsAre("https://a.example/m-00001-of-00003.gguf?k=1", "https://a.example/m-00002-of-00003.gguf?k=1",
                          "https://a.example/m-00003-of-00003.gguf?k=1"));
  for (const char* url : {"https://a.example/m.gguf", "https://a.example/m-0001-of-00003.gguf", "https://a"})
    EXPECT_THAT(part_urls(url).value(), ElementsAre(url));
  EXPECT_FALSE(part_urls("https://a.example/m-00001-of-99999.gguf"));
  EXPECT_FALSE(part_urls("https://a.example/m-00001-of-00000.gguf"));
}

}  // namespace
}  // namespace gogrid::domain
