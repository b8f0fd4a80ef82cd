// CrashDisk: an SQLite file system in memory that knows what was synced and what was not, so that it can show what a
// disk may hold after a power cut, and fails on demand. Safe from any thread; one connection at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

struct sqlite3_file;
struct sqlite3_vfs;

namespace gogrid::store::test {

class CrashDisk {
 public:
  CrashDisk();
  ~CrashDisk();
  CrashDisk(CrashDisk&&) = delete;

  // For SqliteConnection::Options.
  const char* vfs() const { return name_.c_str(); }

  // Called after every write, sync, truncation and removal, by the thread that made it.
  std::function<void()> on_change;

  // The files as they may be found when the power is cut now: what was synced is there; of each write since then every
  // sector is there, is not, or is torn.
  using Image = std::map<std::string, std::string>;
  Image cut_power(std::mt19937& random);
  static void write(const Image& image, const std::filesystem::path& directory);

  // From now on writing and syncing fail with this SQLite code, SQLITE_FULL for one; SQLITE_OK ends that.
  void fail_writes_with(int code);
  // The same for syncing alone.
  void fail_syncs_with(int code);

 private:
  // One thing that was done to a file since it was synced.
  struct Step {
    std::int64_t at = 0;
    // nullopt: the file was cut off at `at`.
    std::optional<std::string> bytes;
  };
  struct File {
    std::string content;
    std::string synced;
    std::vector<Step> since;
    // Its name has reached the disk, or its removal has not.
    bool name_synced = false;
    bool removed = false;
    bool is_log = false;
    // The shared memory of a write-ahead log.
    std::vector<std::unique_ptr<std::string>> regions;
  };
  struct Handle;
  struct Methods;
  friend struct Methods;

  static void apply(std::string& content, const Step& step);
  static std::string left_of(const File& file, std::mt19937& random);
  void changed();

  const std::string name_;
  std::unique_ptr<sqlite3_vfs> system_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<File>> files_;
  int write_fault_ = 0;
  int sync_fault_ = 0;
};

}  // namespace gogrid::store::test
