#include "net/pki.hpp"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/encoding.hpp"
#include "base/sha256.hpp"

namespace gogrid::net::pki {
namespace {

using Clock = std::chrono::system_clock;

// Larger texts than any real key, request or chain are refused before OpenSSL sees them.
constexpr std::size_t max_pem_bytes = 64 * 1024;
// Certificates start this much in the past, for peers whose clocks are behind.
constexpr auto clock_skew = std::chrono::minutes(5);

template <auto function>
struct Deleter {
  template <class T>
  void operator()(T* value) const {
    function(value);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Request = std::unique_ptr<X509_REQ, Deleter<X509_REQ_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;
using BigNumber = std::unique_ptr<BIGNUM, Deleter<BN_free>>;
using Name = std::unique_ptr<X509_NAME, Deleter<X509_NAME_free>>;

struct NamesDeleter {
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};

// OpenSSL's own reason, for faults that are ours or the library's.
Error library_error(std::string what) {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr) what += std::string(": ") + reason;
  return Error(ErrorCode::internal, std::move(what));
}

Error bad_input(std::string what) {
  ERR_clear_error();
  return Error(ErrorCode::invalid_argument, std::move(what));
}

Bio reader(const std::string& text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

std::string contents(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

// An encrypted key is refused: nobody is there to ask for a passphrase.
int no_passphrase(char*, int, int, void*) { return -1; }

Result<Key> read_key(const std::string& pem) {
  if (pem.size() > max_pem_bytes) return bad_input("private key: the PEM text is too long");
  const Bio bio = reader(pem);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  if (!key) return bad_input("private key: not an unencrypted PEM private key");
  return key;
}

Result<Certificate> read_certificate(const std::string& pem) {
  if (pem.size() > max_pem_bytes) return bad_input("certificate: the PEM text is too long");
  const Bio bio = reader(pem);
  Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
  if (!certificate) return bad_input("certificate: not a PEM certificate");
  return certificate;
}

Result<std::string> write_key(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return library_error("cannot write the private key");
  }
  std::string text = contents(bio.get());
  return text;
}

Result<std::string> write_certificate(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), certificate) != 1) return library_error("cannot write the certificate");
  std::string text = contents(bio.get());
  return text;
}

Result<Key> new_key() {
  Key key(EVP_EC_gen("P-256"));
  if (!key) return library_error("cannot generate a P-256 key");
  return key;
}

bool is_p256(EVP_PKEY* key) {
  std::array<char, 64> group{};
  return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
         EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1 &&
         std::string_view(group.data()) == SN_X9_62_prime256v1;
}

Result<Name> make_name(const std::string& common_name) {
  // 64 characters are X.520's upper bound for a common name.
  if (common_name.empty() || common_name.size() > 64 || common_name.find('\0') != std::string::npos) {
    return bad_input("certificate: a common name has 1 to 64 bytes");
  }
  Name name(X509_NAME_new());
  if (!name || X509_NAME_add_entry_by_NID(name.get(), NID_commonName, MBSTRING_UTF8,
                                          reinterpret_cast<const unsigned char*>(common_name.data()),
                                          static_cast<int>(common_name.size()), -1, 0) != 1) {
    return bad_input("certificate: the common name is not valid UTF-8");
  }
  return name;
}

bool set_time(ASN1_TIME* field, Clock::time_point time) {
  return ASN1_TIME_set(field, Clock::to_time_t(time)) != nullptr;
}

// Version 3, random positive 127-bit serial number, validity, subject and key; issuer and signature come later.
Result<Certificate> begin_certificate(const std::string& common_name, EVP_PKEY* key, Clock::time_point now,
                                      std::chrono::hours lifetime) {
  Result<Name> name = make_name(common_name);
  if (!name) return name.error();
  std::array<unsigned char, 16> serial{};
  if (RAND_bytes(serial.data(), static_cast<int>(serial.size())) != 1) return library_error("no random bytes");
  serial[0] = static_cast<unsigned char>((serial[0] & 0x7f) | 0x40);
  const BigNumber number(BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr));
  Certificate certificate(X509_new());
  X509* const raw = certificate.get();
  if (!raw || !number || X509_set_version(raw, X509_VERSION_3) != 1 ||
      !BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(raw)) ||
      !set_time(X509_getm_notBefore(raw), now - clock_skew) || !set_time(X509_getm_notAfter(raw), now + lifetime) ||
      X509_set_subject_name(raw, name->get()) != 1 || X509_set_pubkey(raw, key) != 1) {
    return library_error("cannot build the certificate");
  }
  return certificate;
}

// `text` is in OpenSSL's extension syntax: callers pass constants only, never text from outside.
bool add_extension(X509* certificate, X509* issuer, int nid, const char* text) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, text));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool is_host_name(const std::string& name) {
  if (name.empty() || name.size() > 253) return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '*';
  });
}

Result<void> add_name(GENERAL_NAMES* names, const std::string& name) {
  std::array<unsigned char, 16> address{};
  int address_size = 0;
  if (inet_pton(AF_INET, name.c_str(), address.data()) == 1) address_size = 4;
  if (address_size == 0 && inet_pton(AF_INET6, name.c_str(), address.data()) == 1) address_size = 16;
  GENERAL_NAME* const entry = GENERAL_NAME_new();
  ASN1_STRING* const value = address_size != 0 ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
  const void* const data = address_size != 0 ? static_cast<const void*>(address.data()) : name.data();
  const int size = address_size != 0 ? address_size : static_cast<int>(name.size());
  if (!entry || !value || ASN1_STRING_set(value, data, size) != 1) {
    GENERAL_NAME_free(entry);
    ASN1_STRING_free(value);
    return library_error("cannot add a name to the certificate");
  }
  GENERAL_NAME_set0_value(entry, address_size != 0 ? GEN_IPADD : GEN_DNS, value);
  if (sk_GENERAL_NAME_push(names, entry) == 0) {
    GENERAL_NAME_free(entry);
    return library_error("cannot add a name to the certificate");
  }
  return {};
}

Result<void> add_subject_names(X509* certificate, const std::vector<std::string>& names) {
  const std::unique_ptr<GENERAL_NAMES, NamesDeleter> list(GENERAL_NAMES_new());
  if (!list) return library_error("cannot build the certificate");
  for (const std::string& name : names) {
    if (Result<void> good = check_host(name); !good) return good;
    if (Result<void> added = add_name(list.get(), name); !added) return added.error();
  }
  if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, list.get(), 0, X509V3_ADD_DEFAULT) != 1) {
    return library_error("cannot add the subject's names");
  }
  return {};
}

struct Issuer {
  Certificate certificate;
  Key key;
};

Result<Issuer> read_issuer(const KeyAndCertificate& authority) {
  Result<Certificate> certificate = read_certificate(authority.certificate);
  if (!certificate) return Error(certificate.error().code, "authority " + certificate.error().detail);
  Result<Key> key = read_key(authority.private_key);
  if (!key) return Error(key.error().code, "authority " + key.error().detail);
  if (X509_check_private_key(certificate->get(), key->get()) != 1) {
    return bad_input("authority: the private key does not belong to the certificate");
  }
  if (X509_check_ca(certificate->get()) == 0) return bad_input("authority: the certificate may not sign others");
  Issuer issuer;
  issuer.certificate = std::move(*certificate);
  issuer.key = std::move(*key);
  return issuer;
}

// The extensions of a leaf, then issuer and signature.
Result<std::string> finish_leaf(X509* certificate, const Issuer& issuer, const char* extended_usage) {
  X509* const signer = issuer.certificate.get();
  if (!add_extension(certificate, signer, NID_basic_constraints, "critical,CA:FALSE") ||
      !add_extension(certificate, signer, NID_key_usage, "critical,digitalSignature") ||
      !add_extension(certificate, signer, NID_ext_key_usage, extended_usage) ||
      !add_extension(certificate, signer, NID_subject_key_identifier, "hash") ||
      !add_extension(certificate, signer, NID_authority_key_identifier, "keyid") ||
      X509_set_issuer_name(certificate, X509_get_subject_name(signer)) != 1 ||
      X509_sign(certificate, issuer.key.get(), EVP_sha256()) == 0) {
    return library_error("cannot sign the certificate");
  }
  return write_certificate(certificate);
}

Result<Clock::time_point> read_time(const ASN1_TIME* time) {
  std::tm parts{};
  if (!time || ASN1_TIME_to_tm(time, &parts) != 1) return bad_input("certificate: a date cannot be read");
  return Clock::from_time_t(timegm(&parts));
}

template <class T>
std::string der_digest(T* object, int (*encode)(T*, unsigned char**)) {
  unsigned char* der = nullptr;
  const int size = encode(object, &der);
  if (size <= 0) return {};
  std::string digest = Sha256::hex(std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  return digest;
}

std::string common_name_of(X509* certificate) {
  X509_NAME* const name = X509_get_subject_name(certificate);
  const int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (index < 0) return {};
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
  if (size < 0) return {};
  std::string text(reinterpret_cast<char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  return text;
}

std::string serial_of(X509* certificate) {
  const BigNumber number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  char* const digits = number ? BN_bn2hex(number.get()) : nullptr;
  if (!digits) return {};
  std::string text(digits);
  OPENSSL_free(digits);
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  text.erase(0, std::min(text.find_first_not_of('0'), text.size() - 1));
  return text;
}

}  // namespace

Result<std::string> generate_key() {
  Result<Key> key = new_key();
  if (!key) return key.error();
  return write_key(key->get());
}

Result<KeyAndCertificate> create_authority(const std::string& common_name, Clock::time_point now,
                                           std::chrono::hours lifetime) {
  Result<Key> key = new_key();
  if (!key) return key.error();
  Result<Certificate> begun = begin_certificate(common_name, key->get(), now, lifetime);
  if (!begun) return begun.error();
  X509* const certificate = begun->get();
  if (X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) != 1 ||
      !add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !add_extension(certificate, certificate, NID_subject_key_identifier, "hash") ||
      X509_sign(certificate, key->get(), EVP_sha256()) == 0) {
    return library_error("cannot sign the authority's certificate");
  }
  Result<std::string> key_text = write_key(key->get());
  if (!key_text) return key_text.error();
  Result<std::string> certificate_text = write_certificate(certificate);
  if (!certificate_text) return certificate_text.error();
  return KeyAndCertificate{std::move(*key_text), std::move(*certificate_text)};
}

Result<void> check_host(const std::string& name) {
  std::array<unsigned char, 16> address{};
  if (inet_pton(AF_INET, name.c_str(), address.data()) == 1 || inet_pton(AF_INET6, name.c_str(), address.data()) == 1)
    return {};
  if (!is_host_name(name)) return bad_input("\"" + name + "\" is neither a DNS name nor an IP address");
  return {};
}

Result<KeyAndCertificate> issue_server_certificate(const KeyAndCertificate& authority,
                                                   const std::vector<std::string>& names, Clock::time_point now,
                                                   std::chrono::hours lifetime) {
  Result<Issuer> issuer = read_issuer(authority);
  if (!issuer) return issuer.error();
  Result<Key> key = new_key();
  if (!key) return key.error();
  Result<Certificate> begun = begin_certificate(coordinator_name, key->get(), now, lifetime);
  if (!begun) return begun.error();
  std::vector<std::string> all = names;
  if (std::find(all.begin(), all.end(), coordinator_name) == all.end()) all.emplace_back(coordinator_name);
  if (Result<void> added = add_subject_names(begun->get(), all); !added) return added.error();
  Result<std::string> certificate = finish_leaf(begun->get(), *issuer, "serverAuth");
  if (!certificate) return certificate.error();
  Result<std::string> key_text = write_key(key->get());
  if (!key_text) return key_text.error();
  return KeyAndCertificate{std::move(*key_text), std::move(*certificate)};
}

Result<std::string> create_request(const std::string& private_key, const std::string& common_name) {
  Result<Key> key = read_key(private_key);
  if (!key) return key.error();
  Result<Name> name = make_name(common_name);
  if (!name) return name.error();
  const Request request(X509_REQ_new());
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!request || !bio || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_subject_name(request.get(), name->get()) != 1 ||
      X509_REQ_set_pubkey(request.get(), key->get()) != 1 ||
      X509_REQ_sign(request.get(), key->get(), EVP_sha256()) == 0 ||
      PEM_write_bio_X509_REQ(bio.get(), request.get()) != 1) {
    return library_error("cannot create the certificate request");
  }
  std::string text = contents(bio.get());
  return text;
}

Result<std::string> issue_client_certificate(const KeyAndCertificate& authority, const std::string& request,
                                             const std::string& common_name, Clock::time_point now,
                                             std::chrono::hours lifetime) {
  Result<Issuer> issuer = read_issuer(authority);
  if (!issuer) return issuer.error();
  if (request.size() > max_pem_bytes) return bad_input("certificate request: the PEM text is too long");
  const Bio bio = reader(request);
  const Request parsed(PEM_read_bio_X509_REQ(bio.get(), nullptr, no_passphrase, nullptr));
  if (!parsed) return bad_input("certificate request: not a PEM certificate request");
  EVP_PKEY* const key = X509_REQ_get0_pubkey(parsed.get());
  if (!key || !is_p256(key)) return bad_input("certificate request: the key is not a P-256 key");
  if (X509_REQ_verify(parsed.get(), key) != 1) return bad_input("certificate request: its signature is wrong");
  Result<Certificate> begun = begin_certificate(common_name, key, now, lifetime);
  if (!begun) return begun.error();
  return finish_leaf(begun->get(), *issuer, "clientAuth");
}

Result<CertificateInfo> inspect(const std::string& pem) {
  Result<Certificate> certificate = read_certificate(pem);
  if (!certificate) return certificate.error();
  X509* const raw = certificate->get();
  Result<Clock::time_point> not_before = read_time(X509_get0_notBefore(raw));
  if (!not_before) return not_before.error();
  Result<Clock::time_point> not_after = read_time(X509_get0_notAfter(raw));
  if (!not_after) return not_after.error();
  CertificateInfo info;
  info.common_name = common_name_of(raw);
  info.serial = serial_of(raw);
  info.fingerprint = der_digest<const X509>(raw, i2d_X509);
  info.public_key_pin = der_digest<const X509_PUBKEY>(X509_get_X509_PUBKEY(raw), i2d_X509_PUBKEY);
  info.not_before = *not_before;
  info.not_after = *not_after;
  return info;
}

Result<void> check_pair(const std::string& certificate, const std::string& private_key) {
  Result<Certificate> read = read_certificate(certificate);
  if (!read) return read.error();
  Result<Key> key = read_key(private_key);
  if (!key) return key.error();
  if (X509_check_private_key(read->get(), key->get()) != 1) {
    return bad_input("the private key does not belong to the certificate");
  }
  return {};
}

}  // namespace gogrid::net::pki
