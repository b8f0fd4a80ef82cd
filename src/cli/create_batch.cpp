#include "cli/create_batch.hpp"

#include <CLI/CLI.hpp>

#include "base/utf8.hpp"
#include "cli/endpoints.hpp"
#include "cli/progress.hpp"
#include "cli/values.hpp"
#include "client/file_bytes.hpp"
#include "domain/job.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

asio::awaitable<Result<std::string>> upload(Context& context, client::CoordinatorClient& client, BatchFile file) {
  Progress progress(context.terminal(), "Uploading", file.size_bytes);
  std::uint64_t position = 0;
  client::FileUpload request;
  request.filename = file.name;
  request.size_bytes = file.size_bytes;
  request.source = [&](std::span<std::byte> buffer) {
    return client::next_bytes(context.pool(), file.fd, position, file.size_bytes, buffer,
                              [&progress](std::uint64_t done) { progress.update(done); });
  };
  const auto stored = co_await client.add_batch_file(std::move(request));
  if (!stored) co_return stored.error();
  co_return stored->value.id;
}

}  // namespace

void BatchOptions::add_to(CLI::App& app) {
  add_endpoint_option(app, endpoint, "What the lines are for; chat completions if left out");
  app.add_option("--window", window, "When what is not done by then expires: 30m, 24h, 7d")
      ->type_name("TIME")
      ->capture_default_str();
  app.add_option("--priority", priority, "0 to 100, higher first; 50 if left out")
      ->check(CLI::Range(0, domain::max_priority).description(""))
      ->type_name("N");
  app.add_option("--metadata", metadata, "To know it by; repeat for several")
      ->allow_extra_args(false)
      ->type_name("NAME=VALUE");
}

asio::awaitable<Result<client::Answer<client::Batch>>> create_batch(Context& context, client::CoordinatorClient& client,
                                                                    BatchFile file, BatchOptions options) {
  client::BatchRequest request;
  auto metadata = parse_pairs(options.metadata, "--metadata");
  if (!metadata) co_return context.wrong_usage(metadata.error().detail);
  if (const auto window = parse_duration_seconds(options.window, "--window"); !window)
    co_return context.wrong_usage(window.error().detail);
  request.metadata = std::move(*metadata);
  request.endpoint = options.endpoint.empty() ? std::string(default_endpoint) : options.endpoint;
  request.completion_window = options.window;
  request.priority = options.priority;
  const auto stored = co_await upload(context, client, std::move(file));
  if (!stored) co_return stored.error();
  request.input_file_id = *stored;
  bool interrupted = false;
  std::optional<Result<client::Answer<client::Batch>>> batch;
  {
    // Whoever has made a batch must learn its id.
    const Interrupts::Scope in_charge(context.interrupts(), [&interrupted] { interrupted = true; });
    batch = co_await client.create_batch(std::move(request));
  }
  if (*batch && interrupted) {
    const std::string id = printable((*batch)->value.id);
    context.terminal().error("The batch " + id + " was created and goes on: gogrid batch wait " + id + "\n");
    co_return Error(ErrorCode::cancelled, "interrupted");
  }
  if (*batch) co_return *batch;
  // Nobody knows the file's id but us.
  (void)co_await client.remove_file(*stored);
  if (interrupted) co_return Error(ErrorCode::cancelled, "interrupted");
  co_return batch->error();
}

}  // namespace gogrid::cli
