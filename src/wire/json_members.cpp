#include "wire/json_members.hpp"

#include <nlohmann/json.hpp>

namespace gogrid::wire {
namespace {

// Walks over text that is known to be JSON, so that nothing but its structure has to be looked at.
class Walk {
 public:
  explicit Walk(std::string_view text) : text_(text) {}

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }
  bool take(char wanted) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  std::string_view take_string() {
    skip_space();
    const std::size_t begin = at_;
    skip_string();
    return text_.substr(begin, at_ - begin);
  }
  std::string_view take_value() {
    skip_space();
    const std::size_t begin = at_;
    std::size_t depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        skip_string();
      } else if (c == '{' || c == '[') {
        ++depth;
        ++at_;
      } else if (c == '}' || c == ']') {
        if (depth == 0) break;
        --depth;
        ++at_;
      } else if (depth == 0 && (c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
        break;
      } else {
        ++at_;
      }
    }
    return text_.substr(begin, at_ - begin);
  }

 private:
  void skip_string() {
    ++at_;
    while (at_ < text_.size() && text_[at_] != '"')
      at_ += text_[at_] == '\\' ? 2 : 1;
    at_ = std::min(at_ + 1, text_.size());
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<std::vector<JsonMember>> members_of(std::string_view text) {
  if (!nlohmann::json::accept(text)) return std::nullopt;
  Walk walk(text);
  if (!walk.take('{')) return std::nullopt;
  std::vector<JsonMember> members;
  if (walk.take('}')) return members;
  do {
    if (members.size() == max_json_members) return std::nullopt;
    const std::string_view name = walk.take_string();
    walk.take(':');
    members.push_back(JsonMember{nlohmann::json::parse(name).get<std::string>(), walk.take_value()});
  } while (walk.take(','));
  return members;
}

}  // namespace gogrid::wire
