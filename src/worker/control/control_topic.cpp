#include "worker/control/control_topic.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "wire/json_rpc.hpp"

namespace gogrid::worker {

using std::chrono::steady_clock;

ControlTopic::ControlTopic(boost::asio::any_io_executor executor, Options options)
    : options_(std::move(options)), pace_(std::move(executor), [this] { tell_now(); }) {}

void ControlTopic::changed() {
  if (listeners_.empty() || std::exchange(pending_, true)) return;
  pace_.set(std::max(steady_clock::now(), told_at_ + options_.interval));
}

void ControlTopic::tell_now() {
  if (!std::exchange(pending_, false)) return;
  pace_.clear();
  refresh();
  if (announced_ == version_) return;
  announced_ = version_;
  told_at_ = steady_clock::now();
  for (const auto& on_stale : listeners_)
    on_stale();
}

void ControlTopic::refresh() {
  std::string text = wire::rpc_text(options_.value());
  if (text == text_) return;
  text_ = std::move(text);
  ++version_;
}

std::unique_ptr<ControlTopic::Subscription> ControlTopic::subscribe(std::function<void()> on_stale) {
  std::unique_ptr<Subscription> made(new Subscription(*this, std::move(on_stale)));
  if (listeners_.size() == 1 && options_.on_watched) options_.on_watched(true);
  refresh();
  if (listeners_.size() == 1) {
    announced_ = version_;
  } else if (announced_ != version_) {
    changed();
  }
  return made;
}

ControlTopic::Subscription::Subscription(ControlTopic& topic, std::function<void()> on_stale)
    : topic_(topic), place_(topic.listeners_.insert(topic.listeners_.end(), std::move(on_stale))) {}

ControlTopic::Subscription::~Subscription() {
  topic_.listeners_.erase(place_);
  if (!topic_.listeners_.empty()) return;
  topic_.pace_.clear();
  topic_.pending_ = false;
  topic_.text_ = std::string();
  if (topic_.options_.on_watched) topic_.options_.on_watched(false);
}

const std::string& ControlTopic::Subscription::take() {
  told_ = topic_.version_;
  return topic_.text_;
}

}  // namespace gogrid::worker
