// The coordinator's data directory: the authority and its key, the database, blobs; made by `init`, opened by `serve`.
// Blocking, start-up only.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/result.hpp"
#include "net/pki.hpp"

namespace gogrid::coordinator {

class DataDir {
 public:
  // `store_url` is the setting store.url.
  explicit DataDir(std::filesystem::path path, std::string store_url = {})
      : path_(std::move(path)), store_url_(std::move(store_url)) {}

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config_file() const { return path_ / "coordinator.toml"; }
  std::filesystem::path authority_file() const { return path_ / "ca.pem"; }
  std::filesystem::path authority_key_file() const { return path_ / "ca.key"; }
  std::filesystem::path database_file() const { return path_ / "gogrid.db"; }
  // What the secrets that webhooks are signed with are derived from; made when it is first needed.
  std::filesystem::path webhook_key_file() const { return path_ / "webhook.key"; }

  // Makes everything and the first admin key, which is returned. `conflict` when it was done before, or when something
  // is in the way. What was made is removed again on failure, and by the next call when the process died. `names` and
  // the store's URL go into coordinator.toml, if there is none.
  Result<std::string> initialise(const std::vector<std::string>& names, const Clock& clock) const;
  // Makes an API key without a coordinator, which must not run: for who has lost the last one.
  Result<std::string> create_key(std::vector<std::string> scopes, const Clock& clock) const;

  // Takes the directory for this process for as long as the descriptor lives; `conflict` when another one has it,
  // not_found when it was not initialised.
  Result<FileDescriptor> lock() const;
  // The same for a directory that need not be initialised, nor be there.
  Result<FileDescriptor> make_and_take() const;
  Result<net::pki::KeyAndCertificate> load_authority() const;

 private:
  Result<FileDescriptor> take() const;
  // Where an initialise() left off; nothing of it is of use.
  std::filesystem::path unfinished_file() const { return path_ / "init.unfinished"; }
  void clear_unfinished() const;
  std::string config_text(const std::vector<std::string>& names) const;
  Result<void> check_config(const std::vector<std::string>& names) const;
  // No other coordinator's keys are in a database that is not in this directory.
  Result<void> check_store() const;
  Result<std::string> fill(const std::vector<std::string>& names, const Clock& clock) const;

  std::filesystem::path path_;
  std::string store_url_;
};

// Why a data directory cannot be read or written, with what to do about it.
Error unusable_data_dir(const Error& error);

}  // namespace gogrid::coordinator
