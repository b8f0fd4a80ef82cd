// Reading a multipart/form-data body (RFC 7578) as it comes, without I/O: bytes in, the beginnings, contents and ends
// of its parts out. Holds no more than one part's header. One owner, any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace gogrid::net {

class MultipartReader {
 public:
  struct Limits {
    std::size_t max_parts = 32;
    // Of one part.
    std::size_t max_header_bytes = 8 * 1024;
  };

  // The boundary that a "Content-Type: multipart/form-data; boundary=…" names; invalid_argument for another type or a
  // boundary that none can be.
  static Result<std::string> boundary_of(std::string_view content_type);

  explicit MultipartReader(std::string_view boundary) : MultipartReader(boundary, Limits()) {}
  MultipartReader(std::string_view boundary, Limits limits);

  struct Part {
    std::string name;
    // As sent, but for backslashes before quotes; nullopt: a field, not a file.
    std::optional<std::string> filename;
    std::string content_type;
  };
  enum class Event {
    more,   // all of the input was taken; feed more
    begin,  // a part begins: see part()
    data,   // some of its content: see data()
    end,    // the part ends
    done,   // the body ends; what follows is taken and ignored
  };
  // Takes what the next event needs from the front of `input`. invalid_argument for what is no such body, too_large
  // over a limit; the reader is of no further use then.
  Result<Event> next(std::string_view& input);

  const Part& part() const { return part_; }
  // Valid until the next call, while the input is.
  std::string_view data() const { return data_; }
  bool done() const { return state_ == State::done; }

 private:
  enum class State { preamble, content, delimiter, header, done };

  // nullopt: nothing to tell of.
  Result<std::optional<Event>> read_content(std::string_view& input);
  Result<std::optional<Event>> read_delimiter(std::string_view& input);
  Result<std::optional<Event>> read_header(std::string_view& input);
  Result<void> read_field(std::string_view line);

  // "\r\n--boundary"
  std::string delimiter_;
  const Limits limits_;
  State state_ = State::preamble;
  // How much of the delimiter the input has ended with: the first one may stand without its line break.
  std::size_t matched_ = 2;
  // What has come of the line behind a delimiter, or of a header's line.
  std::string line_;
  std::size_t header_bytes_ = 0;
  std::size_t parts_ = 0;
  // A part was begun and has not ended.
  bool in_part_ = false;
  bool has_disposition_ = false;
  Part part_;
  std::string_view data_;
};

}  // namespace gogrid::net
