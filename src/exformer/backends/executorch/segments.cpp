#include "exformer/backends/executorch/segments.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "exformer/backends/executorch/pte_format.h"
#include "exformer/base/error.h"
#include "exformer/symbolic/printers.h"

namespace exformer::executorch {

std::string external_key(const ExecutorchProgram& program, const TensorValue& constant) {
  const std::string& name = program.constant_names[*constant.constant];
  const std::vector<int64_t>& sizes = program.constants[*constant.constant].sizes();
  if (constant.sizes == Sizes(sizes.begin(), sizes.end())) return name;
  return name + " " + to_string(constant.sizes);
}

SegmentLayout lay_out_segments(const ExecutorchProgram& program, SegmentKinds kinds) {
  SegmentLayout layout{.kinds = kinds};
  std::unordered_map<std::string, Segment> stored;  // by storage key
  std::unordered_map<std::string, size_t> keys;
  uint64_t end = 0;
  const auto place = [&](uint64_t size, uint64_t alignment) {
    const Segment segment{aligned_to(end, alignment), size};
    end = segment.offset + size;
    return segment;
  };
  const bool has_weights = kinds != SegmentKinds::Payloads, has_payloads = kinds != SegmentKinds::Weights;
  for (const LazyTensor& constant : program.constants) {
    if (!has_weights) break;
    const Segment segment = place(constant.byte_size(), kDataAlignment);
    stored.emplace(constant.storage_key(), segment);
    layout.constant_offsets.push_back(segment.offset);
  }
  layout.segments.push_back({0, end});
  for (const Delegate& delegate : program.delegates) {
    if (!has_weights) break;
    for (const NamedData& data : delegate.named_data) {
      if (keys.contains(data.key)) continue;
      const uint64_t alignment = std::max<uint64_t>(data.alignment, kDataAlignment);
      auto found = stored.find(data.storage_key);
      if (found == stored.end() || found->second.size != data.size || found->second.offset % data.alignment != 0) {
        found = stored.insert_or_assign(data.storage_key, place(data.size, alignment)).first;
      }
      keys.emplace(data.key, layout.segments.size());
      layout.named.emplace_back(data.key, layout.segments.size());
      layout.segments.push_back(found->second);
    }
  }
  for (const Delegate& delegate : program.delegates) {
    if (!has_payloads) break;
    layout.payloads.push_back(layout.segments.size());
    layout.segments.push_back(place(delegate.payload.size(), kSegmentAlignment));
  }
  layout.size = end;
  return layout;
}

namespace {

/// Writes the bytes at the file's present offset.
void write_segments(const ExecutorchProgram& program, const SegmentLayout& layout, OutputFile& file) {
  const uint64_t base = file.offset();
  const auto pad_to = [&](uint64_t offset) {
    static constexpr std::byte kZeros[kSegmentAlignment * 2] = {};
    const uint64_t missing = base + offset - file.offset();
    EXFORMER_ASSERT(missing <= sizeof kZeros);
    file.write(Bytes(kZeros, missing));
  };
  const auto is_written = [&](const Segment& segment) { return base + segment.offset < file.offset(); };
  for (size_t i = 0; i < layout.constant_offsets.size(); ++i) {
    pad_to(layout.constant_offsets[i]);
    program.constants[i].stream([&](Bytes block) { file.write(block); });
  }
  size_t next = 1;
  std::unordered_map<std::string, bool> seen;
  for (const Delegate& delegate : program.delegates) {
    if (layout.kinds == SegmentKinds::Payloads) break;
    for (const NamedData& data : delegate.named_data) {
      if (!seen.try_emplace(data.key, true).second) continue;
      const Segment& segment = layout.segments[next++];
      if (segment.size == 0 || is_written(segment)) continue;
      pad_to(segment.offset);
      data.stream([&](Bytes block) { file.write(block); });
      EXFORMER_ASSERT(file.offset() == base + segment.offset + segment.size);
    }
  }
  for (size_t i = 0; i < layout.payloads.size(); ++i) {
    pad_to(layout.segments[layout.payloads[i]].offset);
    file.write(Bytes(program.delegates[i].payload));
  }
}

}  // namespace

uint64_t segments_base(Bytes tables, size_t header_size) {
  return aligned_to(tables.size() + header_size, kSegmentAlignment);
}

void write_with_segments(const std::filesystem::path& path, Bytes tables, const FileHeader& header,
                         const ExecutorchProgram& program, const SegmentLayout& layout) {
  uint32_t root = 0;
  std::memcpy(&root, tables.data(), sizeof root);
  std::vector<std::byte> head(kHeaderAt + header.size);
  put_number(head.data(), root + header.size, 4);
  std::memcpy(&head[4], tables.data() + 4, 4);
  std::memcpy(&head[kHeaderAt], header.magic.data(), header.magic.size());
  put_number(&head[kHeaderAt + 4], header.length, 4);
  for (size_t i = 0; i < header.numbers.size(); ++i) put_number(&head[kHeaderAt + 8 + 8 * i], header.numbers[i], 8);

  OutputFile file(path);
  file.write(head);
  file.write(tables.subspan(kHeaderAt));
  file.align(kSegmentAlignment);
  write_segments(program, layout, file);
  file.close();
}

}  // namespace exformer::executorch
