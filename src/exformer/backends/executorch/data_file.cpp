// Writes weights to a data file (.ptd) of their own.
#include <flatbuffers/flatbuffers.h>

#include <map>
#include <set>

#include "data_file_generated.h"
#include "exformer/backends/executorch/executorch.h"
#include "exformer/backends/executorch/pte_format.h"
#include "exformer/backends/executorch/scalar_types.h"
#include "exformer/backends/executorch/segments.h"

namespace exformer {
namespace executorch {
namespace {

class DataTableWriter {
 public:
  DataTableWriter(const ExecutorchProgram& program, const SegmentLayout& layout) : program_(program), layout_(layout) {}

  flatbuffers::DetachedBuffer build() {
    std::set<std::string> named;
    for (const ProgramValue& value : program_.values()) {
      const auto* tensor = std::get_if<TensorValue>(&value);
      if (!tensor || !tensor->constant) continue;
      const std::string key = external_key(program_, *tensor);
      if (!named.insert(key).second) continue;
      const size_t constant = *tensor->constant;
      const Segment segment{layout_.constant_offsets[constant], program_.constants[constant].byte_size()};
      add(key, segment, layout_of(*tensor));
    }
    for (const auto& [key, segment] : layout_.named) add(key, layout_.segments[segment], 0);
    const auto segments = builder_.CreateVector(segments_);
    const auto entries = builder_.CreateVector(entries_);
    builder_.Finish(data_fb::CreateFlatTensor(builder_, 1, segments, entries), data_fb::FlatTensorIdentifier());
    return builder_.Release();
  }

 private:
  void add(const std::string& key, const Segment& segment, flatbuffers::Offset<data_fb::TensorLayout> layout) {
    const auto [entry, is_new] =
        indices_.try_emplace({segment.offset, segment.size}, static_cast<uint32_t>(indices_.size()));
    if (is_new) segments_.push_back(data_fb::CreateDataSegment(builder_, segment.offset, segment.size));
    entries_.push_back(data_fb::CreateNamedDataDirect(builder_, key.c_str(), entry->second, layout));
  }

  flatbuffers::Offset<data_fb::TensorLayout> layout_of(const TensorValue& tensor) {
    std::vector<int32_t> sizes;
    std::vector<uint8_t> order;
    for (const SymInt& size : tensor.sizes) {
      order.push_back(static_cast<uint8_t>(sizes.size()));
      sizes.push_back(static_cast<int32_t>(size.value()));
    }
    return data_fb::CreateTensorLayoutDirect(builder_, static_cast<data_fb::ScalarType>(scalar_type(tensor.dtype)),
                                             &sizes, &order);
  }

  const ExecutorchProgram& program_;
  const SegmentLayout& layout_;
  flatbuffers::FlatBufferBuilder builder_;
  std::vector<flatbuffers::Offset<data_fb::DataSegment>> segments_;
  std::vector<flatbuffers::Offset<data_fb::NamedData>> entries_;
  std::map<std::pair<uint64_t, uint64_t>, uint32_t> indices_;
};

}  // namespace
}  // namespace executorch

void write_executorch_data(const ExecutorchModel& model, const std::filesystem::path& path) {
  using namespace executorch;
  const SegmentLayout layout = lay_out_segments(model.program, SegmentKinds::Weights);
  const flatbuffers::DetachedBuffer tables = DataTableWriter(model.program, layout).build();
  const Bytes bytes(reinterpret_cast<const std::byte*>(tables.data()), tables.size());
  const uint64_t base = segments_base(bytes, kDataHeaderSize);
  write_with_segments(path, bytes,
                      {.magic = kDataHeaderMagic,
                       .size = kDataHeaderSize,
                       .length = kDataHeaderUsed,
                       .numbers = {kDataHeaderSize, bytes.size(), base, layout.size}},
                      model.program, layout);
}

}  // namespace exformer
