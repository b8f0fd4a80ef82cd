// gogrid model add
#include <CLI/CLI.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

#include "base/utf8.hpp"
#include "cli/commands.hpp"
#include "cli/formatter/text.hpp"
#include "cli/model_options.hpp"
#include "cli/model_source.hpp"
#include "cli/progress.hpp"
#include "domain/name.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::milliseconds look_interval{500};

class ModelAdd final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app =
        parent.add_subcommand("add", "Add a model (GGUF): upload it, or let the coordinator fetch it from a URL");
    app->add_option("source", source_, "A .gguf file, a directory with the parts of a split one, or a URL")
        ->required()
        ->type_name("SOURCE");
    app->add_option("--name", name_, "What requests call it; the file's name if left out")->type_name("NAME");
    app->add_option("--mmproj", projector_, "Multimodal projector, a .gguf file: lets it see or hear")
        ->type_name("FILE");
    app->add_option("--lora", adapters_, "LoRA adapter, a .gguf file, and how strongly it counts; repeat for several")
        ->allow_extra_args(false)
        ->type_name("FILE[:SCALE]");
    app->add_option("--sha256", sha256_, "Of a URL: what the file's SHA-256 must be")->type_name("HEX");
    options_.add_to(*app);
    app->footer(
        "Headers are checked before anything is sent. An upload that broke off goes on where it stopped: run the same\n"
        "command again. Bytes the coordinator already has are not sent twice.\n"
        "A URL is fetched by the coordinator, only from where 'models.allowed_urls' in its coordinator.toml allows it; "
        "it goes\n"
        "on without this command, and 'gogrid upload ls' shows it.\n\n"
        "Examples:\n  gogrid model add llama-3.2-3b-q4_k_m.gguf --name small\n"
        "  gogrid model add big-model/ --name large --label gpu=yes --idle-timeout 30m\n"
        "  gogrid model add https://models.example.com/qwen2.5-7b-q4_k_m.gguf --tag code\n"
        "  gogrid model add gemma-3-4b.gguf --mmproj mmproj-gemma-3-4b.gguf --lora style.gguf:0.5\n"
        "  gogrid model add bge-m3.gguf --kind embedding");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto checked_name = name_to_add(context, name_, name_of_source(source_));
    if (!checked_name) co_return checked_name.error();
    request_.name = *checked_name;
    if (!sha256_.empty() && !is_url(source_)) co_return context.wrong_usage("--sha256 is for URLs");
    const auto settings = options_.settings();
    if (!settings) co_return context.wrong_usage(settings.error().detail);
    request_.settings = *settings;
    std::vector<ModelPart> weights;
    if (auto opened = open_weights(weights); !opened) co_return opened;
    std::vector<ModelPart> companions;
    if (auto opened = open_companions(context, companions); !opened) co_return opened;
    if (!weights.empty()) {
      if (auto good = check_parts(weights, companions); !good) co_return good;
    }
    const auto client = context.client();
    if (!client) co_return client.error();
    for (auto* parts : {&weights, &companions}) {
      auto uploaded = co_await upload(context, **client, *parts);
      if (!uploaded) co_return uploaded;
    }
    Result<client::Answer<client::Model>> model = Error(ErrorCode::internal, "");
    if (weights.empty()) {
      if (auto fetched = co_await fetch(context, **client); !fetched) co_return fetched;
      model = co_await (*client)->model(request_.name);
    } else {
      model = co_await (*client)->add_model(request_);
    }
    if (!model) co_return model.error();
    const std::string name = printable(model->value.name);
    print(context, model->json,
          "Added the model " + name + ". Workers fetch it now; 'gogrid worker ls' shows how far they are.\n");
    co_return Result<void>();
  }

 private:
  Result<void> open_weights(std::vector<ModelPart>& weights) const {
    if (is_url(source_)) return {};
    const auto paths = model_files(source_);
    if (!paths) return paths.error();
    for (const auto& path : *paths) {
      auto part = open_part(path);
      if (!part) return part.error();
      weights.push_back(std::move(*part));
    }
    return {};
  }

  Result<void> open_companions(Context& context, std::vector<ModelPart>& companions) const {
    const auto add = [&](const std::filesystem::path& path, std::optional<double> scale, domain::FileRole role,
                         const char* what) -> Result<void> {
      auto part = open_part(path);
      if (!part) return part.error();
      if (part->header.role != role)
        return Error(ErrorCode::invalid_argument, path.string() + " is no " + std::string(what));
      part->scale = scale;
      companions.push_back(std::move(*part));
      return {};
    };
    if (!projector_.empty()) {
      if (auto added = add(projector_, std::nullopt, domain::FileRole::projector, "multimodal projector"); !added)
        return added;
    }
    for (const std::string& text : adapters_) {
      const auto source = adapter_source(text);
      if (!source) return context.wrong_usage(source.error().detail);
      if (auto added = add(source->path, source->scale, domain::FileRole::adapter, "LoRA adapter"); !added)
        return added;
    }
    return {};
  }

  asio::awaitable<Result<void>> upload(Context& context, client::CoordinatorClient& client,
                                       const std::vector<ModelPart>& parts) {
    for (const ModelPart& part : parts) {
      client::UploadRequest request;
      request.kind = "model_file";
      request.name = domain::to_name(part.path.filename().string());
      if (request.name.empty()) request.name = request_.name;
      if (parts.size() > 1) context.terminal().error(printable(part.path.filename().string()) + "\n");
      auto added = co_await add_file(context, client, part.file, std::move(request));
      if (!added) co_return added.error();
      client::ModelRequest::File file;
      file.sha256 = std::move(*added);
      file.scale = part.scale;
      request_.files.push_back(std::move(file));
    }
    co_return Result<void>();
  }

  // Until the coordinator has the model.
  asio::awaitable<Result<void>> fetch(Context& context, client::CoordinatorClient& client) {
    auto state = co_await client.begin_fetch(source_, sha256_, request_);
    if (!state) co_return state.error();
    const std::string id = state->value.id;
    asio::steady_timer timer(co_await asio::this_coro::executor);
    std::optional<Progress> progress;
    std::int64_t file = 0;
    std::string detail;
    for (;;) {
      const client::ModelFetch& seen = state->value;
      if (seen.state == "done") co_return Result<void>();
      if (seen.state == "failed") co_return Error(ErrorCode::invalid_argument, seen.detail);
      if (seen.total_bytes > 0 && (!progress || file != seen.file)) {
        file = seen.file;
        progress.emplace(context.terminal(), seen.files > 1 ? "Fetching " + std::to_string(file) : "Fetching",
                         static_cast<std::uint64_t>(seen.total_bytes));
      }
      if (progress && seen.total_bytes > 0) progress->update(static_cast<std::uint64_t>(seen.done_bytes));
      if (!seen.detail.empty() && seen.detail != detail) {
        if (progress)
          progress->note(printable(seen.detail));
        else
          context.terminal().error(printable(seen.detail) + "\n");
      }
      detail = seen.detail;
      timer.expires_after(look_interval);
      co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
      state = co_await client.model_fetch(id);
      if (!state) co_return state.error();
    }
  }

  std::string source_;
  std::string name_;
  std::string projector_;
  std::vector<std::string> adapters_;
  std::string sha256_;
  ModelOptions options_;
  client::ModelRequest request_;
};

}  // namespace

CommandPtr make_model_add() { return std::make_unique<ModelAdd>(); }

}  // namespace gogrid::cli
