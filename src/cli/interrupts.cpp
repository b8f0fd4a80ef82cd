#include "cli/interrupts.hpp"

#include <csignal>
#include <utility>

namespace gogrid::cli {

Interrupts::Interrupts(const boost::asio::any_io_executor& executor, Handler handler)
    : signals_(executor, SIGINT), handler_(std::move(handler)) {
  wait();
}

void Interrupts::wait() {
  signals_.async_wait([this](const boost::system::error_code& failure, int) {
    if (failure) return;
    wait();
    // A copy: the handler may put another in its place.
    const Handler handler = handler_;
    handler();
  });
}

Interrupts::Scope::Scope(Interrupts& interrupts, Handler handler)
    : interrupts_(interrupts), before_(std::exchange(interrupts.handler_, std::move(handler))) {}

Interrupts::Scope::~Scope() { interrupts_.handler_ = std::move(before_); }

}  // namespace gogrid::cli
