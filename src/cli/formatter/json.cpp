#include "cli/formatter/json.hpp"

#include <nlohmann/json.hpp>

namespace gogrid::cli {
namespace {

using nlohmann::ordered_json;

// JSON needs C0 escaped and leaves C1, DEL and overrides of direction alone, which terminals act on. Within JSON's
// strings, which is the only place they can be, \uXXXX is the same text.
std::string escape_steering(const std::string& json) {
  std::string out;
  out.reserve(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    const auto byte = [&](std::size_t at) { return at < json.size() ? static_cast<unsigned char>(json[at]) : 0; };
    const unsigned char third = byte(i + 2);
    if (byte(i) == 0x7f) {
      out += "\\u007f";
    } else if (byte(i) == 0xc2 && byte(i + 1) >= 0x80 && byte(i + 1) <= 0x9f) {
      constexpr char digits[] = "0123456789abcdef";
      out += std::string("\\u00") + digits[byte(i + 1) >> 4] + digits[byte(i + 1) & 15];
      i += 1;
    } else if (byte(i) == 0xe2 && ((byte(i + 1) == 0x80 && third >= 0xa8 && third <= 0xae) ||
                                   (byte(i + 1) == 0x81 && third >= 0xa6 && third <= 0xa9))) {
      constexpr char digits[] = "0123456789abcdef";
      const unsigned low = (byte(i + 1) & 0x3f) << 6 | (third & 0x3f);
      out += std::string("\\u20") + digits[low >> 4 & 15] + digits[low & 15];
      i += 2;
    } else {
      out += json[i];
    }
  }
  return out;
}

std::string dump(const ordered_json& value) {
  return escape_steering(value.dump(2, ' ', false, ordered_json::error_handler_t::replace)) + "\n";
}

}  // namespace

std::string pretty_json(std::string_view text) {
  const ordered_json value = ordered_json::parse(text, nullptr, false);
  return value.is_discarded() ? std::string(text) : dump(value);
}

std::string json_object(std::string_view name, std::string_view value) {
  return dump(ordered_json{{std::string(name), std::string(value)}});
}

}  // namespace gogrid::cli
