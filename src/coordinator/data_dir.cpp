#include "coordinator/data_dir.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/task_group.hpp"
#include "coordinator/audit.hpp"
#include "coordinator/blob_store.hpp"
#include "coordinator/keys.hpp"
#include "store/open_store.hpp"
#include "store/where.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace {

constexpr auto authority_lifetime = std::chrono::hours(24 * 3650);
constexpr std::size_t max_pem_bytes = 64 * 1024;
constexpr mode_t private_directory = 0700;
constexpr mode_t private_file = 0600;
constexpr mode_t public_file = 0644;

std::string names_line(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names)
    list += (list.empty() ? "\"" : ", \"") + name + "\"";
  return "names = [" + list + "]";
}

// Makes the key and writes down that it was made, here on this machine.
store::Pending<std::string> create_local_key(store::Store& store, std::vector<std::string> scopes, const Clock& clock) {
  KeyRing keys(store, clock);
  AuditLog audit(store, clock);
  const KeyRing::Created created = keys.make("admin", std::move(scopes), std::nullopt);
  const nlohmann::json detail{{"name", created.record.name}, {"scopes", created.record.scopes}};
  AuditLog::Act act{std::string(local_actor), "key.create", created.record.id, detail.dump()};
  std::function<store::Pending<>()> add = [&] { return keys.add(created.record); };
  const auto added = co_await audit.perform(std::move(act), std::move(add));
  if (!added) co_return added.error();
  co_return created.key;
}

Result<std::string> add_key(const std::string& store_url, const fs::path& data_dir, std::vector<std::string> scopes,
                            const Clock& clock) {
  asio::io_context context(1);
  auto database = store::open_store(store_url, data_dir);
  if (!database) return database.error();
  Result<std::string> outcome = Error(ErrorCode::internal, "the key was not made");
  TaskGroup tasks(context.get_executor());
  const auto create = [&]() -> asio::awaitable<void> {
    outcome = co_await create_local_key(**database, std::move(scopes), clock);
  };
  tasks.spawn("create a key", create());
  context.run();
  return outcome;
}

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

}  // namespace

Error unusable_data_dir(const Error& error) {
  return Error(error.code, error.detail + "; change the data directory's owner, or choose another --data-dir");
}

Result<std::string> DataDir::initialise(const std::vector<std::string>& names, const Clock& clock) const {
  for (const std::string& name : names) {
    if (auto good = net::pki::check_host(name); !good)
      return Error(good.error().code, "--name: " + good.error().detail);
  }
  const auto lock = make_and_take();
  if (!lock) return lock.error();
  if (is_there(authority_file())) {
    return Error(ErrorCode::conflict,
                 path_.string() +
                     " is initialised already: start it with `gogrid-coordinator serve`, or choose another --data-dir");
  }
  if (auto good = check_config(names); !good) return good.error();
  if (is_there(unfinished_file())) {
    clear_unfinished();
  } else if (is_there(authority_key_file()) || is_there(database_file())) {
    return Error(ErrorCode::conflict, path_.string() +
                                          " holds a coordinator's ca.key or gogrid.db, but not its ca.pem: put that "
                                          "back from a backup, or choose another --data-dir");
  } else if (auto unused = check_store(); !unused) {
    return unused.error();
  }
  auto key = fill(names, clock);
  if (!key) clear_unfinished();
  std::error_code ignored;
  fs::remove(unfinished_file(), ignored);
  return key;
}

void DataDir::clear_unfinished() const {
  for (const char* file : {"ca.pem", "ca.key", "gogrid.db", "gogrid.db-wal", "gogrid.db-shm"}) {
    std::error_code ignored;
    fs::remove(path_ / file, ignored);
  }
}

std::string DataDir::config_text(const std::vector<std::string>& names) const {
  std::string text = "# Settings of gogrid-coordinator; `gogrid-coordinator serve --help` lists them all.\n";
  if (!names.empty()) text += "\n[server]\n" + names_line(names) + "\n";
  // A literal string of TOML, which has no escapes: a URL has no quotes.
  if (!store_url_.empty()) text += "\n[store]\nurl = '" + store_url_ + "'\n";
  return text;
}

Result<void> DataDir::check_store() const {
  if (auto known = store::check_url(store_url_); !known) return known;
  if (store::is_sqlite(store_url_)) return {};
  const auto store = store::open_store(store_url_, path_);
  if (!store) return store.error();
  asio::io_context context(1);
  Result<std::vector<store::KeyRecord>> keys;
  asio::co_spawn(context, (*store)->list_keys(),
                 [&](std::exception_ptr, Result<std::vector<store::KeyRecord>> result) { keys = std::move(result); });
  context.run();
  if (!keys) return keys.error();
  if (keys->empty()) return {};
  return Error(ErrorCode::conflict,
               "the database holds a coordinator's keys, whose ca.pem and ca.key are not here: restore them from a "
               "backup, or use another database");
}

Result<void> DataDir::check_config(const std::vector<std::string>& names) const {
  constexpr std::size_t max_config_bytes = 1024 * 1024;
  if (names.empty() || !is_there(config_file())) return {};
  const auto text = read_file(config_file(), max_config_bytes);
  if (text && *text == config_text(names)) return {};
  return Error(ErrorCode::conflict, config_file().string() + " is there already: put " + names_line(names) +
                                        " under [server] in it, and run init again without --name");
}

Result<std::string> DataDir::fill(const std::vector<std::string>& names, const Clock& clock) const {
  if (auto written = write_file_atomically(unfinished_file(), "", private_file); !written) return written.error();
  if (auto made = BlobStore(path_).prepare(); !made) return made.error();
  const auto authority = net::pki::create_authority("GoGrid authority", clock.system_now(), authority_lifetime);
  if (!authority) return authority.error();
  if (auto written = write_file_atomically(authority_key_file(), authority->private_key, private_file); !written)
    return written.error();
  auto key = add_key(store_url_, path_,
                     {std::string(to_string(Scope::inference)), std::string(to_string(Scope::admin))}, clock);
  if (!key) return key;
  if (!is_there(config_file())) {
    if (auto written = write_file_atomically(config_file(), config_text(names), private_file); !written)
      return written.error();
  }
  // The last one: with it the directory is initialised.
  if (auto written = write_file_atomically(authority_file(), authority->certificate, public_file); !written)
    return written.error();
  return key;
}

Result<std::string> DataDir::create_key(std::vector<std::string> scopes, const Clock& clock) const {
  const auto held = lock();
  if (!held) return held.error();
  return add_key(store_url_, path_, std::move(scopes), clock);
}

Result<FileDescriptor> DataDir::lock() const {
  if (!is_there(authority_file())) {
    return Error(
        ErrorCode::not_found,
        path_.string() + " is not initialised: run `gogrid-coordinator init --data-dir " + path_.string() + "` first");
  }
  auto held = take();
  // Left by an init that died at its very end; one that finds it would begin anew.
  std::error_code ignored;
  if (held) fs::remove(unfinished_file(), ignored);
  return held;
}

Result<FileDescriptor> DataDir::make_and_take() const {
  if (auto made = make_directories(path_, private_directory); !made) return unusable_data_dir(made.error());
  if (::chmod(path_.c_str(), private_directory) != 0)
    return unusable_data_dir(system_error("cannot set the mode of " + path_.string(), errno));
  return take();
}

Result<FileDescriptor> DataDir::take() const {
  auto file = open_file(path_ / "lock", O_RDWR | O_CREAT, private_file);
  if (!file) return unusable_data_dir(file.error());
  if (::flock(file->get(), LOCK_EX | LOCK_NB) != 0) {
    return Error(ErrorCode::conflict,
                 "another gogrid-coordinator uses " + path_.string() + ": stop it first, or choose another --data-dir");
  }
  return file;
}

Result<net::pki::KeyAndCertificate> DataDir::load_authority() const {
  auto certificate = read_file(authority_file(), max_pem_bytes);
  if (!certificate) return certificate.error();
  auto key = read_file(authority_key_file(), max_pem_bytes);
  if (!key) return key.error();
  if (auto pair = net::pki::check_pair(*certificate, *key); !pair) {
    return Error(pair.error().code,
                 authority_file().string() + " and ca.key do not belong together: " + pair.error().detail);
  }
  net::pki::KeyAndCertificate authority;
  authority.certificate = std::move(*certificate);
  authority.private_key = std::move(*key);
  return authority;
}

}  // namespace gogrid::coordinator
