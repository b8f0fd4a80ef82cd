#include "coordinator/api/file_form.hpp"

#include <utility>
#include <vector>

#include "base/encoding.hpp"
#include "base/number.hpp"
#include "base/utf8.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
namespace {

constexpr std::size_t buffer_bytes = 64 * 1024;
constexpr std::size_t max_text_bytes = 256;
constexpr std::size_t max_filename_bytes = 255;
// Behind the form's end; there is nothing that would have to be.
constexpr std::size_t max_epilogue_bytes = 64 * 1024;
// As OpenAI has it.
constexpr std::int64_t min_lifetime_seconds = 3600;
constexpr std::int64_t max_lifetime_seconds = std::int64_t{30} * 24 * 3600;

ErrorResponse invalid(const char* field, const std::string& what, std::string code = "invalid_value") {
  return ErrorResponse(400, "\"" + std::string(field) + "\" " + what, std::move(code), field);
}

// What can stand in a list on a terminal and in a header.
std::string clean_filename(std::string_view name) {
  const std::string text = valid_utf8(name, max_filename_bytes);
  std::string clean;
  for (std::string_view rest = text; !rest.empty();) {
    const CodePoint character = decode_utf8(rest);
    const std::size_t size = std::max<std::size_t>(character.bytes, 1);
    if (!is_steering(character.value)) clean += rest.substr(0, size);
    rest.remove_prefix(size);
  }
  return clean.empty() ? "file" : clean;
}

}  // namespace

asio::awaitable<ApiResult<void>> FileForm::read() {
  const auto content_type = request_.head().headers.get("Content-Type").value_or(std::string_view());
  const auto boundary = net::MultipartReader::boundary_of(content_type);
  if (!boundary) co_return ErrorResponse(415, boundary.error().detail, "unsupported_media_type");
  auto upload = co_await files_.begin(request_.exchange.body_length());
  if (!upload) co_return upload.error();
  upload_ = std::move(*upload);
  net::MultipartReader reader(*boundary);
  std::vector<std::byte> buffer(buffer_bytes);
  std::size_t epilogue = 0;
  for (;;) {
    const auto count = co_await request_.exchange.read_body_some(buffer);
    if (request_.revoked()) co_return key_revoked();
    if (!count) co_return ErrorResponse(count.error());
    if (*count == 0) break;
    if (reader.done()) epilogue += *count;
    if (epilogue > max_epilogue_bytes) co_return ErrorResponse(400, "too much follows the form's end", "invalid_form");
    auto taken = co_await take(reader, as_text(std::span(buffer).first(*count)));
    if (!taken) co_return taken;
  }
  if (!reader.done()) co_return ErrorResponse(400, "the form was cut short", "invalid_form");
  co_return check();
}

asio::awaitable<ApiResult<void>> FileForm::take(net::MultipartReader& reader, std::string_view bytes) {
  using Event = net::MultipartReader::Event;
  while (!bytes.empty()) {
    const auto event = reader.next(bytes);
    if (!event) co_return ErrorResponse(http_status(event.error().code), event.error().detail, "invalid_form");
    auto taken = ApiResult<void>();
    if (*event == Event::begin) taken = begin_part(reader.part());
    if (*event == Event::data) taken = co_await take_data(reader.data());
    if (!taken) co_return taken;
  }
  co_return ApiResult<void>();
}

ApiResult<void> FileForm::begin_part(const net::MultipartReader::Part& part) {
  text_ = nullptr;
  if (part.name == "file") {
    if (has_file_) return invalid("file", "must be one file", "invalid_form");
    if (!part.filename) return invalid("file", "must be a file, with a file name", "invalid_form");
    has_file_ = true;
    filename_ = clean_filename(*part.filename);
    return {};
  }
  const std::pair<const char*, std::string*> texts[] = {
      {"purpose", &purpose_}, {"expires_after[anchor]", &anchor_}, {"expires_after[seconds]", &seconds_}};
  for (const auto& [name, text] : texts) {
    if (part.name != name) continue;
    field_ = name;
    text_ = text;
    text_->clear();
    return {};
  }
  const std::string name = valid_utf8(part.name, 64);
  return ErrorResponse(400, "there is no field \"" + name + "\" here, only file, purpose and expires_after",
                       "unknown_field", name);
}

asio::awaitable<ApiResult<void>> FileForm::take_data(std::string_view data) {
  if (!text_) co_return co_await upload_->write(data);
  *text_ += data;
  if (text_->size() > max_text_bytes) co_return invalid(field_, "is too long");
  co_return ApiResult<void>();
}

ApiResult<void> FileForm::check() {
  if (!has_file_) return invalid("file", "is missing", "missing_field");
  if (purpose_.empty()) return invalid("purpose", "is missing", "missing_field");
  if (purpose_ != "batch") return invalid("purpose", "must be batch: files are for batches here");
  if (anchor_.empty() && seconds_.empty()) return {};
  if (anchor_ != "created_at") return invalid("expires_after[anchor]", "must be created_at");
  const auto seconds = parse_number<std::int64_t>(seconds_);
  if (!seconds || *seconds < min_lifetime_seconds || *seconds > max_lifetime_seconds) {
    return invalid("expires_after[seconds]", "must be a whole number from " + std::to_string(min_lifetime_seconds) +
                                                 " to " + std::to_string(max_lifetime_seconds));
  }
  expires_after_ = std::chrono::seconds(*seconds);
  return {};
}

}  // namespace gogrid::coordinator
