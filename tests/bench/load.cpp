// The bench's client: keeps N requests in flight against one address for a number of requests, and prints what it saw
// as JSON:
//   load --unix SOCKET | --port P --ca FILE [--key-file FILE] [--target PATH] --body FILE --concurrency N --requests R
// Latencies are in microseconds, from the request being sent to the last byte; first_us to the first byte of the body.
// In a stream every "data:" line but the last counts as a token. The first tenth of the requests warms up and is not
// counted.
#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/task_group.hpp"
#include "net/http_client.hpp"

namespace {
namespace asio = boost::asio;
using namespace gogrid;
using SteadyClock = std::chrono::steady_clock;

struct Options {
  std::map<std::string, std::string> values;

  std::string get(const std::string& name) const {
    const auto found = values.find(name);
    return found == values.end() ? "" : found->second;
  }
  int number(const std::string& name) const { return std::atoi(get(name).c_str()); }
};

struct Totals {
  int wanted = 0;
  int warm_up = 0;
  int started = 0;
  int errors = 0;
  long tokens = 0;
  SteadyClock::time_point begun;
  std::vector<double> whole_us;
  std::vector<double> first_us;
};

double microseconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double, std::micro>(SteadyClock::now() - start).count();
}

long count_events(std::string_view text) {
  long count = 0;
  for (auto at = text.find("data: "); at != std::string_view::npos; at = text.find("data: ", at + 1))
    ++count;
  return count;
}

// The first failure is shown, all are counted.
void failed(Totals* totals, const std::string& why) {
  if (totals->errors++ == 0) std::fprintf(stderr, "%s\n", why.c_str());
}

asio::awaitable<void> one_request(net::HttpClient* client, const net::HttpClientRequest* prepared, Totals* totals,
                                  bool counted) {
  const auto start = SteadyClock::now();
  net::HttpClientRequest request = *prepared;
  auto response = co_await client->send(std::move(request));
  if (!response) co_return failed(totals, response.error().detail);
  if ((*response)->head().status / 100 != 2)
    co_return failed(totals, "status " + std::to_string((*response)->head().status));
  double first = 0;
  long events = 0;
  std::vector<std::byte> buffer(64 * 1024);
  for (;;) {
    const auto count = co_await (*response)->read_some(buffer);
    if (!count) co_return failed(totals, count.error().detail);
    if (*count == 0) break;
    if (first == 0) first = microseconds_since(start);
    events += count_events(as_text(std::span(buffer).first(*count)));
  }
  if (counted) {
    totals->whole_us.push_back(microseconds_since(start));
    totals->first_us.push_back(first);
    totals->tokens += std::max(0L, events - 1);
  }
}

asio::awaitable<void> one_client(asio::any_io_executor executor, net::HttpEndpoint endpoint,
                                 const net::HttpClientRequest* request, Totals* totals) {
  const auto client = net::make_http_client(executor, std::move(endpoint));
  while (totals->started < totals->wanted) {
    const bool counted = totals->started >= totals->warm_up;
    if (totals->started++ == totals->warm_up) totals->begun = SteadyClock::now();
    co_await one_request(client.get(), request, totals, counted);
  }
}

nlohmann::json percentiles(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double part) {
    return values.empty() ? 0 : values[static_cast<std::size_t>(part * (values.size() - 1))];
  };
  return {{"p50", at(0.5)}, {"p90", at(0.9)}, {"p99", at(0.99)}, {"max", at(1)}};
}

net::HttpEndpoint endpoint_of(const Options& options) {
  if (!options.get("--unix").empty()) return net::HttpEndpoint::unix_socket(options.get("--unix"));
  net::ClientTls tls;
  tls.trusted_ca = read_file(options.get("--ca"), 1 << 20).value();
  return net::HttpEndpoint::https("127.0.0.1", static_cast<std::uint16_t>(options.number("--port")), std::move(tls));
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2)
    options.values[argv[i]] = argv[i + 1];
  net::HttpClientRequest request;
  request.method = "POST";
  request.target = options.get("--target").empty() ? "/v1/chat/completions" : options.get("--target");
  request.headers.set("Content-Type", "application/json");
  request.body = read_file(options.get("--body"), 16 << 20).value();
  if (!options.get("--key-file").empty()) {
    request.headers.set("Authorization", "Bearer " + read_file(options.get("--key-file"), 4096).value());
  }
  Totals totals;
  totals.wanted = options.number("--requests");
  totals.warm_up = totals.wanted / 10;

  asio::io_context context(1);
  TaskGroup tasks(context.get_executor());
  for (int i = 0; i < options.number("--concurrency"); ++i) {
    tasks.spawn("client", one_client(context.get_executor(), endpoint_of(options), &request, &totals));
  }
  context.run();

  const double seconds = std::chrono::duration<double>(SteadyClock::now() - totals.begun).count();
  const nlohmann::json result{{"requests", totals.whole_us.size()},
                              {"errors", totals.errors},
                              {"seconds", seconds},
                              {"requests_per_second", static_cast<double>(totals.whole_us.size()) / seconds},
                              {"tokens_per_second", static_cast<double>(totals.tokens) / seconds},
                              {"whole_us", percentiles(totals.whole_us)},
                              {"first_us", percentiles(totals.first_us)}};
  std::puts(result.dump().c_str());
}
