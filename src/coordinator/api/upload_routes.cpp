#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/number.hpp"
#include "base/sha256.hpp"
#include "coordinator/api/admin_routes.hpp"
#include "coordinator/api/json_fields.hpp"
#include "coordinator/api/model_fields.hpp"
#include "coordinator/fetches.hpp"
#include "coordinator/uploads.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

constexpr std::int64_t max_file_bytes = std::int64_t{1} << 46;

struct Asked {
  store::UploadRecord record;
  // Of one that the coordinator fetches itself.
  std::string url;
  ModelSpec spec;
};

ErrorResponse wrong_field(const char* name, const std::string& what) {
  return ErrorResponse(400, "\"" + std::string(name) + "\" " + what, "invalid_value", name);
}

// Where the bytes come from: the client, who knows their number and SHA-256, or a URL.
std::optional<ErrorResponse> read_source(const JsonFields& fields, Asked& asked) {
  auto url = fields.text("url", 16 * 1024);
  if (!url) return url.error();
  auto sha256 = *url ? fields.text("sha256", 256) : [&]() -> ApiResult<std::optional<std::string>> {
    auto text = fields.required_text("sha256", 256);
    if (!text) return text.error();
    return std::optional<std::string>(std::move(*text));
  }();
  if (!sha256) return sha256.error();
  if (*sha256 && !is_sha256(**sha256)) return wrong_field("sha256", "must be 64 lower-case hexadecimal digits");
  asked.record.sha256 = sha256->value_or("");
  const auto size = fields.integer("size_bytes", 1, max_file_bytes);
  if (!size) return size.error();
  if (*url) {
    if (asked.record.kind != store::UploadKind::model) return wrong_field("url", "is for models");
    if (*size) return wrong_field("size_bytes", "is what the server says, when there is a \"url\"");
    asked.url = std::move(**url);
    return std::nullopt;
  }
  if (!*size) return ErrorResponse(400, "\"size_bytes\" is missing", "missing_field", "size_bytes");
  asked.record.size_bytes = static_cast<std::uint64_t>(**size);
  return std::nullopt;
}

// What only models have.
std::optional<ErrorResponse> read_model_fields(const JsonFields& fields, Asked& asked) {
  auto settings = read_model_settings(fields, "model_kind");
  if (!settings) return settings.error();
  auto files = read_model_files(fields, "files");
  if (!files) return files.error();
  const bool any = fields.value("model_kind") || fields.value("files") ||
                   std::any_of(model_setting_names().begin(), model_setting_names().end(),
                               [&](std::string_view name) { return fields.value(std::string(name).c_str()); });
  if (any && asked.record.kind != store::UploadKind::model)
    return wrong_field("kind", "must be model where a model's settings are given");
  asked.record.model_kind = settings->kind;
  asked.record.context_tokens = settings->context_tokens;
  asked.record.slots = settings->slots;
  const bool more = settings->kv_type || settings->chat_template || settings->idle_timeout || settings->min_replicas ||
                    settings->max_replicas || settings->worker_labels || settings->gpu_policy || settings->gpus ||
                    settings->tags || !files->empty();
  if (more && asked.url.empty()) {
    return ErrorResponse(400,
                         "an uploaded model takes model_kind, context_tokens and slots here; for more upload its files "
                         "with the kind \"model_file\" and POST /api/v1/models",
                         "invalid_value");
  }
  asked.spec.name = asked.record.name;
  asked.spec.settings = std::move(*settings);
  asked.spec.files = std::move(*files);
  return std::nullopt;
}

ApiResult<Asked> read_upload(const JsonFields& fields) {
  Asked asked;
  const auto kind_text = fields.required_text("kind", 16);
  if (!kind_text) return kind_text.error();
  const auto kind = store::upload_kind_from_string(*kind_text);
  if (!kind) return wrong_field("kind", "must be model, model_file or engine");
  asked.record.kind = *kind;
  auto text = fields.required_text("name", 256);
  if (!text) return text.error();
  auto name = check_name(std::move(*text), "name");
  if (!name) return name.error();
  asked.record.name = std::move(*name);
  if (auto wrong = read_source(fields, asked)) return std::move(*wrong);
  if (auto wrong = read_model_fields(fields, asked)) return std::move(*wrong);
  return asked;
}

json to_json(const ModelFetches::View& fetch) {
  return {{"id", fetch.id},
          {"kind", "model"},
          {"name", fetch.name},
          {"url", fetch.url},
          {"state", to_string(fetch.state)},
          {"offset_bytes", fetch.done_bytes},
          {"size_bytes", fetch.total_bytes},
          {"file", fetch.file},
          {"files", fetch.files},
          {"detail", fetch.detail},
          {"complete", fetch.state == ModelFetches::State::done},
          {"created_at", to_unix_seconds(fetch.created_at)}};
}

asio::awaitable<void> answer(ApiRequest& request, const ModelFetches::View& fetch, int status) {
  std::string text = to_text(to_json(fetch));
  co_await respond_json(request.exchange, status, std::move(text));
}

asio::awaitable<void> answer(ApiRequest& request, ApiResult<Uploads::Progress> progress, std::string sha256,
                             bool created) {
  if (!progress) co_return co_await respond_error(request.exchange, progress.error());
  std::string text = to_text(json{{"id", std::move(sha256)},
                                  {"offset_bytes", progress->offset_bytes},
                                  {"size_bytes", progress->size_bytes},
                                  {"complete", progress->complete}});
  const int status = created && !progress->complete ? 201 : 200;
  co_await respond_json(request.exchange, status, std::move(text));
}

asio::awaitable<void> begin_upload(ApiRequest& request, Uploads& uploads, ModelFetches& fetches) {
  std::vector<std::string_view> known{"kind", "name", "size_bytes", "sha256", "url", "files", "model_kind"};
  known.insert(known.end(), model_setting_names().begin(), model_setting_names().end());
  const auto fields = co_await read_fields(request.exchange, std::move(known), max_model_body_bytes);
  if (!fields) co_return co_await respond_error(request.exchange, fields.error());
  auto asked = read_upload(*fields);
  if (!asked) co_return co_await respond_error(request.exchange, asked.error());
  if (!asked->url.empty()) {
    ModelFetches::Wanted wanted;
    wanted.url = std::move(asked->url);
    wanted.sha256 = std::move(asked->record.sha256);
    wanted.spec = std::move(asked->spec);
    const auto fetch = co_await fetches.begin(std::move(wanted), request.key->id);
    if (!fetch) co_return co_await respond_error(request.exchange, fetch.error());
    co_return co_await answer(request, *fetch, 202);
  }
  std::string sha256 = asked->record.sha256;
  auto progress = co_await uploads.begin(std::move(asked->record), request.key->id);
  co_await answer(request, std::move(progress), std::move(sha256), true);
}

std::optional<std::uint64_t> offset_of(const net::RequestHead& head) {
  const auto text = head.query("offset");
  return text ? parse_number(*text) : std::nullopt;
}

asio::awaitable<Result<std::size_t>> read_some(ApiRequest& request, std::span<std::byte> buffer) {
  auto count = co_await request.exchange.read_body_some(buffer);
  if (request.revoked()) co_return Error(ErrorCode::unauthenticated, key_revoked().message);
  co_return count;
}

asio::awaitable<void> continue_upload(ApiRequest& request, Uploads& uploads) {
  const auto offset = offset_of(request.head());
  if (!offset) {
    ErrorResponse error(400, "say where these bytes belong: ?offset=N", "missing_field", "offset");
    co_return co_await respond_error(request.exchange, std::move(error));
  }
  Uploads::Source source = [&request](std::span<std::byte> buffer) { return read_some(request, buffer); };
  std::string sha256 = request.parameters[0];
  auto progress = co_await uploads.append(sha256, *offset, std::move(source), request.key->id);
  co_await answer(request, std::move(progress), std::move(sha256), false);
}

asio::awaitable<void> show_upload(ApiRequest& request, Uploads& uploads, const ModelFetches& fetches) {
  std::string sha256 = request.parameters[0];
  if (const auto fetch = fetches.find(sha256)) co_return co_await answer(request, *fetch, 200);
  auto progress = uploads.find(sha256);
  co_await answer(request, std::move(progress), std::move(sha256), false);
}

asio::awaitable<void> list_uploads(ApiRequest& request, const Uploads& uploads, const ModelFetches& fetches) {
  json data = json::array();
  for (const auto& upload : uploads.list()) {
    data.push_back({{"id", upload.record.sha256},
                    {"kind", to_string(upload.record.kind)},
                    {"name", upload.record.name},
                    {"offset_bytes", upload.progress.offset_bytes},
                    {"size_bytes", upload.progress.size_bytes},
                    {"complete", upload.progress.complete},
                    {"created_at", to_unix_seconds(upload.record.created_at)}});
  }
  for (const auto& fetch : fetches.list()) {
    if (fetch.state != ModelFetches::State::done) data.push_back(to_json(fetch));
  }
  std::string text = to_text(json{{"data", std::move(data)}});
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> remove_upload(ApiRequest& request, Uploads& uploads, ModelFetches& fetches) {
  const auto fetch = co_await fetches.remove(request.parameters[0], request.key->id);
  if (!fetch) co_return co_await respond_error(request.exchange, fetch.error());
  if (*fetch) co_return co_await respond_nothing(request.exchange);
  const auto removed = co_await uploads.remove(request.parameters[0], request.key->id);
  if (!removed) co_return co_await respond_error(request.exchange, removed.error());
  co_await respond_nothing(request.exchange);
}

}  // namespace

void mount_upload_routes(Router& router, Uploads& uploads, ModelFetches& fetches) {
  router.add("POST", "/api/v1/uploads", Scope::admin,
             [&](ApiRequest& request) { return begin_upload(request, uploads, fetches); });
  router.add("PUT", "/api/v1/uploads/{id}", Scope::admin,
             [&](ApiRequest& request) { return continue_upload(request, uploads); });
  router.add("GET", "/api/v1/uploads", Scope::admin,
             [&](ApiRequest& request) { return list_uploads(request, uploads, fetches); });
  router.add("GET", "/api/v1/uploads/{id}", Scope::admin,
             [&](ApiRequest& request) { return show_upload(request, uploads, fetches); });
  router.add("DELETE", "/api/v1/uploads/{id}", Scope::admin,
             [&](ApiRequest& request) { return remove_upload(request, uploads, fetches); });
}

}  // namespace gogrid::coordinator
