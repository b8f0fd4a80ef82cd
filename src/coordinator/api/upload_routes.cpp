#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "coordinator/api/admin_routes.hpp"
#include "coordinator/api/json_fields.hpp"
#include "coordinator/uploads.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

constexpr std::int64_t max_file_bytes = std::int64_t{1} << 46;

std::optional<std::uint32_t> narrow(const std::optional<std::int64_t>& number) {
  if (!number) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

// What only models have.
std::optional<ErrorResponse> read_model_fields(const JsonFields& fields, store::UploadRecord& upload) {
  const auto kind = fields.text("model_kind", 16);
  if (!kind) return kind.error();
  if (*kind) {
    upload.model_kind = domain::model_kind_from_string(**kind);
    if (!upload.model_kind)
      return ErrorResponse(400, "\"model_kind\" must be chat, embedding or rerank", "invalid_value", "model_kind");
  }
  const auto context = fields.integer("context_tokens", 1, domain::max_context_tokens);
  if (!context) return context.error();
  const auto slots = fields.integer("slots", 1, domain::max_slots);
  if (!slots) return slots.error();
  upload.context_tokens = narrow(*context);
  upload.slots = narrow(*slots);
  const bool any = upload.model_kind || upload.context_tokens || upload.slots;
  if (any && upload.kind == store::UploadKind::engine) {
    return ErrorResponse(400, "model_kind, context_tokens and slots are for models", "invalid_value", "kind");
  }
  return std::nullopt;
}

ApiResult<store::UploadRecord> read_upload(const JsonFields& fields) {
  store::UploadRecord upload;
  const auto kind = fields.required_text("kind", 16);
  if (!kind) return kind.error();
  if (*kind != "model" && *kind != "engine")
    return ErrorResponse(400, "\"kind\" must be model or engine", "invalid_value", "kind");
  upload.kind = *kind == "model" ? store::UploadKind::model : store::UploadKind::engine;
  auto text = fields.required_text("name", 256);
  if (!text) return text.error();
  auto name = check_name(std::move(*text), "name");
  if (!name) return name.error();
  upload.name = std::move(*name);
  auto sha256 = fields.required_text("sha256", 256);
  if (!sha256) return sha256.error();
  if (!is_sha256(*sha256))
    return ErrorResponse(400, "\"sha256\" must be 64 lower-case hexadecimal digits", "invalid_value", "sha256");
  upload.sha256 = std::move(*sha256);
  const auto size = fields.integer("size_bytes", 1, max_file_bytes);
  if (!size) return size.error();
  if (!*size) return ErrorResponse(400, "\"size_bytes\" is missing", "missing_field", "size_bytes");
  upload.size_bytes = static_cast<std::uint64_t>(**size);
  if (auto wrong = read_model_fields(fields, upload)) return std::move(*wrong);
  return upload;
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

asio::awaitable<void> begin_upload(ApiRequest& request, Uploads& uploads) {
  std::vector<std::string_view> known{"kind", "name", "size_bytes", "sha256", "model_kind", "context_tokens", "slots"};
  const auto fields = co_await read_fields(request.exchange, std::move(known));
  if (!fields) co_return co_await respond_error(request.exchange, fields.error());
  auto upload = read_upload(*fields);
  if (!upload) co_return co_await respond_error(request.exchange, upload.error());
  std::string sha256 = upload->sha256;
  auto progress = co_await uploads.begin(std::move(*upload), request.key->id);
  co_await answer(request, std::move(progress), std::move(sha256), true);
}

std::optional<std::uint64_t> offset_of(const net::RequestHead& head) {
  const auto text = head.query("offset");
  if (!text) return std::nullopt;
  std::uint64_t offset = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), offset);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return offset;
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

asio::awaitable<void> show_upload(ApiRequest& request, Uploads& uploads) {
  std::string sha256 = request.parameters[0];
  auto progress = uploads.find(sha256);
  co_await answer(request, std::move(progress), std::move(sha256), false);
}

asio::awaitable<void> list_uploads(ApiRequest& request, const Uploads& uploads) {
  json data = json::array();
  for (const auto& upload : uploads.list()) {
    data.push_back({{"id", upload.record.sha256},
                    {"kind", upload.record.kind == store::UploadKind::model ? "model" : "engine"},
                    {"name", upload.record.name},
                    {"offset_bytes", upload.progress.offset_bytes},
                    {"size_bytes", upload.progress.size_bytes},
                    {"complete", upload.progress.complete},
                    {"created_at", to_unix_seconds(upload.record.created_at)}});
  }
  std::string text = to_text(json{{"data", std::move(data)}});
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> remove_upload(ApiRequest& request, Uploads& uploads) {
  const auto removed = co_await uploads.remove(request.parameters[0], request.key->id);
  if (!removed) co_return co_await respond_error(request.exchange, removed.error());
  co_await respond_nothing(request.exchange);
}

}  // namespace

void mount_upload_routes(Router& router, Uploads& uploads) {
  router.add("POST", "/api/v1/uploads", Scope::admin,
             [&](ApiRequest& request) { return begin_upload(request, uploads); });
  router.add("PUT", "/api/v1/uploads/{id}", Scope::admin,
             [&](ApiRequest& request) { return continue_upload(request, uploads); });
  router.add("GET", "/api/v1/uploads", Scope::admin,
             [&](ApiRequest& request) { return list_uploads(request, uploads); });
  router.add("GET", "/api/v1/uploads/{id}", Scope::admin,
             [&](ApiRequest& request) { return show_upload(request, uploads); });
  router.add("DELETE", "/api/v1/uploads/{id}", Scope::admin,
             [&](ApiRequest& request) { return remove_upload(request, uploads); });
}

}  // namespace gogrid::coordinator
