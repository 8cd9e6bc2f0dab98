#include "exformer/nn/module.h"

#include "exformer/base/strings.h"

namespace exformer {
namespace {

/// "p_model_layers_0_mlp_up_proj_weight": the placeholder names of torch.export.
std::string placeholder_name(std::string_view prefix, const std::string& path) {
  return std::string(prefix) + replace_all(path, ".", "_");
}

}  // namespace

Tensor Scope::parameter(std::string_view name, std::vector<int64_t> sizes) const {
  const std::string path = (*this / name).path();
  const std::vector<SymInt> symbolic(sizes.begin(), sizes.end());
  Value* value = tracer().graph().add_input(placeholder_name("p_", path), contiguous_meta(context_->dtype, symbolic));
  context_->parameters.push_back({path, value});
  return tracer().wrap(value);
}

Tensor Scope::buffer(std::string_view name, HostTensor data) const {
  const std::string path = (*this / name).path();
  const std::vector<SymInt> symbolic(data.sizes().begin(), data.sizes().end());
  Value* value = tracer().graph().add_input(placeholder_name("b_", path), contiguous_meta(data.dtype(), symbolic));
  context_->buffers.push_back({path, value, std::move(data)});
  return tracer().wrap(value);
}

}  // namespace exformer
