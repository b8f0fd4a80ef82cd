#include <nlohmann/json.hpp>
#include <utility>

#include "coordinator/api/admin_routes.hpp"
#include "coordinator/api/enrolment_fields.hpp"
#include "coordinator/api/json_fields.hpp"
#include "coordinator/enrolment.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

asio::awaitable<void> enrol(ApiRequest& request, Enrolment& enrolment) {
  // A newer worker may say more than this version knows.
  std::vector<std::string_view> known;
  const auto fields = co_await read_fields(request.exchange, std::move(known));
  if (!fields) co_return co_await respond_error(request.exchange, fields.error());
  auto asked = read_enrolment(*fields);
  if (!asked) co_return co_await respond_error(request.exchange, asked.error());
  const auto enrolled = co_await enrolment.enrol(std::move(asked->credential), std::move(asked->certificate_request),
                                                 std::move(asked->host_name));
  if (!enrolled) {
    ErrorResponse error(enrolled.error());
    if (error.status == 403) error.code = "invalid_join_token";
    co_return co_await respond_error(request.exchange, std::move(error));
  }
  std::string text = to_text(json{{"worker_id", enrolled->worker_id},
                                  {"certificate_chain", enrolled->certificate_chain},
                                  {"authority", enrolled->authority}});
  co_await respond_json(request.exchange, 201, std::move(text));
}

}  // namespace

void mount_enrolment_routes(Router& router, Enrolment& enrolment) {
  router.add("POST", "/worker/v1/enrol", Scope::open, [&](ApiRequest& request) { return enrol(request, enrolment); });
}

}  // namespace gogrid::coordinator
