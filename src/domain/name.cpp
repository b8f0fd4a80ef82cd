#include "domain/name.hpp"

#include <algorithm>

#include "base/utf8.hpp"

namespace gogrid::domain {
namespace {

constexpr std::size_t max_name_bytes = 128;
constexpr std::size_t max_word_bytes = 64;

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

bool is_plain(char c) { return is_alphanumeric(c) || std::string_view("._:/@+~-").find(c) != std::string_view::npos; }

}  // namespace

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= max_name_bytes && is_alphanumeric(text.front()) && text.back() != '/' &&
         std::all_of(text.begin(), text.end(), is_plain) && text.find("..") == std::string_view::npos &&
         text.find("//") == std::string_view::npos && !text.starts_with("mdl_");
}

std::string to_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const char plain = is_plain(c) && c != '/' ? c : '-';
    const bool repeated = !name.empty() && name.back() == plain && (plain == '-' || plain == '.');
    if (!repeated && (!name.empty() || is_alphanumeric(plain))) name += plain;
  }
  name.resize(std::min(name.size(), max_name_bytes));
  name.erase(name.find_last_not_of("-.") + 1);
  return is_name(name) ? name : "";
}

std::string to_worker_name(std::string_view text) {
  std::string name(text.substr(0, max_word_bytes));
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !is_alphanumeric(c) && c != '.' && c != '_' && c != '-'; }, '-');
  if (name.starts_with("wk_")) name[2] = '-';
  return name.empty() ? "worker" : name;
}

std::optional<std::string> to_label(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return std::nullopt;
  text = text.substr(first, text.find_last_not_of(' ') - first + 1);
  if (text.size() > max_name_bytes) return std::nullopt;
  for (std::string_view rest = text; !rest.empty();) {
    const CodePoint point = decode_utf8(rest);
    if (point.bytes == 0 || is_steering(point.value)) return std::nullopt;
    rest.remove_prefix(point.bytes);
  }
  return std::string(text);
}

bool is_tag(std::string_view text) {
  const auto good = to_label(text);
  return good && *good == text && text.size() <= max_word_bytes && text.find_first_of(" ,") == std::string_view::npos;
}

bool is_gpu_name(std::string_view text) {
  const auto good = to_label(text);
  return good && *good == text && text.size() <= max_word_bytes && text.find(',') == std::string_view::npos;
}

bool is_label_key(std::string_view text) {
  return !text.empty() && is_alphanumeric(text.front()) && text.size() <= max_word_bytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_alphanumeric(c) || std::string_view("._/-").find(c) != std::string_view::npos;
         });
}

bool is_label_value(std::string_view text) { return text.empty() || is_label_key(text); }

}  // namespace gogrid::domain
