// Why an address cannot be listened on, for people: TCP, Unix sockets and QUIC's UDP say it alike. Any thread.
#pragma once

#include <string>

#include "base/result.hpp"

namespace gogrid::net {

// `where` as "127.0.0.1:8443"; a port in use is `conflict` and says what to do.
inline Error listen_error(const std::string& where, int errno_value) {
  Error error = system_error("cannot listen on " + where, errno_value);
  if (error.code == ErrorCode::conflict) error.detail += "; stop the other program or choose another port";
  return error;
}

}  // namespace gogrid::net
