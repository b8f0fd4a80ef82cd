#include "worker/policy/pause.hpp"

namespace gogrid::worker {

std::string_view to_string(PauseCode code) {
  switch (code) {
    case PauseCode::by_owner:
      return "by_owner";
    case PauseCode::going_to_sleep:
      return "going_to_sleep";
    case PauseCode::update_pending:
      return "update_pending";
    case PauseCode::outside_schedule:
      return "outside_schedule";
    case PauseCode::on_battery:
      return "on_battery";
    case PauseCode::too_hot:
      return "too_hot";
    case PauseCode::user_active:
      return "user_active";
    case PauseCode::exclusive_app:
      return "exclusive_app";
    case PauseCode::full_screen:
      return "full_screen";
    case PauseCode::gpu_in_use:
      return "gpu_in_use";
    case PauseCode::cpu_busy:
      return "cpu_busy";
    case PauseCode::memory_short:
      return "memory_short";
    case PauseCode::metered_network:
      return "metered_network";
    case PauseCode::low_disk:
      return "low_disk";
    case PauseCode::activity_unknown:
      return "activity_unknown";
  }
  return "unknown";
}

}  // namespace gogrid::worker
