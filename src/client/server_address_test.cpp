// What people type as a coordinator's address is understood, or refused with a reason.
#include "client/server_address.hpp"

#include <gtest/gtest.h>

namespace gogrid::client {
namespace {

TEST(ServerAddress, IsReadFromWhatPeopleType) {
  struct Row {
    const char* text;
    const char* host;
    int port;
    const char* prefix;
    const char* url;
  };
  const Row rows[] = {
      {"grid", "grid", 8443, "", "https://grid:8443"},
      {"grid:9443", "grid", 9443, "", "https://grid:9443"},
      {" https://Grid.Example:8443/ \n", "grid.example", 8443, "", "https://grid.example:8443"},
      {"HTTPS://grid", "grid", 443, "", "https://grid:443"},
      {"https://grid/v1", "grid", 443, "", "https://grid:443"},
      {"https://grid/v1///", "grid", 443, "", "https://grid:443"},
      {"https://proxy/grid/v1/", "proxy", 443, "/grid", "https://proxy:443/grid"},
      {"https://proxy/grid/v1//v1", "proxy", 443, "/grid", "https://proxy:443/grid"},
      {"127.0.0.1:1", "127.0.0.1", 1, "", "https://127.0.0.1:1"},
      {"[::1]", "::1", 8443, "", "https://[::1]:8443"},
      {"https://[2001:DB8::1]:65535", "2001:db8::1", 65535, "", "https://[2001:db8::1]:65535"},
  };
  for (const Row& row : rows) {
    const auto address = parse_server_url(row.text);
    ASSERT_TRUE(address) << row.text << ": " << address.error().detail;
    EXPECT_EQ(address->host, row.host) << row.text;
    EXPECT_EQ(address->port, row.port) << row.text;
    EXPECT_EQ(address->path_prefix, row.prefix) << row.text;
    EXPECT_EQ(address->url(), row.url);
    EXPECT_EQ(parse_server_url(address->url()).value(), *address);
  }
}

TEST(ServerAddress, WhatIsNoneIsRefused) {
  for (const std::string text : {"",
                                 "  ",
                                 "http://grid:8443",
                                 "ftp://grid",
                                 "https://",
                                 "grid:",
                                 "grid:0",
                                 "grid:65536",
                                 "grid:1x",
                                 "grid:-1",
                                 ":8443",
                                 "a b",
                                 "grid\r\nX: y",
                                 "[::1",
                                 "[::1]x",
                                 "[::1]:",
                                 "[grid]:1",
                                 "::1",
                                 "https://grid?x=1",
                                 "https://grid#x",
                                 "https://grid/a b",
                                 "gr\xc3\xb6id",
                                 "//grid"}) {
    const auto address = parse_server_url(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(address.error().detail.find("https://grid:8443"), std::string::npos);
  }
  EXPECT_FALSE(parse_server_url(std::string(10'000, 'a')));
}

// Scheme and port are added to what was typed.
TEST(ServerAddress, TheLongestIsReadAgainAsItIsWrittenDown) {
  std::size_t longest = 0;
  for (std::size_t length = 2000; length < 2100; ++length) {
    const auto address = parse_server_url("grid/" + std::string(length, 'p'));
    if (!address) continue;
    longest = length;
    ASSERT_TRUE(parse_server_url(address->url())) << length;
    EXPECT_EQ(parse_server_url(address->url()).value(), *address);
  }
  EXPECT_EQ(longest, 2048 - std::string("https://grid:8443/").size());
}

TEST(ServerAddress, APasswordIsNotRepeated) {
  const auto address = parse_server_url("https://me:secret@grid");
  ASSERT_FALSE(address);
  EXPECT_EQ(address.error().detail.find("secret"), std::string::npos);
}

TEST(ServerAddress, KnowsThisMachine) {
  EXPECT_TRUE(parse_server_url("localhost")->is_loopback());
  EXPECT_TRUE(parse_server_url("127.0.0.1")->is_loopback());
  EXPECT_TRUE(parse_server_url("[::1]")->is_loopback());
  EXPECT_FALSE(parse_server_url("grid")->is_loopback());
  EXPECT_FALSE(parse_server_url("127.example.com")->is_loopback());
}

}  // namespace
}  // namespace gogrid::client
