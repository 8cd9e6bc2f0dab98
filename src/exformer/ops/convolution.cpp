// Convolutions of one to three spatial dims: the composite overloads and aten::convolution, the core op they become.
#include <algorithm>

#include "exformer/ops/builder.h"
#include "exformer/ops/convolution_kernels.h"
#include "exformer/ops/declarations.h"
#include "exformer/ops/host_copy.h"
#include "exformer/ops/layout_rules.h"
#include "exformer/ops/matmul_kernels.h"
#include "exformer/ops/shape_rules.h"
#include "exformer/symbolic/printers.h"

namespace exformer {
namespace {

/// How padding is given: numbers per dim, or "valid" and "same".
enum class PaddingForm { Numbers, Name };

struct Setting {
  std::vector<SymInt> stride, padding, dilation, output_padding;
  bool transposed = false;
  SymInt groups = 1;
  std::vector<SymInt> extra_end;  // "same" with an odd total pads one more at the end
};

/// One value stands for every spatial dim.
std::vector<SymInt> per_dim(std::vector<SymInt> values, size_t count, std::string_view name, std::string_view op) {
  if (values.size() == 1) values.resize(count, values.front());
  if (values.size() != count) fail("{}: {} has {} values for {} spatial dims", op, name, values.size(), count);
  return values;
}

template <class A>
Setting read_setting(const A& args, const std::vector<SymInt>& weight, bool transposed, PaddingForm form) {
  const std::string_view op = args.schema().name;
  if (weight.size() < 3) fail("{}: weight needs at least 3 dims, got sizes {}", op, to_string(weight));
  const size_t count = weight.size() - 2;
  Setting setting;
  setting.stride = per_dim(args.syms("stride"), count, "stride", op);
  setting.dilation = per_dim(args.syms("dilation"), count, "dilation", op);
  setting.groups = args.sym("groups");
  setting.transposed = transposed;
  setting.output_padding = std::vector<SymInt>(count, SymInt(0));
  setting.extra_end = std::vector<SymInt>(count, SymInt(0));
  if (transposed) setting.output_padding = per_dim(args.syms("output_padding"), count, "output_padding", op);
  if (form == PaddingForm::Numbers) {
    setting.padding = per_dim(args.syms("padding"), count, "padding", op);
  } else if (const std::string& name = args.string("padding"); name == "valid") {
    setting.padding = std::vector<SymInt>(count, SymInt(0));
  } else if (name == "same") {
    for (size_t i = 0; i < count; ++i) {
      if (setting.stride[i] != SymInt(1))
        fail("{}: padding \"same\" needs stride 1, got {}", op, to_string(setting.stride));
      const SymInt total = setting.dilation[i] * (weight[i + 2] - 1);
      setting.padding.push_back(floordiv(total, 2));
      setting.extra_end[i] = mod(total, 2);
    }
  } else {
    fail("{}: padding must be \"valid\", \"same\" or numbers, got \"{}\"", op, name);
  }
  for (size_t i = 0; i < count; ++i) {
    if (less(setting.stride[i], 1) == Truth::Yes)
      fail("{}: stride must be at least 1, got {}", op, to_string(setting.stride));
    if (less(setting.dilation[i], 1) == Truth::Yes)
      fail("{}: dilation must be at least 1, got {}", op, to_string(setting.dilation));
    if (less(setting.padding[i], 0) == Truth::Yes)
      fail("{}: padding must not be negative, got {}", op, to_string(setting.padding));
  }
  return setting;
}

/// Sizes of the result for a batched input. conv_output_size and conv_input_size of ATen/native/ConvUtils.h.
std::vector<SymInt> result_sizes(const std::vector<SymInt>& input, const std::vector<SymInt>& weight, const Setting& s,
                                 std::string_view op) {
  if (input.size() != weight.size())
    fail("{}: input of sizes {} and weight of sizes {}", op, to_string(input), to_string(weight));
  const SymInt expected = s.transposed ? weight[0] : weight[1] * s.groups;
  if (!known_equal(input[1], expected)) {
    fail("{}: input has {} channels, the weight of sizes {} with {} groups takes {}", op, to_string(input[1]),
         to_string(weight), to_string(s.groups), to_string(expected));
  }
  if (!s.transposed && equal(mod(weight[0], s.groups), 0) != Truth::Yes) {
    fail("{}: {} filters cannot be split into {} groups", op, to_string(weight[0]), to_string(s.groups));
  }
  std::vector<SymInt> sizes{input[0], s.transposed ? weight[1] * s.groups : weight[0]};
  for (size_t i = 0; i + 2 < input.size(); ++i) {
    const SymInt reach = s.dilation[i] * (weight[i + 2] - 1);
    SymInt size;
    if (s.transposed) {
      size = (input[i + 2] - 1) * s.stride[i] - s.padding[i] * 2 + reach + s.output_padding[i] + 1;
    } else {
      const SymInt room = input[i + 2] + s.padding[i] * 2 + s.extra_end[i] - reach - 1;
      if (less(room, 0) == Truth::Yes) {
        fail("{}: the kernel {} does not fit the padded input {} in dimension {}", op, to_string(reach + 1),
             to_string(room + reach + 1), i + 2);
      }
      size = floordiv(room, s.stride[i]) + 1;
    }
    sizes.push_back(size);
  }
  return sizes;
}

struct Names {
  std::string_view schema;
  bool transposed = false;
  PaddingForm form = PaddingForm::Numbers;
  int spatial = 0;  // 0: as the weight says
};

template <class A>
bool is_transposed(const A& args, const Names& names) {
  return names.spatial == 0 ? args.boolean("transposed") : names.transposed;
}

std::vector<OutputMeta> infer_convolution(const MetaArgs& args, const Names& names) {
  const std::string_view op = args.schema().name;
  const TensorMeta& input = *args.tensor("input");
  const TensorMeta& weight = *args.tensor("weight");
  if (names.spatial != 0 && weight.rank() != names.spatial + 2) {
    fail("{}: weight must have {} dims, got sizes {}", op, names.spatial + 2, to_string(weight.sizes));
  }
  if (input.dtype != weight.dtype)
    fail("{}: input is {} but weight is {}", op, dtype_name(input.dtype), dtype_name(weight.dtype));
  const Setting setting = read_setting(args, weight.sizes, is_transposed(args, names), names.form);
  const bool batched = names.spatial == 0 || input.rank() == names.spatial + 2;
  std::vector<SymInt> input_sizes = input.sizes;
  if (!batched) input_sizes.insert(input_sizes.begin(), SymInt(1));
  std::vector<SymInt> sizes = result_sizes(input_sizes, weight.sizes, setting, op);
  if (const auto* bias = args.optional_tensor("bias")) {
    if ((*bias)->rank() != 1 || !known_equal((*bias)->sizes[0], sizes[1])) {
      fail("{}: bias has sizes {}, expected [{}]", op, to_string((*bias)->sizes), to_string(sizes[1]));
    }
  }
  const bool channels_last = batched && sizes.size() >= 4 && (is_channels_last(input) || is_channels_last(weight));
  auto strides = channels_last ? channels_last_strides(sizes) : contiguous_strides(sizes);
  if (!batched) {
    sizes.erase(sizes.begin());
    strides.erase(strides.begin());
  }
  return {TensorMeta{input.dtype, std::move(sizes), std::move(strides)}};
}

std::vector<int64_t> constants(const std::vector<SymInt>& values) {
  std::vector<int64_t> result;
  for (const SymInt& value : values) result.push_back(value.value());
  return result;
}

/// The input with zeros after the end of each spatial dim that "same" pads unevenly.
HostTensor pad_end(const HostTensor& input, const std::vector<SymInt>& extra) {
  std::vector<int64_t> sizes = input.sizes();
  for (size_t i = 0; i < extra.size(); ++i) sizes[i + 2] += extra[i].value();
  if (sizes == input.sizes()) return input;
  HostTensor padded = HostTensor::zeros(input.dtype(), sizes);
  copy_elements(input, padded.as_strided(input.sizes(), padded.strides(), 0));
  return padded;
}

std::vector<HostTensor> run_convolution(const KernelArgs& args, const Names& names) {
  const std::string_view op = args.schema().name;
  const DType result_dtype = args.tensor("input").dtype();
  const DType dtype = compute_dtype(result_dtype, op);
  if (!is_floating_point(dtype)) unsupported("{}: not supported for {}", op, dtype_name(result_dtype));
  HostTensor input = args.tensor("input").to(dtype).contiguous();
  const HostTensor weight = args.tensor("weight").to(dtype);
  const bool batched = names.spatial == 0 || input.rank() == names.spatial + 2;
  std::vector<int64_t> input_sizes = input.sizes();
  if (!batched) {
    input_sizes.insert(input_sizes.begin(), 1);
    input = input.reshaped(input_sizes);
  }
  const std::vector<SymInt> weight_sizes(weight.sizes().begin(), weight.sizes().end());
  const Setting setting = read_setting(args, weight_sizes, is_transposed(args, names), names.form);
  std::vector<int64_t> sizes =
      constants(result_sizes({input_sizes.begin(), input_sizes.end()}, weight_sizes, setting, op));
  const ConvolutionShape shape{constants(setting.stride),         constants(setting.padding),
                               constants(setting.dilation),       setting.transposed,
                               constants(setting.output_padding), setting.groups.value()};
  const HostTensor* bias = args.optional_tensor("bias");
  HostTensor result = convolve_reference(pad_end(input, setting.extra_end), weight,
                                         bias ? bias->to(dtype) : HostTensor(), shape, sizes);
  if (!batched) {
    sizes.erase(sizes.begin());
    result = result.reshaped(sizes);
  }
  return {result.to(result_dtype)};
}

std::vector<Value*> decompose_convolution(GraphBuilder& builder, const ValueArgs& args, const Names& names) {
  Value* input = args.tensor("input");
  const TensorMeta& weight = args.tensor("weight")->meta;
  const Setting setting = read_setting(args, weight.sizes, names.transposed, names.form);
  const bool batched = input->meta.rank() == names.spatial + 2;
  if (!batched) input = builder.call("aten::unsqueeze", {input, 0});
  std::vector<SymInt> extra;  // pairs from the last dim on, as constant_pad_nd takes them
  bool uneven = false;
  for (size_t i = setting.extra_end.size(); i-- > 0;) {
    extra.insert(extra.end(), {SymInt(0), setting.extra_end[i]});
    uneven = uneven || setting.extra_end[i] != SymInt(0);
  }
  if (uneven) input = builder.call("aten::constant_pad_nd", {input, extra});
  Value* result =
      builder.call("aten::convolution", {input, args.tensor("weight"), args["bias"], setting.stride, setting.padding,
                                         setting.dilation, setting.transposed, setting.output_padding, setting.groups});
  return {batched ? result : builder.call("aten::squeeze.dims", {result, {SymInt(0)}})};
}

}  // namespace

void declare_convolution_ops(OpRegistry& ops) {
  const std::vector<Names> forms{
      {.schema = "aten::convolution(Tensor input, Tensor weight, Tensor? bias, SymInt[] stride, SymInt[] padding, "
                 "SymInt[] dilation, "
                 "bool transposed, SymInt[] output_padding, SymInt groups) -> Tensor"},
      {.schema =
           "aten::conv1d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[1] stride=[1], SymInt[1] padding=[0], "
           "SymInt[1] dilation=[1], SymInt groups=1) -> Tensor",
       .spatial = 1},
      {.schema = "aten::conv2d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=[1, 1], SymInt[2] "
                 "padding=[0, 0], "
                 "SymInt[2] dilation=[1, 1], SymInt groups=1) -> Tensor",
       .spatial = 2},
      {.schema = "aten::conv3d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[3] stride=[1, 1, 1], SymInt[3] "
                 "padding=[0, 0, 0], "
                 "SymInt[3] dilation=[1, 1, 1], SymInt groups=1) -> Tensor",
       .spatial = 3},
      {.schema = "aten::conv1d.padding(Tensor input, Tensor weight, Tensor? bias=None, SymInt[1] stride=[1], str "
                 "padding=\"valid\", "
                 "SymInt[1] dilation=[1], SymInt groups=1) -> Tensor",
       .form = PaddingForm::Name,
       .spatial = 1},
      {.schema = "aten::conv2d.padding(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=[1, 1], str "
                 "padding=\"valid\", "
                 "SymInt[2] dilation=[1, 1], SymInt groups=1) -> Tensor",
       .form = PaddingForm::Name,
       .spatial = 2},
      {.schema = "aten::conv3d.padding(Tensor input, Tensor weight, Tensor? bias=None, SymInt[3] stride=[1, 1, 1], str "
                 "padding=\"valid\", "
                 "SymInt[3] dilation=[1, 1, 1], SymInt groups=1) -> Tensor",
       .form = PaddingForm::Name,
       .spatial = 3},
      {.schema = "aten::conv_transpose1d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[1] stride=[1], "
                 "SymInt[1] padding=[0], "
                 "SymInt[1] output_padding=[0], SymInt groups=1, SymInt[1] dilation=[1]) -> Tensor",
       .transposed = true,
       .spatial = 1},
      {.schema = "aten::conv_transpose2d.input(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=[1, "
                 "1], SymInt[2] padding=[0, 0], "
                 "SymInt[2] output_padding=[0, 0], SymInt groups=1, SymInt[2] dilation=[1, 1]) -> Tensor",
       .transposed = true,
       .spatial = 2},
      {.schema =
           "aten::conv_transpose3d.input(Tensor input, Tensor weight, Tensor? bias=None, SymInt[3] stride=[1, 1, 1], "
           "SymInt[3] padding=[0, 0, 0], SymInt[3] output_padding=[0, 0, 0], SymInt groups=1, SymInt[3] dilation=[1, "
           "1, 1]) -> Tensor",
       .transposed = true,
       .spatial = 3},
  };
  for (const Names& names : forms) {
    const bool core = names.spatial == 0;
    ops.declare(
        {.schema = names.schema,
         .infer = [names](const MetaArgs& args) { return infer_convolution(args, names); },
         .kernel = [names](const KernelArgs& args) { return run_convolution(args, names); },
         .out_variant = core ? "aten::convolution.out" : "",
         .tags = core ? Tag::Core : Tag::None,
         .decompose = core ? DecomposeFunction(nullptr)
                           : [names](GraphBuilder& builder,
                                     const ValueArgs& args) { return decompose_convolution(builder, args, names); }});
  }
}

}  // namespace exformer
