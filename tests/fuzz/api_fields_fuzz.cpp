// What clients and administrators send in bodies and queries, and what anybody may send to enrol. The first byte
// chooses which. What is accepted is in its bounds and says what the JSON says; what is refused says why, in JSON.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/sha256.hpp"
#include "coordinator/api/enrolment_fields.hpp"
#include "coordinator/api/job_fields.hpp"
#include "coordinator/api/json_fields.hpp"
#include "coordinator/api/model_fields.hpp"
#include "domain/name.hpp"
#include "net/pki.hpp"

using namespace gogrid;
using namespace gogrid::coordinator;
using nlohmann::json;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

template <class T>
bool accepted(const ApiResult<T>& result) {
  if (result) return true;
  const ErrorResponse& error = result.error();
  check(error.status >= 400 && error.status < 500 && !error.message.empty());
  for (const ErrorStyle style : {ErrorStyle::openai, ErrorStyle::anthropic})
    check(json::accept(error.body(style)));
  return false;
}

std::int64_t number_in(const json& object, const char* name, std::int64_t otherwise) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? otherwise : found->get<std::int64_t>();
}

void check_job(std::string_view body) {
  const SystemTime now = from_unix_seconds(1'800'000'000);
  net::RequestHead head;
  if (body.size() % 2 == 1) head.headers.add("Idempotency-Key", "key");
  const auto wanted = read_job(body, head, now);
  if (!accepted(wanted)) return;
  const json object = json::parse(body);
  check(json::parse(wanted->request) == object.at("request") && object.at("request").is_object());
  const json labels = json::parse(wanted->labels);
  check(labels.is_object() && labels.size() <= 16);
  if (!labels.empty()) check(labels == object.at("labels"));
  check(wanted->priority == number_in(object, "priority", domain::default_priority));
  check(wanted->priority >= 0 && wanted->priority <= domain::max_priority);
  check(wanted->max_attempts == number_in(object, "max_attempts", domain::default_max_attempts));
  check(wanted->max_attempts >= 1 && wanted->max_attempts <= domain::max_attempts_limit);
  check(!wanted->deadline || *wanted->deadline > std::max(now, wanted->not_before.value_or(now)));
  check(wanted->idempotency_key.has_value() || head.headers.size() == 0);
  check(!wanted->idempotency_key || (!wanted->idempotency_key->empty() && wanted->idempotency_key->size() <= 256));
  check(wanted->webhook_url.size() <= 2048);
}

void check_model(std::string_view body) {
  const auto fields = JsonFields::parse(body, {});
  if (!accepted(fields)) return;
  const auto files = read_model_files(*fields, "files");
  if (accepted(files)) {
    check(files->size() <= max_model_files);
    for (const domain::ModelFile& file : *files)
      check(is_sha256(file.sha256) && file.scale_permille <= 1'000'000);
  }
  const auto labels = change_labels(*fields, "labels", {{"site", "attic"}});
  if (accepted(labels)) {
    check(labels->size() <= domain::max_worker_labels);
    for (const auto& [key, value] : *labels)
      check(domain::is_label_key(key) && domain::is_label_value(value));
  }
  const auto settings = read_model_settings(*fields, "kind");
  if (!accepted(settings)) return;
  // What is stored of them is read as the same.
  const std::string text = to_json_text(*settings);
  const auto again = read_model_settings(JsonFields::parse(text, {}).value(), "kind");
  check(again && to_json_text(*again) == text);
  store::ModelRecord record;
  if (!apply(*settings, record)) return;
  check(record.model.context_tokens <= domain::max_context_tokens && record.model.slots <= domain::max_slots);
  check(record.model.max_replicas == 0 || record.model.min_replicas <= record.model.max_replicas);
}

void check_enrolment(std::string_view body) {
  static const auto now = std::chrono::system_clock::now();
  static const auto authority = net::pki::create_authority("fuzz", now, std::chrono::hours(24)).value();
  const auto fields = JsonFields::parse(body, {});
  if (!accepted(fields)) return;
  const auto asked = read_enrolment(*fields);
  if (!accepted(asked)) return;
  check(!asked->credential.empty() && asked->credential.size() <= 256);
  const std::string name = domain::to_worker_name(asked->host_name);
  check(domain::to_label(name) == name && domain::to_worker_name(name) == name && !name.starts_with("wk_"));
  const auto certificate =
      net::pki::issue_client_certificate(authority, asked->certificate_request, "wk_fuzz", now, std::chrono::hours(1));
  if (!certificate) return;
  // Only the key is the worker's to say.
  const auto info = net::pki::inspect(*certificate);
  check(info && info->common_name == "wk_fuzz");
}

void check_queries(std::string_view text) {
  net::RequestHead head;
  head.target = "/api/v1/jobs?" + std::string(text);
  const auto number = query_integer(head, "offset", -5, 100);
  if (accepted(number)) check(!*number || (**number >= -5 && **number <= 100));
  const auto listing = read_job_listing(head);
  if (!accepted(listing)) return;
  check(listing->limit >= 1 && listing->limit <= 1000);
  for (const auto& [name, value] : listing->filter.labels)
    check(name.find('=') == std::string::npos && value.find(',') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      check_job(text);
      break;
    case 1:
      check_model(text);
      break;
    case 2:
      check_enrolment(text);
      break;
    default:
      check_queries(text);
  }
  return 0;
}
