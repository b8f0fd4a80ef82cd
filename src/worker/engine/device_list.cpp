#include "worker/engine/device_list.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/utf8.hpp"

namespace gogrid::worker {
namespace {

constexpr std::size_t max_name_bytes = 64;
constexpr std::size_t max_description_bytes = 256;
constexpr std::uint64_t mebibyte = 1 << 20;
// A pebibyte: more is a mistake.
constexpr std::uint64_t max_mebibytes = std::uint64_t{1} << 30;

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// Takes "123 MiB" off the front.
std::optional<std::uint64_t> take_mebibytes(std::string_view& text) {
  constexpr std::string_view unit = " MiB";
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number > max_mebibytes) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.starts_with(unit)) return std::nullopt;
  text.remove_prefix(unit.size());
  return number * mebibyte;
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return valid_utf8(out, max_description_bytes);
}

std::optional<ListedDevice> parse_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  const auto begin = line.find_first_not_of(' ');
  const auto colon = line.find(": ");
  // A description may hold brackets too: the sizes are in the last ones.
  const auto open = line.rfind(" (");
  if (begin == std::string_view::npos || colon == std::string_view::npos || open == std::string_view::npos ||
      colon < begin || open < colon + 1)
    return std::nullopt;
  ListedDevice device;
  device.name = line.substr(begin, colon - begin);
  if (!is_device_name(device.name)) return std::nullopt;
  if (open > colon + 2) device.description = printable(line.substr(colon + 2, open - colon - 2));
  std::string_view sizes = line.substr(open + 2);
  const auto total = take_mebibytes(sizes);
  if (!total || !sizes.starts_with(", ")) return std::nullopt;
  sizes.remove_prefix(2);
  const auto free = take_mebibytes(sizes);
  if (!free || sizes != " free)") return std::nullopt;
  device.total_bytes = *total;
  device.free_bytes = std::min(*free, *total);
  return device;
}

}  // namespace

bool is_device_name(std::string_view name) {
  return !name.empty() && name.size() <= max_name_bytes && is_alphanumeric(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_alphanumeric(c) || c == '_' || c == '-' || c == '.'; });
}

std::vector<ListedDevice> parse_device_list(std::string_view output) {
  std::vector<ListedDevice> devices;
  while (!output.empty() && devices.size() < max_engine_devices) {
    const auto end = output.find('\n');
    auto device = parse_line(output.substr(0, end));
    output.remove_prefix(end == std::string_view::npos ? output.size() : end + 1);
    if (!device) continue;
    const bool known = std::any_of(devices.begin(), devices.end(),
                                   [&](const ListedDevice& other) { return other.name == device->name; });
    if (!known) devices.push_back(std::move(*device));
  }
  return devices;
}

}  // namespace gogrid::worker
