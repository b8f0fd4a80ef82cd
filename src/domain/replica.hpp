// A replica: one model on one worker, as the worker reports it. Values, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "domain/model.hpp"

namespace gogrid::domain {

enum class Phase {
  waiting,  // for something named in the detail (the engine bundle, the owner)
  fetching,
  unpacking,
  loading,  // the engine has started, the model is not yet ready
  ready,
  failed,   // the detail says why; the worker tries again with back-off
  leaving,  // not assigned any more, or differently; its memory is not back yet
};
inline constexpr Phase all_phases[] = {Phase::waiting, Phase::fetching, Phase::unpacking, Phase::loading,
                                       Phase::ready,   Phase::failed,   Phase::leaving};

std::string_view to_string(Phase phase);

struct Progress {
  Phase phase = Phase::waiting;
  std::uint64_t done_bytes = 0;
  std::uint64_t total_bytes = 0;
  std::string detail;

  // Whole per cent of the bytes; 0 when the total is not known.
  unsigned percent() const;
  friend bool operator==(const Progress&, const Progress&) = default;
};

struct ReplicaReport {
  ModelId model;
  Progress progress;
  // Requests it can run at once when ready.
  std::uint32_t slots = 0;
  // How often its engine was started on this assignment; over 1 it crashed.
  std::uint32_t starts = 0;

  friend bool operator==(const ReplicaReport&, const ReplicaReport&) = default;
};

}  // namespace gogrid::domain
