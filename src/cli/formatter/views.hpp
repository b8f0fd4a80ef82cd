// The coordinator's answers as tables and as pages of facts. Pure functions, any thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/formatter/table.hpp"
#include "client/types.hpp"

namespace gogrid::cli {

// Lists: a table, or one line that says what to do when there is nothing.
std::string show_list(const std::vector<client::Worker>& workers, const View& view);
std::string show_list(const std::vector<client::Model>& models, const View& view);
std::string show_list(const std::vector<client::Alias>& aliases, const View& view);
std::string show_list(const std::vector<client::Engine>& engines, const View& view);
std::string show_list(const std::vector<client::JoinToken>& tokens, const View& view);
std::string show_list(const std::vector<client::ApiKey>& keys, const View& view);
std::string show_list(const std::vector<client::PendingUpload>& uploads, const View& view);

// A worker's parts, for other tables.
Cell worker_state(const client::Worker& worker);
// "2/8": busy slots of all there are; empty when there are none.
std::string slots_text(const client::Worker& worker);
// "small, large (fetching 41 %)"
std::string replicas_text(const client::Worker& worker);

// "gpu=yes,site=attic"
std::string labels_text(const std::vector<std::pair<std::string, std::string>>& labels);

std::string show_one(const client::GridStatus& status, const std::string& url, const View& view);
std::string show_one(const client::Worker& worker, const View& view);
std::string show_one(const client::Model& model, const View& view);

}  // namespace gogrid::cli
