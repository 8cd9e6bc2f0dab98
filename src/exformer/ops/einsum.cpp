// einsum: parsed, brought to one order of labels, and contracted pair by pair, left to right, as ATen/native/Linear.cpp
// does.
#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <unordered_map>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

using Values = std::vector<Value*>;
constexpr int kEllipsis = -1;

/// One side of an equation: labels, with kEllipsis for "...".
std::vector<int> parse_labels(std::string_view text, std::string_view op) {
  std::vector<int> labels;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ') continue;
    if (c == '.') {
      const bool again = std::find(labels.begin(), labels.end(), kEllipsis) != labels.end();
      if (text.substr(i, 3) != "..." || again) fail("{}: a misplaced '.' in \"{}\"", op, text);
      labels.push_back(kEllipsis);
      i += 2;
    } else if (std::isalpha(static_cast<unsigned char>(c))) {
      labels.push_back(static_cast<unsigned char>(c));
    } else {
      fail("{}: '{}' is not a label in \"{}\"", op, c, text);
    }
  }
  return labels;
}

struct Equation {
  std::vector<std::vector<int>> operands;
  std::vector<int> output;
};

Equation parse_equation(const std::string& text, size_t count, std::string_view op) {
  Equation equation;
  const size_t arrow = text.find("->");
  std::string_view inputs = std::string_view(text).substr(0, arrow);
  for (;;) {
    const size_t comma = inputs.find(',');
    equation.operands.push_back(parse_labels(inputs.substr(0, comma), op));
    if (comma == std::string_view::npos) break;
    inputs.remove_prefix(comma + 1);
  }
  if (equation.operands.size() != count)
    fail("{}: \"{}\" has {} operands, {} tensors were given", op, text, equation.operands.size(), count);
  std::array<int, 128> uses{};
  bool has_ellipsis = false;
  for (const auto& labels : equation.operands) {
    for (const int label : labels) {
      if (label == kEllipsis) has_ellipsis = true;
      if (label != kEllipsis) ++uses[static_cast<size_t>(label)];
    }
  }
  if (arrow != std::string::npos) {
    equation.output = parse_labels(std::string_view(text).substr(arrow + 2), op);
    for (size_t i = 0; i < equation.output.size(); ++i) {
      const int label = equation.output[i];
      const bool again = std::find(equation.output.begin(), equation.output.begin() + static_cast<int64_t>(i), label) !=
                         equation.output.begin() + static_cast<int64_t>(i);
      if (label != kEllipsis && (again || uses[static_cast<size_t>(label)] == 0)) {
        fail("{}: output label '{}' of \"{}\" {}", op, static_cast<char>(label), text,
             again ? "is given twice" : "is not in the inputs");
      }
    }
    return equation;
  }
  if (has_ellipsis) equation.output.push_back(kEllipsis);  // implicit output: labels used once, in order
  for (size_t label = 0; label < uses.size(); ++label) {
    if (uses[label] == 1) equation.output.push_back(static_cast<int>(label));
  }
  return equation;
}

/// Where each label stands in the common order: output labels (the ellipsis widened), then those that are summed.
struct Order {
  std::unordered_map<int, size_t> position;
  size_t ellipsis_start = 0, ellipsis_dims = 0;
  size_t output_dims = 0, dims = 0;
};

size_t covered_dims(const std::vector<int>& labels, size_t rank, const std::string& text, std::string_view op) {
  const bool has = std::find(labels.begin(), labels.end(), kEllipsis) != labels.end();
  const size_t named = labels.size() - (has ? 1 : 0);
  if (named > rank || (!has && named != rank))
    fail("{}: an operand of \"{}\" names {} dims of a tensor of rank {}", op, text, named, rank);
  return has ? rank - named : 0;
}

Order make_order(const Equation& equation, const Values& tensors, const std::string& text, std::string_view op) {
  Order order;
  for (size_t i = 0; i < tensors.size(); ++i) {
    order.ellipsis_dims =
        std::max(order.ellipsis_dims, covered_dims(equation.operands[i], tensors[i]->meta.sizes.size(), text, op));
  }
  bool has_ellipsis = false;
  for (const int label : equation.output) {
    if (label == kEllipsis) {
      order.ellipsis_start = order.dims;
      order.dims += order.ellipsis_dims;
      has_ellipsis = true;
    } else {
      order.position[label] = order.dims++;
    }
  }
  order.output_dims = order.dims;
  if (!has_ellipsis) {  // the dims of the ellipsis are summed
    order.ellipsis_start = order.dims;
    order.dims += order.ellipsis_dims;
  }
  for (const auto& labels : equation.operands) {
    for (const int label : labels) {
      if (label != kEllipsis && order.position.emplace(label, order.dims).second) ++order.dims;
    }
  }
  return order;
}

/// The operand with a dim for every label of the common order; repeated labels become diagonals, missing ones dims of
/// size 1.
Value* arrange(GraphBuilder& builder, Value* tensor, const std::vector<int>& labels, const Order& order,
               const std::string& text, std::string_view op) {
  const size_t covered = covered_dims(labels, tensor->meta.sizes.size(), text, op);
  std::vector<int64_t> place(order.dims, -1);  // dim of `tensor` for each position
  int64_t dim = 0;
  for (const int label : labels) {
    if (label == kEllipsis) {
      for (size_t i = 0; i < covered; ++i) place[order.ellipsis_start + order.ellipsis_dims - covered + i] = dim++;
      continue;
    }
    int64_t& at = place[order.position.at(label)];
    if (at < 0) {
      at = dim++;
      continue;
    }
    const SymInt &first = tensor->meta.sizes[at], &second = tensor->meta.sizes[dim];
    if (!known_equal(first, second))
      fail("{}: label '{}' of \"{}\" stands for sizes {} and {}", op, static_cast<char>(label), text, to_string(first),
           to_string(second));
    // The diagonal becomes the last dim; it goes back to the place of the first.
    tensor = builder.call("aten::diagonal", {tensor, 0, at, dim});
    tensor = builder.call("aten::movedim.int", {tensor, -1, at});
  }
  for (int64_t& at : place) {
    if (at >= 0) continue;
    tensor = builder.call("aten::unsqueeze", {tensor, dim});
    at = dim++;
  }
  return builder.call("aten::permute", {tensor, place});
}

bool is_one(const SymInt& size) { return size == SymInt(1); }

/// Sum of products over `sum`, dims kept with size 1: one batched matrix product (sumproduct_pair).
Value* contract_pair(GraphBuilder& builder, Value* left, Value* right, const std::vector<bool>& sum) {
  std::vector<int64_t> both, left_only, right_only, summed;
  SymInt both_size = 1, left_size = 1, right_size = 1, sum_size = 1;
  for (size_t i = 0; i < sum.size(); ++i) {
    const SymInt l = left->meta.sizes[i], r = right->meta.sizes[i];
    const auto dim = static_cast<int64_t>(i);
    if (sum[i]) {
      summed.push_back(dim);
      sum_size = sum_size * l;
    } else if (!is_one(l) && !is_one(r)) {
      both.push_back(dim);
      both_size = both_size * l;
    } else if (!is_one(l)) {
      left_only.push_back(dim);
      left_size = left_size * l;
    } else {
      right_only.push_back(dim);
      right_size = right_size * r;
    }
  }
  const auto joined = [](std::initializer_list<const std::vector<int64_t>*> parts) {
    std::vector<int64_t> result;
    for (const auto* part : parts) result.insert(result.end(), part->begin(), part->end());
    return result;
  };
  const std::vector<int64_t> left_order = joined({&both, &left_only, &summed, &right_only});
  const std::vector<int64_t> right_order = joined({&both, &summed, &right_only, &left_only});
  std::vector<SymInt> sizes;
  for (const int64_t dim : both) sizes.push_back(left->meta.sizes[dim]);
  for (const int64_t dim : left_only) sizes.push_back(left->meta.sizes[dim]);
  for (size_t i = 0; i < summed.size(); ++i) sizes.emplace_back(1);
  for (const int64_t dim : right_only) sizes.push_back(right->meta.sizes[dim]);
  std::vector<int64_t> back(left_order.size());
  for (size_t i = 0; i < left_order.size(); ++i) back[left_order[i]] = static_cast<int64_t>(i);
  Value* a = builder.call("aten::reshape",
                          {builder.call("aten::permute", {left, left_order}), {both_size, left_size, sum_size}});
  Value* b = builder.call("aten::reshape",
                          {builder.call("aten::permute", {right, right_order}), {both_size, sum_size, right_size}});
  return builder.call("aten::permute", {builder.call("aten::view", {builder.call("aten::bmm", {a, b}), sizes}), back});
}

Value* sum_dims(GraphBuilder& builder, Value* value, const std::vector<int64_t>& dims) {
  return dims.empty() ? value : builder.call("aten::sum.dim_IntList", {value, dims, true});
}

Values decompose_einsum(GraphBuilder& builder, const ValueArgs& args) {
  const std::string_view op = args.schema().name;
  const std::string& text = args.string("equation");
  const Values& tensors = args.tensors("tensors");
  if (tensors.empty()) fail("{}: expected at least one tensor, got none", op);
  const Equation equation = parse_equation(text, tensors.size(), op);
  const Order order = make_order(equation, tensors, text, op);
  Values operands;
  std::vector<int> uses(order.dims, 0);  // operands that have a summed dim
  for (size_t i = 0; i < tensors.size(); ++i) {
    operands.push_back(arrange(builder, tensors[i], equation.operands[i], order, text, op));
    for (size_t dim = order.output_dims; dim < order.dims; ++dim)
      uses[dim] += is_one(operands.back()->meta.sizes[dim]) ? 0 : 1;
  }
  Value* result = operands[0];
  for (size_t i = 1; i < operands.size(); ++i) {
    Value* next = operands[i];
    std::vector<bool> sum(order.dims, false);
    std::vector<int64_t> in_result, in_next;
    bool any = false;
    for (size_t dim = 0; dim < order.dims; ++dim) {
      const SymInt &l = result->meta.sizes[dim], &r = next->meta.sizes[dim];
      if (!is_one(l) && !is_one(r) && !known_equal(l, r))
        fail("{}: sizes {} and {} under one label of \"{}\"", op, to_string(l), to_string(r), text);
      if (dim < order.output_dims) continue;
      if (!is_one(l) && !is_one(r)) {
        if (--uses[dim] == 1) sum[dim] = any = true;
      } else if (uses[dim] == 1 && (!is_one(l) || !is_one(r))) {
        (is_one(l) ? in_next : in_result).push_back(static_cast<int64_t>(dim));
      }
    }
    result = sum_dims(builder, result, in_result);
    next = sum_dims(builder, next, in_next);
    result = any ? contract_pair(builder, result, next, sum) : builder.call("aten::mul.Tensor", {result, next});
  }
  if (order.dims > order.output_dims) {
    std::vector<int64_t> left_to_sum, all;
    for (size_t dim = order.output_dims; dim < order.dims; ++dim) {
      if (!is_one(result->meta.sizes[dim])) left_to_sum.push_back(static_cast<int64_t>(dim));
      all.push_back(static_cast<int64_t>(dim));
    }
    result = builder.call("aten::squeeze.dims", {sum_dims(builder, result, left_to_sum), all});
  }
  return {result};
}

/// The decomposition in a graph of its own: what einsum gives and how it is computed follow from it.
template <class Metas>
std::unique_ptr<Graph> build_graph(const OpSchema& schema, const std::string& equation, const Metas& metas) {
  auto graph = std::make_unique<Graph>();
  Values inputs;
  for (size_t i = 0; i < metas.size(); ++i) inputs.push_back(graph->add_input("x" + std::to_string(i), metas[i]));
  GraphBuilder builder(*graph);
  const std::vector<Argument> arguments{equation, inputs, None{}};
  const Values results = decompose_einsum(builder, ValueArgs(schema, arguments));
  graph->set_outputs({results[0]});
  return graph;
}

HostTensor run_graph(const Graph& graph, const std::vector<HostTensor>& inputs) {
  std::unordered_map<const Value*, HostTensor> values;
  for (size_t i = 0; i < inputs.size(); ++i) values[graph.inputs()[i]] = inputs[i];
  for (const auto& node : graph.nodes()) {
    std::vector<BasicArgument<HostTensor>> arguments;
    for (const Argument& argument : node->arguments()) {
      arguments.push_back(
          map_tensors<HostTensor>(argument, [&](Value* value) { return value ? values.at(value) : HostTensor(); }));
    }
    values[node->output()] = run_kernel(OpRegistry::standard().get(*node), arguments)[0];
  }
  return values.at(graph.outputs()[0].as<Value*>());
}

}  // namespace

void declare_einsum_ops(OpRegistry& ops) {
  ops.declare({.schema = "aten::einsum(str equation, Tensor[] tensors, *, int[]? path=None) -> Tensor",
               .infer = [](const MetaArgs& args) -> std::vector<OutputMeta> {
                 std::vector<TensorMeta> metas;
                 for (const TensorMeta* meta : args.tensors("tensors")) metas.push_back(*meta);
                 return {build_graph(args.schema(), args.string("equation"), metas)->outputs()[0].as<Value*>()->meta};
               },
               .kernel = [](const KernelArgs& args) -> std::vector<HostTensor> {
                 std::vector<TensorMeta> metas;
                 for (const HostTensor& tensor : args.tensors("tensors")) {
                   metas.push_back(contiguous_meta(tensor.dtype(), {tensor.sizes().begin(), tensor.sizes().end()}));
                 }
                 return {
                     run_graph(*build_graph(args.schema(), args.string("equation"), metas), args.tensors("tensors"))};
               },
               .decompose = decompose_einsum});
}

}  // namespace exformer
