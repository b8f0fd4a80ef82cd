// Ctrl-C as an event of the loop: calls whoever is in charge of it at the moment. Used on its executor's thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/signal_set.hpp>
#include <functional>

namespace gogrid::cli {

class Interrupts {
 public:
  using Handler = std::function<void()>;

  // From now on SIGINT does not end the process.
  Interrupts(const boost::asio::any_io_executor& executor, Handler handler);

  // Puts another in charge until the end of its scope.
  class Scope {
   public:
    Scope(Interrupts& interrupts, Handler handler);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Interrupts& interrupts_;
    Handler before_;
  };

 private:
  void wait();

  boost::asio::signal_set signals_;
  Handler handler_;
};

}  // namespace gogrid::cli
