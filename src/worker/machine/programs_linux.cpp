#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "base/log.hpp"
#include "worker/facts_file.hpp"
#include "worker/machine/programs.hpp"

namespace gogrid::worker {
namespace asio = boost::asio;
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_running = 64;
constexpr std::size_t max_datagram_bytes = 8 * 1024;
// A build starts hundreds of programs a second: they are looked at together.
constexpr std::chrono::milliseconds collect_time{250};
constexpr std::size_t max_collected = 4096;
// Where events may not be had, some kernels say so and some say nothing.
constexpr std::chrono::seconds answer_timeout{2};

// A message of the connector's: struct nlmsghdr, struct cn_msg, then its data.
constexpr std::size_t event_offset = NLMSG_HDRLEN + sizeof(cn_msg);

Result<FileDescriptor> open_event_socket() {
  FileDescriptor socket(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR));
  if (!socket) return system_error("process events", errno);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = CN_IDX_PROC;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return system_error("process events", errno);
  const proc_cn_mcast_op operation = PROC_CN_MCAST_LISTEN;
  std::array<std::byte, event_offset + sizeof operation> bytes{};
  nlmsghdr header{};
  header.nlmsg_len = static_cast<std::uint32_t>(bytes.size());
  header.nlmsg_type = NLMSG_DONE;
  cn_msg message{};
  message.id.idx = CN_IDX_PROC;
  message.id.val = CN_VAL_PROC;
  message.len = sizeof operation;
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + NLMSG_HDRLEN, &message, sizeof message);
  std::memcpy(bytes.data() + event_offset, &operation, sizeof operation);
  if (::send(socket.get(), bytes.data(), bytes.size(), 0) < 0) return system_error("process events", errno);
  return socket;
}

ProcessEvent to_event(const proc_event& from) {
  ProcessEvent event;
  switch (static_cast<std::uint32_t>(from.what)) {
    case 0:  // the answer to what was asked
      event.kind = from.event_data.ack.err == 0 ? ProcessEvent::Kind::accepted : ProcessEvent::Kind::refused;
      event.error = static_cast<int>(from.event_data.ack.err);
      break;
    case 0x2:  // PROC_EVENT_EXEC
      event.kind = ProcessEvent::Kind::program;
      event.pid = from.event_data.exec.process_tgid;
      break;
    case 0x200:  // PROC_EVENT_COMM
      event.kind = ProcessEvent::Kind::program;
      event.pid = from.event_data.comm.process_tgid;
      break;
    default:
      break;
  }
  return event;
}

std::string program_of(const fs::path& process) {
  std::string name = link_name(process / "exe");
  // A file that was replaced by a newer one.
  constexpr std::string_view gone = " (deleted)";
  if (name.ends_with(gone)) name.resize(name.size() - gone.size());
  return name;
}

}  // namespace

// From begin() to end(); coroutines keep it for as long as they need it.
struct Programs::Watch {
  explicit Watch(asio::any_io_executor executor) : socket(executor), pause(executor) {}

  void stop() {
    stopped = true;
    boost::system::error_code ignored;
    socket.close(ignored);
    pause.cancel();
    for (auto* process : ends)
      process->cancel();
  }

  asio::posix::stream_descriptor socket;
  asio::steady_timer pause;
  // Of the processes that were found.
  std::set<asio::posix::stream_descriptor*> ends;
  bool stopped = false;
};

std::vector<ProcessEvent> parse_process_events(std::span<const std::byte> datagram) {
  std::vector<ProcessEvent> events;
  while (datagram.size() >= event_offset) {
    nlmsghdr header{};
    cn_msg message{};
    std::memcpy(&header, datagram.data(), sizeof header);
    std::memcpy(&message, datagram.data() + NLMSG_HDRLEN, sizeof message);
    if (header.nlmsg_len < event_offset || header.nlmsg_len > datagram.size()) break;
    const auto data = datagram.subspan(event_offset, header.nlmsg_len - event_offset);
    if (message.id.idx == CN_IDX_PROC && message.id.val == CN_VAL_PROC && data.size() >= sizeof(proc_event)) {
      proc_event event{};
      std::memcpy(&event, data.data(), sizeof event);
      events.push_back(to_event(event));
    }
    datagram = datagram.subspan(std::min<std::size_t>(datagram.size(), NLMSG_ALIGN(header.nlmsg_len)));
  }
  return events;
}

Programs::Programs(asio::any_io_executor executor, ProgramsOptions options, std::function<void()> on_change)
    : executor_(executor), options_(options), on_change_(std::move(on_change)), tasks_(executor) {}

Programs::~Programs() { stop(); }

void Programs::set_patterns(std::vector<std::string> patterns) {
  if (patterns == patterns_) return;
  patterns_ = std::move(patterns);
  end();
  if (started_) begin();
}

void Programs::start() {
  started_ = true;
  if (!watch_) begin();
}

void Programs::stop() {
  started_ = false;
  end();
}

void Programs::begin() {
  if (patterns_.empty()) return;
  watch_ = std::make_shared<Watch>(executor_);
  tasks_.spawn("programs", watch(watch_));
}

void Programs::end() {
  if (watch_) std::exchange(watch_, nullptr)->stop();
  running_.clear();
  trouble_.clear();
}

asio::awaitable<void> Programs::stopped() { co_await tasks_.wait(); }

asio::awaitable<void> Programs::watch(std::shared_ptr<Watch> watch) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  Result<void> heard = Error(ErrorCode::unsupported, "it was not asked");
  if (options_.use_events) heard = co_await hear_events(watch);
  if (watch->stopped) co_return;
  trouble_ = heard.error().detail;
  log().debug("programs that start are looked for every {} s: {}",
              std::chrono::duration_cast<std::chrono::seconds>(options_.look_pause).count(), trouble_);
  while (!watch->stopped) {
    look(watch);
    if (watch->stopped) break;
    watch->pause.expires_after(options_.look_pause);
    co_await watch->pause.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

// Ends when it is stopped, and with an error when no events come.
asio::awaitable<Result<void>> Programs::hear_events(std::shared_ptr<Watch> watch) {
  auto socket = open_event_socket();
  if (!socket) co_return socket.error();
  watch->socket.assign(socket->release());
  std::array<std::byte, max_datagram_bytes> buffer;
  bool accepted = false;
  std::set<pid_t> seen;
  watch->pause.expires_after(answer_timeout);
  watch->pause.async_wait([watch](boost::system::error_code failure) {
    if (!failure) watch->socket.cancel();
  });
  while (!watch->stopped) {
    sockaddr_nl sender{};
    socklen_t length = sizeof sender;
    const auto count = ::recvfrom(watch->socket.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT,
                                  reinterpret_cast<sockaddr*>(&sender), &length);
    // Other processes may send here too.
    if (count > 0 && sender.nl_pid != 0) continue;
    if (count > 0) {
      for (const ProcessEvent& event : parse_process_events(std::span(buffer).first(static_cast<std::size_t>(count)))) {
        if (event.kind == ProcessEvent::Kind::refused) co_return system_error("process events", event.error);
        if (event.kind == ProcessEvent::Kind::program && seen.size() < max_collected) seen.insert(event.pid);
        if (accepted || event.kind != ProcessEvent::Kind::accepted) continue;
        accepted = true;
        watch->pause.cancel();
        look(watch);
      }
      continue;
    }
    if (count < 0 && errno == ENOBUFS) {
      // Some are lost.
      look(watch);
      continue;
    }
    if (count == 0 || (errno != EAGAIN && errno != EINTR)) co_return system_error("process events", errno);
    bool news = false;
    for (const pid_t pid : std::exchange(seen, {}))
      news = look_at(watch, pid) || news;
    if (news) on_change_();
    if (watch->stopped) break;
    const auto [failure] = co_await watch->socket.async_wait(asio::posix::stream_descriptor::wait_read,
                                                             asio::as_tuple(asio::use_awaitable));
    if (failure && !accepted) co_return Error(ErrorCode::unavailable, "process events: the kernel does not answer");
    if (!accepted || watch->stopped) continue;
    watch->pause.expires_after(collect_time);
    co_await watch->pause.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  co_return Result<void>();
}

// True: it is one that was not known.
bool Programs::look_at(const std::shared_ptr<Watch>& watch, pid_t pid) {
  const fs::path process = fs::path("/proc") / std::to_string(pid);
  const std::string command = read_fact(process / "comm");
  const std::string program = program_of(process);
  const auto matches = [&](const std::string& pattern) { return matches_program(pattern, command, program); };
  if (std::none_of(patterns_.begin(), patterns_.end(), matches)) return false;
  const auto same = [pid](const RunningProgram& running) { return running.pid == pid; };
  if (running_.size() >= max_running || std::any_of(running_.begin(), running_.end(), same)) return false;
  auto handle = std::make_shared<FileDescriptor>(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  // It has ended already.
  if (!*handle) return false;
  running_.push_back({pid, program.empty() ? command : program});
  tasks_.spawn("a program's end", wait_for_end(watch, std::move(handle), pid));
  return true;
}

void Programs::look(const std::shared_ptr<Watch>& watch) {
  bool news = false;
  for (const std::string& name : names_in("/proc")) {
    const auto pid = parse_number<pid_t>(name);
    if (pid && look_at(watch, *pid)) news = true;
  }
  if (news) on_change_();
}

asio::awaitable<void> Programs::wait_for_end(std::shared_ptr<Watch> watch, std::shared_ptr<FileDescriptor> process,
                                             pid_t pid) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  asio::posix::stream_descriptor handle(executor_, process->release());
  if (watch->stopped) co_return;
  watch->ends.insert(&handle);
  co_await handle.async_wait(asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
  watch->ends.erase(&handle);
  if (!watch->stopped) forget(watch, pid);
}

void Programs::forget(const std::shared_ptr<Watch>& watch, pid_t pid) {
  const auto same = [pid](const RunningProgram& running) { return running.pid == pid; };
  running_.erase(std::remove_if(running_.begin(), running_.end(), same), running_.end());
  // A child of its own that was never started as a program may go on: nobody told of that one.
  for (const std::string& name : names_in("/proc")) {
    const auto other = parse_number<pid_t>(name);
    if (other && *other != pid) look_at(watch, *other);
  }
  on_change_();
}

}  // namespace gogrid::worker
