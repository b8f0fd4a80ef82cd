#include "coordinator/worker_sessions.hpp"

#include <malloc.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <utility>

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "coordinator/dispatch.hpp"
#include "coordinator/metrics.hpp"
#include "wire/frame.hpp"
#include "wire/hardware_messages.hpp"
#include "wire/worker_messages.hpp"
#include "wire/worker_protocol.pb.h"

namespace gogrid::coordinator {
namespace asio = boost::asio;
namespace quic = net::quic;

namespace {

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);
// Renewing costs a signature and a durable write.
constexpr std::chrono::seconds min_renewal_interval{1};
// A state makes the scheduler look at every model anew: a worker that sends more is read from more slowly.
constexpr std::chrono::milliseconds state_interval{100};
constexpr std::chrono::milliseconds state_burst{2000};
// A client is given twice as long, and has one connection to look after.
constexpr std::chrono::milliseconds longest_handshake{5'000};
constexpr std::size_t many_handshakes = 32;
constexpr std::chrono::seconds quiet_time{3};
// Whoever looks asks again within this time, or the worker stops looking.
constexpr std::chrono::seconds watch_time{10};
constexpr std::chrono::seconds watch_renewal{5};
// Workers that are asked send one a second.
constexpr std::chrono::milliseconds fresh_time{3000};

}  // namespace

// One worker's connection. Its coroutine reads the control stream; while there is something to be sent a second one
// writes it.
class WorkerSessions::Session final : public WorkerLink, public std::enable_shared_from_this<Session> {
 public:
  Session(WorkerSessions& owner, std::shared_ptr<quic::Connection> connection)
      : owner_(owner),
        connection_(std::move(connection)),
        id_(connection_->peer().common_name),
        ticket_(to_base64url(as_bytes(random_bytes(32)))),
        since_(owner.clock_.system_now()) {}

  asio::awaitable<void> run();
  void close(std::uint64_t code, const std::string& reason) {
    closing_ = true;
    connection_->close(code, reason);
  }

  const domain::WorkerId& worker_id() const override { return id_; }
  void assign(domain::Assign assign) override {
    assignment_ = std::move(assign);
    start_writing();
  }
  void release_leases(std::vector<domain::LeaseId> leases) override {
    released_.insert(released_.end(), leases.begin(), leases.end());
    start_writing();
  }
  Result<std::shared_ptr<quic::Stream>> open_stream() override { return connection_->open_stream(); }
  bool is_open() const override { return connection_->is_open(); }

  const domain::Hardware& hardware() const { return facts_.hardware; }
  std::optional<Reading> reading() const {
    const auto age = owner_.clock_.steady_now() - reading_at_;
    if (!reading_ || age > fresh_time) return std::nullopt;
    return Reading{*reading_, std::chrono::duration_cast<std::chrono::milliseconds>(age)};
  }
  // False when the worker does not know how.
  bool watch_hardware();
  asio::awaitable<void> reading_arrives(std::chrono::milliseconds wait);

  const std::string& ticket() const { return ticket_; }
  Connected describe() const {
    const auto remote = connection_->remote_endpoint();
    std::string host = remote.address().to_string();
    if (remote.address().is_v6()) host = "[" + host + "]";
    return {host + ":" + std::to_string(remote.port()), connection_->smoothed_rtt(), since_};
  }

 private:
  asio::awaitable<Result<void>> greet();
  asio::awaitable<Result<wire::WorkerFrame>> read_frame();
  asio::awaitable<Result<void>> send_welcome();
  asio::awaitable<Result<void>> read_frames();
  asio::awaitable<Result<void>> renew(std::string certificate_request);
  asio::awaitable<void> pace_states();
  void take_reading(const wire::HardwareReading& reading);
  void start_writing();
  asio::awaitable<void> write_outbox(std::shared_ptr<Session> self);
  void enter_service(const wire::Hello& hello);

  WorkerSessions& owner_;
  std::shared_ptr<quic::Connection> connection_;
  std::shared_ptr<quic::Stream> control_;
  const domain::WorkerId id_;
  const std::string ticket_;
  const SystemTime since_;
  domain::WorkerFacts facts_;
  wire::FrameReader reader_;

  // To be written: the newest assignment only.
  std::optional<domain::Assign> assignment_;
  std::optional<std::string> renewed_chain_;
  std::vector<domain::LeaseId> released_;
  bool watch_wanted_ = false;
  bool writing_ = false;
  SteadyTime renewal_allowed_at_{};
  // When the states that were taken would have been due at the allowed pace.
  SteadyTime states_due_{};
  // Its newest live figures, for those who wait for some.
  std::optional<domain::HardwareReading> reading_;
  SteadyTime reading_at_{};
  SteadyTime watch_renewed_at_{};
  std::list<asio::steady_timer*> reading_waiters_;
  bool closing_ = false;
  bool in_service_ = false;
  // By a newer connection of the same worker.
  bool replaced_ = false;
};

asio::awaitable<void> WorkerSessions::Session::run() {
  const auto self = shared_from_this();
  // Two coroutines: what greeting needs does not stay for as long as the connection.
  Result<void> outcome = co_await greet();
  if (outcome) outcome = co_await read_frames();
  const bool was_closing = closing_;
  for (auto* waiter : reading_waiters_)
    waiter->cancel();
  if (!outcome && outcome.error().code == ErrorCode::protocol) {
    owner_.metrics_.count_protocol_error();
    log_event(spdlog::level::warn, "worker broke the protocol; its connection is closed",
              {{"worker", id_.text()}, {"reason", outcome.error().detail}});
    close(close_code::protocol_error, outcome.error().detail);
  } else if (!outcome && outcome.error().code == ErrorCode::permission_denied) {
    close(close_code::refused, outcome.error().detail);
  } else {
    close(close_code::done, "");
  }
  if (!in_service_) co_return;
  const auto current = owner_.sessions_.find(id_.text());
  if (current != owner_.sessions_.end() && current->second == self) owner_.sessions_.erase(current);
  // What the newer connection said of the worker stays.
  if (owner_.options_.on_seen && !replaced_) owner_.options_.on_seen(id_.text(), facts_);
  owner_.dispatcher_.worker_gone(*this, !was_closing);
  // One that says goodbye is not lost.
  const bool lost = !was_closing && !outcome && outcome.error().code != ErrorCode::cancelled;
  const std::string reason = outcome ? "" : outcome.error().detail;
  log_event(lost ? spdlog::level::warn : spdlog::level::info, lost ? "worker lost" : "worker disconnected",
            {{"worker", id_.text()}, {"reason", reason}});
}

asio::awaitable<Result<void>> WorkerSessions::Session::greet() {
  const auto self = shared_from_this();
  asio::steady_timer deadline(owner_.executor_, owner_.options_.hello_timeout);
  deadline.async_wait([weak = weak_from_this()](boost::system::error_code failure) {
    const auto session = weak.lock();
    if (!failure && session) session->close(close_code::protocol_error, "no hello in time");
  });
  auto stream = co_await connection_->accept_stream();
  if (!stream) co_return stream.error();
  control_ = std::move(*stream);
  auto hello = co_await read_frame();
  if (!hello) co_return hello.error();
  if (hello->kind_case() != wire::WorkerFrame::kHello) {
    co_return Error(ErrorCode::protocol, "the first frame must be a hello");
  }
  deadline.cancel();
  // Once more: it may have been revoked since the handshake.
  if (owner_.options_.admit) {
    const Result<void> admitted = owner_.options_.admit(id_.text());
    if (!admitted) co_return Error(ErrorCode::permission_denied, admitted.error().detail);
  }
  if (closing_ || owner_.stopping_) co_return Error(ErrorCode::cancelled, "closing");
  const Result<void> welcomed = co_await send_welcome();
  if (!welcomed) co_return welcomed.error();
  if (closing_ || owner_.stopping_) co_return Error(ErrorCode::cancelled, "closing");
  enter_service(hello->hello());
  owner_.give_back_memory();
  co_return Result<void>();
}

void WorkerSessions::Session::enter_service(const wire::Hello& hello) {
  facts_ = wire::to_facts(hello);
  if (owner_.options_.labels) facts_.labels = owner_.options_.labels(id_.text());
  in_service_ = true;
  const auto self = shared_from_this();
  auto& current = owner_.sessions_[id_.text()];
  const auto replaced = std::exchange(current, self);
  owner_.metrics_.count_worker_connection();
  log_event(spdlog::level::info, "worker connected",
            {{"worker", id_.text()},
             {"remote", describe().address},
             {"host", facts_.host_name},
             {"version", facts_.version},
             {"target", facts_.target}});
  if (owner_.options_.on_seen) owner_.options_.on_seen(id_.text(), facts_);
  owner_.dispatcher_.worker_connected(self, facts_);
  if (!replaced) return;
  replaced->replaced_ = true;
  replaced->close(close_code::replaced, "the worker has connected again");
}

asio::awaitable<Result<wire::WorkerFrame>> WorkerSessions::Session::read_frame() {
  for (;;) {
    const auto payload = reader_.next();
    if (!payload) co_return payload.error();
    if (*payload) co_return wire::decode_frame<wire::WorkerFrame>(**payload);
    const auto space = reader_.prepare();
    const auto count = co_await control_->read_some(space);
    if (!count) co_return count.error();
    if (*count == 0) {
      if (reader_.in_frame()) co_return Error(ErrorCode::protocol, "the control stream ended inside a frame");
      co_return Error(ErrorCode::cancelled, "the worker closed the control stream");
    }
    reader_.commit(*count);
  }
}

asio::awaitable<Result<void>> WorkerSessions::Session::send_welcome() {
  wire::CoordinatorFrame frame;
  auto& welcome = *frame.mutable_welcome();
  welcome.set_version(GOGRID_VERSION);
  welcome.set_worker_id(id_.text());
  welcome.set_blob_ticket(ticket_);
  welcome.set_https_port(owner_.options_.https_port);
  const std::string bytes = wire::encode_frame(frame);
  co_return co_await control_->write(as_bytes(bytes));
}

asio::awaitable<Result<void>> WorkerSessions::Session::read_frames() {
  for (;;) {
    auto frame = co_await read_frame();
    if (!frame) co_return frame.error();
    // Of states that arrived together only the last one counts.
    std::optional<wire::WorkerState> state;
    std::optional<wire::Hardware> hardware;
    std::optional<wire::HardwareReading> reading;
    std::string certificate_request;
    for (;;) {
      if (frame->kind_case() == wire::WorkerFrame::kHello) co_return Error(ErrorCode::protocol, "a second hello");
      if (frame->kind_case() == wire::WorkerFrame::kState) state = std::move(*frame->mutable_state());
      if (frame->kind_case() == wire::WorkerFrame::kHardware) hardware = std::move(*frame->mutable_hardware());
      if (frame->kind_case() == wire::WorkerFrame::kReading) reading = std::move(*frame->mutable_reading());
      if (frame->kind_case() == wire::WorkerFrame::kRenewCertificate) {
        certificate_request = std::move(*frame->mutable_renew_certificate()->mutable_certificate_request());
      }
      const auto payload = reader_.next();
      if (!payload) co_return payload.error();
      if (!*payload) break;
      frame = wire::decode_frame<wire::WorkerFrame>(**payload);
      if (!frame) co_return frame.error();
    }
    if (closing_) co_return Error(ErrorCode::cancelled, "closing");
    if (hardware) {
      facts_.hardware = wire::to_hardware(*hardware);
      owner_.dispatcher_.worker_hardware(id_, facts_.hardware);
    }
    if (reading) take_reading(*reading);
    if (state) owner_.dispatcher_.worker_reported(id_, wire::to_report(*state));
    if (hardware || reading || state) {
      hardware.reset();
      reading.reset();
      state.reset();
      co_await pace_states();
    }
    if (!certificate_request.empty()) {
      const Result<void> renewed = co_await renew(std::move(certificate_request));
      if (!renewed) co_return renewed.error();
    }
  }
}

asio::awaitable<void> WorkerSessions::Session::pace_states() {
  const SteadyTime now = owner_.clock_.steady_now();
  states_due_ = std::max(states_due_, now) + state_interval;
  if (states_due_ - now <= state_burst) co_return;
  asio::steady_timer timer(owner_.executor_, states_due_ - now - state_burst);
  co_await timer.async_wait(use_tuple);
}

asio::awaitable<Result<void>> WorkerSessions::Session::renew(std::string certificate_request) {
  if (!owner_.options_.renew) co_return Result<void>();
  const SteadyTime now = owner_.clock_.steady_now();
  if (now < renewal_allowed_at_) {
    asio::steady_timer timer(owner_.executor_, renewal_allowed_at_ - now);
    co_await timer.async_wait(use_tuple);
  }
  renewal_allowed_at_ = owner_.clock_.steady_now() + min_renewal_interval;
  auto chain = co_await owner_.options_.renew(id_.text(), std::move(certificate_request));
  if (chain) {
    log().info("worker {}: certificate renewed", id_.text());
    renewed_chain_ = std::move(*chain);
    start_writing();
    co_return Result<void>();
  }
  log().warn("worker {}: certificate not renewed: {}", id_.text(), chain.error().detail);
  if (chain.error().code == ErrorCode::permission_denied) co_return chain.error();
  if (chain.error().code == ErrorCode::invalid_argument) co_return Error(ErrorCode::protocol, chain.error().detail);
  // The worker asks again.
  co_return Result<void>();
}

void WorkerSessions::Session::take_reading(const wire::HardwareReading& reading) {
  reading_ = wire::to_reading(reading);
  reading_at_ = owner_.clock_.steady_now();
  for (auto* waiter : reading_waiters_)
    waiter->cancel();
}

bool WorkerSessions::Session::watch_hardware() {
  if (!facts_.reads_hardware) return false;
  const SteadyTime now = owner_.clock_.steady_now();
  if (watch_renewed_at_ != SteadyTime{} && now - watch_renewed_at_ < watch_renewal) return true;
  watch_renewed_at_ = now;
  watch_wanted_ = true;
  start_writing();
  return true;
}

asio::awaitable<void> WorkerSessions::Session::reading_arrives(std::chrono::milliseconds wait) {
  asio::steady_timer timer(owner_.executor_, wait);
  const auto place = reading_waiters_.insert(reading_waiters_.end(), &timer);
  co_await timer.async_wait(use_tuple);
  reading_waiters_.erase(place);
}

void WorkerSessions::Session::start_writing() {
  if (std::exchange(writing_, true)) return;
  owner_.tasks_.spawn("worker outbox", write_outbox(shared_from_this()));
}

asio::awaitable<void> WorkerSessions::Session::write_outbox([[maybe_unused]] std::shared_ptr<Session> self) {
  while (!closing_) {
    std::string bytes;
    if (renewed_chain_) {
      wire::CoordinatorFrame frame;
      frame.mutable_certificate_renewed()->set_certificate_chain(*std::exchange(renewed_chain_, std::nullopt));
      bytes = wire::encode_frame(frame);
    } else if (!released_.empty()) {
      bytes = wire::encode_release(std::exchange(released_, {}));
    } else if (std::exchange(watch_wanted_, false)) {
      bytes = wire::encode_watch_hardware(static_cast<std::uint32_t>(watch_time.count()));
    } else if (assignment_) {
      const auto assign = *std::exchange(assignment_, std::nullopt);
      bytes = wire::encode_assignment(assign.revision, assign.assignment);
    } else {
      break;
    }
    const auto written = co_await control_->write(as_bytes(bytes));
    if (!written) break;
  }
  writing_ = false;
}

// ---- WorkerSessions ----

WorkerSessions::WorkerSessions(asio::any_io_executor executor, Options options, Dispatcher& dispatcher,
                               Metrics& metrics, const Clock& clock)
    : executor_(executor),
      options_(std::move(options)),
      dispatcher_(dispatcher),
      metrics_(metrics),
      clock_(clock),
      tasks_(executor),
      quiet_(executor) {}

WorkerSessions::~WorkerSessions() = default;

Result<std::unique_ptr<WorkerSessions>> WorkerSessions::listen(asio::any_io_executor executor, Options options,
                                                               Dispatcher& dispatcher, Metrics& metrics,
                                                               const Clock& clock) {
  std::unique_ptr<WorkerSessions> sessions(
      new WorkerSessions(executor, std::move(options), dispatcher, metrics, clock));
  quic::ListenOptions listen_options;
  listen_options.endpoint = sessions->options_.endpoint;
  listen_options.credentials = sessions->options_.credentials;
  listen_options.reset_secret = std::move(sessions->options_.reset_secret);
  listen_options.transport = sessions->options_.transport;
  listen_options.transport.handshake_timeout = std::min(listen_options.transport.handshake_timeout, longest_handshake);
  // The control stream; all others are opened by us.
  listen_options.transport.max_peer_streams = 1;
  // One slow client may fill its stream's window. The connection's is large enough that it takes 256 of them before a
  // worker's other streams wait as well.
  listen_options.transport.stream_window_bytes = 128 * 1024;
  listen_options.transport.connection_window_bytes = 32 * 1024 * 1024;
  listen_options.authorize = [admit = sessions->options_.admit](const quic::PeerIdentity& peer) -> Result<void> {
    if (!admit) return {};
    return admit(peer.common_name);
  };
  auto listener = quic::listen(std::move(executor), std::move(listen_options));
  if (!listener) return listener.error();
  sessions->listener_ = std::move(*listener);
  sessions->options_.credentials = {};
  return sessions;
}

asio::awaitable<void> WorkerSessions::run() {
  while (!stopping_) {
    auto connection = co_await listener_->accept();
    if (!connection) break;
    tasks_.spawn("worker session", serve(std::move(*connection)));
  }
  co_await tasks_.wait();
}

asio::awaitable<void> WorkerSessions::serve(std::shared_ptr<quic::Connection> connection) {
  const auto session = std::make_shared<Session>(*this, std::move(connection));
  const auto place = unfinished_.insert(unfinished_.end(), session.get());
  co_await session->run();
  unfinished_.erase(place);
}

void WorkerSessions::give_back_memory() {
  if (++greeted_ < many_handshakes) return;
  greeted_ = 0;
  quiet_.expires_after(quiet_time);
  quiet_.async_wait([](boost::system::error_code failure) {
    if (!failure) ::malloc_trim(0);
  });
}

void WorkerSessions::stop() {
  stopping_ = true;
  quiet_.cancel();
  listener_->close();
  for (auto* session : unfinished_)
    session->close(close_code::going_away, "the coordinator is shutting down");
}

void WorkerSessions::disconnect(std::string_view worker_id, const std::string& reason) {
  const auto found = sessions_.find(std::string(worker_id));
  if (found == sessions_.end()) return;
  const auto session = found->second;
  sessions_.erase(found);
  session->close(close_code::refused, reason);
  dispatcher_.worker_gone(*session, false);
}

std::optional<std::string> WorkerSessions::worker_of_ticket(std::string_view ticket) const {
  std::optional<std::string> owner;
  for (const auto& [id, session] : sessions_) {
    if (equal_in_constant_time(session->ticket(), ticket)) owner = id;
  }
  return owner;
}

std::optional<WorkerSessions::Connected> WorkerSessions::find(std::string_view worker_id) const {
  const auto found = sessions_.find(std::string(worker_id));
  if (found == sessions_.end()) return std::nullopt;
  return found->second->describe();
}

const domain::Hardware* WorkerSessions::hardware(std::string_view worker_id) const {
  const auto found = sessions_.find(std::string(worker_id));
  return found == sessions_.end() ? nullptr : &found->second->hardware();
}

std::optional<WorkerSessions::Reading> WorkerSessions::reading(std::string_view worker_id) const {
  const auto found = sessions_.find(std::string(worker_id));
  return found == sessions_.end() ? std::nullopt : found->second->reading();
}

asio::awaitable<std::optional<WorkerSessions::Reading>> WorkerSessions::read_hardware(std::string worker_id,
                                                                                      std::chrono::milliseconds wait) {
  const auto found = sessions_.find(worker_id);
  if (found == sessions_.end()) co_return std::nullopt;
  const auto session = found->second;
  if (!session->watch_hardware()) co_return std::nullopt;
  auto fresh = session->reading();
  if (fresh || !session->is_open()) co_return fresh;
  co_await session->reading_arrives(wait);
  co_return session->reading();
}

Result<void> WorkerSessions::set_credentials(const quic::Credentials& credentials) {
  return listener_->set_credentials(credentials);
}

asio::ip::udp::endpoint WorkerSessions::local_endpoint() const { return listener_->local_endpoint(); }

}  // namespace gogrid::coordinator
