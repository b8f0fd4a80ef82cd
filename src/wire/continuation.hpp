// Continuation: the requests with which another engine goes on with an answer from where its client has it.
// llama-server continues a last message of the assistant's, also in the middle of a tool's call, and its grammar goes
// on with it (continue_final_message). Where it cannot, the answer is generated anew and what the client has is left
// out. Any thread.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/openai_request.hpp"
#include "wire/streamed_answer.hpp"

namespace gogrid::wire {

// Whether a stream of this endpoint can be gone on with at all.
bool can_continue(InferenceEndpoint endpoint);

class Continuation {
 public:
  // `body`: the client's request, which read_inference_request() has taken.
  Continuation(InferenceEndpoint endpoint, std::string_view body);

  // All choices that the answer has, sent or not.
  std::uint32_t choices() const { return choices_; }
  // Each token is the likeliest: an engine that repeats itself gives the same bytes again.
  bool greedy() const;
  // The engine holds the answer to a grammar: JSON, or the calls of tools.
  bool has_grammar() const;

  // Texts that end it: the engine holds back what may become one, so that an event may have several tokens.
  bool has_stop() const;

  // How the model writes what the client has been sent of a choice; nullopt when that cannot be known: generate anew.
  // With calls of tools `tool_format` is what the engine answered to tool_format_question().
  std::optional<std::string> written(const StreamedAnswer::Choice& sent, std::string_view tool_format) const;
  // For /apply-template: how the model writes such calls.
  static std::string tool_format_question(const StreamedAnswer::Choice& sent);

  // The same request for this choice alone, to be gone on with after `written`, which has `sent_tokens`.
  std::string go_on(std::uint32_t choice, const StreamedAnswer::Choice& sent, const std::string& written,
                    std::uint64_t sent_tokens, unsigned migrations) const;
  // With so many tokens the answer has all that was asked for.
  bool is_complete(std::uint64_t tokens) const;
  // From its beginning.
  std::string anew(std::uint32_t choice) const;
  // For /apply-template, of go_on(): the prompt that its engine would see. nullopt: it is the request's own text.
  std::optional<std::string> prompt_question(const std::string& go_on_body) const;
  // Of completions: the prompt as text, with `written`; nullopt when it is none.
  std::optional<std::string> prompt_text(std::uint32_t choice, const std::string& written) const;

 private:
  nlohmann::ordered_json for_choice(std::uint32_t choice) const;

  InferenceEndpoint endpoint_;
  nlohmann::ordered_json request_;
  std::uint32_t choices_ = 1;
  std::uint32_t choices_of_prompt_ = 1;
};

// In the answer of /apply-template.
std::optional<std::string> prompt_in(std::string_view template_answer);

// The end of a prompt that ends with what was written of an answer: that, and as much before it as its tokens may
// depend on.
std::string near_the_end(std::string_view prompt, std::size_t written_bytes);

// What /tokenize said of a text that ends with a written answer of `written_bytes` bytes.
struct Tokens {
  // Of the answer.
  std::uint64_t count = 0;
  // Each event of the client's ended where a token ends, and no token lies across the beginning: the engine that goes
  // on sees the tokens that the first one chose.
  bool same = false;
};
// `ends`: where events ended in the written answer. nullopt when the answer of /tokenize makes no sense.
std::optional<Tokens> compare_tokens(std::string_view tokenize_answer, std::size_t written_bytes,
                                     const std::vector<std::uint32_t>& ends);
// For /tokenize.
std::string tokenize_question(const std::string& text);

}  // namespace gogrid::wire
