// BodyMemory: how many bytes of request bodies are held at a time, so that many large ones cannot take all memory.
// Owned by who reads them, used on the io thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <string>
#include <utility>

#include "coordinator/api/error_response.hpp"

namespace gogrid::coordinator {

class BodyMemory {
 public:
  explicit BodyMemory(std::size_t limit_bytes) : free_bytes_(limit_bytes) {}
  BodyMemory(const BodyMemory&) = delete;
  BodyMemory& operator=(const BodyMemory&) = delete;

  // A part of it, given back when it is destroyed. The BodyMemory outlives it.
  class Hold {
   public:
    Hold() = default;
    explicit Hold(BodyMemory& owner) : owner_(&owner) {}
    Hold(Hold&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Hold& operator=(Hold&& other) noexcept {
      (void)resize(0);
      owner_ = std::exchange(other.owner_, nullptr);
      bytes_ = std::exchange(other.bytes_, 0);
      return *this;
    }
    ~Hold() { (void)resize(0); }

    // False, and nothing is changed, when there is not so much left.
    [[nodiscard]] bool resize(std::size_t bytes) {
      if (owner_ == nullptr) return bytes == 0;
      if (bytes > bytes_ && bytes - bytes_ > owner_->free_bytes_) return false;
      owner_->free_bytes_ += bytes_;
      owner_->free_bytes_ -= bytes;
      bytes_ = bytes;
      return true;
    }

   private:
    BodyMemory* owner_ = nullptr;
    std::size_t bytes_ = 0;
  };

 private:
  std::size_t free_bytes_;
};

// The whole body of a request, `limit_bytes` at most; `hold` grows as it comes, so that memory is taken by bytes, not
// by announcements.
boost::asio::awaitable<ApiResult<std::string>> read_body(net::HttpExchange& exchange, BodyMemory::Hold& hold,
                                                         std::size_t limit_bytes);

}  // namespace gogrid::coordinator
