#include "cli/formatter/table.hpp"
#include "base/utf8.hpp"

#include <algorithm>
#include <numeric>

namespace gogrid::cli {
namespace {

constexpr std::size_t gap = 2;
constexpr std::size_t least_elastic_width = 8;

void trim_right(std::string& line) { line.erase(line.find_last_not_of(' ') + 1); }

}  // namespace

void Table::add_row(std::vector<Cell> cells) {
  for (Cell& cell : cells)
    cell.text = cell.text.empty() ? "-" : printable(cell.text);
  cells.resize(columns_.size(), Cell("-"));
  rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::widths(const View& view) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = display_width(columns_[i].title);
    for (const auto& row : rows_)
      width = std::max(width, display_width(row[i].text));
    widths.push_back(width);
  }
  if (view.width == 0) return widths;
  const std::size_t gaps = columns_.empty() ? 0 : gap * (columns_.size() - 1);
  std::size_t total = std::accumulate(widths.begin(), widths.end(), gaps);
  for (std::size_t i = columns_.size(); i-- > 0 && total > view.width;) {
    if (!columns_[i].elastic) continue;
    const std::size_t least = std::min(widths[i], std::max(least_elastic_width, display_width(columns_[i].title)));
    const std::size_t cut = std::min(widths[i] - least, total - view.width);
    widths[i] -= cut;
    total -= cut;
  }
  return widths;
}

std::string Table::text(const View& view) const {
  const std::vector<std::size_t> widths = this->widths(view);
  std::string out;
  const auto add_line = [&](auto cell_at) {
    std::string line;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const Cell cell = cell_at(i);
      const std::string shown = shorten(cell.text, widths[i]);
      const std::string padding(widths[i] - std::min(widths[i], display_width(shown)), ' ');
      if (i > 0) line.append(gap, ' ');
      const bool right = columns_[i].align == Align::right;
      if (right) line += padding;
      line += styled(cell.style, shown, view.colour);
      if (!right) line += padding;
    }
    trim_right(line);
    out += line + '\n';
  };
  add_line([&](std::size_t i) { return Cell(columns_[i].title, Style::bold); });
  for (const auto& row : rows_) {
    add_line([&](std::size_t i) { return row[i]; });
  }
  return out;
}

void Facts::add(std::string name, Cell value) {
  value.text = printable(value.text);
  if (!value.text.empty()) facts_.emplace_back(std::move(name) + ":", std::move(value));
}

std::string Facts::text(const View& view) const {
  std::size_t width = 0;
  for (const auto& [name, value] : facts_)
    width = std::max(width, display_width(name));
  std::string out;
  for (const auto& [name, value] : facts_) {
    out += styled(Style::bold, name, view.colour) + std::string(width - display_width(name) + gap, ' ') +
           styled(value.style, value.text, view.colour) + '\n';
  }
  return out;
}

}  // namespace gogrid::cli
