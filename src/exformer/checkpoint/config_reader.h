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

/// Which RopeParameters to read, and what holds where the config is silent.
struct RopeRequest {
  std::string layer_type;  // for families whose layer types have their own parameters ("sliding_attention")
  double default_theta = 10000.0;
};

struct IntRange {
  int64_t min = std::numeric_limits<int32_t>::min();
  int64_t max = std::numeric_limits<int32_t>::max();
};

/// Reads one JSON object; JSON null counts as absent. Faults throw ExportError (kind Failed) naming source, field and
/// what is allowed.
class ConfigReader {
 public:
  ConfigReader(const Json& object, std::string source) : object_(&object), source_(std::move(source)) {}

  const std::string& source() const { return source_; }
  /// Present and not null.
  bool has(const std::string& name);
  /// Present and null.
  bool is_null(const std::string& name);

  /// An integral float (64.0) counts as an integer; what is outside the range is refused.
  int64_t required_int(const std::string& name, IntRange range = {});
  int64_t optional_int(const std::string& name, int64_t otherwise, IntRange range = {});
  double required_real(const std::string& name);
  double optional_real(const std::string& name, double otherwise);
  bool optional_bool(const std::string& name, bool otherwise);
  std::string required_string(const std::string& name);
  std::string optional_string(const std::string& name, const std::string& otherwise);
  /// One of `allowed`; anything else is Unsupported, with the nearest of them.
  std::string optional_choice(const std::string& name, const std::string& otherwise,
                              const std::vector<std::string>& allowed);
  std::vector<std::string> optional_strings(const std::string& name);
  std::vector<double> optional_reals(const std::string& name);
  std::vector<int64_t> optional_ints(const std::string& name, IntRange range = {});
  /// One integer for both, or a list of two: (height, width).
  std::pair<int64_t, int64_t> optional_int_pair(const std::string& name, std::pair<int64_t, int64_t> otherwise);

  /// num_labels, or the size of id2label, or 2.
  int64_t num_labels();
  /// dtype or torch_dtype, when it names one ("auto" and absent: nothing).
  std::optional<std::string> dtype();
  /// layer_types with the names that older files use replaced; empty when absent.
  std::vector<std::string> layer_types();
  /// Both spellings, with the checks of transformers' modeling_rope_utils: needed keys of each type, positive factors.
  /// Parameters that are nested by layer type are those of `request.layer_type`; without one they must all be equal.
  RopeParameters rope_parameters(const RopeRequest& request = {});

  /// Fields that nothing has asked for, in the file's order.
  std::vector<std::string> unread_keys() const;

 private:
  const Json* find(const std::string& name);
  [[noreturn]] void missing(const std::string& name) const;
  [[noreturn]] void wrong(const std::string& name, const std::string& allowed) const;
  int64_t int_of(const Json& value, const std::string& name, IntRange range, std::string_view prefix = "") const;
  /// The object that holds the rope parameters of one layer type, and its name for messages; null when there is none.
  std::pair<const Json*, std::string> rope_object(const std::string& layer_type);

  const Json* object_;
  std::string source_;
  std::set<std::string> read_;
};

}  // namespace exformer
