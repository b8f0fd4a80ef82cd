// Structured logs on standard error, as text or as one JSON object a line. What is logged never holds a secret or a prompt.
// log() is safe from any thread.
#pragma once

#include <spdlog/logger.h>

#include <string_view>

#include "base/result.hpp"

namespace gogrid {

enum class LogFormat { text, json };

struct LogOptions {
  LogFormat format = LogFormat::text;
  // trace, debug, info, warning, error, off.
  std::string level = "info";
};

// Sets up the process's one logger; before this, log() writes text at level info. An unknown level is an error that names it.
Result<void> start_logging(const LogOptions& options);

spdlog::logger& log();

// `text` as the inside of a JSON string: quotes, backslashes and control characters escaped.
std::string escape_json(std::string_view text);

}  // namespace gogrid
