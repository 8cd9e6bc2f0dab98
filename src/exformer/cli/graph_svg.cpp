#include "exformer/cli/graph_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "exformer/base/error.h"
#include "exformer/cli/graph_boxes.h"
#include "exformer/cli/graph_layout.h"

namespace exformer::cli {
namespace {

constexpr double kTitleHeight = 20, kLineHeight = 15, kPadding = 10;
constexpr double kTitleLetter = 8.6, kLetter = 6.0;  // mean widths at the two font sizes
constexpr size_t kLongestText = 90;
constexpr size_t kMostLabels = 3;

/// Text for SVG: escaped, control characters and overlong text cut.
std::string clean(std::string_view text) {
  std::string result;
  if (text.size() > kLongestText) text = text.substr(0, kLongestText);
  for (const char c : text) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      default: result += static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e ? '?' : c;
    }
  }
  return result;
}

Size size_of(const Box& box) {
  double width = kTitleLetter * static_cast<double>(std::min(box.title.size(), kLongestText));
  for (const std::string& text : box.lines)
    width = std::max(width, kLetter * static_cast<double>(std::min(text.size(), kLongestText)));
  return {width + 2 * kPadding, kTitleHeight + kLineHeight * static_cast<double>(box.lines.size()) + kPadding};
}

const char* fill_of(Box::Kind kind) {
  switch (kind) {
    case Box::Kind::Input: return "#e9f5e9";
    case Box::Kind::Output: return "#fdf1e0";
    case Box::Kind::Module: break;
  }
  return "#e8eef7";
}

std::string draw_box(const Box& box, Point corner, Size size) {
  const double middle = corner.x + size.width / 2;
  std::string svg = fmt::format(
      "  <rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"6\" fill=\"{}\" "
      "stroke=\"#8893a5\"/>\n",
      corner.x, corner.y, size.width, size.height, fill_of(box.kind));
  double y = corner.y + kTitleHeight;
  svg += fmt::format("  <text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"13\" font-weight=\"bold\">{}</text>\n", middle, y,
                     clean(box.title));
  for (const std::string& text : box.lines) {
    y += kLineHeight;
    svg += fmt::format("  <text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"11\" fill=\"#445\">{}</text>\n", middle, y,
                       clean(text));
  }
  return svg;
}

/// A smooth line through the points, upright at each of them.
std::string draw_route(const std::vector<Point>& route) {
  std::string path = fmt::format("M{:.1f} {:.1f}", route.front().x, route.front().y);
  for (size_t i = 1; i < route.size(); ++i) {
    const Point &from = route[i - 1], &to = route[i];
    if (from.x == to.x) {
      path += fmt::format("L{:.1f} {:.1f}", to.x, to.y);
    } else {
      const double middle = (from.y + to.y) / 2;
      path += fmt::format("C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}", from.x, middle, to.x, middle, to.x, to.y);
    }
  }
  return fmt::format("  <path d=\"{}\"/>\n", path);
}

/// What flows, written below the box that it leaves: once for each type.
std::string draw_labels(const BoxGraph& graph, const Layout& layout) {
  std::string svg;
  std::map<size_t, std::set<std::string>> written;
  for (size_t i = 0; i < graph.edges.size(); ++i) {
    const BoxEdge& edge = graph.edges[i];
    // An input's type stands in its box.
    if (graph.boxes[edge.from].kind == Box::Kind::Input || graph.boxes[edge.to].kind == Box::Kind::Output) continue;
    std::set<std::string>& labels = written[edge.from];
    if (labels.size() >= kMostLabels || !labels.insert(edge.label).second) continue;
    const Point& start = layout.routes[i].front();
    svg += fmt::format("  <text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", start.x + 6,
                       start.y + 1 + 11 * static_cast<double>(labels.size()), clean(edge.label));
  }
  return svg;
}

}  // namespace

std::string draw_graph(const ExportedProgram& program, const std::string& title) {
  const BoxGraph graph = make_boxes(program);
  if (graph.boxes.size() > kMostBoxes) {
    unsupported("the graph has {} modules and nodes outside of modules; at most {} are drawn", graph.boxes.size(),
                kMostBoxes);
  }
  std::vector<Size> sizes;
  for (const Box& box : graph.boxes) sizes.push_back(size_of(box));
  std::vector<std::pair<size_t, size_t>> ends;
  for (const BoxEdge& edge : graph.edges) ends.emplace_back(edge.from, edge.to);
  const Layout layout = layered_layout(sizes, ends);

  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
      "font-family=\"sans-serif\">\n"
      "<title>{2}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
      "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7.5\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" "
      "orient=\"auto\">"
      "<path d=\"M0 0L8 4L0 8z\" fill=\"#556\"/></marker></defs>\n",
      layout.size.width, layout.size.height, clean(title));
  svg += "<g stroke=\"#556\" stroke-width=\"1.2\" fill=\"none\" marker-end=\"url(#tip)\">\n";
  for (const auto& route : layout.routes) svg += draw_route(route);
  svg += "</g>\n<g text-anchor=\"middle\">\n";
  for (size_t i = 0; i < graph.boxes.size(); ++i) svg += draw_box(graph.boxes[i], layout.corners[i], sizes[i]);
  svg += "</g>\n<g font-size=\"10\" fill=\"#667\">\n" + draw_labels(graph, layout);
  return svg + "</g>\n</svg>\n";
}

}  // namespace exformer::cli
