// Convolutions that the runtime has no kernel for, or a slow one only.
#include <algorithm>
#include <optional>

#include "exformer/backends/executorch/fixes.h"
#include "exformer/ops/args.h"
#include "exformer/ops/builder.h"

namespace exformer::executorch {
namespace {

/// One call of aten::convolution, its lists as long as the kernel has dims.
struct Convolution {
  explicit Convolution(const Node& node) : args(node.schema(), node.arguments()) {
    spatial = static_cast<size_t>(weight()->meta.rank() - 2);
  }
  ValueArgs args;
  size_t spatial = 0;

  Value* input() const { return args.tensor("input"); }
  Value* weight() const { return args.tensor("weight"); }
  SymInt at(std::string_view list, size_t dim) const {
    const std::vector<SymInt>& given = args.syms(list);
    return given.size() == 1 ? given[0] : given[dim];
  }
  /// The last two of a list.
  std::vector<SymInt> plane(std::string_view list) const { return {at(list, spatial - 2), at(list, spatial - 1)}; }
};

}  // namespace

bool fix_patch_convolution(Node* node) {
  if (!node->is("aten::convolution")) return false;
  const Convolution call(*node);
  Value* input = call.input();
  Value* weight = call.weight();
  const std::vector<SymInt>& sizes = input->meta.sizes;
  if (call.spatial < 2 || call.args.boolean("transposed") || call.args.integer("groups") != 1) return false;
  // [batch, channels, patches, kernel, ..] -> [batch, patches, .., channels, kernel, ..]
  std::vector<SymInt> cut = {sizes[0], sizes[1]}, counts;
  std::vector<SymInt> order = {0}, inner = {1};
  SymInt patch = sizes[1], patches = 1;
  for (size_t i = 0; i < call.spatial; ++i) {
    const SymInt& size = sizes[i + 2];
    const SymInt& kernel = weight->meta.sizes[i + 2];
    if (!size.is_constant() || !kernel.is_constant() || size.value() % kernel.value() != 0) return false;
    if (call.at("padding", i) != SymInt(0) || call.at("dilation", i) != SymInt(1)) return false;
    if (call.at("stride", i) != kernel && size != kernel) return false;
    counts.push_back(floordiv(size, kernel));
    cut.insert(cut.end(), {counts.back(), kernel});
    order.emplace_back(static_cast<int64_t>(2 + 2 * i));
    inner.emplace_back(static_cast<int64_t>(3 + 2 * i));
    patch = patch * kernel;
    patches = patches * counts.back();
  }
  if (!sizes[1].is_constant()) return false;
  order.insert(order.end(), inner.begin(), inner.end());
  const SymInt features = weight->meta.sizes[0];
  GraphBuilder builder(node->graph(), node);
  builder.set_module_path(node->module_path);
  Value* rows = builder.call("aten::permute", {builder.call("aten::reshape", {input, cut}), order});
  rows = builder.call("aten::reshape", {rows, {sizes[0], patches, patch}});
  Value* result = builder.call("aten::linear",
                               {rows, builder.call("aten::reshape", {weight, {features, patch}}), call.args["bias"]});
  result = builder.call("aten::transpose.int", {result, 1, 2});
  std::vector<SymInt> target = {sizes[0], features};
  target.insert(target.end(), counts.begin(), counts.end());
  replace(node, builder.call("aten::reshape", {result, target}));
  return true;
}

bool fix_volume_convolution(Node* node) {
  if (!node->is("aten::convolution")) return false;
  const Convolution call(*node);
  if (call.spatial != 3 || call.args.boolean("transposed")) return false;
  Value* input = call.input();
  const std::vector<SymInt>&kernel = call.weight()->meta.sizes, &result = node->output()->meta.sizes;
  if (!kernel[2].is_constant() || call.at("dilation", 0) != SymInt(1)) return false;
  GraphBuilder builder(node->graph(), node);
  builder.set_module_path(node->module_path);
  const SymInt pad = call.at("padding", 0), depth = result[2];
  if (pad != SymInt(0)) input = builder.call("aten::constant_pad_nd", {input, {SymInt(0), 0, 0, 0, pad, pad}});
  // [batch, channels, depth, height, width, taps] -> [batch, depth, channels, taps, height, width]
  Value* seen = builder.call("aten::unfold", {input, 2, kernel[2].value(), call.at("stride", 0)});
  seen = builder.call("aten::permute", {seen, {SymInt(0), 2, 1, 5, 3, 4}});
  const std::vector<SymInt>& sizes = seen->meta.sizes;
  seen = builder.call("aten::reshape", {seen, {sizes[0] * sizes[1], sizes[2] * sizes[3], sizes[4], sizes[5]}});
  Value* filter =
      builder.call("aten::reshape", {call.weight(), {kernel[0], kernel[1] * kernel[2], kernel[3], kernel[4]}});
  Value* planes = builder.call("aten::convolution", {seen,
                                                     filter,
                                                     call.args["bias"],
                                                     call.plane("stride"),
                                                     call.plane("padding"),
                                                     call.plane("dilation"),
                                                     false,
                                                     {SymInt(0), 0},
                                                     call.args["groups"]});
  planes = builder.call("aten::reshape", {planes, {result[0], depth, result[1], result[3], result[4]}});
  replace(node, builder.call("aten::permute", {planes, {SymInt(0), 2, 1, 3, 4}}));
  return true;
}

}  // namespace exformer::executorch
