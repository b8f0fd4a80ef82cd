// Streams: bytes arrive whole and in order, back-pressure reaches the writer, either side can end either direction,
// every waiting operation wakes, and a cancelled one leaves its object usable.
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <functional>
#include <random>

#include "net/quic/quic_test_support.hpp"

namespace gogrid::net::quic::testing {
namespace {

std::string random_text(std::size_t size, unsigned seed) {
  std::mt19937_64 random(seed);
  std::string text(size, '\0');
  for (char& c : text)
    c = static_cast<char>(random());
  return text;
}

class StreamTest : public QuicTest {
 protected:
  struct StreamPair {
    std::shared_ptr<Stream> client;
    std::shared_ptr<Stream> server;
  };

  // A stream opened by the client; its first byte has been read at the server.
  asio::awaitable<StreamPair> opened(const Pair& pair) {
    StreamPair streams;
    streams.client = pair.client->open_stream().value();
    co_await write_all(streams.client, "!");
    streams.server = (co_await pair.server->accept_stream()).value();
    std::byte first{};
    const Result<std::size_t> count = co_await streams.server->read_some(std::span(&first, 1));
    EXPECT_EQ(count.value(), 1U);
    co_return streams;
  }

  static asio::awaitable<Result<std::size_t>> read_once(std::shared_ptr<Stream> stream) {
    std::array<std::byte, 4096> buffer;
    co_return co_await stream->read_some(buffer);
  }

  // Lets everything that is ready run, a few times over.
  asio::awaitable<void> settle() {
    asio::steady_timer timer(io_, 50ms);
    co_await timer.async_wait(asio::use_awaitable);
  }
  // For what is on its way, however busy the machine is; whoever asks checks it afterwards.
  asio::awaitable<void> await_fact(std::function<bool()> fact) {
    for (int look = 0; look < 400 && !fact(); ++look)
      co_await settle();
  }
};

TEST_F(StreamTest, ManyStreamsAtOnceEchoWholeAndInOrder) {
  run([this]() -> asio::awaitable<void> {
    const Pair pair = co_await connected();
    spawn([server = pair.server] { return echo(server); });
    constexpr int count = 32;
    int done = 0;
    for (int i = 0; i < count; ++i) {
      spawn([&, i]() -> asio::awaitable<void> {
        std::mt19937 random(static_cast<unsigned>(i));
        const std::size_t size = i == 0 ? 10'000'000 : random() % 200'000;
        const std::string text = random_text(size, static_cast<unsigned>(i));
        const auto stream = pair.client->open_stream().value();
        std::string answer;
        bool read = false;
        spawn([&]() -> asio::awaitable<void> {
          answer = co_await read_all(stream);
          read = true;
        });
        co_await write_all(stream, text);
        co_await finish(stream);
        while (!read)
          co_await asio::post(io_, asio::use_awaitable);
        EXPECT_TRUE(answer == text) << i;
        ++done;
      });
    }
    while (done < count)
      co_await asio::post(io_, asio::use_awaitable);
    pair.client->close(0, "");
  });
}

TEST_F(StreamTest, EmptyStreamsAndEmptyWritesWork) {
  run([this]() -> asio::awaitable<void> {
    const Pair pair = co_await connected();
    const auto stream = pair.client->open_stream().value();
    co_await write_all(stream, "");
    co_await finish(stream);
    const auto seen = (co_await pair.server->accept_stream()).value();
    EXPECT_EQ(co_await read_all(seen), "");
    EXPECT_EQ((co_await seen->write(as_bytes("late"))).has_error(), false);
    const Result<void> refused = co_await stream->write(as_bytes("after finish"));
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  });
}

TEST_F(StreamTest, FinishEndsOneDirectionOnly) {
  run([this]() -> asio::awaitable<void> {
    const Pair pair = co_await connected();
    StreamPair streams = co_await opened(pair);
    co_await finish(streams.client);
    EXPECT_EQ(co_await read_all(streams.server), "");
    co_await write_all(streams.server, "still writing");
    co_await finish(streams.server);
    EXPECT_EQ(co_await read_all(streams.client), "still writing");
  });
}

// A reader that does not read stops the writer after the window and the send buffer: nothing more is buffered anywhere.
TEST_F(StreamTest, AWriterWaitsForTheReader) {
  transport_.stream_window_bytes = 64 * 1024;
  run([this]() -> asio::awaitable<void> {
    const Pair pair = co_await connected();
    StreamPair streams = co_await opened(pair);
    constexpr std::size_t piece = 10'000;
    constexpr std::size_t pieces = 200;
    std::size_t written = 0;
    bool all = false;
    spawn([&]() -> asio::awaitable<void> {
      const std::string text(piece, 'x');
      for (std::size_t i = 0; i < pieces; ++i) {
        co_await write_all(streams.client, text);
        written += piece;
      }
      co_await finish(streams.client);
      all = true;
    });
    co_await settle();
    EXPECT_FALSE(all);
    EXPECT_GT(written, 64U * 1024);
    EXPECT_LT(written, (64U + 256 + 64) * 1024);
    const std::size_t stalled_at = written;
    co_await settle();
    EXPECT_EQ(written, stalled_at);
    const std::string text = co_await read_all(streams.server);
    EXPECT_EQ(text.size(), piece * pieces);
    EXPECT_TRUE(all);
  });
}

// One stream that nobody reads must not stop the others until the connection's window is used up.
TEST_F(StreamTest, AStalledStreamDoesNotStopTheOthers) {
  run([this]() -> asio::awaitable<void> {
    const Pair pair = co_await connected();
    StreamPair stalled = co_await opened(pair);
    spawn([&]() -> asio::awaitable<void> {
      const std::string text(2'000'000, 'x');
      const Result<void> ended = co_await stalled.client->write(as_bytes(text));
      EXPECT_EQ(ended.error().code, ErrorCode::cancelled);
    });
    co_await settle();
    spawn([server = pair.server] { return echo(server); });
    const auto stream = pair.client->open_stream().value();
    co_await write_all(stream, "alive");
    co_await finish(stream);
    EXPECT_EQ(co_await read_all(stream), "alive");
    pair.client->close(0, "");
    co_await settle();
  });
}

TEST_F(StreamTest, NoMoreStreamsOpenThanThePeerAllows) {
  for (const std::uint64_t limit : {0, 2, 32}) {
    transport_.max_peer_streams = limit;
    listener_.reset();
    run([this, limit]() -> asio::awaitable<void> {
      const Pair pair = co_await connected();
      std::vector<StreamPair> streams;
      for (std::uint64_t i = 0; i < limit; ++i)
        streams.push_back(co_await opened(pair));
      EXPECT_EQ(pair.client->open_stream().error().code, ErrorCode::unavailable);
      // The peer grants new ones in batches, but never fewer than seven eighths of its limit are to be had.
      for (const StreamPair& stream : streams)
        stream.client->reset(0);
      const std::uint64_t granted = limit - limit / 8;
      for (std::uint64_t i = 0; i < granted; ++i) {
        bool is_open = false;
        std::function<bool()> open = [&] { return is_open = pair.client->open_stream().has_value(); };
        co_await await_fact(std::move(open));
        EXPECT_TRUE(is_open) << i;
      }
    });
    io_.restart();
  }
}

TEST_F(StreamTest, ResetByTheWriterEndsReadsAndWritesAtThePeer) {
  run([this]() -> asio::awaitable<void> {
    const Pair pair = co_await connected();
    const StreamPair streams = co_await opened(pair);
    bool woken = false;
    spawn([&]() -> asio::awaitable<void> {
      const auto count = co_await read_once(streams.server);
      EXPECT_EQ(count.error().code, ErrorCode::cancelled);
      const Result<void> written = co_await streams.server->write(as_bytes("x"));
      EXPECT_EQ(written.error().code, ErrorCode::cancelled);
      woken = true;
    });
    co_await settle();
    streams.client->reset(42);
    const auto own = co_await read_once(streams.client);
    EXPECT_EQ(own.error().code, ErrorCode::cancelled);
    std::function<bool()> is_woken = [&] { return woken; };
    co_await await_fact(std::move(is_woken));
    EXPECT_TRUE(woken);
    EXPECT_TRUE(pair.client->open_stream());
    pair.client->close(0, "");
    co_await settle();
    EXPECT_FALSE(streams.server->lost()) << "it was reset before";
    EXPECT_FALSE(streams.client->lost());
  });
}

TEST_F(StreamTest, ResetByTheReaderEndsABlockedWrite) {
  run([this]() -> asio::awaitable<void> {
    const Pair pair = co_await connected();
    const StreamPair streams = co_await opened(pair);
    bool woken = false;
    spawn([&]() -> asio::awaitable<void> {
      const std::string text(5'000'000, 'x');
      const Result<void> written = co_await streams.client->write(as_bytes(text));
      EXPECT_EQ(written.error().code, ErrorCode::cancelled);
      woken = true;
    });
    co_await settle();
    EXPECT_FALSE(woken);
    streams.server->reset(7);
    std::function<bool()> is_woken = [&] { return woken; };
    co_await await_fact(std::move(is_woken));
    EXPECT_TRUE(woken);
  });
}

// What arrived but was not read must not use up the connection's window for ever.
TEST_F(StreamTest, ResetStreamsGiveTheirWindowBack) {
  transport_.connection_window_bytes = 512 * 1024;
  run([this]() -> asio::awaitable<void> {
    const Pair pair = co_await connected();
    for (int i = 0; i < 20; ++i) {
      const StreamPair streams = co_await opened(pair);
      const std::string text(100'000, 'x');
      co_await write_all(streams.client, text);
      co_await asio::post(io_, asio::use_awaitable);
      if (i % 2 == 0) streams.server->reset(0);
    }
    const StreamPair streams = co_await opened(pair);
    const std::string text(600'000, 'y');
    spawn([&]() -> asio::awaitable<void> {
      co_await write_all(streams.client, text);
      co_await finish(streams.client);
    });
    const std::string answer = co_await read_all(streams.server);
    EXPECT_EQ(answer.size(), text.size());
  });
}

TEST_F(StreamTest, LettingAHandleGoDeliversWhatWasFinished) {
  run([this]() -> asio::awaitable<void> {
    const Pair pair = co_await connected();
    const std::string text = random_text(150'000, 3);
    {
      const auto stream = pair.client->open_stream().value();
      co_await write_all(stream, text);
      co_await finish(stream);
    }
    const auto seen = (co_await pair.server->accept_stream()).value();
    EXPECT_TRUE(co_await read_all(seen) == text);
    {
      const auto unfinished = pair.client->open_stream().value();
      co_await write_all(unfinished, "half");
      co_await asio::post(io_, asio::use_awaitable);
    }
    const auto broken = (co_await pair.server->accept_stream()).value();
    co_await settle();
    const auto count = co_await read_once(broken);
    EXPECT_EQ(count.error().code, ErrorCode::cancelled);
  });
}

TEST_F(StreamTest, CloseWakesEverythingOnBothSides) {
  run([this]() -> asio::awaitable<void> {
    const Pair pair = co_await connected();
    const StreamPair streams = co_await opened(pair);
    const StreamPair idle = co_await opened(pair);
    int woken = 0;
    const auto expect_cancelled = [&](const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::cancelled) << error.detail;
      ++woken;
    };
    const std::string text(5'000'000, 'x');
    spawn([&]() -> asio::awaitable<void> { expect_cancelled((co_await read_once(idle.client)).error()); });
    spawn(
        [&]() -> asio::awaitable<void> { expect_cancelled((co_await streams.client->write(as_bytes(text))).error()); });
    spawn([&]() -> asio::awaitable<void> { expect_cancelled((co_await pair.client->accept_stream()).error()); });
    spawn(
        [&]() -> asio::awaitable<void> { expect_cancelled((co_await streams.server->write(as_bytes(text))).error()); });
    spawn([&]() -> asio::awaitable<void> { expect_cancelled((co_await pair.server->accept_stream()).error()); });
    spawn([&]() -> asio::awaitable<void> {
      const Error reason = co_await pair.server->closed();
      EXPECT_NE(reason.detail.find("code 5"), std::string::npos) << reason.detail;
      EXPECT_NE(reason.detail.find("going home"), std::string::npos) << reason.detail;
      expect_cancelled(reason);
    });
    spawn([&]() -> asio::awaitable<void> { expect_cancelled(co_await pair.client->closed()); });
    co_await settle();
    EXPECT_EQ(woken, 0);
    EXPECT_FALSE(idle.server->lost());
    pair.client->close(5, "going home");
    co_await settle();
    EXPECT_EQ(woken, 7);
    EXPECT_TRUE(idle.client->lost());
    EXPECT_TRUE(idle.server->lost());
    EXPECT_TRUE(streams.server->lost());
    EXPECT_EQ(pair.client->open_stream().error().code, ErrorCode::cancelled);
    EXPECT_EQ((co_await pair.server->accept_stream()).error().code, ErrorCode::cancelled);
  });
}

TEST_F(StreamTest, LettingTheConnectionGoClosesIt) {
  run([this]() -> asio::awaitable<void> {
    Pair pair = co_await connected();
    const StreamPair streams = co_await opened(pair);
    pair.client.reset();
    const Error reason = co_await pair.server->closed();
    EXPECT_EQ(reason.code, ErrorCode::cancelled);
    EXPECT_EQ((co_await read_once(streams.client)).error().code, ErrorCode::cancelled);
  });
}

TEST_F(StreamTest, CloseWithTheRefusalCodeIsPermissionDenied) {
  run([this]() -> asio::awaitable<void> {
    const Pair pair = co_await connected();
    pair.server->close(close_code_refused, "revoked");
    const Error reason = co_await pair.client->closed();
    EXPECT_EQ(reason.code, ErrorCode::permission_denied);
    EXPECT_EQ(reason.detail, "revoked");
  });
}

// A last message and its end can be read though the sender closed right after it.
TEST_F(StreamTest, WhatArrivedInFullOutlivesTheConnection) {
  run([this]() -> asio::awaitable<void> {
    const Pair pair = co_await connected();
    const StreamPair streams = co_await opened(pair);
    co_await write_all(streams.client, "goodbye");
    co_await finish(streams.client);
    co_await settle();
    pair.client->close(0, "");
    co_await pair.server->closed();
    EXPECT_EQ(co_await read_all(streams.server), "goodbye");
  });
}

class CancellationTest : public StreamTest {
 protected:
  // Starts `operation`, cancels it once it waits, and tells the error that it ended with.
  asio::awaitable<Error> cancelled(std::function<asio::awaitable<Error>()> operation) {
    asio::cancellation_signal signal;
    std::optional<Error> result;
    bool ended = false;
    asio::co_spawn(
        io_, [&]() -> asio::awaitable<void> { result = co_await operation(); },
        asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr) { ended = true; }));
    co_await settle();
    EXPECT_FALSE(ended);
    signal.emit(asio::cancellation_type::all);
    co_await settle();
    EXPECT_TRUE(ended);
    EXPECT_TRUE(result.has_value());
    co_return result.value_or(Error(ErrorCode::internal, "it did not end"));
  }
};

TEST_F(CancellationTest, ReadAndAcceptCanBeTriedAgain) {
  run([this]() -> asio::awaitable<void> {
    const Pair pair = co_await connected();
    const StreamPair streams = co_await opened(pair);
    const Error read =
        co_await cancelled([&]() -> asio::awaitable<Error> { co_return (co_await read_once(streams.server)).error(); });
    EXPECT_EQ(read.code, ErrorCode::cancelled);
    co_await write_all(streams.client, "more");
    EXPECT_EQ((co_await read_once(streams.server)).value(), 4U);
    const Error accept = co_await cancelled(
        [&]() -> asio::awaitable<Error> { co_return (co_await pair.server->accept_stream()).error(); });
    EXPECT_EQ(accept.code, ErrorCode::cancelled);
    const StreamPair next = co_await opened(pair);
    EXPECT_NE(next.server->id(), streams.server->id());
  });
}

TEST_F(CancellationTest, WriteAndListenerAccept) {
  run([this]() -> asio::awaitable<void> {
    const Pair pair = co_await connected();
    const StreamPair streams = co_await opened(pair);
    const std::string text(5'000'000, 'x');
    const Error write = co_await cancelled(
        [&]() -> asio::awaitable<Error> { co_return (co_await streams.client->write(as_bytes(text))).error(); });
    EXPECT_EQ(write.code, ErrorCode::cancelled);
    const Error accept =
        co_await cancelled([&]() -> asio::awaitable<Error> { co_return (co_await listener_->accept()).error(); });
    EXPECT_EQ(accept.code, ErrorCode::cancelled);
    const Error closed =
        co_await cancelled([&]() -> asio::awaitable<Error> { co_return co_await pair.client->closed(); });
    EXPECT_EQ(closed.code, ErrorCode::cancelled);
    streams.client->reset(0);
    co_await settle();
    const StreamPair next = co_await opened(pair);
    EXPECT_NE(next.client->id(), streams.client->id());
  });
}

TEST_F(CancellationTest, Connect) {
  run([this]() -> asio::awaitable<void> {
    asio::ip::udp::socket silent(io_, {asio::ip::address_v4::loopback(), 0});
    const Error error = co_await cancelled([&]() -> asio::awaitable<Error> {
      ConnectOptions options;
      options.host = "127.0.0.1";
      options.port = silent.local_endpoint().port();
      options.server_name = pki::coordinator_name;
      options.credentials = Certificates::get().worker;
      co_return (co_await connect(io_.get_executor(), std::move(options))).error();
    });
    EXPECT_EQ(error.code, ErrorCode::cancelled);
  });
}

}  // namespace
}  // namespace gogrid::net::quic::testing
