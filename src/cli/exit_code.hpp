// How the program ends, for scripts. Values, any thread.
#pragma once

namespace gogrid::cli {

enum ExitCode : int {
  success = 0,
  failed = 1,
  usage = 2,
  unreachable = 3,  // no coordinator answered
  not_allowed = 4,
  not_found = 5,
  not_succeeded = 6,  // the command was carried out; a job or a line of a batch did not succeed
  timed_out = 7,      // --timeout passed first
  interrupted = 130
};

}  // namespace gogrid::cli
