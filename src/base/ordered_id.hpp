// OrderedId<Tag>: a 64-bit name of one kind of thing that sorts by the time it was given and never repeats; written as
// the tag's prefix and 16 hexadecimal digits, "job_0190c5e2a4400000". OrderedIds gives them. Values, any thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace gogrid {

// `Tag::prefix` is what the text begins with.
template <class Tag>
class OrderedId {
 public:
  OrderedId() = default;
  // Of a store's row; ids are positive.
  explicit OrderedId(std::int64_t value) : value_(value) {}
  // nullopt for anything but exactly what text() gives.
  static std::optional<OrderedId> parse(std::string_view text);

  std::int64_t value() const { return value_; }
  std::string text() const;
  bool empty() const { return value_ == 0; }

  friend auto operator<=>(const OrderedId&, const OrderedId&) = default;
  friend bool operator==(const OrderedId&, const OrderedId&) = default;

 private:
  std::int64_t value_ = 0;
};

std::string ordered_id_digits(std::int64_t value);
std::optional<std::int64_t> parse_ordered_id_digits(std::string_view digits);

template <class Tag>
std::string OrderedId<Tag>::text() const {
  return std::string(Tag::prefix) + ordered_id_digits(value_);
}

template <class Tag>
std::optional<OrderedId<Tag>> OrderedId<Tag>::parse(std::string_view text) {
  if (!text.starts_with(Tag::prefix)) return std::nullopt;
  const auto value = parse_ordered_id_digits(text.substr(std::string_view(Tag::prefix).size()));
  if (!value) return std::nullopt;
  return OrderedId(*value);
}

// Gives each number once, in growing order, also when the clock goes back.
class OrderedIds {
 public:
  // `last`: the largest that was given before, 0 for none.
  explicit OrderedIds(std::int64_t last = 0) : last_(last) {}
  // Milliseconds since 1970 in the upper 41 bits, a count in the lower 22.
  std::int64_t next(SystemTime now) {
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
    last_ = std::max(last_ + 1, static_cast<std::int64_t>(milliseconds) << 22);
    return last_;
  }
  // `seen` was given by another or before.
  void pass(std::int64_t seen) { last_ = std::max(last_, seen); }

 private:
  std::int64_t last_;
};

}  // namespace gogrid

template <class Tag>
struct std::hash<gogrid::OrderedId<Tag>> {
  std::size_t operator()(const gogrid::OrderedId<Tag>& id) const noexcept {
    return std::hash<std::int64_t>{}(id.value());
  }
};
