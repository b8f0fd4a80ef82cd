# Everything GoGrid links, found by find_package or pkg-config; other systems bring theirs by CMAKE_PREFIX_PATH.

include(GoogleTest)
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS url)
find_package(OpenSSL 3 REQUIRED)
find_package(Protobuf REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(PostgreSQL REQUIRED)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(LibArchive REQUIRED)
find_package(GTest REQUIRED)
pkg_check_modules(gnutls REQUIRED IMPORTED_TARGET gnutls)
pkg_check_modules(seccomp REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(xcb REQUIRED IMPORTED_TARGET xcb xcb-randr xcb-sync)
pkg_check_modules(systemd REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(wayland_client REQUIRED IMPORTED_TARGET wayland-client)
pkg_get_variable(WAYLAND_SCANNER wayland-scanner wayland_scanner)
pkg_get_variable(wayland_protocols wayland-protocols pkgdatadir)
set(WAYLAND_IDLE_PROTOCOL ${wayland_protocols}/staging/ext-idle-notify/ext-idle-notify-v1.xml)
find_file(KDE_IDLE_PROTOCOL plasma-wayland-protocols/idle.xml PATHS /usr/share /usr/local/share REQUIRED)
# How tests type, and what they put in a compositor's place.
pkg_check_modules(wayland_server REQUIRED IMPORTED_TARGET wayland-server)
pkg_check_modules(xcb_test REQUIRED IMPORTED_TARGET xcb-xtest)
pkg_check_modules(edit REQUIRED IMPORTED_TARGET libedit)
# Its types only: the loader is opened at run time.
find_path(VULKAN_INCLUDE_DIR vulkan/vulkan_core.h REQUIRED)

# ngtcp2: build/deps on Debian 12 (scripts/lib/dependencies.sh), the system's elsewhere.
set(ngtcp2_prefix ${CMAKE_SOURCE_DIR}/build/deps/ngtcp2/usr)
find_path(NGTCP2_INCLUDE_DIR ngtcp2/ngtcp2_crypto_gnutls.h HINTS ${ngtcp2_prefix}/include REQUIRED)
find_library(NGTCP2_LIBRARY NAMES libngtcp2.a ngtcp2
  HINTS ${ngtcp2_prefix}/lib PATH_SUFFIXES ${CMAKE_LIBRARY_ARCHITECTURE} ${CMAKE_CXX_LIBRARY_ARCHITECTURE} x86_64-linux-gnu aarch64-linux-gnu REQUIRED)
find_library(NGTCP2_CRYPTO_LIBRARY NAMES libngtcp2_crypto_gnutls.a ngtcp2_crypto_gnutls
  HINTS ${ngtcp2_prefix}/lib PATH_SUFFIXES ${CMAKE_LIBRARY_ARCHITECTURE} ${CMAKE_CXX_LIBRARY_ARCHITECTURE} x86_64-linux-gnu aarch64-linux-gnu REQUIRED)
add_library(ngtcp2_gnutls INTERFACE)
target_include_directories(ngtcp2_gnutls SYSTEM INTERFACE ${NGTCP2_INCLUDE_DIR})
target_link_libraries(ngtcp2_gnutls INTERFACE ${NGTCP2_CRYPTO_LIBRARY} ${NGTCP2_LIBRARY} PkgConfig::gnutls)
