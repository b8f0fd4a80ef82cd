// Pause: one reason why this machine, or a part of it, does no work: a code for programs and a sentence for people.
// Values, any thread.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace gogrid::worker {

// In the order in which they are told: what the owner decided comes before what was sensed.
enum class PauseCode {
  by_owner,
  going_to_sleep,
  update_pending,
  outside_schedule,
  on_battery,
  too_hot,
  user_active,
  exclusive_app,
  full_screen,
  gpu_in_use,
  cpu_busy,
  memory_short,
  metered_network,
  low_disk,
  activity_unknown,
};
inline constexpr int pause_codes = static_cast<int>(PauseCode::activity_unknown) + 1;

// "user_active"
std::string_view to_string(PauseCode code);

struct Pause {
  PauseCode code = PauseCode::by_owner;
  // What it stops: "" the whole machine, "cpu" what runs on the processor, otherwise a GPU by its id.
  std::string part;
  // Parts of the machine that go on all the same.
  std::set<std::string> except;
  // For the owner, to follow "Paused: ": "you are using the computer". It may name a program.
  std::string text;
  // For those who run the network: what the owner does at the machine is nobody else's business.
  std::string text_for_others;
  // When it ends by itself, where that is known.
  std::optional<SystemTime> until;

  bool operator==(const Pause&) const = default;
};

// The part of the machine that is no GPU.
inline constexpr std::string_view cpu_part = "cpu";

}  // namespace gogrid::worker
