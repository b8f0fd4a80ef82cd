// The certificate authority: what it issues verifies under it, for the right purpose and names only, and bad input is
// refused.
#include "net/pki.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

namespace gogrid::net::pki {
namespace {

using namespace std::chrono_literals;

std::chrono::system_clock::time_point now() { return std::chrono::system_clock::now(); }

struct Free {
  void operator()(X509* value) const { X509_free(value); }
  void operator()(BIO* value) const { BIO_free_all(value); }
  void operator()(X509_STORE* value) const { X509_STORE_free(value); }
  void operator()(X509_STORE_CTX* value) const { X509_STORE_CTX_free(value); }
  void operator()(EVP_PKEY* value) const { EVP_PKEY_free(value); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

Owned<X509> parse(const std::string& pem) {
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Owned<X509>(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

bool verifies(const std::string& leaf, const std::string& authority, int purpose, const char* host = nullptr) {
  const auto certificate = parse(leaf);
  const auto root = parse(authority);
  const Owned<X509_STORE> store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), root.get());
  const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), certificate.get(), nullptr);
  X509_STORE_CTX_set_purpose(context.get(), purpose);
  if (host != nullptr) X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(context.get()), host, 0);
  return X509_verify_cert(context.get()) == 1;
}

class PkiTest : public ::testing::Test {
 protected:
  KeyAndCertificate authority_ = create_authority("test authority", now(), 24h).value();
  std::string key_ = generate_key().value();
  std::string request_ = create_request(key_, "wanted").value();
};

TEST_F(PkiTest, ServerCertificateVerifiesForItsNamesOnly) {
  const auto server =
      issue_server_certificate(authority_, {"grid.example", "192.0.2.7", "2001:db8::1"}, now(), 1h).value();
  EXPECT_TRUE(verifies(server.certificate, authority_.certificate, X509_PURPOSE_SSL_SERVER, coordinator_name));
  EXPECT_TRUE(verifies(server.certificate, authority_.certificate, X509_PURPOSE_SSL_SERVER, "grid.example"));
  EXPECT_FALSE(verifies(server.certificate, authority_.certificate, X509_PURPOSE_SSL_SERVER, "other.example"));
  EXPECT_FALSE(verifies(server.certificate, authority_.certificate, X509_PURPOSE_SSL_CLIENT));
  const auto leaf = parse(server.certificate);
  EXPECT_EQ(X509_check_ip_asc(leaf.get(), "192.0.2.7", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(leaf.get(), "2001:db8::1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(leaf.get(), "192.0.2.8", 0), 0);
  EXPECT_TRUE(check_pair(server.certificate, server.private_key));
}

TEST_F(PkiTest, ClientCertificateIsForTheRequestsKeyAndTheIssuersName) {
  const auto client = issue_client_certificate(authority_, request_, "wk_1", now(), 1h).value();
  EXPECT_TRUE(verifies(client, authority_.certificate, X509_PURPOSE_SSL_CLIENT));
  EXPECT_FALSE(verifies(client, authority_.certificate, X509_PURPOSE_SSL_SERVER));
  EXPECT_EQ(inspect(client).value().common_name, "wk_1");
  EXPECT_TRUE(check_pair(client, key_));
  EXPECT_FALSE(check_pair(client, generate_key().value()));
}

TEST_F(PkiTest, AnotherAuthorityDoesNotVerify) {
  const auto other = create_authority("test authority", now(), 24h).value();
  const auto client = issue_client_certificate(other, request_, "wk_1", now(), 1h).value();
  EXPECT_FALSE(verifies(client, authority_.certificate, X509_PURPOSE_SSL_CLIENT));
}

TEST_F(PkiTest, ALeafCannotSign) {
  const auto leaf = issue_client_certificate(authority_, request_, "wk_1", now(), 1h).value();
  const auto forged = issue_client_certificate({key_, leaf}, request_, "wk_2", now(), 1h);
  ASSERT_FALSE(forged);
  EXPECT_EQ(forged.error().code, ErrorCode::invalid_argument);
}

TEST_F(PkiTest, InspectTellsDatesSerialAndPins) {
  const auto start = std::chrono::floor<std::chrono::seconds>(now());
  const auto first = issue_client_certificate(authority_, request_, "wk_1", start, 2h).value();
  const auto second = issue_client_certificate(authority_, request_, "wk_1", start, 2h).value();
  const auto info = inspect(first).value();
  const auto other = inspect(second).value();
  EXPECT_EQ(info.not_after, start + 2h);
  EXPECT_LE(info.not_before, start);
  EXPECT_NE(info.serial, other.serial);
  EXPECT_NE(info.fingerprint, other.fingerprint);
  EXPECT_EQ(info.public_key_pin, other.public_key_pin);
  EXPECT_EQ(info.fingerprint.size(), 64U);
  EXPECT_EQ(info.serial.find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST_F(PkiTest, BadInputIsRefusedWithAReason) {
  EXPECT_FALSE(inspect("").has_value());
  EXPECT_FALSE(inspect("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").has_value());
  EXPECT_FALSE(inspect(std::string(1 << 20, 'x')).has_value());
  EXPECT_FALSE(create_request("no key", "x").has_value());
  EXPECT_FALSE(create_request(key_, "").has_value());
  EXPECT_FALSE(create_request(key_, std::string(65, 'x')).has_value());
  EXPECT_FALSE(issue_client_certificate(authority_, "no request", "x", now(), 1h).has_value());
  const auto injected = issue_server_certificate(authority_, {"a.example,DNS:b.example"}, now(), 1h);
  ASSERT_FALSE(injected.has_value());
  EXPECT_EQ(injected.error().code, ErrorCode::invalid_argument);
}

TEST_F(PkiTest, ARequestChangedAfterSigningIsRefused) {
  auto position = request_.find('\n', request_.find('\n') + 1) - 10;
  std::string changed = request_;
  changed[position] = changed[position] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(issue_client_certificate(authority_, changed, "wk_1", now(), 1h).has_value());
}

TEST_F(PkiTest, OnlyP256KeysAreAccepted) {
  const Owned<EVP_PKEY> key(EVP_EC_gen("P-384"));
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  const auto request = create_request(std::string(data, static_cast<std::size_t>(size)), "x").value();
  const auto issued = issue_client_certificate(authority_, request, "wk_1", now(), 1h);
  ASSERT_FALSE(issued.has_value());
  EXPECT_EQ(issued.error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace gogrid::net::pki
