// Models and their aliases.
#include <spdlog/fmt/fmt.h>

#include "cli/formatter/views.hpp"

namespace gogrid::cli {
namespace {

using Align = Table::Align;

std::string bytes(std::int64_t count) { return count > 0 ? format_bytes(static_cast<std::uint64_t>(count)) : ""; }
std::string count_of(std::int64_t value) { return value > 0 ? std::to_string(value) : ""; }

std::string join(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts)
    out += (out.empty() ? "" : ",") + text;
  return out;
}

Cell readiness(std::int64_t ready, std::int64_t total) {
  return {fmt::format("{}/{}", ready, total), ready > 0 ? Style::green : Style::yellow};
}

// "7.2 B" for the number of a model's parameters; text that is no number stays.
std::string parameters_text(const std::string& text) {
  if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != std::string::npos) return text;
  const double count = std::stod(text);
  if (count >= 1e9) return fmt::format("{:.1f} B", count / 1e9);
  if (count >= 1e6) return fmt::format("{:.1f} M", count / 1e6);
  return count >= 1e3 ? fmt::format("{:.1f} K", count / 1e3) : text;
}

// "8192 tokens of 131072": what a request gets, and what the model was trained for.
std::string context_text(const client::Model& model) {
  if (model.context_tokens <= 0) return "";
  std::string text = fmt::format("{} tokens", model.context_tokens);
  if (model.trained_context_tokens > 0) text += fmt::format(" of {}", model.trained_context_tokens);
  return text;
}

// "1 to 3", "at least 1", "at most 3"; empty: as many as there are workers for it.
std::string replicas_wanted(const client::Model& model) {
  if (model.max_replicas > 0) return fmt::format("{} to {}", model.min_replicas, model.max_replicas);
  return model.min_replicas > 0 ? fmt::format("at least {}", model.min_replicas) : "";
}

// "spread over all of a worker's, only RTX 4090, CUDA1"; empty: as it comes.
std::string gpus_text(const client::Model& model) {
  std::string text;
  if (model.gpu_policy == "spread") text = "spread over all of a worker's";
  if (model.gpu_policy == "each") text = "a replica on each";
  if (model.gpus.empty()) return text;
  return text + (text.empty() ? "" : ", ") + "only " + join(model.gpus);
}

std::string file_text(const client::ModelFile& file) {
  std::string text = fmt::format("{}  {}", file.sha256.substr(0, 12), bytes(file.size_bytes));
  if (file.scale && *file.scale != 1) text += fmt::format("  scale {:g}", *file.scale);
  return text;
}

std::string memory_table(const client::Model& model, const View& view) {
  Table table({{"MEASURED ON", Align::left, true},
               {"CONTEXT", Align::right},
               {"SLOTS", Align::right},
               {"GPU LAYERS", Align::right},
               {"GPU MEMORY", Align::right},
               {"RAM", Align::right},
               {"MAPPED", Align::right}});
  for (const client::MeasuredMemory& one : model.memory) {
    const bool on_gpu = one.device_count > 0;
    table.add_row(
        {on_gpu ? fmt::format("{}{}", one.device_count > 1 ? fmt::format("{} x ", one.device_count) : "", one.device)
                : one.device + ", CPU only",
         count_of(one.context_tokens), count_of(one.slots), on_gpu ? count_of(one.device_layers) : "",
         on_gpu ? bytes(one.device_bytes) : "", bytes(one.host_bytes), bytes(one.mapped_bytes)});
  }
  return table.text(view);
}

void add_files(const client::Model& model, Facts& facts) {
  std::size_t weights = 0;
  for (const client::ModelFile& file : model.files)
    weights += file.role == "weights" ? 1 : 0;
  if (weights > 1) facts.add("Parts", std::to_string(weights));
  for (const client::ModelFile& file : model.files) {
    if (file.role == "projector") facts.add("Projector", file_text(file));
    if (file.role == "adapter") facts.add("Adapter", file_text(file));
    if (file.role == "chat_template") facts.add("Chat template", file_text(file));
  }
}

}  // namespace

std::string labels_text(const std::vector<std::pair<std::string, std::string>>& labels) {
  std::string text;
  for (const auto& [name, value] : labels)
    text += (text.empty() ? "" : ",") + name + "=" + value;
  return text;
}

std::string show_list(const std::vector<client::Alias>& aliases, const View& view) {
  if (aliases.empty()) return "No aliases. Make one: gogrid model alias set fast MODEL\n";
  Table table({{"ALIAS", Align::left, true}, {"STANDS FOR", Align::left, true}, {"MODEL", Align::left, true}});
  for (const client::Alias& alias : aliases)
    table.add_row({alias.name, alias.target, alias.model.empty() ? Cell("none", Style::red) : Cell(alias.model)});
  return table.text(view);
}

std::string show_list(const std::vector<client::Model>& models, const View& view) {
  if (models.empty()) return "No models yet. Add a GGUF file: gogrid model add FILE\n";
  Table table({{"NAME", Align::left, true},
               {"KIND"},
               {"SIZE", Align::right},
               {"PARAMETERS", Align::right},
               {"QUANTIZATION"},
               {"CONTEXT", Align::right},
               {"READY", Align::right},
               {"ADDED"},
               {"TAGS", Align::left, true}});
  for (const client::Model& model : models) {
    table.add_row({model.name, model.kind, bytes(model.size_bytes), parameters_text(model.parameters),
                   model.quantization, count_of(model.context_tokens),
                   readiness(model.replicas_ready, model.replicas_total), format_when(model.created_at, view.now),
                   join(model.tags)});
  }
  return table.text(view);
}

std::string show_one(const client::Model& model, const View& view) {
  Facts facts;
  facts.add("Name", model.name);
  facts.add("Id", model.id);
  facts.add("Kind", model.kind);
  facts.add("Architecture", model.architecture);
  facts.add("Parameters", parameters_text(model.parameters));
  facts.add("Quantization", model.quantization);
  facts.add("Size", bytes(model.size_bytes));
  facts.add("SHA-256", model.sha256);
  add_files(model, facts);
  facts.add("Aliases", join(model.aliases));
  facts.add("Tags", join(model.tags));
  facts.add("Context", context_text(model));
  facts.add("Slots", count_of(model.slots));
  facts.add("Layers", count_of(model.layers));
  if (model.kv_bytes_per_token > 0) {
    facts.add("Context memory", fmt::format("{} a token as f16, kept as {}", bytes(model.kv_bytes_per_token),
                                            model.kv_type.empty() ? "f16" : model.kv_type));
  }
  if (model.idle_timeout_seconds > 0)
    facts.add("Let go after", format_duration(std::chrono::seconds(model.idle_timeout_seconds)) + " without requests");
  facts.add("Replicas", replicas_wanted(model));
  facts.add("Only on workers with", labels_text(model.worker_labels));
  facts.add("GPUs", gpus_text(model));
  facts.add("Ready on", readiness(model.replicas_ready, model.replicas_total));
  facts.add("State", model.detail);
  facts.add("Added", model.created_at ? fmt::format("{} ({})", format_time(*model.created_at),
                                                    format_when(model.created_at, view.now))
                                      : "");
  const std::string out = facts.text(view);
  return model.memory.empty() ? out : out + "\n" + memory_table(model, view);
}

}  // namespace gogrid::cli
