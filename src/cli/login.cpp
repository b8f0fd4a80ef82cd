// gogrid login | logout
#include <spdlog/fmt/fmt.h>
#include <CLI/CLI.hpp>

#include <algorithm>

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/utf8.hpp"
#include "cli/commands.hpp"
#include "cli/formatter/json.hpp"
#include "cli/formatter/text.hpp"
#include "client/trust.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

constexpr std::size_t pin_digits = 64;

Error not_trusted(const client::ServerAddress& server) {
  return Error(ErrorCode::unauthenticated,
               "the certificate of " + server.url() +
                   " is signed by an authority that this machine does not know; give the coordinator's ca.pem "
                   "with --ca FILE, or the authority's pin with --pin HEX");
}

std::string in_groups(const std::string& hex) {
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 8)
    out += (i == 0 ? "" : " ") + hex.substr(i, 8);
  return out;
}

// A key goes into a header line.
Result<std::string> checked_key(std::string key) {
  while (!key.empty() && (key.back() == ' ' || key.back() == '\r' || key.back() == '\t'))
    key.pop_back();
  key.erase(0, key.find_first_not_of(" \t"));
  if (key.empty())
    return Error(ErrorCode::invalid_argument,
                 "no API key was given; 'gogrid-coordinator init' shows the first, 'gogrid key create' makes more");
  constexpr std::size_t longest = 1024;
  const bool plain = std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!plain || key.size() > longest)
    return Error(ErrorCode::invalid_argument, "this is not an API key; one looks like gg_0123456789abcdef_…");
  return key;
}

class Login final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("login", "Remember a coordinator and your key for it");
    app->add_option("coordinator", url_, "Its URL, https://grid:8443, or just its name; asked for if left out")
        ->type_name("URL");
    app->add_option("--pin", pin_,
                    "The pin of the coordinator's authority: SHA-256 of its public key, 64 hexadecimal digits")
        ->type_name("HEX");
    app->footer(
        "The key is asked for, or read from standard input; it is never an argument, where other users of the machine "
        "would see it.\n"
        "A coordinator has its own certificate authority. Give its ca.pem with --ca, or its pin with --pin, or compare "
        "the pin that\n"
        "is shown and say yes. What you logged in to is kept in ~/.config/gogrid/config.toml, readable by you "
        "alone.\n\n"
        "Examples:\n  gogrid login https://grid:8443 --ca ca.pem\n  gogrid login grid < key.txt --pin 5f2c…\n  gogrid "
        "login");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto server = find_server(context);
    if (!server) co_return server.error();
    auto authorities = co_await find_authorities(context, *server);
    if (!authorities) co_return authorities.error();
    auto entered = context.terminal().read_secret("API key: ");
    if (!entered) co_return entered.error();
    auto key = checked_key(std::move(*entered));
    if (!key) co_return key.error();

    client::ClientOptions options;
    options.server = *server;
    options.api_key = *key;
    options.trusted_ca = *authorities;
    client::CoordinatorClient client(context.executor(), std::move(options));
    const auto allowed = co_await verify(client);
    if (!client.reached()) context.mark_unreached();
    if (!allowed) co_return allowed.error();
    if (const auto saved = save(context, *server, *key, *authorities); !saved) co_return saved.error();
    print(context, json_object("url", server->url()), "Logged in to " + server->url() + *allowed + ".\n");
    co_return Result<void>();
  }

 private:
  Result<client::ServerAddress> find_server(Context& context) {
    if (url_.empty()) url_ = context.options().url;
    if (url_.empty() && context.terminal().input_is_terminal()) {
      const auto known = context.settings();
      const std::string usual = known ? known->url : "";
      const Terminal::Line line =
          context.terminal().read_line("Coordinator" + (usual.empty() ? "" : " [" + usual + "]") + ": ", false);
      if (line.kind != Terminal::Line::Kind::text) return Error(ErrorCode::cancelled, "");
      url_ = line.text.empty() ? usual : line.text;
    }
    if (url_.empty()) return context.wrong_usage("which coordinator? Say: gogrid login https://grid:8443");
    auto server = client::parse_server_url(url_);
    if (!server) return context.wrong_usage(server.error().detail);
    return server;
  }

  // The PEM authorities to trust from now on; empty: the system's do.
  asio::awaitable<Result<std::string>> find_authorities(Context& context, client::ServerAddress server) {
    if (!pin_.empty()) co_return co_await pinned_authority(context, server);
    std::string authorities;
    std::string ca_path = context.options().ca_path;
    if (ca_path.empty()) {
      const char* from_environment = context.environment()("GOGRID_CA");
      ca_path = from_environment ? from_environment : "";
    }
    if (!ca_path.empty()) {
      auto read = read_ca_file(ca_path);
      if (!read) co_return read.error();
      authorities = std::move(*read);
    }
    const auto trusted = co_await check_trust(context, server, authorities);
    if (!trusted) co_return trusted.error();
    if (*trusted) co_return authorities;
    if (!ca_path.empty()) {
      context.mark_unreached();
      co_return Error(ErrorCode::unauthenticated, "the authority in " + ca_path + " did not sign the certificate of " +
                                                      server.url() +
                                                      " for that name; is this the right ca.pem, and the right name?");
    }
    co_return co_await ask_for_trust(context, server);
  }

  static asio::awaitable<Result<bool>> check_trust(Context& context, client::ServerAddress server,
                                                   std::string authorities) {
    auto trusted = co_await client::is_trusted(context.executor(), std::move(server), std::move(authorities));
    if (!trusted) context.mark_unreached();
    co_return trusted;
  }

  asio::awaitable<Result<std::string>> pinned_authority(Context& context, client::ServerAddress server) {
    std::erase_if(pin_, [](char c) { return c == ':' || c == ' '; });
    std::transform(pin_.begin(), pin_.end(), pin_.begin(),
                   [](char c) { return c >= 'A' && c <= 'F' ? char(c + 32) : c; });
    if (pin_.size() != pin_digits || !from_hex(pin_)) {
      co_return context.wrong_usage("--pin must be 64 hexadecimal digits, the SHA-256 of the authority's public key");
    }
    const auto authority = co_await client::fetch_authority(context.executor(), server, pin_);
    if (!authority) context.mark_unreached();
    if (!authority) co_return authority.error();
    co_return co_await certify(context, std::move(server), authority->certificate);
  }

  asio::awaitable<Result<std::string>> ask_for_trust(Context& context, client::ServerAddress server) {
    Terminal& terminal = context.terminal();
    if (!terminal.input_is_terminal()) {
      context.mark_unreached();
      co_return not_trusted(server);
    }
    const auto authority = co_await client::fetch_authority(context.executor(), server, "");
    if (!authority) context.mark_unreached();
    if (!authority) co_return authority.error();
    terminal.error(
        fmt::format("This machine does not know the authority that signed the certificate of {}:\n\n"
                    "  Name:     {}\n  Expires:  {}\n  Pin:      {}\n\n"
                    "The pin must be the one at the end of the coordinator's join tokens, or that of its ca.pem.\n",
                    server.url(), printable(authority->common_name), format_time(authority->expires_at),
                    in_groups(authority->pin)));
    if (!confirm(terminal, "Trust it?", false)) {
      context.mark_unreached();
      co_return Error(ErrorCode::unauthenticated, "the authority was not trusted; nothing was stored");
    }
    co_return co_await certify(context, std::move(server), authority->certificate);
  }

  // That the authority does vouch for the server under the name it was given.
  static asio::awaitable<Result<std::string>> certify(Context& context, client::ServerAddress server,
                                                      std::string certificate) {
    const auto trusted = co_await check_trust(context, server, certificate);
    if (!trusted) co_return trusted.error();
    if (*trusted) co_return certificate;
    context.mark_unreached();
    co_return Error(ErrorCode::unauthenticated,
                    "the certificate of " + server.url() + " is not valid for the name " + server.host +
                        "; use one of its own names, or add this one to server.names in coordinator.toml");
  }

  // Words about what the key allows, to be added to "Logged in".
  static asio::awaitable<Result<std::string>> verify(client::CoordinatorClient& client) {
    const auto status = co_await client.status();
    if (status)
      co_return fmt::format(" ({} of {} workers connected)", status->value.workers_connected,
                            status->value.workers_total);
    if (status.error().code != ErrorCode::permission_denied) co_return status.error();
    const auto models = co_await client.served_models();
    if (!models) co_return models.error();
    co_return " (the key may ask models, and not administer)";
  }

  static Result<void> save(Context& context, const client::ServerAddress& server, const std::string& key,
                           const std::string& authorities) {
    const std::filesystem::path directory = config_directory(context.environment());
    Settings settings;
    settings.url = server.url();
    settings.api_key = key;
    if (!authorities.empty()) {
      // A copy: the file it came from may go.
      settings.ca_path = directory / "ca.pem";
      if (const auto made = make_directories(directory); !made) return made.error();
      if (const auto written = write_file_atomically(settings.ca_path, authorities, 0644); !written)
        return written.error();
    }
    return save_settings(context.environment(), settings);
  }

  std::string url_;
  std::string pin_;
};

class Logout final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("logout", "Forget the coordinator and the key");
    app->footer("The key itself stays valid; 'gogrid key revoke' ends that.\n\nExamples:\n  gogrid logout");
    return app;
  }

  bool has_common_options() const override { return false; }

  asio::awaitable<Result<void>> run(Context& context) override {
    const std::filesystem::path directory = config_directory(context.environment());
    bool removed = false;
    for (const char* name : {"config.toml", "ca.pem"}) {
      std::error_code failure;
      removed = std::filesystem::remove(directory / name, failure) || removed;
      if (failure) co_return Error(ErrorCode::io, "removing " + (directory / name).string() + ": " + failure.message());
    }
    context.terminal().out(removed ? "Logged out.\n" : "You were not logged in.\n");
    const char* key = context.environment()("GOGRID_API_KEY");
    if (key && *key) context.terminal().error("gogrid: GOGRID_API_KEY is still set in this shell\n");
    co_return Result<void>();
  }
};

}  // namespace

CommandPtr make_login() { return std::make_unique<Login>(); }
CommandPtr make_logout() { return std::make_unique<Logout>(); }

}  // namespace gogrid::cli
