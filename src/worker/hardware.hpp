// HardwareMonitor: what the coordinator is told of this machine's hardware. Looks when the worker starts and when the
// kernel says that a device came or went; reads live figures only while the coordinator asks for them. Owned by the
// worker; event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "base/task_group.hpp"
#include "worker/gpu/hotplug.hpp"
#include "worker/gpu/inventory.hpp"

namespace gogrid::wire {
class Hardware;
class HardwareReading;
}  // namespace gogrid::wire

namespace gogrid::worker {

class HardwareMonitor {
 public:
  struct Events {
    // It has looked: what it found may be new.
    std::function<void()> on_look;
    // After that, when it is another look than the first: devices have come or gone.
    std::function<void()> on_change;
    std::function<void(const Survey&)> on_reading;
  };
  HardwareMonitor(boost::asio::any_io_executor executor, InventoryOptions options, Events events);

  void start();
  // Readings for that long from now; what was asked before does not count. Zero: no more.
  void watch(std::chrono::seconds time);
  // Readings for this machine's owner, for as long as what is returned lives.
  std::unique_ptr<Inventory::Subscription> subscribe(Inventory::Listener listener) {
    return inventory_.subscribe(std::move(listener));
  }
  void stop();
  boost::asio::awaitable<void> stopped();

  // One look for somebody else; of no effect here.
  boost::asio::awaitable<Survey> look() { return inventory_.look(); }
  Inventory& inventory() { return inventory_; }
  // As last seen; empty before the first look has ended.
  const Survey& survey() const { return survey_; }

 private:
  boost::asio::awaitable<void> run();

  boost::asio::any_io_executor executor_;
  Events events_;
  Inventory inventory_;
  std::optional<Hotplug> hotplug_;
  Survey survey_;
  std::unique_ptr<Inventory::Subscription> subscription_;
  boost::asio::steady_timer watch_end_;
  boost::asio::steady_timer settle_;
  bool stopping_ = false;
  TaskGroup tasks_;
};

// What does not change, without the processor and the memory that is offered, which the worker knows.
void add_facts(wire::Hardware& message, const Survey& survey);
wire::HardwareReading to_reading(const Survey& survey);

}  // namespace gogrid::worker
