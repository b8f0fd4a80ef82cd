#include "client/multipart.hpp"

#include <algorithm>

#include "base/encoding.hpp"

namespace gogrid::client {
namespace asio = boost::asio;
namespace {

// A name within quotes, as browsers send it (WHATWG HTML, multipart/form-data encoding).
std::string in_quotes(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') {
      out += "%22";
    } else if (c == '\r' || c == '\n') {
      out += c == '\r' ? "%0D" : "%0A";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::size_t take(std::string& text, std::span<std::byte> buffer) {
  const std::size_t count = std::min(text.size(), buffer.size());
  std::ranges::copy(as_bytes(std::string_view(text).substr(0, count)), buffer.begin());
  text.erase(0, count);
  return count;
}

}  // namespace

MultipartFile::MultipartFile(FileUpload upload)
    : upload_(std::move(upload)), boundary_("gogrid-" + to_hex(as_bytes(random_bytes(16)))) {
  before_ = "--" + boundary_ +
            "\r\nContent-Disposition: form-data; name=\"file\"; filename=" + in_quotes(upload_.filename) +
            "\r\nContent-Type: application/octet-stream\r\n\r\n";
  after_ = "\r\n--" + boundary_ + "--\r\n";
}

void MultipartFile::add_field(std::string_view name, std::string_view value) {
  before_.insert(0, "--" + boundary_ + "\r\nContent-Disposition: form-data; name=" + in_quotes(name) + "\r\n\r\n" +
                        std::string(value) + "\r\n");
}

std::string MultipartFile::content_type() const { return "multipart/form-data; boundary=" + boundary_; }

std::uint64_t MultipartFile::length() const { return before_.size() + upload_.size_bytes + after_.size(); }

asio::awaitable<Result<std::size_t>> MultipartFile::next(std::span<std::byte> buffer) {
  if (!before_.empty()) co_return take(before_, buffer);
  if (file_sent_bytes_ < upload_.size_bytes) {
    const auto count = co_await upload_.source(buffer);
    if (!count) co_return count.error();
    file_sent_bytes_ += *count;
    co_return *count;
  }
  co_return take(after_, buffer);
}

}  // namespace gogrid::client
