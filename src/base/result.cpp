#include "base/result.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace gogrid {
namespace {

struct Row {
  ErrorCode code;
  std::string_view name;
  int status;
};

constexpr std::array rows{
    Row{ErrorCode::invalid_argument, "invalid_argument", 400},
    Row{ErrorCode::unauthenticated, "unauthenticated", 401},
    Row{ErrorCode::permission_denied, "permission_denied", 403},
    Row{ErrorCode::not_found, "not_found", 404},
    Row{ErrorCode::conflict, "conflict", 409},
    Row{ErrorCode::too_large, "too_large", 413},
    Row{ErrorCode::timeout, "timeout", 408},
    Row{ErrorCode::resource_exhausted, "resource_exhausted", 429},
    Row{ErrorCode::disk_full, "disk_full", 507},
    Row{ErrorCode::unavailable, "unavailable", 503},
    Row{ErrorCode::cancelled, "cancelled", 499},
    Row{ErrorCode::protocol, "protocol", 502},
    Row{ErrorCode::io, "io", 500},
    Row{ErrorCode::unsupported, "unsupported", 501},
    Row{ErrorCode::internal, "internal", 500},
};

const Row& row(ErrorCode code) { return rows[static_cast<std::size_t>(code)]; }

ErrorCode code_from_errno(int value) {
  switch (value) {
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::permission_denied;
    case EEXIST:
    case EADDRINUSE:
      return ErrorCode::conflict;
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::disk_full;
    case EMFILE:
    case ENFILE:
      return ErrorCode::resource_exhausted;
    case ETIMEDOUT:
      return ErrorCode::timeout;
    case ECONNREFUSED:
    case ENETUNREACH:
    case EHOSTUNREACH:
      return ErrorCode::unavailable;
    default:
      return ErrorCode::io;
  }
}

}  // namespace

std::string_view to_string(ErrorCode code) { return row(code).name; }

ErrorCode error_code_from_string(std::string_view name) {
  for (const Row& candidate : rows) {
    if (candidate.name == name) return candidate.code;
  }
  return ErrorCode::internal;
}

int http_status(ErrorCode code) { return row(code).status; }

Error system_error(std::string_view what, int errno_value) {
  return Error(code_from_errno(errno_value), std::string(what) + ": " + std::strerror(errno_value));
}

void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw std::runtime_error(error.detail);
}

}  // namespace gogrid
