#include "exformer/passes/fuse_rms_norm.h"

namespace exformer {
namespace {

/// rms_norm normalises over dims of the weight's sizes.
Verdict is_one_row_of_weights(const Match& match) {
  const TensorMeta& x = match["x"].meta;
  const TensorMeta& weight = match["weight"].meta;
  if (!is_floating_point(x.dtype)) return reject("x is not floating point");
  if (weight.rank() != 1 || x.rank() < 1) return reject("the weight is not one row");
  if (!weight.sizes[0].is_constant() || !known_equal(weight.sizes[0], x.sizes.back()))
    return reject("the weight does not span the last dim");
  if (weight.dtype != match["y"].meta.dtype) return reject("the weight has another dtype than the result");
  if (x.dtype != match["y"].meta.dtype) return reject("the result has another dtype than x");
  return accept();
}

constexpr std::string_view kReplacement = R"(graph(%x, %weight):
  %y = aten.rms_norm(%x, sizes(%weight), %weight, ?eps)
  return %y)";

// weight * (x * rsqrt(mean(x ^ 2, -1) + eps)) -> rms_norm(x, weight, eps)
constexpr std::string_view kPlain = R"(graph(%x, %weight):
  %square = aten.pow.Tensor_Scalar(%x, 2)
  %mean = aten.mean.dim(%square, [-1], True)
  %shifted = aten.add.Scalar(%mean, ?eps)
  %scale = aten.rsqrt(%shifted)
  %normal = aten.mul.Tensor(%x, %scale)
  %y = aten.mul.Tensor(%weight, %normal)
  return %y)";

// The same with the input cast to float32, and the normalised value cast back to x's dtype before the weight is
// multiplied in.
constexpr std::string_view kWithCasts = R"(graph(%x, %weight):
  %wide = aten.to.dtype(%x, f32)
  %square = aten.pow.Tensor_Scalar(%wide, 2)
  %mean = aten.mean.dim(%square, [-1], True)
  %shifted = aten.add.Scalar(%mean, ?eps)
  %scale = aten.rsqrt(%shifted)
  %normal = aten.mul.Tensor(%wide, %scale)
  %narrow = aten.to.dtype(%normal, ?dtype)
  %y = aten.mul.Tensor(%weight, %narrow)
  return %y)";

}  // namespace

const std::vector<Rewrite>& fuse_rms_norm() {
  static const std::vector<Rewrite> kRewrites = {
      {.name = "fuse_rms_norm", .match = kPlain, .replace = kReplacement, .when = is_one_row_of_weights},
      {.name = "fuse_rms_norm_with_casts", .match = kWithCasts, .replace = kReplacement, .when = is_one_row_of_weights},
  };
  return kRewrites;
}

}  // namespace exformer
