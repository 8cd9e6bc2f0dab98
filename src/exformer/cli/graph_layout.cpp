#include "exformer/cli/graph_layout.h"

#include <algorithm>
#include <numeric>

namespace exformer::cli {
namespace {

constexpr double kColumnGap = 28, kRowGap = 46, kMargin = 24, kBendWidth = 10;

/// Boxes, and a bend in each row that an edge passes.
struct Item {
  Size size;
  size_t row = 0;
  double x = 0;  // centre
  std::vector<size_t> above, below;
};

class Layering {
 public:
  Layering(const std::vector<Size>& boxes, const std::vector<std::pair<size_t, size_t>>& edges) : edges_(edges) {
    for (const Size& size : boxes) items_.push_back({.size = size});
    assign_rows(boxes.size());
    chain_edges();
    rows_.resize(row_count_);
    for (size_t i = 0; i < items_.size(); ++i) rows_[items_[i].row].push_back(i);
    order_rows();
    place_columns();
  }

  Layout run(size_t box_count) {
    std::vector<double> tops = row_tops();
    double left = 0, right = 0;
    for (const Item& item : items_) {
      left = std::min(left, item.x - item.size.width / 2);
      right = std::max(right, item.x + item.size.width / 2);
    }
    Layout layout;
    const auto x_of = [&](size_t i) { return items_[i].x - left + kMargin; };
    for (size_t i = 0; i < box_count; ++i)
      layout.corners.push_back({x_of(i) - items_[i].size.width / 2, tops[items_[i].row]});
    for (const std::vector<size_t>& chain : chains_) {
      std::vector<Point> route;
      for (size_t k = 0; k < chain.size(); ++k) {
        const Item& item = items_[chain[k]];
        const double top = tops[item.row], x = x_of(chain[k]);
        if (k > 0) route.push_back({x, top});
        if (k + 1 < chain.size())
          route.push_back({x, chain[k] < box_count ? top + item.size.height : top + row_height(item.row)});
      }
      layout.routes.push_back(std::move(route));
    }
    layout.size = {right - left + 2 * kMargin, tops.back() + kMargin};
    return layout;
  }

 private:
  /// Longest path from a box that nothing feeds; inputs are pulled down to just above their first reader.
  void assign_rows(size_t count) {
    std::vector<size_t> waiting(count, 0);
    std::vector<std::vector<size_t>> next(count);
    for (const auto& [from, to] : edges_) {
      next[from].push_back(to);
      ++waiting[to];
    }
    std::vector<bool> is_source(count);
    for (size_t i = 0; i < count; ++i) is_source[i] = waiting[i] == 0;
    std::vector<size_t> ready;
    for (size_t i = 0; i < count; ++i) {
      if (waiting[i] == 0) ready.push_back(i);
    }
    for (size_t at = 0; at < ready.size(); ++at) {
      const size_t from = ready[at];
      for (const size_t to : next[from]) {
        items_[to].row = std::max(items_[to].row, items_[from].row + 1);
        if (--waiting[to] == 0) ready.push_back(to);
      }
    }
    for (size_t i = 0; i < count; ++i) {
      if (!is_source[i] || next[i].empty()) continue;
      size_t first = items_[next[i].front()].row;
      for (const size_t to : next[i]) first = std::min(first, items_[to].row);
      items_[i].row = first - 1;
    }
    for (const Item& item : items_) row_count_ = std::max(row_count_, item.row + 1);
  }

  void chain_edges() {
    for (const auto& [from, to] : edges_) {
      std::vector<size_t> chain{from};
      for (size_t row = items_[from].row + 1; row < items_[to].row; ++row) {
        chain.push_back(items_.size());
        items_.push_back({.size = {kBendWidth, 0}, .row = row});
      }
      chain.push_back(to);
      for (size_t k = 1; k < chain.size(); ++k) {
        items_[chain[k - 1]].below.push_back(chain[k]);
        items_[chain[k]].above.push_back(chain[k - 1]);
      }
      chains_.push_back(std::move(chain));
    }
  }

  /// Sweeps down and up: each row in the order of its neighbours' mean place.
  void order_rows() {
    constexpr int kSweeps = 12;
    std::vector<double> place(items_.size());
    const auto number = [&](const std::vector<size_t>& row) {
      for (size_t k = 0; k < row.size(); ++k)
        place[row[k]] = static_cast<double>(k) - static_cast<double>(row.size() - 1) / 2;
    };
    for (const auto& row : rows_) number(row);
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      const bool down = sweep % 2 == 0;
      for (size_t k = 0; k < rows_.size(); ++k) {
        std::vector<size_t>& row = rows_[down ? k : rows_.size() - 1 - k];
        std::vector<double> wanted(items_.size());
        for (const size_t i : row) {
          const std::vector<size_t>& neighbours = down ? items_[i].above : items_[i].below;
          wanted[i] = neighbours.empty() ? place[i] : 0;
          for (const size_t neighbour : neighbours)
            wanted[i] += place[neighbour] / static_cast<double>(neighbours.size());
        }
        std::stable_sort(row.begin(), row.end(), [&](size_t a, size_t b) { return wanted[a] < wanted[b]; });
        number(row);
      }
    }
  }

  double gap(size_t a, size_t b) const { return (items_[a].size.width + items_[b].size.width) / 2 + kColumnGap; }

  /// Each item as near to the mean of its neighbours as the order and the gaps allow.
  void place_columns() {
    constexpr int kSweeps = 30;
    for (const auto& row : rows_) {
      for (size_t k = 1; k < row.size(); ++k) items_[row[k]].x = items_[row[k - 1]].x + gap(row[k - 1], row[k]);
      const double middle = row.empty() ? 0 : (items_[row.front()].x + items_[row.back()].x) / 2;
      for (const size_t i : row) items_[i].x -= middle;
    }
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      const bool down = sweep % 2 != 0;  // the last one, which makes chains straight from the top
      for (size_t k = 0; k < rows_.size(); ++k) settle(rows_[down ? k : rows_.size() - 1 - k], down);
    }
  }

  void settle(const std::vector<size_t>& row, bool down) {
    std::vector<double> from_left, from_right(row.size());
    for (size_t k = 0; k < row.size(); ++k) {
      const double wanted = wanted_x(row[k], down);
      from_left.push_back(k == 0 ? wanted : std::max(wanted, from_left.back() + gap(row[k - 1], row[k])));
    }
    for (size_t k = row.size(); k-- > 0;) {
      const double wanted = wanted_x(row[k], down);
      from_right[k] = k + 1 == row.size() ? wanted : std::min(wanted, from_right[k + 1] - gap(row[k], row[k + 1]));
    }
    // The mean of two legal placements is legal.
    for (size_t k = 0; k < row.size(); ++k) items_[row[k]].x = (from_left[k] + from_right[k]) / 2;
  }

  /// The mean of the neighbours on the side that the sweep comes from, else of those on the other.
  double wanted_x(size_t i, bool down) const {
    const Item& item = items_[i];
    const std::vector<size_t>&first = down ? item.above : item.below, &second = down ? item.below : item.above;
    const std::vector<size_t>& from = first.empty() ? second : first;
    if (from.empty()) return item.x;
    double sum = 0;
    for (const size_t neighbour : from) sum += items_[neighbour].x;
    return sum / static_cast<double>(from.size());
  }

  double row_height(size_t row) const {
    double height = 0;
    for (const size_t i : rows_[row]) height = std::max(height, items_[i].size.height);
    return height;
  }

  /// The top of each row, and the end of the last.
  std::vector<double> row_tops() const {
    std::vector<double> tops{kMargin};
    for (size_t row = 0; row < rows_.size(); ++row)
      tops.push_back(tops.back() + row_height(row) + (row + 1 < rows_.size() ? kRowGap : 0));
    return tops;
  }

  const std::vector<std::pair<size_t, size_t>>& edges_;
  std::vector<Item> items_;
  std::vector<std::vector<size_t>> rows_, chains_;
  size_t row_count_ = 0;
};

}  // namespace

Layout layered_layout(const std::vector<Size>& boxes, const std::vector<std::pair<size_t, size_t>>& edges) {
  return Layering(boxes, edges).run(boxes.size());
}

}  // namespace exformer::cli
