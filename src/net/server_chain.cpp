#include "net/server_chain.hpp"

#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include <algorithm>

#include "net/http_connect.hpp"
#include "net/tls_context.hpp"

namespace gogrid::net {
namespace asio = boost::asio;
namespace {

constexpr int max_certificates = 16;

std::string to_pem(X509* certificate) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<std::size_t>(std::max(size, 0L)));
  BIO_free(bio);
  return pem;
}

// Keeps what the server sent and refuses it, which ends the handshake.
int keep_and_refuse(X509_STORE_CTX* store, void* argument) {
  auto& kept = *static_cast<std::vector<std::string>*>(argument);
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_untrusted(store);
  for (int i = 0; i < std::min(sk_X509_num(chain), max_certificates); ++i)
    kept.push_back(to_pem(sk_X509_value(chain, i)));
  X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

}  // namespace

asio::awaitable<Result<std::vector<std::string>>> fetch_server_chain(asio::any_io_executor executor, std::string host,
                                                                     std::uint16_t port,
                                                                     std::chrono::milliseconds timeout) {
  ClientTls tls;
  auto context = make_client_context(tls);
  if (!context) co_return context.error();
  std::vector<std::string> kept;
  SSL_CTX_set_cert_verify_callback((*context)->main.get(), keep_and_refuse, &kept);
  const HttpEndpoint endpoint = HttpEndpoint::https(std::move(host), port, std::move(tls));
  const auto connected = co_await connect(std::move(executor), endpoint, *context, timeout);
  if (!kept.empty()) co_return kept;
  if (!connected) co_return connected.error();
  co_return Error(ErrorCode::protocol, describe(endpoint) + " showed no certificate");
}

}  // namespace gogrid::net
