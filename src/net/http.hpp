// What HTTP server and client share: heads, headers, limits. Values, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gogrid::net {

// Header fields in order. Names compare without regard to case.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}

  // The first field of that name.
  std::optional<std::string_view> get(std::string_view name) const;
  void add(std::string name, std::string value);
  // Replaces every field of that name.
  void set(std::string name, std::string value);
  void remove(std::string_view name);

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  std::size_t size() const { return fields_.size(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct RequestHead {
  std::string method;
  // As sent: path and query.
  std::string target;
  Headers headers;

  std::string_view path() const;
  // The decoded value of a query parameter; nullopt also when its escapes are malformed.
  std::optional<std::string> query(std::string_view name) const;
};

struct ResponseHead {
  int status = 200;
  Headers headers;
};

// ASCII letters only, as names in HTTP compare.
bool equal_ignoring_case(std::string_view a, std::string_view b);

// The segments of a path, percent-decoded; nullopt when an escape is malformed or a segment is ".." or holds a NUL.
// Empty segments are left out: "/a//b/" is a, b.
std::optional<std::vector<std::string>> path_segments(std::string_view path);

// The text after "200 " in a status line.
std::string_view reason_phrase(int status);

}  // namespace gogrid::net
