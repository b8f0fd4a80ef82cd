#include "simulation/network.hpp"

#include <algorithm>

namespace gogrid::simulation {

using namespace std::chrono_literals;

namespace {

// As the transport: without a sign of life a connection is broken.
constexpr Duration idle_timeout = 30s;

}  // namespace

void Network::set_coordinator_up(bool is_up) {
  if (is_up) ++coordinator_life_;
  is_coordinator_up_ = is_up;
  if (is_up) return;
  for (const auto& link : links_) {
    for (const auto& known : link.connections) {
      if (const auto connection = known.lock()) close_at_coordinator(connection);
    }
  }
}

void Network::connect(std::size_t worker, std::function<void(ConnectionPtr)> done) {
  const Link& link = links_[worker];
  const Duration handshake = 4 * (link.latency + link.extra) + stage_.random.exponential(2ms);
  if (link.cut_until > stage_.now()) {
    stage_.timeline.after(10s, [done = std::move(done)] { done(nullptr); });
    return;
  }
  stage_.timeline.after(handshake, [this, worker, done = std::move(done)] {
    if (!is_coordinator_up_) return done(nullptr);
    auto connection = std::make_shared<Connection>();
    connection->worker = worker;
    auto& known = links_[worker].connections;
    std::erase_if(known, [](const auto& old) { return old.expired(); });
    known.push_back(connection);
    done(connection);
  });
}

SteadyTime Network::arrival(const Link& link, SteadyTime& last) {
  const SteadyTime sent = std::max(stage_.now(), link.cut_until);
  last = std::max(last, sent + link.latency + link.extra + stage_.random.exponential(link.latency / 4));
  return last;
}

void Network::to_worker(const ConnectionPtr& connection, std::function<void()> message) {
  const SteadyTime time = arrival(links_[connection->worker], connection->last_to_worker);
  stage_.timeline.at(time, [connection, message = std::move(message)] {
    if (connection->is_open_at_worker) message();
  });
}

void Network::to_coordinator(const ConnectionPtr& connection, std::function<void()> message,
                             std::function<void()> late) {
  const SteadyTime time = arrival(links_[connection->worker], connection->last_to_coordinator);
  stage_.timeline.at(time, [this, life = coordinator_life_, connection, message = std::move(message),
                            late = std::move(late)]() mutable {
    if (connection->is_open_at_coordinator) {
      message();
      // What was in the receiver's hands already may be taken up twice.
      if (!late || !stage_.random.chance(0.02)) return;
    } else if (!late || !stage_.random.chance(0.5)) {
      return;
    }
    stage_.timeline.after(stage_.random.exponential(8s), [this, life, late = std::move(late)] {
      if (is_coordinator_up_ && life == coordinator_life_) late();
    });
  });
}

Duration Network::notice(const Link& link) {
  if (link.cut_until > stage_.now() || stage_.random.chance(0.2)) {
    return idle_timeout + stage_.random.between(Duration(0), 2s);
  }
  return link.latency + link.extra;
}

void Network::break_at_worker(const ConnectionPtr& connection) {
  if (!connection->is_open_at_worker) return;
  connection->is_open_at_worker = false;
  if (connection->lost_at_worker) connection->lost_at_worker();
}

void Network::break_at_coordinator(const ConnectionPtr& connection, bool has_left) {
  if (!connection->is_open_at_coordinator) return;
  connection->is_open_at_coordinator = false;
  if (connection->lost_at_coordinator) connection->lost_at_coordinator(has_left);
}

void Network::close_at_worker(const ConnectionPtr& connection, bool is_leaving) {
  if (!connection->is_open_at_worker) return;
  connection->is_open_at_worker = false;
  const SteadyTime time = std::max(stage_.now() + notice(links_[connection->worker]), connection->last_to_coordinator);
  stage_.timeline.at(time, [this, connection, is_leaving] { break_at_coordinator(connection, is_leaving); });
}

void Network::close_at_coordinator(const ConnectionPtr& connection) {
  if (!connection->is_open_at_coordinator) return;
  connection->is_open_at_coordinator = false;
  stage_.timeline.after(notice(links_[connection->worker]), [this, connection] { break_at_worker(connection); });
}

void Network::cut(std::size_t worker, Duration duration) {
  Link& link = links_[worker];
  link.cut_until = std::max(link.cut_until, stage_.now() + duration);
  if (duration <= idle_timeout) return;
  for (const auto& known : link.connections) {
    const auto connection = known.lock();
    if (!connection) continue;
    stage_.timeline.after(idle_timeout + stage_.random.between(Duration(0), 3s),
                          [this, connection] { break_at_worker(connection); });
    stage_.timeline.after(idle_timeout + stage_.random.between(Duration(0), 3s),
                          [this, connection] { break_at_coordinator(connection, false); });
  }
}

void Network::heal() {
  for (auto& link : links_) {
    link.extra = Duration(0);
    link.cut_until = stage_.now();
  }
}

}  // namespace gogrid::simulation
