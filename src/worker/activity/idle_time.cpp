#include "worker/activity/idle_time.hpp"

#include <algorithm>
#include <iterator>

namespace gogrid::worker {
namespace {

std::string list(const std::vector<SourceReport>& reports, SourceState state) {
  std::string text;
  for (const SourceReport& report : reports) {
    if (report.state == state) text += (text.empty() ? "" : "; ") + report.name + ": " + report.detail;
  }
  return text;
}

}  // namespace

IdleState combine(const std::vector<SourceReport>& all) {
  const auto works = [](const SourceReport& report) {
    return report.state == SourceState::idle || report.state == SourceState::active;
  };
  const bool screen_seen = std::any_of(all.begin(), all.end(), [&works](const SourceReport& report) {
    return report.graphical && !report.fallback && works(report);
  });
  std::vector<SourceReport> reports;
  std::copy_if(all.begin(), all.end(), std::back_inserter(reports),
               [screen_seen](const SourceReport& report) { return !(report.fallback && screen_seen); });
  IdleState result;
  bool some_screen_seen = false;
  bool some_screen_unseen = false;
  bool any_idle = false;
  SteadyTime last_input{};
  for (const SourceReport& report : reports) {
    if (report.state == SourceState::active) {
      result.since = result.presence == Presence::active ? std::min(result.since, report.since) : report.since;
      result.presence = Presence::active;
    }
    if (report.state == SourceState::idle) {
      last_input = std::max(last_input, report.since);
      any_idle = true;
    }
    some_screen_seen = some_screen_seen || (works(report) && report.graphical);
    some_screen_unseen = some_screen_unseen || (report.state == SourceState::blind && report.graphical);
  }
  if (result.presence == Presence::active) {
    result.detail = list(reports, SourceState::active);
    return result;
  }
  if (any_idle && (some_screen_seen || !some_screen_unseen)) {
    result.presence = Presence::idle;
    result.since = last_input;
    result.detail = list(reports, SourceState::idle);
    return result;
  }
  result.detail = list(reports, SourceState::blind);
  if (result.detail.empty()) result.detail = list(reports, SourceState::absent);
  return result;
}

void add_part(SourceReport& report, SourceState state, SteadyTime since, const std::string& detail) {
  // Their order is that of weight.
  if (detail.empty() || state < report.state) return;
  const bool same = state == report.state && state != SourceState::absent;
  report.detail = same ? report.detail + ", " + detail : detail;
  report.since = same ? std::max(report.since, since) : since;
  report.state = state;
}

IdleWatch::IdleWatch(MakeSources make_sources, std::chrono::milliseconds idle_after, std::function<void()> on_change)
    : make_sources_(std::move(make_sources)), idle_after_(idle_after), on_change_(std::move(on_change)) {}

void IdleWatch::start() {
  sources_ = make_sources_(idle_after_, [this] { update(); });
  for (const auto& source : sources_)
    source->start();
  update();
}

void IdleWatch::set_idle_after(std::chrono::milliseconds idle_after) {
  if (idle_after == idle_after_) return;
  idle_after_ = idle_after;
  for (const auto& source : sources_)
    source->set_idle_after(idle_after);
}

void IdleWatch::stop() {
  stopping_ = true;
  for (const auto& source : sources_)
    source->stop();
}

boost::asio::awaitable<void> IdleWatch::stopped() {
  for (const auto& source : sources_)
    co_await source->stopped();
}

std::vector<SourceReport> IdleWatch::sources() const {
  std::vector<SourceReport> reports;
  for (const auto& source : sources_)
    reports.push_back(source->report());
  return reports;
}

void IdleWatch::update() {
  if (stopping_) return;
  IdleState now = combine(sources());
  const bool same = now.presence == state_.presence && now.detail == state_.detail;
  state_ = std::move(now);
  if (!same) on_change_();
}

}  // namespace gogrid::worker
