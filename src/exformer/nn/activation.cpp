#include "exformer/nn/activation.h"

#include <cmath>
#include <numbers>

#include "exformer/base/strings.h"

namespace exformer {
namespace {

const double kSqrt2OverPi = std::sqrt(2.0 / std::numbers::pi);

Tensor gelu(const Tensor& x) { return call("aten::gelu", {x}); }
Tensor gelu_tanh(const Tensor& x) { return call("aten::gelu", {x}, {{"approximate", "tanh"}}); }
Tensor softplus(const Tensor& x) { return call("aten::softplus", {x}); }

/// 0.5 * x * (1 + tanh(sqrt(2/pi) * (x + 0.044715 * x^3))), spelled out as NewGELUActivation does
Tensor gelu_new(const Tensor& x) { return x * 0.5 * (((x + x.pow(3.0) * 0.044715) * kSqrt2OverPi).tanh() + 1.0); }

/// 0.5 * x * (1 + tanh(x * 0.7978845608 * (1 + 0.044715 * x * x)))
Tensor gelu_fast(const Tensor& x) { return x * 0.5 * ((x * 0.7978845608 * (x * 0.044715 * x + 1.0)).tanh() + 1.0); }

/// x * 0.5 * (1 + erf(x / sqrt(2)))
Tensor gelu_python(const Tensor& x) { return x * 0.5 * (call("aten::erf", {x / std::numbers::sqrt2}) + 1.0); }

/// 0.5 * (1 + erf((x - mu) / (sigma * sqrt(2))))
Tensor laplace(const Tensor& x) {
  constexpr double kMu = 0.707107, kSigma = 0.282095;
  return (call("aten::erf", {(x - kMu) / (kSigma * std::numbers::sqrt2)}) + 1.0) * 0.5;
}

struct Entry {
  const char* name;
  Tensor (*function)(const Tensor&);
};

/// Activations without parameters (transformers.activations.ACT2CLS).
constexpr Entry kActivations[] = {
    {"gelu", gelu},
    {"gelu_10", [](const Tensor& x) { return call("aten::clamp", {gelu(x), -10, 10}); }},
    {"gelu_fast", gelu_fast},
    {"gelu_new", gelu_new},
    {"gelu_python", gelu_python},
    {"gelu_pytorch_tanh", gelu_tanh},
    {"gelu_python_tanh", gelu_new},
    {"gelu_accurate", gelu_new},
    {"hardswish", [](const Tensor& x) { return call("aten::hardswish", {x}); }},
    {"laplace", laplace},
    {"leaky_relu", [](const Tensor& x) { return call("aten::leaky_relu", {x}); }},
    {"linear", [](const Tensor& x) { return x; }},
    {"mish", [](const Tensor& x) { return call("aten::mish", {x}); }},
    {"quick_gelu", [](const Tensor& x) { return x * call("aten::sigmoid", {x * 1.702}); }},
    {"relu", [](const Tensor& x) { return call("aten::relu", {x}); }},
    {"relu2", [](const Tensor& x) { return call("aten::square", {call("aten::relu", {x})}); }},
    {"relu6", [](const Tensor& x) { return call("aten::relu6", {x}); }},
    {"sigmoid", [](const Tensor& x) { return call("aten::sigmoid", {x}); }},
    {"silu", [](const Tensor& x) { return call("aten::silu", {x}); }},
    {"sqrtsoftplus", [](const Tensor& x) { return call("aten::sqrt", {softplus(x)}); }},
    {"swish", [](const Tensor& x) { return call("aten::silu", {x}); }},
    {"tanh", [](const Tensor& x) { return x.tanh(); }},
};

/// torch.nn.PReLU with one parameter.
Activation make_prelu(const Scope& scope) {
  return [weight = scope.parameter("weight", {1})](const Tensor& x) { return call("aten::prelu", {x, weight}); };
}

/// where(x > 0, ap*x*x + beta*x, (expm1(min(x, eps)) - x)*an + beta*x) with ap = softplus(alpha_p), an = beta +
/// softplus(alpha_n); `beta` and `eps` are persistent buffers of the checkpoint (matches
/// XIELUActivation._xielu_python).
Activation make_xielu(const Scope& scope) {
  const Tensor alpha_p = scope.parameter("alpha_p", {1});
  const Tensor alpha_n = scope.parameter("alpha_n", {1});
  const Tensor beta = scope.parameter("beta", {});
  const Tensor eps = scope.parameter("eps", {});
  return [=](const Tensor& x) {
    const Tensor positive = softplus(alpha_p) * x * x + beta * x;
    const Tensor negative =
        (call("aten::expm1", {call("aten::minimum", {x, eps})}) - x) * (beta + softplus(alpha_n)) + beta * x;
    return call("aten::where.self", {call("aten::gt.Scalar", {x, 0}), positive, negative});
  };
}

}  // namespace

Activation make_activation(const std::string& name, const Scope& scope) {
  for (const Entry& entry : kActivations) {
    if (name == entry.name) return entry.function;
  }
  if (name == "prelu") return make_prelu(scope);
  if (name == "xielu") return make_xielu(scope);
  unsupported("{}: activation '{}' is not known{}", scope.path(), name, nearest_hint(name, activation_names()));
}

std::vector<std::string> activation_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kActivations) names.emplace_back(entry.name);
  names.insert(names.end(), {"prelu", "xielu"});
  return names;
}

}  // namespace exformer
