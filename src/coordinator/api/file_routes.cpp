// The Files API: /v1/files, as OpenAI's clients use it. A key sees its own files; one with the scope admin sees all.
#include <fcntl.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/blocking.hpp"
#include "base/encoding.hpp"
#include "base/log.hpp"
#include "coordinator/api/admin_routes.hpp"
#include "coordinator/api/file_form.hpp"
#include "coordinator/api/listing.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using nlohmann::ordered_json;
using store::FileRecord;
namespace {

constexpr std::size_t max_page = 10'000;
constexpr std::size_t chunk_bytes = 256 * 1024;

ErrorResponse no_such_file() { return ErrorResponse(404, "there is no such file", "file_not_found"); }

// https://platform.openai.com/docs/api-reference/files/object
ordered_json file_json(const FileRecord& file) {
  return {{"id", file.id.text()},
          {"object", "file"},
          {"bytes", file.size_bytes},
          {"created_at", to_unix_seconds(file.created_at)},
          {"expires_at", time_or_null(file.expires_at)},
          {"filename", file.name},
          {"purpose", file.purpose},
          {"status", "processed"},
          {"status_details", nullptr}};
}

// The file that the path names, if the caller may see it.
asio::awaitable<ApiResult<FileRecord>> find(ApiRequest& request, ClientFiles& files) {
  const auto id = store::FileId::parse(request.parameters[0]);
  if (!id) co_return no_such_file();
  auto file = co_await files.find(*id);
  if (!file) co_return ErrorResponse(file.error());
  if (!*file || !may_see(request, (*file)->key_id)) co_return no_such_file();
  co_return std::move(**file);
}

asio::awaitable<void> upload(ApiRequest& request, ClientFiles& files, const Clock& clock) {
  FileForm form(request, files);
  const auto read = co_await form.read();
  if (!read) co_return co_await respond_error(request.exchange, read.error());
  FileRecord record;
  record.key_id = request.key->id;
  record.name = form.filename();
  record.purpose = form.purpose();
  record.created_at = std::chrono::floor<std::chrono::milliseconds>(clock.system_now());
  if (form.expires_after()) record.expires_at = record.created_at + *form.expires_after();
  const auto file = co_await files.add(form.take_upload(), std::move(record));
  if (!file) co_return co_await respond_error(request.exchange, file.error());
  std::string text = text_of(file_json(*file));
  co_await respond_json(request.exchange, 200, std::move(text));
}

ApiResult<ClientFiles::Listing> read_listing(const ApiRequest& request) {
  ClientFiles::Listing listing;
  auto key = listed_key(request);
  if (!key) return key.error();
  listing.key_id = std::move(*key);
  const auto limit = read_limit(request.head(), max_page, max_page);
  if (!limit) return limit.error();
  listing.limit = *limit;
  listing.purpose = request.head().query("purpose").value_or("");
  const auto after = read_after<store::FileId>(request.head());
  if (!after) return after.error();
  listing.after = *after;
  const std::string order = request.head().query("order").value_or("desc");
  if (order != "asc" && order != "desc")
    return ErrorResponse(400, "\"order\" must be asc or desc", "invalid_value", "order");
  listing.oldest_first = order == "asc";
  return listing;
}

asio::awaitable<void> list(ApiRequest& request, ClientFiles& files) {
  auto listing = read_listing(request);
  if (!listing) co_return co_await respond_error(request.exchange, listing.error());
  const std::size_t limit = listing->limit;
  auto found = co_await files.list(std::move(*listing));
  if (!found) co_return co_await respond_error(request.exchange, ErrorResponse(found.error()));
  std::vector<ordered_json> shown;
  for (const FileRecord& file : *found)
    shown.push_back(file_json(file));
  std::string text = page_text(std::move(shown), limit);
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> show(ApiRequest& request, ClientFiles& files) {
  const auto file = co_await find(request, files);
  if (!file) co_return co_await respond_error(request.exchange, file.error());
  std::string text = text_of(file_json(*file));
  co_await respond_json(request.exchange, 200, std::move(text));
}

asio::awaitable<void> remove(ApiRequest& request, ClientFiles& files) {
  const auto file = co_await find(request, files);
  if (!file) co_return co_await respond_error(request.exchange, file.error());
  const auto removed = co_await files.remove(file->id);
  if (!removed) co_return co_await respond_error(request.exchange, removed.error());
  std::string text = text_of({{"id", file->id.text()}, {"object", "file"}, {"deleted", true}});
  co_await respond_json(request.exchange, 200, std::move(text));
}

// Sends the file as the client takes it; what ends early breaks the connection off.
asio::awaitable<Result<void>> send_content(ApiRequest& request, asio::thread_pool& pool,
                                           std::shared_ptr<FileDescriptor> file, std::uint64_t left) {
  const auto buffer = std::make_shared<std::vector<std::byte>>(std::min<std::uint64_t>(left, chunk_bytes));
  while (left > 0) {
    if (request.revoked()) co_return Error(ErrorCode::unauthenticated, "the key was revoked");
    auto read = [file, buffer, wanted = std::min<std::uint64_t>(left, chunk_bytes)] {
      return read_fully(file->get(), std::span(*buffer).first(wanted));
    };
    const auto count = co_await run_blocking(pool, std::move(read));
    if (!count) co_return count.error();
    if (*count == 0) co_return Error(ErrorCode::io, "the file is shorter than it was");
    auto written = co_await request.exchange.write(as_text(std::span(*buffer).first(*count)));
    if (!written) co_return written;
    left -= *count;
  }
  co_return co_await request.exchange.finish();
}

asio::awaitable<void> send(ApiRequest& request, ClientFiles& files) {
  const auto file = co_await find(request, files);
  if (!file) co_return co_await respond_error(request.exchange, file.error());
  auto open = [path = files.shelf().path_of(file->id)]() -> Result<std::shared_ptr<FileDescriptor>> {
    auto opened = open_file(path, O_RDONLY);
    if (!opened) return opened.error();
    return std::make_shared<FileDescriptor>(std::move(*opened));
  };
  auto opened = co_await run_blocking(files.pool(), std::move(open));
  if (!opened && opened.error().code == ErrorCode::not_found) {
    log().error("the bytes of {} are gone", file->id.text());
    co_return co_await respond_error(request.exchange, no_such_file());
  }
  if (!opened) co_return co_await respond_error(request.exchange, ErrorResponse(opened.error()));
  net::ResponseHead head;
  head.headers.add("Content-Type", "application/octet-stream");
  head.headers.add("Content-Length", std::to_string(file->size_bytes));
  head.headers.add("Content-Disposition", "attachment; filename=\"" + file->id.text() + ".jsonl\"");
  if (auto started = co_await request.exchange.start(std::move(head)); !started) co_return;
  if (request.head().method == "HEAD") {
    (void)co_await request.exchange.finish();
    co_return;
  }
  const auto sent = co_await send_content(request, files.pool(), *opened, file->size_bytes);
  if (!sent) log().debug("{}: {}", file->id.text(), sent.error().detail);
}

}  // namespace

void mount_file_routes(Router& router, ClientFiles& files, const Clock& clock) {
  router.add("POST", "/v1/files", Scope::inference, [&](ApiRequest& request) { return upload(request, files, clock); });
  router.add("GET", "/v1/files", Scope::inference, [&](ApiRequest& request) { return list(request, files); });
  router.add("GET", "/v1/files/{id}", Scope::inference, [&](ApiRequest& request) { return show(request, files); });
  router.add("DELETE", "/v1/files/{id}", Scope::inference, [&](ApiRequest& request) { return remove(request, files); });
  router.add("GET", "/v1/files/{id}/content", Scope::inference,
             [&](ApiRequest& request) { return send(request, files); });
}

}  // namespace gogrid::coordinator
