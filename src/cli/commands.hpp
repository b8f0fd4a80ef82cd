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
CommandPtr make_model_set();
CommandPtr make_model_remove();

CommandPtr make_alias_list();
CommandPtr make_alias_set();
CommandPtr make_alias_remove();

CommandPtr make_worker_list();
CommandPtr make_worker_show();
CommandPtr make_worker_label();
CommandPtr make_worker_revoke();

CommandPtr make_token_create();
CommandPtr make_token_list();
CommandPtr make_token_remove();

CommandPtr make_key_create();
CommandPtr make_key_list();
CommandPtr make_key_set();
CommandPtr make_key_revoke();

CommandPtr make_engine_add();
CommandPtr make_engine_list();
CommandPtr make_engine_remove();

CommandPtr make_upload_list();
CommandPtr make_upload_remove();

CommandPtr make_job_submit();
CommandPtr make_job_list();
CommandPtr make_job_show();
CommandPtr make_job_wait();
CommandPtr make_job_result();
CommandPtr make_job_retry();
CommandPtr make_job_cancel();

CommandPtr make_batch_create();
CommandPtr make_batch_list();
CommandPtr make_batch_show();
CommandPtr make_batch_wait();
CommandPtr make_batch_result();
CommandPtr make_batch_cancel();

CommandPtr make_file_list();
CommandPtr make_file_get();
CommandPtr make_file_remove();

CommandPtr make_run();
CommandPtr make_top();
CommandPtr make_usage();
CommandPtr make_audit();

// Both read the tree that they are added to.
CommandPtr make_completion();
CommandPtr make_help();

}  // namespace gogrid::cli
