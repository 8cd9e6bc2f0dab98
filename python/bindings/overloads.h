// Which overload of an op a Python call means: torch's rule, the first one whose schema takes the arguments.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "exformer/ops/registry.h"
#include "exformer/trace/tensor.h"

namespace exformer::python {

struct CallArguments {
  std::vector<TensorArgument> positional;
  std::vector<std::pair<std::string, TensorArgument>> named;
};

/// The overload to call and its arguments, in the order of its schema.
struct ResolvedCall {
  const Op* op = nullptr;
  CallArguments arguments;
};

class Overloads {
 public:
  /// Reads the number that a constant tensor holds, for `torch.full(size, tensor)`, `x[:n]` and the like.
  using ReadNumber = std::function<TensorArgument(const Tensor&)>;
  /// A Python number as a tensor of no dims, where only a tensor will do.
  using MakeTensor = std::function<Tensor(const TensorArgument&)>;

  Overloads(const OpRegistry& ops, ReadNumber read_number, MakeTensor make_tensor);

  /// True for "add", "add_", "scaled_dot_product_attention".
  bool has(const std::string& name) const { return by_name_.contains(name); }
  /// All base names, sorted.
  std::vector<std::string> names() const;
  /// Throws ExportError naming the op, what was given and the schemas there are.
  ResolvedCall resolve(const std::string& name, const CallArguments& arguments) const;

 private:
  std::optional<ResolvedCall> find(const std::string& name, const CallArguments& arguments) const;

  std::unordered_map<std::string, std::vector<const Op*>> by_name_;
  ReadNumber read_number_;
  MakeTensor make_tensor_;
};

}  // namespace exformer::python
