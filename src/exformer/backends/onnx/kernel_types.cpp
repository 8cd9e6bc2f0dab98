// Which dtypes ONNX Runtime 1.32's CPU provider has kernels for, found by creating sessions of one node per operator
// and dtype.
#include <algorithm>
#include <map>

#include "exformer/backends/onnx/cleanup.h"

namespace exformer::onnx {
namespace {

/// An operator's inputs at these positions and outputs at these positions share its type parameter T.
struct Signature {
  std::vector<DType> missing;
  std::vector<size_t> inputs;   // empty: all
  std::vector<size_t> outputs;  // empty: all
};

constexpr DType kF64 = DType::Float64, kI8 = DType::Int8, kI16 = DType::Int16, kI32 = DType::Int32, kI64 = DType::Int64,
                kU8 = DType::UInt8, kU16 = DType::UInt16, kU32 = DType::UInt32, kU64 = DType::UInt64,
                kBool = DType::Bool;

const std::map<std::string, Signature, std::less<>>& signatures() {
  static const std::map<std::string, Signature, std::less<>> kSignatures = [] {
    std::map<std::string, Signature, std::less<>> table;
    for (const char* op : {"Acos",
                           "Acosh",
                           "Asin",
                           "Asinh",
                           "Atan",
                           "Atanh",
                           "AveragePool",
                           "Conv",
                           "ConvTranspose",
                           "Cosh",
                           "Elu",
                           "Erf",
                           "Gelu",
                           "GlobalAveragePool",
                           "HardSigmoid",
                           "HardSwish",
                           "InstanceNormalization",
                           "LeakyRelu",
                           "Mish",
                           "PRelu",
                           "Selu",
                           "Sinh",
                           "Softplus",
                           "Softsign",
                           "Tan",
                           "ThresholdedRelu",
                           "Attention",
                           "RotaryEmbedding",
                           "BatchNormalization"}) {
      table[op] = {{kF64}, {}, {}};
    }
    for (const char* op : {"ArgMax", "ArgMin"}) table[op] = {{kI16, kU16, kU32, kU64, kBool}, {0}, {9}};
    for (const char* op : {"Clip", "Max", "Min"}) table[op] = {{kI16, kU16, kBool}, {}, {}};
    table["CumSum"] = {{kU32, kU64, kI8, kI16, kU8, kU16, kBool}, {0}, {0}};
    for (const char* op : {"Einsum", "MatMul"}) table[op] = {{kI8, kI16, kU8, kU16, kBool}, {}, {}};
    table["NonZero"] = {{kF64, kI8, kI16, kU16, kU32, kU64}, {0}, {9}};
    table["Pad"] = {{kI16, kU16}, {0, 2}, {}};
    for (const char* op :
         {"ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceMean", "ReduceProd", "ReduceSum", "ReduceSumSquare"}) {
      table[op] = {{kI8, kI16, kU8, kU16, kU32, kU64, kBool}, {0}, {}};
    }
    for (const char* op : {"ReduceMax", "ReduceMin"}) table[op] = {{kI16, kU16, kU32, kU64}, {0}, {}};
    table["Relu"] = {{kI16, kI64}, {}, {}};
    table["Resize"] = {{kF64, kI16, kI64, kU16, kU32, kU64, kBool}, {0}, {}};
    table["TopK"] = {{kU16, kU32, kU64, kBool}, {0}, {0}};
    table["Trilu"] = {{kI8, kI16, kU8, kU16, kU32, kU64}, {0}, {}};
    table["Where"] = {{kI16, kU16, kU64, kBool}, {1, 2}, {}};
    table["Pow"] = {{kI8, kI16, kU8, kU16, kU32, kU64}, {}, {}};
    table["MaxPool"] = {{kI16, kI32, kI64, kU16, kU32, kU64, kBool}, {0}, {0}};
    table["Neg"] = {{kU8, kU16, kU32, kU64}, {}, {}};
    for (const char* op : {"Add", "Sub", "Mul", "Div", "Mod", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"})
      table[op] = {{kBool}, {}, {}};
    for (const char* op : {"Less", "Greater", "LessOrEqual", "GreaterOrEqual"}) table[op].outputs = {9};
    table["ScatterND"] = {{kBool}, {0, 2}, {}};
    for (const char* op : {"ScatterND with reduction", "ScatterElements with reduction"})
      table[op] = {{DType::Float16, kBool}, {0, 2}, {}};
    return table;
  }();
  return kSignatures;
}

/// The dtype to run in instead.
DType stand_in(DType dtype) {
  switch (dtype) {
    case DType::Float16:
    case DType::Float64: return DType::Float32;
    case DType::UInt32:
    case DType::UInt64: return DType::Int64;
    case DType::Int64: return DType::Float64;
    default: return DType::Int32;
  }
}

bool holds(const std::vector<size_t>& positions, size_t position) {
  return positions.empty() || std::find(positions.begin(), positions.end(), position) != positions.end();
}

}  // namespace

bool cast_to_kernel_types(OnnxGraph& graph) {
  bool changed = false;
  for (auto at = graph.nodes().begin(); at != graph.nodes().end(); ++at) {
    const std::string name = at->op_type + (at->attribute("reduction") ? " with reduction" : "");
    const auto signature = at->domain.empty() ? signatures().find(name) : signatures().end();
    if (signature == signatures().end()) continue;
    const Signature& types = signature->second;
    const size_t first = types.inputs.empty() ? 0 : types.inputs.front();
    if (first >= at->inputs.size()) continue;
    const DType dtype = graph.dtype(at->inputs[first]);
    if (std::find(types.missing.begin(), types.missing.end(), dtype) == types.missing.end()) continue;
    const DType other = stand_in(dtype);
    graph.set_cursor(at);
    for (size_t i = 0; i < at->inputs.size(); ++i) {
      const ValueId input = at->inputs[i];
      if (holds(types.inputs, i) && input != kAbsent && graph.dtype(input) == dtype)
        at->inputs[i] = graph.cast(input, other);
    }
    graph.set_cursor(std::next(at));
    for (size_t i = 0; i < at->outputs.size(); ++i) {
      if (!holds(types.outputs, i) || graph.dtype(at->outputs[i]) != dtype) continue;
      const ValueId result = at->outputs[i];
      const ValueId computed = graph.add_value(graph.value(result).name, other, graph.sizes(result));
      at->outputs[i] = computed;
      graph.nodes().insert(std::next(at),
                           OnnxNode{"Cast", "", {computed}, {result}, {{"to", int64_t{element_type(dtype)}}}});
    }
    changed = true;
  }
  graph.reset_cursor();
  return changed;
}

}  // namespace exformer::onnx
