#include "exformer/tasks/dynamic_shapes.h"

#include <fmt/format.h>

#include <algorithm>

#include "exformer/base/strings.h"
#include "exformer/symbolic/conditions.h"
#include "exformer/symbolic/printers.h"

namespace exformer {

const Dim Dim::AUTO{.kind = Dim::Kind::Auto};
const Dim Dim::STATIC{.kind = Dim::Kind::Static};

namespace {

/// What a model says of one axis: a size of its own, the sum of two, or a constant with the reason for it.
struct Axis {
  std::string symbol;  // empty: constant
  std::string addend;  // the size is symbol + addend
  std::string reason;
  int64_t min = 1;

  static Axis constant(std::string why) { return {.reason = std::move(why)}; }
};

std::vector<Axis> text_axes(const std::string& name, const HostTensor& tensor, Task task, const std::string& total) {
  std::vector<Axis> axes{{.symbol = "batch"}};
  if (task == Task::MultipleChoice) axes.push_back({.symbol = "choices"});
  if (name == "attention_mask" && tensor.rank() == 4 && task != Task::MultipleChoice) {
    return {{.symbol = "batch"},
            Axis::constant("a 4-d mask is shared by heads or has one per head"),
            {.symbol = "sequence"},
            total.empty() ? Axis{.symbol = "sequence"}
                          : Axis{.symbol = total, .addend = total == "total_sequence" ? "" : "sequence"}};
  }
  if (name == "attention_mask" && !total.empty()) {
    axes.push_back({.symbol = total, .addend = total == "total_sequence" ? "" : "sequence"});
  } else {
    axes.push_back({.symbol = "sequence"});
  }
  if (name == "inputs_embeds") axes.push_back(Axis::constant("hidden_size of the config"));
  return axes;
}

/// The contract between the inputs and the model, one Axis per dim.
std::vector<Axis> axes_of(const std::string& name, const HostTensor& tensor, Task task, const ModelFacts& facts,
                          const std::string& total) {
  if (const auto leaf = parse_cache_leaf(name)) {
    if (leaf->field == "_sliding_window_tensor") return {};
    const bool sliding = facts.layer_windows[leaf->layer].has_value();
    return {{.symbol = "batch"},
            Axis::constant("num_key_value_heads of the config"),
            {.symbol = sliding ? "past_window" : "past_sequence", .min = 0},  // nothing may be cached yet
            Axis::constant("head_dim of the config")};
  }
  if (name == "pixel_values" && facts.any_image_size) {
    return {{.symbol = "batch"},
            Axis::constant("num_channels of the config"),
            {.symbol = "height", .min = facts.patch_size[0]},
            {.symbol = "width", .min = facts.patch_size[1]}};
  }
  if (name == "pixel_values") {
    return {{.symbol = "batch"},
            Axis::constant("num_channels of the config"),
            Axis::constant("image_size of the config (the position embeddings have one row per patch)"),
            Axis::constant("image_size of the config (the position embeddings have one row per patch)")};
  }
  if (name == "bool_masked_pos")
    return {{.symbol = "batch"}, Axis::constant("one flag per patch of the config's image_size")};
  return text_axes(name, tensor, task, total);
}

/// What the masks' last dim is measured in: nothing without a cache, else past_sequence (+ sequence), or a size of its
/// own where every layer slides and so none tells how much has been seen.
std::string total_symbol(const NamedTensors& inputs, const ModelFacts& facts) {
  const bool has_cache = std::any_of(inputs.begin(), inputs.end(),
                                     [](const auto& input) { return parse_cache_leaf(input.first).has_value(); });
  if (!has_cache) return {};
  const bool all_slide = std::all_of(facts.layer_windows.begin(), facts.layer_windows.end(),
                                     [](const auto& window) { return window.has_value(); });
  return all_slide ? "total_sequence" : "past_sequence";
}

Dim requested_dim(const DynamicShapes& shapes, const std::string& input, int64_t axis, int64_t rank) {
  auto found = shapes.find(input);
  if (found == shapes.end() && parse_cache_leaf(input)) found = shapes.find("past_key_values");
  if (found == shapes.end()) return Dim::STATIC;
  for (const int64_t key : {axis, axis - rank}) {
    if (const auto dim = found->second.find(key); dim != found->second.end()) return dim->second;
  }
  return Dim::STATIC;
}

struct SymbolPlan {
  std::string name;  // the user's, else the contract's
  bool is_static = false;
  bool decided = false;
  int64_t min = 1, max = kUnbounded;
  int64_t size = 0;  // in the sample inputs
  std::string where;
};

class Resolver {
 public:
  Resolver(const NamedTensors& inputs, Task task, const ModelFacts& facts, bool dynamic,
           const std::optional<DynamicShapes>& shapes, Contradiction contradiction)
      : inputs_(inputs), facts_(facts), dynamic_(dynamic), shapes_(shapes), contradiction_(contradiction) {
    const std::string total = total_symbol(inputs, facts);
    for (const auto& [name, tensor] : inputs) axes_.push_back(axes_of(name, tensor, task, facts, total));
  }

  ResolvedShapes run(SymContext& context) {
    check_names();
    each_axis([&](size_t input, size_t axis) { plan(input, axis); });
    each_axis([&](size_t input, size_t axis) { check_constant(input, axis); });
    ResolvedShapes resolved;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      std::vector<SymInt> sizes;
      for (size_t a = 0; a < axes_[i].size(); ++a) sizes.push_back(size_of(context, i, a));
      resolved.model_sizes.push_back(sizes);
      for (size_t a = 0; a < axes_[i].size(); ++a) sizes[a] = requested_size(context, i, a, sizes[a]);
      resolved.sizes.push_back(std::move(sizes));
    }
    resolved.checks = std::move(checks_);
    resolved.specializations = std::move(specializations_);
    return resolved;
  }

 private:
  template <class Visit>
  void each_axis(Visit&& visit) {
    for (size_t i = 0; i < inputs_.size(); ++i) {
      for (size_t a = 0; a < axes_[i].size(); ++a) visit(i, a);
    }
  }

  Dim request(size_t input, size_t axis) const {
    if (!shapes_) return dynamic_ ? Dim::AUTO : Dim::STATIC;
    const auto& [name, tensor] = inputs_[input];
    return requested_dim(*shapes_, name, static_cast<int64_t>(axis), tensor.rank());
  }

  int64_t sample_size(size_t input, size_t axis) const {
    return inputs_[input].second.size(static_cast<int64_t>(axis));
  }

  /// A batch of one beside larger ones is broadcast, not a batch.
  bool is_broadcast(size_t input, size_t axis) const {
    const std::string& name = inputs_[input].first;
    if (name != "position_ids" && name != "attention_mask") return false;
    if (axes_[input][axis].symbol != "batch" || sample_size(input, axis) != 1) return false;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      for (size_t a = 0; a < axes_[i].size(); ++a) {
        if (axes_[i][a].symbol == "batch" && sample_size(i, a) != 1) return true;
      }
    }
    return false;
  }

  void check_names() const {
    if (!shapes_) return;
    std::vector<std::string> names;
    for (const auto& [name, tensor] : inputs_) names.push_back(name);
    for (const auto& [name, dims] : *shapes_) {
      const bool is_cache = name == "past_key_values" && std::any_of(names.begin(), names.end(), [](const auto& n) {
                              return parse_cache_leaf(n).has_value();
                            });
      const auto found = std::find(names.begin(), names.end(), name);
      if (found == names.end() && !is_cache)
        fail("dynamic_shapes names the input '{}', which is not given{}", name, nearest_hint(name, names));
      if (found == names.end()) continue;
      const int64_t rank = inputs_[static_cast<size_t>(found - names.begin())].second.rank();
      for (const auto& [axis, dim] : dims) {
        if (axis < -rank || axis >= rank) fail("dynamic_shapes: input '{}' has no axis {} (rank {})", name, axis, rank);
      }
    }
  }

  /// Gathers what the request says of each symbol of the contract.
  void plan(size_t input, size_t axis) {
    const Axis& contract = axes_[input][axis];
    if (contract.symbol.empty() || !contract.addend.empty() || is_broadcast(input, axis)) return;
    SymbolPlan& plan = plans_[contract.symbol];
    const std::string where = fmt::format("axis {} of '{}'", axis, inputs_[input].first);
    const int64_t size = sample_size(input, axis);
    if (plan.where.empty()) {
      plan.where = where;
      plan.size = size;
      plan.name = contract.symbol;
      plan.min = contract.min;
    } else if (plan.size != size) {
      fail("{} is {} but {} is {}: both are the {} size", where, size, plan.where, plan.size, contract.symbol);
    }
    const Dim dim = request(input, axis);
    const bool is_static = dim.kind == Dim::Kind::Static;
    if (plan.decided && plan.is_static != is_static) {
      fail("{} is {} but {} is {}: both are the {} size, so both must be dynamic or neither", where,
           is_static ? "static" : "dynamic", plan.where, plan.is_static ? "static" : "dynamic", contract.symbol);
    }
    plan.is_static = is_static;
    if (dim.kind == Dim::Kind::Named) {
      if (size < dim.min || size > dim.max)
        fail("{}: the dim '{}' allows [{}, {}], the sample input has {}", where, dim.name, dim.min, dim.max, size);
      if (plan.decided && plan.name != dim.name && plan.name != contract.symbol) {
        if (contradiction_ == Contradiction::RuntimeCheck) {
          apart_[{input, axis}] = dim;
          return;
        }
        fail("{} is the dim '{}' but {} is '{}': both are the {} size and must share one dim", where, dim.name,
             plan.where, plan.name, contract.symbol);
      }
      plan.name = dim.name;
      plan.min = std::max(plan.min, dim.min);
      plan.max = std::min(plan.max, dim.max);
    }
    plan.decided = true;
  }

  void check_constant(size_t input, size_t axis) {
    const Axis& contract = axes_[input][axis];
    const bool broadcast = is_broadcast(input, axis);
    if (!contract.symbol.empty() && !broadcast) return;
    const Dim dim = request(input, axis);
    if (dim.kind == Dim::Kind::Static) return;
    const int64_t size = sample_size(input, axis);
    const std::string reason = broadcast ? "a batch of 1 is broadcast over the batch" : contract.reason;
    if (dim.kind == Dim::Kind::Named && contradiction_ == Contradiction::RuntimeCheck && size >= dim.min &&
        size <= dim.max) {
      apart_[{input, axis}] = dim;
      return;
    }
    if (dim.kind == Dim::Kind::Named) {
      fail("axis {} of '{}' cannot be the dim '{}': the model fixes it to {}: {}", axis, inputs_[input].first, dim.name,
           size, reason);
    }
    specializations_.push_back({inputs_[input].first, static_cast<int64_t>(axis), size, reason});
  }

  SymInt symbol(SymContext& context, const std::string& name, const std::string& input, size_t axis) {
    const auto found = plans_.find(name);
    EXFORMER_ASSERT(found != plans_.end() && !input.empty());
    const SymbolPlan& plan = found->second;
    if (plan.is_static) return plan.size;
    int64_t max = plan.max;
    if (name == "sequence" && facts_.has_absolute_positions) {
      const int64_t rows = facts_.max_position_embeddings;
      const bool contradicts = plan.max != kUnbounded && plan.max > rows;
      if (contradicts && contradiction_ == Contradiction::RuntimeCheck) {
        const SymInt length = context.symbol({.name = plan.name, .min = plan.min, .max = plan.max, .hint = plan.size});
        if (!has_position_check_) {
          checks_.push_back(
              {at_least(rows, length), fmt::format("the dim '{}' may be at most {}: "
                                                   "embeddings.position_embeddings > aten.embedding has a "
                                                   "row per position (max_position_embeddings)",
                                                   plan.name, rows)});
        }
        has_position_check_ = true;
        return length;
      }
      if (contradicts) {
        fail(
            "axis {} of '{}': the dim '{}' allows up to {}, the position embeddings of the model {} "
            "(embeddings.position_embeddings > aten.embedding, max_position_embeddings)",
            axis, input, plan.name, plan.max, rows);
      }
      max = std::min(max, rows);
      if (plan.size > max)
        fail("axis {} of '{}' is {}, the model's position embeddings allow {} (max_position_embeddings)", axis, input,
             plan.size, max);
    }
    return context.symbol({.name = plan.name, .min = plan.min, .max = max, .hint = plan.size});
  }

  /// The size as the user named it, with the check that ties it to the model's.
  SymInt requested_size(SymContext& context, size_t input, size_t axis, const SymInt& model_size) {
    const auto found = apart_.find({input, axis});
    if (found == apart_.end()) return model_size;
    const Dim& dim = found->second;
    const SymInt size = context.symbol(
        {.name = dim.name, .min = std::max<int64_t>(dim.min, 1), .max = dim.max, .hint = sample_size(input, axis)});
    const std::string& reason = axes_[input][axis].reason;
    checks_.push_back({is_equal(size, model_size),
                       fmt::format("the dim '{}' (axis {} of '{}') must be {}{}{}", dim.name, axis,
                                   inputs_[input].first, to_string(model_size), reason.empty() ? "" : ": ", reason)});
    return size;
  }

  SymInt size_of(SymContext& context, size_t input, size_t axis) {
    const Axis& contract = axes_[input][axis];
    const std::string& name = inputs_[input].first;
    const int64_t size = sample_size(input, axis);
    if (contract.symbol.empty() || is_broadcast(input, axis)) return size;
    if (contract.addend.empty()) return symbol(context, contract.symbol, name, axis);
    const int64_t expected = plans_.at(contract.symbol).size + plans_.at(contract.addend).size;
    if (size != expected) {
      fail("axis {} of '{}' is {}, expected {} ({} + {})", axis, name, size, expected, contract.symbol,
           contract.addend);
    }
    return symbol(context, contract.symbol, name, axis) + symbol(context, contract.addend, name, axis);
  }

  const NamedTensors& inputs_;
  const ModelFacts& facts_;
  bool dynamic_;
  const std::optional<DynamicShapes>& shapes_;
  std::vector<std::vector<Axis>> axes_;
  std::map<std::string, SymbolPlan> plans_;
  Contradiction contradiction_;
  std::map<std::pair<size_t, size_t>, Dim> apart_;  // dims that are the model's size only when a run's check passes
  std::vector<DeferredCheck> checks_;
  bool has_position_check_ = false;
  std::vector<Specialization> specializations_;
};

Dim parse_dim(const Json& value, const std::string& where) {
  if (value.is_null()) return Dim::STATIC;
  if (value.is_string()) {
    const auto name = value.get<std::string>();
    if (name == "auto" || name == "AUTO" || name == "Dim.AUTO") return Dim::AUTO;
    if (name == "static" || name == "STATIC" || name == "Dim.STATIC") return Dim::STATIC;
    return {.name = name};
  }
  if (!value.is_object() || !value.contains("name") || !value["name"].is_string()) {
    fail("dynamic_shapes: {} must be a name, \"auto\", \"static\" or {{\"name\", \"min\", \"max\"}}", where);
  }
  Dim dim{.name = value["name"].get<std::string>()};
  for (const auto& [key, item] : value.items()) {
    if (key == "name" || item.is_null()) continue;
    if ((key != "min" && key != "max") || !item.is_number_integer() || item.get<int64_t>() < 0)
      fail("dynamic_shapes: {}: '{}' is not understood", where, key);
    (key == "min" ? dim.min : dim.max) = item.get<int64_t>();
  }
  if (dim.min > dim.max) fail("dynamic_shapes: {}: min {} is above max {}", where, dim.min, dim.max);
  return dim;
}

}  // namespace

DynamicShapes parse_dynamic_shapes(const Json& value) {
  if (!value.is_object()) fail("dynamic_shapes must be an object from input names to dims");
  DynamicShapes shapes;
  for (const auto& [input, dims] : value.items()) {
    auto& axes = shapes[input_name(input)];
    if (dims.is_null()) continue;
    if (dims.is_array()) {
      for (size_t i = 0; i < dims.size(); ++i)
        axes[static_cast<int64_t>(i)] = parse_dim(dims[i], fmt::format("axis {} of '{}'", i, input));
      continue;
    }
    if (!dims.is_object()) fail("dynamic_shapes: '{}' must map axes to dims", input);
    for (const auto& [key, dim] : dims.items()) {
      const bool negative = key.starts_with("-");
      const std::string digits = negative ? key.substr(1) : key;
      if (digits.empty() || digits.size() > 2 ||
          !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; })) {
        fail("dynamic_shapes: '{}' has the axis '{}', which is not a number", input, key);
      }
      axes[negative ? -std::stoll(digits) : std::stoll(digits)] =
          parse_dim(dim, fmt::format("axis {} of '{}'", key, input));
    }
  }
  return shapes;
}

ResolvedShapes resolve_shapes(SymContext& context, const NamedTensors& inputs, Task task, const ModelFacts& facts,
                              bool dynamic, const std::optional<DynamicShapes>& shapes, Contradiction contradiction) {
  return Resolver(inputs, task, facts, dynamic, shapes, contradiction).run(context);
}

}  // namespace exformer
