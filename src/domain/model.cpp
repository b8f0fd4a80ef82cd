#include "domain/model.hpp"

namespace gogrid::domain {

std::string_view to_string(ModelKind kind) {
  switch (kind) {
    case ModelKind::chat:
      return "chat";
    case ModelKind::embedding:
      return "embedding";
    case ModelKind::rerank:
      return "rerank";
  }
  return "chat";
}

std::optional<ModelKind> model_kind_from_string(std::string_view text) {
  for (const auto kind : {ModelKind::chat, ModelKind::embedding, ModelKind::rerank}) {
    if (text == to_string(kind)) return kind;
  }
  return std::nullopt;
}

std::string_view to_string(KvType type) {
  switch (type) {
    case KvType::f16:
      return "f16";
    case KvType::q8_0:
      return "q8_0";
    case KvType::q4_0:
      return "q4_0";
  }
  return "f16";
}

std::optional<KvType> kv_type_from_string(std::string_view text) {
  for (const auto type : {KvType::f16, KvType::q8_0, KvType::q4_0}) {
    if (text == to_string(type)) return type;
  }
  return std::nullopt;
}

std::string_view to_string(GpuPolicy policy) {
  switch (policy) {
    case GpuPolicy::automatic:
      return "auto";
    case GpuPolicy::spread:
      return "spread";
    case GpuPolicy::each:
      return "each";
  }
  return "auto";
}

std::optional<GpuPolicy> gpu_policy_from_string(std::string_view text) {
  for (const auto policy : {GpuPolicy::automatic, GpuPolicy::spread, GpuPolicy::each}) {
    if (text == to_string(policy)) return policy;
  }
  return std::nullopt;
}

std::string_view to_string(FileRole role) {
  switch (role) {
    case FileRole::weights:
      return "weights";
    case FileRole::projector:
      return "projector";
    case FileRole::adapter:
      return "adapter";
    case FileRole::chat_template:
      return "chat_template";
  }
  return "weights";
}

std::optional<FileRole> file_role_from_string(std::string_view text) {
  for (const auto role : {FileRole::weights, FileRole::projector, FileRole::adapter, FileRole::chat_template}) {
    if (text == to_string(role)) return role;
  }
  return std::nullopt;
}

std::vector<ModelFile> files_of(const Model& model) {
  if (!model.files.empty()) return model.files;
  ModelFile only;
  only.sha256 = model.sha256;
  only.size_bytes = model.size_bytes;
  return {only};
}

}  // namespace gogrid::domain
