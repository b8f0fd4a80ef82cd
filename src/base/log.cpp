#include "base/log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <span>

#include "base/log_writer.hpp"
#include "base/utf8.hpp"

namespace gogrid {
namespace {

// The fields of the event that this thread is logging: the logger formats a message before the call returns.
thread_local std::span<const LogField> fields_of_event;

// Control characters as \u00xx and wrong UTF-8 as U+FFFD, so that no text can begin a line of its own or steer a
// terminal.
std::string escape(std::string_view text, bool quotes_too) {
  std::string out;
  out.reserve(text.size() + 8);
  while (!text.empty()) {
    const CodePoint point = decode_utf8(text);
    if (point.bytes == 0) {
      out += "\xef\xbf\xbd";
    } else if (is_steering(point.value)) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(point.value));
    } else {
      if (quotes_too && (point.value == '"' || point.value == '\\')) out += '\\';
      out += text.substr(0, point.bytes);
    }
    text.remove_prefix(std::max<std::size_t>(point.bytes, 1));
  }
  return out;
}

std::string quoted(std::string_view text) { return "\"" + escape_json(text) + "\""; }

// Bare where that can be read back.
std::string text_value(std::string_view text) {
  const auto is_plain = [](unsigned char c) { return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\'; };
  return std::all_of(text.begin(), text.end(), is_plain) ? std::string(text) : quoted(text);
}

std::string shown(const std::variant<std::string_view, std::int64_t>& value, bool json) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  const auto text = std::get<std::string_view>(value);
  return json ? quoted(text) : text_value(text);
}

// The sentence and the fields of an event.
class Message : public spdlog::custom_flag_formatter {
 public:
  explicit Message(LogFormat format) : format_(format) {}

  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string_view sentence(message.payload.data(), message.payload.size());
    const bool json = format_ == LogFormat::json;
    std::string text = json ? R"("message":)" + quoted(sentence) : escape(sentence, false);
    for (const LogField& field : fields_of_event) {
      const auto* words = std::get_if<std::string_view>(&field.value);
      if (words && words->empty()) continue;
      text += json ? "," + quoted(field.name) + ":" : " " + std::string(field.name) + "=";
      text += shown(field.value, json);
    }
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<Message>(format_); }

 private:
  LogFormat format_;
};

void set_format(spdlog::logger& logger, LogFormat format) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<Message>('*', format)
      .set_pattern(format == LogFormat::json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%*})"
                                             : "%Y-%m-%dT%H:%M:%S.%e%z %l %*");
  logger.set_formatter(std::move(formatter));
}

// Formats where it is called, as the event's fields are only there, and leaves the writing to a thread.
class QueuedSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  QueuedSink() : writer_(STDERR_FILENO) {}
  std::uint64_t dropped_lines() const { return writer_.dropped_lines(); }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    writer_.write(std::string_view(line.data(), line.size()), message.level >= spdlog::level::warn);
  }
  void flush_() override {}

  LogWriter writer_;
};

// Lives as long as the logger: what waits when the process ends is still written.
std::shared_ptr<QueuedSink>& queued_sink() {
  static std::shared_ptr<QueuedSink> sink;
  return sink;
}

std::shared_ptr<spdlog::logger> make_logger() {
  auto logger = std::make_shared<spdlog::logger>("gogrid", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  set_format(*logger, LogFormat::text);
  logger->flush_on(spdlog::level::trace);
  return logger;
}

}  // namespace

spdlog::logger& log() {
  static const std::shared_ptr<spdlog::logger> logger = make_logger();
  return *logger;
}

Result<void> start_logging(const LogOptions& options) {
  const auto level = spdlog::level::from_str(options.level);
  if (level == spdlog::level::off && options.level != "off") {
    return Error(ErrorCode::invalid_argument,
                 "unknown log level \"" + options.level + "\": use trace, debug, info, warning, error or off");
  }
  log().set_level(level);
  if (options.queued && !queued_sink()) {
    queued_sink() = std::make_shared<QueuedSink>();
    log().sinks() = {queued_sink()};
  }
  set_format(log(), options.format);
  return {};
}

std::uint64_t dropped_log_lines() { return queued_sink() ? queued_sink()->dropped_lines() : 0; }

void log_event(spdlog::level::level_enum level, std::string_view sentence, std::initializer_list<LogField> fields) {
  fields_of_event = std::span(fields.begin(), fields.size());
  log().log(level, spdlog::string_view_t(sentence.data(), sentence.size()));
  fields_of_event = {};
}

std::string escape_json(std::string_view text) { return escape(text, true); }

}  // namespace gogrid
