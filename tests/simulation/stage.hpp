// Stage: what all parts of a simulated world share: virtual time, the system's clock, chance, the trace of what
// happened and the verdict. One thread.
#pragma once

#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/clock.hpp"
#include "base/ordered_id.hpp"
#include "simulation/random.hpp"

namespace gogrid::simulation {

// Events in virtual time; those of the same moment happen in the order in which they were asked for.
class Timeline {
 public:
  using Event = std::function<void()>;

  SteadyTime now() const { return now_; }
  void at(SteadyTime time, Event event);
  void after(Duration delay, Event event) { at(now_ + delay, std::move(event)); }
  // False when nothing is left to happen.
  bool step();
  std::optional<SteadyTime> next() const;

 private:
  struct Entry {
    SteadyTime time;
    std::uint64_t number;
    Event event;
  };
  static bool later(const Entry& left, const Entry& right) {
    return left.time != right.time ? left.time > right.time : left.number > right.number;
  }

  SteadyTime now_{std::chrono::hours(1)};
  std::uint64_t numbers_ = 0;
  std::vector<Entry> heap_;
};

// A hash of everything that happened, in order, and on request a line for each on standard output.
class Trace {
 public:
  explicit Trace(bool is_printed) : is_printed_(is_printed) {}

  template <class... Parts>
  void note(SteadyTime now, std::string_view what, const Parts&... parts) {
    mix(static_cast<std::uint64_t>(now.time_since_epoch().count()));
    mix(what);
    (mix(parts), ...);
    if (!is_printed_) return;
    std::string line(what);
    ((line += ' ', line += text_of(parts)), ...);
    print(now, line);
  }
  std::uint64_t hash() const { return hash_; }

 private:
  void mix(std::uint64_t number) {
    hash_ = (hash_ ^ number) * 0x9e3779b97f4a7c15;
    hash_ ^= hash_ >> 29;
  }
  void mix(std::string_view text) {
    mix(std::uint64_t{text.size()});
    for (const char letter : text)
      hash_ = (hash_ ^ static_cast<unsigned char>(letter)) * 0x100000001b3;
  }
  void mix(const std::string& text) { mix(std::string_view(text)); }
  void mix(const char* text) { mix(std::string_view(text)); }
  template <class Number>
  requires std::is_arithmetic_v<Number>
  void mix(Number number) { mix(static_cast<std::uint64_t>(number)); }

  template <class Tag>
  void mix(const OrderedId<Tag>& id) {
    mix(static_cast<std::uint64_t>(id.value()));
  }

  static std::string text_of(std::string_view text) { return std::string(text); }
  template <class Number>
  requires std::is_arithmetic_v<Number>
  static std::string text_of(Number number) { return std::to_string(number); }
  template <class Tag>
  static std::string text_of(const OrderedId<Tag>& id) {
    return id.text();
  }
  static void print(SteadyTime now, const std::string& line);

  const bool is_printed_;
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

// The first invariant that broke; what follows from it is of no interest.
class Verdict {
 public:
  struct Failure {
    std::string invariant;
    std::string text;
  };
  void broken(std::string_view invariant, std::string text) {
    if (!failure_) failure_ = Failure{std::string(invariant), std::move(text)};
  }
  const std::optional<Failure>& failure() const { return failure_; }

 private:
  std::optional<Failure> failure_;
};

struct Stage {
  Stage(std::uint64_t seed, bool is_printed) : random(seed), trace(is_printed) {}

  SteadyTime now() const { return timeline.now(); }
  SystemTime system_now() const {
    return SystemTime(std::chrono::duration_cast<SystemTime::duration>(now().time_since_epoch() + clock_offset));
  }
  template <class... Parts>
  void note(std::string_view what, const Parts&... parts) {
    trace.note(now(), what, parts...);
  }

  Random random;
  Timeline timeline;
  Trace trace;
  Verdict verdict;
  // What the system's clock says beyond the steady one.
  static constexpr Duration true_offset = std::chrono::hours(24 * 365 * 55);
  Duration clock_offset = true_offset;
};

}  // namespace gogrid::simulation
