#include "exformer/nn/rotary.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace exformer {
namespace {

int64_t rotary_dim(const RotaryConfig& config) {
  return static_cast<int64_t>(static_cast<double>(config.head_dim) * config.partial_rotary_factor);
}

/// base ** (arange(0, dim, 2) / dim), every step in float32 as torch does it.
std::vector<float> position_frequencies(double base, int64_t dim) {
  std::vector<float> values;
  for (int64_t i = 0; i < dim; i += 2) {
    const float exponent = static_cast<float>(i) / static_cast<float>(dim);
    values.push_back(static_cast<float>(std::pow(base, static_cast<double>(exponent))));
  }
  return values;
}

std::vector<float> default_frequencies(double base, int64_t dim) {
  std::vector<float> values = position_frequencies(base, dim);
  for (float& value : values) value = 1.0F / value;
  return values;
}

double yarn_mscale(double scale, double mscale) { return scale <= 1.0 ? 1.0 : 0.1 * mscale * std::log(scale) + 1.0; }

InverseFrequencies yarn(const RotaryConfig& config) {
  const int64_t dim = rotary_dim(config);
  const auto original_max = static_cast<double>(config.original_max_position_embeddings);
  const double factor = config.factor.value_or(static_cast<double>(config.max_position_embeddings) / original_max);
  InverseFrequencies result;
  if (config.attention_factor) {
    result.attention_factor = *config.attention_factor;
  } else if (config.mscale.value_or(0.0) != 0.0 && config.mscale_all_dim.value_or(0.0) != 0.0) {
    result.attention_factor = yarn_mscale(factor, *config.mscale) / yarn_mscale(factor, *config.mscale_all_dim);
  } else {
    result.attention_factor = yarn_mscale(factor, 1.0);
  }
  const auto or_default = [](std::optional<double> value, double otherwise) {
    return value.value_or(0.0) != 0.0 ? *value : otherwise;
  };
  const auto correction_dim = [&](double rotations) {
    return static_cast<double>(dim) * std::log(original_max / (rotations * 2.0 * std::numbers::pi)) /
           (2.0 * std::log(config.rope_theta));
  };
  double low = correction_dim(or_default(config.beta_fast, 32.0));
  double high = correction_dim(or_default(config.beta_slow, 1.0));
  if (config.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(dim - 1));
  if (low == high) high += 0.001;  // as the reference avoids a division by zero
  const std::vector<float> frequencies = position_frequencies(config.rope_theta, dim);
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const float ramp =
        std::clamp((static_cast<float>(i) - static_cast<float>(low)) / static_cast<float>(high - low), 0.0F, 1.0F);
    const float extrapolation_share = 1.0F - ramp;
    const float extrapolation = 1.0F / frequencies[i];
    const float interpolation = 1.0F / (static_cast<float>(factor) * frequencies[i]);
    result.values.push_back(interpolation * (1.0F - extrapolation_share) + extrapolation * extrapolation_share);
  }
  return result;
}

InverseFrequencies longrope(const RotaryConfig& config) {
  const int64_t dim = rotary_dim(config);
  const auto original_max = static_cast<double>(config.original_max_position_embeddings);
  const double factor = config.factor.value_or(static_cast<double>(config.max_position_embeddings) / original_max);
  InverseFrequencies result;
  result.attention_factor = config.attention_factor.value_or(
      factor <= 1.0 ? 1.0 : std::sqrt(1.0 + std::log(factor) / std::log(original_max)));
  const std::vector<float> frequencies = position_frequencies(config.rope_theta, dim);
  const auto scaled = [&](const std::vector<double>& factors, std::string_view name) {
    if (factors.size() != frequencies.size()) {
      fail("rope_parameters: '{}' must have {} values (half of the rotary dimension), got {}", name, frequencies.size(),
           factors.size());
    }
    std::vector<float> values;
    for (size_t i = 0; i < frequencies.size(); ++i)
      values.push_back(1.0F / (static_cast<float>(factors[i]) * frequencies[i]));
    return values;
  };
  result.values = scaled(config.short_factor, "short_factor");
  result.long_values = scaled(config.long_factor, "long_factor");
  return result;
}

InverseFrequencies llama3(const RotaryConfig& config) {
  const auto old_context = static_cast<double>(config.original_max_position_embeddings);
  const double factor = config.factor.value_or(1.0);
  const double low_wavelength = old_context / config.low_freq_factor;
  const double high_wavelength = old_context / config.high_freq_factor;
  InverseFrequencies result;
  for (const float frequency : default_frequencies(config.rope_theta, rotary_dim(config))) {
    const float wavelength = static_cast<float>(2.0 * std::numbers::pi) / frequency;
    float value = wavelength > static_cast<float>(low_wavelength) ? frequency / static_cast<float>(factor) : frequency;
    const bool is_medium =
        !(wavelength < static_cast<float>(high_wavelength)) && !(wavelength > static_cast<float>(low_wavelength));
    if (is_medium) {
      const float smooth = (static_cast<float>(old_context) / wavelength - static_cast<float>(config.low_freq_factor)) /
                           static_cast<float>(config.high_freq_factor - config.low_freq_factor);
      value = (1.0F - smooth) * value / static_cast<float>(factor) + smooth * value;
    }
    result.values.push_back(value);
  }
  return result;
}

/// (x1, x2) -> (-x2, x1) on the halves of the last dim
Tensor rotate_half(const Tensor& x) {
  const SymInt half = floordiv(x.size(-1), 2);
  return cat({-x.slice(-1, half), x.slice(-1, 0, half)}, -1);
}

}  // namespace

InverseFrequencies compute_inverse_frequencies(const RotaryConfig& config) {
  if (config.rope_type == "yarn") return yarn(config);
  if (config.rope_type == "longrope") return longrope(config);
  if (config.rope_type == "llama3") return llama3(config);
  InverseFrequencies result;
  result.values = default_frequencies(config.rope_theta, rotary_dim(config));
  if (config.rope_type == "linear") {
    for (float& value : result.values) value /= static_cast<float>(config.factor.value_or(1.0));
  } else if (config.rope_type != "default" && config.rope_type != "dynamic") {
    unsupported("rope_type '{}' is not supported (default, linear, dynamic, yarn, longrope, llama3)", config.rope_type);
  }
  return result;
}

RotaryEmbedding::RotaryEmbedding(Scope module_scope, RotaryConfig rotary_config)
    : Module(std::move(module_scope)), config(std::move(rotary_config)) {
  const InverseFrequencies frequencies = compute_inverse_frequencies(config);
  attention_factor = frequencies.attention_factor;
  const auto count = static_cast<int64_t>(frequencies.values.size());
  inv_freq = scope.buffer("inv_freq", HostTensor::from(DType::Float32, {count}, frequencies.values));
  if (!frequencies.long_values.empty()) {
    long_inv_freq = scope.buffer("long_inv_freq", HostTensor::from(DType::Float32, {count}, frequencies.long_values));
  }
  if (config.rope_type == "dynamic") {
    const int64_t dim = rotary_dim(config);
    if (dim <= 2) fail("{}: dynamic rope needs a rotary dimension above 2, got {}", scope.path(), dim);
    std::vector<float> exponents;
    for (int64_t i = 0; i < dim; i += 2)
      exponents.push_back(static_cast<float>(-static_cast<double>(i) / static_cast<double>(dim - 2)));
    growth_exponent = scope.buffer("growth_exponent", HostTensor::from(DType::Float32, {count}, exponents));
  }
}

Tensor RotaryEmbedding::current_inverse_frequencies(const Tensor& position_ids) const {
  if (config.rope_type == "longrope") {
    const Tensor length = call("aten::max", {position_ids}) + 1;
    const Tensor is_long = call("aten::gt.Scalar", {length, config.original_max_position_embeddings});
    return call("aten::where.self", {is_long, long_inv_freq, inv_freq});
  }
  if (config.rope_type == "dynamic") {
    // inv_freq = base' ** -(i / dim) with base' = base * (factor * length / max - (factor - 1)) ** (dim / (dim - 2))
    // and length >= max, so that it is the frequencies at rest times growth ** -(i / (dim - 2)).
    const double factor = config.factor.value_or(1.0);
    const Tensor length = call("aten::clamp", {call("aten::max", {position_ids}) + 1, config.max_position_embeddings});
    const Tensor growth =
        length.to(DType::Float32) * (factor / static_cast<double>(config.max_position_embeddings)) - (factor - 1.0);
    return inv_freq * call("aten::pow.Tensor_Tensor", {growth, growth_exponent});
  }
  return inv_freq;
}

PositionEmbeddings RotaryEmbedding::operator()(const Tensor& position_ids, DType dtype) const {
  const auto running = enter();
  const Tensor frequencies = position_ids.unsqueeze(-1).to(DType::Float32) * current_inverse_frequencies(position_ids);
  const Tensor angles = cat({frequencies, frequencies}, -1);
  Tensor cos = angles.cos();
  Tensor sin = angles.sin();
  if (attention_factor != 1.0) {
    cos = cos * attention_factor;
    sin = sin * attention_factor;
  }
  return {cos.to(dtype), sin.to(dtype)};
}

std::pair<Tensor, Tensor> apply_rotary_pos_emb(const Tensor& query, const Tensor& key,
                                               const PositionEmbeddings& embeddings) {
  const Tensor cos = embeddings.cos.unsqueeze(1);
  const Tensor sin = embeddings.sin.unsqueeze(1);
  return {query * cos + rotate_half(query) * sin, key * cos + rotate_half(key) * sin};
}

}  // namespace exformer
