// Backups of a coordinator: its store as one file, its authority, settings and files, in a directory or a tar file.
// Blocking; for commands on the coordinator's own machine.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"
#include "coordinator/data_dir.hpp"

namespace gogrid::coordinator {

// What is copied while the coordinator runs: the store first, so that every file it knows is there. `to` must not
// exist; it is a tar file if its name ends with ".tar", else a directory. Complete, or not there.
Result<void> back_up(const DataDir& data_dir, const std::string& store_url, const std::filesystem::path& to,
                     bool with_blobs);

// A backup that is open to be read: itself, or what was unpacked of a tar file and goes with this.
class Backup {
 public:
  // invalid_argument for what is none. A tar file is unpacked beside `data_dir`.
  static Result<Backup> open(const std::filesystem::path& from, const std::filesystem::path& data_dir);
  ~Backup();
  Backup(Backup&& other) noexcept;
  Backup& operator=(Backup&&) = delete;

  const std::filesystem::path& directory() const { return directory_; }
  std::filesystem::path config_file() const { return directory_ / "coordinator.toml"; }

 private:
  explicit Backup(std::filesystem::path directory) : directory_(std::move(directory)) {}

  std::filesystem::path directory_;
  bool unpacked_ = false;
};

// Makes `data_dir` and the store at `store_url` what they were when the backup was made; conflict when either holds
// something already, unless `replace`. No coordinator may run. Interrupted, it leaves a data directory that does not
// start, and can be run again. The restored audit log ends with it.
Result<void> restore(const Backup& backup, const DataDir& data_dir, const std::string& store_url, bool replace,
                     const Clock& clock);

// What is wrong with the files of models and engines, one line for a person each: missing, of another length, and with
// `hash` of another content. The coordinator may run.
Result<std::vector<std::string>> check_blobs(const DataDir& data_dir, const std::string& store_url, bool hash);

}  // namespace gogrid::coordinator
