#include "exformer/trace/tensor.h"

#include "exformer/trace/tracer.h"

namespace exformer {

Tensor call(std::string_view op, std::vector<TensorArgument> positional,
            std::vector<std::pair<std::string_view, TensorArgument>> named) {
  for (const TensorArgument& argument : positional) {
    if (const auto* tensor = argument.get_if<Tensor>(); tensor && tensor->defined()) {
      return tensor->tracer().call(op, std::move(positional), std::move(named));
    }
    if (const auto* tensors = argument.get_if<std::vector<Tensor>>(); tensors && !tensors->empty()) {
      return tensors->front().tracer().call(op, std::move(positional), std::move(named));
    }
  }
  fail("{}: no tensor among the arguments", op);
}

SymInt Tensor::size(int64_t dim) const { return sizes()[static_cast<size_t>(dim < 0 ? dim + rank() : dim)]; }

Tensor Tensor::view(std::vector<SymInt> sizes) const { return call("aten::view", {*this, std::move(sizes)}); }
Tensor Tensor::reshape(std::vector<SymInt> sizes) const { return call("aten::reshape", {*this, std::move(sizes)}); }
Tensor Tensor::transpose(int64_t dim0, int64_t dim1) const { return call("aten::transpose.int", {*this, dim0, dim1}); }
Tensor Tensor::permute(std::vector<SymInt> dims) const { return call("aten::permute", {*this, std::move(dims)}); }
Tensor Tensor::unsqueeze(int64_t dim) const { return call("aten::unsqueeze", {*this, dim}); }
Tensor Tensor::squeeze(int64_t dim) const { return call("aten::squeeze.dim", {*this, dim}); }
Tensor Tensor::expand(std::vector<SymInt> sizes) const { return call("aten::expand", {*this, std::move(sizes)}); }
Tensor Tensor::slice(int64_t dim, SymInt start, std::optional<SymInt> end) const {
  return call("aten::slice.Tensor", {*this, dim, start, end ? TensorArgument(*end) : TensorArgument(None{})});
}
Tensor Tensor::select(int64_t dim, SymInt index) const { return call("aten::select.int", {*this, dim, index}); }
Tensor Tensor::flatten(int64_t start_dim, int64_t end_dim) const {
  return call("aten::flatten.using_ints", {*this, start_dim, end_dim});
}
std::vector<Tensor> Tensor::split(SymInt size, int64_t dim) const {
  return tracer().call_all("aten::split.Tensor", {*this, size, dim});
}

Tensor Tensor::to(DType dtype) const { return this->dtype() == dtype ? *this : call("aten::to.dtype", {*this, dtype}); }
Tensor Tensor::contiguous() const { return call("aten::contiguous", {*this}); }
Tensor Tensor::pow(double exponent) const {
  const auto integer = static_cast<int64_t>(exponent);
  const bool is_integer = static_cast<double>(integer) == exponent;
  return call("aten::pow.Tensor_Scalar", {*this, is_integer ? TensorArgument(integer) : TensorArgument(exponent)});
}
Tensor Tensor::mean(std::vector<SymInt> dims, bool keepdim) const {
  return call("aten::mean.dim", {*this, std::move(dims), keepdim});
}
Tensor Tensor::rsqrt() const { return call("aten::rsqrt", {*this}); }
Tensor Tensor::cos() const { return call("aten::cos", {*this}); }
Tensor Tensor::sin() const { return call("aten::sin", {*this}); }
Tensor Tensor::tanh() const { return call("aten::tanh", {*this}); }
Tensor Tensor::softmax(int64_t dim) const { return call("aten::softmax.int", {*this, dim}); }
Tensor Tensor::softmax(int64_t dim, DType dtype) const { return call("aten::softmax.int", {*this, dim, dtype}); }
Tensor Tensor::matmul(const Tensor& other) const { return call("aten::matmul", {*this, other}); }
Tensor Tensor::cumsum(int64_t dim) const { return call("aten::cumsum", {*this, dim}); }
Tensor Tensor::argmax(int64_t dim) const { return call("aten::argmax", {*this, dim}); }
Tensor Tensor::operator-() const { return call("aten::neg", {*this}); }

Tensor operator+(const Tensor& a, const Tensor& b) { return call("aten::add.Tensor", {a, b}); }
Tensor operator-(const Tensor& a, const Tensor& b) { return call("aten::sub.Tensor", {a, b}); }
Tensor operator*(const Tensor& a, const Tensor& b) { return call("aten::mul.Tensor", {a, b}); }
Tensor operator/(const Tensor& a, const Tensor& b) { return call("aten::div.Tensor", {a, b}); }
Tensor operator&(const Tensor& a, const Tensor& b) { return call("aten::bitwise_and.Tensor", {a, b}); }
Tensor operator+(const Tensor& a, const TensorArgument& scalar) { return call("aten::add.Scalar", {a, scalar}); }
Tensor operator-(const Tensor& a, const TensorArgument& scalar) { return call("aten::sub.Scalar", {a, scalar}); }
Tensor operator*(const Tensor& a, const TensorArgument& scalar) { return call("aten::mul.Scalar", {a, scalar}); }
Tensor operator/(const Tensor& a, const TensorArgument& scalar) { return call("aten::div.Scalar", {a, scalar}); }

Tensor cat(const std::vector<Tensor>& tensors, int64_t dim) { return call("aten::cat", {tensors, dim}); }
Tensor less_equal(const Tensor& a, const Tensor& b) { return call("aten::le.Tensor", {a, b}); }
Tensor greater(const Tensor& a, const Tensor& b) { return call("aten::gt.Tensor", {a, b}); }
Tensor equals(const Tensor& a, const Tensor& b) { return call("aten::eq.Tensor", {a, b}); }
Tensor not_equal(const Tensor& a, const TensorArgument& scalar) { return call("aten::ne.Scalar", {a, scalar}); }
Tensor where(const Tensor& condition, const Tensor& a, double otherwise) {
  return call("aten::where.ScalarOther", {condition, a, otherwise});
}

}  // namespace exformer
