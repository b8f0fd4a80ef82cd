#include "coordinator/api/job_fields.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/number.hpp"
#include "coordinator/api/json_fields.hpp"
#include "wire/json_members.hpp"

namespace gogrid::coordinator {
using nlohmann::json;
namespace {

constexpr std::size_t max_labels = 16;
constexpr std::size_t max_label_name_bytes = 64;
constexpr std::size_t max_label_value_bytes = 256;
constexpr std::size_t max_idempotency_key_bytes = 256;
constexpr std::size_t max_webhook_bytes = 2048;
// The year 9999.
constexpr std::int64_t last_second = 253'402'300'799;

ErrorResponse invalid(std::string field, std::string_view what, std::string code = "invalid_value") {
  std::string message = "\"" + field + "\" ";
  message += what;
  return ErrorResponse(400, std::move(message), std::move(code), std::move(field));
}

bool is_label_name(std::string_view name) {
  return !name.empty() && name.size() <= max_label_name_bytes && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

// The labels as they are stored: a JSON object without white space.
ApiResult<std::string> read_labels(std::string_view text) {
  const json labels = json::parse(text, nullptr, false);
  if (labels.is_null()) return std::string("{}");
  if (!labels.is_object() || labels.size() > max_labels)
    return invalid("labels", "must be an object of at most " + std::to_string(max_labels) + " strings", "invalid_type");
  for (const auto& [name, value] : labels.items()) {
    if (!is_label_name(name))
      return invalid("labels", "must have names of 1 to 64 letters, digits and . _ -; \"" + name + "\" is none");
    if (!value.is_string() || value.get_ref<const std::string&>().size() > max_label_value_bytes)
      return invalid("labels." + name, "must be a string of at most 256 bytes", "invalid_type");
  }
  return labels.dump();
}

ApiResult<std::optional<SystemTime>> read_time(const JsonFields& fields, const char* name) {
  const auto seconds = fields.integer(name, 0, last_second);
  if (!seconds) return seconds.error();
  if (!*seconds) return std::optional<SystemTime>();
  return std::optional<SystemTime>(from_unix_seconds(**seconds));
}

ApiResult<void> read_times(const JsonFields& fields, SystemTime now, JobQueue::Wanted& wanted) {
  auto not_before = read_time(fields, "not_before");
  if (!not_before) return not_before.error();
  wanted.not_before = *not_before;
  auto deadline = read_time(fields, "deadline");
  if (!deadline) return deadline.error();
  wanted.deadline = *deadline;
  if (wanted.deadline && *wanted.deadline <= now) return invalid("deadline", "has passed already");
  if (wanted.deadline && wanted.not_before && *wanted.deadline <= *wanted.not_before)
    return invalid("deadline", "is not after \"not_before\"");
  return {};
}

ApiResult<void> read_idempotency_key(const JsonFields& fields, const net::RequestHead& head, JobQueue::Wanted& wanted) {
  auto key = fields.text("idempotency_key", max_idempotency_key_bytes);
  if (!key) return key.error();
  const auto header = head.headers.get("Idempotency-Key");
  if (header && *key && **key != *header)
    return invalid("idempotency_key", "is not the one in the header Idempotency-Key");
  if (header && header->size() > max_idempotency_key_bytes)
    return invalid("idempotency_key", "must be at most 256 bytes long");
  if (header) *key = std::string(*header);
  if (*key && (*key)->empty()) return invalid("idempotency_key", "must not be empty");
  wanted.idempotency_key = std::move(*key);
  return {};
}

// What is not the request or the labels, as a small object of its own.
ApiResult<JsonFields> read_small_fields(const std::vector<wire::JsonMember>& members) {
  constexpr std::size_t max_bytes = 64 * 1024;
  std::string text = "{";
  for (const auto& member : members) {
    if (member.name == "request" || member.name == "labels") continue;
    if (text.size() + member.value.size() > max_bytes) return invalid(member.name, "is too long");
    text += (text.size() > 1 ? "," : "") + json(member.name).dump(-1, ' ', false, json::error_handler_t::replace) + ":";
    text += member.value;
  }
  return JsonFields::parse(text + "}", {"endpoint", "priority", "not_before", "deadline", "max_attempts",
                                        "idempotency_key", "webhook", "request", "labels"});
}

ApiResult<void> read_request(const std::vector<wire::JsonMember>& members, JobQueue::Wanted& wanted) {
  for (const auto& member : members) {
    if (member.name == "request") wanted.request = member.value;
    if (member.name != "labels") continue;
    auto labels = read_labels(member.value);
    if (!labels) return labels.error();
    wanted.labels = std::move(*labels);
  }
  if (wanted.request.empty())
    return invalid("request", "is missing: the body of a request for inference", "missing_field");
  if (wanted.request.front() != '{') return invalid("request", "must be an object", "invalid_type");
  return {};
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

}  // namespace

ApiResult<JobQueue::Wanted> read_job(std::string_view body, const net::RequestHead& head, SystemTime now) {
  const auto members = wire::members_of(body);
  if (!members) return ErrorResponse(400, "the request's body must be a JSON object", "invalid_json");
  JobQueue::Wanted wanted;
  const auto fields = read_small_fields(*members);
  if (!fields) return fields.error();
  auto endpoint = fields->text("endpoint", 128);
  if (!endpoint) return endpoint.error();
  if (*endpoint) {
    const auto known = wire::inference_endpoint_of(**endpoint);
    if (!known || *known == wire::InferenceEndpoint::count_tokens)
      return invalid("endpoint", "must be the path of an inference endpoint, as /v1/chat/completions");
    wanted.endpoint = *known;
  }
  const auto priority = fields->integer("priority", 0, domain::max_priority);
  if (!priority) return priority.error();
  wanted.priority = static_cast<int>(priority->value_or(domain::default_priority));
  const auto attempts = fields->integer("max_attempts", 1, domain::max_attempts_limit);
  if (!attempts) return attempts.error();
  wanted.max_attempts = static_cast<unsigned>(attempts->value_or(domain::default_max_attempts));
  if (auto read = read_times(*fields, now, wanted); !read) return read.error();
  if (auto read = read_idempotency_key(*fields, head, wanted); !read) return read.error();
  auto webhook = fields->text("webhook", max_webhook_bytes);
  if (!webhook) return webhook.error();
  wanted.webhook_url = webhook->value_or("");
  if (auto read = read_request(*members, wanted); !read) return read.error();
  return wanted;
}

ApiResult<std::size_t> read_limit(const net::RequestHead& head, std::size_t usual, std::size_t most) {
  const auto text = head.query("limit");
  if (!text) return usual;
  const auto limit = parse_number<std::size_t>(*text);
  if (!limit || *limit < 1 || *limit > most)
    return invalid("limit", "must be a whole number from 1 to " + std::to_string(most));
  return *limit;
}

ApiResult<JobListing> read_job_listing(const net::RequestHead& head) {
  JobListing listing;
  const auto limit = read_limit(head, 20, 1000);
  if (!limit) return limit.error();
  listing.limit = *limit;
  for (const std::string& name : split(head.query("state").value_or(""))) {
    const auto state = domain::job_state_from_string(name);
    if (!state) return invalid("state", "must be of queued, leased, running, succeeded, failed, cancelled and expired");
    listing.filter.states.push_back(*state);
  }
  listing.filter.model = head.query("model").value_or("");
  for (const std::string& label : split(head.query("label").value_or(""))) {
    const std::size_t middle = label.find('=');
    if (middle == label.npos) return invalid("label", "must be NAME=VALUE");
    listing.filter.labels.emplace_back(label.substr(0, middle), label.substr(middle + 1));
  }
  if (const auto batch = head.query("batch")) {
    const auto id = domain::BatchId::parse(*batch);
    if (!id) return invalid("batch", "is not the id of a batch");
    listing.filter.batch = *id;
  }
  if (const auto after = head.query("after")) {
    const auto id = domain::JobId::parse(*after);
    if (!id) return invalid("after", "is not the id of a job");
    listing.before = *id;
  }
  listing.key = head.query("key").value_or("");
  return listing;
}

}  // namespace gogrid::coordinator
