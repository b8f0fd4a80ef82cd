// Result<T>: how an expected failure travels. An Error is a code, which decides the HTTP status and the exit code, and
// a detail: one line for a person, which says what failed and, where it can, what to do next. It never holds a secret
// or a prompt.
#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <string_view>

namespace gogrid {

enum class ErrorCode {
  invalid_argument,    // the caller sent something wrong
  unauthenticated,     // no credentials, or wrong ones
  permission_denied,   // good credentials that do not allow this
  not_found,           // no such thing
  conflict,            // it exists already, or is in another state
  too_large,           // over a limit of size
  timeout,             // a deadline passed
  resource_exhausted,  // a queue or a quota is full
  disk_full,           // a disk or its quota is
  unavailable,         // cannot be done now; trying later may help
  cancelled,           // the caller gave up, or the thing is being closed
  protocol,            // the peer broke the protocol
  io,                  // the operating system refused
  unsupported,         // not available on this machine or in this version
  internal,            // a fault of ours
};

struct Error {
  // Boost 1.81's result<T, E>::error() needs it.
  Error() = default;
  Error(ErrorCode code_value, std::string detail_value) : code(code_value), detail(std::move(detail_value)) {}

  ErrorCode code = ErrorCode::internal;
  std::string detail;
};

template <class T = void>
using Result = boost::system::result<T, Error>;

// The code's own name, as it stands in ErrorCode: for logs and for the worker protocol.
std::string_view to_string(ErrorCode code);

// The opposite of to_string; an unknown name is `internal`, so that a newer peer's code is still an error.
ErrorCode error_code_from_string(std::string_view name);

// The one table from code to HTTP status.
int http_status(ErrorCode code);

// "what: the text of errno", with the code that fits errno (ENOSPC is disk_full, ENOENT and ENOTDIR not_found, …).
Error system_error(std::string_view what, int errno_value);

// What Result<T>::value() throws when there is none.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& where);

}  // namespace gogrid
