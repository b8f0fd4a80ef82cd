// Tells the service manager that started this program how it is, by systemd's protocol (sd_notify(3)): one datagram.
// Any thread.
#pragma once

#include <string_view>

namespace gogrid {

// "READY=1", "STOPPING=1"; several are lines. Without a service manager that wants to know, nothing happens.
void tell_service_manager(std::string_view state);

}  // namespace gogrid
