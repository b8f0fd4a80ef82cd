// Stand-in for llama-server in the overhead rows of the bench: answers at once, so that what is measured is everything
// but the engine. Takes llama-server's --host SOCKET and ignores its other flags. Chat answers have `max_tokens`
// tokens; with "stream" each is one event. "wait_ms" makes it think for so long before. With "ask_arrival" the answer
// says when the request was here: "arrived_us", of the monotonic clock. From a request with "hang" on it says only that
// it is healthy, as an engine whose GPU hangs does.
#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/task_group.hpp"
#include "net/http_server.hpp"

namespace {
namespace asio = boost::asio;
using namespace gogrid;

asio::awaitable<void> stream_answer(net::HttpExchange* exchange, int tokens) {
  net::ResponseHead head;
  head.headers.set("Content-Type", "text/event-stream");
  if (!co_await exchange->start(std::move(head))) co_return;
  const std::string chunk =
      "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" token\"},\"finish_reason\":null}],\"created\":1,"
      "\"id\":\"chatcmpl-stand-in\",\"model\":\"stand-in\",\"object\":\"chat.completion.chunk\"}\n\n";
  for (int i = 0; i < tokens; ++i) {
    if (!co_await exchange->write(chunk)) co_return;
  }
  const std::string_view done = "data: [DONE]\n\n";
  if (!co_await exchange->write(done)) co_return;
  co_await exchange->finish();
}

asio::awaitable<void> wait(asio::steady_timer::duration time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

asio::awaitable<void> handle(net::HttpExchange& exchange) {
  static bool hangs = false;
  if (hangs && exchange.request().target != "/health") co_await wait(asio::steady_timer::duration::max());
  net::ResponseHead head;
  head.headers.set("Content-Type", "application/json");
  if (exchange.request().method == "GET") {
    co_await exchange.respond(std::move(head), R"({"status":"ok"})");
    co_return;
  }
  const auto body = co_await exchange.read_body(16 * 1024 * 1024);
  if (!body) co_return;
  const auto arrived = std::chrono::steady_clock::now().time_since_epoch();
  const auto request = nlohmann::json::parse(*body, nullptr, false);
  const int tokens = request.is_object() ? request.value("max_tokens", 16) : 16;
  const int wait_ms = request.is_object() ? request.value("wait_ms", 0) : 0;
  hangs = request.is_object() && request.value("hang", false);
  if (hangs) co_await wait(asio::steady_timer::duration::max());
  if (wait_ms > 0) co_await wait(std::chrono::milliseconds(wait_ms));
  if (request.is_object() && request.value("stream", false)) {
    co_await stream_answer(&exchange, tokens);
    co_return;
  }
  std::string text;
  for (int i = 0; i < tokens; ++i)
    text += " token";
  std::string arrival;
  if (request.is_object() && request.value("ask_arrival", false))
    arrival =
        fmt::format(R"("arrived_us":{},)", std::chrono::duration_cast<std::chrono::microseconds>(arrived).count());
  std::string answer = fmt::format(
      R"({{{}"choices":[{{"finish_reason":"length","index":0,"message":{{"role":"assistant","content":"{}"}}}}],"usage":{{"completion_tokens":{}}}}})",
      arrival, text, tokens);
  co_await exchange.respond(std::move(head), std::move(answer));
}

}  // namespace

int main(int argc, char** argv) {
  std::filesystem::path socket;
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::string_view(argv[i]) == "--host") socket = argv[i + 1];
  }
  if (socket.empty()) {
    std::fputs("usage: stand_in_engine --host SOCKET\n", stderr);
    return 2;
  }
  asio::io_context context(1);
  net::HttpLimits limits;
  auto server = net::listen_unix(context.get_executor(), socket, limits, handle);
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().detail.c_str());
    return 1;
  }
  TaskGroup tasks(context.get_executor());
  tasks.spawn("server", (*server)->run());
  asio::signal_set signals(context, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code&, int) { (*server)->stop(std::chrono::milliseconds(0)); });
  std::fputs("stand-in engine is listening\n", stderr);
  context.run();
}
