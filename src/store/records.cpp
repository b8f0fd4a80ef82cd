#include "store/records.hpp"

#include <array>

namespace gogrid::store {
namespace {

// In the order of BatchState.
constexpr std::array<std::string_view, 8> batch_states = {"validating", "in_progress", "finalizing", "completed",
                                                          "failed",     "expired",     "cancelling", "cancelled"};

}  // namespace

std::string_view to_string(BatchState state) { return batch_states[static_cast<std::size_t>(state)]; }

std::optional<BatchState> batch_state_from_string(std::string_view text) {
  for (std::size_t i = 0; i < batch_states.size(); ++i) {
    if (batch_states[i] == text) return static_cast<BatchState>(i);
  }
  return std::nullopt;
}

std::string_view to_string(UploadKind kind) {
  switch (kind) {
    case UploadKind::model:
      return "model";
    case UploadKind::engine:
      return "engine";
    case UploadKind::model_file:
      return "model_file";
  }
  return "model";
}

std::optional<UploadKind> upload_kind_from_string(std::string_view text) {
  for (const auto kind : {UploadKind::model, UploadKind::engine, UploadKind::model_file}) {
    if (text == to_string(kind)) return kind;
  }
  return std::nullopt;
}

}  // namespace gogrid::store
