// Reads the form that POST /v1/files takes, its file as it comes onto the disk. One request's, used on the io thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "coordinator/api/error_response.hpp"
#include "coordinator/api/router.hpp"
#include "coordinator/jobs/client_files.hpp"
#include "net/multipart.hpp"

namespace gogrid::coordinator {

class FileForm {
 public:
  // Both outlive it.
  FileForm(ApiRequest& request, ClientFiles& files) : request_(request), files_(files) {}

  // Everything is there and allowed when it succeeds. Call once.
  boost::asio::awaitable<ApiResult<void>> read();

  std::unique_ptr<ClientFiles::Upload> take_upload() { return std::move(upload_); }
  const std::string& filename() const { return filename_; }
  const std::string& purpose() const { return purpose_; }
  // After its creation.
  std::optional<std::chrono::seconds> expires_after() const { return expires_after_; }

 private:
  boost::asio::awaitable<ApiResult<void>> take(net::MultipartReader& reader, std::string_view bytes);
  ApiResult<void> begin_part(const net::MultipartReader::Part& part);
  boost::asio::awaitable<ApiResult<void>> take_data(std::string_view data);
  ApiResult<void> check();

  ApiRequest& request_;
  ClientFiles& files_;
  std::unique_ptr<ClientFiles::Upload> upload_;
  std::string filename_;
  std::string purpose_;
  std::string anchor_;
  std::string seconds_;
  std::optional<std::chrono::seconds> expires_after_;
  // Where the part's content goes; null: into the file.
  std::string* text_ = nullptr;
  const char* field_ = "";
  bool has_file_ = false;
};

}  // namespace gogrid::coordinator
