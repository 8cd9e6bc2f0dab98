// A traced tensor: a handle whose calls append ops to a graph. It has torch's semantics for views and in-place writes:
// a write to a tensor is seen by its base and by every other view of it, though the graph itself holds functional ops
// only.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "exformer/ir/graph.h"
#include "exformer/ops/args.h"

namespace exformer {

class Tracer;
struct TensorState;  // trace/tracer.cpp

/// Copies are the same tensor, as Python names are. A default-made one is None.
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(std::shared_ptr<TensorState> state) : state_(std::move(state)) {}

  bool defined() const { return state_ != nullptr; }
  /// The graph value that holds its contents now.
  Value* value() const;
  Tracer& tracer() const;
  DType dtype() const { return value()->meta.dtype; }
  const std::vector<SymInt>& sizes() const { return value()->meta.sizes; }
  /// One size; `dim` may count from the end.
  SymInt size(int64_t dim) const;
  int64_t rank() const { return value()->meta.rank(); }

  // Views.
  Tensor view(std::vector<SymInt> sizes) const;
  Tensor reshape(std::vector<SymInt> sizes) const;
  Tensor transpose(int64_t dim0, int64_t dim1) const;
  Tensor permute(std::vector<SymInt> dims) const;
  Tensor unsqueeze(int64_t dim) const;
  Tensor squeeze(int64_t dim) const;
  Tensor expand(std::vector<SymInt> sizes) const;
  Tensor slice(int64_t dim, SymInt start, std::optional<SymInt> end = std::nullopt) const;
  Tensor select(int64_t dim, SymInt index) const;
  Tensor flatten(int64_t start_dim, int64_t end_dim = -1) const;
  std::vector<Tensor> split(SymInt size, int64_t dim) const;

  // Values.
  Tensor to(DType dtype) const;  // itself when the dtype is the same
  Tensor contiguous() const;
  Tensor pow(double exponent) const;
  Tensor mean(std::vector<SymInt> dims, bool keepdim) const;
  Tensor rsqrt() const;
  Tensor cos() const;
  Tensor sin() const;
  Tensor tanh() const;
  Tensor softmax(int64_t dim) const;
  Tensor softmax(int64_t dim, DType dtype) const;
  Tensor matmul(const Tensor& other) const;
  Tensor cumsum(int64_t dim) const;
  Tensor argmax(int64_t dim) const;
  Tensor operator-() const;

  friend Tensor operator+(const Tensor& a, const Tensor& b);
  friend Tensor operator-(const Tensor& a, const Tensor& b);
  friend Tensor operator*(const Tensor& a, const Tensor& b);
  friend Tensor operator/(const Tensor& a, const Tensor& b);
  friend Tensor operator&(const Tensor& a, const Tensor& b);
  friend Tensor operator+(const Tensor& a, const BasicArgument<Tensor>& scalar);
  friend Tensor operator-(const Tensor& a, const BasicArgument<Tensor>& scalar);
  friend Tensor operator*(const Tensor& a, const BasicArgument<Tensor>& scalar);
  friend Tensor operator/(const Tensor& a, const BasicArgument<Tensor>& scalar);

  friend bool operator==(const Tensor& a, const Tensor& b) { return a.state_ == b.state_; }
  const std::shared_ptr<TensorState>& state() const { return state_; }

 private:
  std::shared_ptr<TensorState> state_;
};

using TensorArgument = BasicArgument<Tensor>;

/// Any declared op by name on traced tensors: `call("aten::gelu", {x}, {{"approximate", "tanh"}})`. At least one tensor
/// must be given.
Tensor call(std::string_view op, std::vector<TensorArgument> positional,
            std::vector<std::pair<std::string_view, TensorArgument>> named = {});
Tensor cat(const std::vector<Tensor>& tensors, int64_t dim);
/// Elementwise tests, dtype bool.
Tensor less_equal(const Tensor& a, const Tensor& b);
Tensor greater(const Tensor& a, const Tensor& b);
Tensor equals(const Tensor& a, const Tensor& b);
Tensor not_equal(const Tensor& a, const TensorArgument& scalar);
/// `a` where the condition holds, else the number `otherwise`.
Tensor where(const Tensor& condition, const Tensor& a, double otherwise);

}  // namespace exformer
