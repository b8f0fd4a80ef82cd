// BodyMemory: how many bytes of request bodies are held at a time, so that many large ones cannot take all memory. Owned by the
// InferenceApi, used on the io thread.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

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
    Hold(BodyMemory& owner, std::size_t bytes) : owner_(&owner), bytes_(bytes) {}
    Hold(Hold&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Hold& operator=(Hold&& other) noexcept {
      shrink(0);
      owner_ = std::exchange(other.owner_, nullptr);
      bytes_ = std::exchange(other.bytes_, 0);
      return *this;
    }
    ~Hold() { shrink(0); }

    void shrink(std::size_t bytes) {
      if (owner_ == nullptr || bytes >= bytes_) return;
      owner_->free_bytes_ += bytes_ - bytes;
      bytes_ = bytes;
    }

   private:
    BodyMemory* owner_ = nullptr;
    std::size_t bytes_ = 0;
  };

  // nullopt when there is not so much left.
  std::optional<Hold> hold(std::size_t bytes) {
    if (bytes > free_bytes_) return std::nullopt;
    free_bytes_ -= bytes;
    return Hold(*this, bytes);
  }

 private:
  std::size_t free_bytes_;
};

}  // namespace gogrid::coordinator
