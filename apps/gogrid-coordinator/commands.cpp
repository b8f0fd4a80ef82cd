#include "commands.hpp"

#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "coordinator/backup.hpp"
#include "coordinator/data_dir.hpp"
#include "store/backup.hpp"

namespace gogrid::coordinator {
namespace fs = std::filesystem;

int fail(const Error& error) {
  std::cerr << "gogrid-coordinator: " << error.detail << "\n";
  return EXIT_FAILURE;
}

namespace {

fs::path data_dir_of(const Flags& flags) {
  if (const auto given = flags.find("--data-dir"); given != flags.end()) return given->second;
  const char* variable = std::getenv("GOGRID_COORDINATOR_SERVER_DATA_DIR");
  return variable ? fs::path(variable) : default_data_dir();
}

fs::path absolute_data_dir(const Flags& flags) {
  std::error_code error;
  return fs::absolute(data_dir_of(flags), error).lexically_normal();
}

// What the commands that work on a store beside `serve` know of it.
struct Place {
  DataDir data_dir;
  std::string store_url;
};

Result<Place> find_place(const Flags& flags, const fs::path& config_file = {}) {
  CoordinatorConfig config;
  if (auto loaded = load_config(config, config_file, flags); !loaded) return loaded.error();
  return Place{DataDir(absolute_data_dir(flags), config.store.url), config.store.url};
}

}  // namespace

Result<void> load_config(CoordinatorConfig& values, const fs::path& config_file, const Flags& flags) {
  values.server.data_dir = data_dir_of(flags);
  Config config(coordinator_settings(values));
  const fs::path file = config_file.empty() ? DataDir(values.server.data_dir).config_file() : config_file;
  auto loaded = config.load_file(file);
  if (!loaded && config_file.empty() && loaded.error().code == ErrorCode::permission_denied)
    return unusable_data_dir(loaded.error());
  if (!loaded && (!config_file.empty() || loaded.error().code != ErrorCode::not_found)) return loaded;
  if (auto environment = config.load_environment(::getenv); !environment) return environment;
  for (const Setting& setting : config.settings()) {
    const auto given = flags.find(setting.flag);
    if (given == flags.end()) continue;
    if (auto set = config.set_flag(setting, given->second); !set) return set;
  }
  return validate(values);
}

int init(const Flags& flags, const std::vector<std::string>& names, bool as_json) {
  const auto place = find_place(flags);
  if (!place) return fail(place.error());
  const DataDir& data_dir = place->data_dir;
  const fs::path& path = data_dir.path();
  const bool has_settings = fs::exists(data_dir.config_file());
  if (flags.contains("--store") && has_settings) {
    return fail(Error(ErrorCode::conflict, data_dir.config_file().string() +
                                               " is there already: put url under [store] in it, and run init again "
                                               "without --store"));
  }
  const RealClock clock;
  const auto key = data_dir.initialise(names, clock);
  if (!key) return fail(key.error());
  if (as_json) {
    const nlohmann::ordered_json answer = {
        {"data_dir", path.string()}, {"authority_path", data_dir.authority_file().string()}, {"admin_key", *key}};
    std::cout << answer.dump(2) << "\n";
    return EXIT_SUCCESS;
  }
  std::cout << "The coordinator's data directory is " << path.string() << "\n"
            << "Clients trust it by this certificate: " << data_dir.authority_file().string() << "\n\n"
            << "The admin key, shown this once:\n\n  " << *key << "\n\n"
            << "Next: gogrid-coordinator serve --data-dir " << path.string() << "\n";
  return EXIT_SUCCESS;
}

int create_key(const Flags& flags, const std::vector<std::string>& scopes, bool as_json) {
  const auto place = find_place(flags);
  if (!place) return fail(place.error());
  const RealClock clock;
  const auto key = place->data_dir.create_key(scopes, clock);
  if (!key) return fail(key.error());
  if (as_json) {
    std::cout << nlohmann::ordered_json{{"key", *key}}.dump(2) << "\n";
  } else {
    std::cout << "The key, shown this once:\n\n  " << *key << "\n";
  }
  return EXIT_SUCCESS;
}

int back_up_to(const Flags& flags, const fs::path& to, bool with_blobs) {
  const auto place = find_place(flags);
  if (!place) return fail(place.error());
  if (auto done = back_up(place->data_dir, place->store_url, to, with_blobs); !done) return fail(done.error());
  std::cout << "The backup is " << to.string() << "\n"
            << "It holds the coordinator's private key: keep it as safe as that.\n";
  return EXIT_SUCCESS;
}

int restore_from(const Flags& flags, const fs::path& from, bool replace) {
  const DataDir data_dir(absolute_data_dir(flags));
  const auto backup = Backup::open(from, data_dir.path());
  if (!backup) return fail(backup.error());
  // The settings that will be in force.
  const bool its_settings = fs::exists(backup->config_file()) && (replace || !fs::exists(data_dir.config_file()));
  const auto place = find_place(flags, its_settings ? backup->config_file() : fs::path());
  if (!place) return fail(place.error());
  const RealClock clock;
  if (auto done = restore(*backup, place->data_dir, place->store_url, replace, clock); !done) return fail(done.error());
  std::cout << "Restored into " << data_dir.path().string() << "\n";
  if (flags.contains("--store")) std::cout << "Set url under [store] in its coordinator.toml to the same store.\n";
  std::cout << "Next: gogrid-coordinator check --data-dir " << data_dir.path().string() << ", then serve\n";
  return EXIT_SUCCESS;
}

int check(const Flags& flags, bool with_blobs, bool as_json) {
  const auto place = find_place(flags);
  if (!place) return fail(place.error());
  auto findings = store::check_store(place->store_url, place->data_dir.path());
  if (!findings) return fail(findings.error());
  // A store that is damaged cannot say which files there should be.
  if (findings->empty()) {
    const auto of_blobs = check_blobs(place->data_dir, place->store_url, with_blobs);
    if (!of_blobs) return fail(of_blobs.error());
    *findings = *of_blobs;
  }
  if (as_json) {
    std::cout << nlohmann::ordered_json{{"findings", *findings}}.dump(2) << "\n";
  } else {
    for (const std::string& finding : *findings)
      std::cout << finding << "\n";
    if (findings->empty()) std::cout << "The store is whole.\n";
  }
  return findings->empty() ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace gogrid::coordinator
