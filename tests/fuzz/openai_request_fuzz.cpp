// Bodies of inference requests. The first byte chooses the endpoint. What is accepted has a model's name and no
// more prefixes than there may be; what is refused says why.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire/openai_request.hpp"
#include "wire/prompt_reader.hpp"

using namespace gogrid::wire;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto endpoint = static_cast<InferenceEndpoint>(data[0] % 7);
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto result = read_inference_request(endpoint, body);
  if (const auto* request = std::get_if<InferenceRequest>(&result)) {
    if (request->model.empty() || request->model.size() > max_model_name_bytes) std::abort();
    if (request->prefixes.size() > max_prefixes || request->prompt_tokens > size) std::abort();
  } else {
    const auto& problem = std::get<RequestProblem>(result);
    if (problem.code.empty() || problem.message.empty()) std::abort();
  }
  return 0;
}
