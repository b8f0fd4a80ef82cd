// Every command of the program.
#pragma once

#include <memory>

#include "cli/command.hpp"

namespace gogrid::cli {

using CommandPtr = std::unique_ptr<Command>;

CommandPtr make_login();
CommandPtr make_logout();
CommandPtr make_status();
CommandPtr make_chat();

CommandPtr make_model_add();
CommandPtr make_model_list();
CommandPtr make_model_show();
CommandPtr make_model_remove();

CommandPtr make_worker_list();
CommandPtr make_worker_show();
CommandPtr make_worker_revoke();

CommandPtr make_token_create();
CommandPtr make_token_list();
CommandPtr make_token_remove();

CommandPtr make_key_create();
CommandPtr make_key_list();
CommandPtr make_key_revoke();

CommandPtr make_engine_add();
CommandPtr make_engine_list();
CommandPtr make_engine_remove();

CommandPtr make_upload_list();
CommandPtr make_upload_remove();

// Both read the tree that they are added to.
CommandPtr make_completion();
CommandPtr make_help();

}  // namespace gogrid::cli
