#include "coordinator/uploads.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/blocking.hpp"
#include "base/log.hpp"
#include "coordinator/engine_bundle.hpp"
#include "coordinator/model_file.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
namespace {

constexpr std::size_t part_bytes = 1024 * 1024;
// What is held in memory until the header is whole; longer headers are checked when the file is complete.
constexpr std::size_t max_held_bytes = 16 * 1024 * 1024;
constexpr std::size_t max_uploads = 256;
constexpr std::uint64_t spare_disk_bytes = 64 * 1024 * 1024;
constexpr auto abandoned_after = std::chrono::hours(24 * 7);

ErrorResponse not_that(const store::UploadRecord& record, const Error& error) {
  if (error.code != ErrorCode::invalid_argument) return error;
  const bool model = record.kind != store::UploadKind::engine;
  return ErrorResponse(400, (model ? "this file cannot be served: " : "") + error.detail,
                       model ? "not_a_model" : "not_an_engine");
}

const char* kind_name(store::UploadKind kind) { return kind == store::UploadKind::engine ? "engine" : "model"; }

ErrorResponse busy() {
  return ErrorResponse(409, "this file is being checked or removed just now; try again in a moment", "busy");
}

Uploads::Progress complete_progress(std::uint64_t size_bytes) {
  Uploads::Progress progress;
  progress.offset_bytes = progress.size_bytes = size_bytes;
  progress.complete = true;
  return progress;
}

Result<void> write_at(int fd, std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("cannot write the upload", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

}  // namespace

Uploads::Uploads(BlobStore files, store::UploadStore& store, ModelLibrary& models, EngineRegistry& engines,
                 AuditLog& audit, const Clock& clock, asio::thread_pool& pool)
    : files_(std::move(files)),
      store_(store),
      models_(models),
      engines_(engines),
      audit_(audit),
      clock_(clock),
      pool_(pool) {}

bool Uploads::is_registered(const std::string& sha256) const {
  return models_.uses_blob(sha256) || engines_.uses_blob(sha256);
}

// ---- start ----

Pending<> Uploads::load() {
  auto records = co_await store_.list_uploads();
  if (!records) co_return records.error();
  for (auto& record : *records) {
    if (auto recovered = co_await recover(std::move(record)); !recovered) co_return recovered;
  }
  for (const std::string& sha256 : files_.list_parts()) {
    if (!uploads_.contains(sha256)) files_.remove_part(sha256);
  }
  for (const std::string& sha256 : files_.list_blobs()) {
    if (is_registered(sha256)) continue;
    log().warn("removing blob {}: no model or engine has it", sha256);
    files_.remove_blob(sha256);
  }
  for (const auto& model : models_.list()) {
    for (const auto& file : domain::files_of(model->model)) {
      if (files_.blob_bytes(file.sha256) == file.size_bytes) continue;
      log().error("a file of model {} is missing or damaged: remove the model and add it again", model->model.name);
    }
  }
  co_return co_await read_missing_shapes();
}

// One that was being uploaded when the coordinator last stopped.
Pending<> Uploads::recover(store::UploadRecord record) {
  if (is_registered(record.sha256) || is_abandoned(record)) {
    files_.remove_part(record.sha256);
    co_return co_await store_.remove_upload(record.sha256);
  }
  // It stopped between the last byte and the library.
  if (files_.blob_bytes(record.sha256) == record.size_bytes) {
    if (auto moved = files_.blob_to_part(record.sha256); !moved) co_return moved;
  }
  auto upload = std::make_shared<Upload>();
  upload->offset_bytes = std::min(files_.part_bytes(record.sha256).value_or(0), record.size_bytes);
  if (upload->offset_bytes == 0) upload->hash.emplace();
  upload->record = std::move(record);
  uploads_.emplace(upload->record.sha256, upload);
  co_return Result<void>();
}

bool Uploads::is_abandoned(const store::UploadRecord& record) const {
  return record.created_at + abandoned_after < clock_.system_now();
}

// ---- begin ----

std::optional<ErrorResponse> Uploads::name_conflict(const store::UploadRecord& record) const {
  if (record.kind != store::UploadKind::model) return std::nullopt;
  if (models_.aliases().contains(record.name)) {
    return ErrorResponse(409, "there is an alias named \"" + record.name + "\"; remove it first or choose another name",
                         "name_taken", "name");
  }
  const auto other = models_.find_by_name(record.name);
  if (!other || other->model.sha256 == record.sha256) return std::nullopt;
  return ErrorResponse(409,
                       "there is a model named \"" + record.name + "\" already; remove it first or choose another name",
                       "name_taken", "name");
}

bool Uploads::has_rival(const store::UploadRecord& record) const {
  return record.kind == store::UploadKind::model &&
         std::any_of(uploads_.begin(), uploads_.end(), [&](const auto& entry) {
           const Upload& other = *entry.second;
           return other.appending > 0 && other.record.kind == record.kind && other.record.name == record.name &&
                  entry.first != record.sha256;
         });
}

Uploads::Answer<Uploads::Progress> Uploads::begin(store::UploadRecord record, std::string actor) {
  const std::string sha256 = record.sha256;
  record.created_at = clock_.system_now();
  co_await drop_abandoned(sha256);
  if (auto conflict = name_conflict(record)) co_return std::move(*conflict);
  if (has_rival(record)) {
    co_return ErrorResponse(
        409, "another file is being uploaded under the name \"" + record.name + "\" just now; choose another one",
        "name_taken", "name");
  }
  if (discarding_.contains(sha256)) co_return busy();
  if (is_registered(sha256)) {
    if (record.kind == store::UploadKind::model_file) co_return find(sha256);
    if (record.kind == store::UploadKind::model)
      co_return co_await add_single_model(std::move(record), std::move(actor));
    co_return co_await register_engine(std::move(record), false, std::move(actor));
  }

  std::uint64_t offset = 0;
  if (const auto known = uploads_.find(sha256); known != uploads_.end()) {
    if (known->second->finishing) co_return busy();
    // What came under another length is worth nothing.
    const bool same = known->second->record.size_bytes == record.size_bytes;
    if (same) offset = known->second->offset_bytes;
    if (!same) co_await drop(known->second);
  }
  auto room = [files = files_] { return files.free_bytes(); };
  const auto free = co_await run_blocking(pool_, std::move(room));
  if (free && *free < record.size_bytes - offset + spare_disk_bytes) {
    co_return ErrorResponse(507,
                            "the coordinator has " + std::to_string(*free / 1'000'000) +
                                " MB of free disk space; this file needs " +
                                std::to_string(record.size_bytes / 1'000'000) + " MB",
                            "disk_full");
  }
  auto known = uploads_.find(sha256);
  const bool changed =
      known != uploads_.end() && (known->second->finishing || known->second->record.size_bytes != record.size_bytes);
  if (changed || discarding_.contains(sha256) || is_registered(sha256)) co_return busy();
  if (known == uploads_.end()) {
    if (uploads_.size() >= max_uploads) {
      co_return ErrorResponse(429, "too many unfinished uploads; finish or remove some", "too_many_uploads");
    }
    known = uploads_.emplace(sha256, std::make_shared<Upload>()).first;
    known->second->hash.emplace();
  }
  const Handle upload = known->second;
  if (upload->record.kind != record.kind) upload->header_checked = upload->verified = false;
  upload->record = record;
  auto stored = co_await store_.put_upload(std::move(record));
  if (!stored) co_return ErrorResponse(stored.error());
  co_return find(sha256);
}

std::vector<Uploads::Unfinished> Uploads::list() const {
  std::vector<Unfinished> all;
  for (const auto& [sha256, upload] : uploads_) {
    Unfinished one;
    one.record = upload->record;
    one.progress.offset_bytes = upload->offset_bytes;
    one.progress.size_bytes = upload->record.size_bytes;
    one.progress.complete = upload->verified;
    all.push_back(std::move(one));
  }
  std::sort(all.begin(), all.end(),
            [](const Unfinished& a, const Unfinished& b) { return a.record.created_at < b.record.created_at; });
  return all;
}

ApiResult<Uploads::Progress> Uploads::find(const std::string& sha256) const {
  if (const auto found = uploads_.find(sha256); found != uploads_.end()) {
    Progress progress;
    progress.offset_bytes = found->second->offset_bytes;
    progress.size_bytes = found->second->record.size_bytes;
    progress.complete = found->second->verified && found->second->record.kind == store::UploadKind::model_file;
    return progress;
  }
  for (const auto& model : models_.list()) {
    for (const auto& file : domain::files_of(model->model)) {
      if (file.sha256 == sha256) return complete_progress(file.size_bytes);
    }
  }
  for (const auto& engine : engines_.list()) {
    if (engine.bundle.sha256 == sha256) return complete_progress(engine.bundle.size_bytes);
  }
  return ErrorResponse(404, "there is no upload " + sha256 + "; begin it with POST /api/v1/uploads",
                       "upload_not_found");
}

Uploads::Answer<Uploads::Progress> Uploads::remove(std::string sha256, std::string actor) {
  const auto missing = [&] { return ErrorResponse(404, "there is no upload " + sha256, "upload_not_found"); };
  const auto found = uploads_.find(sha256);
  if (found == uploads_.end()) co_return missing();
  const Handle upload = found->second;
  if (upload->finishing) co_return busy();
  const nlohmann::json detail{{"kind", kind_name(upload->record.kind)}, {"name", upload->record.name}};
  AuditLog::Act act{std::move(actor), "upload.remove", sha256, detail.dump()};
  const auto recorded = co_await audit_.record(std::move(act));
  if (!recorded) co_return ErrorResponse(recorded.error());
  const auto still = uploads_.find(sha256);
  if (still == uploads_.end() || still->second != upload) co_return missing();
  if (upload->finishing) co_return busy();
  co_await drop(upload);
  co_return Progress();
}

asio::awaitable<void> Uploads::drop(Handle upload) {
  const std::string sha256 = upload->record.sha256;
  // Whoever appends to it has been overtaken.
  ++upload->turn;
  uploads_.erase(sha256);
  discarding_.insert(sha256);
  auto work = [files = files_, sha256] {
    files.remove_part(sha256);
    return true;
  };
  (void)co_await run_blocking(pool_, std::move(work));
  discarding_.erase(sha256);
  const auto removed = co_await store_.remove_upload(sha256);
  if (!removed) log().warn("upload {}: {}", sha256, removed.error().detail);
}

asio::awaitable<void> Uploads::drop_abandoned(std::string except) {
  std::vector<Handle> abandoned;
  for (const auto& [sha256, upload] : uploads_) {
    if (sha256 != except && upload->appending == 0 && is_abandoned(upload->record)) abandoned.push_back(upload);
  }
  for (const Handle& upload : abandoned) {
    log().info("dropping the upload of {} ({}): nobody went on with it for a week", upload->record.name,
               upload->record.sha256);
    co_await drop(upload);
  }
}

// ---- parts ----

Uploads::Answer<Uploads::Progress> Uploads::append(std::string sha256, std::uint64_t offset, Source source,
                                                   std::string actor) {
  const auto found = uploads_.find(sha256);
  if (found == uploads_.end()) co_return find(sha256);
  const Handle upload = found->second;
  if (upload->finishing) co_return busy();
  if (offset != upload->offset_bytes) {
    co_return ErrorResponse(409, "this upload has " + std::to_string(upload->offset_bytes) + " bytes; go on from there",
                            "wrong_offset", std::to_string(upload->offset_bytes));
  }
  ++upload->appending;
  auto taken = co_await take_parts(upload, std::move(source));
  --upload->appending;
  if (!taken) co_return taken.error();
  if (upload->offset_bytes < upload->record.size_bytes || upload->finishing || upload->verified) co_return find(sha256);
  upload->finishing = true;
  auto finished = co_await finish(upload, std::move(actor));
  upload->finishing = false;
  co_return finished;
}

Uploads::Answer<std::size_t> Uploads::take_parts(Handle upload, Source source) {
  const std::uint64_t turn = ++upload->turn;
  std::shared_ptr<FileDescriptor> file;
  std::size_t taken = 0;
  bool at_end = false;
  std::optional<Error> broken;
  // What is stored already of a header that is still to be checked stands at the beginning of the first part.
  auto beginning = co_await read_beginning(upload);
  if (!beginning) co_return beginning.error();
  while (!at_end) {
    std::vector<std::byte> part = std::move(*beginning);
    beginning->clear();
    const std::size_t stored = part.size();
    // A part's worth, or as much more as the header needs.
    for (std::size_t wanted = stored + part_bytes; !at_end && part.size() < wanted;) {
      const std::size_t had = part.size();
      part.resize(wanted);
      const auto count = co_await source(std::span(part).subspan(had));
      part.resize(had + (count ? *count : 0));
      if (!count) broken = count.error();
      at_end = !count || *count == 0;
      if (upload->turn != turn)
        co_return ErrorResponse(409, "another connection goes on with this upload", "superseded");
      if (part.size() - stored > upload->record.size_bytes - upload->offset_bytes) {
        co_return ErrorResponse(
            400, "this is more than the " + std::to_string(upload->record.size_bytes) + " bytes that were announced",
            "too_many_bytes");
      }
      if (upload->header_checked || (part.size() < wanted && !at_end)) continue;
      const auto enough = check_beginning(upload->record, part);
      if (!enough) {
        co_await drop(upload);
        co_return not_that(upload->record, enough.error());
      }
      upload->header_checked = *enough;
      if (!*enough && !at_end) wanted = std::min(wanted * 4, max_held_bytes);
    }
    if (part.size() >= max_held_bytes) upload->header_checked = true;
    part.erase(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(stored));
    if (part.empty()) break;
    taken += part.size();
    if (!file) file = std::make_shared<FileDescriptor>();
    auto written = co_await write_part(upload, file, std::move(part));
    if (!written) co_return written.error();
    if (upload->turn != turn) co_return ErrorResponse(409, "another connection goes on with this upload", "superseded");
  }
  if (file) {
    auto sync = [file] { return sync_file(file->get()); };
    auto synced = co_await run_blocking(pool_, std::move(sync));
    if (!synced) co_return ErrorResponse(synced.error());
  }
  if (broken) co_return ErrorResponse(*broken);
  co_return taken;
}

Uploads::Answer<std::vector<std::byte>> Uploads::read_beginning(Handle upload) {
  if (upload->offset_bytes >= max_held_bytes) upload->header_checked = true;
  if (upload->header_checked || upload->offset_bytes == 0) co_return std::vector<std::byte>();
  auto work = [path = files_.part_path(upload->record.sha256),
               size = upload->offset_bytes]() -> Result<std::vector<std::byte>> {
    auto file = open_file(path, O_RDONLY);
    if (!file) return file.error();
    std::vector<std::byte> bytes(size);
    const auto count = read_fully(file->get(), bytes);
    if (!count) return count.error();
    bytes.resize(*count);
    return bytes;
  };
  auto bytes = co_await run_blocking(pool_, std::move(work));
  if (!bytes) co_return ErrorResponse(bytes.error());
  co_return std::move(*bytes);
}

Uploads::Answer<std::size_t> Uploads::write_part(Handle upload, std::shared_ptr<FileDescriptor> file,
                                                 std::vector<std::byte> bytes) {
  const std::uint64_t turn = upload->turn;
  const std::size_t size = bytes.size();
  auto hash = std::make_shared<std::optional<Sha256>>(std::exchange(upload->hash, std::nullopt));
  auto shared_bytes = std::make_shared<std::vector<std::byte>>(std::move(bytes));
  auto work = [files = files_, sha256 = upload->record.sha256, offset = upload->offset_bytes, file, hash,
               shared_bytes]() -> Result<void> {
    if (!*file) {
      auto opened = files.open_part(sha256);
      if (!opened) return opened.error();
      *file = std::move(*opened);
    }
    if (*hash) (*hash)->update(*shared_bytes);
    return write_at(file->get(), offset, *shared_bytes);
  };
  auto written = co_await run_blocking(pool_, std::move(work));
  // A newer append() started from the old offset, without the hash.
  if (upload->turn != turn) co_return size;
  if (!written) co_return ErrorResponse(written.error());
  upload->hash = std::move(*hash);
  upload->offset_bytes += size;
  co_return size;
}

// ---- the end ----

Uploads::Answer<Uploads::Progress> Uploads::finish(Handle upload, std::string actor) {
  const store::UploadRecord record = upload->record;
  auto hash = std::make_shared<std::optional<Sha256>>(std::exchange(upload->hash, std::nullopt));
  auto digest = [files = files_, sha256 = record.sha256, hash]() -> Result<std::string> {
    if (*hash) return (*hash)->finish_hex();
    return sha256_of_file(files.part_path(sha256));
  };
  const auto actual = co_await run_blocking(pool_, std::move(digest));
  if (!actual) co_return ErrorResponse(actual.error());
  if (*actual != record.sha256) {
    co_await drop(upload);
    co_return ErrorResponse(
        400,
        "the file's SHA-256 is " + *actual +
            ", not the announced one: it was damaged on its way or changed meanwhile; upload it again",
        "checksum");
  }
  upload->verified = true;
  if (record.kind == store::UploadKind::model_file) co_return co_await keep_file(upload);
  ApiResult<Progress> registered;
  if (record.kind == store::UploadKind::model) {
    registered = co_await add_single_model(record, std::move(actor));
  } else {
    registered = co_await register_engine(record, true, std::move(actor));
  }
  if (!registered) {
    upload->verified = false;
    if (registered.error().status == 400) co_await drop(upload);
    co_return registered;
  }
  if (record.kind == store::UploadKind::model) {
    // Another upload of the same file was faster.
    if (uploads_.contains(record.sha256)) co_await drop(upload);
    co_return registered;
  }
  uploads_.erase(record.sha256);
  const auto removed = co_await store_.remove_upload(record.sha256);
  if (!removed) log().warn("upload {}: {}", record.sha256, removed.error().detail);
  co_return registered;
}

Uploads::Answer<Uploads::Progress> Uploads::register_engine(store::UploadRecord record, bool is_part,
                                                            std::string actor) {
  const std::string sha256 = record.sha256;
  std::optional<Guard> guard(std::in_place, registering_, sha256);
  auto added = co_await add_engine(std::move(record), is_part, std::move(actor));
  guard.reset();
  // The last one that had the file may have been removed meanwhile.
  if (!added) co_await discard_blob(sha256);
  co_return added;
}

Uploads::Answer<Uploads::Progress> Uploads::add_engine(store::UploadRecord record, bool is_part, std::string actor) {
  struct Facts {
    std::uint64_t size_bytes = 0;
    EngineManifest manifest;
  };
  auto inspect = [files = files_, record, is_part]() -> Result<Facts> {
    const auto path = is_part ? files.part_path(record.sha256) : files.blob_path(record.sha256);
    Facts facts;
    facts.size_bytes = (is_part ? files.part_bytes(record.sha256) : files.blob_bytes(record.sha256)).value_or(0);
    auto manifest = read_engine_manifest(path);
    if (!manifest) return manifest.error();
    facts.manifest = std::move(*manifest);
    return facts;
  };
  const auto facts = co_await run_blocking(pool_, std::move(inspect));
  if (!facts) co_return not_that(record, facts.error());
  if (facts->size_bytes != record.size_bytes) {
    co_return ErrorResponse(400, "the file with this SHA-256 has " + std::to_string(facts->size_bytes) + " bytes",
                            "wrong_size", "size_bytes");
  }
  if (is_part) {
    auto move = [files = files_, sha256 = record.sha256] { return files.part_to_blob(sha256); };
    const auto moved = co_await run_blocking(pool_, std::move(move));
    if (!moved) co_return ErrorResponse(moved.error());
  }
  EngineRecord engine;
  engine.bundle.sha256 = record.sha256;
  engine.bundle.name = record.name;
  engine.bundle.size_bytes = record.size_bytes;
  engine.bundle.target = facts->manifest.target;
  engine.version = facts->manifest.version;
  engine.flavour = facts->manifest.flavour;
  engine.created_at = clock_.system_now();
  const auto stored = co_await put_engine(std::move(engine), std::move(actor));
  if (stored) {
    log().info("added engine {} ({} bytes, {})", record.name, record.size_bytes, record.sha256);
    co_return complete_progress(record.size_bytes);
  }
  if (is_part && !is_registered(record.sha256)) {
    auto move_back = [files = files_, sha256 = record.sha256] { return files.blob_to_part(sha256); };
    const auto moved = co_await run_blocking(pool_, std::move(move_back));
    if (!moved) log().error("upload {}: {}", record.sha256, moved.error().detail);
  }
  co_return ErrorResponse(stored.error());
}

Pending<> Uploads::put_engine(EngineRecord engine, std::string actor) {
  const nlohmann::json detail{
      {"name", engine.bundle.name}, {"target", engine.bundle.target}, {"flavour", engine.flavour}};
  AuditLog::Act act{std::move(actor), "engine.add", engine.bundle.sha256,
                    detail.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
  std::function<Pending<>()> put = [&] { return engines_.put(engine); };
  co_return co_await audit_.perform(std::move(act), std::move(put));
}

asio::awaitable<void> Uploads::discard_blob(std::string sha256) {
  if (is_registered(sha256) || registering_.contains(sha256) || !discarding_.insert(sha256).second) co_return;
  auto work = [files = files_, sha256] {
    files.remove_blob(sha256);
    return true;
  };
  (void)co_await run_blocking(pool_, std::move(work));
  discarding_.erase(sha256);
}

}  // namespace gogrid::coordinator
