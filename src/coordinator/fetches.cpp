#include "coordinator/fetches.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/blocking.hpp"
#include "base/encoding.hpp"
#include "base/log.hpp"
#include "base/number.hpp"
#include "net/byte_range.hpp"
#include "net/http_client.hpp"

namespace gogrid::coordinator {
namespace asio = boost::asio;
namespace {

constexpr std::size_t part_bytes = 1024 * 1024;
constexpr int max_redirects = 5;
constexpr int max_breaks = 10;
constexpr std::size_t max_fetches = 64;
constexpr std::size_t max_etag_bytes = 256;
constexpr std::uint64_t spare_disk_bytes = 64 * 1024 * 1024;
constexpr std::chrono::milliseconds longest_pause{60'000};
constexpr std::chrono::milliseconds server_timeout{60'000};
constexpr auto kept_after = std::chrono::hours(1);
constexpr auto abandoned_after = std::chrono::hours(24 * 7);

Error failed(std::string what) { return Error(ErrorCode::invalid_argument, std::move(what)); }

// One that promises the same bytes.
std::string strong_etag(const net::Headers& headers) {
  const std::string_view etag = headers.get("ETag").value_or("");
  return etag.size() <= max_etag_bytes && etag.starts_with('"') ? std::string(etag) : "";
}

}  // namespace

struct ModelFetches::Fetch {
  Fetch(const asio::any_io_executor& executor) : task(std::make_unique<TaskGroup>(executor)), pause(executor) {}

  store::FetchRecord record;
  FetchPlan plan;
  // Of all parts.
  std::vector<std::string> urls;
  State state = State::waiting;
  std::string detail;
  std::unique_ptr<TaskGroup> task;
  asio::steady_timer pause;
  std::unique_ptr<net::HttpClient> client;
  std::optional<SystemTime> ended_at;
  // Also heard where the task itself cannot be cancelled.
  bool cancelled = false;
  // The file that is being fetched.
  std::shared_ptr<FileDescriptor> file;
  Sha256 hash;
  std::uint64_t have_bytes = 0;
  std::uint64_t total_bytes = 0;
};

std::string_view to_string(ModelFetches::State state) {
  switch (state) {
    case ModelFetches::State::waiting:
      return "waiting";
    case ModelFetches::State::fetching:
      return "fetching";
    case ModelFetches::State::checking:
      return "checking";
    case ModelFetches::State::done:
      return "done";
    case ModelFetches::State::failed:
      return "failed";
  }
  return "failed";
}

ModelFetches::ModelFetches(asio::any_io_executor executor, Options options, store::FetchStore& store, Uploads& uploads,
                           const ModelLibrary& models, AuditLog& audit, const Clock& clock, asio::thread_pool& pool)
    : executor_(std::move(executor)),
      options_(std::move(options)),
      store_(store),
      uploads_(uploads),
      models_(models),
      audit_(audit),
      clock_(clock),
      pool_(pool) {}

std::filesystem::path ModelFetches::part_path(const Fetch& fetch) const {
  return options_.directory / (fetch.record.id + ".part");
}

Pending<> ModelFetches::load(std::string trusted_ca) {
  trusted_ca_ = std::move(trusted_ca);
  if (auto made = make_directories(options_.directory); !made) co_return made;
  auto records = co_await store_.list_fetches();
  if (!records) co_return records.error();
  for (auto& record : *records) {
    const auto fetch = std::make_shared<Fetch>(executor_);
    auto plan = fetch_plan_from_json(record.plan);
    fetch->record = std::move(record);
    const bool abandoned =
        !fetch->record.error.empty() && fetch->record.created_at + abandoned_after < clock_.system_now();
    if (plan && !abandoned) {
      auto urls = domain::part_urls(plan->url);
      fetch->plan = std::move(*plan);
      if (urls) fetch->urls = std::move(*urls);
    }
    if (fetch->urls.empty()) {
      std::error_code ignored;
      std::filesystem::remove(part_path(*fetch), ignored);
      if (auto removed = co_await store_.remove_fetch(fetch->record.id); !removed) co_return removed;
      continue;
    }
    fetches_.emplace(fetch->record.id, fetch);
    fetch->detail = fetch->record.error;
    if (fetch->record.error.empty()) {
      start(fetch);
    } else {
      fetch->state = State::failed;
    }
  }
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(options_.directory, error)) {
    std::error_code ignored;
    if (!fetches_.contains(entry.path().stem().string())) std::filesystem::remove(entry.path(), ignored);
  }
  co_return Result<void>();
}

void ModelFetches::stop() {
  stopping_ = true;
  for (const auto& [id, fetch] : fetches_) {
    fetch->cancelled = true;
    fetch->task->cancel();
  }
}

asio::awaitable<void> ModelFetches::stopped() {
  for (const auto& [id, fetch] : fetches_)
    co_await fetch->task->wait();
}

// ---- what the API asks ----

ModelFetches::Answer<ModelFetches::View> ModelFetches::begin(Wanted wanted, std::string actor) {
  const auto target = domain::parse_fetch_url(wanted.url);
  if (!target) co_return ErrorResponse(400, target.error().detail, "invalid_value", "url");
  if (auto allowed = domain::check_allowed(*target, options_.allowed_urls); !allowed)
    co_return ErrorResponse(403, allowed.error().detail, "url_not_allowed", "url");
  auto urls = domain::part_urls(wanted.url);
  if (!urls) co_return ErrorResponse(400, urls.error().detail, "invalid_value", "url");
  if (urls->size() > 1 && !wanted.sha256.empty())
    co_return ErrorResponse(400, "a model of several parts has no one SHA-256", "invalid_value", "sha256");
  const std::string& name = wanted.spec.name;
  if (models_.find_by_name(name) || models_.aliases().contains(name)) {
    co_return ErrorResponse(409, "there is a model or an alias named \"" + name + "\" already", "name_taken", "name");
  }
  Handle fetch;
  const SystemTime now = clock_.system_now();
  std::erase_if(fetches_, [&](const auto& entry) {
    return entry.second->state == State::done && *entry.second->ended_at + kept_after < now;
  });
  for (const auto& [id, other] : fetches_) {
    if (other->plan.spec.name != name || other->state == State::done) continue;
    if (other->plan.url == wanted.url && other->state != State::failed) co_return view(*other);
    if (other->plan.url != wanted.url || other->plan.sha256 != wanted.sha256)
      co_return ErrorResponse(409, "another file is being fetched under the name \"" + name + "\" just now",
                              "name_taken", "name");
    fetch = other;
  }
  // What it failed with is stored before it begins anew.
  if (fetch) co_await fetch->task->wait();
  if (fetch && (fetch->state != State::failed || !fetches_.contains(fetch->record.id)))
    co_return ErrorResponse(409, "this fetch is being changed just now; try again in a moment", "busy");
  if (!fetch && fetches_.size() >= max_fetches)
    co_return ErrorResponse(429, "too many fetches; let some finish or remove some", "too_many_uploads");
  const nlohmann::json detail{{"name", name}, {"url", target->shown()}};
  AuditLog::Act act{actor, "model.fetch", fetch ? fetch->record.id : name, detail.dump()};
  if (auto recorded = co_await audit_.record(std::move(act)); !recorded) co_return ErrorResponse(recorded.error());
  if (!fetch) {
    fetch = std::make_shared<Fetch>(executor_);
    fetch->record.id = random_id("fet");
    fetch->record.created_at = now;
    fetch->plan.spec = std::move(wanted.spec);
  } else {
    // Files that were fetched before it failed are here.
    auto& files = wanted.spec.files;
    const auto fetched = static_cast<std::ptrdiff_t>(fetch->plan.fetched_files);
    files.insert(files.end(), fetch->plan.spec.files.end() - fetched, fetch->plan.spec.files.end());
    fetch->plan.spec = std::move(wanted.spec);
  }
  fetch->plan.url = std::move(wanted.url);
  fetch->plan.sha256 = std::move(wanted.sha256);
  fetch->plan.actor = std::move(actor);
  fetch->urls = std::move(*urls);
  fetch->record.error.clear();
  if (auto saved = co_await save(fetch); !saved) co_return ErrorResponse(saved.error());
  fetches_.insert_or_assign(fetch->record.id, fetch);
  start(fetch);
  co_return view(*fetch);
}

ModelFetches::View ModelFetches::view(const Fetch& fetch) const {
  View view;
  view.id = fetch.record.id;
  view.name = fetch.plan.spec.name;
  const auto target = domain::parse_fetch_url(fetch.plan.url);
  if (target) view.url = target->shown();
  view.state = fetch.state;
  view.done_bytes = fetch.have_bytes;
  view.total_bytes = fetch.total_bytes;
  view.files = fetch.urls.size();
  view.file = std::min(fetch.plan.fetched_files + 1, view.files);
  view.detail = fetch.detail;
  view.created_at = fetch.record.created_at;
  return view;
}

std::vector<ModelFetches::View> ModelFetches::list() const {
  std::vector<View> views;
  for (const auto& [id, fetch] : fetches_)
    views.push_back(view(*fetch));
  std::stable_sort(views.begin(), views.end(),
                   [](const View& a, const View& b) { return a.created_at < b.created_at; });
  return views;
}

std::optional<ModelFetches::View> ModelFetches::find(const std::string& id) const {
  const auto found = fetches_.find(id);
  if (found == fetches_.end()) return std::nullopt;
  return view(*found->second);
}

ModelFetches::Answer<bool> ModelFetches::remove(std::string id, std::string actor) {
  const auto found = fetches_.find(id);
  if (found == fetches_.end()) co_return false;
  const Handle fetch = found->second;
  const nlohmann::json detail{{"kind", "fetch"}, {"name", fetch->plan.spec.name}};
  AuditLog::Act act{std::move(actor), "upload.remove", id, detail.dump()};
  if (auto recorded = co_await audit_.record(std::move(act)); !recorded) co_return ErrorResponse(recorded.error());
  fetch->cancelled = true;
  fetch->task->cancel();
  co_await fetch->task->wait();
  if (fetches_.erase(id) == 0) co_return false;
  fetch->file.reset();
  std::error_code ignored;
  std::filesystem::remove(part_path(*fetch), ignored);
  const auto removed = co_await store_.remove_fetch(id);
  if (!removed && removed.error().code != ErrorCode::not_found) co_return ErrorResponse(removed.error());
  co_return true;
}

// ---- one fetch ----

void ModelFetches::start(const Handle& fetch) {
  if (stopping_) return;
  fetch->state = State::waiting;
  fetch->detail.clear();
  fetch->ended_at.reset();
  fetch->task = std::make_unique<TaskGroup>(executor_);
  fetch->task->spawn("fetch a model", run(fetch));
}

asio::awaitable<Result<void>> ModelFetches::save(Handle fetch) {
  fetch->record.plan = to_json_text(fetch->plan);
  co_return co_await store_.put_fetch(fetch->record);
}

asio::awaitable<void> ModelFetches::run(Handle fetch) {
  const auto turn = co_await line_.take();
  fetch->state = State::fetching;
  auto outcome = co_await fetch_all(fetch);
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await settle(fetch, std::move(outcome));
}

asio::awaitable<Result<void>> ModelFetches::fetch_all(Handle fetch) {
  while (fetch->plan.fetched_files < fetch->urls.size()) {
    if (fetch->cancelled) co_return Error(ErrorCode::cancelled, "broken off");
    const std::string url = fetch->urls[fetch->plan.fetched_files];
    auto fetched = co_await fetch_file(fetch, url);
    if (!fetched) co_return fetched;
    fetch->state = State::checking;
    auto taken = co_await take_file(fetch, url);
    if (!taken) co_return taken;
    fetch->state = State::fetching;
  }
  co_return co_await make_model(fetch);
}

asio::awaitable<Result<void>> ModelFetches::fetch_file(Handle fetch, std::string url) {
  auto opened = co_await open_part(fetch);
  if (!opened) co_return opened;
  int breaks = 0;
  auto pause = options_.first_pause;
  for (;;) {
    const std::uint64_t before = fetch->have_bytes;
    auto received = co_await receive(fetch, url);
    if (received || received.error().code != ErrorCode::unavailable) co_return received;
    if (fetch->have_bytes > before) {
      breaks = 0;
      pause = options_.first_pause;
    }
    if (++breaks >= max_breaks) co_return failed(received.error().detail + "; adding it again goes on from here");
    fetch->detail = received.error().detail + "; trying again";
    fetch->pause.expires_after(pause);
    pause = std::min(longest_pause, pause * 2);
    co_await fetch->pause.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

// What an earlier try left is hashed.
asio::awaitable<Result<void>> ModelFetches::open_part(Handle fetch) {
  struct Opened {
    std::shared_ptr<FileDescriptor> file = std::make_shared<FileDescriptor>();
    Sha256 hash;
    std::uint64_t size_bytes = 0;
  };
  auto work = [path = part_path(*fetch)]() -> Result<Opened> {
    auto file = open_file(path, O_RDWR | O_CREAT, 0600);
    if (!file) return file.error();
    Opened opened;
    std::vector<std::byte> buffer(part_bytes);
    for (;;) {
      const auto count = read_fully(file->get(), buffer);
      if (!count) return count.error();
      opened.hash.update(std::span(buffer).first(*count));
      opened.size_bytes += *count;
      if (*count < buffer.size()) break;
    }
    *opened.file = std::move(*file);
    return opened;
  };
  auto opened = co_await run_blocking(pool_, std::move(work));
  if (!opened) co_return opened.error();
  fetch->file = std::move(opened->file);
  fetch->hash = std::move(opened->hash);
  fetch->have_bytes = opened->size_bytes;
  fetch->total_bytes = 0;
  co_return Result<void>();
}

// Follows redirects as far as they are allowed.
asio::awaitable<Result<std::unique_ptr<net::HttpResponse>>> ModelFetches::request(Handle fetch, std::string url) {
  for (int hop = 0; hop <= max_redirects; ++hop) {
    const auto target = domain::parse_fetch_url(url);
    if (!target) co_return target.error();
    if (auto allowed = domain::check_allowed(*target, options_.allowed_urls); !allowed) {
      if (hop == 0) co_return allowed.error();
      co_return Error(ErrorCode::permission_denied, "the server sends on elsewhere: " + allowed.error().detail);
    }
    net::HttpEndpoint endpoint = net::HttpEndpoint::http(target->host, target->port);
    if (target->tls) endpoint.tls.emplace().trusted_ca = trusted_ca_;
    net::HttpClientTimeouts timeouts;
    timeouts.head = timeouts.idle = server_timeout;
    fetch->client = net::make_http_client(executor_, std::move(endpoint), timeouts);
    net::HttpClientRequest request;
    request.target = target->target;
    request.headers.add("Host", target->authority);
    request.headers.add("User-Agent", "GoGrid/" GOGRID_VERSION);
    request.headers.add("Accept-Encoding", "identity");
    if (fetch->have_bytes > 0) {
      request.headers.add("Range", "bytes=" + std::to_string(fetch->have_bytes) + "-");
      if (!fetch->plan.etag.empty()) request.headers.add("If-Range", fetch->plan.etag);
    }
    auto response = co_await fetch->client->send(std::move(request));
    if (!response) co_return response.error();
    const auto& head = (*response)->head();
    const bool redirect =
        head.status == 301 || head.status == 302 || head.status == 303 || head.status == 307 || head.status == 308;
    if (!redirect) co_return std::move(*response);
    auto next = domain::redirect_url(url, head.headers.get("Location").value_or(""));
    if (!next) co_return next.error();
    url = std::move(*next);
  }
  co_return failed("the server sends on from one address to the next without an end");
}

Result<bool> ModelFetches::begin_body(Fetch& fetch, const net::ResponseHead& head) {
  const auto start_anew = [&fetch] {
    if (::ftruncate(fetch.file->get(), 0) != 0 || ::lseek(fetch.file->get(), 0, SEEK_SET) != 0) return false;
    fetch.hash = Sha256();
    fetch.have_bytes = 0;
    return true;
  };
  const net::ContentRange range = net::parse_content_range(head.headers.get("Content-Range").value_or(""));
  const std::string etag = strong_etag(head.headers);
  if (head.status == 416 && fetch.have_bytes > 0) {
    if (range.total_bytes == fetch.have_bytes) return true;
    fetch.plan.etag.clear();
    if (!start_anew()) return system_error("ftruncate", errno);
    return Error(ErrorCode::unavailable, "the file changed on the server");
  }
  if (head.status == 408 || head.status == 429 || head.status >= 500)
    return Error(ErrorCode::unavailable, "the server answered with status " + std::to_string(head.status));
  if (head.status != 200 && head.status != 206)
    return failed("the server answered with status " + std::to_string(head.status));
  if (head.status == 200) {
    if (!start_anew()) return system_error("ftruncate", errno);
    fetch.total_bytes = parse_number(head.headers.get("Content-Length").value_or("")).value_or(0);
  } else {
    if (range.first != fetch.have_bytes || (!fetch.plan.etag.empty() && etag != fetch.plan.etag)) {
      fetch.plan.etag.clear();
      if (!start_anew()) return system_error("ftruncate", errno);
      return Error(ErrorCode::unavailable, "the server sent another part than was asked for");
    }
    fetch.total_bytes = range.total_bytes.value_or(0);
  }
  fetch.plan.etag = etag;
  if (fetch.total_bytes > options_.max_bytes) {
    return failed("the file has " + std::to_string(fetch.total_bytes / 1'000'000) +
                  " MB; models.max_fetch_bytes allows " + std::to_string(options_.max_bytes / 1'000'000) + " MB");
  }
  return false;
}

Result<void> ModelFetches::check_room(std::uint64_t more_bytes) const {
  const auto free = free_bytes(options_.directory);
  if (!free || *free >= more_bytes + spare_disk_bytes) return {};
  return Error(ErrorCode::disk_full, "the coordinator's disk has " + std::to_string(*free / 1'000'000) + " MB free; " +
                                         std::to_string(more_bytes / 1'000'000) + " MB more are needed");
}

asio::awaitable<Result<void>> ModelFetches::receive(Handle fetch, std::string url) {
  // Without something that tells whether the file is still the same, what came is of no use.
  if (fetch->have_bytes > 0 && fetch->plan.etag.empty() && fetch->plan.sha256.empty()) {
    if (::ftruncate(fetch->file->get(), 0) != 0 || ::lseek(fetch->file->get(), 0, SEEK_SET) != 0)
      co_return system_error("ftruncate", errno);
    fetch->hash = Sha256();
    fetch->have_bytes = 0;
  }
  auto response = co_await request(fetch, url);
  if (!response) co_return response.error();
  const auto complete = begin_body(*fetch, (*response)->head());
  if (!complete) co_return complete.error();
  if (*complete) co_return Result<void>();
  if (fetch->total_bytes > fetch->have_bytes) {
    if (auto room = check_room(fetch->total_bytes - fetch->have_bytes); !room) co_return room;
  }
  if (auto saved = co_await save(fetch); !saved) co_return saved;
  fetch->detail.clear();
  auto read = co_await read_body(fetch, **response);
  // A body that is cut off is a connection that broke.
  if (!read && read.error().code == ErrorCode::protocol) co_return Error(ErrorCode::unavailable, read.error().detail);
  co_return read;
}

asio::awaitable<Result<void>> ModelFetches::read_body(Handle fetch, net::HttpResponse& response) {
  constexpr std::string_view magic = "GGUF";
  auto buffer = std::make_shared<std::vector<std::byte>>(part_bytes);
  std::size_t filled = 0;
  for (bool ended = false; !ended;) {
    const auto count = co_await response.read_some(std::span(*buffer).subspan(filled));
    ended = !count || *count == 0;
    filled += count ? *count : 0;
    const std::uint64_t have = fetch->have_bytes + filled;
    if (have > options_.max_bytes) co_return failed("the server sends more than models.max_fetch_bytes allows");
    if (fetch->total_bytes > 0 && have > fetch->total_bytes)
      co_return failed("the server sends more than it announced");
    if (fetch->have_bytes == 0 && (filled >= magic.size() || ended)) {
      const std::string_view beginning = as_text(std::span(*buffer).first(std::min(filled, magic.size())));
      if (beginning != magic && !(ended && !count)) co_return failed("what the server sends is not a GGUF file");
    }
    if (filled == buffer->size() || (ended && filled > 0)) {
      if (auto room = check_room(0); !room) co_return room;
      auto work = [file = fetch->file, buffer, filled, fetch]() -> Result<void> {
        const auto bytes = std::span(*buffer).first(filled);
        fetch->hash.update(bytes);
        return write_fully(file->get(), bytes);
      };
      auto written = co_await run_blocking(pool_, std::move(work));
      if (!written) co_return written;
      fetch->have_bytes += filled;
      filled = 0;
    }
    if (!count) co_return count.error();
  }
  if (fetch->total_bytes > 0 && fetch->have_bytes < fetch->total_bytes)
    co_return Error(ErrorCode::unavailable, "the server sent less than it announced");
  if (fetch->have_bytes == 0) co_return failed("the server sent nothing");
  co_return Result<void>();
}

// A whole file is one of the model's.
asio::awaitable<Result<void>> ModelFetches::take_file(Handle fetch, std::string url) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const std::string sha256 = fetch->hash.finish_hex();
  const std::uint64_t size_bytes = std::exchange(fetch->have_bytes, 0);
  const auto file = std::exchange(fetch->file, nullptr);
  auto sync = [file] { return sync_file(file->get()); };
  if (auto synced = co_await run_blocking(pool_, std::move(sync)); !synced) co_return synced;
  if (!fetch->plan.sha256.empty() && fetch->plan.sha256 != sha256) {
    std::error_code ignored;
    std::filesystem::remove(part_path(*fetch), ignored);
    co_return failed("the file's SHA-256 is " + sha256 + ", not the one that was asked for");
  }
  const auto target = domain::parse_fetch_url(url);
  std::string name = target ? target->file_name() : fetch->plan.spec.name;
  const auto adopted = co_await uploads_.adopt(part_path(*fetch), std::move(name), sha256, size_bytes);
  if (!adopted) co_return failed(adopted.error().message);
  domain::ModelFile model_file;
  model_file.sha256 = sha256;
  fetch->plan.spec.files.push_back(std::move(model_file));
  ++fetch->plan.fetched_files;
  fetch->plan.etag.clear();
  auto saved = co_await save(fetch);
  co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
  co_return saved;
}

asio::awaitable<Result<void>> ModelFetches::make_model(Handle fetch) {
  fetch->state = State::checking;
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const auto added = co_await uploads_.add_model(fetch->plan.spec, fetch->plan.actor);
  if (!added) co_return failed(added.error().message);
  co_return Result<void>();
}

asio::awaitable<void> ModelFetches::settle(Handle fetch, Result<void> outcome) {
  fetch->client.reset();
  fetch->file.reset();
  // It goes on after the restart.
  if (fetch->cancelled && !outcome) co_return;
  fetch->ended_at = clock_.system_now();
  if (outcome) {
    fetch->state = State::done;
    const auto removed = co_await store_.remove_fetch(fetch->record.id);
    if (!removed) log().warn("fetch {}: {}", fetch->record.id, removed.error().detail);
    co_return;
  }
  fetch->state = State::failed;
  fetch->detail = outcome.error().detail;
  fetch->record.error = fetch->detail;
  log().warn("fetching model {} failed: {}", fetch->plan.spec.name, fetch->detail);
  const auto saved = co_await save(fetch);
  if (!saved) log().warn("fetch {}: {}", fetch->record.id, saved.error().detail);
}

}  // namespace gogrid::coordinator
