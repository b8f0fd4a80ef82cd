// Inventory: looks at this machine's hardware, once or again and again while somebody listens, in children of ours
// (probe.hpp): this process loads no driver's library, and when nobody listens nothing of it is left. Event loop
// thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/task_group.hpp"
#include "worker/gpu/gpu.hpp"
#include "worker/notifier.hpp"

namespace gogrid::worker {

class Process;

struct InventoryOptions {
  // A program that run_probe() is in, and its arguments before those of the probe's own ("--source vulkan --watch …").
  // Empty: nothing is looked at.
  std::vector<std::string> program;
  // "NAME=value"; drivers look for their parts by it.
  std::vector<std::string> environment;
  std::filesystem::path root = "/";
  std::filesystem::path disk;
  // A child that says nothing for longer is killed: a driver hangs.
  std::chrono::milliseconds time_limit{20'000};
};

// gogrid-worker, which calls this, with its hidden command, and this process's environment.
InventoryOptions own_inventory();

class Inventory {
 public:
  Inventory(boost::asio::any_io_executor executor, InventoryOptions options);
  ~Inventory();

  // One look. Never fails: what could not be looked at is in `looked_at`.
  boost::asio::awaitable<Survey> look();

  using Listener = std::function<void(const Survey&)>;
  // Listens for as long as it lives, which the inventory outlives.
  class Subscription {
   public:
    ~Subscription();
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

   private:
    friend class Inventory;
    Subscription(Inventory& inventory, Listener listener);
    Inventory& inventory_;
    std::list<Listener>::iterator place_;
  };
  // A survey a second to `listener`, the first one soon. It must not subscribe or unsubscribe anybody.
  std::unique_ptr<Subscription> subscribe(Listener listener);

  // Ends the children, and what waits for them; then wait until all of it has ended.
  void stop();
  boost::asio::awaitable<void> stopped();

 private:
  // One source's children, and what they said last.
  struct Feed;
  boost::asio::awaitable<void> run_child(std::shared_ptr<Feed> feed);
  boost::asio::awaitable<void> watch(std::shared_ptr<Feed> feed);
  std::vector<std::string> arguments(const Feed& feed) const;
  void heard(Feed& feed, std::string_view line);
  void tell_listeners();
  void stop_watching();
  bool wants_vulkan(const Survey& survey) const;

  boost::asio::any_io_executor executor_;
  InventoryOptions options_;
  std::list<Listener> listeners_;
  // While somebody listens.
  std::shared_ptr<Feed> system_;
  std::shared_ptr<Feed> vulkan_;
  std::list<Feed*> running_;
  bool stopping_ = false;
  TaskGroup tasks_;
};

}  // namespace gogrid::worker
