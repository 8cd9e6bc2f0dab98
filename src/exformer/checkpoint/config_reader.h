// config.json read field by field: types, ranges and defaults checked, with messages that name the field.
#pragma once

#include <limits>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "exformer/base/json.h"

namespace exformer {

/// config.rope_parameters in either spelling: rope_parameters (transformers 5), or rope_theta + rope_scaling.
struct RopeParameters {
  std::string rope_type = "default";
  double rope_theta = 10000.0;
  double partial_rotary_factor = 1.0;
  std::optional<int64_t> original_max_position_embeddings;
  std::optional<double> factor, attention_factor, beta_fast, beta_slow, mscale, mscale_all_dim;
  std::optional<double> low_freq_factor, high_freq_factor;
  bool truncate = true;
  std::vector<double> short_factor, long_factor;
};

struct IntRange {
  int64_t min = std::numeric_limits<int32_t>::min();
  int64_t max = std::numeric_limits<int32_t>::max();
};

/// Reads one JSON object; JSON null counts as absent. Faults throw ExportError (kind Failed) naming source, field and what is allowed.
class ConfigReader {
 public:
  ConfigReader(const Json& object, std::string source) : object_(&object), source_(std::move(source)) {}

  const std::string& source() const { return source_; }
  /// Present and not null.
  bool has(const std::string& name);
  /// Present and null.
  bool is_null(const std::string& name);

  int64_t optional_int(const std::string& name, int64_t otherwise, IntRange range = {});
  double optional_real(const std::string& name, double otherwise);
  bool optional_bool(const std::string& name, bool otherwise);
  std::string optional_string(const std::string& name, const std::string& otherwise);
  std::vector<std::string> optional_strings(const std::string& name);
  std::vector<double> optional_reals(const std::string& name);
  /// One integer for both, or a list of two: (height, width).
  std::pair<int64_t, int64_t> optional_int_pair(const std::string& name, std::pair<int64_t, int64_t> otherwise);

  /// num_labels, or the size of id2label, or 2.
  int64_t num_labels();
  /// dtype or torch_dtype, when it names one ("auto" and absent: nothing).
  std::optional<std::string> dtype();
  /// Both spellings, with the checks of transformers' modeling_rope_utils: needed keys of each type, positive factors.
  RopeParameters rope_parameters();

  /// Fields that nothing has asked for, in the file's order.
  std::vector<std::string> unread_keys() const;

 private:
  const Json* find(const std::string& name);
  [[noreturn]] void wrong(const std::string& name, const std::string& allowed);

  const Json* object_;
  std::string source_;
  std::set<std::string> read_;
};

}  // namespace exformer
