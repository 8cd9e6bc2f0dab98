// Images of other sizes, where the runtime has no kernel for the filter or the rank.
#include "exformer/backends/executorch/spelled_out_ops.h"
#include "exformer/ops/builder.h"

namespace exformer::executorch {
namespace {

/// One row of an image.
Values upsample_row(GraphBuilder& builder, const ValueArgs& args, std::string_view op) {
  Value* image = builder.call("aten::unsqueeze", {args.tensor("self"), 2});
  Argument sizes = std::vector<SymInt>{1, args.syms("output_size")[0]}, factors;
  if (args.has("scales")) {
    factors = std::vector<double>{1.0, args.real("scales")};
    sizes = None{};
  }
  std::vector<Argument> arguments = {image, sizes};
  if (op == "aten::upsample_bilinear2d.vec") arguments.push_back(args["align_corners"]);
  arguments.push_back(factors);
  return {builder.call("aten::squeeze.dim", {builder.call(op, std::move(arguments)), 2})};
}
Values upsample_nearest1d(GraphBuilder& builder, const ValueArgs& args) {
  return upsample_row(builder, args, "aten::upsample_nearest2d.vec");
}
Values upsample_linear1d(GraphBuilder& builder, const ValueArgs& args) {
  return upsample_row(builder, args, "aten::upsample_bilinear2d.vec");
}

/// ((a x + b) x + c) x + d
Value* cubic(GraphBuilder& builder, Value* x, double a, double b, double c, double d) {
  const auto next = [&](Value* value, double number) {
    value = builder.call("aten::mul.Tensor", {value, x});
    return number == 0 ? value : builder.call("aten::add.Scalar", {value, number});
  };
  Value* value = builder.call("aten::add.Scalar", {builder.call("aten::mul.Scalar", {x, a}), b});
  return next(next(value, c), d);
}

/// The image with `size` rows (dim -2) or columns (-1): four neighbours of each, weighted by Keys' kernel with a =
/// -0.75.
Value* resampled(GraphBuilder& builder, Value* image, int64_t dim, const SymInt& size, std::optional<double> factor,
                 bool align_corners) {
  constexpr double kA = -0.75;
  const SymInt from = image->meta.sizes[static_cast<size_t>(image->meta.rank() + dim)];
  const auto real = [&](const SymInt& value) { return number(builder, value, DType::Float32); };
  Value* place = numbers_from_0(builder, size, DType::Float32);
  if (align_corners) {  // one element lies at 0 whatever it is divided by
    place = builder.call("aten::mul.Tensor",
                         {place, builder.call("aten::div.Tensor", {real(from - 1), real(sym_max(size - 1, 1))})});
  } else {
    place = builder.call("aten::add.Scalar", {place, 0.5});
    place = factor
                ? builder.call("aten::mul.Scalar", {place, 1.0 / *factor})
                : builder.call("aten::mul.Tensor", {place, builder.call("aten::div.Tensor", {real(from), real(size)})});
    place = builder.call("aten::sub.Scalar", {place, 0.5});
  }
  Value* first = builder.call("aten::floor", {place});
  Value* t = builder.call("aten::sub.Tensor", {place, first});
  Value* rest = builder.call("aten::rsub.Scalar", {t, 1.0});
  const auto near = [&](Value* x) { return cubic(builder, x, kA + 2, -(kA + 3), 0, 1); };
  const auto far = [&](Value* x) {
    return cubic(builder, builder.call("aten::add.Scalar", {x, 1.0}), kA, -5 * kA, 8 * kA, -4 * kA);
  };
  Value* weights[] = {far(t), near(t), near(rest), far(rest)};
  first = builder.call("aten::_to_copy", {first}, {{"dtype", DType::Int64}});
  Value* last = number(builder, from - 1, DType::Int64);
  Value* sum = nullptr;
  for (int64_t tap = 0; tap < 4; ++tap) {
    Value* index = tap == 1 ? first : builder.call("aten::add.Scalar", {first, tap - 1});
    index = builder.call("aten::minimum", {builder.call("aten::clamp", {index, 0}), last});
    Value* weight = weights[tap];
    if (dim == -2) weight = builder.call("aten::unsqueeze", {weight, 1});
    Value* part = builder.call("aten::mul.Tensor", {builder.call("aten::index_select", {image, dim, index}), weight});
    sum = sum ? builder.call("aten::add.Tensor", {sum, part}) : part;
  }
  return sum;
}

using Weigh = Value* (*)(GraphBuilder&, Value* distance);

/// 1 - x, from 1 on 0
Value* linear_weight(GraphBuilder& builder, Value* distance) {
  return builder.call("aten::clamp", {builder.call("aten::rsub.Scalar", {distance, 1.0}), 0.0});
}

/// Keys' kernel with a = -0.5, from 2 on 0
Value* cubic_weight(GraphBuilder& builder, Value* distance) {
  constexpr double kA = -0.5;
  Value* near = cubic(builder, distance, kA + 2, -(kA + 3), 0, 1);
  Value* far = cubic(builder, distance, kA, -5 * kA, 8 * kA, -4 * kA);
  const auto below = [&](double end) { return builder.call("aten::lt.Scalar", {distance, end}); };
  far = builder.call("aten::where.self", {below(2), far, number(builder, 0.0, DType::Float32)});
  return builder.call("aten::where.self", {below(1), near, far});
}

/// What each of `size` rows takes of each of `from` rows, [size, from]: a kernel that is widened where the image
/// shrinks; rows that it does not reach count as 0.
Value* smoothing_weights(GraphBuilder& builder, Weigh weigh, const SymInt& from, const SymInt& size,
                         std::optional<double> factor, bool align_corners) {
  const auto real = [&](const SymInt& value) { return number(builder, value, DType::Float32); };
  Value* step = nullptr;
  if (align_corners) {  // 0 for one row
    step =
        builder.call("aten::div.Tensor", {real((from - 1) * sym_min(size - 1, 1)), real(sym_max(size - 1, SymInt(1)))});
  } else {
    step = factor ? number(builder, 1.0 / *factor, DType::Float32)
                  : builder.call("aten::div.Tensor", {real(from), real(size)});
  }
  const auto middles = [&](const SymInt& count) {
    return builder.call("aten::add.Scalar", {numbers_from_0(builder, count, DType::Float32), 0.5});
  };
  Value* center = builder.call("aten::unsqueeze", {builder.call("aten::mul.Tensor", {middles(size), step}), 1});
  Value* distance = builder.call("aten::abs", {builder.call("aten::sub.Tensor", {middles(from), center})});
  distance = builder.call("aten::div.Tensor", {distance, builder.call("aten::clamp", {step, 1.0})});
  Value* weights = weigh(builder, distance);
  Value* total = builder.call("aten::sum.dim_IntList", {weights, std::vector<SymInt>{1}, true});
  return builder.call("aten::div.Tensor", {weights, total});
}

Values smoothed(GraphBuilder& builder, const ValueArgs& args, Weigh weigh) {
  Value* image = args.tensor("self");
  const DType dtype = image->meta.dtype;
  if (dtype != DType::Float32) image = builder.call("aten::_to_copy", {image}, {{"dtype", DType::Float32}});
  const std::vector<SymInt> sizes = args.syms("output_size");
  const std::string_view factors[] = {"scales_h", "scales_w"};
  for (const size_t side : {1, 0}) {  // columns first; twice transposed in all
    Value* weights = smoothing_weights(builder, weigh, image->meta.sizes[3], sizes[side],
                                       args.optional_real(factors[side]), args.boolean("align_corners"));
    image = builder.call("aten::matmul", {image, builder.call("aten::t", {weights})});
    image = builder.call("aten::transpose.int", {image, 2, 3});
  }
  return {dtype == DType::Float32 ? image : builder.call("aten::_to_copy", {image}, {{"dtype", dtype}})};
}

Values upsample_bilinear2d_aa(GraphBuilder& builder, const ValueArgs& args) {
  return smoothed(builder, args, linear_weight);
}
Values upsample_bicubic2d_aa(GraphBuilder& builder, const ValueArgs& args) {
  return smoothed(builder, args, cubic_weight);
}

Values upsample_bicubic2d(GraphBuilder& builder, const ValueArgs& args) {
  Value* image = args.tensor("self");
  const DType dtype = image->meta.dtype;
  if (dtype != DType::Float32) image = builder.call("aten::_to_copy", {image}, {{"dtype", DType::Float32}});
  const std::vector<SymInt> sizes = args.syms("output_size");
  const bool align_corners = args.boolean("align_corners");
  image = resampled(builder, image, -1, sizes[1], args.optional_real("scales_w"), align_corners);
  image = resampled(builder, image, -2, sizes[0], args.optional_real("scales_h"), align_corners);
  return {dtype == DType::Float32 ? image : builder.call("aten::_to_copy", {image}, {{"dtype", dtype}})};
}

}  // namespace

void add_interpolation_spellings(SpelledOutOps& ops) {
  ops.insert({{"aten::upsample_nearest1d", upsample_nearest1d},
              {"aten::upsample_linear1d", upsample_linear1d},
              {"aten::upsample_bicubic2d", upsample_bicubic2d},
              {"aten::_upsample_bilinear2d_aa", upsample_bilinear2d_aa},
              {"aten::_upsample_bicubic2d_aa", upsample_bicubic2d_aa}});
}

}  // namespace exformer::executorch
