#include "exformer/backends/executorch/reader.h"

#include <algorithm>
#include <cstring>

#include "exformer/backends/executorch/pte_tables.h"
#include "exformer/backends/executorch/scalar_types.h"
#include "exformer/backends/executorch/xnnpack/payload_reader.h"

namespace exformer::executorch {
namespace {

std::string text_of(const flatbuffers::String* text) { return text ? text->str() : std::string(); }

/// The verifier does not look at the alignment of 8-byte elements.
uint64_t number_at(const flatbuffers::Vector<int64_t>& numbers, flatbuffers::uoffset_t index) {
  uint64_t value = 0;
  std::memcpy(&value, numbers.Data() + index * sizeof value, sizeof value);
  return value;
}

class Reader {
 public:
  explicit Reader(const PteTables& tables) : tables_(tables) {}

  PteFile run() {
    PteFile file{.table_bytes = tables_.table_bytes};
    const fb::Program& program = *tables_.program;
    if (!program.execution_plan()) fail("{}: the program has no methods", tables_.source);
    for (const fb::ExecutionPlan* plan : *program.execution_plan()) file.methods.push_back(method(*plan, file));
    read_constants(program, file);
    if (const auto* named = program.named_data()) {
      for (const fb::NamedData* data : *named) {
        const fb::DataSegment* segment = tables_.at(program.segments(), data->segment_index(), "segment");
        file.named_data.emplace_back(text_of(data->key()), segment->size());
      }
    }
    return file;
  }

 private:
  void read_constants(const fb::Program& program, PteFile& file) const {
    if (const auto* constants = program.constant_segment(); constants && constants->offsets()) {
      file.constants = std::max<int64_t>(static_cast<int64_t>(constants->offsets()->size()) - 1, 0);
      if (file.constants > 0)
        file.constant_bytes = tables_.at(program.segments(), constants->segment_index(), "segment")->size();
    } else if (const auto* buffers = program.constant_buffer()) {
      for (const fb::Buffer* buffer : *buffers) {
        if (!buffer->storage() || buffer->storage()->size() == 0) continue;
        ++file.constants;
        file.constant_bytes += buffer->storage()->size();
      }
    }
  }

  PteMethod method(const fb::ExecutionPlan& plan, PteFile& file) const {
    PteMethod method{.name = text_of(plan.name())};
    for (const auto& [indices, values] :
         {std::pair{plan.inputs(), &method.inputs}, {plan.outputs(), &method.outputs}}) {
      if (!indices) continue;
      for (const int32_t index : *indices) values->push_back(value(*tables_.at(plan.values(), index, "value")));
    }
    if (const auto* sizes = plan.non_const_buffer_sizes()) {
      for (flatbuffers::uoffset_t i = 1; i < sizes->size(); ++i) method.arenas.push_back(number_at(*sizes, i));
    }
    read_delegates(plan, method, file);
    if (const auto* chains = plan.chains()) {
      for (const fb::Chain* chain : *chains) read_chain(plan, *chain, method);
    }
    if (plan.values()) {
      for (const fb::EValue* each : *plan.values()) {
        const fb::Tensor* tensor = each->val_as_Tensor();
        const fb::ExtraTensorInfo* extra = tensor ? tensor->extra_tensor_info() : nullptr;
        if (extra && extra->location() == fb::TensorDataLocation_EXTERNAL)
          file.external.push_back(text_of(extra->fully_qualified_name()));
      }
    }
    return method;
  }

  void read_delegates(const fb::ExecutionPlan& plan, PteMethod& method, PteFile& file) const {
    if (!plan.delegates()) return;
    for (const fb::BackendDelegate* delegate : *plan.delegates()) {
      PteDelegate entry{.id = text_of(delegate->id())};
      if (const auto* place = delegate->processed()) {
        if (place->location() == fb::DataLocation_SEGMENT) {
          const fb::DataSegment* segment = tables_.at(tables_.program->segments(), place->index(), "segment");
          entry.payload_bytes = segment->size();
          if (entry.id == "XnnpackBackend")
            entry.nodes = xnnpack::count_payload_nodes(tables_.segments.subspan(segment->offset(), segment->size()));
        } else {
          const auto* data = tables_.at(tables_.program->backend_delegate_data(), place->index(), "payload")->data();
          entry.payload_bytes = data ? data->size() : 0;
        }
      }
      file.payload_bytes += entry.payload_bytes;
      method.delegates.push_back(std::move(entry));
    }
  }

  void read_chain(const fb::ExecutionPlan& plan, const fb::Chain& chain, PteMethod& method) const {
    if (!chain.instructions()) return;
    for (const fb::Instruction* instruction : *chain.instructions()) {
      ++method.instructions;
      if (const auto* call = instruction->instr_args_as_KernelCall()) {
        const fb::Operator* op = tables_.at(plan.operators(), call->op_index(), "operator");
        const std::string overload = text_of(op->overload());
        ++method.operators[text_of(op->name()) + (overload.empty() ? "" : "." + overload)];
      } else if (const auto* delegate = instruction->instr_args_as_DelegateCall()) {
        tables_.at(plan.delegates(), delegate->delegate_index(), "delegate");
        ++method.delegates[static_cast<size_t>(delegate->delegate_index())].calls;
      }
    }
  }

  static PteValue value(const fb::EValue& value) {
    const fb::Tensor* tensor = value.val_as_Tensor();
    if (!tensor) return {.kind = fb::EnumNameKernelTypes(value.val_type())};
    PteValue result{.dtype = dtype_of_scalar_type(static_cast<int>(tensor->scalar_type())),
                    .is_dynamic = tensor->shape_dynamism() != fb::TensorShapeDynamism_STATIC};
    if (tensor->sizes()) result.sizes.assign(tensor->sizes()->begin(), tensor->sizes()->end());
    return result;
  }

  const PteTables& tables_;
};

}  // namespace

PteFile read_pte(Bytes bytes, const std::string& source) { return Reader(PteTables::open(bytes, source)).run(); }

}  // namespace exformer::executorch
