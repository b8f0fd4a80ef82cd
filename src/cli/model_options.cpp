#include "cli/model_options.hpp"

#include <CLI/CLI.hpp>

#include "base/file.hpp"
#include "base/utf8.hpp"
#include "cli/formatter/text.hpp"
#include "cli/values.hpp"
#include "domain/model.hpp"

namespace gogrid::cli {
namespace {

constexpr std::size_t max_template_bytes = 256 * 1024;
constexpr std::int64_t max_replicas = 10'000;

}  // namespace

void ModelOptions::add_to(CLI::App& app) {
  app.add_option("--kind", settings_.kind, "What it is for; the file says, if left out")
      ->check(CLI::IsMember({"chat", "embedding", "rerank"}).description(""))
      ->type_name("chat|embedding|rerank");
  app.add_option("--tag", tags_, "A word to find it by; repeat for several")
      ->allow_extra_args(false)
      ->type_name("WORD")
      ->group("Serving");
  const auto number = [&app](const char* name, std::optional<std::int64_t>& target, const char* help,
                             std::int64_t least, std::int64_t most, const char* unit) {
    app.add_option(name, target, help)
        ->check(CLI::Range(least, most).description(""))
        ->type_name(unit)
        ->group("Serving");
  };
  number("--context", settings_.context_tokens, "Tokens of context for each request", 1, domain::max_context_tokens,
         "TOKENS");
  number("--slots", settings_.slots, "Requests that one replica runs at once", 1, domain::max_slots, "N");
  app.add_option("--kv-type", settings_.kv_type,
                 "How the context is kept: q8_0 takes half of the memory, q4_0 a quarter")
      ->check(CLI::IsMember({"f16", "q8_0", "q4_0"}).description(""))
      ->type_name("f16|q8_0|q4_0")
      ->group("Serving");
  app.add_option("--chat-template", template_file_, "Jinja template to use instead of the model's own")
      ->type_name("FILE")
      ->group("Serving");
  app.add_option("--idle-timeout", idle_timeout_, "Let go of it when nobody asks for so long: 10m, 2h; 0: never")
      ->type_name("TIME")
      ->group("Serving");
  number("--min-replicas", settings_.min_replicas, "Replicas that are always ready", 0, max_replicas, "N");
  number("--max-replicas", settings_.max_replicas, "Replicas at most; 0: as many as there is room for", 0, max_replicas,
         "N");
  app.add_option("--label", labels_, "Only workers with this label (see 'gogrid worker label'); repeat for several")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE")
      ->group("Serving");
  add_gpus_to(app);
}

void ModelOptions::add_gpus_to(CLI::App& app) {
  app.add_option("--gpu-policy", settings_.gpu_policy,
                 "auto: one GPU if it fits there, else several, and more replicas with demand; spread: always over all "
                 "GPUs of a worker; each: a replica on each of them")
      ->check(CLI::IsMember({"auto", "spread", "each"}).description(""))
      ->type_name("auto|spread|each")
      ->group("Serving");
  app.add_option(
         "--gpu", gpus_,
         "Only GPUs with this in their name ('RTX 4090', 'CUDA0'; see 'gogrid worker show'); repeat for several")
      ->allow_extra_args(false)
      ->type_name("NAME")
      ->group("Serving");
}

void ModelOptions::add_changes_to(CLI::App& app) {
  add_to(app);
  app.add_flag("--own-template", own_template_, "Use the model's own chat template again")->group("Serving");
  app.add_flag("--any-worker", any_worker_, "Let every worker have it again")->group("Serving");
  app.add_flag("--any-gpu", any_gpu_, "Let it be on every GPU, and on the CPU, again")->group("Serving");
  app.add_flag("--no-tags", no_tags_, "Take its tags away")->group("Serving");
}

bool ModelOptions::empty() const {
  return settings_.kind.empty() && !settings_.context_tokens && !settings_.slots && settings_.kv_type.empty() &&
         template_file_.empty() && idle_timeout_.empty() && !settings_.min_replicas && !settings_.max_replicas &&
         settings_.gpu_policy.empty() && labels_.empty() && gpus_.empty() && tags_.empty() && !own_template_ &&
         !any_worker_ && !any_gpu_ && !no_tags_;
}

Result<client::ModelSettings> ModelOptions::settings() const {
  client::ModelSettings settings = settings_;
  const auto both = [](const char* one, const char* other) {
    return Error(ErrorCode::invalid_argument, std::string("give ") + one + " or " + other + ", not both");
  };
  if (own_template_ && !template_file_.empty()) return both("--chat-template", "--own-template");
  if (any_worker_ && !labels_.empty()) return both("--label", "--any-worker");
  if (any_gpu_ && !gpus_.empty()) return both("--gpu", "--any-gpu");
  if (no_tags_ && !tags_.empty()) return both("--tag", "--no-tags");
  if (!template_file_.empty()) {
    auto text = read_file(template_file_, max_template_bytes);
    if (!text) return Error(ErrorCode::invalid_argument, "--chat-template: " + text.error().detail);
    if (text->empty() || !is_utf8(*text))
      return Error(ErrorCode::invalid_argument, "--chat-template: " + template_file_ + " is no text");
    settings.chat_template = std::move(*text);
  }
  if (own_template_) settings.chat_template.emplace();
  if (idle_timeout_ == "0") {
    settings.idle_timeout_seconds = 0;
  } else if (!idle_timeout_.empty()) {
    const auto idle = parse_duration_seconds(idle_timeout_, "--idle-timeout");
    if (!idle) return idle.error();
    settings.idle_timeout_seconds = *idle;
  }
  if (!labels_.empty()) {
    auto labels = parse_pairs(labels_, "--label");
    if (!labels) return labels.error();
    settings.worker_labels = std::move(*labels);
  }
  if (any_worker_) settings.worker_labels.emplace();
  if (!gpus_.empty()) settings.gpus = gpus_;
  if (any_gpu_) settings.gpus.emplace();
  if (!tags_.empty()) settings.tags = tags_;
  if (no_tags_) settings.tags.emplace();
  return settings;
}

}  // namespace gogrid::cli
