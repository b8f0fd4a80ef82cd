// Uploads: models are made of files, and changed.
#include <fcntl.h>

#include <algorithm>
#include <list>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/blocking.hpp"
#include "base/encoding.hpp"
#include "base/log.hpp"
#include "coordinator/model_file.hpp"
#include "coordinator/uploads.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
using nlohmann::json;
namespace {

std::string short_name(const std::string& sha256) { return sha256.substr(0, 12); }

ErrorResponse unsuitable(const std::string& what) { return ErrorResponse(400, what, "not_a_model", "files"); }

struct FileFacts {
  domain::ModelFile file;
  domain::GgufHeader header;
};

// Blocking: what the files say of themselves, in the order given.
Result<std::vector<FileFacts>> inspect(const std::vector<std::pair<domain::ModelFile, std::filesystem::path>>& files) {
  std::vector<FileFacts> all;
  for (const auto& [file, path] : files) {
    FileFacts facts;
    facts.file = file;
    std::error_code error;
    facts.file.size_bytes = std::filesystem::file_size(path, error);
    if (error) return system_error("cannot read " + path.string(), error.value());
    auto header = read_gguf_header(path);
    if (!header) {
      if (header.error().code != ErrorCode::invalid_argument) return header.error();
      const std::string which = files.size() == 1 ? "this file" : "file " + short_name(file.sha256);
      return Error(ErrorCode::invalid_argument, which + " cannot be served: " + header.error().detail);
    }
    facts.header = std::move(*header);
    facts.file.role = facts.header.role;
    all.push_back(std::move(facts));
  }
  // Shards in their order, then what is added to them in the order given.
  std::stable_sort(all.begin(), all.end(), [](const FileFacts& a, const FileFacts& b) {
    if (a.file.role != b.file.role) return a.file.role < b.file.role;
    return a.file.role == domain::FileRole::weights && a.header.split_number < b.header.split_number;
  });
  return all;
}

// That the files are one model; its header.
Result<domain::GgufHeader> check_set(const std::vector<FileFacts>& files) {
  std::vector<domain::GgufHeader> weights;
  std::size_t projectors = 0, adapters = 0;
  for (const FileFacts& facts : files) {
    if (facts.file.role == domain::FileRole::weights) weights.push_back(facts.header);
    projectors += facts.file.role == domain::FileRole::projector ? 1 : 0;
    adapters += facts.file.role == domain::FileRole::adapter ? 1 : 0;
  }
  const auto refuse = [](const std::string& what) {
    return Error(ErrorCode::invalid_argument, "this file cannot be served: " + what);
  };
  if (weights.empty() && !files.empty()) weights.push_back(files.front().header);
  auto model = domain::join_weights(weights);
  if (!model) return refuse(model.error().detail);
  if (projectors > 1) return Error(ErrorCode::invalid_argument, "a model takes one projector");
  if (adapters > max_adapters)
    return Error(ErrorCode::invalid_argument, "a model takes at most " + std::to_string(max_adapters) + " adapters");
  for (const FileFacts& facts : files) {
    if (facts.file.role == domain::FileRole::weights) continue;
    const auto fits = domain::check_companion(*model, facts.header);
    if (!fits) {
      return Error(ErrorCode::invalid_argument,
                   "file " + short_name(facts.file.sha256) + " does not go with this model: " + fits.error().detail);
    }
  }
  return model;
}

}  // namespace

// ---- files that wait for their model ----

Uploads::Answer<Uploads::Progress> Uploads::keep_file(Handle upload) {
  auto work = [path = files_.part_path(upload->record.sha256)] { return read_gguf_header(path); };
  const auto header = co_await run_blocking(pool_, std::move(work));
  if (header) co_return find(upload->record.sha256);
  upload->verified = false;
  if (header.error().code != ErrorCode::invalid_argument) co_return ErrorResponse(header.error());
  co_await drop(upload);
  co_return ErrorResponse(400, "this file cannot be served: " + header.error().detail, "not_a_model");
}

Uploads::Answer<Uploads::Progress> Uploads::adopt(std::filesystem::path file, std::string name, std::string sha256,
                                                  std::uint64_t size_bytes) {
  if (discarding_.contains(sha256)) co_return ErrorResponse(503, "this file is being removed just now", "busy");
  if (is_registered(sha256)) {
    std::error_code ignored;
    std::filesystem::remove(file, ignored);
    co_return find(sha256);
  }
  // One that is uploaded at the same time ends.
  if (const auto known = uploads_.find(sha256); known != uploads_.end()) {
    if (known->second->finishing) co_return ErrorResponse(503, "this file is being checked just now", "busy");
    co_await drop(known->second);
  }
  auto work = [files = files_, file, sha256]() -> Result<void> {
    std::error_code error;
    std::filesystem::rename(file, files.part_path(sha256), error);
    if (error) return system_error("cannot move what was fetched", error.value());
    return sync_name(files.part_path(sha256));
  };
  const auto moved = co_await run_blocking(pool_, std::move(work));
  if (!moved) co_return ErrorResponse(moved.error());
  const auto upload = std::make_shared<Upload>();
  upload->record.sha256 = sha256;
  upload->record.kind = store::UploadKind::model_file;
  upload->record.name = std::move(name);
  upload->record.size_bytes = upload->offset_bytes = size_bytes;
  upload->record.created_at = clock_.system_now();
  upload->header_checked = upload->verified = true;
  uploads_.insert_or_assign(sha256, upload);
  auto stored = co_await store_.put_upload(upload->record);
  if (!stored) co_return ErrorResponse(stored.error());
  co_return co_await keep_file(upload);
}

// ---- models ----

ApiResult<std::vector<Uploads::Handle>> Uploads::find_parts(const ModelSpec& spec) const {
  std::vector<Handle> parts;
  for (const auto& file : spec.files) {
    if (discarding_.contains(file.sha256))
      return ErrorResponse(409, "a file of this model is being removed just now; try again in a moment", "busy");
    if (is_registered(file.sha256)) continue;
    const auto found = uploads_.find(file.sha256);
    if (found == uploads_.end() || !found->second->verified) {
      return ErrorResponse(400,
                           "the file " + file.sha256 + " is not here: upload it first, with the kind \"model_file\"",
                           "file_missing", "files");
    }
    if (std::find(parts.begin(), parts.end(), found->second) == parts.end()) parts.push_back(found->second);
  }
  return parts;
}

Uploads::Answer<ModelRecord> Uploads::make_record(const ModelSpec& spec) {
  std::vector<std::pair<domain::ModelFile, std::filesystem::path>> paths;
  for (const auto& file : spec.files) {
    const bool is_blob = is_registered(file.sha256);
    paths.emplace_back(file, is_blob ? files_.blob_path(file.sha256) : files_.part_path(file.sha256));
  }
  auto work = [paths = std::move(paths)]() -> Result<std::vector<FileFacts>> { return inspect(paths); };
  const auto facts = co_await run_blocking(pool_, std::move(work));
  if (!facts && facts.error().code != ErrorCode::invalid_argument) co_return ErrorResponse(facts.error());
  if (!facts) co_return unsuitable(facts.error().detail);
  const auto header = check_set(*facts);
  if (!header) co_return unsuitable(header.error().detail);

  const std::string& first = facts->front().file.sha256;
  ModelRecord record = describe_model(spec.name, *header, clock_.system_now());
  if (const auto same = models_.find_by_name(spec.name)) {
    if (same->model.sha256 != first) {
      co_return ErrorResponse(
          409, "there is a model named \"" + spec.name + "\" already; remove it first or choose another name",
          "name_taken", "name");
    }
    // What is not said anew stays as it was.
    record = *same;
    describe_weights(record, *header);
  }
  std::erase_if(record.model.files, [](const auto& file) { return file.role != domain::FileRole::chat_template; });
  std::vector<domain::ModelFile> files;
  record.model.sha256 = first;
  record.model.size_bytes = 0;
  for (const FileFacts& one : *facts) {
    record.model.size_bytes += one.file.size_bytes;
    files.push_back(one.file);
  }
  record.model.files.insert(record.model.files.begin(), files.begin(), files.end());
  if (auto applied = apply(spec.settings, record); !applied)
    co_return ErrorResponse(400, applied.error().detail, "invalid_value");
  co_return record;
}

Uploads::Answer<std::optional<domain::ModelFile>> Uploads::store_template(std::optional<std::string> text) {
  if (!text || text->empty()) co_return std::optional<domain::ModelFile>();
  domain::ModelFile file;
  file.role = domain::FileRole::chat_template;
  file.sha256 = Sha256::hex(as_bytes(*text));
  file.size_bytes = text->size();
  auto work = [files = files_, sha256 = file.sha256, text = std::move(*text)]() -> Result<void> {
    if (files.blob_bytes(sha256) == text.size()) return {};
    return write_file_atomically(files.blob_path(sha256), text, 0600);
  };
  const auto written = co_await run_blocking(pool_, std::move(work));
  if (!written) co_return ErrorResponse(written.error());
  co_return std::optional<domain::ModelFile>(std::move(file));
}

namespace {

void put_template(domain::Model& model, const ModelSettings& settings, const std::optional<domain::ModelFile>& file) {
  if (!settings.chat_template) return;
  std::erase_if(model.files, [](const auto& other) { return other.role == domain::FileRole::chat_template; });
  if (file) model.files.push_back(*file);
}

// What the template's file is called, if there is to be one.
std::vector<std::string> template_names(const ModelSettings& settings) {
  if (!settings.chat_template || settings.chat_template->empty()) return {};
  return {Sha256::hex(as_bytes(*settings.chat_template))};
}

}  // namespace

Uploads::Answer<ModelLibrary::Entry> Uploads::add_model(ModelSpec spec, std::string actor) {
  const auto turn = co_await making_.take();
  if (spec.files.empty())
    co_return ErrorResponse(400, "\"files\" is empty: a model needs weights", "missing_field", "files");
  auto parts = find_parts(spec);
  if (!parts) co_return parts.error();
  std::vector<std::string> names = template_names(spec.settings);
  for (const auto& file : spec.files)
    names.push_back(file.sha256);
  std::list<Guard> guards;
  for (const std::string& sha256 : names)
    guards.emplace_back(registering_, sha256);
  std::vector<std::pair<Handle, bool>> before;
  for (const Handle& part : *parts)
    before.emplace_back(part, std::exchange(part->finishing, true));
  auto stored = co_await store_model(std::move(spec), std::move(*parts), std::move(actor));
  for (const auto& [part, finishing] : before)
    part->finishing = finishing;
  guards.clear();
  if (stored) co_return stored;
  // The last model that had a file may have been removed meanwhile.
  for (const std::string& sha256 : names)
    co_await discard_blob(sha256);
  co_return stored;
}

Uploads::Answer<ModelLibrary::Entry> Uploads::store_model(ModelSpec spec, std::vector<Handle> parts,
                                                          std::string actor) {
  auto record = co_await make_record(spec);
  if (!record) co_return record.error();
  auto chat_template = co_await store_template(spec.settings.chat_template);
  if (!chat_template) co_return chat_template.error();
  put_template(record->model, spec.settings, *chat_template);
  std::vector<domain::ModelFile> old_files;
  if (const auto same = models_.find_by_name(spec.name)) old_files = same->model.files;
  std::vector<std::string> names;
  names.reserve(parts.size());
  for (const Handle& part : parts)
    names.push_back(part->record.sha256);
  auto move = [files = files_, names]() -> Result<void> {
    for (const std::string& sha256 : names) {
      if (auto moved = files.part_to_blob(sha256); !moved) return moved;
    }
    return {};
  };
  Result<void> stored = co_await run_blocking(pool_, std::move(move));
  if (stored) {
    json detail = json::parse(to_json_text(spec.settings), nullptr, false);
    detail["name"] = record->model.name;
    detail["sha256"] = record->model.sha256;
    detail["files"] = record->model.files.size();
    detail["kind"] = domain::to_string(record->model.kind);
    detail["context_tokens"] = record->model.context_tokens;
    detail["slots"] = record->model.slots;
    if (detail.contains("chat_template")) detail["chat_template"] = "...";
    stored = co_await put_model(*record, "model.add", detail.dump(), std::move(actor));
  }
  if (!stored) {
    auto move_back = [files = files_, names] {
      for (const std::string& sha256 : names) {
        if (files.blob_bytes(sha256) && !files.part_bytes(sha256)) (void)files.blob_to_part(sha256);
      }
      return true;
    };
    (void)co_await run_blocking(pool_, std::move(move_back));
    ErrorResponse error(stored.error());
    if (error.status == 409) error.code = "name_taken";
    co_return error;
  }
  log().info("added model {} ({} files, {} bytes, {})", record->model.name, record->model.files.size(),
             record->model.size_bytes, record->model.sha256);
  for (const std::string& sha256 : names) {
    uploads_.erase(sha256);
    const auto removed = co_await store_.remove_upload(sha256);
    if (!removed) log().warn("upload {}: {}", sha256, removed.error().detail);
  }
  co_await discard_files(std::move(old_files));
  co_return models_.find(record->model.id.text());
}

Pending<> Uploads::put_model(ModelRecord model, const char* action, std::string detail, std::string actor) {
  AuditLog::Act act{std::move(actor), action, model.model.id.text(), std::move(detail)};
  std::function<Pending<>()> put = [&] { return models_.put(model); };
  co_return co_await audit_.perform(std::move(act), std::move(put));
}

Uploads::Answer<Uploads::Progress> Uploads::add_single_model(store::UploadRecord record, std::string actor) {
  if (is_registered(record.sha256) && !uploads_.contains(record.sha256)) {
    auto look = [files = files_, sha256 = record.sha256] { return files.blob_bytes(sha256).value_or(0); };
    const std::uint64_t size_bytes = co_await run_blocking(pool_, std::move(look));
    if (size_bytes != record.size_bytes) {
      co_return ErrorResponse(400, "the file with this SHA-256 has " + std::to_string(size_bytes) + " bytes",
                              "wrong_size", "size_bytes");
    }
  }
  ModelSpec spec;
  spec.name = record.name;
  domain::ModelFile file;
  file.sha256 = record.sha256;
  spec.files.push_back(std::move(file));
  spec.settings.kind = record.model_kind;
  spec.settings.context_tokens = record.context_tokens;
  spec.settings.slots = record.slots;
  const auto added = co_await add_model(std::move(spec), std::move(actor));
  if (!added) co_return added.error();
  Progress progress;
  progress.offset_bytes = progress.size_bytes = record.size_bytes;
  progress.complete = true;
  co_return progress;
}

Uploads::Answer<ModelLibrary::Entry> Uploads::change_model(std::string name_or_id, ModelSettings settings,
                                                           std::string actor) {
  const auto turn = co_await making_.take();
  const auto known = models_.find(name_or_id);
  if (!known) co_return ErrorResponse(404, "there is no model \"" + name_or_id + "\"", "model_not_found");
  std::vector<std::string> names = template_names(settings);
  std::list<Guard> guards;
  for (const std::string& sha256 : names)
    guards.emplace_back(registering_, sha256);
  auto changed = co_await store_change(known, settings, std::move(actor));
  guards.clear();
  for (const std::string& sha256 : names)
    co_await discard_blob(sha256);
  if (changed) co_await discard_files(known->model.files);
  co_return changed;
}

Uploads::Answer<ModelLibrary::Entry> Uploads::store_change(const ModelLibrary::Entry& known,
                                                           const ModelSettings& settings, std::string actor) {
  ModelRecord record = *known;
  if (auto applied = apply(settings, record); !applied)
    co_return ErrorResponse(400, applied.error().detail, "invalid_value");
  auto chat_template = co_await store_template(settings.chat_template);
  if (!chat_template) co_return chat_template.error();
  put_template(record.model, settings, *chat_template);
  // It may have been removed while its template was written.
  if (models_.find(known->model.id.text()) != known)
    co_return ErrorResponse(404, "there is no model \"" + known->model.name + "\"", "model_not_found");
  json detail = json::parse(to_json_text(settings), nullptr, false);
  if (detail.contains("chat_template")) detail["chat_template"] = "...";
  detail["name"] = record.model.name;
  auto stored = co_await put_model(record, "model.set", detail.dump(), std::move(actor));
  if (!stored) co_return ErrorResponse(stored.error());
  co_return models_.find(record.model.id.text());
}

asio::awaitable<void> Uploads::discard_files(std::vector<domain::ModelFile> files) {
  for (const auto& file : files)
    co_await discard_blob(file.sha256);
}

// Models that an older version added have no more of their shape than it knew.
Pending<> Uploads::read_missing_shapes() {
  const auto all = models_.list();
  for (const auto& entry : all) {
    const auto& shape = entry->model.shape;
    if (shape.vocabulary > 0 || shape.kv_bytes_per_token > 0) continue;
    auto work = [path = files_.blob_path(entry->model.sha256)] { return read_gguf_header(path); };
    const auto header = co_await run_blocking(pool_, std::move(work));
    if (!header || header->shape == shape) continue;
    ModelRecord record = *entry;
    record.model.shape = header->shape;
    if (auto stored = co_await models_.put(std::move(record)); !stored) co_return stored;
  }
  co_return Result<void>();
}

}  // namespace gogrid::coordinator
