// StreamedAnswer: what a client has been sent of a streamed answer, read from its events: the forms of OpenAI's chat
// completions, completions and Responses, and of Anthropic's messages. Another engine goes on from there. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "wire/openai_request.hpp"

namespace gogrid::wire {

struct StreamedAnswer {
  struct ToolCall {
    std::string id;
    std::string name;
    // JSON, as far as it has come.
    std::string arguments;
  };
  struct Choice {
    std::string content;
    std::string reasoning;
    std::vector<ToolCall> tools;
    // Where in `content` each event ended that added to it.
    std::vector<std::uint32_t> ends;
    bool begun = false;
    bool finished = false;

    bool empty() const { return content.empty() && reasoning.empty() && tools.empty(); }
  };
  enum class ItemKind { text, reasoning, tool };
  // A block of Messages, or an item of Responses, in order.
  struct Item {
    ItemKind kind = ItemKind::text;
    // Of Responses.
    std::string id;
    std::string call_id;
    // Types of the events about it that come once, and have come: that its part begins, that it or its text ends.
    std::set<std::string, std::less<>> told = {};
  };

  // By index. Messages and Responses have one, 0.
  std::map<std::uint32_t, Choice> choices;
  std::vector<Item> items;
  // What names the answer in each of its events: `id`, `created`, `model`, `system_fingerprint`.
  std::map<std::string, std::string> text_names;
  std::uint64_t created = 0;
  // Its last event has come.
  bool ended = false;

  Choice& only() { return choices[0]; }
};

// The events in `bytes`: `on_event` gets the data of each, without the line's name. What has no end yet is left.
// Returns how much was read.
template <class OnEvent>
std::size_t for_each_event(std::string_view bytes, OnEvent on_event) {
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = bytes.find("\n\n", begin);
    if (end == bytes.npos) return begin;
    std::string_view lines = bytes.substr(begin, end - begin);
    begin = end + 2;
    while (!lines.empty()) {
      const std::size_t stop = lines.find('\n');
      std::string_view line = lines.substr(0, stop);
      lines.remove_prefix(stop == lines.npos ? lines.size() : stop + 1);
      if (!line.starts_with("data:")) continue;
      line.remove_prefix(5);
      if (line.starts_with(' ')) line.remove_prefix(1);
      if (line.ends_with('\r')) line.remove_suffix(1);
      on_event(line);
    }
  }
}

// Keeps the events that a client is sent, and reads them only when they are asked for, or many: a stream that its
// worker finishes costs no more than a copy of them.
class AnswerRecord {
 public:
  explicit AnswerRecord(InferenceEndpoint endpoint) : endpoint_(endpoint) {}

  // What was written, whole events.
  void feed(std::string_view events);
  // Of all that was fed.
  const StreamedAnswer& answer();
  // It is too long to be kept, or was not understood: nobody can go on from it.
  bool lost() const { return lost_; }

 private:
  void read();

  InferenceEndpoint endpoint_;
  std::string unread_;
  StreamedAnswer answer_;
  std::size_t kept_bytes_ = 0;
  bool lost_ = false;
};

// Adds what one event says. False when it makes no sense.
bool add_event(InferenceEndpoint endpoint, const nlohmann::ordered_json& event, StreamedAnswer& answer);

}  // namespace gogrid::wire
