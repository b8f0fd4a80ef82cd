#include "wire/prompt_reader.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "base/encoding.hpp"

namespace gogrid::wire {
namespace {

constexpr std::size_t block_size_bytes = 1024;
constexpr std::size_t bytes_per_token = 4;
// Of very long conversations the beginning tells who shares it, the end how far it has come.
constexpr std::size_t first_ones_kept = 8;

constexpr std::uint64_t tag_key = 1;
constexpr std::uint64_t tag_text = 2;
constexpr std::uint64_t tag_scalar = 3;
constexpr std::uint64_t tag_array = 4;
constexpr std::uint64_t tag_object = 5;
constexpr std::uint64_t tag_close = 6;
constexpr std::uint64_t tag_head = 7;

__extension__ using Wide = unsigned __int128;

// The folded multiplication of wyhash: https://github.com/wangyi-fudan/wyhash
std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t load(const char* bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

struct Seeds {
  std::uint64_t start, first, second;
};

// Odd, so that none is 0.
const Seeds& seeds() {
  static const Seeds made = [] {
    const std::string bytes = random_bytes(3 * sizeof(std::uint64_t));
    return Seeds{load(bytes.data()) | 1, load(bytes.data() + 8) | 1, load(bytes.data() + 16) | 1};
  }();
  return made;
}

std::uint64_t hash_bytes(std::uint64_t state, std::string_view bytes) {
  const Seeds& seed = seeds();
  state = mix(state ^ bytes.size(), seed.first);
  while (bytes.size() >= 16) {
    state = mix(load(bytes.data()) ^ seed.second, load(bytes.data() + 8) ^ state);
    bytes.remove_prefix(16);
  }
  char rest[16] = {};
  std::copy(bytes.begin(), bytes.end(), rest);
  return mix(load(rest) ^ seed.second, load(rest + 8) ^ state);
}

// Marks of caches that clients move on from message to message.
bool is_no_content(std::string_view key) { return key == "cache_control"; }

// Pictures and sounds as text.
bool is_encoded(std::string_view key) {
  return key == "url" || key == "data" || key == "image_url" || key == "file_data";
}

}  // namespace

void PromptReader::begin(PromptPart part) {
  part_ = part;
  depth_ = 0;
  block_bytes_ = 0;
  state_ = seeds().start;
  skip_next_ = uncounted_ = false;
  skip_below_ = 0;
  if (part == PromptPart::turns || part == PromptPart::text) body_.clear();
}

void PromptReader::take_key(std::string_view name) {
  uncounted_ = is_encoded(name);
  if (skipped()) return;
  skip_next_ = is_no_content(name);
  if (!skip_next_) state_ = hash_bytes(state_ ^ tag_key, name);
}

void PromptReader::take_text(std::string_view value) {
  if (!uncounted_) text_bytes_ += value.size();
  if (!skipped()) {
    const bool in_blocks = part_ == PromptPart::text || (part_ == PromptPart::turns && depth_ == 0);
    if (in_blocks) {
      take_blocks(value);
    } else if (part_ != PromptPart::counted) {
      state_ = hash_bytes(state_ ^ tag_text, value);
    }
  }
  value_ended();
}

void PromptReader::take_scalar(std::uint64_t bits) {
  // Numbers in place of text are tokens.
  if (part_ == PromptPart::text || part_ == PromptPart::counted) text_bytes_ += bytes_per_token;
  if (!skipped()) {
    if (part_ == PromptPart::text) {
      take_blocks({reinterpret_cast<const char*>(&bits), sizeof bits});
    } else {
      absorb(tag_scalar, bits);
    }
  }
  value_ended();
}

void PromptReader::take_open(bool array) {
  if (skip_next_) skip_below_ = depth_ + 1;
  if (!skipped()) absorb(array ? tag_array : tag_object, 0);
  skip_next_ = false;
  ++depth_;
}

void PromptReader::take_close() {
  if (!skipped()) absorb(tag_close, 0);
  --depth_;
  uncounted_ = false;
  if (depth_ < skip_below_) skip_below_ = 0;
  value_ended();
}

void PromptReader::take_blocks(std::string_view bytes) {
  while (!bytes.empty() && body_.size() < max_prefixes) {
    const std::string_view part = bytes.substr(0, block_size_bytes - block_bytes_);
    bytes.remove_prefix(part.size());
    state_ = hash_bytes(state_, part);
    block_bytes_ += part.size();
    if (block_bytes_ < block_size_bytes) continue;
    block_bytes_ = 0;
    body_.push_back(state_);
  }
}

void PromptReader::value_ended() {
  skip_next_ = false;
  if (part_ == PromptPart::turns && depth_ == 1 && skip_below_ == 0) {
    if (body_.size() == max_prefixes) body_.erase(body_.begin() + first_ones_kept);
    body_.push_back(state_);
  }
  if (depth_ > 0) return;
  if (part_ == PromptPart::instructions) head_[0] = state_;
  if (part_ == PromptPart::tools) head_[1] = state_;
  part_ = PromptPart::none;
}

void PromptReader::absorb(std::uint64_t tag, std::uint64_t value) {
  state_ = mix(state_ ^ tag, value ^ seeds().second);
}

std::vector<domain::PrefixHash> PromptReader::take_prefixes() {
  std::uint64_t head = seeds().start;
  for (const std::uint64_t part : head_)
    head = mix(head ^ tag_head, part ^ seeds().first);
  const bool has_head = head_[0] != 0 || head_[1] != 0;
  std::vector<domain::PrefixHash> prefixes;
  prefixes.reserve(body_.size() + 1);
  if (has_head) prefixes.push_back(head);
  for (const std::uint64_t hash : std::exchange(body_, {}))
    prefixes.push_back(mix(hash ^ head, seeds().second));
  if (prefixes.size() > max_prefixes) prefixes.erase(prefixes.begin() + first_ones_kept);
  // 0 stands for none elsewhere.
  std::replace(prefixes.begin(), prefixes.end(), domain::PrefixHash{0}, domain::PrefixHash{1});
  return prefixes;
}

std::uint32_t PromptReader::tokens() const {
  const std::uint64_t guess = (text_bytes_ + bytes_per_token - 1) / bytes_per_token;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(guess, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace gogrid::wire
