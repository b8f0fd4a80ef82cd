// A schedule that is accepted is written as a text that means the same. Hours of one digit make a text that is just
// short enough too long when it is written with two.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "domain/schedule.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using gogrid::domain::Schedule;
  const auto schedule = Schedule::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!schedule) return 0;
  const std::string text = schedule->text();
  if (text.size() > Schedule::max_text_bytes) return 0;
  const auto again = Schedule::parse(text);
  if (!again || *again != *schedule) std::abort();
  return 0;
}
