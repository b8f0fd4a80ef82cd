// Jobs, batches, files, usage and the audit log as tables, pages of facts and single lines. Pure functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "cli/formatter/table.hpp"
#include "client/queue_types.hpp"

namespace gogrid::cli {

// Lists: a table, or one line that says what to do when there is nothing.
std::string show_list(const std::vector<client::Job>& jobs, const View& view);
std::string show_list(const std::vector<client::Batch>& batches, const View& view);
std::string show_list(const std::vector<client::StoredFile>& files, const View& view);
std::string show_list(const std::vector<client::AuditEntry>& entries, const View& view);

enum class UsageBy { all, day, key, model };
// Rows put together by one of their names, and a line with the sums.
std::string show_usage(const std::vector<client::UsageRow>& rows, UsageBy by, const View& view);

std::string show_one(const client::Job& job, const View& view);
std::string show_one(const client::Batch& batch, const View& view);

// "job_1  queued  position 3, about 40 s  2 workers have this model: both busy"
std::string job_line(const client::Job& job);
// "the job job_1 failed: the engine ended", for a job that is over.
std::string job_outcome(const client::Job& job);
// "position 3, about 40 s"; empty when the job does not wait.
std::string waiting_place(const client::Job& job);

Cell job_state(const std::string& state);
Cell batch_status(const std::string& status);

}  // namespace gogrid::cli
