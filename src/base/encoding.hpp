// Text forms of bytes, and random text: hexadecimal, base64 (RFC 4648 §4), base64url (§5, no padding), ids and secrets.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gogrid {

std::span<const std::byte> as_bytes(std::string_view text);
std::string_view as_text(std::span<const std::byte> bytes);

std::string to_hex(std::span<const std::byte> bytes);
// Lower and upper case; nullopt for an odd length or any other character.
std::optional<std::string> from_hex(std::string_view text);

// With padding.
std::string to_base64(std::span<const std::byte> bytes);

std::string to_base64url(std::span<const std::byte> bytes);
// nullopt for any character outside the alphabet or an impossible length.
std::optional<std::string> from_base64url(std::string_view text);

// `count` bytes from the operating system's generator. Aborts if there is none.
std::string random_bytes(std::size_t count);

// "prefix_" and 96 random bits in hexadecimal: names of things, not secrets.
std::string random_id(std::string_view prefix);

// Compares in a time that depends on the lengths only.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace gogrid
