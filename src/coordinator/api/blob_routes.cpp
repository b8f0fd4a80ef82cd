#include <fcntl.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "base/blocking.hpp"
#include "base/encoding.hpp"
#include "base/log.hpp"
#include "base/sha256.hpp"
#include "coordinator/api/admin_routes.hpp"
#include "coordinator/api/auth.hpp"
#include "coordinator/api/error_response.hpp"
#include "net/byte_range.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
namespace {

constexpr std::size_t chunk_bytes = 256 * 1024;

struct Sources {
  BlobStore files;
  asio::thread_pool& pool;
  BlobAccess access;
};

struct OpenBlob {
  FileDescriptor file;
  std::uint64_t size_bytes = 0;
};

// Sends bytes from the file as the worker takes them, as long as it may have them; what ends early breaks the
// connection off.
asio::awaitable<Result<void>> send_file(net::HttpExchange& exchange, const Sources& sources, std::string worker_id,
                                        std::shared_ptr<OpenBlob> blob, std::uint64_t offset, std::uint64_t length) {
  auto buffer = std::make_shared<std::vector<std::byte>>(chunk_bytes);
  while (length > 0) {
    if (!sources.access.may_fetch(worker_id))
      co_return Error(ErrorCode::permission_denied, "worker " + worker_id + " may have no more of it");
    auto read = [blob, buffer, offset, wanted = std::min<std::uint64_t>(length, chunk_bytes)]() -> Result<std::size_t> {
      const ssize_t count = ::pread(blob->file.get(), buffer->data(), wanted, static_cast<off_t>(offset));
      if (count < 0) return system_error("cannot read the blob", errno);
      if (count == 0) return Error(ErrorCode::io, "the blob is shorter than it was");
      return static_cast<std::size_t>(count);
    };
    const auto count = co_await run_blocking(sources.pool, std::move(read));
    if (!count) co_return count.error();
    auto written = co_await exchange.write(as_text(std::span(*buffer).first(*count)));
    if (!written) co_return written;
    offset += *count;
    length -= *count;
  }
  co_return co_await exchange.finish();
}

asio::awaitable<void> serve_blob(ApiRequest& request, const Sources& sources) {
  net::HttpExchange& exchange = request.exchange;
  const std::string_view ticket = credentials_of(request.head().headers);
  const auto worker_id = ticket.empty() ? std::nullopt : sources.access.worker_of_ticket(ticket);
  if (!worker_id) {
    ErrorResponse error(401, "this blob ticket is not valid: it belongs to a connection that is over",
                        "invalid_ticket");
    co_return co_await respond_error(exchange, std::move(error));
  }
  const std::string sha256 = request.parameters[0];
  if (!is_sha256(sha256) || !sources.access.is_served(sha256)) {
    ErrorResponse error(404, "there is no such blob", "blob_not_found");
    co_return co_await respond_error(exchange, std::move(error));
  }
  auto open = [files = sources.files, sha256]() -> Result<std::shared_ptr<OpenBlob>> {
    auto file = open_file(files.blob_path(sha256), O_RDONLY);
    if (!file) return file.error();
    auto blob = std::make_shared<OpenBlob>();
    blob->file = std::move(*file);
    blob->size_bytes = files.blob_bytes(sha256).value_or(0);
    return blob;
  };
  const auto blob = co_await run_blocking(sources.pool, std::move(open));
  if (!blob) co_return co_await respond_error(exchange, blob.error());

  const std::uint64_t size = (*blob)->size_bytes;
  const net::ByteRange range = net::parse_byte_range(request.head().headers.get("Range"), size);
  net::ResponseHead head;
  head.headers.add("Accept-Ranges", "bytes");
  if (range.kind == net::ByteRange::Kind::unsatisfiable) {
    head.status = 416;
    head.headers.add("Content-Range", net::content_range(range, size));
    std::string body;
    (void)co_await exchange.respond(std::move(head), std::move(body));
    co_return;
  }
  head.headers.add("Content-Type", "application/octet-stream");
  head.headers.add("ETag", "\"" + sha256 + "\"");
  head.headers.add("Content-Length", std::to_string(range.length));
  if (range.kind == net::ByteRange::Kind::part) {
    head.status = 206;
    head.headers.add("Content-Range", net::content_range(range, size));
  }
  if (auto started = co_await exchange.start(std::move(head)); !started) co_return;
  if (request.head().method == "HEAD") {
    (void)co_await exchange.finish();
    co_return;
  }
  const auto sent = co_await send_file(exchange, sources, *worker_id, *blob, range.first, range.length);
  if (!sent) log().debug("blob {}: {}", sha256, sent.error().detail);
}

}  // namespace

void mount_blob_routes(Router& router, BlobStore files, asio::thread_pool& pool, BlobAccess access) {
  const auto sources = std::make_shared<const Sources>(Sources{std::move(files), pool, std::move(access)});
  router.add("GET", "/worker/v1/blobs/{sha256}", Scope::open,
             [sources](ApiRequest& request) { return serve_blob(request, *sources); });
}

}  // namespace gogrid::coordinator
