#include "exformer/backends/executorch/pte_tables.h"

#include <cstring>

#include "exformer/backends/executorch/pte_format.h"

namespace exformer::executorch {
namespace {

constexpr size_t kMostTables = 20'000'000, kDeepest = 32;

uint64_t number_at(Bytes bytes, size_t offset, size_t width) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + offset, width);  // little-endian, as this machine is
  return value;
}

}  // namespace

PteTables PteTables::open(Bytes bytes, const std::string& source) {
  if (bytes.size() < 16 || !fb::ProgramBufferHasIdentifier(bytes.data()))
    fail("{}: not an ExecuTorch program (it does not begin as a .pte does)", source);
  PteTables tables{.table_bytes = bytes.size(), .source = source};
  uint64_t segment_base = 0;
  const bool has_header = bytes.size() >= kHeaderAt + kHeaderSize &&
                          std::memcmp(bytes.data() + kHeaderAt, kHeaderMagic.data(), kHeaderMagic.size()) == 0;
  if (has_header) {
    tables.table_bytes = number_at(bytes, kHeaderAt + 8, 8);
    segment_base = number_at(bytes, kHeaderAt + 16, 8);
    if (tables.table_bytes < kHeaderAt + kHeaderSize || tables.table_bytes > bytes.size())
      fail("{}: the file is cut off: its tables have {} bytes, the file {}", source, tables.table_bytes, bytes.size());
    if (segment_base > bytes.size())
      fail("{}: the file is cut off: its data begin at byte {}, it has {}", source, segment_base, bytes.size());
  }
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(bytes.data()), tables.table_bytes, kDeepest,
                                 kMostTables);
  if (!fb::VerifyProgramBuffer(verifier)) fail("{}: the tables of the program are damaged", source);
  tables.program = fb::GetProgram(bytes.data());
  if (const auto* segments = tables.program->segments()) {
    const uint64_t room = has_header && segment_base > 0 ? bytes.size() - segment_base : 0;
    tables.segments = bytes.last(room);
    for (const fb::DataSegment* segment : *segments) {
      if (segment->offset() > room || segment->size() > room - segment->offset())
        fail("{}: the file is cut off: a segment of {} bytes ends behind it", source, segment->size());
    }
  }
  return tables;
}

}  // namespace exformer::executorch
