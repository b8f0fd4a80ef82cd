// Two hostile engines: what the first one streamed is read, and the second one's answer is joined to it. Nothing
// breaks, and in pieces of any size the same comes out. The first byte chooses the form, the second the size and the
// manner.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "wire/answer_splice.hpp"
#include "wire/continuation.hpp"

using namespace gogrid::wire;

namespace {

std::string joined(const StreamedAnswer& sent, const AnswerSplice::Options& options, std::string_view text,
                   std::size_t step) {
  AnswerSplice splice(sent, options);
  std::string out;
  while (!text.empty()) {
    if (!splice.feed(text.substr(0, step), out)) break;
    text.remove_prefix(std::min(step, text.size()));
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  constexpr InferenceEndpoint endpoints[] = {InferenceEndpoint::chat_completions, InferenceEndpoint::completions,
                                             InferenceEndpoint::messages, InferenceEndpoint::responses};
  AnswerSplice::Options options;
  options.endpoint = endpoints[data[0] % 4];
  options.anew = (data[1] & 1) != 0;
  options.complete = (data[1] & 2) != 0;
  options.sent_tokens = data[1];
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t middle = text.find('\0');
  const std::string_view first = text.substr(0, middle);
  const std::string_view second = middle == text.npos ? text : text.substr(middle + 1);
  AnswerRecord record(options.endpoint);
  record.feed(first);
  const StreamedAnswer sent = record.answer();
  const std::string whole = joined(sent, options, second, second.size());
  if (whole != joined(sent, options, second, data[1] % 16 + 1)) std::abort();
  for (const auto& [index, choice] : sent.choices) {
    const Continuation continuation(options.endpoint, R"({"model":"m","messages":[],"input":"","prompt":""})");
    if (const auto written = continuation.written(choice, second)) {
      (void)continuation.go_on(0, choice, *written, 1, 1);
      (void)compare_tokens(second, written->size(), choice.ends);
    }
    (void)Continuation::tool_format_question(choice);
  }
  return 0;
}
