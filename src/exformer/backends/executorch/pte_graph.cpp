// The data flow of a `.pte` as a graph of opaque nodes: what a drawing shows.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <unordered_map>

#include "exformer/backends/executorch/pte_tables.h"
#include "exformer/backends/executorch/reader.h"
#include "exformer/backends/executorch/scalar_types.h"

namespace exformer::executorch {
namespace {

constexpr size_t kMostBoxes = 60;

/// Nodes hold their schemas by address: both live together.
struct OwnedProgram {
  std::deque<OpSchema> schemas;
  ExportedProgram program;
};

class GraphMaker {
 public:
  GraphMaker(const PteTables& tables, const fb::ExecutionPlan& plan, OwnedProgram& target)
      : tables_(tables), plan_(plan), target_(target) {}

  void run() {
    add_inputs();
    std::vector<const fb::Instruction*> instructions;
    if (plan_.chains()) {
      for (const fb::Chain* chain : *plan_.chains()) {
        if (!chain->instructions()) continue;
        instructions.insert(instructions.end(), chain->instructions()->begin(), chain->instructions()->end());
      }
    }
    const size_t per_box = (instructions.size() + kMostBoxes - 1) / kMostBoxes;
    for (size_t i = 0; i < instructions.size(); ++i) {
      const size_t first = per_box > 1 ? i / per_box * per_box : i;
      const size_t last = std::min(first + std::max<size_t>(per_box, 1), instructions.size()) - 1;
      add(*instructions[i], per_box > 1 ? fmt::format("instructions {} to {}", first, last) : std::string());
    }
    add_outputs();
  }

 private:
  const fb::EValue& value(int64_t index) const { return *tables_.at(plan_.values(), index, "value"); }

  TensorMeta meta_of(const fb::Tensor& tensor) const {
    std::vector<SymInt> sizes;
    if (tensor.sizes()) sizes.assign(tensor.sizes()->begin(), tensor.sizes()->end());
    for (const SymInt& size : sizes) {
      if (size.value() < 0) fail("{}: a tensor has a negative size", tables_.source);
    }
    const auto dtype = dtype_of_scalar_type(static_cast<int>(tensor.scalar_type()));
    return {dtype.value_or(DType::UInt8), std::move(sizes), {}};
  }

  void add_inputs() {
    if (!plan_.inputs()) return;
    for (flatbuffers::uoffset_t i = 0; i < plan_.inputs()->size(); ++i) {
      const fb::Tensor* tensor = value(plan_.inputs()->Get(i)).val_as_Tensor();
      if (!tensor) continue;
      const std::string name = fmt::format("input_{}", i);
      Value* input = graph().add_input(name, meta_of(*tensor));
      known_[plan_.inputs()->Get(i)] = input;
      target_.program.inputs.push_back({.value = input, .target = name});
    }
  }

  void add_outputs() {
    std::vector<Argument> outputs;
    if (plan_.outputs()) {
      for (flatbuffers::uoffset_t i = 0; i < plan_.outputs()->size(); ++i) {
        const auto found = known_.find(plan_.outputs()->Get(i));
        if (found == known_.end()) continue;
        outputs.emplace_back(found->second);
        target_.program.outputs.push_back({.target = fmt::format("output_{}", i)});
      }
    }
    graph().set_outputs(std::move(outputs));
  }

  void add(const fb::Instruction& instruction, std::string group) {
    std::string name;
    const flatbuffers::Vector<int32_t>* arguments = nullptr;
    if (const auto* call = instruction.instr_args_as_KernelCall()) {
      const fb::Operator* op = tables_.at(plan_.operators(), call->op_index(), "operator");
      name = op->name() ? op->name()->str() : "?";
      arguments = call->args();
    } else if (const auto* delegate = instruction.instr_args_as_DelegateCall()) {
      const fb::BackendDelegate* called = tables_.at(plan_.delegates(), delegate->delegate_index(), "delegate");
      name = called->id() ? called->id()->str() : "?";
      arguments = delegate->args();
    }
    if (!arguments) return;
    inputs_.clear();
    outputs_.clear();
    for (const int32_t argument : *arguments) visit(argument, 0);
    if (outputs_.empty()) return;
    std::vector<OutputMeta> metas;
    for (const int32_t output : outputs_) metas.emplace_back(meta_of(*value(output).val_as_Tensor()));
    Node* node = graph().create_node(schema(name), {Argument(inputs_)}, std::move(metas));
    node->module_path = std::move(group);
    for (size_t i = 0; i < outputs_.size(); ++i) known_[outputs_[i]] = node->output(i);
  }

  /// A tensor that nothing has made yet is made here; constants are left out.
  void visit(int32_t index, int depth) {
    const fb::EValue& argument = value(index);
    if (const fb::Tensor* tensor = argument.val_as_Tensor()) {
      if (const auto found = known_.find(index); found != known_.end()) {
        const bool is_result = std::find(outputs_.begin(), outputs_.end(), index) != outputs_.end();
        if (!is_result) inputs_.push_back(found->second);
      } else if (tensor->data_buffer_idx() == 0 &&
                 std::find(outputs_.begin(), outputs_.end(), index) == outputs_.end()) {
        outputs_.push_back(index);
      }
      return;
    }
    if (depth > 0) return;
    if (const auto* list = argument.val_as_TensorList(); list && list->items()) {
      for (const int32_t item : *list->items()) visit(item, depth + 1);
    }
  }

  const OpSchema& schema(const std::string& name) {
    const auto [entry, is_new] = schemas_.try_emplace(name, nullptr);
    if (is_new) {
      OpSchema schema = parse_schema("x(Tensor[] inputs) -> Tensor[]");
      schema.name = name;
      target_.schemas.push_back(std::move(schema));
      entry->second = &target_.schemas.back();
    }
    return *entry->second;
  }

  Graph& graph() { return *target_.program.graph; }

  const PteTables& tables_;
  const fb::ExecutionPlan& plan_;
  OwnedProgram& target_;
  std::unordered_map<int32_t, Value*> known_;
  std::unordered_map<std::string, const OpSchema*> schemas_;
  std::vector<Value*> inputs_;
  std::vector<int32_t> outputs_;
};

}  // namespace

std::shared_ptr<const ExportedProgram> pte_graph(Bytes bytes, const std::string& source) {
  const PteTables tables = PteTables::open(bytes, source);
  const auto* plans = tables.program->execution_plan();
  if (!plans || plans->size() == 0) return nullptr;
  auto owned = std::make_shared<OwnedProgram>();
  GraphMaker(tables, *plans->Get(0), *owned).run();
  return {owned, &owned->program};
}

}  // namespace exformer::executorch
