// Reads what a worker that has no certificate yet sends: anybody may. Pure, io thread.
#pragma once

#include <string>

#include "coordinator/api/error_response.hpp"
#include "coordinator/api/json_fields.hpp"

namespace gogrid::coordinator {

struct EnrolmentFields {
  // As JoinToken::credential() is shown.
  std::string credential;
  // PEM.
  std::string certificate_request;
  // Empty: not told.
  std::string host_name;
};

ApiResult<EnrolmentFields> read_enrolment(const JsonFields& fields);

}  // namespace gogrid::coordinator
