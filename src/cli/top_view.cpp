#include "cli/top_view.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <numeric>

#include "base/utf8.hpp"
#include "cli/formatter/views.hpp"

namespace gogrid::cli {
namespace {

using Align = Table::Align;
using Lines = std::vector<std::string>;

constexpr std::chrono::seconds rate_window{10};
constexpr std::chrono::milliseconds least_span{100};

double rate(std::int64_t before, std::int64_t after, double seconds) {
  return static_cast<double>(std::max<std::int64_t>(after - before, 0)) / seconds;
}

Lines split(const std::string& text) {
  Lines lines;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

std::string busy_of(std::int64_t busy, std::int64_t slots) {
  return slots > 0 ? fmt::format("{}/{}", busy, slots) : "";
}

Cell count_cell(std::int64_t count) { return {std::to_string(count), count > 0 ? Style::yellow : Style::none}; }

Lines worker_lines(const std::vector<client::Worker>& workers, const View& view) {
  Table table({{"WORKER", Align::left, true},
               {"STATE"},
               {"BUSY", Align::right},
               {"MODELS", Align::left, true},
               {"SAYS", Align::left, true}});
  for (const client::Worker& worker : workers) {
    // What was revoked will not come back.
    if (worker.revoked_at) continue;
    table.add_row({worker.name.empty() ? worker.id : worker.name, worker_state(worker), slots_text(worker),
                   replicas_text(worker), worker.reason});
  }
  return table.empty() ? Lines{"No workers. Make a join token for one: gogrid token create"} : split(table.text(view));
}

Lines model_lines(const std::vector<client::ModelQueue>& models, const View& view) {
  Table table({{"MODEL", Align::left, true},
               {"WAITING", Align::right},
               {"JOBS", Align::right},
               {"RUNNING", Align::right},
               {"BUSY", Align::right},
               {"ESTIMATE", Align::right},
               {"WHY", Align::left, true}});
  for (const client::ModelQueue& model : models) {
    table.add_row({model.model, count_cell(model.requests_waiting), count_cell(model.jobs_waiting),
                   std::to_string(model.running), busy_of(model.slots_busy, model.slots),
                   model.estimate_seconds ? format_duration(std::chrono::seconds(*model.estimate_seconds)) : "",
                   model.text});
  }
  return table.empty() ? Lines{"No models. Add one: gogrid model add FILE"} : split(table.text(view));
}

Lines key_lines(const std::vector<client::KeyQueue>& keys, const View& view) {
  Table table(
      {{"KEY", Align::left, true}, {"WAITING", Align::right}, {"JOBS", Align::right}, {"RUNNING", Align::right}});
  for (const client::KeyQueue& key : keys) {
    table.add_row({key.name.empty() ? key.key_id : key.name, count_cell(key.requests_waiting),
                   std::to_string(key.jobs_open), std::to_string(key.running)});
  }
  return table.empty() ? Lines() : split(table.text(view));
}

Lines head_lines(const TopState& state, const View& view) {
  const client::QueueState& queue = state.queue;
  std::string workers =
      fmt::format("{} {} connected", queue.workers_connected, queue.workers_connected == 1 ? "worker" : "workers");
  if (queue.workers_quarantined > 0)
    workers += styled(Style::red, fmt::format(", {} in quarantine", queue.workers_quarantined), view.colour);
  Lines lines{styled(Style::bold, "gogrid top", view.colour) + "  " + printable(state.url) + "  " + workers};
  if (!state.trouble.empty()) lines.push_back(styled(Style::red, printable(state.trouble), view.colour));
  lines.push_back(
      fmt::format("Requests: {} running, {} waiting   Jobs: {} running, {} waiting   Slots: {} busy, {} free",
                  queue.requests_running, queue.requests_waiting, queue.jobs_running, queue.jobs_waiting,
                  queue.slots_busy, queue.slots_free));
  if (const auto& throughput = state.throughput) {
    lines.push_back(fmt::format("Now: {:.1f} requests/s, {:.1f} jobs/s, {:.1f} tokens/s written, {:.1f} read",
                                throughput->requests, throughput->jobs, throughput->completion_tokens,
                                throughput->prompt_tokens));
  }
  lines.push_back(fmt::format("Since its start: {} requests, {} jobs, {} tokens written, {} read", queue.done.requests,
                              queue.done.jobs, queue.done.completion_tokens, queue.done.prompt_tokens));
  return lines;
}

// As many lines as fit, the last one saying how many do not.
Lines fitted(Lines lines, std::size_t room) {
  if (lines.size() <= room) return lines;
  if (room == 0) return {};
  const std::size_t left_out = lines.size() - (room - 1);
  lines.resize(room - 1);
  lines.push_back(fmt::format("… {} more", left_out));
  return lines;
}

// How many lines each part may have of `rows`, with an empty one before each: even shares, but what a short one leaves
// is the longer ones'.
std::vector<std::size_t> rooms_for(const std::vector<Lines>& parts, std::size_t rows) {
  std::vector<std::size_t> by_size(parts.size());
  std::iota(by_size.begin(), by_size.end(), 0);
  std::stable_sort(by_size.begin(), by_size.end(),
                   [&parts](std::size_t a, std::size_t b) { return parts[a].size() < parts[b].size(); });
  std::size_t left = rows - std::min(rows, parts.size());
  std::vector<std::size_t> rooms(parts.size());
  for (std::size_t i = 0; i < by_size.size(); ++i) {
    const std::size_t room = std::min(parts[by_size[i]].size(), left / (by_size.size() - i));
    rooms[by_size[i]] = room;
    left -= room;
  }
  return rooms;
}

}  // namespace

void ThroughputMeter::add(Time now, const client::WorkDone& done) {
  if (!samples_.empty()) {
    const client::WorkDone& last = samples_.back().done;
    if (done.requests < last.requests || done.jobs < last.jobs || done.completion_tokens < last.completion_tokens)
      samples_.clear();
  }
  samples_.push_back({now, done});
  while (samples_.size() > 2 && now - samples_.front().time > rate_window)
    samples_.pop_front();
}

std::optional<Throughput> ThroughputMeter::rates() const {
  if (samples_.size() < 2) return std::nullopt;
  const Sample& first = samples_.front();
  const Sample& last = samples_.back();
  if (last.time - first.time < least_span) return std::nullopt;
  const double seconds = std::chrono::duration<double>(last.time - first.time).count();
  Throughput out;
  out.requests = rate(first.done.requests, last.done.requests, seconds);
  out.jobs = rate(first.done.jobs, last.done.jobs, seconds);
  out.prompt_tokens = rate(first.done.prompt_tokens, last.done.prompt_tokens, seconds);
  out.completion_tokens = rate(first.done.completion_tokens, last.done.completion_tokens, seconds);
  return out;
}

std::vector<std::string> top_lines(const TopState& state, const View& view, std::size_t rows) {
  Lines out = head_lines(state, view);
  std::vector<Lines> parts{model_lines(state.queue.models, view), worker_lines(state.workers, view),
                           key_lines(state.queue.keys, view)};
  std::erase_if(parts, [](const Lines& part) { return part.empty(); });
  const std::vector<std::size_t> rooms = rooms_for(parts, rows == 0 ? rows : rows - std::min(rows, out.size()));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t room = rows == 0 ? parts[i].size() : rooms[i];
    out.emplace_back();
    for (std::string& line : fitted(std::move(parts[i]), room))
      out.push_back(std::move(line));
  }
  if (rows > 0 && out.size() > rows) out.resize(rows);
  return out;
}

}  // namespace gogrid::cli
