#include "exformer/backends/executorch/lowering.h"

#include <algorithm>

#include "exformer/backends/executorch/kernels.h"
#include "exformer/backends/executorch/scalar_types.h"
#include "exformer/base/error.h"
#include "exformer/ops/registry.h"

namespace exformer::executorch {
namespace {

bool all_constant(const Sizes& sizes) {
  return std::all_of(sizes.begin(), sizes.end(), [](const SymInt& size) { return size.is_constant(); });
}

ValueId number_argument(Lowering& lowering, const Argument& argument, ArgType type) {
  if (const auto* flag = argument.get_if<bool>()) {
    if (type == ArgType::Float) return lowering.program.real(*flag ? 1.0 : 0.0);
    return type == ArgType::Int || type == ArgType::SymInt ? lowering.program.integer(*flag ? 1 : 0)
                                                           : lowering.program.boolean(*flag);
  }
  if (const auto* real = argument.get_if<double>()) return lowering.program.real(*real);
  const SymInt& integer = argument.as<SymInt>();
  if (type == ArgType::Float) {
    if (!integer.is_constant()) unsupported("a symbolic size as a floating argument");
    return lowering.program.real(static_cast<double>(integer.value()));
  }
  if (type == ArgType::Bool) return lowering.program.boolean(integer.value() != 0);
  return lowering.sizes.integer(integer);
}

bool has_argument(const OpSchema& schema, std::string_view name) {
  return std::any_of(schema.arguments.begin(), schema.arguments.end(),
                     [&](const SchemaArgument& argument) { return argument.name == name; });
}

}  // namespace

ValueId Lowering::get(const Value* value) const {
  const auto found = values_.find(value);
  EXFORMER_ASSERT(found != values_.end());
  return found->second;
}

ValueId Lowering::argument(const Argument& given, const SchemaArgument& type) {
  if (given.is_none()) return program.none();
  if (given.is_tensor()) {
    Value* value = given.as<Value*>();
    return value ? get(value) : program.none();
  }
  if (const auto* tensors = given.get_if<std::vector<Value*>>()) {
    TensorList list;
    for (Value* value : *tensors) {
      list.items.push_back(value ? get(value) : kNone);
      list.has_absent = list.has_absent || !value;
    }
    list.has_absent = list.has_absent || type.type == ArgType::OptionalTensorList;
    return program.add(std::move(list));
  }
  if (const auto* values = given.get_if<std::vector<SymInt>>()) {
    if (type.type == ArgType::FloatList) {
      std::vector<double> reals;
      for (const SymInt& value : *values) reals.push_back(static_cast<double>(value.value()));
      return program.add(std::move(reals));
    }
    Sizes items = *values;
    if (type.fixed_length > 1 && items.size() == 1) items.resize(static_cast<size_t>(type.fixed_length), items.front());
    return sizes.list(items);
  }
  if (const auto* values = given.get_if<std::vector<double>>()) return program.add(*values);
  if (const auto* values = given.get_if<std::vector<bool>>()) return program.add(*values);
  if (const auto* text = given.get_if<std::string>()) return program.string(*text);
  if (const auto* dtype = given.get_if<DType>()) return program.integer(scalar_type(*dtype));
  if (const auto* format = given.get_if<MemoryFormat>()) return program.integer(memory_format_number(*format));
  if (given.is<Device>() || given.is<Layout>()) return program.integer(0);
  if (type.type == ArgType::IntList || type.type == ArgType::SymIntList) {
    const auto length = static_cast<size_t>(std::max<int64_t>(type.fixed_length, 1));
    return sizes.list(Sizes(length, given.as<SymInt>()));
  }
  return number_argument(*this, given, type.type);
}

void Lowering::call_operator(std::string_view name, std::vector<ValueId> arguments, std::vector<ValueId> writes) {
  for (const ValueId id : writes) {
    if (program.tensor(id).name.empty()) program.tensor(id).name = name;
  }
  program.instructions.push_back({.target = program.operator_index(name),
                                  .arguments = std::move(arguments),
                                  .writes = std::move(writes),
                                  .module_path = module_path});
}

std::vector<ValueId> Lowering::call(std::string_view op, std::vector<ValueId> inputs, std::vector<TensorMeta> results) {
  const OpSchema* kernel = KernelTable::standard().find(op);
  EXFORMER_ASSERT(kernel != nullptr && inputs.size() + results.size() == kernel->arguments.size());
  std::vector<ValueId> arguments = std::move(inputs), outputs;
  for (TensorMeta& meta : results) outputs.push_back(program.add_tensor(meta.dtype, std::move(meta.sizes)));
  arguments.insert(arguments.end(), outputs.begin(), outputs.end());
  // What the kernel returns: the result itself, or a list of all.
  arguments.push_back(outputs.size() == 1 ? outputs.front() : program.add(TensorList{outputs}));
  call_operator(kernel->name, std::move(arguments), outputs);
  const Op* record = OpRegistry::standard().find(op);
  program.instructions.back().is_elementwise =
      (record && has_tag(record->tags, Tag::Pointwise)) || op == "aten::_softmax";
  return outputs;
}

ValueId Lowering::call_one(std::string_view op, std::vector<ValueId> inputs, DType dtype, Sizes result) {
  return call(op, std::move(inputs), {TensorMeta{dtype, std::move(result), {}}}).front();
}

ValueId Lowering::view(ValueId value, const Sizes& target) {
  if (tensor(value).sizes == target) return value;
  const ValueId result = program.add_tensor(tensor(value).dtype, target);
  const ValueId root = program.storage_of(value);
  const bool is_input = std::find(program.inputs.begin(), program.inputs.end(), root) != program.inputs.end();
  program.tensor(result).view_of = value;
  program.tensor(result).name = tensor(value).name;
  // Static sizes over planned memory need no call: the view's place is known.
  if (all_constant(target) && all_constant(tensor(root).sizes) && (!is_input || inputs_are_planned)) {
    if (!tensor(root).is_state) program.tensor(result).constant = tensor(root).constant;
    program.tensor(result).is_static_view = true;
    return result;
  }
  call_operator("executorch_prim::et_view.default", {value, sizes.list(target), result}, {result});
  return result;
}

ValueId Lowering::permute(ValueId value, const std::vector<int64_t>& dims) {
  const Sizes from = tensor(value).sizes;
  Sizes target;
  int64_t last = -1;
  bool moves = false;  // whether any dim that is not 1 changes its turn
  for (const int64_t dim : dims) {
    target.push_back(from[static_cast<size_t>(dim)]);
    if (target.back() == SymInt(1)) continue;
    moves = moves || dim < last;
    last = std::max(last, dim);
  }
  if (!moves) return view(value, target);
  return call_one("aten::permute", {value, sizes.list(Sizes(dims.begin(), dims.end()))}, tensor(value).dtype, target);
}

ValueId Lowering::expand(ValueId value, const Sizes& target) {
  const Sizes from = tensor(value).sizes;
  if (from == target) return value;
  bool grows = false;
  const size_t offset = target.size() - from.size();
  for (size_t i = 0; i < target.size(); ++i) {
    const SymInt own = i < offset ? SymInt(1) : from[i - offset];
    grows = grows || !known_equal(own, target[i]);
  }
  if (!grows) return view(value, target);
  return call_one("aten::expand", {value, sizes.list(target), program.boolean(false)}, tensor(value).dtype, target);
}

ValueId Lowering::cast(ValueId value, DType dtype) {
  const TensorValue& from = tensor(value);
  if (from.dtype == dtype) return value;
  Sizes order;
  for (size_t i = 0; i < from.sizes.size(); ++i) order.emplace_back(static_cast<int64_t>(i));
  const ValueId result = program.add_tensor(dtype, from.sizes);
  call_operator("dim_order_ops::_to_dim_order_copy.out",
                {value, program.boolean(false), sizes.list(order), result, result}, {result});
  return result;
}

ValueId Lowering::copy(ValueId value) {
  const ValueId result = program.add_tensor(tensor(value).dtype, tensor(value).sizes);
  Sizes order;
  for (size_t i = 0; i < tensor(value).sizes.size(); ++i) order.emplace_back(static_cast<int64_t>(i));
  call_operator("dim_order_ops::_clone_dim_order.out",
                {value, program.boolean(false), sizes.list(order), result, result}, {result});
  return result;
}

ValueId Lowering::full(const Sizes& target, const Scalar& fill, DType dtype) {
  ValueId number = kNone;
  switch (fill.kind) {
    case Scalar::Kind::Float: number = program.real(fill.real); break;
    case Scalar::Kind::Bool: number = program.boolean(fill.integer.value() != 0); break;
    default: number = sizes.integer(fill.integer);
  }
  return call_one("aten::full", {sizes.list(target), number}, dtype, target);
}

int64_t LowerCall::dim(std::string_view name) const {
  const int64_t rank = std::max<int64_t>(self_meta().rank(), 1), given = args.integer(name);
  return given < 0 ? given + rank : given;
}

const LoweringTable& LoweringTable::standard() {
  static const LoweringTable kTable = [] {
    LoweringTable table;
    add_view_lowerings(table);
    add_copy_lowerings(table);
    add_creation_lowerings(table);
    add_recurrence_lowerings(table);
    return table;
  }();
  return kTable;
}

LowerFunction LoweringTable::find(const std::string& op) const {
  const auto found = functions_.find(op);
  return found == functions_.end() ? nullptr : found->second;
}

void check_kernel_takes(const Node& node) {
  const ValueArgs args(node.schema(), node.arguments());
  if (node.is("aten::convolution") && args.tensor("input")->meta.rank() > 4)
    unsupported("the runtime has no convolution over 3 dims");
  if (node.is("aten::logit") && item_size(args.tensor("self")->meta.dtype) < 4)
    unsupported("the runtime's kernel takes float32");
}

Results lower_by_kernel(const LowerCall& call, const OpSchema& kernel) {
  check_kernel_takes(call.node);
  Lowering& lowering = call.lowering;
  const Op* op = OpRegistry::standard().find(call.node.op());
  // Kernels that reduce a dim want one: a 0-d tensor is reduced as one of a single element.
  const bool lends_dim = op && has_tag(op->tags, Tag::Reduction) && has_argument(kernel, "keepdim") &&
                         call.node.arguments().front().is_tensor() && call.self_meta().rank() == 0;
  std::vector<ValueId> inputs;
  for (const SchemaArgument& argument : kernel.arguments) {
    if (argument.mutated) continue;
    if (lends_dim && argument.name == "self") {
      inputs.push_back(lowering.view(call.self(), {SymInt(1)}));
      continue;
    }
    if (lends_dim && (argument.name == "dim" || argument.name == "keepdim")) {
      inputs.push_back(lowering.argument(argument.name == "dim" ? Argument(SymInt(0)) : Argument(false), argument));
      continue;
    }
    const auto& own = call.node.schema().arguments;
    const auto found =
        std::find_if(own.begin(), own.end(), [&](const SchemaArgument& each) { return each.name == argument.name; });
    if (found != own.end()) {
      inputs.push_back(lowering.argument(call.node.arguments()[static_cast<size_t>(found - own.begin())], argument));
    } else {
      const auto none = [](std::nullptr_t) -> Value* { return nullptr; };
      inputs.push_back(lowering.argument(map_tensors<Value*>(argument.default_value, none), argument));
    }
  }
  std::vector<TensorMeta> results;
  for (const Value* output : call.node.outputs()) results.push_back(output->meta);
  return lowering.call(call.node.op(), std::move(inputs), std::move(results));
}

bool can_lower(const Node& node) {
  if (node.is("aten::linear")) {
    const ValueArgs args(node.schema(), node.arguments());
    Value* const* bias = args.optional_tensor("bias");
    return args.tensor("input")->meta.rank() >= 2 && args.tensor("weight")->meta.rank() == 2 &&
           (!bias || (*bias)->meta.rank() == 1);
  }
  return LoweringTable::standard().find(node.op()) || KernelTable::standard().find(node.op());
}

}  // namespace exformer::executorch
