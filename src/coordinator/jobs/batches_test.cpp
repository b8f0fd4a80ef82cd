// Batches from upload to output files: a real store, a real queue, and a worker that answers over QUIC.
#include "coordinator/jobs/batches.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

#include "coordinator/jobs/cut_store_test_support.hpp"
#include "coordinator/request_path_test_support.hpp"
#include "store/open_store.hpp"

namespace gogrid::coordinator::test {
namespace {

using nlohmann::json;
using store::BatchRecord;
using store::BatchState;
using testing::ElementsAre;
using testing::HasSubstr;

std::string line(const std::string& id, const std::string& text = "hi") {
  const json body{{"model", "tiny"}, {"messages", {{{"role", "user"}, {"content", text}}}}};
  return json{{"custom_id", id}, {"method", "POST"}, {"url", "/v1/chat/completions"}, {"body", body}}.dump() + "\n";
}

std::string lines(int count) {
  std::string text;
  for (int i = 1; i <= count; ++i)
    text += line("r" + std::to_string(i));
  return text;
}

class Batches : public RequestPathTest {
 protected:
  Batches() {
    batch_options_.portion_lines = 5;
    batch_options_.max_open_jobs = 20;
    durable_ = store::open_sqlite_store(directory_.path / "gogrid.db").value();
  }
  ~Batches() override { halt(); }

  // The coordinator's parts, as they begin.
  void boot() {
    start();
    cut_.emplace(*durable_);
    usage_.emplace(*durable_, clock_);
    queue_.emplace(io_.get_executor(), *cut_, *dispatcher_, library_, *usage_, metrics_, clock_, JobQueue::Options());
    files_.emplace(io_.get_executor(), FileShelf(directory_.path), *cut_, pool_, clock_, 1024 * 1024);
    batches_.emplace(io_.get_executor(), *cut_, *queue_, *files_, clock_, batch_options_);
    queue_->on_ended([this](const JobQueue::Ended&) { ++ended_jobs_; });
    good(queue_->load());
    good(files_->load());
    good(batches_->load());
  }
  // What is not stored by now is lost.
  void halt() {
    if (!batches_) return;
    batches_->stop();
    queue_->stop();
    shut_down();
    net::test::run(io_, batches_->drain());
    net::test::run(io_, queue_->drain());
    // In the order opposite to their making, as in the coordinator.
    api_.reset();
    sessions_.reset();
    batches_.reset();
    files_.reset();
    queue_.reset();
    dispatcher_.reset();
  }
  void reboot() {
    halt();
    boot();
  }

  template <class T>
  T good(asio::awaitable<Result<T>> task) {
    auto result = net::test::run<Result<T>>(io_, std::move(task));
    EXPECT_TRUE(result) << (result ? "" : result.error().detail);
    if constexpr (!std::is_void_v<T>) return std::move(result.value());
  }
  template <class T>
  ApiResult<T> ask_for(asio::awaitable<ApiResult<T>> task) {
    return net::test::run<ApiResult<T>>(io_, std::move(task));
  }

  store::FileId upload(const std::string& text) {
    store::FileRecord record;
    record.key_id = "key1";
    record.name = "in.jsonl";
    record.purpose = "batch";
    record.created_at = clock_.system_now();
    return ask_for(put(text, std::move(record)))->id;
  }
  asio::awaitable<ApiResult<store::FileRecord>> put(std::string text, store::FileRecord record) {
    auto upload = co_await files_->begin(std::nullopt);
    if (!upload) co_return upload.error();
    const auto written = co_await (*upload)->write(text);
    if (!written) co_return written.error();
    co_return co_await files_->add(std::move(*upload), std::move(record));
  }
  BatchRecord create(const std::string& text, std::chrono::milliseconds window = 24h) {
    BatchRecord wanted;
    wanted.key_id = "key1";
    wanted.endpoint = "/v1/chat/completions";
    wanted.input_file = upload(text);
    return ask_for(batches_->create(std::move(wanted), window)).value();
  }
  BatchRecord now(domain::BatchId id) { return good(durable_->find_batch(id)).value(); }
  BatchRecord until_state(domain::BatchId id, BatchState state) {
    const auto give_up_at = std::chrono::steady_clock::now() + 60s;
    for (;;) {
      BatchRecord batch = now(id);
      if (batch.state == state) return batch;
      const bool over = has_ended(batch.state) || std::chrono::steady_clock::now() > give_up_at;
      EXPECT_FALSE(over) << to_string(batch.state) << " " << batch.errors;
      if (over) return batch;
      net::test::run(io_, until([count = 0]() mutable { return ++count > 100; }));
    }
  }
  static bool has_ended(BatchState state) {
    return state == BatchState::completed || state == BatchState::failed || state == BatchState::expired ||
           state == BatchState::cancelled;
  }
  std::vector<json> content(store::FileId id) {
    std::vector<json> all;
    if (id.empty()) return all;
    std::ifstream file(files_->shelf().path_of(id));
    EXPECT_TRUE(file) << id.text();
    for (std::string text; std::getline(file, text);)
      all.push_back(json::parse(text, nullptr, false));
    return all;
  }
  std::vector<std::string> ids_in(store::FileId id) {
    std::vector<std::string> ids;
    for (const json& one : content(id))
      ids.push_back(one.value("custom_id", "?"));
    return ids;
  }
  static std::vector<std::string> ids(int first, int last) {
    std::vector<std::string> all;
    for (int i = first; i <= last; ++i)
      all.push_back("r" + std::to_string(i));
    return all;
  }
  // Each answer tells what was asked.
  FakeWorker::Script echo() {
    return [this](FakeWork& work) -> asio::awaitable<void> {
      most_open_ = std::max<std::size_t>(most_open_, totals().jobs_waiting + totals().jobs_running);
      const json asked = json::parse(work.body, nullptr, false);
      const json answer{{"said", asked["messages"][0]["content"]}};
      if (!co_await work.respond(200, "application/json")) co_return;
      co_await work.data(answer.dump());
      co_await work.end();
    };
  }

  net::test::TemporaryDirectory directory_;
  asio::thread_pool pool_{2};
  BatchService::Options batch_options_;
  std::unique_ptr<store::Store> durable_;
  std::optional<CutStore> cut_;
  std::optional<UsageMeter> usage_;
  std::optional<JobQueue> queue_;
  std::optional<ClientFiles> files_;
  std::optional<BatchService> batches_;
  int ended_jobs_ = 0;
  std::size_t most_open_ = 0;
};

TEST_F(Batches, LinesRunFewAtATimeAndComeOutInTheirOrder) {
  boot();
  const BatchRecord created = create(lines(120));
  EXPECT_EQ(created.state, BatchState::validating);
  add_worker("wk_1", echo());
  const BatchRecord batch = until_state(created.id, BatchState::completed);
  EXPECT_LE(most_open_, 20u);
  EXPECT_GE(most_open_, 10u);
  EXPECT_EQ(batch.total_lines, 120);
  EXPECT_EQ(batch.succeeded_lines, 120);
  EXPECT_EQ(batch.failed_lines, 0);
  EXPECT_TRUE(batch.error_file.empty());
  EXPECT_TRUE(batch.in_progress_at && batch.finalizing_at && batch.completed_at);
  EXPECT_EQ(ids_in(batch.output_file), ids(1, 120));
  const json first = content(batch.output_file).front();
  EXPECT_THAT(first["id"].get<std::string>(), testing::StartsWith("batch_req_"));
  EXPECT_THAT(first["response"]["request_id"].get<std::string>(), testing::StartsWith("job_"));
  EXPECT_EQ(first["response"]["status_code"], 200);
  EXPECT_EQ(first["response"]["body"], json({{"said", "hi"}}));
  EXPECT_TRUE(first["error"].is_null());
  const auto file = good(durable_->find_file(batch.output_file)).value();
  EXPECT_EQ(file.purpose, "batch_output");
  EXPECT_EQ(file.key_id, "key1");
  EXPECT_EQ(file.size_bytes, std::filesystem::file_size(files_->shelf().path_of(file.id)));
  EXPECT_TRUE(file.expires_at);
}

TEST_F(Batches, BadLinesAreReportedByLineAndGoodOnesRun) {
  boot();
  add_worker("wk_1", [](FakeWork& work) -> asio::awaitable<void> {
    const bool refuse = work.body.find("refuse me") != std::string::npos;
    const int status = refuse ? 400 : 200;
    const std::string answer = refuse ? "{\"error\":{\"message\":\"too long\"}}" : "{\"a\":\n\"b\"}\n";
    if (!co_await work.respond(status, "application/json")) co_return;
    co_await work.data(answer);
    co_await work.end();
  });
  std::string other_model = line("other");
  other_model.replace(other_model.find("\"tiny\""), 6, "\"huge\"");
  std::string streamed = line("streamed");
  streamed.replace(streamed.find("\"body\":{"), 8, "\"body\":{\"stream\":true,");
  const auto created = create(line("a") + "nonsense\n\n" + line("a") + other_model + streamed +
                              R"({"custom_id":"get","method":"GET","url":"/v1/chat/completions","body":{}})" + "\n" +
                              line("refused", "refuse me") + line("b"));
  const BatchRecord batch = until_state(created.id, BatchState::completed);
  EXPECT_EQ(batch.total_lines, 8);
  EXPECT_EQ(batch.succeeded_lines, 2);
  EXPECT_EQ(batch.failed_lines, 6);
  EXPECT_THAT(ids_in(batch.output_file), ElementsAre("a", "b"));
  EXPECT_EQ(content(batch.output_file)[0]["response"]["body"], json({{"a", "b"}}));
  const auto errors = content(batch.error_file);
  ASSERT_EQ(errors.size(), 6);
  const struct {
    int line;
    const char* custom_id;
    const char* code;
  } rows[] = {{2, "", "invalid_json"},          {4, "a", "duplicate_custom_id"}, {5, "other", "model_not_found"},
              {6, "streamed", "invalid_value"}, {7, "get", "invalid_value"},     {0, "refused", ""}};
  for (std::size_t i = 0; i < errors.size(); ++i) {
    EXPECT_EQ(errors[i].value("line", 0), rows[i].line) << errors[i];
    EXPECT_EQ(errors[i]["custom_id"], rows[i].custom_id) << errors[i];
    if (*rows[i].code) {
      EXPECT_EQ(errors[i]["error"]["code"], rows[i].code) << errors[i];
    }
    EXPECT_FALSE(errors[i]["error"]["message"].get<std::string>().empty());
  }
  EXPECT_EQ(errors[5]["response"]["status_code"], 400);
  EXPECT_EQ(errors[5]["response"]["body"]["error"]["message"], "too long");
  EXPECT_TRUE(errors[4]["response"].is_null());
}

TEST_F(Batches, AFileWithoutAUsableLineFails) {
  batch_options_.max_lines = 3;
  boot();
  std::string unknown = line("x");
  unknown.replace(unknown.find("\"tiny\""), 6, "\"huge\"");
  const struct {
    std::string text;
    const char* code;
    int line;
  } rows[] = {{"", "empty_file", 0},
              {"\n \n", "empty_file", 0},
              {"nonsense\n" + unknown, "invalid_json", 1},
              {line("a") + "\xff\n", "invalid_utf8", 2},
              {lines(4), "too_many_lines", 0}};
  for (const auto& row : rows) {
    const auto created = create(row.text);
    const BatchRecord batch = until_state(created.id, BatchState::failed);
    const json errors = json::parse(batch.errors);
    EXPECT_EQ(errors[0]["code"], row.code);
    EXPECT_EQ(errors[0]["line"], row.line > 0 ? json(row.line) : json());
    EXPECT_TRUE(batch.failed_at);
    EXPECT_TRUE(batch.output_file.empty() && batch.error_file.empty());
  }
  const auto both = create("nonsense\n" + unknown);
  const json errors = json::parse(until_state(both.id, BatchState::failed).errors);
  ASSERT_EQ(errors.size(), 2);
  EXPECT_EQ(errors[1]["code"], "model_not_found");
  EXPECT_EQ(errors[1]["param"], "model");
  EXPECT_EQ(totals().jobs_waiting, 0);
}

TEST_F(Batches, CancellingKeepsWhatIsDone) {
  boot();
  // The first three are answered; the rest wait until they are cancelled.
  int answered = 0;
  add_worker(
      "wk_1",
      [&answered](FakeWork& work) -> asio::awaitable<void> {
        if (answered == 3) {
          co_await work.wait_cancelled();
          co_return;
        }
        ++answered;
        co_await work.respond(200, "application/json");
        co_await work.data("{}");
        co_await work.end();
      },
      1);
  const auto created = create(lines(50));
  net::test::run(io_, until([this] { return ended_jobs_ == 3; }));
  const auto file = now(created.id).input_file;
  EXPECT_EQ(ask_for(files_->remove(file)).error().code, "file_in_use");
  const auto cancelling = ask_for(batches_->cancel(now(created.id)));
  ASSERT_TRUE(cancelling);
  EXPECT_EQ(cancelling->state, BatchState::cancelling);
  const BatchRecord batch = until_state(created.id, BatchState::cancelled);
  EXPECT_TRUE(batch.cancelled_at);
  EXPECT_EQ(batch.succeeded_lines, 3);
  EXPECT_EQ(batch.failed_lines, 47);
  EXPECT_EQ(ids_in(batch.output_file), ids(1, 3));
  EXPECT_EQ(ids_in(batch.error_file), ids(4, 50));
  for (const json& error : content(batch.error_file))
    EXPECT_EQ(error["error"]["code"], "batch_cancelled");
  EXPECT_EQ(ask_for(batches_->cancel(batch))->state, BatchState::cancelled);
  EXPECT_TRUE(ask_for(files_->remove(file)));
  EXPECT_EQ(totals().jobs_waiting, 0);
}

TEST_F(Batches, WhatHasNotEndedInTimeIsExpired) {
  boot();
  int answered = 0;
  add_worker(
      "wk_1",
      [&answered](FakeWork& work) -> asio::awaitable<void> {
        if (++answered > 2) {
          co_await work.wait_cancelled();
          co_return;
        }
        co_await work.respond(200, "application/json");
        co_await work.data("{}");
        co_await work.end();
      },
      1);
  const auto created = create(lines(50), 4s);
  const BatchRecord batch = until_state(created.id, BatchState::expired);
  EXPECT_TRUE(batch.expired_at);
  EXPECT_EQ(ids_in(batch.output_file), ids(1, 2));
  EXPECT_EQ(ids_in(batch.error_file), ids(3, 50));
  for (const json& error : content(batch.error_file))
    EXPECT_EQ(error["error"]["code"], "batch_expired");
  EXPECT_EQ(ask_for(batches_->cancel(batch)).error().status, 409);
}

TEST_F(Batches, LargeResultsAndThoseThatAreNotJson) {
  boot();
  const std::string large(6 * 1024 * 1024, 'x');
  add_worker("wk_1", [&large](FakeWork& work) -> asio::awaitable<void> {
    const bool text = work.body.find("as text") != std::string::npos;
    const bool broken = work.body.find("broken") != std::string::npos;
    const std::string type = text ? "text/plain" : "application/json";
    if (!co_await work.respond(200, type)) co_return;
    std::string answer = text || broken ? "{\"no" : "{\"x\":\n\"" + large + "\"}";
    for (std::size_t at = 0; at < answer.size(); at += 50'000) {
      if (!co_await work.data(answer.substr(at, 50'000))) co_return;
    }
    co_await work.end();
  });
  const auto created = create(line("large") + line("text", "as text") + line("broken", "broken"));
  const BatchRecord batch = until_state(created.id, BatchState::completed);
  const auto output = content(batch.output_file);
  ASSERT_EQ(output.size(), 1);
  EXPECT_EQ(output[0]["response"]["body"]["x"], large);
  const auto errors = content(batch.error_file);
  ASSERT_EQ(errors.size(), 2);
  for (const json& error : errors)
    EXPECT_EQ(error["error"]["code"], "result_not_json");
}

TEST_F(Batches, AnInputFileThatIsGoneFailsTheBatch) {
  boot();
  const auto created = create(lines(50));
  net::test::run(io_, until([this] { return totals().jobs_waiting == 20; }));
  std::filesystem::remove(files_->shelf().path_of(created.input_file));
  add_worker("wk_1", echo());
  const BatchRecord batch = until_state(created.id, BatchState::failed);
  EXPECT_THAT(batch.errors, HasSubstr("input_file_missing"));
}

TEST_F(Batches, ABatchSurvivesACrashAfterAnyWrite) {
  const std::string text =
      line("r1") + "nonsense\n" + line("r2") + line("r1") + lines(12).substr(2 * line("r1").size());
  boot();
  int survived = 0;
  for (int writes = 0;; ++writes) {
    SCOPED_TRACE("dead after write " + std::to_string(writes));
    const auto created = create(text);
    cut_->writes_left = writes;
    add_worker("wk_1", echo());
    net::test::run(io_, until([&] { return cut_->is_cut() || !batches_->uses(created.input_file); }));
    const bool whole = !cut_->is_cut();
    reboot();
    add_worker("wk_1", echo());
    const BatchRecord batch = until_state(created.id, BatchState::completed);
    EXPECT_EQ(ids_in(batch.output_file), ids(1, 12));
    EXPECT_EQ(ids_in(batch.error_file).size(), 2);
    EXPECT_EQ(batch.succeeded_lines, 12);
    EXPECT_EQ(batch.failed_lines, 2);
    // Each line became one job.
    store::JobFilter filter;
    filter.batch = created.id;
    EXPECT_EQ(good(durable_->list_jobs(filter, {}, 100)).size(), 14);
    if (whole || HasFailure()) break;
    ++survived;
  }
  EXPECT_GE(survived, 8);
  // Nothing but inputs and outputs is left on the disk.
  const auto records = good(durable_->list_files("", "", {}, 1000));
  EXPECT_EQ(files_->shelf().list().size(), records.size());
}

TEST_F(Batches, CancellingSurvivesACrashAfterAnyWrite) {
  boot();
  for (int writes = 0;; ++writes) {
    SCOPED_TRACE("dead after write " + std::to_string(writes));
    const auto created = create(lines(30));
    net::test::run(io_, until([this] { return totals().jobs_waiting == 20; }));
    ASSERT_TRUE(ask_for(batches_->cancel(now(created.id))));
    cut_->writes_left = writes;
    net::test::run(io_, until([&] { return cut_->is_cut() || !batches_->uses(created.input_file); }));
    const bool whole = !cut_->is_cut();
    reboot();
    const BatchRecord batch = until_state(created.id, BatchState::cancelled);
    EXPECT_EQ(ids_in(batch.error_file), ids(1, 30));
    EXPECT_TRUE(batch.output_file.empty());
    if (whole || HasFailure()) break;
  }
}

TEST_F(Batches, ABatchThatExpiredWhileNobodyWasThereIsExpired) {
  boot();
  const auto created = create(lines(30), 4s);
  net::test::run(io_, until([this] { return totals().jobs_waiting == 20; }));
  halt();
  net::test::run(io_, until([&] { return clock_.system_now() > created.expires_at; }));
  boot();
  const BatchRecord batch = until_state(created.id, BatchState::expired);
  EXPECT_EQ(ids_in(batch.error_file), ids(1, 30));
}

TEST_F(Batches, AKeyMayHaveAHundredOpenOnes) {
  boot();
  const auto file = upload(lines(1));
  BatchRecord wanted;
  wanted.key_id = "key1";
  wanted.endpoint = "/v1/chat/completions";
  wanted.input_file = file;
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(ask_for(batches_->create(wanted, 24h)));
  EXPECT_EQ(ask_for(batches_->create(wanted, 24h)).error().status, 429);
  wanted.key_id = "key2";
  EXPECT_TRUE(ask_for(batches_->create(wanted, 24h)));
  net::test::run(io_, batches_->cancel_of("key1"));
  net::test::run(io_, until([this] { return totals().jobs_waiting == 1; }));
  wanted.key_id = "key1";
  EXPECT_TRUE(ask_for(batches_->create(wanted, 24h)));
}

}  // namespace
}  // namespace gogrid::coordinator::test
