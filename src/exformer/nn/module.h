// What a model is built of: scopes that name parameters as the checkpoint does, and the list of parameters that they
// declare.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exformer/tensor/host_tensor.h"
#include "exformer/trace/tracer.h"

namespace exformer {

/// config._attn_implementation: `eager` spells attention out (and can return its weights), `sdpa` is one op.
enum class AttentionImplementation { Sdpa, Eager };

/// One weight that a model wants: a graph input of kind Parameter.
struct ParameterDeclaration {
  std::string name;  // fully qualified, as in the checkpoint: "model.layers.0.mlp.up_proj.weight"
  Value* value = nullptr;
};

/// One constant that a model makes itself.
struct BufferDeclaration {
  std::string name;
  Value* value = nullptr;
  HostTensor data;
};

/// What all modules of one model share while it is built and traced.
struct ModelContext {
  Tracer& tracer;
  DType dtype = DType::Float32;
  AttentionImplementation attention = AttentionImplementation::Sdpa;
  std::vector<ParameterDeclaration> parameters;
  std::vector<BufferDeclaration> buffers;
};

/// A place in the module tree.
class Scope {
 public:
  Scope(ModelContext& context, std::string path = {}) : context_(&context), path_(std::move(path)) {}

  Scope operator/(std::string_view child) const {
    return {*context_, path_.empty() ? std::string(child) : path_ + "." + std::string(child)};
  }
  Scope operator/(int64_t index) const { return *this / std::to_string(index); }

  /// Declares a parameter of the model's dtype.
  Tensor parameter(std::string_view name, std::vector<int64_t> sizes) const;
  /// Declares a non-persistent buffer with its contents.
  Tensor buffer(std::string_view name, HostTensor data) const;

  const std::string& path() const { return path_; }
  ModelContext& context() const { return *context_; }
  Tracer& tracer() const { return context_->tracer; }

 private:
  ModelContext* context_;
  std::string path_;
};

/// Base of everything with parameters; `enter()` names it in the graph while its forward runs.
struct Module {
  explicit Module(Scope module_scope) : scope(std::move(module_scope)) {}
  Scope scope;
  [[nodiscard]] Tracer::ModuleScope enter() const { return {scope.tracer(), scope.path()}; }
};

}  // namespace exformer
