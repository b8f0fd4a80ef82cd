#include "coordinator/api/enrolment_fields.hpp"

#include <utility>

namespace gogrid::coordinator {

ApiResult<EnrolmentFields> read_enrolment(const JsonFields& fields) {
  auto credential = fields.required_text("token", 256);
  if (!credential) return credential.error();
  auto certificate_request = fields.required_text("certificate_request", 16 * 1024);
  if (!certificate_request) return certificate_request.error();
  auto host_name = fields.text("host_name", 256);
  if (!host_name) return host_name.error();
  return EnrolmentFields{std::move(*credential), std::move(*certificate_request), host_name->value_or("")};
}

}  // namespace gogrid::coordinator
