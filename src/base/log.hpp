// Logs on standard error, as text or as one JSON object a line. What is logged never holds a secret or a prompt. Texts
// from elsewhere are logged as they are: they are escaped here, once. Safe from any thread.
#pragma once

#include <spdlog/logger.h>

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <variant>

#include "base/result.hpp"

namespace gogrid {

enum class LogFormat { text, json };

struct LogOptions {
  LogFormat format = LogFormat::text;
  // trace, debug, info, warning, error, off.
  std::string level = "info";
  // Written on a thread of its own (LogWriter): what logs never waits for the reader, and lines can get lost. For
  // daemons.
  bool queued = false;
};

// Sets up the process's one logger; before this, log() writes text at level info. An unknown level is an error that
// names it.
Result<void> start_logging(const LogOptions& options);

// Of a queued log, because nobody read it fast enough.
std::uint64_t dropped_log_lines();

// For sentences.
spdlog::logger& log();

// A fact of an event. Names are ours: lower case, with the unit at their end (duration_ms); not time, level or message.
struct LogField {
  LogField(std::string_view its_name, std::string_view text) : name(its_name), value(text) {}
  LogField(std::string_view its_name, std::integral auto number)
      : name(its_name), value(static_cast<std::int64_t>(number)) {}

  std::string_view name;
  std::variant<std::string_view, std::int64_t> value;
};

// For events that programs count: a sentence and its facts, as "sentence name=value …" or as members of the JSON
// object. A text that is empty is left out.
void log_event(spdlog::level::level_enum level, std::string_view sentence, std::initializer_list<LogField> fields);

// `text` as the inside of a JSON string: quotes, backslashes and control characters escaped, wrong UTF-8 replaced.
std::string escape_json(std::string_view text);

}  // namespace gogrid
