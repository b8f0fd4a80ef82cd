// AnswerSplice: joins the answer of an engine that goes on (Continuation) to what the client has of the first one's, so
// that the client sees one answer: one id, each piece once, no second beginning, and the token counts of the whole. Any
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "wire/openai_request.hpp"
#include "wire/streamed_answer.hpp"

namespace gogrid::wire {

class AnswerSplice {
 public:
  struct Options {
    InferenceEndpoint endpoint = InferenceEndpoint::chat_completions;
    // The one that is gone on with; the new answer has only this, as its choice 0.
    std::uint32_t choice = 0;
    // It is generated anew: what the client has is left out, and must be the same.
    bool anew = false;
    // In the new engine's prompt, but of the answer.
    std::uint64_t sent_tokens = 0;
    // The client has as many tokens as it wanted: only the end is missing.
    bool complete = false;
    // Of the whole answer, with this one; told in its last events.
    unsigned migrations = 1;
    // No further choice has to be gone on with: the end of the stream is passed on.
    bool last = true;
  };
  // `sent` is copied.
  AnswerSplice(const StreamedAnswer& sent, Options options);

  // Bytes of the new answer as they come; what the client is to be sent of them is added to `out`, whole events.
  // `conflict`: generated anew it came out differently. `protocol`: it makes no sense.
  Result<void> feed(std::string_view bytes, std::string& out);
  // The new answer's end was seen.
  bool ended() const { return ended_; }

 private:
  using Json = nlohmann::ordered_json;
  using Item = StreamedAnswer::Item;

  Result<void> take(std::string_view data, std::string& out);
  // Each changes the event to what the client is to get; false: nothing.
  Result<bool> take_openai(Json& event);
  // `is_last`: set when the answer ends with it.
  Result<bool> take_choices(Json& event, bool& is_last);
  Result<bool> take_delta(Json& delta);
  Result<bool> take_tool_deltas(Json& deltas);
  Result<bool> take_message_event(Json& event, std::string& out);
  Result<bool> begin_block(Json& event);
  Result<bool> take_response_event(Json& event);
  Result<bool> begin_item(Json& event);
  // The client's item that the new engine means; null when there is none.
  Item* item_of(const std::string& id);
  Result<bool> take_response_delta(Json& event, const std::string& type);
  void finish_response(Json& event);
  // What the new engine says of the whole text, which it may have gone on with though the client has its end.
  void restore_text(Json& part) const;
  // Cuts off what the client has.
  Result<void> cut(std::string& text, const std::string& sent, std::size_t& position) const;
  void correct_usage(Json& usage) const;
  void write(const Json& event, std::string& out) const;

  const Options options_;
  StreamedAnswer sent_;
  StreamedAnswer::Choice& choice_;
  std::string unread_;
  bool ended_ = false;
  // The client has the whole text: nothing is added to it.
  bool has_text_ = false;

  // How much of what the client has the new answer has come to.
  std::size_t content_at_ = 0;
  std::size_t reasoning_at_ = 0;
  std::vector<std::size_t> arguments_at_;
  // Messages and Responses: the client's place of each of the new answer's blocks, by index, or items, by id.
  std::map<std::uint64_t, std::size_t> blocks_;
  std::map<std::string, std::size_t> items_;
  // Of the client's items, how many the new answer has begun.
  std::size_t matched_items_ = 0;
  std::size_t tool_of_new_ = 0;
};

}  // namespace gogrid::wire
