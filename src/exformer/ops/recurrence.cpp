// Recurrent layers, one layer and direction each.
#include <algorithm>
#include <cmath>

#include "exformer/ops/declarations.h"
#include "exformer/ops/shape_rules.h"

namespace exformer {
namespace {

/// One layer in one direction over [length, batch, width]; longer stacks are calls after one another.
template <class T>
void check_lstm(const Args<T>& args) {
  const std::string_view op = args.schema().name;
  if (args.integer("num_layers") != 1 || args.boolean("bidirectional") || args.boolean("batch_first") ||
      args.boolean("train")) {
    unsupported("{}: other than one layer, one direction, the length first and evaluation", op);
  }
  const size_t weights = args.boolean("has_biases") ? 4 : 2;
  if (args.tensors("params").size() != weights || args.tensors("hx").size() != 2)
    fail("{}: expected {} weights and two states", op, weights);
}

std::vector<OutputMeta> infer_lstm(const MetaArgs& args) {
  check_lstm(args);
  const TensorMeta& input = *args.tensor("input");
  const TensorMeta& hidden = *args.tensors("hx")[0];
  if (input.rank() != 3 || hidden.rank() != 3) fail("{}: expected 3-d input and states", args.schema().name);
  const std::vector<SymInt> state{1, input.sizes[1], hidden.sizes[2]};
  return {contiguous_meta(input.dtype, {input.sizes[0], input.sizes[1], hidden.sizes[2]}),
          contiguous_meta(input.dtype, state), contiguous_meta(input.dtype, state)};
}

float sigmoid(float x) { return 1.0F / (1.0F + std::exp(-x)); }

/// out[batch][gates] += in[batch][width] * weight[gates][width]
void add_product(const float* in, const HostTensor& weight, int64_t batch, std::vector<float>& out) {
  const int64_t gates = weight.size(0), width = weight.size(1);
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t g = 0; g < gates; ++g) {
      double sum = 0;
      for (int64_t i = 0; i < width; ++i) {
        sum += static_cast<double>(in[b * width + i]) * weight.data<float>()[g * width + i];
      }
      out[static_cast<size_t>(b * gates + g)] += static_cast<float>(sum);
    }
  }
}

/// c = f*c + i*g, h = o*tanh(c), with the gates i, f, g, o = W x + b + R h + b'.
std::vector<HostTensor> lstm_kernel(const KernelArgs& args) {
  check_lstm(args);
  const auto dense = [](const HostTensor& tensor) { return tensor.to(DType::Float32).contiguous(); };
  const HostTensor input = dense(args.tensor("input"));
  std::vector<HostTensor> weights;
  for (const HostTensor& weight : args.tensors("params")) weights.push_back(dense(weight));
  const int64_t length = input.size(0), batch = input.size(1), width = input.size(2), size = weights[1].size(1);
  HostTensor output = HostTensor::empty(DType::Float32, {length, batch, size});
  HostTensor hidden = HostTensor::zeros(DType::Float32, {1, batch, size});
  HostTensor cell = HostTensor::zeros(DType::Float32, {1, batch, size});
  const HostTensor first_hidden = dense(args.tensors("hx")[0]), first_cell = dense(args.tensors("hx")[1]);
  std::copy_n(first_hidden.data<float>(), batch * size, hidden.data<float>());
  std::copy_n(first_cell.data<float>(), batch * size, cell.data<float>());
  std::vector<float> gates(static_cast<size_t>(batch * 4 * size));
  for (int64_t t = 0; t < length; ++t) {
    for (size_t i = 0; i < gates.size(); ++i) {
      const auto gate = static_cast<int64_t>(i) % (4 * size);
      gates[i] = weights.size() < 4 ? 0.0F : weights[2].data<float>()[gate] + weights[3].data<float>()[gate];
    }
    add_product(input.data<float>() + t * batch * width, weights[0], batch, gates);
    add_product(hidden.data<float>(), weights[1], batch, gates);
    for (int64_t b = 0; b < batch; ++b) {
      const float* row = gates.data() + b * 4 * size;
      for (int64_t i = 0; i < size; ++i) {
        float& c = cell.data<float>()[b * size + i];
        c = sigmoid(row[size + i]) * c + sigmoid(row[i]) * std::tanh(row[2 * size + i]);
        hidden.data<float>()[b * size + i] = sigmoid(row[3 * size + i]) * std::tanh(c);
      }
    }
    std::copy_n(hidden.data<float>(), batch * size, output.data<float>() + t * batch * size);
  }
  const DType dtype = args.tensor("input").dtype();
  return {output.to(dtype), hidden.to(dtype), cell.to(dtype)};
}

}  // namespace

void declare_recurrence_ops(OpRegistry& ops) {
  ops.declare({.schema =
                   "aten::lstm.input(Tensor input, Tensor[] hx, Tensor[] params, bool has_biases, int num_layers, "
                   "float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor, Tensor)",
               .infer = infer_lstm,
               .kernel = lstm_kernel});
}

}  // namespace exformer
