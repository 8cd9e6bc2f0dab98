// Serialises an ExecutorchModel: tables by flatbuffers in memory, weights streamed after them.
#include <flatbuffers/flatbuffers.h>

#include "exformer/backends/executorch/executorch.h"
#include "exformer/backends/executorch/pte_format.h"
#include "exformer/backends/executorch/scalar_types.h"
#include "exformer/backends/executorch/segments.h"
#include "exformer/base/error.h"
#include "program_generated.h"

namespace exformer {
namespace executorch {
namespace {

template <class T>
using Offset = flatbuffers::Offset<T>;

class TableWriter {
 public:
  TableWriter(const ExecutorchModel& model, const SegmentLayout& layout)
      : program_(model.program), bounds_(*model.bounds), layout_(layout), is_external_(model.options.external_data) {}

  flatbuffers::DetachedBuffer build() {
    const auto plan = execution_plan();
    const auto plans = builder_.CreateVector(std::vector{plan});
    std::vector<Offset<fb::DataSegment>> segments;
    for (const Segment& segment : layout_.segments)
      segments.push_back(fb::CreateDataSegment(builder_, segment.offset, segment.size));
    std::vector<uint64_t> offsets = {0};  // of no constant
    offsets.insert(offsets.end(), layout_.constant_offsets.begin(), layout_.constant_offsets.end());
    const auto constants = fb::CreateSubsegmentOffsetsDirect(builder_, 0, &offsets);
    // First values of mutable buffers are constants too: one table serves both.
    const auto mutable_segments =
        program_.states.empty()
            ? 0
            : builder_.CreateVector(std::vector{fb::CreateSubsegmentOffsetsDirect(builder_, 0, &offsets)});
    std::vector<Offset<fb::NamedData>> named;
    for (const auto& [key, segment] : layout_.named)
      named.push_back(fb::CreateNamedDataDirect(builder_, key.c_str(), static_cast<uint32_t>(segment)));
    // Empty, but there: ExecuTorch's own tools count them.
    const auto buffers = builder_.CreateVector(std::vector<Offset<fb::Buffer>>());
    const auto payloads = builder_.CreateVector(std::vector<Offset<fb::BackendDelegateInlineData>>());
    const auto segment_table = builder_.CreateVector(segments);
    const auto named_table = named.empty() ? 0 : builder_.CreateVector(named);
    fb::ProgramBuilder root(builder_);
    root.add_version(0);
    root.add_execution_plan(plans);
    root.add_constant_buffer(buffers);
    root.add_backend_delegate_data(payloads);
    root.add_segments(segment_table);
    root.add_constant_segment(constants);
    if (mutable_segments.o != 0) root.add_mutable_data_segments(mutable_segments);
    if (!named.empty()) root.add_named_data(named_table);
    builder_.Finish(root.Finish(), fb::ProgramIdentifier());
    return builder_.Release();
  }

 private:
  Offset<fb::ExecutionPlan> execution_plan() {
    std::vector<Offset<fb::EValue>> values;
    for (const ProgramValue& value : program_.values()) values.push_back(evalue(value));
    std::vector<Offset<fb::Operator>> operators;
    for (const std::string& name : program_.operators()) {
      const size_t dot = name.find('.', name.find("::"));
      const std::string overload = dot == std::string::npos ? "" : name.substr(dot + 1);
      operators.push_back(fb::CreateOperatorDirect(builder_, name.substr(0, dot).c_str(), overload.c_str()));
    }
    std::vector<Offset<fb::Instruction>> instructions;
    for (const Instruction& instruction : program_.instructions) {
      const auto target = static_cast<int32_t>(instruction.target);
      const std::vector<int32_t>& arguments = instruction.arguments;
      if (instruction.kind == Instruction::Kind::JumpIfFalse) {
        const auto jump = fb::CreateJumpFalseCall(builder_, arguments.front(), target);
        instructions.push_back(fb::CreateInstruction(builder_, fb::InstructionArguments_JumpFalseCall, jump.Union()));
        continue;
      }
      const bool is_kernel = instruction.kind == Instruction::Kind::Kernel;
      instructions.push_back(fb::CreateInstruction(
          builder_, is_kernel ? fb::InstructionArguments_KernelCall : fb::InstructionArguments_DelegateCall,
          is_kernel ? fb::CreateKernelCallDirect(builder_, target, &arguments).Union()
                    : fb::CreateDelegateCallDirect(builder_, target, &arguments).Union()));
    }
    std::vector<Offset<fb::BackendDelegate>> delegates;
    for (size_t i = 0; i < program_.delegates.size(); ++i) delegates.push_back(delegate(i));
    const std::vector<int32_t> none;
    const auto chain = fb::CreateChainDirect(builder_, &none, &none, &instructions);
    const std::vector<Offset<fb::Chain>> chains = {chain};
    std::vector<int64_t> buffers = {0};  // the first one stands for constants
    if (program_.arena > 0) buffers.push_back(static_cast<int64_t>(program_.arena));
    const auto container = fb::CreateContainerMetadataDirect(builder_, "", "");
    return fb::CreateExecutionPlanDirect(builder_, "forward", container, &values, &program_.inputs, &program_.outputs,
                                         &chains, &operators, &delegates, &buffers);
  }

  Offset<fb::BackendDelegate> delegate(size_t index) {
    const Delegate& delegate = program_.delegates[index];
    std::vector<Offset<fb::CompileSpec>> specs;
    for (const auto& [key, value] : delegate.compile_specs) {
      const std::vector<uint8_t> bytes(reinterpret_cast<const uint8_t*>(value.data()),
                                       reinterpret_cast<const uint8_t*>(value.data()) + value.size());
      specs.push_back(fb::CreateCompileSpecDirect(builder_, key.c_str(), &bytes));
    }
    const auto payload = fb::CreateBackendDelegateDataReference(builder_, fb::DataLocation_SEGMENT,
                                                                static_cast<uint32_t>(layout_.payloads[index]));
    return fb::CreateBackendDelegateDirect(builder_, delegate.id.c_str(), payload, &specs);
  }

  Offset<fb::EValue> evalue(const ProgramValue& value) {
    const auto done = [&](fb::KernelTypes type, auto table) { return fb::CreateEValue(builder_, type, table.Union()); };
    if (const auto* integer = std::get_if<int64_t>(&value))
      return done(fb::KernelTypes_Int, fb::CreateInt(builder_, *integer));
    if (const auto* flag = std::get_if<bool>(&value))
      return done(fb::KernelTypes_Bool, fb::CreateBool(builder_, *flag));
    if (const auto* real = std::get_if<double>(&value))
      return done(fb::KernelTypes_Double, fb::CreateDouble(builder_, *real));
    if (const auto* text = std::get_if<std::string>(&value))
      return done(fb::KernelTypes_String, fb::CreateStringDirect(builder_, text->c_str()));
    if (const auto* list = std::get_if<IntList>(&value)) {
      const std::vector<int64_t> items(list->items.begin(), list->items.end());
      return done(fb::KernelTypes_IntList, fb::CreateIntListDirect(builder_, &items));
    }
    if (const auto* list = std::get_if<std::vector<double>>(&value))
      return done(fb::KernelTypes_DoubleList, fb::CreateDoubleListDirect(builder_, list));
    if (const auto* list = std::get_if<std::vector<bool>>(&value)) {
      const std::vector<uint8_t> items(list->begin(), list->end());
      return done(fb::KernelTypes_BoolList, fb::CreateBoolListDirect(builder_, &items));
    }
    if (const auto* list = std::get_if<TensorList>(&value)) {
      return list->has_absent
                 ? done(fb::KernelTypes_OptionalTensorList, fb::CreateOptionalTensorListDirect(builder_, &list->items))
                 : done(fb::KernelTypes_TensorList, fb::CreateTensorListDirect(builder_, &list->items));
    }
    if (const auto* tensor = std::get_if<TensorValue>(&value)) return done(fb::KernelTypes_Tensor, write(*tensor));
    return done(fb::KernelTypes_Null, fb::CreateNull(builder_));
  }

  Offset<fb::Tensor> write(const TensorValue& tensor) {
    std::vector<int32_t> sizes;
    std::vector<uint8_t> order;
    bool is_dynamic = tensor.grows;
    for (const SymInt& size : tensor.sizes) {
      const int64_t bound = bounds_.of(size);
      if (bound > std::numeric_limits<int32_t>::max()) unsupported("a dim of {} elements", bound);
      order.push_back(static_cast<uint8_t>(sizes.size()));
      sizes.push_back(static_cast<int32_t>(bound));
      is_dynamic = is_dynamic || !size.is_constant();
    }
    const auto place = tensor.place;
    const auto allocation = place ? fb::CreateAllocationDetails(builder_, 1, static_cast<uint32_t>(place->offset),
                                                                static_cast<uint32_t>(place->offset >> 32))
                                  : 0;
    const bool is_external = tensor.constant && is_external_;
    const uint32_t constant = tensor.constant && !is_external ? static_cast<uint32_t>(*tensor.constant + 1) : 0;
    const auto extra = is_external
                           ? fb::CreateExtraTensorInfoDirect(builder_, 0, external_key(program_, tensor).c_str(),
                                                             fb::TensorDataLocation_EXTERNAL)
                           : 0;
    return fb::CreateTensorDirect(
        builder_, static_cast<fb::ScalarType>(scalar_type(tensor.dtype)), 0, &sizes, &order, false, constant,
        allocation, 0, is_dynamic ? fb::TensorShapeDynamism_DYNAMIC_BOUND : fb::TensorShapeDynamism_STATIC, extra);
  }

  const ExecutorchProgram& program_;
  const UpperBounds& bounds_;
  const SegmentLayout& layout_;
  const bool is_external_;
  flatbuffers::FlatBufferBuilder builder_{size_t{1} << 16};
};

}  // namespace
}  // namespace executorch

void write_executorch(const ExecutorchModel& model, const std::filesystem::path& path) {
  using namespace executorch;
  const bool is_external = model.options.external_data;
  const SegmentLayout layout =
      lay_out_segments(model.program, is_external ? SegmentKinds::Payloads : SegmentKinds::All);
  const flatbuffers::DetachedBuffer tables = TableWriter(model, layout).build();
  const Bytes bytes(reinterpret_cast<const std::byte*>(tables.data()), tables.size());
  const uint64_t base = segments_base(bytes, kHeaderSize);
  write_with_segments(path, bytes,
                      {.magic = kHeaderMagic,
                       .size = kHeaderSize,
                       .length = kHeaderSize,
                       .numbers = {bytes.size() + kHeaderSize, base, layout.size}},
                      model.program, layout);
}

}  // namespace exformer
