// Puts a batch's results into the order of its input. They are kept on the disk; in memory there is only where each one
// stands. One owner, one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "cli/output_file.hpp"
#include "cli/run_input.hpp"
#include "cli/spool.hpp"

namespace gogrid::cli {

class RunResults {
 public:
  enum class Form {
    json_lines,  // {"custom_id": …, "response": …} or {"custom_id": …, "error": …}
    text,        // what the models said, and of failed lines nothing
  };

  explicit RunResults(Terminal& terminal) : terminal_(terminal) {}

  Result<void> open(const Environment& environment) { return spool_.open(environment); }
  // One line of the batch's output or error file. What is no result is left out.
  Result<void> take(std::string_view line);
  // Writes a result for each line of the input, and tells on standard error of failed ones if `form` is text. Returns
  // how many did not succeed.
  Result<std::size_t> write(const std::vector<RunLine>& lines, Form form, OutputFile& output) const;

 private:
  struct Place {
    std::uint64_t offset = 0;
    std::size_t size_bytes = 0;
  };
  struct Outcome;

  Result<Outcome> outcome_of(const RunLine& line) const;

  Terminal& terminal_;
  SpoolFile spool_;
  std::unordered_map<std::string, Place> places_;
};

}  // namespace gogrid::cli
