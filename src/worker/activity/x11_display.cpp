#include "worker/activity/x11_display.hpp"

#include <algorithm>

#include "base/file.hpp"
#include "base/number.hpp"

namespace gogrid::worker {
namespace {

constexpr std::size_t max_file_bytes = 256 * 1024;
constexpr std::size_t max_cookies = 8;
constexpr int max_number = 65535;
constexpr std::string_view cookie_kind = "MIT-MAGIC-COOKIE-1";

// Two bytes of length, the highest first, and so many bytes.
std::optional<std::string_view> take_counted(std::string_view& bytes) {
  if (bytes.size() < 2) return std::nullopt;
  const auto length =
      static_cast<std::size_t>(static_cast<unsigned char>(bytes[0]) * 256 + static_cast<unsigned char>(bytes[1]));
  bytes.remove_prefix(2);
  if (bytes.size() < length) return std::nullopt;
  const auto value = bytes.substr(0, length);
  bytes.remove_prefix(length);
  return value;
}

std::optional<int> whole_number(std::string_view text) {
  const auto number = parse_number<int>(text);
  return number && *number >= 0 && *number <= max_number ? number : std::nullopt;
}

}  // namespace

std::optional<int> local_display_number(std::string_view display) {
  if (display.starts_with("unix:")) display.remove_prefix(4);
  if (!display.starts_with(":")) return std::nullopt;
  display.remove_prefix(1);
  const auto dot = display.find('.');
  if (dot != std::string_view::npos && !whole_number(display.substr(dot + 1))) return std::nullopt;
  return whole_number(display.substr(0, dot));
}

std::vector<std::string> parse_x11_cookies(std::string_view authority, int display_number) {
  std::vector<std::string> cookies;
  const std::string wanted = std::to_string(display_number);
  // An entry: the family (2 bytes), then address, display number, kind and data, each counted.
  while (authority.size() > 2 && cookies.size() < max_cookies) {
    authority.remove_prefix(2);
    const auto address = take_counted(authority);
    const auto number = address ? take_counted(authority) : std::nullopt;
    const auto kind = number ? take_counted(authority) : std::nullopt;
    const auto data = kind ? take_counted(authority) : std::nullopt;
    if (!data) break;
    if ((!number->empty() && *number != wanted) || *kind != cookie_kind || data->empty()) continue;
    if (std::find(cookies.begin(), cookies.end(), *data) == cookies.end()) cookies.emplace_back(*data);
  }
  return cookies;
}

std::vector<std::string> find_x11_cookies(const std::vector<std::filesystem::path>& files, int display_number) {
  std::vector<std::string> cookies;
  for (const auto& file : files) {
    const auto text = read_file(file, max_file_bytes);
    if (!text) continue;
    for (std::string& cookie : parse_x11_cookies(*text, display_number)) {
      const bool known = std::find(cookies.begin(), cookies.end(), cookie) != cookies.end();
      if (!known && cookies.size() < max_cookies) cookies.push_back(std::move(cookie));
    }
  }
  return cookies;
}

std::vector<std::filesystem::path> x11_authority_files(const char* xauthority, const char* home,
                                                       const char* runtime_directory) {
  std::vector<std::filesystem::path> files;
  if (xauthority != nullptr && *xauthority != '\0') files.emplace_back(xauthority);
  if (home != nullptr && *home != '\0') files.push_back(std::filesystem::path(home) / ".Xauthority");
  if (runtime_directory == nullptr || *runtime_directory == '\0') return files;
  const std::filesystem::path directory = runtime_directory;
  files.push_back(directory / "gdm/Xauthority");
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failure)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("xauth_") || name.starts_with("Xauthority")) files.push_back(entry.path());
  }
  return files;
}

}  // namespace gogrid::worker
