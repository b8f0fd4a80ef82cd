// ModelFetches: models that the coordinator fetches itself, from URLs that its administrator allows. A fetch goes on
// where it stopped, after a broken connection and after a restart, until its model is in the library or it has failed
// for good. Owned by the Coordinator, used on the io thread; files are written on the pool.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/sha256.hpp"
#include "base/task_group.hpp"
#include "coordinator/fetch_plan.hpp"
#include "coordinator/uploads.hpp"
#include "domain/fetch_rules.hpp"

namespace gogrid::net {
class HttpResponse;
struct ResponseHead;
}  // namespace gogrid::net

namespace gogrid::coordinator {

class ModelFetches {
 public:
  struct Options {
    std::vector<std::string> allowed_urls;
    std::uint64_t max_bytes = 0;
    std::filesystem::path directory;
    // The first pause after a break; each one without progress in between is twice as long.
    std::chrono::milliseconds first_pause{1000};
  };
  ModelFetches(boost::asio::any_io_executor executor, Options options, store::FetchStore& store, Uploads& uploads,
               const ModelLibrary& models, AuditLog& audit, const Clock& clock, boost::asio::thread_pool& pool);

  // Goes on with what a restart has interrupted. After uploads are loaded. `trusted_ca`: PEM authorities to trust;
  // empty: the system's.
  Pending<> load(std::string trusted_ca);
  // Breaks off; what came is kept.
  void stop();
  boost::asio::awaitable<void> stopped();

  struct Wanted {
    std::string url;
    // Of a model of one file; empty: it is not compared.
    std::string sha256;
    // Its files that are here already, projector and adapters, and how it is served.
    ModelSpec spec;
  };
  enum class State { waiting, fetching, checking, done, failed };
  struct View {
    std::string id;
    std::string name;
    // Without the query.
    std::string url;
    State state = State::waiting;
    // Of the file that is being fetched; its size is 0 until the server has said it.
    std::uint64_t done_bytes = 0;
    std::uint64_t total_bytes = 0;
    std::size_t file = 1;
    std::size_t files = 1;
    // Why it failed, or what it tries again after.
    std::string detail;
    SystemTime created_at;
  };
  template <class T>
  using Answer = boost::asio::awaitable<ApiResult<T>>;

  // Begins it; one of that name and URL that is under way, or has failed, goes on.
  Answer<View> begin(Wanted wanted, std::string actor);
  // The oldest first; those that are done for a while as well.
  std::vector<View> list() const;
  // nullopt for an unknown id.
  std::optional<View> find(const std::string& id) const;
  // Breaks it off and deletes what came; false for an unknown id.
  Answer<bool> remove(std::string id, std::string actor);

 private:
  struct Fetch;
  using Handle = std::shared_ptr<Fetch>;

  void start(const Handle& fetch);
  boost::asio::awaitable<void> run(Handle fetch);
  boost::asio::awaitable<Result<void>> fetch_all(Handle fetch);
  boost::asio::awaitable<Result<void>> fetch_file(Handle fetch, std::string url);
  boost::asio::awaitable<Result<void>> open_part(Handle fetch);
  // One connection; unavailable: it broke, and can go on.
  boost::asio::awaitable<Result<void>> receive(Handle fetch, std::string url);
  boost::asio::awaitable<Result<std::unique_ptr<net::HttpResponse>>> request(Handle fetch, std::string url);
  // True when the file is complete as it is.
  Result<bool> begin_body(Fetch& fetch, const net::ResponseHead& head);
  boost::asio::awaitable<Result<void>> read_body(Handle fetch, net::HttpResponse& response);
  boost::asio::awaitable<Result<void>> take_file(Handle fetch, std::string url);
  boost::asio::awaitable<Result<void>> make_model(Handle fetch);
  boost::asio::awaitable<void> settle(Handle fetch, Result<void> outcome);
  Result<void> check_room(std::uint64_t more_bytes) const;
  boost::asio::awaitable<Result<void>> save(Handle fetch);
  std::filesystem::path part_path(const Fetch& fetch) const;
  View view(const Fetch& fetch) const;

  boost::asio::any_io_executor executor_;
  const Options options_;
  std::string trusted_ca_;
  store::FetchStore& store_;
  Uploads& uploads_;
  const ModelLibrary& models_;
  AuditLog& audit_;
  const Clock& clock_;
  boost::asio::thread_pool& pool_;
  std::map<std::string, Handle> fetches_;
  // One after the other: they share a line.
  AsyncLock line_;
  bool stopping_ = false;
};

std::string_view to_string(ModelFetches::State state);

}  // namespace gogrid::coordinator
