// Whatever a server answers, the command line reads it or refuses it, and what it prints cannot steer a terminal.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/utf8.hpp"
#include "cli/formatter/json.hpp"
#include "cli/formatter/queue_views.hpp"
#include "cli/formatter/views.hpp"
#include "cli/top_view.hpp"
#include "client/answer_text.hpp"
#include "client/chat.hpp"
#include "client/read_queue_json.hpp"

using namespace gogrid;

namespace {

// Line ends, and what printable() leaves of everything else.
void check(const std::string& text) {
  if (printable(text, true) != text) std::abort();
}

template <class T>
void show_list(const std::string& text, const cli::View& view) {
  if (const auto answer = client::read_answer<std::vector<T>>(text)) check(cli::show_list(answer->value, view));
}

template <class T>
void show_page(const std::string& text, const cli::View& view) {
  if (const auto answer = client::read_answer<client::Page<T>>(text)) check(cli::show_list(answer->value.items, view));
}

void show_usage(const std::string& text, const cli::View& view) {
  const auto answer = client::read_answer<std::vector<client::UsageRow>>(text);
  if (!answer) return;
  for (const auto by : {cli::UsageBy::all, cli::UsageBy::day, cli::UsageBy::key, cli::UsageBy::model})
    check(cli::show_usage(answer->value, by, view));
}

void show_top(const std::string& text, const cli::View& view) {
  cli::TopState state;
  if (auto queue = client::read_answer<client::QueueState>(text)) state.queue = std::move(queue->value);
  if (auto workers = client::read_answer<std::vector<client::Worker>>(text)) state.workers = std::move(workers->value);
  for (const std::string& line : cli::top_lines(state, view, view.width))
    check(line);
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
  show_list<client::Alias>(text, view);
  show_list<client::Engine>(text, view);
  show_list<client::JoinToken>(text, view);
  show_list<client::ApiKey>(text, view);
  show_page<client::Job>(text, view);
  show_page<client::Batch>(text, view);
  show_page<client::StoredFile>(text, view);
  show_page<client::AuditEntry>(text, view);
  show_usage(text, view);
  show_top(text, view);
  show_one<client::Job>(text, view);
  show_one<client::Batch>(text, view);
  show_one<client::Worker>(text, view);
  show_one<client::Model>(text, view);
  if (const auto answer = client::read_answer<client::GridStatus>(text))
    check(cli::show_one(answer->value, "url", view));
  (void)client::read_answer<client::LocalStatus>(text);
  (void)client::error_from_status(400 + data[0], text);
  if (client::parse_object(text)) check(cli::pretty_json(text));
  (void)client::answer_text(text);
  client::ChatStreamReader reader;
  (void)reader.take(text, [](const client::ChatDelta&) {});
  return 0;
}
