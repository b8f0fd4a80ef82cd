#include "worker/activity/x11_display.hpp"

#include <gtest/gtest.h>

namespace gogrid::worker {
namespace {

std::string counted(std::string_view value) {
  std::string bytes;
  bytes += static_cast<char>(value.size() / 256);
  bytes += static_cast<char>(value.size() % 256);
  return bytes.append(value);
}

std::string entry(std::string_view number, std::string_view kind, std::string_view data) {
  return std::string("\x01\x00", 2) + counted("host") + counted(number) + counted(kind) + counted(data);
}

TEST(X11Display, OnlyDisplaysOfThisMachineHaveANumber) {
  EXPECT_EQ(local_display_number(":0"), 0);
  EXPECT_EQ(local_display_number(":12.1"), 12);
  EXPECT_EQ(local_display_number("unix:3"), 3);
  for (const char* other : {"", ":", "0", "localhost:10.0", "[::1]:0", ":-1", ":0.", ":0.x", ":1 ", ":99999999999",
                            ":65536", "unix:", ":0:1"})
    EXPECT_FALSE(local_display_number(other)) << other;
}

TEST(X11Cookies, AreThoseOfTheDisplayEachOnce) {
  const std::string file = entry("0", "MIT-MAGIC-COOKIE-1", "first") + entry("1", "MIT-MAGIC-COOKIE-1", "of another") +
                           entry("0", "XDM-AUTHORIZATION-1", "of another kind") +
                           entry("", "MIT-MAGIC-COOKIE-1", "of any") + entry("0", "MIT-MAGIC-COOKIE-1", "first");
  EXPECT_EQ(parse_x11_cookies(file, 0), (std::vector<std::string>{"first", "of any"}));
  EXPECT_EQ(parse_x11_cookies(file, 1), (std::vector<std::string>{"of another", "of any"}));
}

TEST(X11Cookies, OfACutFileAreThoseBeforeTheCut) {
  const std::string whole = entry("0", "MIT-MAGIC-COOKIE-1", "first") + entry("0", "MIT-MAGIC-COOKIE-1", "second");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto cookies = parse_x11_cookies(whole.substr(0, length), 0);
    EXPECT_EQ(cookies.size(), length < whole.size() / 2 ? 0u : 1u) << length;
  }
  EXPECT_EQ(parse_x11_cookies(std::string(300, '\xff'), 0).size(), 0u);
}

TEST(X11Cookies, AreNotMoreThanCanBeTried) {
  std::string file;
  for (int i = 0; i < 1000; ++i)
    file += entry("0", "MIT-MAGIC-COOKIE-1", "cookie " + std::to_string(i));
  EXPECT_EQ(parse_x11_cookies(file, 0).size(), 8u);
}

}  // namespace
}  // namespace gogrid::worker
