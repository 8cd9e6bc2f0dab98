#include "exformer/passes/fuse_gelu.h"

#include <cmath>
#include <numbers>

namespace exformer {
namespace {

Verdict has_constants(const Match& match, double factor) {
  if (!is_floating_point(match["x"].meta.dtype)) return reject("x is not floating point");
  const auto* given = match.constant("factor").get_if<double>();
  if (!given || std::abs(*given - factor) > 1e-6) return reject("the factor is another one");
  return accept();
}

Verdict is_tanh_form(const Match& match) { return has_constants(match, std::sqrt(2.0 / std::numbers::pi)); }

constexpr std::string_view kTanh = R"(graph(%x):
  %y = aten.gelu(%x, approximate='tanh')
  return %y)";

// 0.5 x (1 + tanh(factor (x + 0.044715 x^3)))
constexpr std::string_view kNew = R"(graph(%x):
  %half = aten.mul.Scalar(%x, 0.5)
  %cube = aten.pow.Tensor_Scalar(%x, 3)
  %small = aten.mul.Scalar(%cube, 0.044715)
  %sum = aten.add.Tensor(%x, %small)
  %inner = aten.mul.Scalar(%sum, ?factor)
  %tanh = aten.tanh(%inner)
  %outer = aten.add.Scalar(%tanh, 1)
  %y = aten.mul.Tensor(%half, %outer)
  return %y)";

// 0.5 x (1 + tanh(factor x (1 + 0.044715 x x)))
constexpr std::string_view kFast = R"(graph(%x):
  %half = aten.mul.Scalar(%x, 0.5)
  %scaled = aten.mul.Scalar(%x, ?factor)
  %small = aten.mul.Scalar(%x, 0.044715)
  %square = aten.mul.Tensor(%small, %x)
  %sum = aten.add.Scalar(%square, 1)
  %inner = aten.mul.Tensor(%scaled, %sum)
  %tanh = aten.tanh(%inner)
  %outer = aten.add.Scalar(%tanh, 1)
  %y = aten.mul.Tensor(%half, %outer)
  return %y)";

// 0.5 x (1 + erf(x / sqrt(2)))
constexpr std::string_view kErf = R"(graph(%x):
  %half = aten.mul.Scalar(%x, 0.5)
  %inner = aten.div.Scalar(%x, ?factor)
  %erf = aten.erf(%inner)
  %outer = aten.add.Scalar(%erf, 1)
  %y = aten.mul.Tensor(%half, %outer)
  return %y)";

constexpr std::string_view kExact = R"(graph(%x):
  %y = aten.gelu(%x)
  return %y)";

}  // namespace

const std::vector<Rewrite>& fuse_gelu() {
  static const std::vector<Rewrite> kRewrites = {
      {.name = "fuse_gelu_new", .match = kNew, .replace = kTanh, .when = is_tanh_form},
      {.name = "fuse_gelu_fast", .match = kFast, .replace = kTanh, .when = is_tanh_form},
      {.name = "fuse_gelu_erf",
       .match = kErf,
       .replace = kExact,
       .when = [](const Match& match) { return has_constants(match, std::numbers::sqrt2); }},
  };
  return kRewrites;
}

}  // namespace exformer
