#include "worker/activity/metered_network.hpp"

#include <systemd/sd-bus.h>

namespace gogrid::worker {
namespace {

const std::string service = "org.freedesktop.NetworkManager";
const std::string path = "/org/freedesktop/NetworkManager";
const BusMember metered{service, path, service, "Metered"};
const BusMember changed{service, path, "org.freedesktop.DBus.Properties", "PropertiesChanged"};

// NMMetered: 1 and 2 are known, 3 and 4 guessed, from the kind of device or what the network says.
Metered from_number(std::uint32_t number) {
  if (number == 1 || number == 3) return Metered::yes;
  if (number == 2 || number == 4) return Metered::no;
  return Metered::unknown;
}

}  // namespace

MeteredNetwork::MeteredNetwork(Bus& system_bus, std::function<void()> on_change)
    : on_change_(std::move(on_change)), client_(system_bus, {nullptr, [this] { set(Metered::unknown); }}) {
  client_.watch(changed, [this](sd_bus_message*) { ask(); });
  client_.follow_service(service, [this](bool present) {
    if (present) {
      ask();
    } else {
      set(Metered::unknown);
    }
  });
  client_.start();
}

void MeteredNetwork::ask() {
  client_.get_property(metered, [this](Result<sd_bus_message*> reply) {
    std::uint32_t number = 0;
    if (reply && sd_bus_message_read(*reply, "u", &number) < 0) number = 0;
    set(from_number(number));
  });
}

void MeteredNetwork::set(Metered state) {
  if (state == state_) return;
  state_ = state;
  on_change_();
}

}  // namespace gogrid::worker
