#include "exformer/backends/onnx/shape_arithmetic.h"

#include <algorithm>

#include "exformer/base/error.h"
#include "exformer/symbolic/printers.h"

namespace exformer::onnx {

class ShapeArithmetic::AtFront {
 public:
  explicit AtFront(ShapeArithmetic& shapes) : graph_(shapes.graph_), before_(graph_.cursor()) {
    if (shapes.front_) graph_.set_cursor(*shapes.front_);
  }
  ~AtFront() { graph_.set_cursor(before_); }
  AtFront(const AtFront&) = delete;
  AtFront& operator=(const AtFront&) = delete;

 private:
  OnnxGraph& graph_;
  NodeList::iterator before_;
};

ShapeArithmetic ShapeArithmetic::at_front(OnnxGraph& graph) {
  ShapeArithmetic shapes(graph);
  shapes.front_ = graph.nodes().begin();
  for (const ValueId input : graph.inputs) shapes.add_source(input, graph.sizes(input));
  return shapes;
}

void ShapeArithmetic::add_source(ValueId value, const Sizes& sizes) {
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i].is_constant()) continue;
    const Source source{value, static_cast<int64_t>(i)};
    if (sources_.try_emplace(sizes[i], source).second && !sizes[i].symbol_name()) derived_.push_back(sizes[i]);
  }
}

void ShapeArithmetic::add_unbacked_source(ValueId value, const Sizes& sizes, const SymContext& context) {
  for (size_t i = 0; i < sizes.size(); ++i) {
    const auto name = sizes[i].symbol_name();
    if (!name) continue;
    const auto& symbols = context.symbols();
    const auto is_unbacked = [&](const Symbol& symbol) { return symbol.name == *name && symbol.unbacked; };
    if (std::any_of(symbols.begin(), symbols.end(), is_unbacked))
      sources_.try_emplace(sizes[i], Source{value, static_cast<int64_t>(i)});
  }
}

void ShapeArithmetic::add_scalar_source(ValueId scalar, const SymInt& expression) {
  if (!expression.is_constant()) sources_.try_emplace(expression, Source{scalar, -1});
}

ValueId ShapeArithmetic::read(const Source& source) {
  if (source.dim >= 0) {
    return graph_.emit("Shape", {source.value}, {{"start", source.dim}, {"end", source.dim + 1}}, DType::Int64,
                       {SymInt(1)});
  }
  const ValueId wide = graph_.cast(source.value, DType::Int64);
  return graph_.emit("Reshape", {wide, graph_.constant_ints({1})}, {}, DType::Int64, {SymInt(1)});
}

ValueId ShapeArithmetic::solve(const SymInt& symbol) {
  const auto is_known = [&](std::string_view name) {
    const auto has_name = [&](const auto& entry) { return entry.first.symbol_name() == name; };
    return std::any_of(sources_.begin(), sources_.end(), has_name);
  };
  const auto solution = solve_for(symbol, derived_, is_known);
  if (!solution) unsupported("the size '{}' cannot be read from any input's shape", *symbol.symbol_name());
  const auto emit = [&](std::string_view op, ValueId a, ValueId b) {
    return graph_.emit(op, {a, b}, {}, DType::Int64, {SymInt(1)});
  };
  ValueId value = read(sources_.at(solution->size));
  if (solution->rest != SymInt(0)) value = emit("Sub", value, one(solution->rest));
  if (solution->coefficient != 1) value = emit("Div", value, graph_.constant_ints({solution->coefficient}));
  return value;
}

ValueId ShapeArithmetic::arithmetic(const SymInt& size) {
  const SymOperation operation = top_operation(size);
  if (operation.kind == SymKind::Symbol) return solve(size);
  const SymInt& left = operation.operands[0];
  const SymInt& right = operation.operands[1];
  const auto emit = [&](std::string_view op, ValueId a, ValueId b, Attributes attributes = {}) {
    return graph_.emit(op, {a, b}, std::move(attributes), DType::Int64, {SymInt(1)});
  };
  switch (operation.kind) {
    case SymKind::Add:
      // a + -1 * b reads better, and runs faster, as a - b.
      if (const SymInt negated = -right; !right.is_constant() && top_operation(right).kind == SymKind::Mul &&
                                         top_operation(right).operands[0] == SymInt(-1)) {
        return emit("Sub", one(left), one(negated));
      }
      return emit("Add", one(left), one(right));
    case SymKind::Mul: return emit("Mul", one(left), one(right));
    case SymKind::Min: return emit("Min", one(left), one(right));
    case SymKind::Max: return emit("Max", one(left), one(right));
    case SymKind::Mod: return emit("Mod", one(left), one(right));  // of integers: the sign of the divisor, as Python
    default: {
      // ONNX divides towards zero, Python downwards: (a - mod(a, b)) / b.
      const Interval range = bounds(left), divisor = bounds(right);
      if (range.min >= 0 && divisor.min > 0) return emit("Div", one(left), one(right));
      return emit("Div", emit("Sub", one(left), one(mod(left, right))), one(right));
    }
  }
}

ValueId ShapeArithmetic::one(const SymInt& size) {
  if (size.is_constant()) return graph_.constant_ints({size.value()});
  const AtFront place(*this);
  if (const auto found = ones_.find(size); found != ones_.end()) return found->second;
  const auto source = sources_.find(size);
  const ValueId value = source != sources_.end() ? read(source->second) : arithmetic(size);
  ones_.emplace(size, value);
  return value;
}

ValueId ShapeArithmetic::computed(const SymInt& size) {
  if (size.is_constant() || size.symbol_name()) return one(size);
  const AtFront place(*this);
  return arithmetic(size);
}

ValueId ShapeArithmetic::scalar(const SymInt& size) {
  if (size.is_constant()) return graph_.constant_int(size.value());
  const AtFront place(*this);
  if (const auto found = scalars_.find(size); found != scalars_.end()) return found->second;
  const auto source = sources_.find(size);
  const ValueId value = source != sources_.end() && source->second.dim < 0
                            ? graph_.cast(source->second.value, DType::Int64)
                            : graph_.emit("Squeeze", {one(size), graph_.constant_ints({0})}, {}, DType::Int64, {});
  scalars_.emplace(size, value);
  return value;
}

ValueId ShapeArithmetic::vector(const Sizes& sizes) {
  const AtFront place(*this);
  std::vector<ValueId> parts;
  std::vector<int64_t> constants;
  const auto flush = [&] {
    if (!constants.empty()) parts.push_back(graph_.constant_ints(constants));
    constants.clear();
  };
  for (const SymInt& size : sizes) {
    if (size.is_constant()) {
      constants.push_back(size.value());
    } else {
      flush();
      parts.push_back(one(size));
    }
  }
  flush();
  if (parts.empty()) return graph_.constant_ints({});
  if (parts.size() == 1) return parts.front();
  return graph_.emit("Concat", std::move(parts), {{"axis", int64_t{0}}}, DType::Int64,
                     {SymInt(static_cast<int64_t>(sizes.size()))});
}

}  // namespace exformer::onnx
