// Tables and lists of facts for people: aligned by the columns of a terminal. Values, any thread.
#pragma once

#include <string>
#include <vector>

#include "cli/formatter/text.hpp"

namespace gogrid::cli {

// How output is to look.
struct View {
  // Seconds since 1970, for "3 min ago".
  std::int64_t now = 0;
  bool colour = false;
  // Columns of the terminal; 0: no limit, as when the output goes to a file.
  std::size_t width = 0;
};

struct Cell {
  Cell(std::string its_text, Style its_style = Style::none) : text(std::move(its_text)), style(its_style) {}
  Cell(const char* its_text, Style its_style = Style::none) : text(its_text), style(its_style) {}

  std::string text;
  Style style;
};

class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
    // May be cut where the terminal is too narrow.
    bool elastic = false;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // One cell a column. Texts may come from anywhere: they are made printable.
  void add_row(std::vector<Cell> cells);
  bool empty() const { return rows_.empty(); }
  // Title and rows, each ended by a newline, without spaces at line ends.
  std::string text(const View& view) const;

 private:
  std::vector<std::size_t> widths(const View& view) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

// "Name:   value" lines, the values below each other. Facts without a value are left out.
class Facts {
 public:
  void add(std::string name, Cell value);
  std::string text(const View& view) const;

 private:
  std::vector<std::pair<std::string, Cell>> facts_;
};

}  // namespace gogrid::cli
