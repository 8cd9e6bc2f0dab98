#include "exformer/backends/executorch/xnnpack/cost.h"

namespace exformer::executorch::xnnpack {
namespace {

double size_at_sample(const SymInt& size, const Graph& graph) {
  if (size.is_constant()) return static_cast<double>(size.value());
  return static_cast<double>(evaluate(size, [&](std::string_view name) -> int64_t {
    for (const Symbol& symbol : graph.symbols().symbols()) {
      if (symbol.name == name) return symbol.hint.value_or(std::max<int64_t>(symbol.min, 1));
    }
    return 1;
  }));
}

double count(const TensorMeta& meta, const Graph& graph) {
  double result = 1;
  for (const SymInt& size : meta.sizes) result *= size_at_sample(size, graph);
  return result;
}

const TensorMeta& meta(const Node& node, std::string_view name) { return node.argument(name).as<Value*>()->meta; }

}  // namespace

double multiply_adds(const Node& node) {
  const Graph& graph = node.graph();
  const auto last = [&](std::string_view name) { return size_at_sample(meta(node, name).sizes.back(), graph); };
  if (node.outputs().empty() || node.output()->kind != ValueKind::Tensor) return 0;
  const double elements = count(node.output()->meta, graph);
  if (node.is("aten::linear")) return elements * last("input");
  if (node.is("aten::matmul") || node.is("aten::mm") || node.is("aten::bmm")) return elements * last("self");
  if (node.is("aten::addmm")) return elements * last("mat1");
  if (node.is("aten::baddbmm")) return elements * last("batch1");
  if (node.is("aten::conv1d") || node.is("aten::conv2d") || node.is("aten::conv3d") || node.is("aten::convolution")) {
    const TensorMeta& weight = meta(node, "weight");
    return elements * count(weight, graph) / size_at_sample(weight.sizes[0], graph);
  }
  if (node.is("aten::scaled_dot_product_attention")) {
    const std::vector<SymInt>& key = meta(node, "key").sizes;
    const double length = size_at_sample(key[key.size() - 2], graph);
    return elements * length +
           elements / size_at_sample(node.output()->meta.sizes.back(), graph) * last("query") * length;
  }
  if (node.is("llama::custom_sdpa")) return 2 * elements * size_at_sample(meta(node, "key").sizes[1], graph);
  return 0;
}

}  // namespace exformer::executorch::xnnpack
