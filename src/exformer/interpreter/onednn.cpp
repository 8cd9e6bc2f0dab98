#include "exformer/interpreter/onednn.h"

#include <dnnl.hpp>
#include <map>
#include <mutex>
#include <string_view>

namespace exformer {
namespace {

using Dims = dnnl::memory::dims;
using Key = std::vector<int64_t>;

dnnl::memory::data_type data_type(DType dtype) {
  return dtype == DType::BFloat16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
}

dnnl::memory memory_of(const dnnl::memory::desc& desc, const dnnl::engine& engine, const HostTensor& tensor) {
  return {desc, engine, const_cast<std::byte*>(tensor.raw())};
}

/// Reference code of oneDNN is slower than ours.
bool is_optimised(const char* implementation) {
  return std::string_view(implementation).find("ref") == std::string_view::npos;
}

/// A primitive with the layouts that it wants for its arguments; undefined when there is no optimised one.
struct Prepared {
  dnnl::primitive primitive;
  dnnl::memory::desc source, weights, bias, result;
  bool usable = false;
};

/// Small caches only: programs repeat their layers, but sizes may change with every run.
constexpr size_t kCacheLimit = 1024;

}  // namespace

class OneDnn::Impl {
 public:
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  std::mutex mutex;
  std::map<Key, Prepared> prepared;

  template <class Make>
  Prepared get(const Key& key, Make make) {
    const std::scoped_lock lock(mutex);
    const auto found = prepared.find(key);
    if (found != prepared.end()) return found->second;
    if (prepared.size() >= kCacheLimit) prepared.clear();
    Prepared made;
    try {
      made = make();
    } catch (const dnnl::error&) {  // not supported on this machine
      made.usable = false;
    }
    return prepared.emplace(key, std::move(made)).first->second;
  }
};

OneDnn::OneDnn() : impl_(std::make_unique<Impl>()) {}
OneDnn::~OneDnn() = default;

bool OneDnn::matmul(const HostTensor& a, const HostTensor& b, const HostTensor* bias, HostTensor& result) {
  const int64_t m = a.size(0), k = a.size(1), n = b.size(1);
  const auto type = data_type(a.dtype());
  const Key key{0,
                static_cast<int64_t>(a.dtype()),
                m,
                k,
                n,
                a.strides()[0],
                a.strides()[1],
                b.strides()[0],
                b.strides()[1],
                bias != nullptr};
  const Prepared prepared = impl_->get(key, [&] {
    Prepared made;
    made.source = {Dims{m, k}, type, Dims(a.strides().begin(), a.strides().end())};
    made.weights = {Dims{k, n}, type, Dims(b.strides().begin(), b.strides().end())};
    made.result = {Dims{m, n}, type, Dims{n, 1}};
    if (bias) made.bias = {Dims{1, n}, type, Dims{n, 1}};
#if DNNL_VERSION_MAJOR >= 3
    const auto description =
        bias ? dnnl::matmul::primitive_desc(impl_->engine, made.source, made.weights, made.bias, made.result)
             : dnnl::matmul::primitive_desc(impl_->engine, made.source, made.weights, made.result);
#else
    const auto operation = bias ? dnnl::matmul::desc(made.source, made.weights, made.bias, made.result)
                                : dnnl::matmul::desc(made.source, made.weights, made.result);
    const dnnl::matmul::primitive_desc description(operation, impl_->engine);
#endif
    made.usable = is_optimised(description.impl_info_str());
    if (made.usable) made.primitive = dnnl::matmul(description);
    return made;
  });
  if (!prepared.usable) return false;
  std::unordered_map<int, dnnl::memory> arguments{{DNNL_ARG_SRC, memory_of(prepared.source, impl_->engine, a)},
                                                  {DNNL_ARG_WEIGHTS, memory_of(prepared.weights, impl_->engine, b)},
                                                  {DNNL_ARG_DST, memory_of(prepared.result, impl_->engine, result)}};
  if (bias) arguments.emplace(DNNL_ARG_BIAS, memory_of(prepared.bias, impl_->engine, *bias));
  dnnl::stream stream(impl_->engine);
  prepared.primitive.execute(stream, arguments);
  stream.wait();
  return true;
}

void OneDnn::multiply(int64_t m, int64_t n, int64_t k, float alpha, MatrixView a, MatrixView b, float* c,
                      int64_t c_stride) {
  const dnnl::status status = dnnl::sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m, n, k, alpha, a.data,
                                          a.row_stride, b.data, b.row_stride, 0.0F, c, c_stride);
  EXFORMER_ASSERT(status == dnnl::status::success);
}

bool OneDnn::convolve(const HostTensor& input, const HostTensor& weight, const HostTensor* bias,
                      const ConvolutionGeometry& geometry, HostTensor& result) {
  const size_t spatial = geometry.stride.size();
  const auto type = dnnl::memory::data_type::f32;
  Dims weight_dims(weight.sizes().begin(), weight.sizes().end());
  if (geometry.groups > 1) {
    weight_dims[0] /= geometry.groups;
    weight_dims.insert(weight_dims.begin(), geometry.groups);
  }
  const Dims source_dims(input.sizes().begin(), input.sizes().end()),
      result_dims(result.sizes().begin(), result.sizes().end());
  const auto plain = [&](const Dims& dims) {
    const std::vector<int64_t> strides = contiguous_strides(std::vector<int64_t>(dims.begin(), dims.end()));
    return dnnl::memory::desc(dims, type, Dims(strides.begin(), strides.end()));
  };
  Key key{1, static_cast<int64_t>(spatial), geometry.groups, bias != nullptr};
  for (const auto* part : {&geometry.stride, &geometry.padding, &geometry.dilation})
    key.insert(key.end(), part->begin(), part->end());
  key.insert(key.end(), source_dims.begin(), source_dims.end());
  key.insert(key.end(), weight_dims.begin(), weight_dims.end());
  key.insert(key.end(), result_dims.begin(), result_dims.end());
  const Prepared prepared = impl_->get(key, [&] {
    Prepared made;
    const auto any = dnnl::memory::format_tag::any;
    const dnnl::memory::desc source(source_dims, type, any), weights(weight_dims, type, any),
        output(result_dims, type, any);
    if (bias) made.bias = plain({result_dims[1]});
    Dims dilation(geometry.dilation.begin(), geometry.dilation.end());
    for (auto& step : dilation) --step;  // oneDNN counts the gaps
    const Dims stride(geometry.stride.begin(), geometry.stride.end()),
        padding(geometry.padding.begin(), geometry.padding.end());
    const auto kind = dnnl::prop_kind::forward_inference;
    const auto algorithm = dnnl::algorithm::convolution_direct;
    // A result that does not reach the padding's end asks for less padding there.
    Dims end_padding = padding;
    for (size_t i = 0; i < spatial; ++i) {
      const int64_t reach = (weight.sizes()[i + 2] - 1) * geometry.dilation[i] + 1;
      end_padding[i] = (result_dims[i + 2] - 1) * stride[i] + reach - source_dims[i + 2] - padding[i];
    }
#if DNNL_VERSION_MAJOR >= 3
    const dnnl::convolution_forward::primitive_desc description(
        impl_->engine, kind, algorithm, source, weights, made.bias, output, stride, dilation, padding, end_padding);
#else
    const dnnl::convolution_forward::desc operation(kind, algorithm, source, weights, made.bias, output, stride,
                                                     dilation, padding, end_padding);
    const dnnl::convolution_forward::primitive_desc description(operation, impl_->engine);
#endif
    made.usable = is_optimised(description.impl_info_str());
    made.source = description.src_desc();
    made.weights = description.weights_desc();
    made.result = description.dst_desc();
    if (made.usable) made.primitive = dnnl::convolution_forward(description);
    return made;
  });
  if (!prepared.usable) return false;
  dnnl::stream stream(impl_->engine);
  const auto reordered = [&](const HostTensor& tensor, const Dims& dims, const dnnl::memory::desc& wanted) {
    dnnl::memory given = memory_of(plain(dims), impl_->engine, tensor);
    if (given.get_desc() == wanted) return given;
    dnnl::memory made(wanted, impl_->engine);
    dnnl::reorder(given, made).execute(stream, given, made);
    return made;
  };
  const dnnl::memory source = reordered(input, source_dims, prepared.source);
  const dnnl::memory weights = reordered(weight, weight_dims, prepared.weights);
  dnnl::memory given_result = memory_of(plain(result_dims), impl_->engine, result);
  const bool direct = given_result.get_desc() == prepared.result;
  dnnl::memory output = direct ? given_result : dnnl::memory(prepared.result, impl_->engine);
  std::unordered_map<int, dnnl::memory> arguments{
      {DNNL_ARG_SRC, source}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_DST, output}};
  if (bias) arguments.emplace(DNNL_ARG_BIAS, memory_of(prepared.bias, impl_->engine, *bias));
  prepared.primitive.execute(stream, arguments);
  if (!direct) dnnl::reorder(output, given_result).execute(stream, output, given_result);
  stream.wait();
  return true;
}

}  // namespace exformer
