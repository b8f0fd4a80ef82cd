#include "net/http.hpp"

#include <gtest/gtest.h>

namespace gogrid::net {
namespace {

TEST(Headers, NamesCompareWithoutCaseAndSetReplacesAll) {
  Headers headers{{"Accept", "a"}, {"X", "1"}, {"accept", "b"}};
  EXPECT_EQ(headers.get("ACCEPT"), "a");
  headers.set("aCCept", "c");
  EXPECT_EQ(headers.get("Accept"), "c");
  EXPECT_EQ(headers.size(), 2u);
  headers.remove("x");
  EXPECT_EQ(headers.get("X"), std::nullopt);
}

TEST(RequestHead, PathAndQueryAreTakenFromEveryFormOfTarget) {
  struct Row {
    std::string target, path;
    std::optional<std::string> value;
  };
  const Row rows[] = {
      {"/a", "/a", std::nullopt},
      {"/a?k=1", "/a", "1"},
      {"/a?x=2&k=a%20b+c&k=3", "/a", "a b c"},
      {"/a?k", "/a", ""},
      {"/a?%6b=1", "/a", "1"},
      {"/a?k=%zz", "/a", std::nullopt},
      {"/a?k=%4", "/a", std::nullopt},
      {"/a?&&=&k=v&", "/a", "v"},
      {"/a?kk=1", "/a", std::nullopt},
      {"http://host:1/a/b?k=1", "/a/b", "1"},
      {"http://host", "/", std::nullopt},
      {"http://host?k=1", "", "1"},
      {"*", "*", std::nullopt},
      {"", "", std::nullopt},
  };
  for (const Row& row : rows) {
    RequestHead head;
    head.target = row.target;
    EXPECT_EQ(head.path(), row.path) << row.target;
    EXPECT_EQ(head.query("k"), row.value) << row.target;
  }
}

TEST(PathSegments, DecodeAfterSplittingAndRefuseWhatClimbs) {
  using Segments = std::vector<std::string>;
  const std::pair<std::string, std::optional<Segments>> rows[] = {
      {"/", Segments{}},
      {"/v1/models", Segments{"v1", "models"}},
      {"/a//b/", Segments{"a", "b"}},
      {"/a%2Fb/c", Segments{"a/b", "c"}},
      {"/a%20b", Segments{"a b"}},
      {"/a+b", Segments{"a+b"}},
      {"/%e2%82%ac", Segments{"\xe2\x82\xac"}},
      {"/a/../b", std::nullopt},
      {"/a/%2e%2e/b", std::nullopt},
      {"/a%00b", std::nullopt},
      {"/a%", std::nullopt},
      {"/a%4", std::nullopt},
      {"/a%g0", std::nullopt},
  };
  for (const auto& [path, expected] : rows)
    EXPECT_EQ(path_segments(path), expected) << path;
}

TEST(ReasonPhrase, KnowsWhatWeSendAndSurvivesTheRest) {
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
  EXPECT_EQ(reason_phrase(299), "Unknown");
}

}  // namespace
}  // namespace gogrid::net
