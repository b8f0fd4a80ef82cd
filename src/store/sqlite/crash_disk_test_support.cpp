#include "store/sqlite/crash_disk_test_support.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/encoding.hpp"

namespace gogrid::store::test {
namespace {

constexpr std::size_t sector = 512;

}  // namespace

// What SQLite keeps of an open file; it allocates it itself.
struct CrashDisk::Handle {
  sqlite3_file base;
  CrashDisk* disk;
  std::shared_ptr<File>* file;
};

// The functions SQLite calls.
struct CrashDisk::Methods {
  static Handle& handle(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }
  static CrashDisk& disk(sqlite3_vfs* vfs) { return *static_cast<CrashDisk*>(vfs->pAppData); }

  static int close(sqlite3_file* file) {
    delete handle(file).file;
    return SQLITE_OK;
  }
  static int read(sqlite3_file* file, void* to, int count, sqlite3_int64 at) {
    Handle& its = handle(file);
    const std::lock_guard lock(its.disk->mutex_);
    const std::string& content = (*its.file)->content;
    std::memset(to, 0, static_cast<std::size_t>(count));
    if (at >= static_cast<sqlite3_int64>(content.size())) return SQLITE_IOERR_SHORT_READ;
    const std::size_t there =
        std::min<std::size_t>(content.size() - static_cast<std::size_t>(at), static_cast<std::size_t>(count));
    std::memcpy(to, content.data() + at, there);
    return there == static_cast<std::size_t>(count) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
  }
  static int write(sqlite3_file* file, const void* from, int count, sqlite3_int64 at) {
    Step step;
    step.at = at;
    step.bytes.emplace(static_cast<const char*>(from), static_cast<std::size_t>(count));
    return take(file, std::move(step));
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    Step step;
    step.at = size;
    return take(file, std::move(step));
  }
  static int take(sqlite3_file* file, Step step) {
    Handle& its = handle(file);
    {
      const std::lock_guard lock(its.disk->mutex_);
      if (its.disk->write_fault_ != SQLITE_OK) return its.disk->write_fault_;
      apply((*its.file)->content, step);
      (*its.file)->since.push_back(std::move(step));
    }
    its.disk->changed();
    return SQLITE_OK;
  }
  static int sync(sqlite3_file* file, int) {
    Handle& its = handle(file);
    {
      const std::lock_guard lock(its.disk->mutex_);
      if (its.disk->write_fault_ != SQLITE_OK) return SQLITE_IOERR_FSYNC;
      if (its.disk->sync_fault_ != SQLITE_OK) return its.disk->sync_fault_;
      File& synced = **its.file;
      synced.synced = synced.content;
      synced.since.clear();
      // SQLite's own file system syncs the directory with the first sync of a new journal or log, which makes removals
      // last too; our connection does with a new database.
      if (!std::exchange(synced.name_synced, true) && synced.is_log)
        std::erase_if(its.disk->files_, [](const auto& entry) { return entry.second->removed; });
    }
    its.disk->changed();
    return SQLITE_OK;
  }
  static int size(sqlite3_file* file, sqlite3_int64* bytes) {
    Handle& its = handle(file);
    const std::lock_guard lock(its.disk->mutex_);
    *bytes = static_cast<sqlite3_int64>((*its.file)->content.size());
    return SQLITE_OK;
  }
  // There is one connection: nobody to lock out.
  static int lock(sqlite3_file*, int) { return SQLITE_OK; }
  static int unlock(sqlite3_file*, int) { return SQLITE_OK; }
  static int check_lock(sqlite3_file*, int* held) {
    *held = 0;
    return SQLITE_OK;
  }
  static int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int sector_size(sqlite3_file*) { return sector; }
  static int characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }
  static int map_memory(sqlite3_file* file, int region, int bytes, int, void volatile** memory) {
    Handle& its = handle(file);
    const std::lock_guard lock(its.disk->mutex_);
    auto& regions = (*its.file)->regions;
    while (regions.size() <= static_cast<std::size_t>(region))
      regions.push_back(std::make_unique<std::string>(static_cast<std::size_t>(bytes), '\0'));
    *memory = regions[static_cast<std::size_t>(region)]->data();
    return SQLITE_OK;
  }
  static int lock_memory(sqlite3_file*, int, int, int) { return SQLITE_OK; }
  static void barrier(sqlite3_file*) {}
  static int unmap_memory(sqlite3_file* file, int remove) {
    if (remove != 0) (*handle(file).file)->regions.clear();
    return SQLITE_OK;
  }

  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags);
  static int remove(sqlite3_vfs* vfs, const char* name, int sync_directory) {
    CrashDisk& its = disk(vfs);
    {
      const std::lock_guard lock(its.mutex_);
      const auto found = its.files_.find(name);
      if (found == its.files_.end()) return SQLITE_IOERR_DELETE_NOENT;
      if (its.write_fault_ != SQLITE_OK) return SQLITE_IOERR_DELETE;
      found->second->removed = true;
      if (sync_directory != 0) its.files_.erase(found);
    }
    its.changed();
    return SQLITE_OK;
  }
  static int access(sqlite3_vfs* vfs, const char* name, int, int* answer) {
    CrashDisk& its = disk(vfs);
    const std::lock_guard lock(its.mutex_);
    const auto found = its.files_.find(name);
    *answer = found != its.files_.end() && !found->second->removed ? 1 : 0;
    return SQLITE_OK;
  }
  static int full_name(sqlite3_vfs*, const char* name, int bytes, char* full) {
    sqlite3_snprintf(bytes, full, "%s", name);
    return SQLITE_OK;
  }
};

int CrashDisk::Methods::open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  static constexpr sqlite3_io_methods methods = {
      2,          close,   read,        write,           truncate,   sync,        size,    lock,         unlock,
      check_lock, control, sector_size, characteristics, map_memory, lock_memory, barrier, unmap_memory, nullptr,
      nullptr};
  CrashDisk& its = disk(vfs);
  Handle& opened = handle(file);
  const std::lock_guard lock(its.mutex_);
  std::shared_ptr<File> there;
  // A file without a name is SQLite's own scratch paper.
  if (name) {
    if (const auto found = its.files_.find(name); found != its.files_.end() && !found->second->removed)
      there = found->second;
  }
  if (!there) {
    if ((flags & SQLITE_OPEN_CREATE) == 0) {
      opened.base.pMethods = nullptr;
      return SQLITE_CANTOPEN;
    }
    there = std::make_shared<File>();
    there->is_log = (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)) != 0;
    if (name) its.files_[name] = there;
  }
  opened.base.pMethods = &methods;
  opened.disk = &its;
  opened.file = new std::shared_ptr<File>(there);
  if (out_flags) *out_flags = flags;
  return SQLITE_OK;
}

CrashDisk::CrashDisk() : name_("crash-" + to_hex(as_bytes(random_bytes(6)))), system_(std::make_unique<sqlite3_vfs>()) {
  // Time, randomness and the like are the default's.
  *system_ = *sqlite3_vfs_find(nullptr);
  system_->szOsFile = sizeof(Handle);
  system_->pNext = nullptr;
  system_->zName = name_.c_str();
  system_->pAppData = this;
  system_->xOpen = Methods::open;
  system_->xDelete = Methods::remove;
  system_->xAccess = Methods::access;
  system_->xFullPathname = Methods::full_name;
  sqlite3_vfs_register(system_.get(), 0);
}

CrashDisk::~CrashDisk() { sqlite3_vfs_unregister(system_.get()); }

void CrashDisk::apply(std::string& content, const Step& step) {
  const auto at = static_cast<std::size_t>(step.at);
  if (!step.bytes) {
    if (at < content.size()) content.resize(at);
    return;
  }
  content.resize(std::max(content.size(), at + step.bytes->size()));
  content.replace(at, step.bytes->size(), *step.bytes);
}

void CrashDisk::changed() {
  if (on_change) on_change();
}

std::string CrashDisk::left_of(const File& file, std::mt19937& random) {
  std::string content = file.synced;
  // Some disks lose nearly nothing, some nearly everything.
  std::discrete_distribution<int> fate({std::uniform_real_distribution(0.0, 1.0)(random), 0.4, 0.1});
  enum { kept, dropped, torn };
  for (const Step& step : file.since) {
    if (!step.bytes) {
      if (fate(random) == kept) apply(content, step);
      continue;
    }
    for (std::size_t from = 0; from < step.bytes->size();) {
      const std::size_t offset = static_cast<std::size_t>(step.at) + from;
      std::size_t count = std::min(step.bytes->size() - from, sector - offset % sector);
      Step piece;
      piece.at = static_cast<std::int64_t>(offset);
      const int its_fate = fate(random);
      const std::size_t written = its_fate == kept   ? count
                                  : its_fate == torn ? std::uniform_int_distribution<std::size_t>(0, count)(random)
                                                     : 0;
      piece.bytes = step.bytes->substr(from, written);
      if (written > 0) apply(content, piece);
      from += count;
    }
  }
  return content;
}

CrashDisk::Image CrashDisk::cut_power(std::mt19937& random) {
  const std::lock_guard lock(mutex_);
  std::bernoulli_distribution coin;
  Image image;
  for (const auto& [name, file] : files_) {
    const bool is_there = file->removed ? coin(random) : file->name_synced || coin(random);
    if (is_there) image[name] = left_of(*file, random);
  }
  return image;
}

void CrashDisk::write(const Image& image, const std::filesystem::path& directory) {
  for (const auto& [name, content] : image) {
    std::ofstream file(directory / std::filesystem::path(name).filename(), std::ios::binary);
    file << content;
  }
}

void CrashDisk::fail_writes_with(int code) {
  const std::lock_guard lock(mutex_);
  write_fault_ = code;
}

void CrashDisk::fail_syncs_with(int code) {
  const std::lock_guard lock(mutex_);
  sync_fault_ = code;
}

}  // namespace gogrid::store::test
