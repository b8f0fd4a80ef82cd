#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>

#include "net/tls_context.hpp"

namespace gogrid::net {
namespace asio = boost::asio;
namespace {

// A BIO on a socket like OpenSSL's own, but for MSG_NOSIGNAL: a peer that went away must not raise SIGPIPE.
int bio_descriptor(BIO* bio) { return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))); }

int bio_finish(BIO* bio, ssize_t count, int retry_flag) {
  BIO_clear_retry_flags(bio);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    BIO_set_flags(bio, retry_flag | BIO_FLAGS_SHOULD_RETRY);
  return static_cast<int>(count);
}

int bio_write(BIO* bio, const char* data, int size) {
  return bio_finish(bio, ::send(bio_descriptor(bio), data, static_cast<std::size_t>(size), MSG_NOSIGNAL | MSG_DONTWAIT),
                    BIO_FLAGS_WRITE);
}

int bio_read(BIO* bio, char* data, int size) {
  const auto count = ::recv(bio_descriptor(bio), data, static_cast<std::size_t>(size), MSG_DONTWAIT);
  if (count == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return bio_finish(bio, count, BIO_FLAGS_READ);
}

long bio_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
  return 0;
}

int bio_create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

BIO_METHOD* bio_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "gogrid socket");
    BIO_meth_set_create(made, bio_create);
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

// OpenSSL reads and writes the socket itself, which never blocks; Asio only says when to try again.
class OpenSslStream final : public TlsStream {
 public:
  OpenSslStream(Socket socket, std::shared_ptr<TlsContext> context)
      : socket_(std::move(socket)), context_(std::move(context)), ssl_(SSL_new(context_->main.get())) {
    BIO* bio = BIO_new(bio_method());
    BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket_.native_handle())));
    SSL_set_bio(ssl_.get(), bio, bio);
  }

  void be_server() { SSL_set_accept_state(ssl_.get()); }

  void be_client(const std::string& server_name) {
    SSL_set_connect_state(ssl_.get());
    boost::system::error_code not_an_address;
    asio::ip::make_address(server_name, not_an_address);
    if (!not_an_address) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), server_name.c_str());
      return;
    }
    SSL_set_hostflags(ssl_.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set1_host(ssl_.get(), server_name.c_str());
    SSL_set_tlsext_host_name(ssl_.get(), server_name.c_str());
  }

  asio::awaitable<Result<void>> handshake() override {
    for (;;) {
      if (!socket_.is_open()) co_return closed();
      ERR_clear_error();
      const int done = SSL_do_handshake(ssl_.get());
      if (done == 1) co_return Result<void>();
      const auto ready = co_await wait_for(SSL_get_error(ssl_.get(), done), errno);
      if (!ready) co_return handshake_error(ready.error());
    }
  }

  asio::awaitable<Result<std::size_t>> read_some(std::span<std::byte> buffer) override {
    // A peer that sends faster than we read must not keep the loop from its other work.
    if (++reads_at_once_ % 16 == 0) co_await asio::post(socket_.get_executor(), asio::use_awaitable);
    for (;;) {
      if (!socket_.is_open()) co_return closed();
      ERR_clear_error();
      std::size_t count = 0;
      const int done = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &count);
      if (done == 1) co_return count;
      const int kind = SSL_get_error(ssl_.get(), done);
      if (kind == SSL_ERROR_ZERO_RETURN) co_return std::size_t{0};
      reads_at_once_ = 0;
      const auto ready = co_await wait_for(kind, errno);
      if (!ready) co_return ready.error();
    }
  }

  asio::awaitable<Result<void>> write(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      if (!socket_.is_open()) co_return closed();
      ERR_clear_error();
      std::size_t count = 0;
      const int done = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count);
      if (done == 1) {
        bytes = bytes.subspan(count);
        written_ += count;
        continue;
      }
      const auto ready = co_await wait_for(SSL_get_error(ssl_.get(), done), errno);
      if (!ready) co_return ready.error();
    }
    co_return Result<void>();
  }

  asio::awaitable<Result<void>> finish() override {
    if (!socket_.is_open()) co_return closed();
    send_close_notify();
    boost::system::error_code failure;
    socket_.shutdown(Socket::shutdown_send, failure);
    if (failure) co_return socket_error("shut down", failure);
    co_return Result<void>();
  }

  void close() noexcept override {
    if (!socket_.is_open()) return;
    send_close_notify();
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

  void cancel() noexcept override {
    boost::system::error_code ignored;
    socket_.cancel(ignored);
  }

  Arrived poll() noexcept override {
    if (!socket_.is_open() || failed_) return Arrived::end;
    ERR_clear_error();
    char byte;
    std::size_t count = 0;
    const int done = SSL_peek_ex(ssl_.get(), &byte, 1, &count);
    if (done == 1) return Arrived::bytes;
    const int kind = SSL_get_error(ssl_.get(), done);
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) return Arrived::nothing;
    failed_ = kind == SSL_ERROR_SSL || kind == SSL_ERROR_SYSCALL;
    return Arrived::end;
  }

  // Its handshake and its tickets may need the reactor: what arrives wakes it as ever.
  void pause() noexcept override {}
  std::uint64_t bytes_written() const override { return written_; }

 private:
  static Error closed() { return Error(ErrorCode::cancelled, "the connection was closed"); }

  // Waits for what OpenSSL wants before it is called again.
  asio::awaitable<Result<void>> wait_for(int kind, int errno_value) {
    bool ready = false;
    if (kind == SSL_ERROR_WANT_READ) {
      ready = co_await wait_readable(socket_);
    } else if (kind == SSL_ERROR_WANT_WRITE) {
      ready = co_await wait_writable(socket_);
    } else {
      failed_ = true;
      if (kind == SSL_ERROR_SYSCALL) {
        if (errno_value != 0) co_return system_error("TLS", errno_value);
        co_return Error(ErrorCode::io, "the peer closed the connection");
      }
      if (ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        ERR_clear_error();
        co_return Error(ErrorCode::io, "the peer closed the connection");
      }
      co_return Error(ErrorCode::protocol, "TLS: " + take_ssl_error());
    }
    if (!ready) co_return Error(ErrorCode::cancelled, "the connection's operation was cancelled");
    co_return Result<void>();
  }

  Error handshake_error(const Error& error) const {
    const long verified = SSL_get_verify_result(ssl_.get());
    if (error.code != ErrorCode::protocol || verified == X509_V_OK) return error;
    if (verified == X509_V_ERR_APPLICATION_VERIFICATION) {
      return Error(ErrorCode::unauthenticated, "its certificate authority is not the one that was pinned");
    }
    return Error(ErrorCode::unauthenticated, X509_verify_cert_error_string(verified));
  }

  // As far as the socket's buffer takes it: nobody waits for a goodbye.
  void send_close_notify() noexcept {
    if (failed_ || !SSL_is_init_finished(ssl_.get()) || (SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) != 0) return;
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }

  Socket socket_;
  std::shared_ptr<TlsContext> context_;
  std::unique_ptr<SSL, SslDeleter> ssl_;
  std::uint64_t written_ = 0;
  unsigned reads_at_once_ = 0;
  // OpenSSL allows nothing more after a fatal error.
  bool failed_ = false;
};

}  // namespace

std::unique_ptr<TlsStream> make_tls_server_stream(Socket socket, std::shared_ptr<TlsContext> context) {
  auto stream = std::make_unique<OpenSslStream>(std::move(socket), std::move(context));
  stream->be_server();
  return stream;
}

std::unique_ptr<TlsStream> make_tls_client_stream(Socket socket, std::shared_ptr<TlsContext> context,
                                                  const std::string& server_name) {
  auto stream = std::make_unique<OpenSslStream>(std::move(socket), std::move(context));
  stream->be_client(server_name);
  return stream;
}

}  // namespace gogrid::net
