#include "worker/session.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <limits>

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "base/task_group.hpp"
#include "net/pki.hpp"
#include "wire/frame.hpp"
#include "wire/worker_protocol.pb.h"
#include "worker/back_off.hpp"
#include "worker/chance.hpp"
#include "worker/enrolment.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace quic = net::quic;
namespace {

constexpr std::chrono::seconds stable_time{60};
// After a refusal: it will not change by itself, but may be taken back.
constexpr std::chrono::milliseconds refused_retry{60'000};
constexpr std::chrono::milliseconds progress_interval{500};
constexpr std::chrono::seconds welcome_timeout{15};
// The coordinator's own, shorter one decides.
constexpr std::chrono::minutes longest_idle_timeout{10};
// A steady clock stands still while the machine sleeps: the certificate's age is looked at this often.
constexpr std::chrono::hours longest_renewal_wait{6};
constexpr std::chrono::minutes renewal_retry{10};
// More than the slots of all replicas: a stream ends a little later than the request that had the slot.
constexpr std::uint64_t max_work_streams = 8192;
constexpr std::uint64_t close_code_done = 0;
constexpr std::uint64_t close_code_protocol = 2;

std::string show_date(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts);
  return text;
}

}  // namespace

// One connection and what runs on it.
struct Session::Link {
  Link(asio::any_io_executor executor, std::shared_ptr<quic::Connection> its_connection)
      : connection(std::move(its_connection)), tasks(executor), works(executor), changed(executor) {}

  std::shared_ptr<quic::Connection> connection;
  std::shared_ptr<quic::Stream> control;
  wire::FrameReader reader;
  TaskGroup tasks;
  // Not cancelled, only waited for: each ends with its stream.
  TaskGroup works;
  bool important = true;
  bool progress = true;
  bool hardware = true;
  // What the coordinator knows of it.
  std::string hardware_said;
  // A frame; empty: none.
  std::string reading;
  Notifier changed;
  // Why we ended it ourselves.
  std::optional<Error> failure;

  bool has_hardware_news() const { return hardware || !reading.empty(); }
  void fail(Error error) {
    if (!failure) failure = error;
    connection->close(close_code_protocol, error.detail.substr(0, 256));
  }
};

wire::Hardware SessionClient::hardware() { return hello().hardware(); }

Session::Session(asio::any_io_executor executor, SessionOptions options, SessionClient& client)
    : executor_(executor), options_(std::move(options)), client_(client), wake_(executor) {
  if (const auto times = certificate_times(options_.identity.certificate_chain)) {
    status_.certificate_expires = times->expires;
    renew_at_ = times->renew;
  }
}

Session::~Session() = default;

SessionStatus Session::status() const {
  SessionStatus status = status_;
  if (link_ && status.connected) status.rtt = link_->connection->smoothed_rtt();
  return status;
}

void Session::stop() {
  stopping_ = true;
  wake_.notify();
  if (link_) link_->connection->close(close_code_done, "the worker is stopping");
}

void Session::state_changed(Change change) {
  if (!link_) return;
  link_->progress = true;
  if (change == Change::important) link_->important = true;
  link_->changed.notify();
}

void Session::hardware_changed() {
  if (!link_) return;
  link_->hardware = true;
  link_->changed.notify();
}

void Session::send_reading(const wire::HardwareReading& reading) {
  if (!link_) return;
  wire::WorkerFrame frame;
  *frame.mutable_reading() = reading;
  link_->reading = wire::encode_frame(frame);
  link_->changed.notify();
}

asio::awaitable<void> Session::run() {
  BackOff back_off(options_.first_retry, options_.longest_retry);
  while (!stopping_) {
    const Error error = co_await run_connection();
    const bool was_connected = status_.connected;
    const bool was_stable = was_connected && std::chrono::system_clock::now() - status_.since > stable_time;
    status_.connected = false;
    if (was_connected) client_.disconnected();
    if (stopping_) break;
    report_lost(error);
    if (error.code == ErrorCode::permission_denied) client_.refused();
    client_.settled();
    if (was_stable) {
      back_off.reset();
      continue;
    }
    auto pause = back_off.next(random_chance());
    if (error.code == ErrorCode::permission_denied) pause = std::max(pause, refused_retry);
    co_await wake_.wait_for(pause);
  }
}

void Session::report_lost(const Error& error) {
  std::string detail = error.detail;
  if (error.code == ErrorCode::permission_denied) {
    detail = "the coordinator refuses this worker: " + detail + "; join again with a new token, or remove the worker";
  } else if (std::chrono::system_clock::now() > status_.certificate_expires) {
    detail = "the worker's certificate expired on " + show_date(status_.certificate_expires) +
             ": join again with `gogrid-worker join` and a new token (" + detail + ")";
  }
  // The same trouble again is not news.
  if (detail != status_.last_error) log().warn("no connection to the coordinator: {}", detail);
  status_.last_error = detail;
}

asio::awaitable<Error> Session::run_connection() {
  auto opened = co_await open_link();
  if (!opened) co_return opened.error();
  const auto link = *opened;
  // From here on everything ends because the connection does.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  link_ = link;
  status_.connected = true;
  status_.since = std::chrono::system_clock::now();
  status_.last_error.clear();
  link->tasks.spawn("control stream", read_control(link));
  link->tasks.spawn("worker state", write_states(link));
  link->tasks.spawn("work streams", accept_work(link));
  link->tasks.spawn("certificate", renew_certificate(link));
  if (stopping_) link->connection->close(close_code_done, "the worker is stopping");
  const Error closed = co_await link->connection->closed();
  link_ = nullptr;
  link->tasks.cancel();
  co_await link->tasks.wait();
  co_await link->works.wait();
  co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
  co_return link->failure.value_or(closed);
}

asio::awaitable<Result<std::shared_ptr<Session::Link>>> Session::open_link() {
  quic::ConnectOptions options;
  options.host = options_.coordinator_host;
  options.port = options_.coordinator_port;
  options.server_name = net::pki::coordinator_name;
  options.credentials.certificate_chain = options_.identity.certificate_chain;
  options.credentials.private_key = options_.identity.private_key;
  options.credentials.trusted_ca = options_.identity.authority;
  options.transport.idle_timeout = longest_idle_timeout;
  options.transport.max_peer_streams = max_work_streams;
  auto connection = co_await quic::connect(executor_, std::move(options));
  if (!connection) co_return connection.error();
  auto link = std::make_shared<Link>(executor_, std::move(*connection));
  asio::steady_timer deadline(executor_, welcome_timeout);
  deadline.async_wait([weak = std::weak_ptr<Link>(link)](boost::system::error_code failure) {
    const auto late = weak.lock();
    if (!failure && late) late->fail(Error(ErrorCode::timeout, "the coordinator did not say welcome in time"));
  });
  auto greeted = co_await greet(link);
  if (greeted) co_return link;
  if (link->failure) co_return *link->failure;
  if (greeted.error().code == ErrorCode::protocol) link->fail(greeted.error());
  // The connection knows better why its stream failed: a refusal comes with its reason.
  if (greeted.error().code == ErrorCode::cancelled) co_return co_await link->connection->closed();
  co_return greeted.error();
}

asio::awaitable<Result<void>> Session::greet(std::shared_ptr<Link> link) {
  auto control = link->connection->open_stream();
  if (!control) co_return control.error();
  link->control = std::move(*control);
  {
    wire::WorkerFrame frame;
    *frame.mutable_hello() = client_.hello();
    link->hardware_said = frame.hello().hardware().SerializeAsString();
    const std::string bytes = wire::encode_frame(frame);
    auto written = co_await link->control->write(as_bytes(bytes));
    if (!written) co_return written;
  }
  auto frame = co_await read_frame(link);
  if (!frame) co_return frame.error();
  if (!*frame || !(*frame)->has_welcome()) co_return Error(ErrorCode::protocol, "the coordinator did not say welcome");
  const auto& welcome = (*frame)->welcome();
  if (welcome.https_port() > std::numeric_limits<std::uint16_t>::max()) {
    co_return Error(ErrorCode::protocol, "the coordinator named a port that there cannot be");
  }
  BlobSource source;
  source.host = options_.coordinator_host;
  source.port =
      static_cast<std::uint16_t>(welcome.https_port() != 0 ? welcome.https_port() : options_.coordinator_port);
  source.ticket = welcome.blob_ticket();
  source.authority = options_.identity.authority;
  log().info("connected to {}:{} (version {})", options_.coordinator_host, options_.coordinator_port,
             welcome.version().substr(0, 40));
  status_.connected = true;
  status_.since = std::chrono::system_clock::now();
  client_.connected(std::move(source));
  co_return Result<void>();
}

// nullopt at the orderly end of the stream.
asio::awaitable<Result<std::optional<wire::CoordinatorFrame>>> Session::read_frame(std::shared_ptr<Link> link) {
  for (;;) {
    const auto payload = link->reader.next();
    if (!payload) co_return payload.error();
    if (*payload) {
      auto frame = wire::decode_frame<wire::CoordinatorFrame>(**payload);
      if (!frame) co_return frame.error();
      co_return std::optional(std::move(*frame));
    }
    const auto space = link->reader.prepare();
    const auto count = co_await link->control->read_some(space);
    if (!count) co_return count.error();
    if (*count == 0) co_return std::optional<wire::CoordinatorFrame>();
    link->reader.commit(*count);
  }
}

asio::awaitable<void> Session::read_control(std::shared_ptr<Link> link) {
  for (;;) {
    auto frame = co_await read_frame(link);
    if (!frame) {
      if (frame.error().code == ErrorCode::protocol) link->fail(frame.error());
      // Otherwise the connection is over, and says why.
      if (frame.error().code != ErrorCode::protocol)
        link->connection->close(close_code_done, "the control stream ended");
      co_return;
    }
    if (!*frame) {
      link->connection->close(close_code_done, "the control stream ended");
      co_return;
    }
    take_frame(*link, **frame);
  }
}

void Session::take_frame(Link& link, const wire::CoordinatorFrame& frame) {
  switch (frame.kind_case()) {
    case wire::CoordinatorFrame::kAssignment:
      return client_.assigned(frame.assignment());
    case wire::CoordinatorFrame::kReleaseLeases:
      return client_.released(frame.release_leases());
    case wire::CoordinatorFrame::kWatchHardware:
      return client_.watch_hardware(std::chrono::seconds(frame.watch_hardware().seconds()));
    case wire::CoordinatorFrame::kCertificateRenewed:
      return take_certificate(frame.certificate_renewed().certificate_chain());
    case wire::CoordinatorFrame::kWelcome:
      return link.fail(Error(ErrorCode::protocol, "the coordinator said welcome twice"));
    // A kind that only newer coordinators know.
    case wire::CoordinatorFrame::KIND_NOT_SET:
      return;
  }
}

asio::awaitable<void> Session::write_states(std::shared_ptr<Link> link) {
  std::string last;
  auto last_sent = std::chrono::steady_clock::time_point::min();
  for (;;) {
    while (!link->progress && !link->important && !link->has_hardware_news())
      co_await link->changed.wait();
    if (link->has_hardware_news()) {
      const bool written = co_await write_hardware(link);
      if (!written) co_return;
      continue;
    }
    const auto next =
        last_sent == std::chrono::steady_clock::time_point::min() ? last_sent : last_sent + progress_interval;
    while (!link->important && !link->has_hardware_news() && std::chrono::steady_clock::now() < next)
      co_await link->changed.wait_until(next);
    if (link->has_hardware_news()) continue;
    link->important = false;
    link->progress = false;
    wire::WorkerFrame frame;
    *frame.mutable_state() = client_.state();
    std::string bytes = wire::encode_frame(frame);
    if (bytes == last) continue;
    const auto written = co_await link->control->write(as_bytes(bytes));
    if (!written) co_return;
    last = std::move(bytes);
    last_sent = std::chrono::steady_clock::now();
  }
}

asio::awaitable<bool> Session::write_hardware(std::shared_ptr<Link> link) {
  std::string bytes = std::exchange(link->reading, {});
  if (std::exchange(link->hardware, false)) {
    wire::WorkerFrame frame;
    *frame.mutable_hardware() = client_.hardware();
    std::string said = frame.hardware().SerializeAsString();
    if (said != link->hardware_said) bytes += wire::encode_frame(frame);
    link->hardware_said = std::move(said);
  }
  if (bytes.empty()) co_return true;
  const auto written = co_await link->control->write(as_bytes(bytes));
  co_return written.has_value();
}

asio::awaitable<void> Session::accept_work(std::shared_ptr<Link> link) {
  for (;;) {
    auto stream = co_await link->connection->accept_stream();
    if (!stream) co_return;
    link->works.spawn("work", client_.serve(std::move(*stream)));
  }
}

asio::awaitable<void> Session::renew_certificate(std::shared_ptr<Link> link) {
  for (;;) {
    const auto now = std::chrono::system_clock::now();
    if (now < renew_at_) {
      const auto wait = std::min<std::chrono::system_clock::duration>(renew_at_ - now, longest_renewal_wait);
      co_await link->changed.wait_for(std::chrono::duration_cast<std::chrono::steady_clock::duration>(wait) +
                                      std::chrono::seconds(1));
      continue;
    }
    const auto request = net::pki::create_request(options_.identity.private_key, options_.identity.worker_id);
    if (!request) {
      log().error("cannot renew the certificate: {}", request.error().detail);
      co_return;
    }
    wire::WorkerFrame frame;
    frame.mutable_renew_certificate()->set_certificate_request(*request);
    const std::string bytes = wire::encode_frame(frame);
    const auto written = co_await link->control->write(as_bytes(bytes));
    if (!written) co_return;
    asio::steady_timer again(executor_, renewal_retry);
    co_await again.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

void Session::take_certificate(const std::string& chain) {
  if (auto pair = net::pki::check_pair(chain, options_.identity.private_key); !pair) {
    log().error("the coordinator sent a renewed certificate that is not ours: {}", pair.error().detail);
    return;
  }
  const auto times = certificate_times(chain);
  if (!times) return;
  // It is good for as long as this process lives, also where it cannot be kept.
  if (auto stored = store_certificate(options_.identity_dir, chain); !stored)
    log().error("cannot store the renewed certificate, which a restart would lose: {}", stored.error().detail);
  options_.identity.certificate_chain = chain;
  status_.certificate_expires = times->expires;
  renew_at_ = times->renew;
  log().info("certificate renewed, valid until {}", show_date(times->expires));
}

}  // namespace gogrid::worker
