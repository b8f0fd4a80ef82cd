// ControlTopic: something that changes and that programs subscribe to over the control socket. It is told whole, to
// all with one text, some times a second at most; while nobody listens it costs nothing. Owned by the ControlServer;
// event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "net/deadline.hpp"

namespace gogrid::worker {

class ControlTopic {
 public:
  struct Options {
    // The method that subscribes, and the one of the notifications: "status.subscribe", "status.changed".
    std::string subscribe;
    std::string notification;
    // As it is now.
    std::function<nlohmann::json()> value;
    // The first one listens, or the last one does not any more. May be empty.
    std::function<void(bool)> on_watched;
    std::chrono::milliseconds interval{250};
  };
  ControlTopic(boost::asio::any_io_executor executor, Options options);

  const Options& options() const { return options_; }

  // It may be another value now: those who listen hear it soon, if it is.
  void changed();
  // What is due now, without waiting.
  void tell_now();

  // Listens for as long as it lives, which the topic outlives.
  class Subscription {
   public:
    ~Subscription();
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

    const ControlTopic& topic() const { return topic_; }
    bool is_stale() const { return told_ != topic_.version_; }
    // JSON, told from now on.
    const std::string& take();

   private:
    friend class ControlTopic;
    Subscription(ControlTopic& topic, std::function<void()> on_stale);
    ControlTopic& topic_;
    std::uint64_t told_ = 0;
    std::list<std::function<void()>>::iterator place_;
  };
  // `on_stale` may not subscribe or unsubscribe. Its first value is to be taken at once.
  std::unique_ptr<Subscription> subscribe(std::function<void()> on_stale);

 private:
  void refresh();

  Options options_;
  // Empty while nobody listens.
  std::string text_;
  std::uint64_t version_ = 0;
  std::uint64_t announced_ = 0;
  // Long before the first time: the steady clock may have begun with the machine, just now.
  std::chrono::steady_clock::time_point told_at_ = std::chrono::steady_clock::time_point::min();
  bool pending_ = false;
  std::list<std::function<void()>> listeners_;
  net::Deadline pace_;
};

}  // namespace gogrid::worker
