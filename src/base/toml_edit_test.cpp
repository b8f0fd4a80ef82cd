// Proves that an edit changes the one key and not a byte beside it, and that what cannot be edited so is refused.
#include "base/toml_edit.hpp"

#include <gtest/gtest.h>

namespace gogrid {
namespace {

struct Edit {
  const char* name;
  std::string before;
  const char* key;
  std::optional<std::string> value;
  std::string after;
};
void PrintTo(const Edit& edit, std::ostream* out) { *out << edit.name; }

class EditToml : public testing::TestWithParam<Edit> {};

TEST_P(EditToml, ChangesTheKeyAndNothingElse) {
  const Edit& edit = GetParam();
  const auto edited = edit_toml(edit.before, edit.key, edit.value);
  ASSERT_TRUE(edited) << edited.error().detail;
  EXPECT_EQ(*edited, edit.after);
}

INSTANTIATE_TEST_SUITE_P(
    Set, EditToml,
    testing::Values(
        Edit{"in an empty file", "", "worker.name", "\"den\"", "[worker]\nname = \"den\"\n"},
        Edit{"a value in its place", "# mine\n[worker]\n  name = 'a'  # why\nthreads = 2\n", "worker.name", "\"b\"",
             "# mine\n[worker]\n  name = \"b\"  # why\nthreads = 2\n"},
        Edit{"after the last key of its table", "[worker]\nname = 'a'\n\n# logs\n[log]\nlevel = 'info'\n",
             "worker.threads", "3", "[worker]\nname = 'a'\nthreads = 3\n\n# logs\n[log]\nlevel = 'info'\n"},
        Edit{"into an empty table", "[worker] # nothing yet\n# [old]\n[log]\n", "worker.threads", "3",
             "[worker] # nothing yet\nthreads = 3\n# [old]\n[log]\n"},
        Edit{"a table that is missing", "[log]\nlevel = 'info'", "worker.threads", "3",
             "[log]\nlevel = 'info'\n\n[worker]\nthreads = 3\n"},
        Edit{"with Windows' line ends", "[worker]\r\nname = 'a'\r\n", "worker.threads", "3",
             "[worker]\r\nname = 'a'\r\nthreads = 3\r\n"},
        Edit{"a value before Windows' line end", "[worker]\r\nname = 'a'\r\n", "worker.name", "'b'",
             "[worker]\r\nname = 'b'\r\n"},
        Edit{"the last line is not ended", "[worker]\nname = 'a'", "worker.threads", "3",
             "[worker]\nname = 'a'\nthreads = 3\n"},
        Edit{"with dots", "worker.name = 'a'\nlog.level = 'info'\n", "worker.threads", "3",
             "worker.name = 'a'\nworker.threads = 3\nlog.level = 'info'\n"},
        Edit{"a dotted value", "worker . \"name\" = 'a'\n", "worker.name", "'b'", "worker . \"name\" = 'b'\n"},
        Edit{"in an inline table", "worker = { name = 'a', threads = 1 } # x\n", "worker.threads", "3",
             "worker = { name = 'a', threads = 3 } # x\n"},
        Edit{"new in an inline table", "worker = { name = 'a' }\n", "worker.threads", "3",
             "worker = { name = 'a', threads = 3 }\n"},
        Edit{"in an empty inline table", "worker = {}\n", "worker.threads", "3", "worker = { threads = 3 }\n"},
        Edit{"in an empty inline table with blanks", "a = { b = {   },d = [1] }\n", "a.b.c", "3",
             "a = { b = { c = 3   },d = [1] }\n"},
        Edit{"in an inline table inside", "a = { b = { c = 1 } }\n", "a.b.d", "2", "a = { b = { c = 1, d = 2 } }\n"},
        Edit{"an array over lines", "[worker]\neach = [ # two\n  'a=1', # ]\n  'b=2',\n]\nname = 'x'\n", "worker.each",
             "[]", "[worker]\neach = []\nname = 'x'\n"},
        Edit{"past brackets in strings", "[worker]\nname = 'a]}#'\nwhy = \"\"\"\nthreads = 9\n\\\"\"\"\"\"\n",
             "worker.threads", "3", "[worker]\nname = 'a]}#'\nwhy = \"\"\"\nthreads = 9\n\\\"\"\"\"\"\nthreads = 3\n"},
        Edit{"below a table of its own", "[worker.policy]\nx = 1\n", "worker.threads", "3",
             "[worker.policy]\nx = 1\n\n[worker]\nthreads = 3\n"},
        Edit{"not in a list of tables", "[[models]]\nname = 'a'\n[[models]]\nname = 'b'\n", "worker.name", "'c'",
             "[[models]]\nname = 'a'\n[[models]]\nname = 'b'\n\n[worker]\nname = 'c'\n"},
        Edit{"at the top", "# first\n[a]\n", "name", "1", "name = 1\n# first\n[a]\n"},
        Edit{"after a byte order mark", "\xef\xbb\xbf[a]\n", "name", "1", "\xef\xbb\xbfname = 1\n[a]\n"},
        Edit{"a time with a space in it", "[a]\nt = 1979-05-27 07:32:00 # t\n", "a.t", "2", "[a]\nt = 2 # t\n"}));

INSTANTIATE_TEST_SUITE_P(
    Remove, EditToml,
    testing::Values(Edit{"its line, and the comment on it", "[worker]\n# of mine\nname = 'a' # b\nthreads = 2\n",
                         "worker.name", std::nullopt, "[worker]\n# of mine\nthreads = 2\n"},
                    Edit{"the only key", "[worker]\nname = 'a'\n", "worker.name", std::nullopt, "[worker]\n"},
                    Edit{"the only dotted key", "worker.name = 'a'\n[log]\n", "worker.name", std::nullopt, "[log]\n"},
                    Edit{"a value over lines", "[worker]\neach = [\n 'a',\n]\nname = 'x'\n", "worker.each",
                         std::nullopt, "[worker]\nname = 'x'\n"},
                    Edit{"what is not there", "[worker] # x\n", "worker.name", std::nullopt, "[worker] # x\n"},
                    Edit{"what has no table", "# x\n", "worker.name", std::nullopt, "# x\n"},
                    Edit{"the first of an inline table", "worker = { a = 1, b = 2 }\n", "worker.a", std::nullopt,
                         "worker = { b = 2 }\n"},
                    Edit{"the last of an inline table", "worker = { a = 1, b = 2 }\n", "worker.b", std::nullopt,
                         "worker = { a = 1 }\n"},
                    Edit{"the only one of an inline table", "worker = { a = 1 }\n", "worker.a", std::nullopt,
                         "worker = {  }\n"}));

struct BadEdit {
  const char* text;
  const char* key;
  std::optional<std::string> value;
  const char* says;
};
class EditTomlRefuses : public testing::TestWithParam<BadEdit> {};

TEST_P(EditTomlRefuses, AndSaysWhy) {
  const auto edited = edit_toml(GetParam().text, GetParam().key, GetParam().value);
  ASSERT_FALSE(edited) << *edited;
  EXPECT_EQ(edited.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(edited.error().detail.find(GetParam().says), std::string::npos) << edited.error().detail;
}

INSTANTIATE_TEST_SUITE_P(
    Table, EditTomlRefuses,
    testing::Values(BadEdit{"a = 1\n[worker\n", "worker.name", "1", "not TOML: line 2"},
                    BadEdit{"", "worker.name", "1\nother = 2", "is not a value"},
                    BadEdit{"", "worker.name", "", "is not a value"}, BadEdit{"", "worker..name", "1", "is not a key"},
                    BadEdit{"", "worker.na me", "1", "is not a key"}, BadEdit{"", "", "1", "is not a key"},
                    BadEdit{"worker = 1\n", "worker.name", "1", "worker is not a table"},
                    BadEdit{"[[worker]]\nname = 1\n", "worker.name", "1", "worker is not a table"},
                    BadEdit{"[worker.name]\n", "worker.name", "1", "name is a table"},
                    BadEdit{"[worker.name]\n", "worker.name", std::nullopt, "name is a table"},
                    // The rest of the line would be a comment.
                    BadEdit{"worker = { a = 1, b = 2 }\n", "worker.a", "3 # three", "cannot be changed alone"}));

}  // namespace
}  // namespace gogrid
