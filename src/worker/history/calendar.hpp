// Calendar: which day a moment belongs to, where the owner lives. Values and a clock's rules; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace gogrid::worker {

// Days since 1970-01-01.
using DayNumber = std::int32_t;

class Calendar {
 public:
  virtual ~Calendar() = default;
  virtual DayNumber day_of(SystemTime time) const = 0;
  // When it ends, and the next one begins.
  virtual SystemTime end_of(DayNumber day) const = 0;
};

// By the system's time zone. A day may have 23 or 25 hours.
class LocalCalendar : public Calendar {
 public:
  DayNumber day_of(SystemTime time) const override;
  SystemTime end_of(DayNumber day) const override;
};

// "2026-11-29"
std::string date_text(DayNumber day);
// Of the years 1970 to 9999.
std::optional<DayNumber> parse_date(std::string_view text);

}  // namespace gogrid::worker
