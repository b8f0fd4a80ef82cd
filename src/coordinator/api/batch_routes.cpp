// The Batch API: /v1/batches, as OpenAI's clients use it, and the secrets of webhooks. A key sees its own batches; one
// with the scope admin sees all.
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/number.hpp"
#include "coordinator/api/admin_routes.hpp"
#include "coordinator/api/json_fields.hpp"
#include "coordinator/api/listing.hpp"
#include "coordinator/jobs/batches.hpp"
#include "coordinator/jobs/webhook_rules.hpp"
#include "coordinator/keys.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using nlohmann::ordered_json;
using store::BatchRecord;
using store::BatchState;
namespace {

constexpr std::size_t max_page = 100;
constexpr std::size_t usual_page = 20;
constexpr std::chrono::milliseconds longest_window = std::chrono::hours(24 * 30);
constexpr std::size_t max_metadata = 16;
constexpr std::size_t max_metadata_name_bytes = 64;
constexpr std::size_t max_metadata_value_bytes = 512;

ErrorResponse invalid(const char* field, const std::string& what) {
  return ErrorResponse(400, "\"" + std::string(field) + "\" " + what, "invalid_value", field);
}

ErrorResponse no_such_batch() { return ErrorResponse(404, "there is no such batch", "batch_not_found"); }

bool has_ended(BatchState state) {
  return state == BatchState::completed || state == BatchState::failed || state == BatchState::expired ||
         state == BatchState::cancelled;
}

ordered_json errors_json(const BatchRecord& batch) {
  ordered_json errors = ordered_json::parse(batch.errors, nullptr, false);
  if (!errors.is_array() || errors.empty()) return nullptr;
  return {{"object", "list"}, {"data", std::move(errors)}};
}

// https://platform.openai.com/docs/api-reference/batch/object
ordered_json batch_json(const BatchRecord& batch, const store::BatchCounts& counts) {
  const bool ended = has_ended(batch.state);
  const auto file_or_null = [ended](store::FileId id) {
    return ended && !id.empty() ? ordered_json(id.text()) : ordered_json();
  };
  // What is decided before it is done.
  const auto when = [&batch](BatchState state, const std::optional<SystemTime>& time) {
    return batch.state == state ? time_or_null(time) : ordered_json();
  };
  ordered_json metadata = ordered_json::parse(batch.metadata, nullptr, false);
  return {
      {"id", batch.id.text()},
      {"object", "batch"},
      {"endpoint", batch.endpoint},
      {"errors", errors_json(batch)},
      {"input_file_id", batch.input_file.text()},
      {"completion_window", batch.completion_window},
      {"status", to_string(batch.state)},
      {"output_file_id", file_or_null(batch.output_file)},
      {"error_file_id", file_or_null(batch.error_file)},
      {"created_at", to_unix_seconds(batch.created_at)},
      {"in_progress_at", time_or_null(batch.in_progress_at)},
      {"expires_at", to_unix_seconds(batch.expires_at)},
      {"finalizing_at", time_or_null(batch.finalizing_at)},
      {"completed_at", time_or_null(batch.completed_at)},
      {"failed_at", when(BatchState::failed, batch.failed_at)},
      {"expired_at", when(BatchState::expired, batch.expired_at)},
      {"cancelling_at", time_or_null(batch.cancelling_at)},
      {"cancelled_at", time_or_null(batch.cancelled_at)},
      {"request_counts", {{"total", batch.total_lines}, {"completed", counts.succeeded}, {"failed", counts.failed}}},
      {"metadata", metadata.is_object() && !metadata.empty() ? std::move(metadata) : ordered_json()},
      {"priority", batch.priority}};
}

asio::awaitable<ApiResult<ordered_json>> shown(BatchRecord batch, store::BatchStore& store) {
  store::BatchCounts counts;
  counts.succeeded = batch.succeeded_lines;
  counts.failed = batch.failed_lines;
  if (!has_ended(batch.state)) {
    const auto counted = co_await store.count_batch(batch.id);
    if (!counted) co_return ErrorResponse(counted.error());
    counts = *counted;
  }
  co_return batch_json(batch, counts);
}

// "24h"; also minutes and days.
std::optional<std::chrono::milliseconds> parse_window(const std::string& text) {
  if (text.size() < 2) return std::nullopt;
  const auto number = parse_number<std::int64_t>(std::string_view(text).substr(0, text.size() - 1));
  if (!number || *number < 1 || *number > 100'000) return std::nullopt;
  std::chrono::milliseconds window{0};
  if (text.back() == 'm') window = std::chrono::minutes(*number);
  if (text.back() == 'h') window = std::chrono::hours(*number);
  if (text.back() == 'd') window = std::chrono::hours(24 * *number);
  if (window.count() == 0 || window > longest_window) return std::nullopt;
  return window;
}

struct Asked {
  BatchRecord record;
  std::chrono::milliseconds window{0};
};

ApiResult<Asked> read_batch(const JsonFields& fields) {
  Asked asked;
  BatchRecord& batch = asked.record;
  auto endpoint = fields.required_text("endpoint", 128);
  if (!endpoint) return endpoint.error();
  const auto known = wire::inference_endpoint_of(*endpoint);
  if (!known || *known == wire::InferenceEndpoint::count_tokens)
    return invalid("endpoint", "must be the path of an inference endpoint, as /v1/chat/completions");
  batch.endpoint = std::move(*endpoint);
  auto window = fields.required_text("completion_window", 32);
  if (!window) return window.error();
  const auto length = parse_window(*window);
  if (!length) return invalid("completion_window", "must be as 24h, in minutes (m), hours (h) or days (d) up to 30d");
  asked.window = *length;
  batch.completion_window = std::move(*window);
  const auto file = fields.required_text("input_file_id", 128);
  if (!file) return file.error();
  batch.input_file = store::FileId::parse(*file).value_or(store::FileId());
  auto metadata = fields.text_map("metadata", max_metadata, max_metadata_name_bytes, max_metadata_value_bytes);
  if (!metadata) return metadata.error();
  if (*metadata) batch.metadata = std::move(**metadata);
  const auto priority = fields.integer("priority", 0, domain::max_priority);
  if (!priority) return priority.error();
  batch.priority = static_cast<int>(priority->value_or(domain::default_priority));
  return asked;
}

// The input file must be there, the caller's, and for batches.
asio::awaitable<ApiResult<void>> check_input(ApiRequest& request, ClientFiles& files, store::FileId id) {
  ErrorResponse missing(404, "there is no such input file", "file_not_found", "input_file_id");
  if (id.empty()) co_return missing;
  const auto file = co_await files.find(id);
  if (!file) co_return ErrorResponse(file.error());
  if (!*file || !may_see(request, (*file)->key_id)) co_return missing;
  if ((*file)->purpose != "batch") co_return invalid("input_file_id", "must be a file with the purpose batch");
  co_return ApiResult<void>();
}

struct BatchApi {
  BatchService& batches;
  ClientFiles& files;
  store::BatchStore& store;
};

asio::awaitable<void> answer(ApiRequest& request, BatchApi api, BatchRecord batch) {
  const auto json = co_await shown(std::move(batch), api.store);
  if (!json) co_return co_await respond_error(request.exchange, json.error());
  std::string text = text_of(*json);
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> create(ApiRequest& request, BatchApi api) {
  std::vector<std::string_view> known{"input_file_id", "endpoint", "completion_window", "metadata", "priority"};
  const auto fields = co_await read_fields(request.exchange, std::move(known));
  if (!fields) co_return co_await respond_error(request.exchange, fields.error());
  auto asked = read_batch(*fields);
  if (!asked) co_return co_await respond_error(request.exchange, asked.error());
  const auto checked = co_await check_input(request, api.files, asked->record.input_file);
  if (!checked) co_return co_await respond_error(request.exchange, checked.error());
  asked->record.key_id = request.key->id;
  auto batch = co_await api.batches.create(std::move(asked->record), asked->window);
  if (!batch) co_return co_await respond_error(request.exchange, batch.error());
  co_await answer(request, api, std::move(*batch));
}

// The batch that the path names, if the caller may see it.
asio::awaitable<ApiResult<BatchRecord>> find(ApiRequest& request, BatchApi api) {
  const auto id = domain::BatchId::parse(request.parameters[0]);
  if (!id) co_return no_such_batch();
  auto batch = co_await api.store.find_batch(*id);
  if (!batch) co_return ErrorResponse(batch.error());
  if (!*batch || !may_see(request, (*batch)->key_id)) co_return no_such_batch();
  co_return std::move(**batch);
}

asio::awaitable<void> show(ApiRequest& request, BatchApi api) {
  auto batch = co_await find(request, api);
  if (!batch) co_return co_await respond_error(request.exchange, batch.error());
  co_await answer(request, api, std::move(*batch));
}

asio::awaitable<void> cancel(ApiRequest& request, BatchApi api) {
  auto batch = co_await find(request, api);
  if (!batch) co_return co_await respond_error(request.exchange, batch.error());
  auto cancelled = co_await api.batches.cancel(std::move(*batch));
  if (!cancelled) co_return co_await respond_error(request.exchange, cancelled.error());
  co_await answer(request, api, std::move(*cancelled));
}

asio::awaitable<void> list(ApiRequest& request, BatchApi api) {
  const auto key = listed_key(request);
  if (!key) co_return co_await respond_error(request.exchange, key.error());
  const auto limit = read_limit(request.head(), usual_page, max_page);
  if (!limit) co_return co_await respond_error(request.exchange, limit.error());
  const auto after = read_after<domain::BatchId>(request.head());
  if (!after) co_return co_await respond_error(request.exchange, after.error());
  auto found = co_await api.store.list_batches(*key, *after, *limit + 1);
  if (!found) co_return co_await respond_error(request.exchange, ErrorResponse(found.error()));
  std::vector<ordered_json> page;
  for (BatchRecord& batch : *found) {
    auto json = co_await shown(std::move(batch), api.store);
    if (!json) co_return co_await respond_error(request.exchange, json.error());
    page.push_back(std::move(*json));
  }
  std::string text = page_text(std::move(page), *limit);
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> show_secret(ApiRequest& request, const KeyRing& keys, const WebhookSecrets& secrets) {
  const std::string id = request.parameters[0];
  if (!may_see(request, id) || !keys.find(id)) {
    ErrorResponse error(404, "there is no such key", "key_not_found");
    co_return co_await respond_error(request.exchange, std::move(error));
  }
  std::string text = text_of({{"key_id", id}, {"secret", secrets.shown(id)}});
  co_await respond_json(request.exchange, 200, std::move(text));
}

}  // namespace

void mount_batch_routes(Router& router, BatchService& batches, ClientFiles& files, store::BatchStore& store) {
  const BatchApi api{batches, files, store};
  router.add("POST", "/v1/batches", Scope::inference, [api](ApiRequest& request) { return create(request, api); });
  router.add("GET", "/v1/batches", Scope::inference, [api](ApiRequest& request) { return list(request, api); });
  router.add("GET", "/v1/batches/{id}", Scope::inference, [api](ApiRequest& request) { return show(request, api); });
  router.add("POST", "/v1/batches/{id}/cancel", Scope::inference,
             [api](ApiRequest& request) { return cancel(request, api); });
}

void mount_webhook_routes(Router& router, const KeyRing& keys, const WebhookSecrets& secrets) {
  router.add("GET", "/api/v1/keys/{id}/webhook-secret", Scope::any,
             [&](ApiRequest& request) { return show_secret(request, keys, secrets); });
}

}  // namespace gogrid::coordinator
