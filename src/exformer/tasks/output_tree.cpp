#include "exformer/tasks/output_tree.h"

#include <algorithm>

namespace exformer {
namespace {

/// One cache layer in the context of transformers' cache pytree (exporter_dynamo.py, _flatten_to_context): the object's
/// attributes in the order of vars().
struct CacheLayerContext {
  std::optional<int64_t> sliding_window;
  int64_t cumulative_length = 0;
};

TreeSpec cache_spec(const std::vector<CacheLayerContext>& layers, DType dtype) {
  const auto tensor = [](uint64_t index) { return Json{{"_t", "tensor"}, {"i", index}}; };
  Json layer_list = Json::array();
  uint64_t leaf = 0;
  for (const CacheLayerContext& layer : layers) {
    Json state;
    state["keys"] = tensor(leaf++);
    state["values"] = tensor(leaf++);
    state["is_initialized"] = true;
    if (layer.sliding_window) {
      state["sliding_window"] = *layer.sliding_window;
      state["cumulative_length"] = layer.cumulative_length;
      state["_sliding_window_tensor"] = tensor(leaf++);
      state["record_past"] = false;
    }
    state["dtype"] = {{"_t", "dtype"}, {"n", dtype_name(dtype)}};
    state["device"] = {{"_t", "device"}, {"s", "cpu"}};
    const char* type = layer.sliding_window ? "transformers.cache_utils:DynamicSlidingWindowLayer"
                                            : "transformers.cache_utils:DynamicLayer";
    layer_list.push_back({{"_t", "obj"}, {"p", type}, {"s", std::move(state)}});
  }
  Json cache_state;
  cache_state["layers"] = std::move(layer_list);
  cache_state["layer_class_to_replicate"] = nullptr;
  cache_state["offloading"] = false;
  Json context{{"_t", "obj"}, {"p", "transformers.cache_utils:DynamicCache"}, {"s", std::move(cache_state)}};
  return TreeSpec::custom("transformers.cache_utils:DynamicCache", std::move(context),
                          std::vector<TreeSpec>(leaf, TreeSpec::leaf()));
}

class Flattener {
 public:
  Flattener(Tracer& tracer, DType dtype) : tracer_(tracer), dtype_(dtype) {}

  TreeSpec field(const OutputField& value) {
    if (const auto* tensor = std::get_if<Tensor>(&value)) return leaf(*tensor);
    if (const auto* tensors = std::get_if<std::vector<Tensor>>(&value)) {
      std::vector<TreeSpec> children;
      for (const Tensor& tensor : *tensors) children.push_back(leaf(tensor));
      return TreeSpec::tuple(std::move(children));
    }
    const Cache& cache = std::get<Cache>(value);
    std::vector<CacheLayerContext> layers;
    for (const CacheLayer& layer : cache.layers) {
      layers.push_back({layer.sliding_window, 0});
      leaf(layer.keys);
      leaf(layer.values);
      if (layer.sliding_window) leaf(tracer_.full({}, static_cast<double>(*layer.sliding_window), DType::Int64));
    }
    return cache_spec(layers, dtype_);
  }

  std::vector<Tensor> leaves;

 private:
  TreeSpec leaf(const Tensor& tensor) {
    leaves.push_back(tensor);
    return TreeSpec::leaf();
  }
  Tracer& tracer_;
  DType dtype_;
};

}  // namespace

OutputTree flatten_output(Tracer& tracer, const ModelOutput& output, bool return_dict, DType dtype) {
  Flattener flattener(tracer, dtype);
  std::vector<std::string> names;
  std::vector<TreeSpec> children;
  for (const auto& [name, value] : output.fields) {
    names.push_back(name);
    children.push_back(flattener.field(value));
  }
  TreeSpec spec = return_dict ? TreeSpec::model_output(output.type, names, std::move(children))
                              : TreeSpec::tuple(std::move(children));
  return {std::move(spec), std::move(flattener.leaves)};
}

std::vector<std::string> kwarg_names(const NamedTensors& inputs) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : inputs) {
    const std::string kwarg = parse_cache_leaf(name) ? "past_key_values" : name;
    if (std::find(names.begin(), names.end(), kwarg) == names.end()) names.push_back(kwarg);
  }
  return names;
}

TreeSpec input_spec(const NamedTensors& inputs, const ModelFacts& facts, DType dtype) {
  std::vector<CacheLayerContext> layers;
  for (const auto& [name, tensor] : inputs) {
    const auto leaf = parse_cache_leaf(name);
    if (leaf && leaf->field == "keys") layers.push_back({facts.layer_windows[leaf->layer], tensor.size(2)});
  }
  const std::vector<std::string> names = kwarg_names(inputs);
  std::vector<TreeSpec> children;
  for (const std::string& name : names)
    children.push_back(name == "past_key_values" ? cache_spec(layers, dtype) : TreeSpec::leaf());
  return TreeSpec::tuple({TreeSpec::tuple({}), TreeSpec::dict(names, std::move(children))});
}

}  // namespace exformer
