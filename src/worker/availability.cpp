#include "worker/availability.hpp"

#include <unistd.h>

#include <cerrno>

#include "base/file.hpp"
#include "base/utf8.hpp"

namespace gogrid::worker {
namespace {

constexpr std::size_t max_reason_bytes = 200;

// One line that is safe to show.
std::string clean(std::string reason) {
  reason = valid_utf8(reason, max_reason_bytes);
  for (char& c : reason) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return reason;
}

}  // namespace

std::string_view to_string(Availability availability) {
  switch (availability) {
    case Availability::available:
      return "available";
    case Availability::paused:
      return "paused";
    case Availability::draining:
      return "draining";
    case Availability::refusing:
      return "refusing";
  }
  return "unknown";
}

AvailabilityPolicy::AvailabilityPolicy(std::filesystem::path pause_file) : pause_file_(std::move(pause_file)) {
  auto text = read_file(pause_file_, 4096);
  // A file that is there but cannot be read is a pause as well.
  if (!text && text.error().code == ErrorCode::not_found) return;
  paused_ = true;
  if (text) pause_reason_ = clean(*text);
}

Result<void> AvailabilityPolicy::pause(std::string reason) {
  reason = clean(std::move(reason));
  if (auto written = write_file_atomically(pause_file_, reason, 0600); !written) return written;
  paused_ = true;
  pause_reason_ = std::move(reason);
  return {};
}

Result<void> AvailabilityPolicy::resume() {
  if (::unlink(pause_file_.c_str()) != 0 && errno != ENOENT)
    return system_error("cannot resume: " + pause_file_.string(), errno);
  paused_ = false;
  pause_reason_.clear();
  return {};
}

Availability AvailabilityPolicy::current() const {
  if (draining_) return Availability::draining;
  if (paused_) return Availability::paused;
  if (!obstacle_.empty()) return Availability::refusing;
  return Availability::available;
}

std::string AvailabilityPolicy::reason() const {
  switch (current()) {
    case Availability::available:
      return "";
    case Availability::paused:
      return pause_reason_.empty() ? "paused by its owner" : pause_reason_;
    case Availability::draining:
      return "the worker is stopping";
    case Availability::refusing:
      return obstacle_;
  }
  return "";
}

}  // namespace gogrid::worker
