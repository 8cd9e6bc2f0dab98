// Layered layout: every edge points down, few cross, and what belongs together stands above each other.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace exformer::cli {

using std::size_t;

struct Point {
  double x = 0, y = 0;
};
struct Size {
  double width = 0, height = 0;
};

struct Layout {
  std::vector<Point> corners;              // top left of each box
  std::vector<std::vector<Point>> routes;  // one polyline for each edge
  Size size;
};

/// `edges` must be acyclic. Boxes stand below all they depend on (longest path), ordered by the mean place of their
/// neighbours.
Layout layered_layout(const std::vector<Size>& boxes, const std::vector<std::pair<size_t, size_t>>& edges);

}  // namespace exformer::cli
