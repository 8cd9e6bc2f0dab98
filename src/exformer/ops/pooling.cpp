// Maxima and means over sliding windows and over windows that divide a dim evenly.
#include <algorithm>
#include <limits>

#include "exformer/ops/builder.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/layout_rules.h"
#include "exformer/ops/matmul_kernels.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

using Metas = std::vector<OutputMeta>;
using Tensors = std::vector<HostTensor>;
using Values = std::vector<Value*>;

struct Window {
  std::vector<int64_t> kernel, stride, padding, dilation;
  bool ceil_mode = false;
};

template <class A>
Window read_window(const A& args, size_t dims, bool has_dilation) {
  const std::string_view op = args.schema().name;
  const auto read = [&](std::string_view name) {
    std::vector<int64_t> values = args.integers(name);
    if (values.size() == 1) values.resize(dims, values[0]);
    if (values.size() != dims) fail("{}: {} has {} values for {} dims", op, name, values.size(), dims);
    return values;
  };
  Window window{.kernel = read("kernel_size"), .padding = read("padding"), .ceil_mode = args.boolean("ceil_mode")};
  window.stride = args.integers("stride").empty() ? window.kernel : read("stride");
  window.dilation = has_dilation ? read("dilation") : std::vector<int64_t>(dims, 1);
  for (size_t i = 0; i < dims; ++i) {
    if (window.kernel[i] < 1 || window.stride[i] < 1 || window.dilation[i] < 1)
      fail("{}: kernel, stride and dilation must be at least 1", op);
    if (window.padding[i] < 0 || 2 * window.padding[i] > window.kernel[i]) {
      fail("{}: padding {} is outside [0, {}], half of the kernel", op, window.padding[i], window.kernel[i] / 2);
    }
  }
  return window;
}

/// pooling_output_shape of ATen/native/Pool.h.
SymInt pooled_size(const SymInt& size, const Window& w, size_t dim, std::string_view op) {
  const int64_t reach = w.dilation[dim] * (w.kernel[dim] - 1);
  const SymInt room = size + (2 * w.padding[dim] - reach - 1);
  if (less(room + (w.ceil_mode ? w.stride[dim] - 1 : 0), 0) == Truth::Yes) {
    fail("{}: a window of {} does not fit size {} with padding {}", op, reach + 1, to_string(size), w.padding[dim]);
  }
  if (!w.ceil_mode) return floordiv(room, w.stride[dim]) + 1;
  const SymInt count = floordiv(room + (w.stride[dim] - 1), w.stride[dim]) + 1;
  // The last window must start inside the input or the padding before it; with short steps it always does.
  if (w.stride[dim] <= reach + 1 - w.padding[dim]) return count;
  const Truth outside = less_equal(size + w.padding[dim], (count - 1) * w.stride[dim]);
  if (outside == Truth::Unknown)
    fail("{}: whether the last window over size {} starts outside is not known", op, to_string(size));
  return outside == Truth::Yes ? count - 1 : count;
}

std::vector<SymInt> pooled_sizes(const std::vector<SymInt>& sizes, const Window& window, std::string_view op) {
  const size_t dims = window.kernel.size();
  if (sizes.size() != dims + 1 && sizes.size() != dims + 2)
    fail("{}: expected {} or {} dims, got sizes {}", op, dims + 1, dims + 2, to_string(sizes));
  std::vector<SymInt> result = sizes;
  for (size_t i = 0; i < dims; ++i)
    result[sizes.size() - dims + i] = pooled_size(sizes[sizes.size() - dims + i], window, i, op);
  return result;
}

/// Planes of height x width, one per index of the leading dims; one-dimensional pooling has height 1.
struct Planes {
  HostTensor input, output;
  int64_t count, height, width, out_height, out_width;
};

Planes planes_of(const HostTensor& given, std::vector<int64_t> sizes, size_t dims, std::string_view op) {
  const HostTensor input = given.to(compute_dtype(given.dtype(), op)).contiguous();
  Planes planes{input, HostTensor::empty(input.dtype(), sizes), 1, 1, input.size(-1), 1, sizes.back()};
  for (size_t i = 0; i + dims < sizes.size(); ++i) planes.count *= sizes[i];
  if (dims == 2) {
    planes.height = input.size(-2);
    planes.out_height = sizes[sizes.size() - 2];
  }
  return planes;
}

/// Calls visit(plane, out index, first row, last row, first column, last column) for each window, with bounds before
/// clipping.
template <class Visit>
void for_each_window(const Planes& p, const Window& w, Visit visit) {
  const bool flat = w.kernel.size() == 1;
  const int64_t column_dim = flat ? 0 : 1;
#pragma omp parallel for if (p.output.element_count() > 32768)
  for (int64_t plane = 0; plane < p.count; ++plane) {
    for (int64_t y = 0; y < p.out_height; ++y) {
      for (int64_t x = 0; x < p.out_width; ++x) {
        const int64_t row = flat ? 0 : y * w.stride[0] - w.padding[0];
        const int64_t column = x * w.stride[column_dim] - w.padding[column_dim];
        visit(plane, (plane * p.out_height + y) * p.out_width + x, row, column);
      }
    }
  }
}

Tensors run_max_pool(const KernelArgs& args, size_t dims, bool with_indices) {
  const HostTensor& self = args.tensor("self");
  const Window w = read_window(args, dims, true);
  std::vector<int64_t> sizes;
  for (const SymInt& size : pooled_sizes({self.sizes().begin(), self.sizes().end()}, w, args.schema().name))
    sizes.push_back(size.value());
  Planes p = planes_of(self, sizes, dims, args.schema().name);
  HostTensor indices = HostTensor::empty(DType::Int64, sizes);
  const int64_t rows = dims == 2 ? w.kernel[0] : 1, columns = w.kernel.back();
  const int64_t row_step = dims == 2 ? w.dilation[0] : 1, column_step = w.dilation.back();
  with_compute_type(p.input.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_each_window(p, w, [&](int64_t plane, int64_t at, int64_t row, int64_t column) {
      const T* in = p.input.data<T>() + plane * p.height * p.width;
      T best =
          std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
      int64_t best_index = -1;
      for (int64_t i = 0; i < rows; ++i) {
        const int64_t y = row + i * row_step;
        if (y < 0 || y >= p.height) continue;
        for (int64_t j = 0; j < columns; ++j) {
          const int64_t x = column + j * column_step;
          if (x < 0 || x >= p.width) continue;
          const T value = in[y * p.width + x];
          if (best_index < 0 || value > best || value != value) {
            best = value;
            best_index = y * p.width + x;
          }
        }
      }
      p.output.template data<T>()[at] = best;
      indices.data<int64_t>()[at] = best_index;
    });
  });
  if (!with_indices) return {p.output.to(self.dtype())};
  return {p.output.to(self.dtype()), indices};
}

Tensors run_avg_pool(const KernelArgs& args, size_t dims) {
  const HostTensor& self = args.tensor("self");
  const Window w = read_window(args, dims, false);
  std::vector<int64_t> sizes;
  for (const SymInt& size : pooled_sizes({self.sizes().begin(), self.sizes().end()}, w, args.schema().name))
    sizes.push_back(size.value());
  Planes p = planes_of(self, sizes, dims, args.schema().name);
  const int64_t rows = dims == 2 ? w.kernel[0] : 1, columns = w.kernel.back();
  const int64_t row_padding = dims == 2 ? w.padding[0] : 0, column_padding = w.padding.back();
  const bool include_pad = args.boolean("count_include_pad");
  const std::optional<int64_t> divisor = dims == 2 ? args.optional_integer("divisor_override") : std::nullopt;
  if (divisor && *divisor == 0) fail("{}: divisor_override must not be 0", args.schema().name);
  with_float_type(p.input.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_each_window(p, w, [&](int64_t plane, int64_t at, int64_t row, int64_t column) {
      const T* in = p.input.data<T>() + plane * p.height * p.width;
      const int64_t row_end = std::min(row + rows, p.height + row_padding),
                    column_end = std::min(column + columns, p.width + column_padding);
      const int64_t padded = (row_end - row) * (column_end - column);
      const int64_t y0 = std::max<int64_t>(row, 0), y1 = std::min(row_end, p.height), x0 = std::max<int64_t>(column, 0),
                    x1 = std::min(column_end, p.width);
      T sum = 0;
      for (int64_t y = y0; y < y1; ++y) {
        for (int64_t x = x0; x < x1; ++x) sum += in[y * p.width + x];
      }
      const int64_t count = divisor ? *divisor : include_pad ? padded : (y1 - y0) * (x1 - x0);
      p.output.template data<T>()[at] = y0 >= y1 || x0 >= x1 ? T(0) : sum / static_cast<T>(count);
    });
  });
  return {p.output.to(self.dtype())};
}

std::vector<SymInt> adaptive_sizes(const TensorMeta& self, const std::vector<SymInt>& output, std::string_view op) {
  const auto dims = static_cast<int64_t>(output.size());
  if (self.rank() != dims + 1 && self.rank() != dims + 2)
    fail("{}: expected {} or {} dims, got sizes {}", op, dims + 1, dims + 2, to_string(self.sizes));
  std::vector<SymInt> sizes(self.sizes.begin(), self.sizes.end() - dims);
  sizes.insert(sizes.end(), output.begin(), output.end());
  return sizes;
}

Tensors run_adaptive(const KernelArgs& args, size_t dims) {
  const HostTensor& self = args.tensor("self");
  std::vector<int64_t> sizes(self.sizes().begin(), self.sizes().end() - static_cast<int64_t>(dims));
  for (const SymInt& size : args.syms("output_size")) sizes.push_back(size.value());
  Planes p = planes_of(self, sizes, dims, args.schema().name);
  with_float_type(p.input.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for (int64_t plane = 0; plane < p.count; ++plane) {
      const T* in = p.input.data<T>() + plane * p.height * p.width;
      for (int64_t y = 0; y < p.out_height; ++y) {
        const int64_t y0 = y * p.height / p.out_height, y1 = ((y + 1) * p.height + p.out_height - 1) / p.out_height;
        for (int64_t x = 0; x < p.out_width; ++x) {
          const int64_t x0 = x * p.width / p.out_width, x1 = ((x + 1) * p.width + p.out_width - 1) / p.out_width;
          T sum = 0;
          for (int64_t row = y0; row < y1; ++row) {
            for (int64_t column = x0; column < x1; ++column) sum += in[row * p.width + column];
          }
          p.output.template data<T>()[(plane * p.out_height + y) * p.out_width + x] =
              sum / static_cast<T>((y1 - y0) * (x1 - x0));
        }
      }
    }
  });
  return {p.output.to(self.dtype())};
}

TensorMeta max_pool_meta(const MetaArgs& args, size_t dims) {
  const TensorMeta& self = *args.tensor("self");
  std::vector<SymInt> sizes = pooled_sizes(self.sizes, read_window(args, dims, true), args.schema().name);
  auto strides = strides_like(self, sizes);
  return {self.dtype, std::move(sizes), std::move(strides)};
}

TensorMeta avg_pool_meta(const MetaArgs& args, size_t dims) {
  const TensorMeta& self = *args.tensor("self");
  if (!is_floating_point(self.dtype))
    fail("{}: expected a floating dtype, got {}", args.schema().name, dtype_name(self.dtype));
  std::vector<SymInt> sizes = pooled_sizes(self.sizes, read_window(args, dims, false), args.schema().name);
  auto strides = strides_like(self, sizes);
  return {self.dtype, std::move(sizes), std::move(strides)};
}

TensorMeta adaptive_meta(const MetaArgs& args) {
  const TensorMeta& self = *args.tensor("self");
  if (!is_floating_point(self.dtype))
    fail("{}: expected a floating dtype, got {}", args.schema().name, dtype_name(self.dtype));
  std::vector<SymInt> sizes = adaptive_sizes(self, args.syms("output_size"), args.schema().name);
  auto strides = strides_like(self, sizes);
  return {self.dtype, std::move(sizes), std::move(strides)};
}

/// One-dimensional pooling as the two-dimensional op on height 1.
Values as_two_dims(GraphBuilder& builder, const ValueArgs& args, std::string_view op, std::vector<Argument> rest) {
  rest.insert(rest.begin(), builder.call("aten::unsqueeze", {args.tensor("self"), -2}));
  return {builder.call("aten::squeeze.dim", {builder.call_all(op, std::move(rest))[0], -2})};
}

std::vector<int64_t> with_leading(std::vector<int64_t> values, int64_t first) {
  values.insert(values.begin(), first);
  return values;
}

}  // namespace

void declare_pooling_ops(OpRegistry& ops) {
  ops.declare({.schema = "aten::max_pool2d_with_indices(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] "
                         "padding=0, int[2] dilation=1, "
                         "bool ceil_mode=False) -> (Tensor, Tensor)",
               .infer = [](const MetaArgs& args) -> Metas {
                 TensorMeta values = max_pool_meta(args, 2);
                 TensorMeta indices = values;
                 indices.dtype = DType::Int64;
                 return {values, indices};
               },
               .kernel = [](const KernelArgs& args) { return run_max_pool(args, 2, true); },
               .out_variant = "aten::max_pool2d_with_indices.out",
               .tags = Tag::Core | Tag::Reduction});
  ops.declare(
      {.schema =
           "aten::max_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1, "
           "bool ceil_mode=False) -> Tensor",
       .infer = [](const MetaArgs& args) -> Metas { return {max_pool_meta(args, 2)}; },
       .kernel = [](const KernelArgs& args) { return run_max_pool(args, 2, false); },
       .tags = Tag::Reduction,
       .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> Values {
         return {builder.call_all("aten::max_pool2d_with_indices",
                                  {args["self"], args["kernel_size"], args["stride"], args["padding"], args["dilation"],
                                   args["ceil_mode"]})[0]};
       }});
  ops.declare({.schema = "aten::max_pool1d(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=[0], "
                         "int[1] dilation=[1], "
                         "bool ceil_mode=False) -> Tensor",
               .infer = [](const MetaArgs& args) -> Metas { return {max_pool_meta(args, 1)}; },
               .kernel = [](const KernelArgs& args) { return run_max_pool(args, 1, false); },
               .tags = Tag::Reduction,
               .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> Values {
                 const Window w = read_window(args, 1, true);
                 return as_two_dims(builder, args, "aten::max_pool2d_with_indices",
                                    {with_leading(w.kernel, 1), with_leading(w.stride, 1), with_leading(w.padding, 0),
                                     with_leading(w.dilation, 1), w.ceil_mode});
               }});
  ops.declare({.schema = "aten::avg_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, bool "
                         "ceil_mode=False, "
                         "bool count_include_pad=True, int? divisor_override=None) -> Tensor",
               .infer = [](const MetaArgs& args) -> Metas { return {avg_pool_meta(args, 2)}; },
               .kernel = [](const KernelArgs& args) { return run_avg_pool(args, 2); },
               .out_variant = "aten::avg_pool2d.out",
               .tags = Tag::Core | Tag::Reduction});
  ops.declare({.schema = "aten::avg_pool1d(Tensor self, int[1] kernel_size, int[1] stride=[], int[1] padding=[0], bool "
                         "ceil_mode=False, "
                         "bool count_include_pad=True) -> Tensor",
               .infer = [](const MetaArgs& args) -> Metas { return {avg_pool_meta(args, 1)}; },
               .kernel = [](const KernelArgs& args) { return run_avg_pool(args, 1); },
               .tags = Tag::Core | Tag::Reduction,
               .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> Values {
                 const Window w = read_window(args, 1, false);
                 return as_two_dims(builder, args, "aten::avg_pool2d",
                                    {with_leading(w.kernel, 1), with_leading(w.stride, 1), with_leading(w.padding, 0),
                                     w.ceil_mode, args["count_include_pad"]});
               }});
  ops.declare({.schema = "aten::adaptive_avg_pool2d(Tensor self, SymInt[2] output_size) -> Tensor",
               .infer = [](const MetaArgs& args) -> Metas { return {adaptive_meta(args)}; },
               .kernel = [](const KernelArgs& args) { return run_adaptive(args, 2); },
               .tags = Tag::Reduction,
               .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> Values {
                 const auto& size = args.syms("output_size");
                 if (size[0] == SymInt(1) && size[1] == SymInt(1)) {
                   return {builder.call("aten::mean.dim", {args["self"], {SymInt(-1), SymInt(-2)}, true})};
                 }
                 return {builder.call("aten::_adaptive_avg_pool2d", {args["self"], size})};
               }});
  ops.declare({.schema = "aten::_adaptive_avg_pool2d(Tensor self, SymInt[2] output_size) -> Tensor",
               .infer = [](const MetaArgs& args) -> Metas { return {adaptive_meta(args)}; },
               .kernel = [](const KernelArgs& args) { return run_adaptive(args, 2); },
               .out_variant = "aten::_adaptive_avg_pool2d.out",
               .tags = Tag::Core | Tag::Reduction});
  ops.declare({.schema = "aten::adaptive_avg_pool1d(Tensor self, int[1] output_size) -> Tensor",
               .infer = [](const MetaArgs& args) -> Metas { return {adaptive_meta(args)}; },
               .kernel = [](const KernelArgs& args) { return run_adaptive(args, 1); },
               .tags = Tag::Core | Tag::Reduction,
               .decompose = [](GraphBuilder& builder, const ValueArgs& args) -> Values {
                 return as_two_dims(builder, args, "aten::_adaptive_avg_pool2d",
                                    {with_leading(args.integers("output_size"), 1)});
               }});
}

}  // namespace exformer
