// multipart/form-data (RFC 7578) with one file as its last part, made as it is sent. One request each, on the
// executor's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "client/coordinator_client.hpp"

namespace gogrid::client {

class MultipartFile {
 public:
  explicit MultipartFile(FileUpload upload);

  void add_field(std::string_view name, std::string_view value);

  std::string content_type() const;
  // With everything around the file.
  std::uint64_t length() const;
  // The body's next bytes; 0 at its end.
  boost::asio::awaitable<Result<std::size_t>> next(std::span<std::byte> buffer);

 private:
  FileUpload upload_;
  std::string boundary_;
  // What is sent before and after the file, less what was sent already.
  std::string before_;
  std::string after_;
  std::uint64_t file_sent_bytes_ = 0;
};

}  // namespace gogrid::client
