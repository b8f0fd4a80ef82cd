#include "base/toml_edit.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <vector>

namespace gogrid {
namespace {

using Path = std::vector<std::string>;

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

Error wrong(std::string detail) { return Error(ErrorCode::invalid_argument, std::move(detail)); }

// One assignment, by its places in the text. In an inline table `begin` is where its key begins, elsewhere its line.
struct Entry {
  Path path;
  std::size_t begin = 0;
  std::size_t value_begin = 0;
  std::size_t value_end = 0;
  // Of its line, with what ends it.
  std::size_t end = 0;
};

// The top of the text, or what stands below one header.
struct Section {
  Path table;
  // Below [[name]], where a key has no path of its own.
  bool in_array = false;
  std::size_t entries_end = 0;
  std::vector<Entry> entries;
};

// Finds the places of keys and values in a text that a parser has found to be TOML; in others it finds nonsense, but
// ends.
class Scanner {
 public:
  explicit Scanner(std::string_view text, std::size_t at = 0) : text_(text), at_(at) {}

  std::vector<Section> sections() {
    std::vector<Section> found(1);
    if (text_.starts_with(byte_order_mark)) at_ = byte_order_mark.size();
    found.back().entries_end = at_;
    while (at_ < text_.size()) {
      const std::size_t begin = at_;
      skip_blank();
      if (peek() == '[') {
        found.push_back(header());
        found.back().in_array = found.back().in_array || is_below_array(found);
        skip_line();
        found.back().entries_end = at_;
      } else if (at_line_end() || peek() == '#') {
        skip_line();
      } else {
        found.back().entries.push_back(entry(found.back().table, begin));
        skip_line();
        found.back().entries.back().end = at_;
        found.back().entries_end = at_;
      }
    }
    return found;
  }

  // From the brace that opens it.
  std::vector<Entry> inline_table(const Path& path) {
    std::vector<Entry> found;
    ++at_;
    for (;;) {
      skip_blank();
      if (at_ >= text_.size() || peek() == '}') return found;
      found.push_back(entry(path, at_));
      skip_blank();
      if (peek() != ',') return found;
      ++at_;
    }
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool at_line_end() const { return at_ >= text_.size() || peek() == '\n' || peek() == '\r'; }

  void skip_blank() {
    while (peek() == ' ' || peek() == '\t')
      ++at_;
  }
  void skip_line() { at_ = std::min(text_.find('\n', at_), text_.size() - 1) + 1; }

  static bool is_below_array(const std::vector<Section>& sections) {
    const Path& table = sections.back().table;
    return std::any_of(sections.begin(), sections.end() - 1, [&](const Section& section) {
      return section.in_array && section.table.size() <= table.size() &&
             std::equal(section.table.begin(), section.table.end(), table.begin());
    });
  }

  Section header() {
    Section section;
    ++at_;
    if (peek() == '[') {
      section.in_array = true;
      ++at_;
    }
    section.table = key_path();
    return section;
  }

  Entry entry(Path path, std::size_t begin) {
    Entry found;
    found.begin = begin;
    for (std::string& part : key_path())
      path.push_back(std::move(part));
    found.path = std::move(path);
    if (peek() == '=') ++at_;
    skip_blank();
    found.value_begin = at_;
    skip_value();
    found.value_end = at_;
    return found;
  }

  // As far as a "." goes on.
  Path key_path() {
    Path path;
    for (;;) {
      skip_blank();
      path.push_back(key_part());
      skip_blank();
      if (peek() != '.') return path;
      ++at_;
    }
  }

  std::string key_part() {
    const std::size_t begin = at_;
    if (peek() == '"' || peek() == '\'') {
      skip_string();
      return unquoted(text_.substr(begin, at_ - begin));
    }
    while (at_ < text_.size() && std::string_view(" \t\r\n.=]#").find(peek()) == std::string_view::npos)
      ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  static std::string unquoted(std::string_view quoted) {
    try {
      const toml::table parsed = toml::parse(std::string(quoted) + " = 0");
      if (parsed.size() == 1) return std::string(parsed.begin()->first.str());
    } catch (const toml::parse_error&) {
    }
    return std::string(quoted);
  }

  void skip_string() {
    const char quote = peek();
    const std::string three(3, quote);
    const bool is_long = text_.substr(at_, 3) == three;
    at_ += is_long ? 3 : 1;
    while (at_ < text_.size()) {
      if (quote == '"' && peek() == '\\') {
        at_ = std::min(at_ + 2, text_.size());
      } else if (is_long && text_.substr(at_, 3) == three) {
        at_ += 3;
        // Up to two quotes more are the string's own last characters.
        while (peek() == quote)
          ++at_;
        return;
      } else if (!is_long && peek() == quote) {
        ++at_;
        return;
      } else {
        ++at_;
      }
    }
  }

  void skip_value() {
    std::size_t depth = 0;
    std::size_t last_end = at_;
    while (at_ < text_.size()) {
      const char c = peek();
      if (c == '"' || c == '\'') {
        skip_string();
        last_end = at_;
        if (depth == 0) return;
        continue;
      }
      const bool opens = c == '[' || c == '{';
      const bool closes = c == ']' || c == '}';
      const bool ends_line = c == '#' || c == '\n' || c == '\r';
      if (depth == 0 && (c == ',' || closes || ends_line)) break;
      if (c == '#') {
        skip_line();
        continue;
      }
      depth += opens ? 1 : 0;
      depth -= closes ? 1 : 0;
      ++at_;
      if (c != ' ' && c != '\t') last_end = at_;
      if (closes && depth == 0) return;
    }
    at_ = last_end;
  }

  std::string_view text_;
  std::size_t at_;
};

bool begins_with(const Path& path, const Path& with) {
  return path.size() >= with.size() && std::equal(with.begin(), with.end(), path.begin());
}

Path split_key(std::string_view key) {
  Path path;
  for (;;) {
    const auto dot = key.find('.');
    path.emplace_back(key.substr(0, dot));
    if (dot == std::string_view::npos) return path;
    key.remove_prefix(dot + 1);
  }
}

bool is_bare(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

// Without its first `skipped` parts.
std::string joined(const Path& path, std::size_t skipped) {
  std::string text;
  for (std::size_t i = skipped; i < path.size(); ++i)
    text += (text.empty() ? "" : ".") + path[i];
  return text;
}

class Editor {
 public:
  Editor(std::string_view text, Path path, std::optional<std::string> value)
      : text_(text), path_(std::move(path)), value_(std::move(value)), sections_(Scanner(text).sections()) {
    const auto line_end = text_.find('\n');
    if (line_end != std::string::npos && line_end > 0 && text_[line_end - 1] == '\r') new_line_ = "\r\n";
  }

  std::string edited() {
    for (const Section& section : sections_) {
      if (section.in_array) continue;
      for (const Entry& entry : section.entries) {
        if (entry.path == path_) {
          if (value_) {
            replace(entry.value_begin, entry.value_end, *value_);
          } else {
            replace(entry.begin, entry.end, "");
          }
          return text_;
        }
        if (begins_with(path_, entry.path) && text_[entry.value_begin] == '{') {
          edit_inline(entry);
          return text_;
        }
      }
    }
    if (value_) add();
    return text_;
  }

 private:
  void replace(std::size_t begin, std::size_t end, const std::string& with) { text_.replace(begin, end - begin, with); }

  void edit_inline(const Entry& table) {
    const auto entries = Scanner(text_, table.value_begin).inline_table(table.path);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const Entry& entry = entries[i];
      if (entry.path == path_) {
        if (value_) return replace(entry.value_begin, entry.value_end, *value_);
        if (i + 1 < entries.size()) return replace(entry.begin, entries[i + 1].begin, "");
        return replace(i > 0 ? entries[i - 1].value_end : entry.begin, entry.value_end, "");
      }
      if (begins_with(path_, entry.path) && text_[entry.value_begin] == '{') return edit_inline(entry);
    }
    if (!value_) return;
    const std::string assignment = joined(path_, table.path.size()) + " = " + *value_;
    if (entries.empty()) {
      // Blanks that are there stay, so that nothing but the assignment is new.
      const std::size_t inside = table.value_begin + 1;
      replace(inside, inside, " " + assignment + (text_[inside] == '}' ? " " : ""));
    } else {
      replace(entries.back().value_end, entries.back().value_end, ", " + assignment);
    }
  }

  // Where its neighbours are: below their header, or after the last one that is written with dots.
  void add() {
    const Path table(path_.begin(), path_.end() - 1);
    for (const Section& section : sections_) {
      if (!section.in_array && section.table == table) return add_line(section.entries_end, section.table.size());
    }
    for (const Section& section : sections_) {
      if (section.in_array || section.table.size() >= table.size()) continue;
      for (auto entry = section.entries.rbegin(); entry != section.entries.rend(); ++entry) {
        if (begins_with(entry->path, table)) return add_line(entry->end, section.table.size());
      }
    }
    end_line(text_.size());
    if (!text_.empty()) text_ += new_line_;
    text_ += "[" + joined(table, 0) + "]" + new_line_;
    add_line(text_.size(), table.size());
  }

  void add_line(std::size_t at, std::size_t table_parts) {
    at += end_line(at);
    text_.insert(at, joined(path_, table_parts) + " = " + *value_ + new_line_);
  }

  // What it took to end the line before that place.
  std::size_t end_line(std::size_t at) {
    if (at == 0 || text_[at - 1] == '\n' || text_.substr(0, at) == byte_order_mark) return 0;
    text_.insert(at, new_line_);
    return new_line_.size();
  }

  std::string text_;
  Path path_;
  std::optional<std::string> value_;
  std::vector<Section> sections_;
  std::string new_line_ = "\n";
};

Result<toml::table> parse(std::string_view text) {
  try {
    return toml::table(toml::parse(text));
  } catch (const toml::parse_error& error) {
    return wrong("line " + std::to_string(error.source().begin.line) + ": " + std::string(error.description()));
  }
}

// The tables on the way to the path's last part, as far as there are any.
Result<std::vector<toml::table*>> tables_of(toml::table& root, const Path& path, bool make) {
  std::vector<toml::table*> tables{&root};
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    toml::node* inner = tables.back()->get(path[i]);
    if (!inner && !make) break;
    if (!inner) inner = &tables.back()->insert(path[i], toml::table()).first->second;
    if (!inner->is_table()) return wrong(path[i] + " is not a table in it");
    tables.push_back(inner->as_table());
  }
  return tables;
}

Result<void> change(toml::table& root, const Path& path, const toml::node* value) {
  const auto tables = tables_of(root, path, value != nullptr);
  if (!tables) return tables.error();
  if (tables->size() < path.size()) return {};
  toml::table& table = *tables->back();
  const toml::node* old = table.get(path.back());
  if (old && (old->is_table() || old->is_array_of_tables())) return wrong(path.back() + " is a table in it");
  if (value) {
    table.insert_or_assign(path.back(), *value);
  } else {
    table.erase(path.back());
  }
  return {};
}

// A table that is empty may be there or not: with dots there is none without a key.
void remove_empty(toml::table& root, const Path& path) {
  const auto tables = tables_of(root, path, false);
  if (!tables) return;
  for (std::size_t i = tables->size() - 1; i > 0 && (*tables)[i]->empty(); --i)
    (*tables)[i - 1]->erase(path[i - 1]);
}

}  // namespace

Result<std::string> edit_toml(std::string_view text, std::string_view key, const std::optional<std::string>& value) {
  const Path path = split_key(key);
  if (!std::all_of(path.begin(), path.end(), is_bare)) return wrong("\"" + std::string(key) + "\" is not a key");
  auto wanted = parse(text);
  if (!wanted) return wrong("it is not TOML: " + wanted.error().detail);
  toml::table holder;
  if (value) {
    auto parsed = parse("value = " + *value + "\n");
    if (!parsed || parsed->size() != 1) return wrong("\"" + *value + "\" is not a value of TOML");
    holder = std::move(*parsed);
  }
  if (auto changed = change(*wanted, path, holder.get("value")); !changed) return changed.error();

  std::string edited = Editor(text, path, value).edited();
  auto result = parse(edited);
  remove_empty(*wanted, path);
  if (result) remove_empty(*result, path);
  if (!result || *result != *wanted)
    return wrong("it is written in a way in which " + std::string(key) + " cannot be changed alone");
  return edited;
}

}  // namespace gogrid
