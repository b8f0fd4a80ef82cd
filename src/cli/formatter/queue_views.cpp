#include "cli/formatter/queue_views.hpp"
#include "base/utf8.hpp"

#include <spdlog/fmt/fmt.h>

#include <map>

namespace gogrid::cli {
namespace {

using Align = Table::Align;

// "2024-05-01 12:30:05 UTC (3 min ago)"; empty for nullopt.
std::string time_and_distance(std::optional<std::int64_t> time, const View& view) {
  if (!time || *time <= 0) return "";
  return fmt::format("{} ({})", format_time(*time), format_when(time, view.now));
}

std::string pairs_text(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string text;
  for (const auto& [name, value] : pairs)
    text += (text.empty() ? "" : ", ") + name + "=" + value;
  return text;
}

std::string error_text(const client::Job& job) {
  return job.error_message.empty() ? job.error_code : job.error_message;
}

// What a list can say of a job in one place.
std::string job_remark(const client::Job& job, const View& view) {
  if (!error_text(job).empty()) return error_text(job);
  if (job.waiting) {
    std::string text = waiting_place(job);
    if (!job.waiting->text.empty()) text += (text.empty() ? "" : "; ") + job.waiting->text;
    return text;
  }
  if (job.state == "running" && job.started_at) return "since " + format_when(job.started_at, view.now);
  return job.usage ? fmt::format("{} tokens", job.usage->completion_tokens) : "";
}

std::string duration_between(std::optional<std::int64_t> from, std::optional<std::int64_t> to) {
  if (!from || !to || *to < *from) return "";
  return format_duration(std::chrono::seconds(*to - *from));
}

Cell attempt_outcome(const std::string& outcome) {
  if (outcome.empty()) return {"running", Style::cyan};
  if (outcome == "succeeded") return {outcome, Style::green};
  return {outcome, outcome == "failed" || outcome == "rejected" ? Style::red : Style::yellow};
}

std::string show_history(const std::vector<client::JobAttempt>& history, const View& view) {
  if (history.empty()) return "";
  Table table({{"ATTEMPT", Align::right}, {"WORKER"}, {"STARTED"}, {"TOOK"}, {"OUTCOME"}, {"REASON"}});
  for (const client::JobAttempt& attempt : history) {
    table.add_row({std::to_string(attempt.attempt), attempt.worker, format_when(attempt.started_at, view.now),
                   duration_between(attempt.started_at, attempt.ended_at), attempt_outcome(attempt.outcome),
                   attempt.reason});
  }
  return "\n" + table.text(view);
}

std::string counts_text(const client::Batch& batch) {
  const std::string done = fmt::format("{} of {}", batch.completed + batch.failed, batch.total);
  return batch.failed > 0 ? fmt::format("{}, {} failed", done, batch.failed) : done;
}

std::string key_text(const client::UsageRow& row) { return row.key_name.empty() ? row.key_id : row.key_name; }

// A hostile list is long enough for a sum to overflow, which unsigned ones may.
struct UsageSum {
  std::uint64_t requests = 0;
  std::uint64_t prompt_tokens = 0;
  std::uint64_t completion_tokens = 0;

  void add(const client::UsageRow& row) {
    requests += static_cast<std::uint64_t>(row.requests);
    prompt_tokens += static_cast<std::uint64_t>(row.prompt_tokens);
    completion_tokens += static_cast<std::uint64_t>(row.completion_tokens);
  }
};

// What is shown of a row's names, and after that what tells keys of the same name apart.
std::vector<std::string> names_of(const client::UsageRow& row, UsageBy by) {
  switch (by) {
    case UsageBy::day:
      return {row.day};
    case UsageBy::key:
      return {key_text(row), row.key_id};
    case UsageBy::model:
      return {row.model};
    case UsageBy::all:
      break;
  }
  return {row.day, key_text(row), row.model, row.key_id};
}

}  // namespace

Cell job_state(const std::string& state) {
  if (state == "succeeded") return {state, Style::green};
  if (state == "failed" || state == "expired") return {state, Style::red};
  if (state == "cancelled") return {state, Style::dim};
  return {state, state == "queued" ? Style::yellow : Style::cyan};
}

Cell batch_status(const std::string& status) {
  if (status == "completed") return {status, Style::green};
  if (status == "failed" || status == "expired") return {status, Style::red};
  return {status, status == "cancelled" || status == "cancelling" ? Style::dim : Style::cyan};
}

std::string waiting_place(const client::Job& job) {
  if (!job.waiting) return "";
  std::string text;
  if (job.waiting->position > 0) text = fmt::format("position {}", job.waiting->position);
  if (job.waiting->estimate_seconds) {
    text += (text.empty() ? "" : ", ") + format_estimate(job.waiting->estimate_seconds);
  }
  return text;
}

std::string job_line(const client::Job& job) {
  std::string text = job.id + "  " + job.state;
  if (const std::string place = waiting_place(job); !place.empty()) text += "  " + place;
  if (job.waiting && !job.waiting->text.empty()) text += "  " + job.waiting->text;
  if (!job.waiting && !job.worker.empty()) text += " on " + job.worker;
  return printable(text);
}

std::string job_outcome(const client::Job& job) {
  std::string text = "the job " + job.id + " ";
  text += job.state == "cancelled" ? "was cancelled" : job.state;
  if (job.state == "expired") text = "the job " + job.id + " expired: its deadline passed";
  if (job.state == "failed" && !error_text(job).empty()) text += ": " + error_text(job);
  return printable(text);
}

std::string show_list(const std::vector<client::Job>& jobs, const View& view) {
  if (jobs.empty()) return "No jobs. Submit one: gogrid job submit \"What is GoGrid?\"\n";
  Table table({{"ID"},
               {"STATE"},
               {"MODEL", Align::left, true},
               {"PRIORITY", Align::right},
               {"ATTEMPTS", Align::right},
               {"CREATED"},
               {"DETAIL", Align::left, true}});
  for (const client::Job& job : jobs) {
    table.add_row({job.id, job_state(job.state), job.model, std::to_string(job.priority),
                   fmt::format("{}/{}", job.attempts, job.max_attempts), format_when(job.created_at, view.now),
                   job_remark(job, view)});
  }
  return table.text(view);
}

std::string show_list(const std::vector<client::Batch>& batches, const View& view) {
  if (batches.empty()) return "No batches. Make one: gogrid batch create FILE.jsonl, or gogrid run FILE.jsonl\n";
  Table table({{"ID"}, {"STATUS"}, {"DONE"}, {"ENDPOINT", Align::left, true}, {"CREATED"}, {"EXPIRES"}});
  for (const client::Batch& batch : batches) {
    table.add_row({batch.id, batch_status(batch.status), counts_text(batch), batch.endpoint,
                   format_when(batch.created_at, view.now),
                   is_final(batch) ? "" : format_when(batch.expires_at, view.now)});
  }
  return table.text(view);
}

std::string show_list(const std::vector<client::StoredFile>& files, const View& view) {
  if (files.empty()) return "No files.\n";
  Table table({{"ID"}, {"NAME", Align::left, true}, {"PURPOSE"}, {"SIZE", Align::right}, {"CREATED"}, {"EXPIRES"}});
  for (const client::StoredFile& file : files) {
    table.add_row({file.id, file.filename, file.purpose, format_bytes(static_cast<std::uint64_t>(file.size_bytes)),
                   format_when(file.created_at, view.now),
                   file.expires_at ? format_when(file.expires_at, view.now) : "never"});
  }
  return table.text(view);
}

std::string show_list(const std::vector<client::AuditEntry>& entries, const View& view) {
  if (entries.empty()) return "Nothing is in the audit log.\n";
  Table table({{"NUMBER", Align::right}, {"WHEN"}, {"WHO"}, {"DID"}, {"WHAT"}, {"DETAIL", Align::left, true}});
  for (const client::AuditEntry& entry : entries) {
    table.add_row({std::to_string(entry.sequence), entry.at ? format_time(*entry.at) : "", entry.actor, entry.action,
                   entry.subject, entry.detail});
  }
  return table.text(view);
}

std::string show_usage(const std::vector<client::UsageRow>& rows, UsageBy by, const View& view) {
  if (rows.empty()) return "No requests in this time.\n";
  std::vector<Table::Column> columns;
  if (by == UsageBy::all || by == UsageBy::day) columns.push_back({"DAY"});
  if (by == UsageBy::all || by == UsageBy::key) columns.push_back({"KEY", Align::left, true});
  if (by == UsageBy::all || by == UsageBy::model) columns.push_back({"MODEL", Align::left, true});
  const std::size_t names = columns.size();
  for (const char* title : {"REQUESTS", "PROMPT TOKENS", "COMPLETION TOKENS"})
    columns.push_back({title, Align::right});
  Table table(std::move(columns));
  std::map<std::vector<std::string>, UsageSum> groups;
  UsageSum total;
  for (const client::UsageRow& row : rows) {
    groups[names_of(row, by)].add(row);
    total.add(row);
  }
  const auto add = [&](std::vector<std::string> name, const UsageSum& sum) {
    name.resize(names);
    std::vector<Cell> cells(name.begin(), name.end());
    for (const std::uint64_t number : {sum.requests, sum.prompt_tokens, sum.completion_tokens})
      cells.emplace_back(std::to_string(number));
    table.add_row(std::move(cells));
  };
  for (const auto& [name, sum] : groups)
    add(name, sum);
  add({"total"}, total);
  return table.text(view);
}

std::string show_one(const client::Job& job, const View& view) {
  Facts facts;
  facts.add("Id", job.id);
  facts.add("State", job_state(job.state));
  if (job.waiting) {
    facts.add("Why it waits", job.waiting->text.empty() ? job.waiting->reason : job.waiting->text);
    facts.add("Position", job.waiting->position > 0 ? std::to_string(job.waiting->position) : "");
    facts.add("Estimate", format_estimate(job.waiting->estimate_seconds));
  }
  facts.add("Error", Cell(error_text(job), Style::red));
  facts.add("Model", job.model);
  facts.add("Endpoint", job.endpoint);
  facts.add("Priority", std::to_string(job.priority));
  facts.add("Attempts", fmt::format("{} of {}", job.attempts, job.max_attempts));
  facts.add("Worker", job.worker);
  facts.add("Created", time_and_distance(job.created_at, view));
  facts.add("Not before", time_and_distance(job.not_before, view));
  facts.add("Deadline", time_and_distance(job.deadline, view));
  facts.add("Started", time_and_distance(job.started_at, view));
  facts.add("Next attempt", time_and_distance(job.retry_at, view));
  facts.add("Finished", time_and_distance(job.finished_at, view));
  if (job.usage) {
    facts.add("Tokens",
              fmt::format("{} prompt, {} completion", job.usage->prompt_tokens, job.usage->completion_tokens));
  }
  if (job.result) {
    facts.add("Result", fmt::format("{}, status {}; gogrid job result {}",
                                    format_bytes(static_cast<std::uint64_t>(job.result->size_bytes)),
                                    job.result->status, job.id));
  }
  facts.add("Labels", pairs_text(job.labels));
  facts.add("Batch", job.batch_id);
  facts.add("Custom id", job.custom_id);
  facts.add("Idempotency key", job.idempotency_key);
  facts.add("Webhook", job.webhook);
  facts.add("Key", job.key_id);
  return facts.text(view) + show_history(job.history, view);
}

std::string show_one(const client::Batch& batch, const View& view) {
  Facts facts;
  facts.add("Id", batch.id);
  facts.add("Status", batch_status(batch.status));
  facts.add("Lines done", counts_text(batch));
  facts.add("Endpoint", batch.endpoint);
  facts.add("Priority", std::to_string(batch.priority));
  facts.add("Window", batch.completion_window);
  facts.add("Created", time_and_distance(batch.created_at, view));
  facts.add("Begun", time_and_distance(batch.in_progress_at, view));
  facts.add("Expires", is_final(batch) ? "" : time_and_distance(batch.expires_at, view));
  facts.add("Ended", time_and_distance(batch.ended_at, view));
  facts.add("Input", batch.input_file_id);
  facts.add("Output", batch.output_file_id);
  facts.add("Errors", batch.error_file_id);
  facts.add("Metadata", pairs_text(batch.metadata));
  std::string out = facts.text(view);
  if (batch.errors.empty()) return out;
  Table table({{"LINE", Align::right}, {"CODE"}, {"MESSAGE"}});
  for (const client::BatchLineError& error : batch.errors)
    table.add_row({error.line > 0 ? std::to_string(error.line) : "", error.code, error.message});
  return out + "\n" + table.text(view);
}

}  // namespace gogrid::cli
