// Appends common groups of ONNX nodes, with as little shape arithmetic as can be.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "exformer/backends/onnx/onnx_graph.h"
#include "exformer/backends/onnx/shape_arithmetic.h"
#include "exformer/ops/args.h"

namespace exformer::onnx {

/// What lowerings and passes build graphs with.
class Emitter {
 public:
  Emitter(OnnxGraph& target, ShapeArithmetic arithmetic) : graph(target), shapes(std::move(arithmetic)) {}

  OnnxGraph& graph;
  ShapeArithmetic shapes;

  /// A constant or symbolic scalar as a 0-d tensor.
  ValueId scalar(const Scalar& value, DType dtype);
  /// Reshape with as little shape arithmetic as can be: 0 copies a dim, -1 infers one. Nothing when the sizes are equal
  /// already.
  ValueId reshape(ValueId value, const Sizes& sizes);
  ValueId expand(ValueId value, const Sizes& sizes);
  /// Permutes; nothing for the identity.
  ValueId transpose(ValueId value, const std::vector<int64_t>& permutation);
  ValueId unsqueeze(ValueId value, int64_t axis);
  ValueId squeeze(ValueId value, int64_t axis);
  /// [start, end) of one dim, in steps; both symbolic.
  ValueId slice(ValueId value, int64_t axis, const SymInt& start, const SymInt& end, const SymInt& step);
  ValueId concat(const std::vector<ValueId>& values, int64_t axis);
  /// The int64 numbers from 0 on, as many as `count`.
  ValueId range(const SymInt& count);
  /// The quotient of integers rounded down: ONNX's Div cuts towards zero.
  ValueId floor_divide(ValueId a, ValueId b);
  /// A tensor of the given sizes filled with a 0-d value.
  ValueId full(const Sizes& sizes, ValueId fill);
  /// ReduceSum and its kin over constant dims (empty: all).
  ValueId reduce(std::string_view op, ValueId value, const std::vector<int64_t>& axes, bool keep_dims);
  /// where(condition, a, b) for any dtype (ONNX Runtime has no bool kernel).
  ValueId where(ValueId condition, ValueId a, ValueId b);
};

}  // namespace exformer::onnx
