// gogrid upload ls | rm
#include <CLI/CLI.hpp>

#include "base/utf8.hpp"
#include "cli/commands.hpp"
#include "cli/formatter/json.hpp"
#include "cli/formatter/views.hpp"

namespace gogrid::cli {
namespace asio = boost::asio;
namespace {

class UploadList final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("ls", "List the uploads that are not complete");
    app->alias("list");
    app->footer(
        "Adding the same file again goes on where its upload stopped.\n\nExamples:\n  gogrid upload ls\n"
        "  gogrid upload ls --json");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto uploads = co_await (*client)->uploads();
    if (!uploads) co_return uploads.error();
    print(context, uploads->json, show_list(uploads->value, context.view()));
    co_return Result<void>();
  }
};

class UploadRemove final : public Command {
 public:
  CLI::App* add_to(CLI::App& parent) override {
    CLI::App* app = parent.add_subcommand("rm", "Give an upload up, and free its space on the coordinator's disk");
    app->add_option("upload", wanted_, "Name or id, as 'gogrid upload ls' shows it")->required()->type_name("NAME");
    app->add_flag("-y,--yes", yes_, "Do not ask");
    app->footer("On a terminal it asks first.\n\nExamples:\n  gogrid upload rm small");
    return app;
  }

  asio::awaitable<Result<void>> run(Context& context) override {
    const auto client = context.client();
    if (!client) co_return client.error();
    const auto uploads = co_await (*client)->uploads();
    if (!uploads) co_return uploads.error();
    const auto id = find(uploads->value);
    if (!id) co_return id.error();
    if (!confirm(context.terminal(), "Give up the upload of " + printable(wanted_) + "?", yes_)) {
      co_return Error(ErrorCode::invalid_argument, "nothing was removed");
    }
    const auto removed = co_await (*client)->remove_upload(*id);
    if (!removed) co_return removed.error();
    print(context, json_object("removed", *id), "Gave up the upload of " + printable(wanted_) + ".\n");
    co_return Result<void>();
  }

 private:
  // Ids are long: their beginning is enough where it fits one upload only.
  Result<std::string> find(const std::vector<client::PendingUpload>& uploads) const {
    constexpr std::size_t least_of_id = 4;
    const bool may_be_id = wanted_.size() >= least_of_id;
    std::string id;
    for (const client::PendingUpload& upload : uploads) {
      if (upload.name != wanted_ && !(may_be_id && upload.id.starts_with(wanted_))) continue;
      if (!id.empty()) {
        return Error(ErrorCode::invalid_argument, "several uploads are called " + wanted_ + "; give more of the id");
      }
      id = upload.id;
    }
    if (id.empty()) return Error(ErrorCode::not_found, "there is no upload " + wanted_ + "; see 'gogrid upload ls'");
    return id;
  }

  std::string wanted_;
  bool yes_ = false;
};

}  // namespace

CommandPtr make_upload_list() { return std::make_unique<UploadList>(); }
CommandPtr make_upload_remove() { return std::make_unique<UploadRemove>(); }

}  // namespace gogrid::cli
