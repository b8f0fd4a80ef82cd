// Id<Tag>: a name of one kind of thing that cannot be passed where another kind is wanted. Holds text ("wk_3f9a…").
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <utility>

namespace gogrid {

template <class Tag>
class Id {
 public:
  Id() = default;
  explicit Id(std::string text) : text_(std::move(text)) {}

  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }

  friend auto operator<=>(const Id&, const Id&) = default;
  friend bool operator==(const Id&, const Id&) = default;

 private:
  std::string text_;
};

}  // namespace gogrid

template <class Tag>
struct std::hash<gogrid::Id<Tag>> {
  std::size_t operator()(const gogrid::Id<Tag>& id) const noexcept { return std::hash<std::string>{}(id.text()); }
};
