#include "exformer/trace/constant_value.h"

#include <unordered_map>

#include "exformer/ops/builder.h"

namespace exformer {
namespace {

constexpr int64_t kLargestConstant = 1 << 16;  // elements; what a shape depends on is far smaller

class Evaluation {
 public:
  explicit Evaluation(const OpRegistry& ops) : ops_(ops) {}

  /// Undefined when the value is not constant.
  HostTensor evaluate(const Value* value) {
    const auto known = values_.find(value);
    if (known != values_.end()) return known->second;
    values_.emplace(value, HostTensor());
    const Node* node = value->producer();
    if (!node || !is_small(*value)) return {};
    const Op& op = ops_.get(*node);
    if (!op.kernel || has_tag(op.tags, Tag::Random)) return {};
    std::vector<BasicArgument<HostTensor>> arguments;
    for (const Argument& argument : node->arguments()) {
      if (!is_constant(argument)) return {};
      bool known_inputs = true;
      arguments.push_back(map_tensors<HostTensor>(argument, [&](const Value* input) {
        if (!input) return HostTensor();
        HostTensor tensor = evaluate(input);
        known_inputs = known_inputs && tensor.defined();
        return tensor;
      }));
      if (!known_inputs) return {};
    }
    const std::vector<HostTensor> results = run_kernel(op, arguments);
    for (size_t i = 0; i < results.size(); ++i) values_[node->output(i)] = results[i];
    return values_[value];
  }

 private:
  static bool is_small(const Value& value) {
    const SymInt count = element_count(value.meta.sizes);
    return value.kind == ValueKind::Tensor && count.is_constant() && count.value() <= kLargestConstant;
  }
  static bool is_constant(const Argument& argument) {
    if (const auto* number = argument.get_if<SymInt>()) return number->is_constant();
    if (const auto* numbers = argument.get_if<std::vector<SymInt>>()) {
      for (const SymInt& number : *numbers) {
        if (!number.is_constant()) return false;
      }
    }
    return true;
  }

  const OpRegistry& ops_;
  std::unordered_map<const Value*, HostTensor> values_;
};

}  // namespace

std::optional<HostTensor> constant_value(const OpRegistry& ops, const Value* value) {
  const HostTensor result = Evaluation(ops).evaluate(value);
  return result.defined() ? std::optional(result) : std::nullopt;
}

}  // namespace exformer
