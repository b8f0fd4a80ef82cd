// EngineDevices: what the engine computes on beside the CPU, asked of itself in the sandbox; and which of our engines
// are on it. Owned by the worker; event loop thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "worker/engine/device_plan.hpp"
#include "worker/engine/engine_command.hpp"
#include "worker/sandbox/sandbox.hpp"

namespace gogrid::worker {

class EngineDevices {
 public:
  // One engine process on some of the devices, from before it starts until its memory is back.
  class Use {
   public:
    Use(EngineDevices& devices, std::vector<std::string> names);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

    // What it took, by measurement.
    void set_bytes(const std::string& device, std::uint64_t bytes);
    const std::map<std::string, std::uint64_t>& bytes() const { return bytes_; }
    // Its processes are gone, or killed: it counts no more.
    void end();

   private:
    friend class EngineDevices;
    EngineDevices& devices_;
    std::map<std::string, std::uint64_t> bytes_;
    bool ended_ = false;
    std::list<Use*>::iterator place_;
  };

  EngineDevices(boost::asio::any_io_executor executor, Sandbox& sandbox, VramLimits limits,
                std::function<void()> on_change);

  // Asks `engine`, for at most twenty seconds. What cannot be had is said in trouble(). An engine for the CPU has none.
  boost::asio::awaitable<void> look(std::shared_ptr<const Engine> engine);

  // From now on; what is over them stays until somebody ends it.
  void set_limits(VramLimits limits);
  const std::vector<EngineDevice>& list() const { return devices_; }
  // Why the list is empty, if it should not be.
  const std::string& trouble() const { return trouble_; }

  // Of the named devices, or of all when there are none.
  std::shared_ptr<Use> use(std::vector<std::string> names);
  // What is wrong with it when our engines together are over the owner's limit with it, in words; else empty.
  std::string over_limit(const Use& use) const;
  // Its processes are gone: waits until its memory is free again, five seconds at most. What is not back by then, in
  // words; else empty.
  boost::asio::awaitable<std::string> given_back(std::shared_ptr<const Engine> engine, std::shared_ptr<Use> use);

 private:
  boost::asio::awaitable<Result<std::string>> ask(std::shared_ptr<const Engine> engine);
  void count();
  bool in_use(std::string_view device) const;

  boost::asio::any_io_executor executor_;
  Sandbox& sandbox_;
  VramLimits limits_;
  std::function<void()> on_change_;
  std::vector<EngineDevice> devices_;
  std::string trouble_;
  // The engine that devices_ are of.
  std::string engine_id_;
  std::list<Use*> uses_;
};

}  // namespace gogrid::worker
