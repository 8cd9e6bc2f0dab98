// The table of ops: one record per ATen overload, from which tracing, checking, running and every lowering are derived.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "exformer/ir/graph.h"
#include "exformer/ops/args.h"

namespace exformer {

class GraphBuilder;

/// Traits, combined with |.
enum class Tag : uint32_t {
  None = 0,
  Core = 1U << 0,       // torch.Tag.core: part of the core ATen opset
  Pointwise = 1U << 1,  // one output element from the elements at its index
  Reduction = 1U << 2,
  View = 1U << 3,           // the result shares the input's memory
  Inplace = 1U << 4,        // writes its first argument; traced as its functional form
  Commutative = 1U << 5,    // the first two tensor arguments may be swapped
  DataDependent = 1U << 6,  // sizes depend on values
  Random = 1U << 7,
};
constexpr Tag operator|(Tag a, Tag b) { return static_cast<Tag>(static_cast<uint32_t>(a) | static_cast<uint32_t>(b)); }
constexpr bool has_tag(Tag set, Tag tag) { return (static_cast<uint32_t>(set) & static_cast<uint32_t>(tag)) != 0; }

/// Metas of the results as torch's meta kernel gives them: sizes, strides, dtype.
using InferFunction = std::function<std::vector<OutputMeta>(const MetaArgs&)>;
/// Plain CPU reference: folding, the interpreter's fallback, tests.
using KernelFunction = std::function<std::vector<HostTensor>(const KernelArgs&)>;
/// Values equal to the op's results, built from other ops.
using DecomposeFunction = std::function<std::vector<Value*>(GraphBuilder&, const ValueArgs&)>;

struct OpDeclaration {
  std::string_view schema;          // the ATen schema string
  InferFunction infer;              // a fault in the arguments throws ExportError
  KernelFunction kernel = nullptr;  // none: the op is always decomposed before it is run
  std::string_view out_variant = {};
  Tag tags = Tag::None;
  DecomposeFunction decompose = nullptr;  // for an op that is not core
};

/// A declared op with its parsed schema. Its address is stable as long as the registry lives.
struct Op {
  OpSchema schema;
  InferFunction infer;
  KernelFunction kernel;
  std::string out_variant;
  Tag tags = Tag::None;
  DecomposeFunction decompose;
};

class OpRegistry {
 public:
  /// Every op that this library declares (ops/registry.cpp lists the files).
  static const OpRegistry& standard();

  /// Parses and adds; a second declaration of the same overload is an internal error.
  void declare(OpDeclaration declaration);

  /// "aten::add.Tensor", also "aten.add.Tensor" and "torch.ops.aten.add.Tensor"; null when unknown.
  const Op* find(std::string_view name) const;
  /// Like find, but an unknown name throws ExportError (Unsupported) with the nearest names.
  const Op& get(std::string_view name) const;
  const Op& get(const Node& node) const { return get(node.op()); }
  /// In order of declaration.
  const std::vector<std::unique_ptr<Op>>& ops() const { return ops_; }

 private:
  std::vector<std::unique_ptr<Op>> ops_;
  std::unordered_map<std::string, const Op*> by_name_;
};

}  // namespace exformer
