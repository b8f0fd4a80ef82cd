#include "cli/context.hpp"

#include <chrono>
#include <string_view>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "cli/exit_code.hpp"
#include "cli/formatter/json.hpp"
#include "net/pki.hpp"

namespace gogrid::cli {

Context::Context(Terminal& terminal, Environment environment, CommonOptions options,
                 boost::asio::any_io_executor executor, Interrupts& interrupts)
    : terminal_(terminal),
      environment_(std::move(environment)),
      options_(std::move(options)),
      executor_(std::move(executor)),
      interrupts_(interrupts) {}

boost::asio::thread_pool& Context::pool() {
  if (!pool_) pool_ = std::make_unique<boost::asio::thread_pool>(1);
  return *pool_;
}

bool Context::wants_colour(bool is_terminal) const {
  // https://no-color.org: set and not empty.
  const char* no_colour = environment_("NO_COLOR");
  const char* kind = environment_("TERM");
  return is_terminal && !(no_colour && *no_colour) && !(kind && std::string_view(kind) == "dumb");
}

View Context::view() const {
  const bool is_terminal = terminal_.output_is_terminal();
  View view;
  view.now = to_unix_seconds(std::chrono::system_clock::now());
  view.colour = wants_colour(is_terminal);
  view.width = is_terminal ? terminal_.width() : 0;
  return view;
}

bool Context::colour_on_error() const { return wants_colour(terminal_.error_is_terminal()); }

Result<Settings> Context::settings() const {
  auto settings = load_settings(environment_);
  if (!settings) return settings;
  if (!options_.url.empty()) settings->url = options_.url;
  if (!options_.ca_path.empty()) settings->ca_path = options_.ca_path;
  return settings;
}

Result<client::CoordinatorClient*> Context::client() {
  if (client_) return client_.get();
  const auto settings = this->settings();
  if (!settings) return settings.error();
  if (settings->url.empty()) {
    return Error(ErrorCode::unauthenticated,
                 "no coordinator is set: run 'gogrid login URL', or set GOGRID_URL and GOGRID_API_KEY");
  }
  auto address = client::parse_server_url(settings->url);
  if (!address) return options_.url.empty() ? address.error() : wrong_usage(address.error().detail);
  if (settings->api_key.empty()) {
    return Error(ErrorCode::unauthenticated,
                 "no API key is set: run 'gogrid login " + address->url() + "', or set GOGRID_API_KEY");
  }
  client::ClientOptions options;
  options.server = std::move(*address);
  options.api_key = settings->api_key;
  if (!settings->ca_path.empty()) {
    auto authorities = read_ca_file(settings->ca_path);
    if (!authorities) return authorities.error();
    options.trusted_ca = std::move(*authorities);
  }
  client_ = std::make_unique<client::CoordinatorClient>(executor_, std::move(options));
  return client_.get();
}

Error Context::wrong_usage(std::string detail) { return fails_with(ExitCode::usage, std::move(detail)); }

Error Context::fails_with(int exit_code, std::string detail) {
  exit_code_ = exit_code;
  return Error(ErrorCode::invalid_argument, std::move(detail));
}

bool Context::reached() const { return !unreached_ && (!client_ || client_->reached()); }

Result<std::string> read_ca_file(const std::filesystem::path& path) {
  constexpr std::size_t limit_bytes = 4 * 1024 * 1024;
  auto text = read_file(path, limit_bytes);
  // Not `not_found`: that is said of what the coordinator has.
  if (!text) return Error(ErrorCode::invalid_argument, "the CA file: " + text.error().detail);
  if (!net::pki::inspect(*text)) {
    return Error(ErrorCode::invalid_argument, "the CA file " + path.string() + " holds no PEM certificate");
  }
  return text;
}

void print(Context& context, const std::string& json, const std::string& text) {
  context.terminal().out(context.options().json ? pretty_json(json) : text);
}

}  // namespace gogrid::cli
