// Records calls on traced tensors into one graph, and keeps track of the module that makes them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "exformer/ops/builder.h"
#include "exformer/trace/tensor.h"

namespace exformer {

struct Storage;   // trace/tracer.cpp
struct ViewStep;  // trace/view_inverse.h

class Tracer {
 public:
  explicit Tracer(Graph& graph, const OpRegistry& ops = OpRegistry::standard()) : builder_(graph, nullptr, ops) {}
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  Graph& graph() { return builder_.graph(); }
  SymContext& symbols() { return graph().symbols(); }

  /// A tensor of its own memory: a graph input, or a result.
  Tensor wrap(Value* value);
  /// Any declared op with a single result, by name. In-place overloads ("aten::add_.Tensor") write their first argument
  /// and return it.
  Tensor call(std::string_view op, std::vector<TensorArgument> positional,
              std::vector<std::pair<std::string_view, TensorArgument>> named = {});
  /// Any declared op; a result that is a list comes flattened.
  std::vector<Tensor> call_all(std::string_view op, std::vector<TensorArgument> positional,
                               std::vector<std::pair<std::string_view, TensorArgument>> named = {});

  /// [0, end), dtype int64 unless given.
  Tensor arange(SymInt end, DType dtype = DType::Int64);
  Tensor full(std::vector<SymInt> sizes, double value, DType dtype);
  Tensor zeros(std::vector<SymInt> sizes, DType dtype);

  /// The contents of a tensor that is made of constants alone.
  std::optional<HostTensor> constant_value(const Tensor& tensor);
  /// The only element of an integer or bool tensor: its constant, else a new symbol that the run defines.
  SymInt item(const Tensor& tensor);
  /// States that a condition (a number that is not zero) holds in every run; what can be told now is told now.
  void check(const SymInt& condition, const std::string& message);

  /// Graph inputs whose memory has been written, with the value they hold at the end (torch.export's mutations).
  std::vector<std::pair<Value*, Value*>> mutated_inputs() const;

  /// The path of the module whose forward is running.
  const std::string& module_path() const { return builder_.module_path(); }

  /// Names the running module for as long as it lives.
  class ModuleScope {
   public:
    ModuleScope(Tracer& tracer, std::string path) : tracer_(tracer), outer_(tracer.module_path()) {
      tracer_.builder_.set_module_path(std::move(path));
    }
    ~ModuleScope() { tracer_.builder_.set_module_path(outer_); }
    ModuleScope(const ModuleScope&) = delete;
    ModuleScope& operator=(const ModuleScope&) = delete;

   private:
    Tracer& tracer_;
    std::string outer_;
  };

 private:
  friend struct TensorState;
  friend class Tensor;
  Value* current_value(TensorState& state);
  void write(TensorState& state, Value* value);
  Tensor view_of(const Tensor& source, std::vector<ViewStep> steps, Value* value);
  void check_stored(const Op& in_place, const std::vector<Argument>& arguments) const;
  std::vector<Tensor> call_in_place(const Op& op, const std::vector<TensorArgument>& bound);
  std::vector<Argument> to_values(const std::vector<TensorArgument>& arguments);

  GraphBuilder builder_;
  std::vector<std::shared_ptr<Storage>> input_memory_;
};

}  // namespace exformer
