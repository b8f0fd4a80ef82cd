// Whatever a server answers, the command line reads it or refuses it, and what it prints cannot steer a terminal.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "cli/formatter/json.hpp"
#include "cli/formatter/views.hpp"
#include "client/chat.hpp"
#include "client/read_json.hpp"

using namespace gogrid;

namespace {

// Line ends, and what printable() leaves of everything else.
void check(const std::string& text) {
  if (cli::printable(text, true) != text) std::abort();
}

template <class T>
void show_list(const std::string& text, const cli::View& view) {
  if (const auto answer = client::read_answer<std::vector<T>>(text)) check(cli::show_list(answer->value, view));
}

template <class T>
void show_one(const std::string& text, const cli::View& view) {
  if (const auto answer = client::read_answer<T>(text)) check(cli::show_one(answer->value, view));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  cli::View view;
  view.now = 1'700'000'000;
  view.width = data[0];
  show_list<client::Worker>(text, view);
  show_list<client::Model>(text, view);
  show_list<client::Engine>(text, view);
  show_list<client::JoinToken>(text, view);
  show_list<client::ApiKey>(text, view);
  show_one<client::Worker>(text, view);
  show_one<client::Model>(text, view);
  if (const auto answer = client::read_answer<client::GridStatus>(text))
    check(cli::show_one(answer->value, "url", view));
  (void)client::read_answer<client::LocalStatus>(text);
  (void)client::error_from_status(400 + data[0], text);
  if (client::parse_object(text)) check(cli::pretty_json(text));
  client::ChatStreamReader reader;
  (void)reader.take(text, [](const client::ChatDelta&) {});
  return 0;
}
