// What the store keeps: plain records, as they stand in the database and in the coordinator's memory. Values, any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "domain/model.hpp"

namespace gogrid::store {

// An API key. The secret itself is nowhere: only its SHA-256 (hexadecimal).
struct KeyRecord {
  std::string id;
  std::string secret_sha256;
  std::string name;
  std::vector<std::string> scopes;
  SystemTime created_at;
  std::optional<SystemTime> expires_at;
  std::optional<SystemTime> revoked_at;
  std::optional<SystemTime> last_used_at;
};

// A join token.
struct TokenRecord {
  std::string id;
  std::string secret_sha256;
  std::string name;
  std::int64_t uses = 1;
  std::int64_t uses_left = 1;
  SystemTime created_at;
  SystemTime expires_at;
};

struct WorkerRecord {
  std::string id;
  // Unique among the workers that are not revoked.
  std::string name;
  std::string host_name;
  // Of the newest certificate.
  std::string certificate_serial;
  SystemTime certificate_expires_at;
  SystemTime enrolled_at;
  std::optional<SystemTime> last_seen_at;
  std::optional<SystemTime> revoked_at;
  // As it said when it was last connected.
  std::string version;
  std::string target;
};

struct ModelRecord {
  domain::Model model;
  // From the GGUF header; empty or 0 where it does not say.
  std::string title;
  std::string architecture;
  std::string quantization;
  std::uint64_t parameters = 0;
  std::uint32_t layers = 0;
  std::uint32_t embedding_length = 0;
  // What the model was trained for; model.context_tokens is what it is served with.
  std::uint32_t trained_context_tokens = 0;
  bool has_chat_template = false;
  SystemTime created_at;
};

struct EngineRecord {
  domain::EngineBundle bundle;
  std::string version;
  std::string flavour;
  SystemTime created_at;
};

enum class UploadKind { model, engine };

// An upload that is not complete; its bytes so far are in a file named after its SHA-256.
struct UploadRecord {
  std::string sha256;
  UploadKind kind = UploadKind::model;
  std::string name;
  std::uint64_t size_bytes = 0;
  // What the uploader wants of a model, instead of what its header says.
  std::optional<domain::ModelKind> model_kind;
  std::optional<std::uint32_t> context_tokens;
  std::optional<std::uint32_t> slots;
  SystemTime created_at;
};

}  // namespace gogrid::store
